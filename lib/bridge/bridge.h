/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a bridge, for the files of this folder. */
#ifndef MQK_BRIDGE_BRIDGE_H
#define MQK_BRIDGE_BRIDGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "counters.h"
#include "epoch.h"
#include "fleet.h"
#include "generation.h"
#include "intake.h"
#include "outbox.h"

/* What stands in the page of mqk_bridge.alive. */
#define BRIDGE_ALIVE 0x6d716b61u

struct mqk_bridge {
    struct epoch epoch; /* first: aligned to a cache line */
    _Atomic(struct generation *) generation;
    _Atomic uint64_t hooks; /* a copy of the generation's, for mqk_bridge_wants() */
    const uint32_t *alive;  /* a page that a child process finds empty after a fork */
    char *node;
    struct ruleset_host ruleset_host;
    struct outbox outbox;
    struct log *log;

    pthread_mutex_t control; /* guards what follows, and the replacing of the generation */
    struct fleet fleet;
    struct intake intake;
    struct counter_book rules;
    struct counter_book clusters;
};

/* Whether this process opened the bridge. Costs a load. */
static inline bool bridge_is_ours(const struct mqk_bridge *b) {
    return *(const volatile uint32_t *)b->alive == BRIDGE_ALIVE;
}

/* Counts an event that a rule did not match because a regular expression was given up.
 * (mqk_on_event.c) */
void bridge_on_regex_limit(void *user, uint32_t rule);

/* Reads a caller's struct of size `*size` (its first member): copies as much of `full` as fits,
 * keeps the size. False when the size is smaller than the member itself. */
bool bridge_copy_out(void *to, const void *full, size_t full_size);

#endif
