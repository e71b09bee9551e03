/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long records take from being accepted to being acknowledged, for each cluster. Outlives
 * producers and reloads, as counters do. Durations are added by any thread; everything else happens
 * under the bridge's lock.
 */
#ifndef MQK_BRIDGE_LATENCY_H
#define MQK_BRIDGE_LATENCY_H

#include "histogram.h"
#include "str.h"

/* What is recent: the last one to two of these, if somebody looks that often, else since the last
 * look but one. */
#define LATENCY_WINDOW_MS 60000

struct latency {
    struct histogram all; /* what is added to */
    struct latency *next;
    struct histogram_counts older; /* what `all` was at the last two looks a window apart */
    struct histogram_counts newer;
    int64_t newer_ms;
    char name[];
};

/* Zeroed memory is an empty book. */
struct latency_book {
    struct latency *first;
};

/* The latencies of the cluster with this name, made when they are not there; NULL when out of
 * memory. */
struct latency *latency_book_get(struct latency_book *book, const char *cluster);
void latency_book_fini(struct latency_book *book);

/* Those since the opening, and the recent ones. */
void latency_read(struct latency *l, int64_t now_ms, struct histogram_counts *all,
                  struct histogram_counts *recent);

#endif
