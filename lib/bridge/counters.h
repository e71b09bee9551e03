/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bridge counts for each rule and each cluster. A book of counters outlives reloads: a
 * rule or cluster that keeps its name keeps its counters, and a record under way can always be
 * counted.
 */
#ifndef MQK_BRIDGE_COUNTERS_H
#define MQK_BRIDGE_COUNTERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "str.h"

enum counter {
#define COUNTER_ENUM(name, meaning) COUNTER_##name,
    MQK_RULE_COUNTERS(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

/* Counters of one rule. What callers of mqk_on_event() change for each record stands on another
 * cache line than what the producers' threads change. `matched` is not kept but derived: a record
 * that was made was accepted or turned away. */
struct counters {
    _Alignas(64) _Atomic uint64_t accepted;
    _Atomic uint64_t turned_away;
    _Alignas(64) _Atomic uint64_t others[COUNTER_COUNT]; /* by enum counter, those two unused */
    struct counters *next;
    _Atomic(struct counters *) cluster; /* of a rule: the counters of its cluster */
    uint64_t met;                       /* the last walk that came by; see counter_book_meet() */
    mqk_str name;
    char text[];
};

static inline void count_accepted(struct counters *c) {
    atomic_fetch_add_explicit(&c->accepted, 1, memory_order_relaxed);
}

/* A record that was not accepted, and why. */
static inline void count_turned_away(struct counters *c, enum counter why) {
    atomic_fetch_add_explicit(&c->turned_away, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->others[why], 1, memory_order_relaxed);
}

/* Any other counter. */
static inline void count(struct counters *c, enum counter which) {
    atomic_fetch_add_explicit(&c->others[which], 1, memory_order_relaxed);
}

uint64_t counter_value(const struct counters *c, enum counter which);

/* Counters by name; any thread. */
struct counter_book {
    pthread_mutex_t lock;
    struct counters **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t size;
    uint64_t walks;
};

void counter_book_init(struct counter_book *book);

/* The counters with this name, made when they are not there; NULL when out of memory. */
struct counters *counter_book_get(struct counter_book *book, mqk_str name);
void counter_book_fini(struct counter_book *book);

/* For walks over things that may share counters, one walk at a time: begins one; whether it comes
 * by these for the first time. */
static inline void counter_book_walk(struct counter_book *book) {
    book->walks++;
}
static inline bool counter_book_meet(const struct counter_book *book, struct counters *c) {
    bool first = c->met != book->walks;
    c->met = book->walks;
    return first;
}

/* Sum of one counter over all in the book. */
uint64_t counter_book_sum(struct counter_book *book, enum counter which);

#endif
