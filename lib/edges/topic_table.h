/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topics that one rule with a topic template has made so far: name → handle. Looking up takes
 * no lock and any number of threads; adding takes the table's lock. Entries are never removed;
 * there are at most `max` of them. The names belong to the handles' owner and outlive the table.
 */
#ifndef MQK_EDGES_TOPIC_TABLE_H
#define MQK_EDGES_TOPIC_TABLE_H

#include "str.h"

struct topic_table;

/* What is kept for a name. */
struct topic_entry {
    mqk_str name;
};

/* NULL when out of memory. */
struct topic_table *topic_table_new(uint32_t max);
void topic_table_free(struct topic_table *table);

/* The entry, or NULL. */
const struct topic_entry *topic_table_find(const struct topic_table *table, mqk_str name);

/* Adds an entry unless its name is there; returns the one that is there afterwards, or NULL when
 * the table holds `max` others. `make` is called, under the lock, only when there is room; it may
 * return NULL (then so does this). `full` tells the two apart. */
const struct topic_entry *topic_table_add(struct topic_table *table, mqk_str name,
                                          const struct topic_entry *(*make)(void *user,
                                                                            mqk_str name),
                                          void *user, bool *full);

#endif
