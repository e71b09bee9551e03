/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of records that Kafka refuses for good, and of a client that has given up. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

#define PRODUCE_REQUEST 0 /* Kafka protocol, API key */

/* What the tests have in common: a Kafka with the topics "t" and "dead", a host, a bridge. */
struct stage {
    struct kit_kafka kafka;
    struct kit_host *host;
    mqk_bridge *bridge;
    char dir[KIT_FOLDER_SIZE];
};

static void open_stage(struct stage *s, const char *producer, const char *rules) {
    kit_kafka_start(&s->kafka, 1);
    kit_kafka_topic(&s->kafka, "t", 1);
    kit_kafka_topic(&s->kafka, "dead", 1);
    s->host = malloc(sizeof(*s->host));
    kit_host_init(s->host);
    kit_folder_make(s->dir);
    char settings[256];
    snprintf(settings, sizeof(settings), producer, s->dir);
    s->bridge = kit_bridge(s->host,
                           "kafka:\n"
                           "  client: { servers: ['%s'],\n"
                           "            properties: ['topic.metadata.propagation.max.ms=100',\n"
                           "                         'max.in.flight=1'] }\n"
                           "  producer: { linger: 0ms, %s }\n"
                           "  hook:\n%s",
                           s->kafka.servers, settings, rules);
}

static void close_stage(struct stage *s) {
    mqk_bridge_close(s->bridge, 5000, NULL);
    kit_kafka_stop(&s->kafka);
    free(s->host);
    kit_folder_remove(s->dir);
}

static const char one_rule[] =
    "    - { name: r, hook: message.publish, topic: t, key: k, value: '${payload}',\n"
    "        headers: [ { name: own, value: '${clientid}' } ] }\n";

/* In memory, through the disk, and as a spare: the modes that a record can be refused in. */
static const char *const modes[] = {
    "dead_letter: dead",
    "dead_letter: dead, buffer: { mode: disk, dir: '%s', disk: 64MB }",
    "dead_letter: dead, buffer: { mode: hybrid, dir: '%s', disk: 64MB }",
};

static int send_token(struct stage *s, const char *topic, const char *payload, uint64_t token) {
    mqk_event event = kit_publish("c", topic, payload);
    event.token = token;
    return mqk_on_event(s->bridge, &event);
}

static void flush(struct stage *s) {
    assert_int_equal(mqk_bridge_flush(s->bridge, 30000, NULL), MQK_OK);
    mqk_bridge_poll(s->bridge, 0);
}

/* A record that the broker refuses for good is in the dead letter topic, with the reason. */
static void test_dead_letter(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct stage s;
        struct kit_record r;
        open_stage(&s, modes[i], one_rule);
        assert_int_equal(send_token(&s, "a", "good", 1), 1);
        flush(&s);
        rd_kafka_mock_push_request_errors(s.kafka.cluster, PRODUCE_REQUEST, 1,
                                          RD_KAFKA_RESP_ERR_INVALID_RECORD);
        assert_int_equal(send_token(&s, "a", "bad", 2), 1);
        flush(&s);
        assert_int_equal(s.host->told[2], 1);
        assert_int_equal(s.host->status[2], MQK_OK);
        assert_int_equal(kit_consume(s.kafka.servers, "dead", 1, &r, 1), 1);
        assert_string_equal(r.value, "bad");
        assert_string_equal(r.key, "k");
        assert_non_null(strstr(r.headers, "own=c;mqk-error=MQK_ERR_KAFKA;mqk-reason="));
        assert_non_null(strstr(r.headers, "mqk-topic=t;mqk-rule=r;mqk-timestamp=1700000000123;"));
        assert_non_null(strstr(r.headers, "mqk-failed-at=1"));
        assert_int_equal(r.timestamp_ms, 1700000000123);
        kit_records_free(&r, 1);
        mqk_stats stats = kit_stats(s.bridge);
        assert_int_equal(stats.accepted, 2);
        assert_int_equal(stats.dead_lettered + (i == 1 ? stats.delivered - 1 : 0), 1);
        assert_int_equal(stats.failed, 0);
        assert_int_equal(stats.queued, 0);
        close_stage(&s);
    }
}

/* One that is too large goes without its value, which would be too large there as well. */
static void test_too_large(void **state) {
    (void)state;
    struct stage s;
    struct kit_record r;
    size_t size = 2 << 20;
    char *large = malloc(size + 1);
    memset(large, 'x', size);
    large[size] = '\0';
    open_stage(&s, modes[0], one_rule);
    assert_int_equal(send_token(&s, "a", large, 1), 1);
    flush(&s);
    assert_int_equal(s.host->status[1], MQK_OK);
    assert_int_equal(kit_consume(s.kafka.servers, "dead", 1, &r, 1), 1);
    assert_null(r.value);
    assert_non_null(strstr(r.headers, "mqk-error=MQK_ERR_TOO_LARGE;"));
    assert_non_null(strstr(r.headers, "mqk-value-size=2097152;"));
    kit_records_free(&r, 1);
    free(large);
    close_stage(&s);
}

/* What a template makes no legal topic of, and a topic beyond max_topics. */
static void test_bad_topics(void **state) {
    (void)state;
    struct stage s;
    struct kit_record r[2];
    open_stage(&s, modes[0],
               "    - { name: r, hook: message.publish, topic: '${payload}', value: v,\n"
               "        max_topics: 1 }\n");
    assert_int_equal(send_token(&s, "a", "t", 1), 1);
    assert_int_equal(send_token(&s, "a", "not a topic", 2), 1);
    assert_int_equal(send_token(&s, "a", "second", 3), 1);
    flush(&s);
    assert_int_equal(kit_consume(s.kafka.servers, "dead", 2, r, 2), 2);
    assert_non_null(strstr(r[0].headers, "mqk-error=MQK_ERR_TOPIC;"));
    assert_non_null(strstr(r[0].headers, "mqk-topic=not a topic;"));
    assert_non_null(strstr(r[1].headers, "mqk-topic=second;"));
    kit_records_free(r, 2);
    for (int token = 1; token <= 3; token++) {
        assert_int_equal(s.host->told[token], 1);
        assert_int_equal(s.host->status[token], MQK_OK);
    }
    assert_int_equal(kit_stats(s.bridge).dead_lettered, 2);
    assert_int_equal(kit_stats(s.bridge).bad_topic, 0);
    close_stage(&s);
}

/* A dead letter that cannot be delivered either is given up and counted, not sent for ever. */
static void test_dead_letter_refused(void **state) {
    (void)state;
    struct stage s;
    open_stage(&s, modes[0], one_rule);
    rd_kafka_mock_push_request_errors(s.kafka.cluster, PRODUCE_REQUEST, 2,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD);
    assert_int_equal(send_token(&s, "a", "bad", 1), 1);
    flush(&s);
    assert_int_equal(s.host->told[1], 1);
    assert_int_equal(s.host->status[1], MQK_ERR_KAFKA);
    assert_int_equal(kit_stats(s.bridge).failed, 1);
    assert_int_equal(kit_stats(s.bridge).dead_lettered, 0);
    close_stage(&s);
}

/* The idempotent client gives up when the broker has lost its sequence: another takes over, and
 * everything arrives. (A real broker refuses what comes after a gap, the in-process one does not:
 * here the record that met the error may come last.) */
static void test_client_gives_up(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct stage s;
        open_stage(&s, modes[i], one_rule);
        assert_int_equal(send_token(&s, "a", "0", 1), 1);
        flush(&s);
        rd_kafka_mock_push_request_errors(s.kafka.cluster, PRODUCE_REQUEST, 1,
                                          RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        for (int n = 1; n < 500; n++) {
            char payload[16];
            snprintf(payload, sizeof(payload), "%d", n);
            assert_int_equal(send_token(&s, "a", payload, (uint64_t)n + 1), 1);
        }
        flush(&s);
        for (int token = 1; token <= 500; token++) {
            assert_int_equal(s.host->told[token], 1);
            assert_int_equal(s.host->status[token], MQK_OK);
        }
        struct kit_record *records = calloc(500, sizeof(*records));
        assert_int_equal(kit_consume(s.kafka.servers, "t", 500, records, 500), 500);
        bool there[500] = {false};
        for (int n = 0; n < 500; n++) {
            int value = atoi(records[n].value);
            assert_true(value >= 0 && value < 500 && !there[value]);
            there[value] = true;
        }
        kit_records_free(records, 500);
        free(records);
        mqk_stats stats = kit_stats(s.bridge);
        assert_int_equal(stats.delivered, 500);
        assert_int_equal(stats.failed, 0);
        assert_non_null(strstr(s.host->log, "a new client takes over"));
        close_stage(&s);
    }
}

/* A bound in records, in each mode. */
static void test_records_bound(void **state) {
    (void)state;
    static const struct {
        const char *producer;
        int result; /* of an event that meets a full buffer */
        uint64_t queued;
    } cases[] = {
        {"buffer: { records: 100, when_full: refuse }", MQK_ERR_FULL, 100},
        {"buffer: { records: 100, when_full: drop_newest }", 0, 100},
        {"buffer: { records: 100, when_full: drop_oldest }", 1, 100},
        {"buffer: { mode: disk, dir: '%s', records: 100, when_full: refuse }", MQK_ERR_FULL, 100},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stage s;
        open_stage(&s, cases[i].producer, one_rule);
        rd_kafka_mock_broker_set_down(s.kafka.cluster, 1);
        int last = 1;
        for (int n = 0; n < 300; n++) {
            last = send_token(&s, "a", "x", 0);
        }
        assert_int_equal(last, cases[i].result);
        /* One on its way from the spool to librdkafka may be seen on both sides. */
        kit_assert_in_range(kit_stats(s.bridge).queued, cases[i].queued, cases[i].queued + 1);
        rd_kafka_mock_broker_set_up(s.kafka.cluster, 1);
        flush(&s);
        assert_int_equal(kit_stats(s.bridge).delivered, cases[i].queued);
        close_stage(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dead_letter),     cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_bad_topics),      cmocka_unit_test(test_dead_letter_refused),
        cmocka_unit_test(test_client_gives_up), cmocka_unit_test(test_records_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
