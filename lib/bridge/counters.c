/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include <stdlib.h>

uint64_t counter_value(const struct counters *c, enum counter which) {
    uint64_t accepted = atomic_load_explicit(&c->accepted, memory_order_relaxed);
    switch (which) {
    case COUNTER_accepted:
        return accepted;
    case COUNTER_matched:
        return accepted + atomic_load_explicit(&c->turned_away, memory_order_relaxed);
    default:
        return atomic_load_explicit(&c->others[which], memory_order_relaxed);
    }
}

void counter_book_init(struct counter_book *book) {
    memset(book, 0, sizeof(*book));
    pthread_mutex_init(&book->lock, NULL);
}

static struct counters **bucket_of(const struct counter_book *book, mqk_str name) {
    return &book->buckets[str_hash(name) & (book->bucket_count - 1)];
}

static void insert(struct counter_book *book, struct counters *c) {
    struct counters **bucket = bucket_of(book, c->name);
    c->next = *bucket;
    *bucket = c;
}

/* Doubles the buckets. */
static bool grow(struct counter_book *book) {
    struct counter_book larger = {.bucket_count = book->bucket_count ? book->bucket_count * 2 : 64,
                                  .size = book->size};
    larger.buckets = calloc(larger.bucket_count, sizeof(struct counters *));
    if (!larger.buckets) {
        return false;
    }
    for (size_t i = 0; i < book->bucket_count; i++) {
        while (book->buckets[i]) {
            struct counters *c = book->buckets[i];
            book->buckets[i] = c->next;
            insert(&larger, c);
        }
    }
    free(book->buckets);
    book->buckets = larger.buckets;
    book->bucket_count = larger.bucket_count;
    return true;
}

static struct counters *counters_new(mqk_str name) {
    size_t size = (sizeof(struct counters) + name.len + 1 + 63) / 64 * 64;
    struct counters *c = aligned_alloc(64, size);
    if (c) {
        memset(c, 0, size);
        memcpy(c->text, name.data, name.len);
        c->name = (mqk_str){c->text, name.len};
    }
    return c;
}

static struct counters *get(struct counter_book *book, mqk_str name) {
    if (book->size >= book->bucket_count && !grow(book)) {
        return NULL;
    }
    for (struct counters *c = *bucket_of(book, name); c; c = c->next) {
        if (str_equal(c->name, name)) {
            return c;
        }
    }
    struct counters *c = counters_new(name);
    if (c) {
        insert(book, c);
        book->size++;
    }
    return c;
}

struct counters *counter_book_get(struct counter_book *book, mqk_str name) {
    pthread_mutex_lock(&book->lock);
    struct counters *c = get(book, name);
    pthread_mutex_unlock(&book->lock);
    return c;
}

void counter_book_fini(struct counter_book *book) {
    for (size_t i = 0; i < book->bucket_count; i++) {
        while (book->buckets[i]) {
            struct counters *c = book->buckets[i];
            book->buckets[i] = c->next;
            free(c);
        }
    }
    free(book->buckets);
    pthread_mutex_destroy(&book->lock);
}

uint64_t counter_book_sum(struct counter_book *book, enum counter which) {
    uint64_t sum = 0;
    pthread_mutex_lock(&book->lock);
    for (size_t i = 0; i < book->bucket_count; i++) {
        for (const struct counters *c = book->buckets[i]; c; c = c->next) {
            sum += counter_value(c, which);
        }
    }
    pthread_mutex_unlock(&book->lock);
    return sum;
}
