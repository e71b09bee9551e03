/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch.h"

#include <stdbool.h>
#include <time.h>

_Static_assert(EPOCH_STRIPES == 16, "epoch_enter() takes four bits of the hash");

/* Whether somebody who entered in this phase has not left. Exits are read first: an entry that is
 * not seen afterwards is one that came too late to see what is being replaced. */
static bool has_readers(const struct epoch *e, uint32_t phase) {
    uint64_t left = 0;
    uint64_t entered = 0;
    for (uint32_t i = 0; i < EPOCH_STRIPES; i++) {
        left += atomic_load(&e->stripes[i].left[phase]);
    }
    for (uint32_t i = 0; i < EPOCH_STRIPES; i++) {
        entered += atomic_load(&e->stripes[i].entered[phase]);
    }
    return entered != left;
}

void epoch_synchronize(struct epoch *e) {
    /* Twice: a reader may have read the phase before the first change and counted itself after it.
     */
    for (int round = 0; round < 2; round++) {
        uint32_t old = atomic_fetch_add(&e->phase, 1) & 1;
        while (has_readers(e, old)) {
            struct timespec nap = {0, 200000};
            nanosleep(&nap, NULL);
        }
    }
}

uint64_t epoch_entered(const struct epoch *e) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < EPOCH_STRIPES; i++) {
        sum += atomic_load_explicit(&e->stripes[i].entered[0], memory_order_relaxed) +
               atomic_load_explicit(&e->stripes[i].entered[1], memory_order_relaxed);
    }
    return sum;
}

uint64_t epoch_unmatched(const struct epoch *e) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < EPOCH_STRIPES; i++) {
        sum += atomic_load_explicit(&e->stripes[i].unmatched, memory_order_relaxed);
    }
    return sum;
}
