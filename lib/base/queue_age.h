/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the oldest in a queue has been in it, when one cannot look into the queue but knows how
 * many ever entered and left, and they leave about in order: marks are kept of how many had entered
 * when. Costs nothing for each that enters. Not thread-safe: the owner locks.
 */
#ifndef MQK_BASE_QUEUE_AGE_H
#define MQK_BASE_QUEUE_AGE_H

#include <stddef.h>
#include <stdint.h>

#define QUEUE_AGE_MARKS 64u

struct queue_mark {
    uint64_t entered; /* how many had */
    int64_t at_ms;
};

/* Zeroed memory is an empty one. */
struct queue_age {
    struct queue_mark marks[QUEUE_AGE_MARKS]; /* the oldest first */
    size_t count;
};

/* Says how many have entered and left by now; to be called about once a second, first while it is
 * empty. */
void queue_age_mark(struct queue_age *q, uint64_t entered, uint64_t left, int64_t now_ms);

/* The age of the oldest: never less than it is, and more by no more than the time between two marks
 * and an eighth of the longest age since the queue was last empty. 0 when all have left or nothing
 * was marked. */
int64_t queue_age_ms(const struct queue_age *q, uint64_t entered, uint64_t left, int64_t now_ms);

#endif
