/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_set.h"

#include <stdlib.h>
#include <string.h>

#define MIN_CAPACITY 1024u
#define MAX_CAPACITY (1u << 30)

static uint32_t bucket_of(const struct spool_set *set, uint64_t seq) {
    return (uint32_t)((seq * UINT64_C(0x9E3779B97F4A7C15)) >> 33) & (set->capacity - 1);
}

void spool_set_fini(struct spool_set *set) {
    free(set->entries);
    free(set->buckets);
    memset(set, 0, sizeof(*set));
}

static bool grow(struct spool_set *set, uint32_t capacity) {
    uint32_t *buckets = calloc(capacity, sizeof(*buckets));
    struct spool_set_entry *entries =
        buckets ? realloc(set->entries, capacity * sizeof(*entries)) : NULL;
    if (!entries) {
        free(buckets);
        return false;
    }
    free(set->buckets);
    set->entries = entries;
    set->buckets = buckets;
    set->capacity = capacity;
    for (uint32_t i = 0; i < set->used; i++) {
        if (entries[i].mark != SPOOL_MARK_NONE) {
            uint32_t *bucket = &buckets[bucket_of(set, entries[i].seq)];
            entries[i].next = *bucket;
            *bucket = i + 1;
        }
    }
    return true;
}

bool spool_set_reserve(struct spool_set *set, size_t more) {
    if (more <= set->capacity - set->count) {
        return true;
    }
    size_t needed = set->count + more;
    uint32_t capacity = set->capacity ? set->capacity : MIN_CAPACITY;
    while (capacity < needed && capacity < MAX_CAPACITY) {
        capacity *= 2;
    }
    return capacity >= needed && grow(set, capacity);
}

static uint32_t *find(const struct spool_set *set, uint64_t seq) {
    if (set->count == 0) {
        return NULL;
    }
    uint32_t *at = &set->buckets[bucket_of(set, seq)];
    while (*at && set->entries[*at - 1].seq != seq) {
        at = &set->entries[*at - 1].next;
    }
    return *at ? at : NULL;
}

static void append_done(struct spool_set *set, uint32_t entry) {
    set->entries[entry - 1].next_done = 0;
    if (set->last_done) {
        set->entries[set->last_done - 1].next_done = entry;
    } else {
        set->first_done = entry;
    }
    set->last_done = entry;
    set->done_count++;
}

void spool_set_add(struct spool_set *set, uint64_t seq, uint64_t cost, enum spool_mark mark) {
    uint32_t entry = set->free_entries;
    if (entry) {
        set->free_entries = set->entries[entry - 1].next;
    } else {
        entry = ++set->used;
    }
    uint32_t *bucket = &set->buckets[bucket_of(set, seq)];
    set->entries[entry - 1] = (struct spool_set_entry){seq, *bucket, 0, (uint32_t)cost, mark};
    *bucket = entry;
    set->count++;
    if (mark == SPOOL_MARK_DONE) {
        append_done(set, entry);
    }
}

enum spool_mark spool_set_mark(const struct spool_set *set, uint64_t seq) {
    const uint32_t *at = find(set, seq);
    return at ? set->entries[*at - 1].mark : SPOOL_MARK_NONE;
}

bool spool_set_done(struct spool_set *set, uint64_t seq, uint64_t *cost) {
    const uint32_t *at = find(set, seq);
    struct spool_set_entry *entry = at ? &set->entries[*at - 1] : NULL;
    if (!entry || entry->mark != SPOOL_MARK_OUT) {
        return false;
    }
    entry->mark = SPOOL_MARK_DONE;
    *cost = entry->cost;
    append_done(set, *at);
    return true;
}

/* What is deleted is mostly what was done first, so the walk is short. */
static void unlink_done(struct spool_set *set, uint32_t index) {
    uint32_t before = 0;
    for (uint32_t at = set->first_done; at; at = set->entries[at - 1].next_done) {
        if (at == index) {
            uint32_t after = set->entries[at - 1].next_done;
            *(before ? &set->entries[before - 1].next_done : &set->first_done) = after;
            if (set->last_done == at) {
                set->last_done = before;
            }
            set->done_count--;
            return;
        }
        before = at;
    }
}

bool spool_set_remove(struct spool_set *set, uint64_t seq, uint64_t *cost) {
    uint32_t *at = find(set, seq);
    if (!at) {
        return false;
    }
    uint32_t index = *at;
    struct spool_set_entry *entry = &set->entries[index - 1];
    if (entry->mark == SPOOL_MARK_DONE) {
        unlink_done(set, index);
    }
    *at = entry->next;
    *cost = entry->cost;
    entry->mark = SPOOL_MARK_NONE;
    entry->next = set->free_entries;
    set->free_entries = index;
    set->count--;
    return true;
}

size_t spool_set_next_done(const struct spool_set *set, uint32_t *after, uint64_t *seqs,
                           size_t max) {
    size_t count = 0;
    uint32_t at = *after ? set->entries[*after - 1].next_done : set->first_done;
    for (; at && count < max; at = set->entries[at - 1].next_done) {
        seqs[count++] = set->entries[at - 1].seq;
        *after = at;
    }
    return count;
}
