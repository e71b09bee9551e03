/* SPDX-License-Identifier: Apache-2.0 */
/* What the integration tests share: an in-process Kafka with faults to inject, bridges on it, and a
 * consumer that reads back what arrived. A step that fails ends the test with its reason. */
#ifndef MQK_TESTS_KIT_H
#define MQK_TESTS_KIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <mqkafka/mqkafka.h>

/* An in-process Kafka. */
struct kit_kafka {
    rd_kafka_t *client;
    rd_kafka_mock_cluster_t *cluster;
    char servers[256];
};

void kit_kafka_start(struct kit_kafka *k, int brokers);
void kit_kafka_topic(struct kit_kafka *k, const char *topic, int partitions);
void kit_kafka_stop(struct kit_kafka *k);

/* A host that remembers what it was told. */
#define KIT_TOKENS 100000u
struct kit_host {
    mqk_host host;
    int log_lines;
    char log[65536];               /* all lines, as far as they fit */
    uint32_t told[KIT_TOKENS];     /* how often each token was told */
    mqk_status status[KIT_TOKENS]; /* and with what */
};
void kit_host_init(struct kit_host *h);
struct kit_host *kit_host_new(void); /* to be freed */

/* Loads YAML made by printf. */
mqk_config *kit_config(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens a bridge on such a configuration. */
mqk_bridge *kit_bridge(struct kit_host *host, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* All that most tests need: a Kafka of one broker, a host and a bridge. */
struct kit {
    struct kit_kafka kafka;
    struct kit_host *host;
    mqk_bridge *bridge;
};

/* Starts a Kafka with topics ("a b:7": b has seven partitions) and opens a bridge with these rules,
 * the entries of `hook`. */
void kit_open(struct kit *k, const char *topics, const char *rules);
/* Closes the bridge, which must have nothing left, and ends the rest. */
void kit_close(struct kit *k);

/* A message.publish event. */
mqk_event kit_publish(const char *clientid, const char *topic, const char *payload);

mqk_stats kit_stats(mqk_bridge *bridge);

/* cmocka 2 has other names for this than cmocka 1. */
#define kit_assert_in_range(value, least, most) assert_true((value) >= (least) && (value) <= (most))

/* A record read back. Texts are NUL-terminated copies; NULL is Kafka's null. */
struct kit_record {
    char topic[250];
    int32_t partition;
    char *key;
    size_t key_len;
    char *value;
    size_t value_len;
    int64_t timestamp_ms;
    char headers[512]; /* "name=value;name=value;" with "(null)" for null */
};

/* Reads all records of a topic from the beginning until there are `expected` of them and no more
 * come for a moment, or a long time has passed; returns how many there are. `records` (may be NULL)
 * receives the first `capacity`, to be freed with kit_records_free(). */
size_t kit_consume(const char *servers, const char *topic, size_t expected,
                   struct kit_record *records, size_t capacity);
void kit_records_free(struct kit_record *records, size_t count);
/* The values 0 … count-1 arrived in topic "t", once each and in order. */
void kit_assert_in_order(const char *servers, size_t count);

/* Seconds, long enough for any machine: a test that waits this long has failed. */
#define KIT_PATIENCE_S 60

/* Waits until `condition(user)` is true, fails the test after a long time. */
void kit_wait(bool (*condition)(void *user), void *user, const char *what);

#define KIT_FOLDER_SIZE 32

/* A new folder for a spool, whose path is written to `dir`; and its end, with all that is in it. */
void kit_folder_make(char dir[KIT_FOLDER_SIZE]);
void kit_folder_remove(const char *dir);

/* Threads of this process whose names begin so, "" for all. One that has just been joined may still
 * be among them, and one that was just born has its parent's name. */
int kit_threads(const char *name);
/* Waits until there are at most so many of them. */
void kit_wait_for_threads(const char *name, int most);

#endif
