/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a producer, for its three files: producer.c (life, thread, topics), producer_send.c
 * (records), producer_health.c (how the connection is). */
#ifndef MQK_EDGES_PRODUCER_PRIVATE_H
#define MQK_EDGES_PRODUCER_PRIVATE_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "partitioner.h"
#include "producer.h"

#define PRODUCER_TOPIC_BUCKETS 256u
#define PRODUCER_BUSY_MS       20 /* length of a wait while there is more to do */

struct kafka_topic {
    struct topic_entry entry; /* first: topic_entry and kafka_topic are one */
    struct kafka_topic *next;
    rd_kafka_topic_t *handle;
    struct partition_state partitions;
    char name[];
};

struct producer {
    const struct cluster_settings *cluster;
    const struct producer_settings *settings;
    struct embedded *embedded;
    struct producer_owner owner;
    rd_kafka_t *client;
    rd_kafka_queue_t *main_queue;
    pthread_t thread;
    bool scram_quirk;
    uint64_t window;        /* bytes that librdkafka may hold */
    uint64_t backlog_limit; /* bytes that may wait before it; 0: there is no backlog */

    /* What librdkafka holds, records and bytes in one word: a sender changes both with one
     * operation, the thread once for all that it was told of in one go. */
    _Alignas(64) _Atomic uint64_t held;
    /* The thread's own: done, but not yet taken off `held`. */
    _Alignas(64) uint64_t settled;

    _Alignas(64) _Atomic uint64_t backlog_count; /* copies of the backlog's, for readers */
    _Atomic uint64_t backlog_bytes;
    atomic_bool backlogged; /* the backlog is not empty: everything new queues behind it */
    atomic_bool stop;
    atomic_bool hurry;
    atomic_bool retired;
    atomic_bool ended;
    _Atomic int health; /* mqk_health_state */

    pthread_mutex_t backlog_lock;
    struct backlog backlog;

    pthread_mutex_t topics_lock;
    struct kafka_topic *topics[PRODUCER_TOPIC_BUCKETS];

    pthread_mutex_t message_lock;
    char message[256]; /* what is wrong with the connection */
};

/* The word `held`: records above, bytes below. A buffer is at most SETTINGS_MAX_BUFFER, and a
 * record weighs at least RECORD_OVERHEAD, so neither part can run into the other. */
#define HELD_BYTES_BITS    37u
#define HELD_ONE           (UINT64_C(1) << HELD_BYTES_BITS)
#define HELD_BYTES(held)   ((held) & (HELD_ONE - 1))
#define HELD_RECORDS(held) ((held) >> HELD_BYTES_BITS)

/* producer_health.c: librdkafka's callbacks, and asking Kafka whether it is there (waits up to 200
 * ms; the producer's thread only). */
void producer_on_error(rd_kafka_t *client, int code, const char *reason, void *opaque);
void producer_on_log(const rd_kafka_t *client, int level, const char *facility, const char *text);
void producer_probe(struct producer *p);
void producer_set_health(struct producer *p, mqk_health_state state, const char *message);

/* producer_send.c: librdkafka's delivery reports; moving what fits from the backlog to librdkafka
 * (returns whether more can be moved at once); reporting everything that still waits as closed
 * (after the thread has ended). */
void producer_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque);
bool producer_drain(struct producer *p);
/* Takes what is done off `held`. The producer's thread, or the closing one after it has ended. */
void producer_settle(struct producer *p);
void producer_abandon(struct producer *p);

/* Makes the producer's thread look around. */
static inline void producer_wake(struct producer *p) {
    rd_kafka_queue_yield(p->main_queue);
}

#endif
