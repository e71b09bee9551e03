/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed at once. Nothing is freed before; everything is wiped then, because secrets
 * stand in it. One thread at a time.
 */
#ifndef MQK_EDGES_ARENA_H
#define MQK_EDGES_ARENA_H

#include "str.h"

struct arena_block;

/* Zeroed memory is an empty arena. */
struct arena {
    struct arena_block *blocks; /* all memory, newest first */
    struct arena_block *chunk;  /* where small pieces come from */
};

/* Wipes and frees all memory; the arena is empty again. */
void arena_fini(struct arena *a);

/* Zeroed memory, aligned for any type, of at least one byte. NULL: out of memory. */
void *arena_alloc(struct arena *a, size_t size);

/* As arena_alloc() for an array; NULL as well when count * size overflows. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* Memory that can grow: `memory` is NULL or came from this function. What is new in it is zero.
 * NULL: out of memory, and the old memory is as it was. */
void *arena_resize(struct arena *a, void *memory, size_t size);

/* A copy with a NUL behind it. NULL: out of memory. An absent text becomes an empty one. */
char *arena_text(struct arena *a, mqk_str text);

#endif
