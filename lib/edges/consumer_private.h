/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a consumer, for its files: consumer.c (life, thread, reading), consumer_group.c
 * (partitions, commits), consumer_offer.c (the host's side), consumer_letters.c (dead letters).
 */
#ifndef MQK_EDGES_CONSUMER_PRIVATE_H
#define MQK_EDGES_CONSUMER_PRIVATE_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "consumer.h"

/* Bytes of keys, values and headers that wait at most, beside the number of records. */
#define CONSUMER_MAX_BYTES ((size_t)32 << 20)

#define CONSUMER_FIRST_DELAY_MS 10
#define CONSUMER_MAX_DELAY_MS   1000

#define CONSUMER_FEW_HEADERS 4u

/* A record that was read and is not answered. */
struct consumer_item {
    struct consumer_item *next;
    rd_kafka_message_t *message;
    size_t cost;
    enum downlink_verdict verdict;
    mqk_header *headers; /* `few`, or allocated */
    mqk_header few[CONSUMER_FEW_HEADERS];
    struct downlink_command command;
};

/* A partition that is assigned. */
struct consumer_partition {
    struct consumer_partition *next;
    struct consumer_partition *next_ready;
    char *topic;
    int32_t id;
    bool is_ready; /* in the list of those with something to offer */
    bool waits;    /* the host said later: not before retry_at_ms */
    bool paused;   /* in librdkafka */
    /* Records from read_offset on have been forgotten: what librdkafka hands out is of no use until
     * it has gone back there. */
    bool must_seek;
    int64_t retry_at_ms;
    int64_t delay_ms;
    /* Behind the last record that was read; -1: nothing is known yet. */
    int64_t read_offset;
    int64_t sent;        /* what was last sent to Kafka to be committed; -1: nothing */
    int64_t committed;   /* what Kafka has said yes to; -1: nothing */
    int64_t unconfirmed; /* the first that was accepted and is not confirmed; -1: none */
    struct consumer_item *head;
    struct consumer_item **tail;
    struct consumer_item *busy; /* with the host */
};

struct letter {
    struct letter *next;
    _Atomic uint32_t owners;
    _Atomic bool done;
    _Atomic int status; /* once done */
    bool sent;
    mqk_status why;
    const char *reason; /* static */
    char *topic;
    int32_t partition;
    struct consumer_item *item;
    int64_t offset;
    size_t cost;
};

struct consumer {
    struct consumer_plan plan;
    struct consumer_owner owner;
    char *group_id;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;   /* all that concerns this consumer, but for */
    rd_kafka_queue_t *answers; /* Kafka's to commits */
    bool started;
    pthread_t thread;
    atomic_bool stop;
    atomic_bool ended;
    atomic_bool down;   /* no broker can be reached */
    atomic_bool joined; /* has been assigned something, if only nothing */

    /* The thread's own. */
    struct downlink_host host;
    struct consumer_item *gathered; /* read, not yet put into a partition */
    struct consumer_item **gathered_tail;
    int64_t next_commit_ms;
    bool committing;         /* a commit is under way */
    int64_t answer_until_ms; /* how long its answer is waited for */
    bool all_paused;
    struct consumer_item *spare; /* memory of items, for the next ones */
    size_t spare_count;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct consumer_partition *partitions;
    struct consumer_partition *ready;
    struct consumer_partition **ready_tail;
    struct letter *letters;
    struct producer *producer;  /* for dead letters */
    struct consumer_item *done; /* answered, to be freed by the thread that made them */
    size_t in_flight;           /* in partitions, with the host, dead letters */
    size_t in_flight_bytes;
    bool offering; /* records may be offered */
    bool thirsty;  /* the thread waits for room */
};

static inline void consumer_count(_Atomic uint64_t *counter, uint64_t n) {
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline mqk_str consumer_name(const struct consumer *c) {
    return downlink_name(c->plan.downlink, c->plan.rule);
}

/* consumer.c */
void consumer_item_free(struct consumer_item *item);
/* Frees a chain of items, but keeps memory for the next ones. The thread. */
void consumer_recycle(struct consumer *c, struct consumer_item *items);
/* Puts what was gathered into its partitions. */
void consumer_flush_gathered(struct consumer *c);

/* consumer_conf.c: a configuration without callbacks, NULL with `err`. */
rd_kafka_conf_t *consumer_conf_new(const struct consumer_plan *plan, const char *group_id,
                                   mqk_error *err);

/* consumer_group.c */
void consumer_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t err,
                           rd_kafka_topic_partition_list_t *list, void *opaque);
struct consumer_partition *consumer_find(struct consumer *c, const char *topic, int32_t id);
/* Commits what was answered, without waiting. */
void consumer_commit(struct consumer *c);
/* Pauses and resumes partitions in librdkafka as the host's answers and the room ask for. */
void consumer_steer(struct consumer *c);
/* The offset up to which all is answered; -1: unknown. With the lock. */
int64_t consumer_position(const struct consumer *c, const struct consumer_partition *p);
/* Forgets all partitions without a word to Kafka: their items are freed. */
void consumer_forget_all(struct consumer *c);

/* consumer_offer.c, with the lock */
void consumer_make_ready(struct consumer *c, struct consumer_partition *p);
void consumer_unready(struct consumer *c, struct consumer_partition *p);
/* Takes an item off the account; who waits for room hears of it. */
void consumer_settle(struct consumer *c, size_t cost);

/* consumer_letters.c */
/* The item cannot be delivered: it becomes a letter, or is counted as lost and freed. With the
 * lock. */
void consumer_bury(struct consumer *c, struct consumer_item *item, mqk_status why,
                   const char *reason);
/* Sends what is not sent, takes off what has arrived. The thread. */
void consumer_serve_letters(struct consumer *c);
/* Waits until the letters (of a partition, or all for NULL) have arrived, at most `timeout_ms`. */
void consumer_await_letters(struct consumer *c, const struct consumer_partition *p,
                            int64_t timeout_ms);
/* Forgets the letters of a partition, or all: they will be read again. With the lock. */
void consumer_forget_letters(struct consumer *c, const struct consumer_partition *p);
bool consumer_letter_is_of(const struct letter *letter, const struct consumer_partition *p);

#endif
