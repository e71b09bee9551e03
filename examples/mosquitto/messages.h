/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that wait in the broker for an acknowledgement (2.1). The broker tells of an
 * acknowledgement by number only, so that what message.acked says about the message must be kept
 * here meanwhile. Bounded in bytes; used only while a rule wants message.acked.
 */
#ifndef MQK_MOSQUITTO_MESSAGES_H
#define MQK_MOSQUITTO_MESSAGES_H

#include <mqkafka/mqkafka.h>

struct message {
    uint64_t store_id;
    struct message *next; /* in the same bucket */
    mqk_str topic;
    mqk_str payload;
    mqk_str from_clientid;
    mqk_str from_username; /* absent: none */
    bool retain;
    int64_t received_ms;
    size_t bytes;
};

struct messages {
    struct message **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
    size_t bytes;
    uint64_t missed; /* messages that did not fit */
};

/* Keeps a copy. False when it does not fit (64 MiB in all) or memory runs out. */
bool messages_add(struct messages *messages, const struct message *message);

/* The message with this number, valid until it is removed; NULL when there is none. */
const struct message *messages_find(const struct messages *messages, uint64_t store_id);

void messages_remove(struct messages *messages, uint64_t store_id);
void messages_fini(struct messages *messages);

#endif
