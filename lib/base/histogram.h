/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts durations so that quantiles can be told later, in fixed memory: up to 100 µs each
 * microsecond has a bucket of its own, above that each decade has 80. A bucket is at most 5 % wide,
 * and 1, 2.5 and 5 of any decade are bounds of buckets, so that counts up to those are exact.
 */
#ifndef MQK_BASE_HISTOGRAM_H
#define MQK_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_DECADES 9u
#define HISTOGRAM_BUCKETS (100u + 80u * HISTOGRAM_DECADES)

/* What is longer (more than a day) counts as this long. */
#define HISTOGRAM_MAX_US UINT64_C(100000000000)

/* Zeroed memory is an empty one. */
struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_us;
};

/* What a histogram was at one moment. */
struct histogram_counts {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;  /* of the counts */
    uint64_t sum_us; /* of the durations */
};

/* Index of the bucket that holds a duration. */
size_t histogram_bucket(uint64_t us);
/* The longest duration that the bucket holds. */
uint64_t histogram_bound_us(size_t bucket);

/* Adds a duration: two atomic additions. Any thread. */
static inline void histogram_add(struct histogram *h, uint64_t us) {
    atomic_fetch_add_explicit(&h->counts[histogram_bucket(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_us, us, memory_order_relaxed);
}

/* Reads a histogram while others add to it. Any thread. */
void histogram_read(const struct histogram *h, struct histogram_counts *out);

/* Takes off what was there before: leaves what came since. */
void histogram_subtract(struct histogram_counts *counts, const struct histogram_counts *before);

/* The duration that `permille` of 1000 do not exceed, at most 5 % too long; 1000: the longest. 0
 * when there are none. */
uint64_t histogram_quantile_us(const struct histogram_counts *counts, unsigned permille);

/* How many took at most this long; exact when it is a bucket's bound. */
uint64_t histogram_at_most(const struct histogram_counts *counts, uint64_t us);

#endif
