/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of records in the store that do not wait: those that are out, and those that are done
 * and still have to be deleted. Room is made beforehand, so that nothing fails when a record is
 * put in or done. Not thread-safe: the owner locks.
 */
#ifndef MQK_EDGES_SPOOL_SET_H
#define MQK_EDGES_SPOOL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum spool_mark { SPOOL_MARK_NONE, SPOOL_MARK_OUT, SPOOL_MARK_DONE };

struct spool_set_entry {
    uint64_t seq;
    uint32_t next;      /* in its bucket, or in the list of free ones; index + 1 */
    uint32_t next_done; /* index + 1 */
    uint32_t cost;
    enum spool_mark mark;
};

struct spool_set {
    struct spool_set_entry *entries;
    uint32_t *buckets; /* index + 1 */
    uint32_t capacity; /* of both; a power of 2 */
    uint32_t count;
    uint32_t done_count;
    uint32_t free_entries; /* index + 1 */
    uint32_t used;         /* entries that were ever in use */
    uint32_t first_done;   /* index + 1 */
    uint32_t last_done;
};

void spool_set_fini(struct spool_set *set); /* zeroed memory is an empty set */

/* Makes room for `more` entries; false when out of memory. */
bool spool_set_reserve(struct spool_set *set, size_t more);

/* Puts a number in that is not in it; there is room. */
void spool_set_add(struct spool_set *set, uint64_t seq, uint64_t cost, enum spool_mark mark);

enum spool_mark spool_set_mark(const struct spool_set *set, uint64_t seq);

/* A number that is out is done; `cost` as given when it was put in. False when it is not out. */
bool spool_set_done(struct spool_set *set, uint64_t seq, uint64_t *cost);

/* Takes a number out; false when it is not in it. */
bool spool_set_remove(struct spool_set *set, uint64_t seq, uint64_t *cost);

/* Copies the numbers that were done first, at most `max`, and leaves them in the set. `after` is 0,
 * or where the last call stopped, when nothing that is done was taken out since. */
size_t spool_set_next_done(const struct spool_set *set, uint32_t *after, uint64_t *seqs,
                           size_t max);

#endif
