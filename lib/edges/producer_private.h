/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a producer, for its files: producer.c (life, thread, topics), producer_send.c
 * (records on their way in), producer_delivery.c (what Kafka says of them), producer_spool.c
 * (records that go through the disk), producer_return.c (records that come back),
 * producer_health.c (how the connection is). */
#ifndef MQK_EDGES_PRODUCER_PRIVATE_H
#define MQK_EDGES_PRODUCER_PRIVATE_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "flights.h"
#include "partitioner.h"
#include "producer.h"
#include "queue_age.h"

#define PRODUCER_TOPIC_BUCKETS 256u
#define PRODUCER_BUSY_MS       20  /* length of a wait while there is more to do */
#define PRODUCER_TELL          32  /* records that are told to the spool in one go */
#define PRODUCER_BATCH         256 /* records moved to librdkafka in one go */

struct kafka_topic {
    struct topic_entry entry; /* first: topic_entry and kafka_topic are one */
    struct kafka_topic *next;
    rd_kafka_topic_t *handle; /* changes with the client */
    struct partition_state partitions;
    char name[];
};

struct producer {
    const struct cluster_settings *cluster;
    const struct producer_settings *settings;
    struct embedded *embedded;
    struct outlet *outlet;
    struct spool *spool; /* the outlet's; NULL: none. Used when settings->mode is not memory */
    struct record_owner owner;
    rd_kafka_t *client;
    pthread_t thread;
    bool scram_quirk;
    size_t message_max;      /* bytes of key and value that librdkafka takes */
    uint64_t window;         /* bytes that librdkafka may hold */
    uint64_t window_records; /* and records */
    uint64_t backlog_limit;  /* bytes that may wait before it; 0: there is no backlog */
    uint64_t backlog_records;

    /* What librdkafka holds, records and bytes in one word: a sender changes both with one
     * operation, the thread once for all that it was told of in one go. */
    _Alignas(64) _Atomic uint64_t held;
    /* The thread's own: done, but not yet taken off `held`. */
    _Alignas(64) uint64_t settled;
    int64_t next_mark_ms;        /* when to call queue_age_mark() again */
    _Atomic uint64_t done_count; /* records that librdkafka had and gave back */
    size_t tell_count; /* of tell: records that are done, of which the spool does not know yet */
    struct spool_ref tell[PRODUCER_TELL];
    struct flight_chain landed;     /* theirs */
    bool returning;                 /* what librdkafka gives up is kept, not reported */
    atomic_bool fatal;              /* the client has given up and must be replaced */
    struct backlog returned_flight; /* what came back: first what was in flight, … */
    uint64_t returned_lost;         /* of what came back: for which there was no memory */
    struct backlog returned_queue;  /* … then what was queued behind it */

    _Alignas(64) struct flights flights;

    _Alignas(64) _Atomic uint64_t backlog_count; /* copies of the backlog's, for readers */
    _Atomic uint64_t backlog_bytes;
    atomic_bool backlogged; /* something waits before librdkafka: everything new queues behind it */
    atomic_bool has_turn;   /* the outlet's; before, everything queues */
    atomic_bool handing_over; /* a record may be on its way from the spool to librdkafka */
    atomic_bool stop;
    atomic_bool hurry;
    atomic_bool retired;
    atomic_bool empty_first;
    atomic_bool ended;
    _Atomic int health; /* mqk_health_state */

    pthread_mutex_t backlog_lock;
    struct backlog backlog;

    pthread_mutex_t topics_lock;
    struct kafka_topic *topics[PRODUCER_TOPIC_BUCKETS];

    pthread_mutex_t queue_lock; /* main_queue changes with the client */
    rd_kafka_queue_t *main_queue;

    pthread_mutex_t message_lock;
    char message[256];    /* what is wrong with the connection */
    struct queue_age age; /* of what librdkafka holds */
};

/* The word `held`: records above, bytes below, and a gate that shuts new records out while the
 * client is replaced. A buffer is at most SETTINGS_MAX_BUFFER, and a record weighs at least
 * RECORD_OVERHEAD, so no part can run into another. */
#define HELD_GATE          (UINT64_C(1) << 36)
#define HELD_ONE           (UINT64_C(1) << 37)
#define HELD_BYTES(held)   ((held) & (HELD_GATE - 1))
#define HELD_RECORDS(held) ((held) >> 37)

/* A record's way through librdkafka with what belongs to it: as librdkafka's opaque pointer. A
 * plain tag stands there itself; a flight, and that a record is a dead letter, show in low bits. */
#define OPAQUE_FLIGHT ((uintptr_t)2)
#define OPAQUE_DEAD   ((uintptr_t)4)
#define OPAQUE_BITS   (OPAQUE_FLIGHT | OPAQUE_DEAD)

/* producer_health.c: librdkafka's callbacks, and asking Kafka whether it is there (waits up to 200
 * ms; the producer's thread only). */
void producer_on_error(rd_kafka_t *client, int code, const char *reason, void *opaque);
void producer_on_log(const rd_kafka_t *client, int level, const char *facility, const char *text);
void producer_probe(struct producer *p);
void producer_set_health(struct producer *p, mqk_health_state state, const char *message);

/* producer.c: librdkafka's client; the old one, if any, is gone. */
bool producer_start_client(struct producer *p, mqk_error *err);
void producer_stop_client(struct producer *p);
/* Makes the producer's thread look around. */
void producer_wake(struct producer *p);

/* producer_stats.c: remembers how much librdkafka holds; the thread calls it all the time. */
void producer_mark(struct producer *p);

/* producer_send.c */
/* Gives a record to librdkafka if there is room. MQK_ERR_FULL: there is none. */
mqk_status producer_give(struct producer *p, const struct record *record, size_t cost,
                         void *opaque);
/* Moves what fits from the backlog to librdkafka; whether there is more to be moved at once. */
bool producer_drain_backlog(struct producer *p);
void producer_note_backlog(struct producer *p); /* under backlog_lock: its size for the readers */
void producer_log_failure(struct producer *p, const char *topic, rd_kafka_resp_err_t err);

/* producer_delivery.c */
mqk_status producer_status_of(rd_kafka_resp_err_t err);
/* Errors that say nothing about a record, but that broker and client do not agree any more on what
 * was sent: only a new client can go on. */
bool producer_sequence_lost(rd_kafka_resp_err_t err);
void producer_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque);
/* Takes what is done off `held`. The producer's thread, or the closing one after it has ended. */
void producer_settle(struct producer *p);
/* A record that was accepted cannot be delivered: to the dead letter topic if it is refused for
 * good and there is one, else reported. `reason`: a sentence, or NULL for the status's own. */
void producer_fail(struct producer *p, const struct record *record, mqk_status why,
                   const char *reason);

/* producer_spool.c: records that go through the disk, or wait there until librdkafka has room. */
mqk_status producer_send_spooled(struct producer *p, const struct record *record, size_t cost);
mqk_status producer_spool_behind(struct producer *p, const struct record *record);
/* Moves what fits from the spool to librdkafka; whether there is more to be moved at once. */
bool producer_drain_spool(struct producer *p);

/* producer_return.c */
/* A record as librdkafka reports it: its texts belong to the message, `headers` is to be freed. */
struct message_record {
    struct record record;
    mqk_header *headers;
};
/* False: out of memory, its headers are missing. */
bool producer_read_message(const rd_kafka_message_t *message, struct message_record *out);
size_t producer_message_cost(const rd_kafka_message_t *message); /* as record_cost() */
/* What came back from librdkafka without having been delivered. */
void producer_returned(struct producer *p, const rd_kafka_message_t *message);
/* Makes librdkafka give back all it holds; shuts new records out. What is in flight may still be
 * answered for `patience_ms`; what is not may arrive twice. */
void producer_take_back(struct producer *p, int64_t patience_ms);
/* Replaces a client that has given up, and begins again with what came back. */
void producer_rebuild(struct producer *p);
/* Puts what waits in memory into the spool, or reports it as closed. The thread has ended, or this
 * is it. Returns how many records were lost. */
uint64_t producer_abandon(struct producer *p);

#endif
