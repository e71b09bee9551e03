/* SPDX-License-Identifier: Apache-2.0 */
/* Where spools stand: `<dir>/<cluster>/<lane>/`, and what stands there from earlier days. */
#ifndef MQK_EDGES_SPOOL_PLACE_H
#define MQK_EDGES_SPOOL_PLACE_H

#include <limits.h>

#include "str.h"

/* The folder of a lane's spool. In `dir`, `${node}` stands for the node's name. Names of clusters
 * and nodes become file names (what a file name may not have is written as %XX). With a NULL lane:
 * the cluster's folder; with a NULL cluster as well: `dir`. False: longer than a path may be. */
bool spool_place(char out[PATH_MAX], const char *dir, const char *node, const char *cluster,
                 const char *lane);

/* The same name as a file name. False: too long, or empty. */
bool spool_place_name(char out[NAME_MAX + 1], const char *name);

/* Calls `found` with each folder directly in `path`, by name, in no order. */
void spool_place_list(const char *path, void (*found)(void *user, const char *name), void *user);

/* Whether a spool stands in a folder. */
bool spool_place_has_spool(const char *path);

#endif
