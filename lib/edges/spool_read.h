/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a spool's folder that this process does not own, also while its owner is at work: nothing
 * is changed, nothing is locked that the owner needs. The journal is copied into memory first, then
 * the store is read piece by piece; so a record that is moved from the one to the other meanwhile
 * is seen, once. One thread at a time.
 */
#ifndef MQK_EDGES_SPOOL_READ_H
#define MQK_EDGES_SPOOL_READ_H

#include "spool.h"

struct spool_read;

/* NULL on failure with `err`: MQK_ERR_SPOOL (no spool, newer, cannot be read, owned by this very
 * process), MQK_ERR_NO_MEMORY. */
struct spool_read *spool_read_open(const char *dir, mqk_error *err);
void spool_read_close(struct spool_read *r); /* NULL allowed */

/* The next record, in the order of acceptance; its texts belong to the reader, until the next call.
 * Records that are accepted after the opening are not handed out. 1: a record; 0: the end;
 * MQK_ERR_SPOOL (something is damaged) and MQK_ERR_NO_MEMORY with `err`: what follows can still be
 * read. Of item->ref only `seq` is filled. */
int spool_read_next(struct spool_read *r, struct spool_item *item, mqk_error *err);

/* Whether a record is one of those that are meant; a NULL filter means all. */
bool spool_filter_matches(const mqk_spool_filter *filter, const struct spool_item *item);

/* The process that owned the folder at the opening: 0: none, -1: one that cannot be seen. */
int64_t spool_read_owner(const struct spool_read *r);
/* Records that were found damaged so far. */
uint64_t spool_read_damaged(const struct spool_read *r);

#endif
