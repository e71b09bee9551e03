/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the spools below a folder, whoever made them. Any thread. */
#ifndef MQK_EDGES_SPOOL_FIND_H
#define MQK_EDGES_SPOOL_FIND_H

#include "str.h"

/* How far below the folder: ${node}, cluster, lane, and one more. */
#define SPOOL_FIND_DEPTH 4

/* Calls `found` with the path of each spool, in the order of their names; links below `dir` are not
 * followed. The number of spools; MQK_ERR_IO (what can be read is told before), MQK_ERR_NO_MEMORY.
 */
int spool_find(const char *dir, void (*found)(void *user, const char *path), void *user,
               mqk_error *err);

/* What the files directly in the folder take of the disk. */
uint64_t spool_find_disk_bytes(const char *dir);

#endif
