/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a producer, for its files: producer.c (life, thread, topics), producer_send.c
 * (records on their way in), producer_hand.c (on their way to librdkafka), producer_delivery.c
 * (what Kafka says of them), producer_spool.c (records that go through the disk), producer_return.c
 * (records that come back), producer_health.c (how the connection is). */
#ifndef MQK_EDGES_PRODUCER_PRIVATE_H
#define MQK_EDGES_PRODUCER_PRIVATE_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "flights.h"
#include "partitioner.h"
#include "producer.h"
#include "queue_age.h"
#include "record_queue.h"

#define PRODUCER_TOPIC_BUCKETS 256u
#define PRODUCER_BUSY_MS       20  /* length of a wait while there is more to do */
#define PRODUCER_TELL          32  /* records that are told to the spool in one go */
#define PRODUCER_BATCH         256 /* records of the spool moved to librdkafka in one go */

/* What the thread does, for who puts something into its queue. */
enum producer_sleep {
    PRODUCER_AWAKE,
    PRODUCER_NAPPING, /* it will look by itself soon */
    PRODUCER_ASLEEP   /* it wants to be woken */
};

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
    size_t message_max;      /* bytes of a record, framed, that librdkafka takes */
    uint64_t limit;          /* bytes that may wait, in the queue and in librdkafka */
    uint64_t limit_records;  /* and records */
    uint64_t window;         /* of them, bytes that librdkafka may hold */
    uint64_t window_records; /* and records */
    bool drops_oldest;       /* of the queue, when it is full */

    /* Records that wait in our memory. The lock is held for moments only. */
    _Alignas(64) pthread_mutex_t queue_lock;
    struct record_queue queue;
    enum producer_sleep sleep; /* under the lock */

    /* What librdkafka holds, records and bytes in one word, with the run. The thread changes it. */
    _Alignas(64) _Atomic uint64_t held;
    /* The thread's own: what was taken from the queue for librdkafka, … */
    _Alignas(64) struct queue_run run;
    size_t chunks_wanted;  /* spare ones for the queue */
    uint64_t settled;      /* … and what is done, but not yet taken off `held` */
    int64_t next_mark_ms;  /* when to call queue_age_mark() again */
    int64_t next_probe_ms; /* when to ask Kafka again */
    bool asks;             /* `asker` is a thread, which has asked when it says so */
    pthread_t asker;
    atomic_bool has_asked;
    _Atomic uint64_t done_count; /* records that librdkafka had and gave back */
    size_t tell_count; /* of tell: records that are done, of which the spool does not know yet */
    struct spool_ref tell[PRODUCER_TELL];
    struct flight_chain landed; /* theirs */
    struct flights flights;
    bool returning;                      /* what librdkafka gives up is kept, not reported */
    struct record_queue returned_flight; /* what came back: first what was in flight, … */
    struct record_queue returned_queue;  /* … then what was queued behind it */
    uint64_t returned_lost;              /* of what came back: for which there was no memory */

    _Alignas(64) atomic_bool fatal; /* the client has given up and must be replaced */
    atomic_bool backlogged;   /* something waits in the spool: everything new goes behind it */
    atomic_bool has_turn;     /* the outlet's; before, everything waits */
    atomic_bool handing_over; /* a record may be on its way from the spool to librdkafka */
    atomic_bool stop;
    atomic_bool hurry;
    atomic_bool retired;
    atomic_bool empty_first;
    atomic_bool ended;
    _Atomic int health; /* mqk_health_state */

    pthread_mutex_t topics_lock;
    struct kafka_topic *topics[PRODUCER_TOPIC_BUCKETS];

    pthread_mutex_t wake_lock; /* main_queue changes with the client */
    rd_kafka_queue_t *main_queue;

    pthread_mutex_t message_lock;
    char message[256];    /* what is wrong with the connection */
    uint64_t downs;       /* how often it was found down */
    struct queue_age age; /* of what librdkafka holds */
};

/* The word `held`: records above, bytes below. A buffer is at most SETTINGS_MAX_BUFFER, and a
 * record weighs at least RECORD_OVERHEAD, so neither can run into the other. */
#define HELD_ONE           (UINT64_C(1) << 36)
#define HELD_BYTES(held)   ((held) & (HELD_ONE - 1))
#define HELD_RECORDS(held) ((held) >> 36)

/* A record's way through librdkafka with what belongs to it: as librdkafka's opaque pointer. A
 * plain tag stands there itself; a flight, and that a record is a dead letter, show in low bits. */
#define OPAQUE_FLIGHT ((uintptr_t)2)
#define OPAQUE_DEAD   ((uintptr_t)4)
#define OPAQUE_BITS   (OPAQUE_FLIGHT | OPAQUE_DEAD)

/* producer_health.c: librdkafka's callbacks, and asking Kafka whether it is there while that is not
 * known, in a thread of its own that ends with the answer. The producer's thread calls
 * producer_probe() all the time. */
void producer_on_error(rd_kafka_t *client, int code, const char *reason, void *opaque);
void producer_on_log(const rd_kafka_t *client, int level, const char *facility, const char *text);
void producer_probe(struct producer *p);
void producer_end_probe(struct producer *p); /* waits for it */
void producer_set_health(struct producer *p, mqk_health_state state, const char *message);

/* producer.c: librdkafka's client; the old one, if any, is gone. */
bool producer_start_client(struct producer *p, mqk_error *err);
void producer_stop_client(struct producer *p);
/* Makes the producer's thread look around. */
void producer_wake(struct producer *p);

/* producer_stats.c: remembers how much librdkafka holds; the thread calls it all the time. Whether
 * a second has passed. */
bool producer_mark(struct producer *p);

/* producer_send.c */
/* Puts a record into the queue; `ref` (may be NULL) is where it stands in the spool. MQK_ERR_FULL:
 * no room, or something waits in the spool. Any thread. */
mqk_status producer_enqueue(struct producer *p, const struct record *record, size_t cost,
                            const struct spool_ref *ref);

/* producer_hand.c; the producer's thread only */
/* Gives a record to librdkafka. MQK_ERR_FULL: not now. */
mqk_status producer_give(struct producer *p, const struct record *record, struct spool_ref ref,
                         int64_t waited_ms);
/* Whether librdkafka may get so much more. */
bool producer_window_has(const struct producer *p, uint64_t records, uint64_t bytes);
/* Moves some of what fits from the queue to librdkafka. */
enum producer_queue { QUEUE_EMPTY, QUEUE_MORE, QUEUE_BLOCKED };
enum producer_queue producer_hand_queue(struct producer *p);
/* Sees that the queue finds memory that is ready, and gives back what it does not need. */
void producer_keep_chunks(struct producer *p, bool second_passed);
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
/* Makes librdkafka give back all it holds. What is in flight may still be answered for
 * `patience_ms`; what is not may arrive twice. */
void producer_take_back(struct producer *p, int64_t patience_ms);
/* Replaces a client that has given up, and begins again with what came back. */
void producer_rebuild(struct producer *p);
/* Puts what waits in memory into the spool, or reports it as closed. The thread has ended, or this
 * is it. Returns how many records were lost. */
uint64_t producer_abandon(struct producer *p);

#endif
