/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the buffer modes cost: events of 200 bytes into an in-process Kafka, from the first
 * mqk_on_event() to the last acknowledgement, disk and hybrid against memory; and how long the
 * slowest of a thousand calls takes while Kafka is away. A mode leaves work behind for the next one
 * (what was written goes to the disk): so rounds of all modes alternate, in each order as often.
 * The median of the rounds counts.
 */
#include "bench.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <mqkafka/mqkafka.h>
#include <unistd.h>

#define ROUNDS  12 /* of each order as many */
#define EVENTS  200000
#define OUTAGE  300000
#define BUCKETS 4000 /* of 50 ns */

enum { MEMORY, DISK, HYBRID, MODES };
static const char *const names[MODES] = {"memory", "disk", "hybrid"};
static const int orders[][MODES] = {{MEMORY, DISK, HYBRID}, {DISK, MEMORY, HYBRID},
                                    {HYBRID, MEMORY, DISK}, {MEMORY, HYBRID, DISK},
                                    {HYBRID, DISK, MEMORY}, {DISK, HYBRID, MEMORY}};
#define ORDERS (sizeof(orders) / sizeof(orders[0]))
static char folder[] = "/tmp/mqk-bench-XXXXXX";

static void check(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bench_buffer: %s\n", what);
        exit(1);
    }
}

static void discard_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static mqk_bridge *open_bridge(const char *servers, int mode, const char *place) {
    char text[1024];
    mqk_error err;
    mqk_config *config;
    mqk_bridge *bridge = NULL;
    snprintf(text, sizeof(text),
             "kafka:\n  client: { servers: ['%s'] }\n"
             "  producer: { linger: 5ms, buffer: { mode: %s, dir: '%s/%s', memory: 256MB,\n"
             "                                     disk: 2GB, when_full: refuse } }\n"
             "  hook: [ { hook: message.publish, topic: bench, key: '${clientid}',\n"
             "            value: '${payload}' } ]\n",
             servers, names[mode], folder, place);
    if (mqk_config_load_memory(mqk_cstr(text), "bench", &config, &err) != MQK_OK ||
        mqk_bridge_open(config, NULL, &bridge, &err) != MQK_OK) {
        check(0, err.message);
    }
    mqk_config_free(config);
    return bridge;
}

static mqk_event make_event(void) {
    static char payload[200];
    memset(payload, 'x', sizeof(payload));
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr("sensor-000017");
    event.topic = mqk_cstr("line/7/temp");
    event.payload = (mqk_str){payload, sizeof(payload)};
    event.timestamp = 1700000000123;
    return event;
}

/* Time of an event from the call to the acknowledgement, as many are under way. */
static double run(mqk_bridge *bridge, const mqk_event *event) {
    double start = bench_wall_ns();
    for (int i = 0; i < EVENTS; i++) {
        check(mqk_on_event(bridge, event) == 1, "mqk_on_event");
    }
    check(mqk_bridge_flush(bridge, 120000, NULL) == MQK_OK, "flush");
    return (bench_wall_ns() - start) / EVENTS;
}

static void throughput(const char *servers) {
    double ns[MODES][ROUNDS];
    mqk_bridge *bridges[MODES];
    mqk_event event = make_event();
    for (int m = 0; m < MODES; m++) {
        bridges[m] = open_bridge(servers, m, names[m]);
        run(bridges[m], &event);
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < MODES; k++) {
            int m = orders[(size_t)i % ORDERS][k];
            ns[m][i] = run(bridges[m], &event);
        }
    }
    double memory = bench_median(ns[MEMORY], ROUNDS);
    /* The goals are said in throughput: half of it is twice the time. */
    bench_row("mode disk, an event all the way", bench_median(ns[DISK], ROUNDS), "mode memory",
              memory, "at most 2.0");
    bench_row("mode hybrid, an event all the way", bench_median(ns[HYBRID], ROUNDS), "mode memory",
              memory, "at most 1.05");
    for (int m = 0; m < MODES; m++) {
        mqk_bridge_close(bridges[m], 10000, NULL);
    }
}

/* Upper bound of the time that `permille` of the calls stayed below. */
static double quantile(const unsigned *buckets, unsigned permille) {
    unsigned long below = 0;
    for (int b = 0; b < BUCKETS; b++) {
        below += buckets[b];
        if (below * 1000 >= (unsigned long)OUTAGE * permille) {
            return (b + 1) * 50.0;
        }
    }
    return BUCKETS * 50.0;
}

/* One round: how long most calls took at most, and half of them. */
static void outage(int mode, int round, double *slow, double *middle) {
    static unsigned buckets[BUCKETS];
    char place[32];
    mqk_event event = make_event();
    snprintf(place, sizeof(place), "outage-%s-%d", names[mode], round);
    mqk_bridge *bridge = open_bridge("127.0.0.1:1", mode, place);
    memset(buckets, 0, sizeof(buckets));
    for (int n = 0; n < OUTAGE; n++) {
        double start = bench_wall_ns();
        check(mqk_on_event(bridge, &event) == 1, "mqk_on_event");
        unsigned bucket = (unsigned)((bench_wall_ns() - start) / 50);
        buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    }
    *slow = quantile(buckets, 999);
    *middle = quantile(buckets, 500);
    mqk_bridge_close(bridge, 0, NULL);
}

static void outages(void) {
    double slow[MODES][ROUNDS];
    double middle[MODES][ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < MODES; k++) {
            int m = orders[(size_t)i % ORDERS][k];
            outage(m, i, &slow[m][i], &middle[m][i]);
        }
    }
    for (int m = 0; m < MODES; m++) {
        char what[64];
        snprintf(what, sizeof(what), "p99.9 of on_event in an outage, mode %s", names[m]);
        bench_row(what, bench_median(slow[m], ROUNDS), "its median",
                  bench_median(middle[m], ROUNDS), "at most 20");
    }
}

int main(void) {
    char reason[256];
    check(mkdtemp(folder) != NULL, "no temporary folder");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, discard_log);
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    check(host != NULL, reason);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
    check(cluster != NULL, "mock cluster");
    rd_kafka_mock_topic_create(cluster, "bench", 4, 1);
    throughput(rd_kafka_mock_cluster_bootstraps(cluster));
    outages();
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}
