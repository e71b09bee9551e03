/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that wait in our own memory, first in first out, because librdkafka's share of the buffer
 * is full. The bound is the owner's business: it asks for sizes, pushes and pops. Not thread-safe:
 * the owner locks.
 */
#ifndef MQK_EDGES_BACKLOG_H
#define MQK_EDGES_BACKLOG_H

#include "str.h"

/* A record as the producer takes it. Texts belong to whoever made it. */
struct record {
    mqk_str topic; /* name, for the backlog and for messages */
    void *handle;  /* the producer's handle of the topic */
    mqk_str key;
    mqk_str value;
    const mqk_header *headers;
    size_t header_count;
    int64_t timestamp_ms;
    int32_t partition; /* -1: the partitioner chooses */
    void *tag;         /* the owner's word for it, handed back when it is done */
    mqk_str rule;      /* name of the rule that made it; outlives the record */
    bool watched;      /* somebody is told when it is safe or done */
    bool awaited;      /* somebody waits until it is done: the tag is needed to the end */
    bool dead;         /* it goes to the dead letter topic */
};

/* What a record weighs in a buffer: its bytes and what librdkafka keeps beside them. */
#define RECORD_OVERHEAD 320u
static inline size_t record_cost(const struct record *record) {
    size_t cost = RECORD_OVERHEAD + record->key.len + record->value.len;
    for (size_t i = 0; i < record->header_count; i++) {
        cost += record->headers[i].name.len + record->headers[i].value.len;
    }
    return cost;
}

struct backlog_entry {
    struct backlog_entry *next;
    struct record record; /* its texts stand behind the entry, in the same allocation */
    int64_t accepted_ms;  /* monotonic clock */
    size_t cost;
    mqk_status outcome; /* for the owner, once the entry is taken out */
};

struct backlog {
    struct backlog_entry *head;
    struct backlog_entry **tail;
    size_t count;
    size_t bytes; /* sum of costs */
};

void backlog_init(struct backlog *b);
void backlog_fini(struct backlog *b); /* frees what is left */

/* A copy of the record that can wait; NULL when out of memory. */
struct backlog_entry *backlog_entry_new(const struct record *record, int64_t accepted_ms);

void backlog_push(struct backlog *b, struct backlog_entry *entry);

/* Puts all of `older` before what is in `b`. */
void backlog_prepend(struct backlog *b, struct backlog *older);

/* Takes the oldest out, to be freed with free(); NULL when empty. */
struct backlog_entry *backlog_pop(struct backlog *b);

#endif
