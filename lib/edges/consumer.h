/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One consumer rule at work: a librdkafka consumer in its group, the records it has read and that
 * nobody has answered yet, and the thread that serves it. The thread reads records and makes
 * commands of them; the owner's host takes them with consumer_offer(), in order for each partition,
 * each until it is accepted or refused.
 *
 * At least once: an offset is committed when all records before it were accepted, skipped, or are
 * safe in the dead letter topic. When a partition is taken away, its records that the host has not
 * been offered are forgotten, the one that the host is busy with is waited for, and what was
 * answered is committed before another node gets the partition.
 */
#ifndef MQK_EDGES_CONSUMER_H
#define MQK_EDGES_CONSUMER_H

#include <stdatomic.h>

#include "embedded.h"
#include "log.h"
#include "producer.h"
#include "settings.h"

struct consumer;

/* What a rule counts; outlives its consumers. */
struct consumer_counters {
#define CONSUMER_COUNTER(name, meaning) _Atomic uint64_t name;
    MQK_CONSUMER_COUNTERS(CONSUMER_COUNTER)
#undef CONSUMER_COUNTER
};

/* A record on its way to the dead letter topic: shared by the consumer and who sends it. */
struct letter;
/* The sender's share ends: the letter has arrived, or why not. Any thread. */
void letter_done(struct letter *letter, mqk_status status);

/* Who owns a consumer. */
struct consumer_owner {
    void *user;
    /* Something waits for consumer_offer(). From the consumer's thread; must not block. */
    void (*ready)(void *user);
    /* Sends a dead letter with the producer. MQK_OK: letter_done() will be called once;
     * MQK_ERR_FULL: try later; anything else: it cannot be sent. */
    mqk_status (*send)(void *user, struct producer *producer, struct record *record,
                       struct letter *letter);
    struct log *log;
    bool confirms; /* consumer_confirm() is called, and what is accepted counts only then */
};

/* What makes a consumer; all of it must outlive it. */
struct consumer_plan {
    const struct cluster_settings *cluster;
    const struct consumer_settings *settings;
    const struct downlink *downlink;
    size_t rule; /* in `downlink` */
    mqk_str node;
    struct embedded
        *embedded; /* the in-process cluster instead of the settings' servers, or NULL */
    struct consumer_counters *counters;
};

/* Makes a consumer that does nothing yet. NULL on failure, with `err`. */
struct consumer *consumer_new(const struct consumer_plan *plan, const struct consumer_owner *owner,
                              mqk_error *err);

/* Joins the group and begins to read. False: no thread or no memory. */
bool consumer_start(struct consumer *c);

/* The producer for dead letters; after the call the one before is not used any more. */
void consumer_set_producer(struct consumer *c, struct producer *producer);

/* What the host says to a record. */
typedef mqk_answer (*consumer_answer_fn)(void *user, enum downlink_action action,
                                         const struct downlink_command *command);

/* With an owner that confirms: what the host has accepted so far may be committed. */
void consumer_confirm(struct consumer *c);

/* Offers up to `most` records that wait; returns how many were offered. One thread at a time, not
 * from within `answer`. */
size_t consumer_offer(struct consumer *c, consumer_answer_fn answer, void *user, size_t most);
/* Whether there is something to offer. */
bool consumer_is_ready(struct consumer *c);

/* No record is offered any more once this returns, but for one that the host is busy with. */
void consumer_stop_offering(struct consumer *c);

/* Lets the consumer commit, leave its group and end by itself. */
void consumer_retire(struct consumer *c);
/* After consumer_retire(): whether it has ended, so that consumer_free() will not wait. */
bool consumer_ended(const struct consumer *c);

/* Retires, waits for the end and frees. NULL allowed. */
void consumer_free(struct consumer *c);

const struct consumer_plan *consumer_plan(const struct consumer *c);

/* State, partitions, records in flight, lag; counters and name are left alone. Any thread. */
void consumer_read_stats(struct consumer *c, mqk_consumer_stats *stats);

#endif
