/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of consumer rules share: records to be read, and a host that writes down what it
 * is asked for and answers as it is told. */
#ifndef MQK_TESTS_KIT_CONSUMER_H
#define MQK_TESTS_KIT_CONSUMER_H

#include "kit.h"

#include <time.h>

/* The in-process Kafka waits for members that have left until their sessions would have ended. */
#define QUICK_GROUP "['session.timeout.ms=3000', 'heartbeat.interval.ms=300']"
/* For a group that nobody joins twice: whoever is stopped for some seconds stays a member. */
#define STEADY_GROUP "['session.timeout.ms=120000', 'heartbeat.interval.ms=300']"

#define INBOX_PARTITIONS 8
#define INBOX_OFFSETS    20000

struct inbox;
typedef mqk_answer (*inbox_answer_fn)(struct inbox *inbox, const mqk_kafka_record *record);

/* A host. */
struct inbox {
    mqk_host host;
    inbox_answer_fn answer; /* NULL: accepts everything */
    void *user;             /* of `answer` */
    int calls;
    _Atomic int accepted;
    uint8_t seen[INBOX_PARTITIONS][INBOX_OFFSETS]; /* how often each record was accepted */
    int64_t last[INBOX_PARTITIONS];                /* offset of the last accepted one, or -1 */
    int backwards;    /* accepted ones that came behind a later one, but for a new start */
    char text[16384]; /* what was asked, a line each */
    size_t log_len;
    char log[65536];
};

void inbox_init(struct inbox *inbox, const char *node);

/* Opens a bridge on YAML made by printf. */
mqk_bridge *inbox_bridge(struct inbox *inbox, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Polls until something is true; fails the test after a long time. */
#define INBOX_POLL_UNTIL(inbox, bridge, condition)                                                 \
    do {                                                                                           \
        for (time_t give_up_ = time(NULL) + KIT_PATIENCE_S; !(condition);) {                       \
            inbox_poll_once(inbox, bridge, give_up_, #condition);                                  \
        }                                                                                          \
    } while (0)
void inbox_poll_once(struct inbox *inbox, mqk_bridge *bridge, time_t give_up, const char *what);
/* Polls until so many records were accepted in all. */
void inbox_poll(struct inbox *inbox, mqk_bridge *bridge, int accepted);
/* Waits, without a poll, until so many records are in flight. */
void inbox_wait_in_flight(mqk_bridge *bridge, uint64_t count);
/* Polls for some time. */
void inbox_poll_for(mqk_bridge *bridge, int ms);

mqk_consumer_stats inbox_stats(mqk_bridge *bridge, size_t rule);
/* Whether the first rule has so many partitions, and nothing to read in them. */
bool has_read_all(mqk_bridge *bridge, unsigned partitions);

/* Writes a record; `headers` are "name=value;name=value" or NULL. Returns its partition's next
 * offset is of no interest: partitions of a new topic begin at 0. */
void feed(struct kit_kafka *k, const char *topic, int partition, const char *key, const char *value,
          const char *headers);
/* Writes `count` records {"n":N} with N from 0, in turn to the partitions. */
void feed_many(struct kit_kafka *k, const char *topic, int partitions, int count);
/* The offset that a group goes on with, as Kafka knows it; -1: none was committed. */
int64_t committed(struct kit_kafka *k, const char *group, const char *topic, int partition);

#endif
