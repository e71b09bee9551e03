/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's statistics: what they say while Kafka answers, is slow, is away; who may ask when.
 */
#include "kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const SIMPLE =
    "kafka:\n"
    "  client: { servers: ['%s'] }\n"
    "  producer: { linger: 0ms, buffer: { memory: 64KB } }\n"
    "  hook: [ { name: r, hook: message.publish, topic: t, key: k, value: '${payload}' } ]\n";

static mqk_cluster_stats cluster_stats(mqk_bridge *bridge, size_t index) {
    mqk_cluster_stats stats = {.size = sizeof(stats)};
    assert_int_equal(mqk_bridge_cluster_stats(bridge, index, &stats), MQK_OK);
    return stats;
}

static void give(mqk_bridge *bridge, int count) {
    mqk_event event = kit_publish("c", "t", "p");
    for (int i = 0; i < count; i++) {
        assert_int_equal(mqk_on_event(bridge, &event), 1);
    }
}

/* A text as it comes. */
struct text {
    char data[1 << 20];
    size_t len;
    mqk_bridge *bridge; /* to be asked meanwhile, or NULL */
};

static bool take(void *user, mqk_str piece) {
    struct text *text = user;
    assert_true(text->len + piece.len < sizeof(text->data));
    memcpy(text->data + text->len, piece.data, piece.len);
    text->len += piece.len;
    text->data[text->len] = '\0';
    if (text->bridge) {
        kit_stats(text->bridge);
        cluster_stats(text->bridge, 0);
    }
    return true;
}

static bool refuse(void *user, mqk_str piece) {
    (void)piece;
    ++*(int *)user;
    return false;
}

/* A broker that takes 200 ms: no record is quicker, and the quantiles say so. */
static void test_latency(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    mqk_bridge *bridge = kit_bridge(NULL, SIMPLE, kafka.servers);
    give(bridge, 1);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    rd_kafka_mock_broker_set_rtt(kafka.cluster, 1, 200);
    for (int i = 0; i < 3; i++) {
        give(bridge, 33);
        assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    }
    mqk_cluster_stats stats = cluster_stats(bridge, 0);
    assert_int_equal(stats.latency_count, 100);
    assert_int_equal(stats.delivered, 100);
    kit_assert_in_range(stats.latency_p50_us, 190000, UINT64_MAX);
    kit_assert_in_range(stats.latency_sum_us, 99 * UINT64_C(190000), UINT64_MAX);
    kit_assert_in_range(stats.latency_p95_us, stats.latency_p50_us, stats.latency_p99_us);
    kit_assert_in_range(stats.latency_p999_us, stats.latency_p99_us, stats.latency_max_us);
    kit_assert_in_range(stats.latency_max_us, stats.latency_sum_us / 100, UINT64_MAX);
    assert_int_equal(stats.queued + stats.in_flight + stats.backlog + stats.oldest_age_ms, 0);
    rd_kafka_mock_broker_set_rtt(kafka.cluster, 1, 0);
    mqk_bridge_close(bridge, 5000, NULL);
    kit_kafka_stop(&kafka);
}

static bool is_two_seconds_old(void *user) {
    return cluster_stats(user, 0).oldest_age_ms >= 2000;
}

struct age_goal {
    mqk_bridge *bridge;
    uint64_t ms;
};

static bool is_so_old(void *user) {
    const struct age_goal *goal = user;
    return cluster_stats(goal->bridge, 0).oldest_age_ms >= goal->ms;
}

static bool is_empty(void *user) {
    mqk_cluster_stats stats = cluster_stats(user, 0);
    return stats.queued + stats.in_flight + stats.backlog + stats.oldest_age_ms == 0;
}

static bool librdkafka_has_five(void *user) {
    return cluster_stats(user, 0).in_flight == 5;
}

static bool librdkafka_has_its_share(void *user) {
    return cluster_stats(user, 0).in_flight >= 50;
}

/* While Kafka is away records are in librdkafka and in the backlog, and grow older. */
static void test_outage(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "t", 1);
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    mqk_bridge *bridge = kit_bridge(NULL, SIMPLE, kafka.servers);
    give(bridge, 5);
    kit_wait(librdkafka_has_five, bridge, "the records are in librdkafka");
    mqk_cluster_stats stats = cluster_stats(bridge, 0);
    assert_int_equal(stats.backlog, 0);
    assert_int_equal(stats.latency_count, 0);
    assert_int_equal(stats.latency_max_us, 0);
    assert_int_equal(stats.spool_state, MQK_SPOOL_NONE);
    kit_wait(is_two_seconds_old, bridge, "records grow old in librdkafka");
    give(bridge, 145);
    stats = cluster_stats(bridge, 0);
    assert_int_equal(stats.in_flight + stats.backlog, 150);
    assert_int_equal(stats.queued, 150);
    kit_wait(librdkafka_has_its_share, bridge, "librdkafka has its half of the buffer");
    assert_true(cluster_stats(bridge, 0).in_flight <= 110);
    /* Two seconds from now, whenever that is: then all of them have waited so long. */
    struct age_goal goal = {bridge, cluster_stats(bridge, 0).oldest_age_ms + 2000};
    kit_wait(is_so_old, &goal, "records grow old in the queue as well");
    assert_int_not_equal(stats.state, MQK_HEALTH_OK);
    assert_non_null(strstr(stats.message, "default"));
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    kit_wait(is_empty, bridge, "nothing waits any more");
    stats = cluster_stats(bridge, 0);
    assert_int_equal(stats.delivered, 150);
    assert_int_equal(stats.accepted, 150);
    assert_int_equal(stats.latency_count, 150);
    kit_assert_in_range(stats.latency_max_us, 4000000, UINT64_MAX);
    /* What waited in memory before librdkafka had it has waited all the same. */
    kit_assert_in_range(stats.latency_sum_us, 145 * UINT64_C(1800000), UINT64_MAX);
    assert_string_equal(stats.message, "");
    mqk_bridge_close(bridge, 5000, NULL);
    kit_kafka_stop(&kafka);
}

/* A caller of another age gets what its struct has room for. */
static void test_sizes(void **state) {
    (void)state;
    mqk_bridge *bridge = kit_bridge(NULL, SIMPLE, "embedded");
    give(bridge, 3);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    union {
        mqk_cluster_stats stats;
        char bytes[sizeof(mqk_cluster_stats) + 100];
    } room;
    /* The struct of the first version ended after `failed`. */
    for (size_t size = offsetof(mqk_cluster_stats, dead_lettered); size <= sizeof(room.bytes);
         size += 4) {
        memset(&room, 0x55, sizeof(room));
        room.stats.size = size;
        assert_int_equal(mqk_bridge_cluster_stats(bridge, 0, &room.stats), MQK_OK);
        assert_int_equal(room.stats.size, size);
        assert_int_equal(room.stats.delivered, 3);
        for (size_t i = size; i < sizeof(room.bytes); i++) {
            assert_int_equal(room.bytes[i], 0x55);
        }
    }
    mqk_bridge_close(bridge, 0, NULL);
}

static void test_texts(void **state) {
    (void)state;
    mqk_status (*const writers[])(mqk_bridge *, mqk_write_fn, void *) = {
        mqk_bridge_stats_json, mqk_bridge_stats_prometheus, mqk_bridge_stats_openmetrics};
    struct text *text = calloc(1, sizeof(*text));
    mqk_bridge *bridge = kit_bridge(NULL, SIMPLE, "embedded");
    give(bridge, 3);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        int pieces = 0;
        text->len = 0;
        text->bridge = bridge; /* asking from inside is allowed */
        assert_int_equal(writers[i](bridge, take, text), MQK_OK);
        assert_true(text->len > 1000);
        assert_int_equal(text->data[text->len - 1], '\n');
        assert_int_equal(writers[i](bridge, refuse, &pieces), MQK_ERR_TOO_SMALL);
        assert_int_equal(pieces, 1);
        assert_int_equal(writers[i](NULL, take, text), MQK_ERR_ARGUMENT);
        assert_int_equal(writers[i](bridge, NULL, text), MQK_ERR_ARGUMENT);
        pid_t child = fork();
        if (child == 0) {
            _exit(writers[i](bridge, take, text) == MQK_ERR_FORKED ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_string_equal(mqk_spool_state_name(MQK_SPOOL_FULL), "full");
    assert_string_equal(mqk_spool_state_name((mqk_spool_state)99), "?");
    mqk_bridge_close(bridge, 0, NULL);
    free(text);
}

/* A cluster that left the configuration is told of as long as records wait for it. */
static void test_cluster_that_left(void **state) {
    (void)state;
    struct text *text = calloc(1, sizeof(*text));
    mqk_bridge *bridge =
        kit_bridge(NULL, "kafka:\n"
                         "  clusters: [ { name: old, servers: ['127.0.0.1:1'] } ]\n"
                         "  hook: [ { name: r, hook: message.publish, topic: t } ]\n");
    give(bridge, 7);
    mqk_config *config = kit_config("kafka:\n"
                                    "  clusters: [ { name: new, servers: [embedded] } ]\n"
                                    "  hook: [ { name: r, hook: message.publish, topic: t } ]\n");
    assert_int_equal(mqk_bridge_reload(bridge, config, NULL), MQK_OK);
    mqk_config_free(config);
    give(bridge, 2);
    assert_int_equal(mqk_bridge_stats_prometheus(bridge, take, text), MQK_OK);
    assert_non_null(strstr(text->data, "cluster=\"old\"} 7\n"));
    assert_non_null(strstr(text->data, "mqkafka_clusters{"));
    assert_non_null(strstr(text->data, "rule=\"r\",cluster=\"new\"} 9\n"));
    assert_int_equal(kit_stats(bridge).clusters, 1);
    mqk_cluster_stats stats = cluster_stats(bridge, 0);
    assert_int_equal(stats.name.len, 3);
    assert_memory_equal(stats.name.data, "new", 3);
    mqk_bridge_close(bridge, 0, NULL);
    free(text);
}

struct busy {
    mqk_bridge *bridge;
    atomic_bool stop;
};

static void *send_always(void *user) {
    struct busy *busy = user;
    mqk_event event = kit_publish("c", "t", "p");
    while (!atomic_load(&busy->stop)) {
        mqk_on_event(busy->bridge, &event);
    }
    return NULL;
}

static bool count_bytes(void *user, mqk_str piece) {
    *(size_t *)user += piece.len;
    return true;
}

static void *ask_always(void *user) {
    struct busy *busy = user;
    uint64_t delivered = 0;
    while (!atomic_load(&busy->stop)) {
        size_t bytes = 0;
        mqk_bridge_stats_json(busy->bridge, count_bytes, &bytes);
        mqk_bridge_stats_openmetrics(busy->bridge, count_bytes, &bytes);
        mqk_cluster_stats stats = {.size = sizeof(stats)};
        mqk_bridge_cluster_stats(busy->bridge, 0, &stats);
        if (bytes < 1000 || stats.delivered < delivered) {
            return user;
        }
        delivered = stats.delivered;
    }
    return NULL;
}

/* Many ask while records come and the configuration changes. */
static void test_at_once(void **state) {
    (void)state;
    struct busy busy = {.bridge = kit_bridge(NULL, SIMPLE, "embedded")};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, i < 2 ? send_always : ask_always, &busy);
    }
    for (int i = 0; i < 20; i++) {
        mqk_config *config = kit_config(
            "kafka: { client: { servers: [embedded], client_id: c%d }, hook: [ { name: r, "
            "hook: message.publish, topic: t }, { hook: '*', topic: t%d } ] }",
            i % 2, i);
        assert_int_equal(mqk_bridge_reload(busy.bridge, config, NULL), MQK_OK);
        mqk_config_free(config);
    }
    atomic_store(&busy.stop, true);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    mqk_bridge_close(busy.bridge, 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_cluster_that_left),
        cmocka_unit_test(test_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
