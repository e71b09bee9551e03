/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in our own memory, first in first out: copies that stand one behind the other in large
 * chunks, which somebody else than who puts them in has asked the kernel for beforehand. Putting a
 * record in is a copy; no allocator and no page fault.
 *
 * A record leaves in two steps: it is taken out of the order, and released when its copy is not
 * looked at any more. The bound is the owner's business. Not thread-safe: the owner locks, where
 * nothing else is said.
 */
#ifndef MQK_EDGES_RECORD_QUEUE_H
#define MQK_EDGES_RECORD_QUEUE_H

#include "spool.h"

struct queue_chunk;

struct queued {
    uint32_t at;         /* where it stands in its chunk */
    uint32_t size;       /* to the one behind it */
    int64_t accepted_ms; /* monotonic clock */
    size_t cost;
    struct spool_ref ref; /* where it stands in the spool; seq 0: nowhere */
    char *own;            /* what its texts stand in, for free(); NULL: behind it */
    struct record record;
};

struct record_queue {
    struct queue_chunk *head; /* of the first record, or NULL */
    struct queue_chunk *tail; /* where the next one goes */
    uint32_t head_at;
    size_t count;
    size_t bytes; /* sum of costs */
    struct queue_chunk *spare;
    size_t spare_count;
};

void record_queue_init(struct record_queue *q);
void record_queue_fini(struct record_queue *q); /* frees what is left */

/* A chunk whose memory the kernel gives when it is written to; NULL when out of memory. No lock. */
struct queue_chunk *queue_chunk_new(void);
/* Several at once, a chain of QUEUE_BLOCK, with their memory in place: as one huge page where there
 * are such, which costs a fifth. NULL when out of memory. No lock. */
#define QUEUE_BLOCK 8u
struct queue_chunk *queue_block_new(void);
void queue_chunks_free(struct queue_chunk *chain); /* no lock */

/* Gives it a chain of chunks. */
void record_queue_supply(struct record_queue *q, struct queue_chunk *chain);
/* Takes out the spare chunks beyond `keep`, to be freed. */
struct queue_chunk *record_queue_surplus(struct record_queue *q, size_t keep);

/* Copies the texts of a record that is so large that they get memory of their own; NULL for all
 * others. False: out of memory. No lock. */
bool record_queue_copy(const struct record *record, size_t cost, char **own);

/* Puts a record in at the end. `own` is what record_queue_copy() made; `ref` may be NULL.
 * topic.data and rule.data must outlive it. False: there is no chunk for it, supply one. */
bool record_queue_add(struct record_queue *q, const struct record *record, size_t cost, char *own,
                      int64_t accepted_ms, const struct spool_ref *ref);

/* The same, of one that does not stand in a spool, with copy and chunks made when they are needed;
 * false: out of memory. Without other users. */
bool record_queue_put(struct record_queue *q, const struct record *record, int64_t accepted_ms);

/* The oldest record, NULL when it is empty. */
struct queued *record_queue_first(struct record_queue *q);
/* Takes it out of the order; its copy stays. */
void record_queue_take(struct record_queue *q);

/* Records that were taken one after the other and stand in one chunk. Zeroed it is empty. */
struct queue_run {
    struct queued *first;
    size_t count;
};

/* What the first chunk has of records that were not taken; nothing when the queue is empty. */
struct queue_share {
    size_t count;
    size_t bytes; /* sum of costs */
};
struct queue_share record_queue_share(struct record_queue *q);
/* Takes all of them, however many they are in the same short time. */
struct queue_run record_queue_take_share(struct record_queue *q);

/* Makes the next one the run's first. No lock. */
static inline void queue_run_pass(struct queue_run *run) {
    run->first = (struct queued *)(void *)((char *)run->first + run->first->size);
    run->count--;
}

/* Records of one chunk that were taken are not needed any more: `count` of them, of which `one` is
 * one. What they have as `own` is the caller's to free. */
void record_queue_release(struct record_queue *q, struct queued *one, size_t count);

/* Puts all of `older` before what is in `q`; `older` is empty then. Everything that was taken out
 * of either is released. */
void record_queue_prepend(struct record_queue *q, struct record_queue *older);

#endif
