/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdlib.h>

#define CHUNK_SIZE ((size_t)32 << 10)
#define SMALL_SIZE ((size_t)4 << 10)

struct arena_block {
    struct arena_block *next;
    struct arena_block *prev;
    size_t capacity;
    size_t used;
    max_align_t data[];
};

static struct arena_block *block_add(struct arena *a, size_t capacity) {
    if (capacity > SIZE_MAX - sizeof(struct arena_block)) {
        return NULL;
    }
    struct arena_block *block = calloc(1, sizeof(*block) + capacity);
    if (!block) {
        return NULL;
    }
    block->capacity = capacity;
    block->next = a->blocks;
    if (a->blocks) {
        a->blocks->prev = block;
    }
    a->blocks = block;
    return block;
}

static void block_remove(struct arena *a, struct arena_block *block) {
    if (block->prev) {
        block->prev->next = block->next;
    } else {
        a->blocks = block->next;
    }
    if (block->next) {
        block->next->prev = block->prev;
    }
    explicit_bzero(block->data, block->capacity);
    free(block);
}

void arena_fini(struct arena *a) {
    while (a->blocks) {
        block_remove(a, a->blocks);
    }
    a->chunk = NULL;
}

static size_t round_up(size_t size) {
    const size_t align = _Alignof(max_align_t);
    return (size + align - 1) / align * align;
}

void *arena_alloc(struct arena *a, size_t size) {
    if (size > SMALL_SIZE) {
        struct arena_block *block = block_add(a, size);
        return block ? block->data : NULL;
    }
    size = round_up(size ? size : 1);
    if (!a->chunk || a->chunk->capacity - a->chunk->used < size) {
        struct arena_block *chunk = block_add(a, CHUNK_SIZE);
        if (!chunk) {
            return NULL;
        }
        a->chunk = chunk;
    }
    void *memory = (char *)a->chunk->data + a->chunk->used;
    a->chunk->used += size;
    return memory;
}

void *arena_array(struct arena *a, size_t count, size_t size) {
    if (size > 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return arena_alloc(a, count * size);
}

void *arena_resize(struct arena *a, void *memory, size_t size) {
    if (!memory) {
        struct arena_block *block = block_add(a, size);
        return block ? block->data : NULL;
    }
    struct arena_block *old =
        (struct arena_block *)(void *)((char *)memory - offsetof(struct arena_block, data));
    if (size <= old->capacity) {
        return memory;
    }
    /* Doubling, because lists grow by one entry at a time. */
    size_t capacity =
        old->capacity > SIZE_MAX / 2 || size > old->capacity * 2 ? size : old->capacity * 2;
    struct arena_block *block = block_add(a, capacity);
    if (!block) {
        return NULL;
    }
    memcpy(block->data, memory, old->capacity);
    block_remove(a, old);
    return block->data;
}

char *arena_text(struct arena *a, mqk_str text) {
    if (text.len == SIZE_MAX) {
        return NULL;
    }
    char *copy = arena_alloc(a, text.len + 1);
    if (copy && text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    return copy;
}
