/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include <stdlib.h>

void backlog_init(struct backlog *b) {
    b->head = NULL;
    b->tail = &b->head;
    b->count = 0;
    b->bytes = 0;
}

void backlog_fini(struct backlog *b) {
    struct backlog_entry *entry;
    while ((entry = backlog_pop(b))) {
        free(entry);
    }
}

static mqk_str copy_str(char **at, mqk_str s) {
    if (!s.data) {
        return s;
    }
    mqk_str copy = {*at, s.len};
    if (s.len > 0) {
        memcpy(*at, s.data, s.len);
    }
    *at += s.len;
    return copy;
}

struct backlog_entry *backlog_entry_new(const struct record *record, int64_t accepted_ms) {
    size_t headers_size = record->header_count * sizeof(mqk_header);
    size_t texts = record->topic.len + record->key.len + record->value.len;
    for (size_t i = 0; i < record->header_count; i++) {
        texts += record->headers[i].name.len + record->headers[i].value.len;
    }
    struct backlog_entry *entry = malloc(sizeof(*entry) + headers_size + texts + 1);
    if (!entry) {
        return NULL;
    }
    mqk_header *headers = (mqk_header *)(void *)(entry + 1);
    char *at = (char *)(headers + record->header_count);
    entry->next = NULL;
    entry->accepted_ms = accepted_ms;
    entry->cost = record_cost(record);
    entry->record = *record;
    entry->record.topic = copy_str(&at, record->topic);
    entry->record.key = copy_str(&at, record->key);
    entry->record.value = copy_str(&at, record->value);
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i].name = copy_str(&at, record->headers[i].name);
        headers[i].value = copy_str(&at, record->headers[i].value);
    }
    entry->record.headers = headers;
    return entry;
}

void backlog_push(struct backlog *b, struct backlog_entry *entry) {
    *b->tail = entry;
    b->tail = &entry->next;
    b->count++;
    b->bytes += entry->cost;
}

void backlog_prepend(struct backlog *b, struct backlog *older) {
    if (!older->head) {
        return;
    }
    *older->tail = b->head;
    if (!b->head) {
        b->tail = older->tail;
    }
    b->head = older->head;
    b->count += older->count;
    b->bytes += older->bytes;
    backlog_init(older);
}

struct backlog_entry *backlog_pop(struct backlog *b) {
    struct backlog_entry *entry = b->head;
    if (!entry) {
        return NULL;
    }
    b->head = entry->next;
    if (!b->head) {
        b->tail = &b->head;
    }
    b->count--;
    b->bytes -= entry->cost;
    entry->next = NULL;
    return entry;
}
