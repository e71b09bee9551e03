/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets many threads use something that one thread replaces: readers mark the time in which they use
 * it, the replacing thread waits until nobody uses the old one any more. Readers take no lock and
 * share no cache line as long as there are no more of them than stripes (sleepable RCU with two
 * phases, as in P. McKenney, "Sleepable Read-Copy Update", 2006).
 *
 * Entries are counted apart from exits and never reset, so that their sum is also the number of
 * events that ever came.
 */
#ifndef MQK_BRIDGE_EPOCH_H
#define MQK_BRIDGE_EPOCH_H

#include <stdatomic.h>
#include <stdint.h>

#define EPOCH_STRIPES 16u

struct epoch_stripe {
    _Alignas(64) _Atomic uint64_t entered[2]; /* by phase */
    _Atomic uint64_t left[2];
    _Atomic uint64_t unmatched;
};

struct epoch {
    struct epoch_stripe stripes[EPOCH_STRIPES];
    _Alignas(64) _Atomic uint32_t phase;
};

/* What a reader remembers until it leaves. */
struct epoch_reader {
    struct epoch_stripe *stripe;
    uint32_t phase;
};

static inline struct epoch_reader epoch_enter(struct epoch *e) {
    /* Stacks of different threads lie megabytes apart: a thread's stack tells threads apart without
     * thread-local storage, which a library that may be unloaded does better without. */
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0) >> 16;
    uint32_t hash = (uint32_t)stack * 0x9e3779b1u;
    struct epoch_reader reader = {&e->stripes[hash >> 28],
                                  atomic_load_explicit(&e->phase, memory_order_relaxed) & 1};
    atomic_fetch_add(&reader.stripe->entered[reader.phase], 1);
    return reader;
}

static inline void epoch_leave(struct epoch_reader reader) {
    atomic_fetch_add_explicit(&reader.stripe->left[reader.phase], 1, memory_order_release);
}

/* Waits until every reader that entered before the call has left. One thread at a time; sleeps. */
void epoch_synchronize(struct epoch *e);

/* Sums over the stripes: how often epoch_enter() was called; what was counted as unmatched. */
uint64_t epoch_entered(const struct epoch *e);
uint64_t epoch_unmatched(const struct epoch *e);

#endif
