/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SLOTS 262144u /* a power of two, far more than are ever held */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void __wrap_free(void *memory);

/* What is held: open addressing, with gaps closed at once. */
struct holding {
    uintptr_t memory; /* 0: none */
    void *from;       /* who asked for it */
    size_t number;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct holding holdings[SLOTS];
static size_t held;
static size_t made;
static _Atomic long left = -1; /* successes until a failure; negative: no failure */
static atomic_bool fails_all;
static atomic_bool has_failed;

void memory_fails(long after, bool all) {
    atomic_store(&has_failed, false);
    atomic_store(&fails_all, all);
    atomic_store(&left, after);
}

bool memory_is_back(void) {
    atomic_store(&left, -1);
    return atomic_load(&has_failed);
}

static bool fails(void) {
    long before = atomic_load(&left);
    if (before < 0) {
        return false;
    }
    while (before > 0) {
        if (atomic_compare_exchange_weak(&left, &before, before - 1)) {
            return false;
        }
        if (before < 0) {
            return false;
        }
    }
    if (!atomic_load(&fails_all) && !atomic_compare_exchange_strong(&left, &before, -1)) {
        return false;
    }
    atomic_store(&has_failed, true);
    return true;
}

static size_t slot_of(uintptr_t memory) {
    return (size_t)(memory * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (SLOTS - 1);
}

static void *note(void *memory, void *from) {
    if (!memory) {
        return NULL;
    }
    pthread_mutex_lock(&lock);
    size_t slot = slot_of((uintptr_t)memory);
    while (holdings[slot].memory != 0) {
        slot = (slot + 1) & (SLOTS - 1);
    }
    holdings[slot] = (struct holding){(uintptr_t)memory, from, made++};
    held++;
    pthread_mutex_unlock(&lock);
    return memory;
}

/* Moves those behind a gap forward that would not be found any more. */
static void close_gap(size_t gap) {
    for (size_t i = (gap + 1) & (SLOTS - 1); holdings[i].memory != 0; i = (i + 1) & (SLOTS - 1)) {
        size_t home = slot_of(holdings[i].memory);
        if (((i - home) & (SLOTS - 1)) >= ((i - gap) & (SLOTS - 1))) {
            holdings[gap] = holdings[i];
            gap = i;
        }
    }
    holdings[gap].memory = 0;
}

/* What a shared library made is not known here. */
static void forget(void *memory) {
    pthread_mutex_lock(&lock);
    size_t slot = slot_of((uintptr_t)memory);
    while (holdings[slot].memory != 0 && holdings[slot].memory != (uintptr_t)memory) {
        slot = (slot + 1) & (SLOTS - 1);
    }
    if (memory && holdings[slot].memory != 0) {
        close_gap(slot);
        held--;
    }
    pthread_mutex_unlock(&lock);
}

size_t memory_held(void) {
    pthread_mutex_lock(&lock);
    size_t count = held;
    pthread_mutex_unlock(&lock);
    return count;
}

size_t memory_mark(void) {
    pthread_mutex_lock(&lock);
    size_t mark = made;
    pthread_mutex_unlock(&lock);
    return mark;
}

void memory_tell(size_t mark) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SLOTS; i++) {
        if (holdings[i].memory != 0 && holdings[i].number >= mark) {
            fprintf(stderr, "not given back: %p, allocated before %p\n", (void *)holdings[i].memory,
                    holdings[i].from);
        }
    }
    pthread_mutex_unlock(&lock);
}

#define FROM __builtin_return_address(0)

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : note(__real_malloc(size), FROM);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : note(__real_calloc(count, size), FROM);
}

void *__wrap_realloc(void *memory, size_t size) {
    if (fails()) {
        return NULL;
    }
    forget(memory);
    void *grown = __real_realloc(memory, size);
    return note(grown ? grown : memory, FROM) == grown ? grown : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : note(__real_aligned_alloc(alignment, size), FROM);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : note(__real_strdup(text), FROM);
}

char *__wrap_strndup(const char *text, size_t len) {
    return fails() ? NULL : note(__real_strndup(text, len), FROM);
}

void __wrap_free(void *memory) {
    forget(memory);
    __real_free(memory);
}
