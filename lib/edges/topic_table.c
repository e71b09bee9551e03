/* SPDX-License-Identifier: Apache-2.0 */
#include "topic_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct topic_table {
    pthread_mutex_t lock;
    uint32_t max;
    uint32_t count; /* under the lock */
    size_t mask;
    _Atomic(const struct topic_entry *) slots[]; /* open addressing, never more than half full */
};

struct topic_table *topic_table_new(uint32_t max) {
    size_t slots = 16;
    while (slots < (size_t)max * 2) {
        slots *= 2;
    }
    /* Zeroed memory is a table of NULL pointers on every platform that librdkafka runs on. */
    struct topic_table *table = calloc(1, sizeof(*table) + slots * sizeof(table->slots[0]));
    if (!table) {
        return NULL;
    }
    pthread_mutex_init(&table->lock, NULL);
    table->max = max;
    table->mask = slots - 1;
    return table;
}

void topic_table_free(struct topic_table *table) {
    if (table) {
        pthread_mutex_destroy(&table->lock);
        free(table);
    }
}

/* The slot of the name, or the empty slot where it would go. */
static size_t find_slot(const struct topic_table *table, mqk_str name,
                        const struct topic_entry **found) {
    size_t i = str_hash(name) & table->mask;
    for (;; i = (i + 1) & table->mask) {
        *found = atomic_load_explicit(&table->slots[i], memory_order_acquire);
        if (!*found || str_equal((*found)->name, name)) {
            return i;
        }
    }
}

const struct topic_entry *topic_table_find(const struct topic_table *table, mqk_str name) {
    const struct topic_entry *found;
    find_slot(table, name, &found);
    return found;
}

const struct topic_entry *topic_table_add(struct topic_table *table, mqk_str name,
                                          const struct topic_entry *(*make)(void *user,
                                                                            mqk_str name),
                                          void *user, bool *full) {
    const struct topic_entry *found;
    *full = false;
    pthread_mutex_lock(&table->lock);
    size_t slot = find_slot(table, name, &found);
    if (!found) {
        *full = table->count >= table->max;
        found = *full ? NULL : make(user, name);
        if (found) {
            table->count++;
            atomic_store_explicit(&table->slots[slot], found, memory_order_release);
        }
    }
    pthread_mutex_unlock(&table->lock);
    return found;
}
