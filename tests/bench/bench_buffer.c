/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the buffer modes cost: events of 200 bytes into an in-process Kafka, from the first
 * mqk_on_event() to the last acknowledgement, disk and hybrid against memory; and how long the
 * slowest of a thousand calls takes while Kafka is away: with 200 events each millisecond, which is
 * more than a broker gives on such a machine, and with as many as one thread can make, which is
 * more new memory than the system can hand out. librdkafka alone is measured likewise.
 *
 * Each measurement has a process of its own, as a host has: what another one left of the heap must
 * not count. A mode leaves work behind for the next one all the same (what was written goes to the
 * disk): so rounds of all modes alternate, in each order as often. The median of the rounds counts.
 */
#include "bench.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <mqkafka/mqkafka.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS  24 /* of each order as many */
#define OUTAGES 6
#define RUNS    5
#define EVENTS  200000
#define OUTAGE  300000
#define BURST   200 /* events each millisecond */
#define WIDTH   10  /* of a bucket, ns */
#define BUCKETS 20000

/* The last two are for outages only; a flood comes as fast as it can. */
enum { MEMORY, DISK, HYBRID, MODES, DISK_SYNCED_LATE = MODES, PACED_MODES, FLOOD = PACED_MODES };
static const char *const names[] = {"memory", "disk", "hybrid", "disk, sync: 1s", "memory"};
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

/* What a round has measured. */
struct result {
    double event; /* ns */
    double slow, middle;
};

static void throughput(int mode, int round, struct result *result) {
    char reason[256], place[40];
    double ns[RUNS];
    mqk_event event = make_event();
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, discard_log);
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    check(host != NULL, reason);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
    check(cluster != NULL, "mock cluster");
    rd_kafka_mock_topic_create(cluster, "bench", 4, 1);
    snprintf(place, sizeof(place), "run-%s-%d", names[mode], round);
    mqk_bridge *bridge = open_bridge(rd_kafka_mock_cluster_bootstraps(cluster), mode, place);
    run(bridge, &event); /* warms up */
    for (int i = 0; i < RUNS; i++) {
        ns[i] = run(bridge, &event);
    }
    result->event = bench_median(ns, RUNS);
    mqk_bridge_close(bridge, 10000, NULL);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
}

static unsigned buckets[BUCKETS];

static void sort_in(double ns) {
    unsigned bucket = (unsigned)(ns / WIDTH);
    buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

/* Upper bound of the time that `permille` of the calls stayed below. */
static double quantile(unsigned permille) {
    unsigned long below = 0;
    for (int b = 0; b < BUCKETS; b++) {
        below += buckets[b];
        if (below * 1000 >= (unsigned long)OUTAGE * permille) {
            return (b + 1) * (double)WIDTH;
        }
    }
    return BUCKETS * (double)WIDTH;
}

/* Before event `n`: with its burst, or at once. */
static void wait_for(int n, double start, int mode) {
    if (mode != FLOOD && n % BURST == 0) {
        double until = start + n / BURST * 1e6;
        struct timespec at = {(time_t)(until / 1e9), (long)(until - (time_t)(until / 1e9) * 1e9)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

/* How long most calls took at most, and half of them. */
static void outage(int mode, int round, struct result *result) {
    char place[40];
    mqk_event event = make_event();
    snprintf(place, sizeof(place), "outage-%s-%d", names[mode], round);
    mqk_bridge *bridge = open_bridge("127.0.0.1:1", mode, place);
    double begin = bench_wall_ns();
    for (int n = 0; n < OUTAGE; n++) {
        wait_for(n, begin, mode);
        double start = bench_wall_ns();
        check(mqk_on_event(bridge, &event) == 1, "mqk_on_event");
        sort_in(bench_wall_ns() - start);
    }
    result->slow = quantile(999);
    result->middle = quantile(500);
    mqk_bridge_close(bridge, 0, NULL);
}

/* The same of librdkafka alone. */
static void bare_outage(int mode, int round, struct result *result) {
    char reason[256];
    mqk_event event = make_event();
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)round;
    rd_kafka_conf_set_log_cb(conf, discard_log);
    rd_kafka_conf_set(conf, "bootstrap.servers", "127.0.0.1:1", NULL, 0);
    rd_kafka_conf_set(conf, "queue.buffering.max.messages", "10000000", NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    check(rk != NULL, reason);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, "bench", NULL);
    double begin = bench_wall_ns();
    for (int n = 0; n < OUTAGE; n++) {
        wait_for(n, begin, mode);
        double start = bench_wall_ns();
        check(rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                               (void *)(uintptr_t)event.payload.data, event.payload.len,
                               event.clientid.data, event.clientid.len, NULL) == 0,
              "rd_kafka_produce");
        sort_in(bench_wall_ns() - start);
    }
    result->slow = quantile(999);
    result->middle = quantile(500);
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

/* Measures in a process of its own. */
static struct result apart(void (*measure)(int mode, int round, struct result *result), int mode,
                           int round) {
    struct result result = {0, 0, 0};
    int ends[2], status = 0;
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        measure(mode, round, &result);
        check(write(ends[1], &result, sizeof(result)) == sizeof(result), "write");
        _exit(0);
    }
    check(waitpid(child, &status, 0) == child && status == 0, "a measurement failed");
    check(read(ends[0], &result, sizeof(result)) == sizeof(result), "read");
    close(ends[0]);
    close(ends[1]);
    return result;
}

/* The slowest calls of all rounds, and those in the middle. */
struct tail {
    double slow[OUTAGES], middle[OUTAGES];
};

static void keep(struct tail *tail, int round, struct result result) {
    tail->slow[round] = result.slow;
    tail->middle[round] = result.middle;
}

static void tail_row(const char *what, struct tail *tail, const char *goal) {
    bench_row(what, bench_median(tail->slow, OUTAGES), "its median",
              bench_median(tail->middle, OUTAGES), goal);
}

int main(void) {
    double event[MODES][ROUNDS];
    struct tail modes[PACED_MODES], bare, flood, bare_flood;
    char text[80];
    check(mkdtemp(folder) != NULL, "no temporary folder");
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < MODES; k++) {
            int m = orders[(size_t)i % ORDERS][k];
            event[m][i] = apart(throughput, m, i).event;
        }
    }
    for (int i = 0; i < OUTAGES; i++) {
        for (int k = 0; k < MODES; k++) {
            int m = orders[(size_t)i % ORDERS][k];
            keep(&modes[m], i, apart(outage, m, i));
        }
        keep(&modes[DISK_SYNCED_LATE], i, apart(outage, DISK_SYNCED_LATE, i));
        keep(&bare, i, apart(bare_outage, MEMORY, i));
        keep(&flood, i, apart(outage, FLOOD, i));
        keep(&bare_flood, i, apart(bare_outage, FLOOD, i));
    }
    double memory = bench_median(event[MEMORY], ROUNDS);
    /* The goals are said in throughput: half of it is twice the time. */
    bench_row("mode disk, an event all the way", bench_median(event[DISK], ROUNDS), "mode memory",
              memory, "at most 2.0");
    bench_row("mode hybrid, an event all the way", bench_median(event[HYBRID], ROUNDS),
              "mode memory", memory, "at most 1.05");
    for (int m = 0; m < PACED_MODES; m++) {
        snprintf(text, sizeof(text), "p99.9 of on_event in an outage, mode %s", names[m]);
        tail_row(text, &modes[m], "at most 20");
    }
    tail_row("p99.9 of rd_kafka_produce in an outage", &bare, "-");
    tail_row("p99.9 of on_event in a flood, mode memory", &flood, "-");
    tail_row("p99.9 of rd_kafka_produce in a flood", &bare_flood, "-");
    snprintf(text, sizeof(text), "rm -rf %s", folder);
    return system(text) == 0 ? 0 : 1;
}
