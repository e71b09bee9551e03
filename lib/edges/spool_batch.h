/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of encoded records with their numbers, one behind the other, as they are read from a store
 * in one go. One thread at a time. */
#ifndef MQK_EDGES_SPOOL_BATCH_H
#define MQK_EDGES_SPOOL_BATCH_H

#include "str.h"

/* Zeroed memory is an empty batch. */
struct spool_batch {
    char *data;
    size_t len, capacity;
    size_t count;
};

void spool_batch_fini(struct spool_batch *batch);
/* Makes it empty; keeps memory of ordinary size. */
void spool_batch_clear(struct spool_batch *batch);

/* False when out of memory. */
bool spool_batch_add(struct spool_batch *batch, uint64_t seq, const void *encoded, size_t size);

/* The next record at `*at` (0: the first), which is moved on; false at the end. It belongs to the
 * batch, until that changes. */
bool spool_batch_next(const struct spool_batch *batch, size_t *at, uint64_t *seq, mqk_str *encoded);

#endif
