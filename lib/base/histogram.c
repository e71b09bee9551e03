/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#define FINE 100u /* microseconds with a bucket of their own */

/* The parts of a decade, as thousandths of its end. */
static const struct {
    uint32_t from;  /* of the part */
    uint32_t width; /* of its buckets */
    uint32_t first; /* index of its first bucket in the decade */
} parts[] = {{500, 20, 55}, {250, 10, 30}, {100, 5, 0}};

size_t histogram_bucket(uint64_t us) {
    /* Bounds are the last of their bucket, not the first of the next: "at most" is what is asked.
     */
    uint64_t at = us > 0 ? us - 1 : 0;
    if (at < FINE) {
        return (size_t)at;
    }
    if (at >= HISTOGRAM_MAX_US) {
        return HISTOGRAM_BUCKETS - 1;
    }
    uint32_t decade = 0;
    uint64_t unit = 1;
    while (at >= unit * 1000) {
        unit *= 10;
        decade++;
    }
    uint32_t thousandths = (uint32_t)(at / unit);
    size_t part = 0;
    while (thousandths < parts[part].from) {
        part++;
    }
    return FINE + decade * 80 + parts[part].first +
           (thousandths - parts[part].from) / parts[part].width;
}

uint64_t histogram_bound_us(size_t bucket) {
    if (bucket < FINE) {
        return bucket + 1;
    }
    size_t decade = (bucket - FINE) / 80;
    size_t in_decade = (bucket - FINE) % 80;
    size_t part = 0;
    while (in_decade < parts[part].first) {
        part++;
    }
    uint64_t bound = parts[part].from + (in_decade - parts[part].first + 1) * parts[part].width;
    while (decade-- > 0) {
        bound *= 10;
    }
    return bound;
}

void histogram_read(const struct histogram *h, struct histogram_counts *out) {
    out->total = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        out->counts[i] = atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        out->total += out->counts[i];
    }
    out->sum_us = atomic_load_explicit(&h->sum_us, memory_order_relaxed);
}

void histogram_subtract(struct histogram_counts *counts, const struct histogram_counts *before) {
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        counts->counts[i] -= before->counts[i];
    }
    counts->total -= before->total;
    counts->sum_us -= before->sum_us;
}

uint64_t histogram_quantile_us(const struct histogram_counts *counts, unsigned permille) {
    if (counts->total == 0) {
        return 0;
    }
    /* The smallest rank that covers the share, rounded up. Divided first, so that it cannot
     * overflow. */
    uint64_t rank =
        counts->total / 1000 * permille + (counts->total % 1000 * permille + 999) / 1000;
    uint64_t seen = 0;
    size_t bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS - 1 && (seen += counts->counts[bucket]) < rank) {
        bucket++;
    }
    return histogram_bound_us(bucket);
}

uint64_t histogram_at_most(const struct histogram_counts *counts, uint64_t us) {
    uint64_t sum = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && histogram_bound_us(i) <= us; i++) {
        sum += counts->counts[i];
    }
    return sum;
}
