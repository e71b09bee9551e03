/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way to one Kafka cluster: a librdkafka producer, the topics it knows, the bounded buffer
 * before it and the thread that serves it. Records that are accepted are told to the owner exactly
 * once when they are done, whatever happens.
 */
#ifndef MQK_EDGES_PRODUCER_H
#define MQK_EDGES_PRODUCER_H

#include "backlog.h"
#include "embedded.h"
#include "log.h"
#include "settings.h"
#include "topic_table.h"

struct producer;

/* Who owns a producer. The settings must outlive it. */
struct producer_owner {
    void *user;
    /* A record that producer_send() accepted is done: MQK_OK, or why it was not delivered. Called
     * from the producer's thread, or (a record dropped to make room) from a sender's. Must not
     * block. */
    void (*done)(void *user, void *tag, mqk_status status);
    /* Nothing waits any more after producer_hurry(). From the producer's thread. */
    void (*idle)(void *user);
    struct log *log;
};

/* Starts the producer and its thread; does not wait for Kafka. `embedded` is the in-process cluster
 * to use instead of the settings' servers, or NULL. NULL on failure, with `err`. */
struct producer *producer_open(const struct cluster_settings *cluster,
                               const struct producer_settings *settings, struct embedded *embedded,
                               const struct producer_owner *owner, mqk_error *err);

/* The handle of a topic, made at first sight; lives as long as the producer. NULL when out of
 * memory. Any thread. The entry's name is the topic's. */
const struct topic_entry *producer_topic(struct producer *p, mqk_str name);

/* Takes a record (record->handle from producer_topic()); never waits. Returns
 * MQK_OK            accepted: `done` will be called once
 * MQK_ERR_FULL      refused, the buffer is full and the settings say refuse
 * MQK_ERR_DROPPED   the buffer is full and the settings say drop the newest
 * MQK_ERR_TOO_LARGE larger than a message may be
 * MQK_ERR_KAFKA     refused by librdkafka for good; logged
 * MQK_ERR_NO_MEMORY
 * Any thread. */
mqk_status producer_send(struct producer *p, const struct record *record);

/* Records accepted and not done; `bytes` (may be NULL) receives what they weigh. Any thread. */
uint64_t producer_queued(const struct producer *p, uint64_t *bytes);

/* Asks to send what waits now instead of lingering, and to call `idle` when nothing waits. */
void producer_hurry(struct producer *p, bool hurry);

/* Lets the producer finish what it has and end by itself; nothing may be sent any more. */
void producer_retire(struct producer *p);
/* After producer_retire(): whether it has ended, so that producer_close() will not wait. */
bool producer_ended(const struct producer *p);

/* How the connection is; `message` (may be NULL) receives a sentence or "". Any thread. */
mqk_health_state producer_health(struct producer *p, char *message, size_t size);

/* Reports what still waits as MQK_ERR_CLOSED, ends the thread and frees everything; who wants
 * deliveries first hurries and waits until producer_queued() is 0. Returns how many records were
 * left. NULL allowed. */
uint64_t producer_close(struct producer *p);

const struct cluster_settings *producer_cluster(const struct producer *p);
const struct producer_settings *producer_config(const struct producer *p);

#endif
