/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads, one bridge: nothing lost, nothing twice, order kept per thread, also while the
 * configuration is replaced. Runs under the thread sanitizer. */
#include "kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS 8
#define EACH    2500

static const char *const RULES =
    "kafka:\n"
    "  client: { servers: ['%s'] }\n"
    "  producer: { compression: %s }\n"
    "  hook:\n"
    "    - { name: r, hook: message.publish, filter: 'in/+', topic: '%s', key: '${clientid}', "
    "value: '${payload}' }\n"
    "    - { hook: message.publish, filter: 'never/#', topic: never, value: x }\n";

struct work {
    mqk_bridge *bridge;
    int number;
    _Atomic int *running;
    _Atomic int *reloads; /* NULL: there are none */
    long pause_ns;        /* between two events */
};

/* So many happen before the threads are half through. */
#define RELOADS 4

static void *run(void *user) {
    struct work *w = user;
    char clientid[16];
    char payload[16];
    snprintf(clientid, sizeof(clientid), "%d", w->number);
    for (int i = 0; i < EACH; i++) {
        snprintf(payload, sizeof(payload), "%d", i);
        mqk_event event = kit_publish(clientid, "in/x", payload);
        event.token = i % 50 == 0 ? (uint64_t)(w->number * EACH + i + 1) : 0;
        if (mqk_on_event(w->bridge, &event) != 1) {
            abort();
        }
        event.topic = mqk_cstr("out");
        if (mqk_on_event(w->bridge, &event) != 0) {
            abort();
        }
        while (w->reloads && i == EACH / 2 && atomic_load(w->reloads) < RELOADS) {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
        if (w->pause_ns > 0) {
            nanosleep(&(struct timespec){0, w->pause_ns}, NULL);
        }
    }
    atomic_fetch_sub(w->running, 1);
    return NULL;
}

/* Counts what arrived for each thread, checks that each thread's values rise. */
static size_t collect(const char *servers, const char *topic, size_t expected, int *seen,
                      bool in_order) {
    struct kit_record *records = calloc(THREADS * EACH, sizeof(*records));
    size_t count = kit_consume(servers, topic, expected, records, THREADS * EACH);
    int last[THREADS];
    memset(last, -1, sizeof(last));
    for (size_t i = 0; i < count; i++) {
        int thread = atoi(records[i].key);
        int value = atoi(records[i].value);
        seen[thread * EACH + value]++;
        if (in_order) {
            assert_true(value > last[thread]);
        }
        last[thread] = value;
    }
    kit_records_free(records, count);
    free(records);
    return count;
}

static void start(pthread_t *threads, struct work *work, mqk_bridge *bridge, _Atomic int *running,
                  _Atomic int *reloads, long pause_ns) {
    atomic_store(running, THREADS);
    for (int i = 0; i < THREADS; i++) {
        work[i] = (struct work){bridge, i, running, reloads, pause_ns};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &work[i]), 0);
    }
}

static void test_hammer(void **state) {
    (void)state;
    struct kit_kafka kafka;
    pthread_t threads[THREADS];
    struct work work[THREADS];
    _Atomic int running;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "one", 4);
    struct kit_host *host = malloc(sizeof(*host));
    kit_host_init(host);
    mqk_bridge *bridge = kit_bridge(host, RULES, kafka.servers, "none", "one");
    start(threads, work, bridge, &running, NULL, 0);
    while (atomic_load(&running) > 0) {
        mqk_bridge_poll(bridge, 1);
        kit_stats(bridge);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.events, 2 * THREADS * EACH);
    assert_int_equal(stats.unmatched, THREADS * EACH);
    assert_int_equal(stats.delivered, THREADS * EACH);
    for (int i = 0; i < THREADS * EACH; i++) {
        assert_int_equal(host->told[i + 1], i % EACH % 50 == 0 ? 1 : 0);
    }
    mqk_bridge_close(bridge, 5000, NULL);
    int *seen = calloc(THREADS * EACH, sizeof(*seen));
    assert_int_equal(collect(kafka.servers, "one", THREADS * EACH, seen, true), THREADS * EACH);
    for (int i = 0; i < THREADS * EACH; i++) {
        assert_int_equal(seen[i], 1);
    }
    free(seen);
    free(host);
    kit_kafka_stop(&kafka);
}

/* Reload under load: other topic, other producer settings, back again; every event meets one rule.
 */
static void test_reload_under_load(void **state) {
    (void)state;
    static const char *const topics[] = {"r0", "r1", "r2"};
    struct kit_kafka kafka;
    pthread_t threads[THREADS];
    struct work work[THREADS];
    _Atomic int running;
    mqk_error err;
    kit_kafka_start(&kafka, 1);
    for (int i = 0; i < 3; i++) {
        kit_kafka_topic(&kafka, topics[i], 4);
    }
    struct kit_host *host = malloc(sizeof(*host));
    kit_host_init(host);
    mqk_bridge *bridge = kit_bridge(host, RULES, kafka.servers, "none", "r0");
    _Atomic int reloads = 0;
    start(threads, work, bridge, &running, &reloads, 200000);
    while (atomic_load(&running) > 0) {
        int next = reloads + 1;
        mqk_config *config =
            kit_config(RULES, kafka.servers, next % 2 ? "lz4" : "none", topics[next % 3]);
        assert_int_equal(mqk_bridge_reload(bridge, config, &err), MQK_OK);
        atomic_store(&reloads, next);
        mqk_config_free(config);
        mqk_bridge_poll(bridge, 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.delivered, THREADS * EACH);
    assert_int_equal(stats.events, 2 * THREADS * EACH);
    mqk_bridge_close(bridge, 5000, NULL);
    print_message("%d reloads\n", reloads);
    assert_true(reloads >= RELOADS);
    int *seen = calloc(THREADS * EACH, sizeof(*seen));
    size_t total = 0;
    for (int i = 0; i < 3; i++) {
        total += collect(kafka.servers, topics[i], 0, seen, false);
    }
    assert_int_equal(total, THREADS * EACH);
    for (int i = 0; i < THREADS * EACH; i++) {
        assert_int_equal(seen[i], 1);
    }
    free(seen);
    free(host);
    kit_kafka_stop(&kafka);
}

struct thread_goal {
    mqk_bridge *bridge;
    int threads;
};

static bool threads_are_back(void *user) {
    const struct thread_goal *goal = user;
    mqk_bridge_poll(goal->bridge, 0);
    return kit_threads("") <= goal->threads;
}

/* What a reload does not change keeps its producer; what it drops is finished and ends; counters of
 * a rule that keeps its name go on. */
static void test_reload_keeps(void **state) {
    (void)state;
    struct kit_kafka kafka;
    mqk_error err;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "a", 1);
    kit_kafka_topic(&kafka, "b", 1);
    struct kit_host *host = malloc(sizeof(*host));
    kit_host_init(host);
    mqk_bridge *bridge = kit_bridge(host, RULES, kafka.servers, "none", "a");
    mqk_event event = kit_publish("0", "in/x", "0");
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    kit_wait_for_threads("mqk-probe", 0); /* it comes and goes until Kafka has answered */
    int threads = kit_threads("");

    mqk_config *same = kit_config(RULES, kafka.servers, "none", "b");
    assert_int_equal(mqk_bridge_reload(bridge, same, &err), MQK_OK);
    mqk_config_free(same);
    assert_int_equal(kit_threads(""), threads);
    assert_int_equal(mqk_on_event(bridge, &event), 1);

    mqk_config *other = kit_config(RULES, kafka.servers, "gzip", "b");
    assert_int_equal(mqk_bridge_reload(bridge, other, &err), MQK_OK);
    mqk_config_free(other);
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    mqk_rule_stats rule = {.size = sizeof(rule)};
    assert_int_equal(mqk_bridge_rule_stats(bridge, 0, &rule), MQK_OK);
    assert_int_equal(rule.delivered, 3);
    struct thread_goal goal = {bridge, threads};
    kit_wait(threads_are_back, &goal, "the old producer ends");
    mqk_bridge_close(bridge, 5000, NULL);
    assert_int_equal(kit_consume(kafka.servers, "a", 1, NULL, 0), 1);
    assert_int_equal(kit_consume(kafka.servers, "b", 2, NULL, 0), 2);
    free(host);
    kit_kafka_stop(&kafka);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hammer),
        cmocka_unit_test(test_reload_under_load),
        cmocka_unit_test(test_reload_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
