/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in librdkafka's hands of which more must be known than their tag: those of the spool, and
 * those that have waited. They come and go as fast as records do, between librdkafka's own
 * allocations: so they have memory of their own, in which those that follow one another are
 * neighbours. It goes back as a whole when nothing is under way. One thread at a time.
 */
#ifndef MQK_EDGES_FLIGHTS_H
#define MQK_EDGES_FLIGHTS_H

#include "spool.h"

/* Aligned to 8 bytes at least. */
struct flight {
    struct spool_ref ref; /* seq 0: it does not stand in the spool */
    union {
        void *tag;
        struct flight *next; /* of one that is free, or in a chain */
    };
    bool awaited;       /* the tag is needed to the end */
    uint32_t waited_ms; /* before librdkafka got it */
};

struct flight_chunk;

struct flights {
    struct flight *free;
    size_t live;
    size_t used; /* of the newest chunk */
    struct flight_chunk *chunks;
};

/* Flights that landed, in order: to be given back together. Zeroed it is empty. */
struct flight_chain {
    struct flight *first;
    struct flight *last;
    size_t count;
};

void flights_init(struct flights *f);
void flights_fini(struct flights *f); /* none is under way */

/* NULL: out of memory. */
struct flight *flights_take(struct flights *f);

void flight_chain_add(struct flight_chain *chain, struct flight *flight);
/* The chain is empty then. */
void flights_give_back(struct flights *f, struct flight_chain *chain);

#endif
