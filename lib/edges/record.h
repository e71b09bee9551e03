/* SPDX-License-Identifier: Apache-2.0 */
/* A record as the producer and the spool take it, and what it weighs. */
#ifndef MQK_EDGES_RECORD_H
#define MQK_EDGES_RECORD_H

#include "str.h"

struct record {
    mqk_str topic; /* name, for the spool and for messages */
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

/* The bytes of names and values of its headers. */
static inline size_t record_headers_size(const struct record *record) {
    size_t size = 0;
    for (size_t i = 0; i < record->header_count; i++) {
        size += record->headers[i].name.len + record->headers[i].value.len;
    }
    return size;
}

static inline size_t record_cost(const struct record *record) {
    return RECORD_OVERHEAD + record->key.len + record->value.len + record_headers_size(record);
}

#endif
