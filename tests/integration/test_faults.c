/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when Kafka does not do what it should: errors, silence, absence, a full buffer. */
#include "kit.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PRODUCE_REQUEST 0 /* Kafka protocol, API key */

/* A bridge with one rule and this `producer:` mapping. */
static mqk_bridge *open_bridge(struct kit_host *host, const char *servers, const char *producer) {
    return kit_bridge(
        host,
        "kafka:\n"
        "  client: { servers: ['%s'] }\n"
        "  producer: %s\n"
        "  hook: [ { name: r, hook: message.publish, topic: t, value: '${payload}' } ]\n",
        servers, producer);
}

static void send_numbered(mqk_bridge *bridge, int from, int to) {
    for (int i = from; i < to; i++) {
        char payload[16];
        snprintf(payload, sizeof(payload), "%d", i);
        mqk_event event = kit_publish("c", "t", payload);
        assert_int_equal(mqk_on_event(bridge, &event), 1);
    }
}

/* Passing errors are retried: everything arrives once, in order. One request at a time, because the
 * in-process Kafka does not look at sequence numbers: it takes the second of two requests when an
 * error was asked for the first, where a real one refuses it, and librdkafka then rightly believes
 * that both were taken. */
static void test_retriable_errors(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 3);
    kit_kafka_topic(&kafka, "t", 1);
    rd_kafka_mock_partition_set_leader(kafka.cluster, "t", 0, 1);
    mqk_bridge *bridge =
        kit_bridge(NULL,
                   "kafka:\n"
                   "  client: { servers: ['%s'], properties: ['max.in.flight=1'] }\n"
                   "  producer: { linger: 1ms }\n"
                   "  hook: [ { hook: message.publish, topic: t, value: '${payload}' } ]\n",
                   kafka.servers);
    send_numbered(bridge, 0, 100);
    rd_kafka_mock_push_request_errors(
        kafka.cluster, PRODUCE_REQUEST, 5, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    send_numbered(bridge, 100, 200);
    rd_kafka_mock_partition_set_leader(kafka.cluster, "t", 0, 2);
    send_numbered(bridge, 200, 300);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(kit_stats(bridge).failed, 0);
    assert_int_equal(kit_stats(bridge).delivered, 300);
    assert_int_equal(mqk_bridge_close(bridge, 30000, NULL), MQK_OK);
    kit_assert_in_order(kafka.servers, 300);
    kit_kafka_stop(&kafka);
}

/* A broker that answers late delays, no more. */
static void test_slow_broker(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    mqk_bridge *bridge = open_bridge(NULL, kafka.servers, "{ linger: 0ms }");
    /* Away as well at first: nothing is through before flush has looked. */
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    rd_kafka_mock_broker_set_rtt(kafka.cluster, 1, 300);
    send_numbered(bridge, 0, 50);
    uint64_t left = 0;
    assert_int_equal(mqk_bridge_flush(bridge, 0, &left), MQK_ERR_TIMEOUT);
    assert_int_equal(left, 50);
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, &left), MQK_OK);
    assert_int_equal(left, 0);
    rd_kafka_mock_broker_set_rtt(kafka.cluster, 1, 0);
    mqk_bridge_close(bridge, 5000, NULL);
    kit_assert_in_order(kafka.servers, 50);
    kit_kafka_stop(&kafka);
}

static bool is_down(void *bridge) {
    mqk_health health = {.size = sizeof(health)};
    mqk_bridge_health(bridge, &health);
    return health.state == MQK_HEALTH_DOWN && health.message[0] != '\0';
}

static bool is_ok(void *bridge) {
    mqk_health health = {.size = sizeof(health)};
    mqk_bridge_health(bridge, &health);
    return health.state == MQK_HEALTH_OK && health.message[0] == '\0';
}

/* Kafka is down at the start and comes later; health says so both times, also when nothing is sent.
 */
static void test_down_then_up(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    struct kit_host *host = kit_host_new();
    mqk_bridge *bridge = open_bridge(host, kafka.servers, "{}");
    send_numbered(bridge, 0, 100);
    kit_wait(is_down, bridge, "health says down");
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    assert_true(is_ok(bridge));
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    kit_wait(is_down, bridge, "health says down again");
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    kit_wait(is_ok, bridge, "health says ok without a record being sent");
    mqk_bridge_poll(bridge, 0);
    assert_non_null(strstr(host->log, "no broker can be reached"));
    assert_non_null(strstr(host->log, "connected to Kafka"));
    mqk_bridge_close(bridge, 5000, NULL);
    free(host);
    kit_assert_in_order(kafka.servers, 100);
    kit_kafka_stop(&kafka);
}

static atomic_bool hold_answers;
static atomic_bool answer_is_held;

/* In place of librdkafka's: an answer of Kafka's can be held up before anybody hears of it. */
void rd_kafka_metadata_destroy(const struct rd_kafka_metadata *metadata) {
    void (*real)(const struct rd_kafka_metadata *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_metadata_destroy");
    real(metadata);
    while (atomic_load(&hold_answers)) {
        atomic_store(&answer_is_held, true);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

static bool an_answer_is_held(void *user) {
    (void)user;
    return atomic_load(&answer_is_held);
}

/* Kafka has answered that it is there and is gone when the answer is heard of: librdkafka tells
 * that only once, and the older news must not stand in its place for the whole outage. */
static void test_late_answer(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    atomic_store(&hold_answers, true);
    mqk_bridge *bridge = open_bridge(NULL, kafka.servers, "{}");
    kit_wait(an_answer_is_held, NULL, "Kafka has answered");
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    kit_wait(is_down, bridge, "health says down");
    atomic_store(&hold_answers, false);
    kit_wait_for_threads("mqk-probe", 0);
    assert_true(is_down(bridge));
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    kit_wait(is_ok, bridge, "health says ok");
    mqk_bridge_close(bridge, 5000, NULL);
    kit_kafka_stop(&kafka);
}

/* Permanent refusals are counted and logged, and hold up nobody else. */
static void test_permanent_errors(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    struct kit_host *host = kit_host_new();
    mqk_bridge *bridge = open_bridge(host, kafka.servers, "{ linger: 0ms }");
    mqk_event event = kit_publish("c", "t", "refused");
    rd_kafka_mock_push_request_errors(kafka.cluster, PRODUCE_REQUEST, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD);
    event.token = 1;
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(host->told[1], 1);
    assert_int_equal(host->status[1], MQK_ERR_KAFKA);
    rd_kafka_mock_push_request_errors(kafka.cluster, PRODUCE_REQUEST, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    event.token = 2;
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(host->status[2], MQK_ERR_TOO_LARGE);
    /* Larger than the client itself allows: said at once. */
    size_t size = 2 << 20;
    char *large = calloc(1, size);
    event.payload = (mqk_str){large, size};
    event.token = 3;
    assert_int_equal(mqk_on_event(bridge, &event), MQK_ERR_TOO_LARGE);
    free(large);
    send_numbered(bridge, 0, 10);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.too_large, 2);
    assert_int_equal(stats.delivered, 10);
    assert_int_equal(host->told[3], 0);
    assert_non_null(strstr(host->log, "was not delivered"));
    assert_null(strstr(host->log, "refused")); /* never the payload */
    mqk_bridge_close(bridge, 5000, NULL);
    free(host);
    kit_assert_in_order(kafka.servers, 10);
    kit_kafka_stop(&kafka);
}

/* A topic that Kafka does not have and does not make. */
static void test_unknown_topic(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    rd_kafka_mock_topic_create(kafka.cluster, "missing", 1, 1);
    rd_kafka_mock_topic_set_error(kafka.cluster, "missing",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    mqk_bridge *bridge = kit_bridge(
        NULL,
        "kafka:\n"
        "  client: { servers: ['%s'], properties: ['topic.metadata.propagation.max.ms=100'] }\n"
        "  producer: { linger: 0ms }\n"
        "  hook:\n"
        "    - { hook: message.publish, filter: bad, topic: missing, value: '${payload}' }\n"
        "    - { hook: message.publish, filter: t, topic: t, value: '${payload}' }\n",
        kafka.servers);
    mqk_event event = kit_publish("c", "bad", "x");
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    send_numbered(bridge, 0, 10);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.delivered, 10);
    assert_int_equal(stats.failed, 1);
    mqk_bridge_close(bridge, 5000, NULL);
    kit_assert_in_order(kafka.servers, 10);
    kit_kafka_stop(&kafka);
}

/* Kafka is away and the buffer fills: each way to deal with it, and the books balance. */
static void test_full(void **state) {
    (void)state;
    static const struct {
        const char *when_full;
        int result; /* of an event that meets a full buffer */
    } cases[] = {{"refuse", MQK_ERR_FULL}, {"drop_newest", 0}, {"drop_oldest", 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char producer[128];
        snprintf(producer, sizeof(producer), "{ buffer: { memory: 256KB, when_full: %s } }",
                 cases[i].when_full);
        mqk_bridge *bridge = open_bridge(NULL, "127.0.0.1:1", producer);
        char payload[200];
        memset(payload, 'x', sizeof(payload));
        uint64_t told_accepted = 0;
        int last = 1;
        for (int n = 0; n < 2000; n++) {
            mqk_event event = kit_publish("c", "t", "");
            event.payload = (mqk_str){payload, sizeof(payload)};
            last = mqk_on_event(bridge, &event);
            told_accepted += last > 0;
        }
        assert_int_equal(last, cases[i].result);
        mqk_stats stats = kit_stats(bridge);
        assert_int_equal(stats.matched, 2000);
        assert_int_equal(stats.accepted, told_accepted);
        kit_assert_in_range(stats.queued_bytes, 200 << 10, 256 << 10);
        kit_assert_in_range(stats.queued, 400, 600);
        switch (cases[i].result) {
        case MQK_ERR_FULL:
            assert_int_equal(stats.refused_full, 2000 - stats.queued);
            break;
        case 0:
            assert_int_equal(stats.dropped_full, 2000 - stats.queued);
            break;
        default:
            assert_int_equal(stats.accepted, 2000);
            assert_int_equal(stats.dropped_full, 2000 - stats.queued);
        }
        uint64_t left = 0;
        assert_int_equal(mqk_bridge_close(bridge, 0, &left), MQK_ERR_TIMEOUT);
        assert_int_equal(left, stats.queued);
    }
}

/* drop_oldest: after the outage the newest are there, in order, and nothing twice. */
static void test_drop_oldest_recovers(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    mqk_bridge *bridge =
        open_bridge(NULL, kafka.servers, "{ buffer: { memory: 256KB, when_full: drop_oldest } }");
    send_numbered(bridge, 0, 3000);
    mqk_stats stats = kit_stats(bridge);
    assert_true(stats.dropped_full > 0);
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    send_numbered(bridge, 3000, 3100);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    stats = kit_stats(bridge);
    assert_int_equal(stats.delivered + stats.dropped_full, 3100);
    struct kit_record *records = calloc(stats.delivered, sizeof(*records));
    assert_int_equal(kit_consume(kafka.servers, "t", stats.delivered, records, stats.delivered),
                     stats.delivered);
    int before = -1;
    for (size_t i = 0; i < stats.delivered; i++) {
        assert_true(atoi(records[i].value) > before);
        before = atoi(records[i].value);
    }
    assert_int_equal(before, 3099);
    kit_records_free(records, stats.delivered);
    free(records);
    mqk_bridge_close(bridge, 5000, NULL);
    kit_kafka_stop(&kafka);
}

/* message_ttl: what could not be delivered in time is given up and counted, in both queues. */
static void test_ttl(void **state) {
    (void)state;
    struct kit_host *host = kit_host_new();
    mqk_bridge *bridge =
        open_bridge(host, "127.0.0.1:1", "{ message_ttl: 300ms, buffer: { memory: 64KB } }");
    for (int i = 0; i < 150; i++) {
        mqk_event event = kit_publish("c", "t", "x");
        event.token = (uint64_t)i + 1;
        assert_int_equal(mqk_on_event(bridge, &event), 1);
    }
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    assert_int_equal(kit_stats(bridge).expired, 150);
    for (int i = 0; i < 150; i++) {
        assert_int_equal(host->told[i + 1], 1);
        assert_int_equal(host->status[i + 1], MQK_ERR_EXPIRED);
    }
    mqk_bridge_close(bridge, 0, NULL);
    free(host);
}

/* Every token is told exactly once: delivered, failed, dropped, or closed. */
static void test_tokens(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    struct kit_host *host = kit_host_new();
    mqk_bridge *bridge =
        kit_bridge(host,
                   "kafka:\n"
                   "  client: { servers: ['%s'] }\n"
                   "  hook:\n"
                   "    - { hook: message.publish, filter: 'a/#', topic: t, value: '1' }\n"
                   "    - { hook: message.publish, filter: 'a/b', topic: t, value: '2' }\n",
                   kafka.servers);
    mqk_event event = kit_publish("c", "a/b", "x");
    event.token = 1;
    assert_int_equal(mqk_on_event(bridge, &event), 2);
    event.topic = mqk_cstr("none");
    event.token = 2;
    assert_int_equal(mqk_on_event(bridge, &event), 0);
    assert_int_equal(host->told[1], 0); /* only in poll, never from within on_event */
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(host->told[1], 1);
    assert_int_equal(host->status[1], MQK_OK);
    assert_int_equal(host->told[2], 0);
    mqk_bridge_close(bridge, 5000, NULL);

    kit_host_init(host);
    bridge = open_bridge(host, "127.0.0.1:1", "{ buffer: { memory: 64KB } }");
    for (uint64_t t = 1; t <= 500; t++) {
        event.token = t;
        assert_int_equal(mqk_on_event(bridge, &event), 1);
    }
    uint64_t left = 0;
    mqk_bridge_close(bridge, 0, &left);
    int dropped = 0;
    int closed = 0;
    for (uint64_t t = 1; t <= 500; t++) {
        assert_int_equal(host->told[t], 1);
        dropped += host->status[t] == MQK_ERR_DROPPED;
        closed += host->status[t] == MQK_ERR_CLOSED;
    }
    assert_int_equal(dropped + closed, 500);
    assert_int_equal(closed, left);
    assert_true(dropped > 0 && closed > 0);
    free(host);
    kit_kafka_stop(&kafka);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retriable_errors),
        cmocka_unit_test(test_slow_broker),
        cmocka_unit_test(test_down_then_up),
        cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_permanent_errors),
        cmocka_unit_test(test_unknown_topic),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_drop_oldest_recovers),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
