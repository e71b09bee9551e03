/* SPDX-License-Identifier: Apache-2.0 */
#include "flights.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_COUNT 255u

struct flight_chunk {
    struct flight_chunk *next;
    struct flight flights[CHUNK_COUNT];
};

void flights_init(struct flights *f) {
    memset(f, 0, sizeof(*f));
}

static void free_chunks(struct flights *f, struct flight_chunk *but) {
    while (f->chunks) {
        struct flight_chunk *chunk = f->chunks;
        f->chunks = chunk->next;
        if (chunk != but) {
            free(chunk);
        }
    }
    f->chunks = but;
    f->free = NULL;
    f->used = 0;
    if (but) {
        but->next = NULL;
    }
}

void flights_fini(struct flights *f) {
    free_chunks(f, NULL);
}

struct flight *flights_take(struct flights *f) {
    struct flight *flight = f->free;
    if (flight) {
        f->free = flight->next;
        f->live++;
        return flight;
    }
    if (!f->chunks || f->used == CHUNK_COUNT) {
        struct flight_chunk *chunk = malloc(sizeof(*chunk));
        if (!chunk) {
            return NULL;
        }
        chunk->next = f->chunks;
        f->chunks = chunk;
        f->used = 0;
    }
    f->live++;
    return &f->chunks->flights[f->used++];
}

void flight_chain_add(struct flight_chain *chain, struct flight *flight) {
    flight->next = NULL;
    if (chain->last) {
        chain->last->next = flight;
    } else {
        chain->first = flight;
    }
    chain->last = flight;
    chain->count++;
}

void flights_give_back(struct flights *f, struct flight_chain *chain) {
    if (chain->count == 0) {
        return;
    }
    chain->last->next = f->free;
    f->free = chain->first;
    f->live -= chain->count;
    if (f->live == 0) {
        free_chunks(f, f->chunks);
    }
    memset(chain, 0, sizeof(*chain));
}
