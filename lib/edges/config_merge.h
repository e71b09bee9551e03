/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with loaded settings along the schema's tables, whatever they are: put aliases
 * under their names, lay one set over another, find out where a setting was written.
 */
#ifndef MQK_EDGES_CONFIG_MERGE_H
#define MQK_EDGES_CONFIG_MERGE_H

#include "config_check.h"

/* Moves what was given under an alias to the member of its name, in a struct of `table` and all
 * that it contains. */
void config_fold(const struct key_table *table, void *settings);

/* Lays `over` over `under`, both structs of `table`: what is set in `over` replaces, lists as a
 * whole, mappings member by member. False: out of memory. NULL for `over` changes nothing. */
bool config_overlay(const struct key_table *table, void *under, const void *over,
                    struct arena *arena);

/* Where settings were written: a mapping in the tree and the path to it. */
struct origin {
    const struct source *source;
    const struct yaml_node *node; /* NULL: the source gives nothing of it */
    char path[CONFIG_PATH_SIZE];
};

/* The deepest place on the way to `path` ("ssl.certfile", "headers[2].value", names as in the
 * table) that is written under `origin`, a mapping of `table`. Aliases are looked through. The
 * path of what was found, as the user wrote it, is in the result's `path`. True when all of the way
 * is written. */
bool config_locate(const struct origin *origin, const struct key_table *table, const char *path,
                   struct origin *found);

/* The same over several origins, of which later ones replace earlier ones: the last that has all
 * of the way, or else the last that has something. */
bool config_locate_last(const struct origin *origins, size_t count, const struct key_table *table,
                        const char *path, struct origin *found);

/* The child of an origin under a key of `table` or its aliases; node == NULL when there is none. */
struct origin config_child(const struct origin *origin, const struct key_table *table,
                           const char *name);

/* Reports at a place found. */
void config_report(struct problems *problems, const struct origin *at, mqk_severity severity,
                   mqk_status code, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
