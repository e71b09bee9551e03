/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way to one Kafka cluster: a librdkafka producer, the topics it knows, the bounded buffer
 * before it (memory, and with a spool the disk) and the thread that serves it. Records that are
 * accepted are told to the owner exactly once when they are done; those that stay in a spool are
 * not done, they wait for whoever opens it next.
 */
#ifndef MQK_EDGES_PRODUCER_H
#define MQK_EDGES_PRODUCER_H

#include "embedded.h"
#include "outlet.h"
#include "topic_table.h"

struct producer;

/* Starts the producer and its thread; does not wait for Kafka. The settings and the outlet must
 * outlive it. `embedded` is the in-process cluster to use instead of the settings' servers, or
 * NULL. NULL on failure, with `err`. */
struct producer *producer_open(const struct cluster_settings *cluster,
                               const struct producer_settings *settings, struct embedded *embedded,
                               struct outlet *outlet, const struct record_owner *owner,
                               mqk_error *err);

/* The handle of a topic, made at first sight; lives as long as the producer. NULL when out of
 * memory. Any thread. The entry's name is the topic's. */
const struct topic_entry *producer_topic(struct producer *p, mqk_str name);

/* Takes a record (record->handle from producer_topic()); never waits, but for the disk with `sync:
 * always` when nobody is told later. Returns
 * MQK_OK            accepted: `done` will be called once, unless it stays in the spool
 * MQK_ERR_FULL      refused, the buffer is full and the settings say refuse, or the disk is
 * MQK_ERR_DROPPED   the buffer is full and the settings say drop the newest
 * MQK_ERR_TOO_LARGE larger than a message may be
 * MQK_ERR_NO_MEMORY
 * What librdkafka refuses, such as a partition that is not there, is told with `done`.
 * Any thread. */
mqk_status producer_send(struct producer *p, const struct record *record);

/* Sends a record to the dead letter topic instead, with the reason in headers (`reason`: a
 * sentence, or NULL for the status's own). MQK_ERR_UNAVAILABLE:
 * there is none; else as producer_send(). Any thread. */
mqk_status producer_send_dead(struct producer *p, const struct record *record, mqk_status why,
                              const char *reason);

/* Records accepted and not done, with those in the spool; `bytes` (may be NULL) receives what they
 * weigh in memory. Any thread. */
uint64_t producer_queued(struct producer *p, uint64_t *bytes);

/* Asks to send what waits now instead of lingering, and to call `idle` when nothing waits. */
void producer_hurry(struct producer *p, bool hurry);

/* Lets the producer finish what it has and end by itself; nothing may be sent any more. What waits
 * in a spool is left to the outlet's next one; with `empty_first` (a spool that nothing is put into
 * any more) the producer goes on until the spool is empty. */
void producer_retire(struct producer *p, bool empty_first);
/* After producer_retire(): whether it has ended, so that producer_close() will not wait. */
bool producer_ended(const struct producer *p);

/* How the connection and the spool are; `message` (may be NULL) receives a sentence or "". Any
 * thread. */
mqk_health_state producer_health(struct producer *p, char *message, size_t size);

/* Puts what still waits into the spool, or reports it as MQK_ERR_CLOSED where there is none; ends
 * the thread and frees everything. Who wants deliveries first hurries and waits until
 * producer_queued() is 0. Returns how many records were lost. NULL allowed. */
uint64_t producer_close(struct producer *p);

const struct cluster_settings *producer_cluster(const struct producer *p);
const struct producer_settings *producer_config(const struct producer *p);
struct outlet *producer_outlet(const struct producer *p);

#endif
