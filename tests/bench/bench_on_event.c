/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqk_on_event() against rd_kafka_produce() of the same bytes, both into an in-process Kafka with
 * the same settings, and mqk_on_event() when no rule matches. Rounds of both alternate, and so does
 * which of the two is first in a round: the second one finds memory that the first one made the
 * allocator take. The median of the rounds counts, measured in the caller's own processor time; so
 * many are needed because whether a round meets page faults is the allocator's chance.
 */
#include "bench.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <mqkafka/mqkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#define ROUNDS 101
#define EVENTS 20000
#define RULES  1000

static rd_kafka_mock_cluster_t *cluster;
static atomic_bool stop;

static void check(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bench_on_event: %s\n", what);
        exit(1);
    }
}

static void discard_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    (void)opaque;
    check(message->err == RD_KAFKA_RESP_ERR_NO_ERROR, "delivery failed");
}

static rd_kafka_t *client(const char *servers) {
    char reason[256];
    static const char *const settings[][2] = {{"linger.ms", "20"},
                                              {"enable.idempotence", "true"},
                                              {"partitioner", "murmur2_random"},
                                              {"message.timeout.ms", "0"},
                                              {"queue.buffering.max.messages", "10000000"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, discard_log);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    for (size_t i = 0; servers && i < sizeof(settings) / sizeof(settings[0]); i++) {
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], NULL, 0);
    }
    if (servers) {
        rd_kafka_conf_set(conf, "bootstrap.servers", servers, NULL, 0);
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    check(rk != NULL, reason);
    return rk;
}

static void *serve(void *rk) {
    while (!atomic_load(&stop)) {
        rd_kafka_poll(rk, 100);
    }
    return NULL;
}

/* A configuration of `count` rules, of which the one for "line/7/temp" matches, if any. `more` is
 * settings of each rule beside its value, "" or "name: value, ". */
static mqk_bridge *open_bridge(const char *servers, int count, const char *more,
                               const char *value) {
    mqk_error err;
    mqk_config *config;
    mqk_bridge *bridge = NULL;
    size_t size = 4096 + (size_t)count * (strlen(more) + strlen(value) + 200);
    char *text = malloc(size);
    int used = snprintf(text, size,
                        "kafka:\n  client: { servers: ['%s'] }\n"
                        "  producer: { linger: 20ms, buffer: { memory: 2GB, when_full: refuse } }\n"
                        "  hook:\n",
                        servers);
    for (int i = 0; i < count; i++) {
        used += snprintf(text + used, size - (size_t)used,
                         "    - { hook: message.publish, filter: 'line/%d/+', %stopic: bench, key: "
                         "'${clientid}', value: '%s' }\n",
                         i, more, value);
    }
    if (mqk_config_load_memory((mqk_str){text, (size_t)used}, "bench", &config, &err) != MQK_OK ||
        mqk_bridge_open(config, NULL, &bridge, &err) != MQK_OK) {
        check(0, err.message);
    }
    mqk_config_free(config);
    free(text);
    return bridge;
}

static mqk_event make_event(const char *topic) {
    static const char payload[] =
        "{\"temperature\":21.50,\"humidity\":48.25,\"unit\":\"celsius\",\"seq\":123456}";
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr("sensor-000017");
    event.username = mqk_cstr("factory-a");
    event.topic = mqk_cstr(topic);
    event.payload = mqk_cstr(payload);
    event.qos = 1;
    event.timestamp = 1700000000123;
    event.node = mqk_cstr("node-1");
    return event;
}

static double time_on_event(mqk_bridge *bridge, const mqk_event *event, int events, int expected) {
    double start = bench_thread_ns();
    for (int i = 0; i < events; i++) {
        check(mqk_on_event(bridge, event) == expected, "mqk_on_event");
    }
    return (bench_thread_ns() - start) / events;
}

static double time_produce(rd_kafka_topic_t *topic, const char *value, size_t len) {
    double start = bench_thread_ns();
    for (int i = 0; i < EVENTS; i++) {
        check(rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                               (void *)(uintptr_t)value, len, "sensor-000017", 13, NULL) == 0,
              "rd_kafka_produce");
    }
    return (bench_thread_ns() - start) / EVENTS;
}

/* A matching event against the same record given to librdkafka. */
static void compare(const char *what, const char *servers, const char *more,
                    const char *value_template, const char *goal) {
    double ours[ROUNDS];
    double raw[ROUNDS];
    char value[1024];
    mqk_str rendered;
    mqk_template *template;
    mqk_event event = make_event("line/7/temp");
    check(mqk_template_compile(mqk_cstr(value_template), MQK_FORMAT_AUTO, &template, NULL) ==
              MQK_OK,
          "template");
    check(mqk_template_render(template, &event, value, sizeof(value), &rendered) == MQK_OK,
          "render");
    mqk_template_free(template);

    pthread_t thread;
    rd_kafka_t *rk = client(servers);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, "bench", NULL);
    mqk_bridge *bridge = open_bridge(servers, RULES, more, value_template);
    atomic_store(&stop, false);
    pthread_create(&thread, NULL, serve, rk);
    for (int i = -1; i < ROUNDS; i++) { /* the first round warms up */
        double a = 0, b = 0;
        for (int turn = 0; turn < 2; turn++) {
            if (((i + turn) & 1) == 0) {
                a = time_on_event(bridge, &event, EVENTS, 1);
                check(mqk_bridge_flush(bridge, 60000, NULL) == MQK_OK, "flush");
            } else {
                b = time_produce(topic, rendered.data, rendered.len);
                check(rd_kafka_flush(rk, 60000) == RD_KAFKA_RESP_ERR_NO_ERROR, "flush");
            }
        }
        if (i >= 0) {
            ours[i] = a;
            raw[i] = b;
        }
    }
    printf("record value: %zu bytes\n", rendered.len);
    bench_row(what, bench_median(ours, ROUNDS), "rd_kafka_produce, same bytes",
              bench_median(raw, ROUNDS), goal);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    mqk_bridge_close(bridge, 10000, NULL);
}

/* Nothing matches: the first level is known, the second is not; and with ten rules likewise. */
static void no_match(const char *servers) {
    static const int counts[] = {10, 1000, 100000};
    double ns[3][ROUNDS];
    mqk_bridge *bridges[3];
    mqk_event event = make_event("line/none/temp");
    for (int c = 0; c < 3; c++) {
        bridges[c] = open_bridge(servers, counts[c], "", "x");
        time_on_event(bridges[c], &event, EVENTS, 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int c = 0; c < 3; c++) {
            ns[c][i] = time_on_event(bridges[c], &event, EVENTS * 10, 0);
        }
    }
    double ten = bench_median(ns[0], ROUNDS);
    bench_row("on_event, no match, 10 filters", ten, "itself", ten, "at most 150 ns");
    bench_row("on_event, no match, 1,000 filters", bench_median(ns[1], ROUNDS), "10 filters", ten,
              "at most 2.0");
    bench_row("on_event, no match, 100,000 filters", bench_median(ns[2], ROUNDS), "10 filters", ten,
              "at most 2.0");
    for (int c = 0; c < 3; c++) {
        mqk_bridge_close(bridges[c], 0, NULL);
    }
}

int main(void) {
    rd_kafka_t *host = client(NULL);
    cluster = rd_kafka_mock_cluster_new(host, 1);
    check(cluster != NULL, "mock cluster");
    rd_kafka_mock_topic_create(cluster, "bench", 4, 1);
    const char *servers = rd_kafka_mock_cluster_bootstraps(cluster);
    compare(
        "on_event, 1 of 1,000 rules, JSON envelope", servers, "",
        "{\"action\":\"message_publish\",\"device_id\":\"${clientid}\",\"username\":\"${username}"
        "\",\"topic\":\"${topic}\",\"payload\":\"${payload}\",\"ts\":${timestamp}}",
        "at most 1.5");
    compare("on_event, 1 of 1,000 rules, raw payload", servers, "", "${payload}", "-");
    compare("on_event, one payload path and a condition", servers,
            "where: \"qos >= 1 and payload.temperature > 20\", ",
            "{\"device\":\"${clientid}\",\"t\":${payload.temperature},\"from\":\"${topic}\","
            "\"user\":\"${username}\",\"qos\":${qos},\"at\":${timestamp},\"node\":\"${node}\","
            "\"padding\":\"01234567890123456789012345678901234567890123456789\"}",
            "at most 2.0");
    compare("on_event, two payload paths", servers, "",
            "{\"device\":\"${clientid}\",\"t\":${payload.temperature},\"u\":\"${payload.unit}\","
            "\"from\":\"${topic}\",\"user\":\"${username}\",\"qos\":${qos},\"at\":${timestamp},"
            "\"node\":\"${node}\",\"padding\":\"0123456789012345678901234567890\"}",
            "-");
    no_match(servers);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
    return 0;
}
