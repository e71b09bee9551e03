/* SPDX-License-Identifier: Apache-2.0 */
/* When memory runs out, at each allocation in turn, once or for a while: every call says so or does
 * what it should, nothing crashes, nothing is kept, nothing that was accepted is lost, and
 * afterwards everything works. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "failing_memory.h"

/* Every second way of failing: that one allocation, or all from it on. */
#define WAYS 2

static const char rules[] =
    "kafka:\n"
    "  clusters:\n"
    "    - { name: a, servers: ['%s'], properties: ['client.rack=x'] }\n"
    "    - { name: b, servers: ['%s'], producer: { linger: 1ms } }\n"
    "  producer: { linger: 0ms, buffer: { memory: 1MB, when_full: refuse } }\n"
    "  hook:\n"
    "    - { name: plain, hook: message.publish, filter: 'plain/#', cluster: a, topic: t,\n"
    "        key: '${clientid}', value: '${payload}' }\n"
    "    - name: rich\n"
    "      hook: message.publish\n"
    "      filters: ['rich/+', 'both/#']\n"
    "      where: \"qos >= 0 and payload.n >= 0 and clientid like 'c*'\"\n"
    "      regex: { field: clientid, pattern: '^(?<first>.)' }\n"
    "      cluster: a\n"
    "      topic: 't.${regex.first}'\n"
    "      value: '{\"n\":${payload.n},\"all\":${payload},\"id\":\"${uuid}\",\"c\":\"${clientid | "
    "md5 | "
    "upper}\",\"b\":\"${payload | base64}\"}'\n"
    "      headers: [ { name: h, value: '${user.u}' }, { name: i, value: x } ]\n"
    "      headers_from: [user_properties, event]\n"
    "    - { name: cloud, hook: message.publish, filter: 'both/#', cluster: b, topic: t,\n"
    "        envelope: cloudevents }\n"
    "    - { name: waits, hook: message.acked, cluster: b, topic: t, envelope: event,\n"
    "        producer: { produce: sync, produce_sync_timeout: 20s } }\n";

static size_t mark;
static size_t held;

static void begin_counting(void) {
    held = memory_held();
    mark = memory_mark();
}

static void assert_all_given_back(const char *what, long n) {
    if (memory_held() != held) {
        memory_tell(mark);
        fail_msg("%s, allocation %ld failing: %zu allocations were held before, %zu are now", what,
                 n, held, memory_held());
    }
}

/* ---- configurations -------------------------------------------------------------------------- */

static void load_everything(const char *text, mqk_status good) {
    for (int way = 0; way < WAYS; way++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            mqk_config *config = NULL;
            mqk_error err = {.code = MQK_OK};
            begin_counting();
            memory_fails(n, way == 1);
            mqk_status status = mqk_config_load_memory(mqk_cstr(text), NULL, &config, &err);
            failed = memory_is_back();
            if (status != good) {
                assert_true(failed);
                if (status != MQK_ERR_NO_MEMORY) {
                    fail_msg("allocation %ld failing: %s", n, err.message);
                }
                assert_int_equal(err.code, MQK_ERR_NO_MEMORY);
            }
            assert_true((status == MQK_OK) == (config != NULL));
            mqk_config_free(config);
            assert_all_given_back("loading", n);
        }
    }
}

static void test_loading(void **state) {
    (void)state;
    char text[4096];
    snprintf(text, sizeof(text), rules, "a", "b");
    load_everything(text, MQK_OK);
}

/* A configuration that is wrong in many ways, each found at another stage. */
static void test_loading_bad_ones(void **state) {
    (void)state;
    static const struct {
        const char *text;
        mqk_status status;
    } cases[] = {
        {"kafka: [", MQK_ERR_SYNTAX},
        {"kafka: { client: { servers: [a] }, hok: [] }", MQK_ERR_CONFIG},
        {"kafka: { client: { servers: [a, 'b:x'] }, producer: { linger: 5 } }", MQK_ERR_CONFIG},
        {"kafka: { client: { servers: [a], sasl: { mechanism: plain, username: u,\n"
         "  password: 'file:///nowhere/at/all' } }, hook: [ { hook: '*', topic: t } ] }",
         MQK_ERR_CONFIG},
        {"kafka: { client: { servers: [a] }, hook: [ { hook: message.publish, topic: t,\n"
         "  value: '${payload.a} ${clintid}' } ] }",
         MQK_ERR_TEMPLATE},
        {"kafka: { client: { servers: [a] }, hook: [ { hook: message.publish, topic: t,\n"
         "  filters: ['a/#/b', '+'] } ] }",
         MQK_ERR_FILTER},
        {"kafka: { client: { servers: [a] }, hook: [ { hook: message.publish, topic: t,\n"
         "  where: '(qos > 1 and' }, { hook: nope, topic: t, regex: { pattern: '(' } } ] }",
         MQK_ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_config *config = NULL;
        mqk_status good = mqk_config_load_memory(mqk_cstr(cases[i].text), NULL, &config, NULL);
        assert_null(config);
        assert_int_not_equal(good, MQK_OK);
        load_everything(cases[i].text, good);
    }
}

/* ---- bridges --------------------------------------------------------------------------------- */

static struct kit_kafka kafka;
static struct kit_host *host;

static int set_up(void **state) {
    (void)state;
    kit_kafka_start(&kafka, 1);
    static const char *const topics[] = {"t", "t.c", "late"};
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        kit_kafka_topic(&kafka, topics[i], 2);
    }
    host = malloc(sizeof(*host));
    return host ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    free(host);
    kit_kafka_stop(&kafka);
    return 0;
}

static mqk_config *good_config(void) {
    return kit_config(rules, kafka.servers, kafka.servers);
}

static mqk_bridge *good_bridge(void) {
    kit_host_init(host);
    return kit_bridge(host, rules, kafka.servers, kafka.servers);
}

static mqk_event make_event(const char *topic, uint64_t token) {
    static const mqk_pair user[] = {{{"u", 1}, {"v", 1}}, {{"w", 1}, {"x", 1}}};
    mqk_event event = kit_publish("client", topic, "{\"n\":1.50,\"more\":[1,2,3]}");
    event.user_props = user;
    event.user_props_count = 2;
    event.token = token;
    return event;
}

/* Everything that was accepted is delivered, with memory there again. */
static void assert_nothing_lost(mqk_bridge *bridge) {
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.delivered, stats.accepted);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.dropped_full + stats.expired + stats.lost_on_close, 0);
}

/* What the rules keep from one event to the next is made here, not while something is counted. */
static void warm_up(const mqk_config *config) {
    mqk_bridge *bridge = NULL;
    mqk_event event = make_event("both/x", 0);
    assert_int_equal(mqk_bridge_open(config, NULL, &bridge, NULL), MQK_OK);
    assert_int_equal(mqk_on_event(bridge, &event), 2);
    assert_int_equal(mqk_bridge_close(bridge, 60000, NULL), MQK_OK);
}

static void assert_works(mqk_bridge *bridge) {
    mqk_event both = make_event("both/x", 0);
    mqk_event plain = make_event("plain/x", 0);
    assert_int_equal(mqk_on_event(bridge, &both), 2);
    assert_int_equal(mqk_on_event(bridge, &plain), 1);
    assert_nothing_lost(bridge);
}

static void test_opening(void **state) {
    (void)state;
    mqk_config *config = good_config();
    warm_up(config);
    for (int way = 0; way < WAYS; way++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            mqk_bridge *bridge = NULL;
            mqk_error err = {.code = MQK_OK};
            kit_host_init(host);
            begin_counting();
            memory_fails(n, way == 1);
            mqk_status status = mqk_bridge_open(config, &host->host, &bridge, &err);
            failed = memory_is_back();
            assert_true((status == MQK_OK) == (bridge != NULL));
            if (bridge) {
                assert_works(bridge);
            } else {
                assert_true(failed);
                assert_int_equal(status, MQK_ERR_NO_MEMORY);
                assert_int_equal(err.code, MQK_ERR_NO_MEMORY);
            }
            assert_int_equal(mqk_bridge_close(bridge, 60000, NULL), MQK_OK);
            assert_all_given_back("opening", n);
        }
    }
    mqk_config_free(config);
}

/* An event of each kind; returns how many tokens it used. Nothing here may need memory. */
static void give_events(mqk_bridge *bridge, uint64_t *token, bool tokens[], uint64_t *accepted) {
    static const char *const topics[] = {"plain/x", "rich/x", "both/x", "none"};
    for (size_t i = 0; i < 2 * sizeof(topics) / sizeof(topics[0]) + 1; i++) {
        size_t kind = i / 2;
        mqk_event event = make_event(kind < 4 ? topics[kind] : "acked", 0);
        if (i % 2 == 1) {
            event.token = ++*token;
        }
        if (kind == 4) {
            event.hook = MQK_HOOK_MESSAGE_ACKED;
            event.token = ++*token;
        }
        int result = mqk_on_event(bridge, &event);
        assert_true(result >= 0 || result == MQK_ERR_NO_MEMORY);
        if (event.token != 0) {
            tokens[event.token] = result > 0;
        }
        *accepted += result > 0 ? (uint64_t)result : 0;
    }
}

static void test_events(void **state) {
    (void)state;
    mqk_bridge *bridge = good_bridge();
    bool *tokens = calloc(KIT_TOKENS, sizeof(*tokens));
    uint64_t token = 0;
    uint64_t accepted = 0;
    assert_works(bridge);
    for (int way = 0; way < WAYS; way++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            memory_fails(n, way == 1);
            give_events(bridge, &token, tokens, &accepted);
            failed = memory_is_back();
            assert_true(token + 10 < KIT_TOKENS);
        }
    }
    assert_works(bridge);
    kit_assert_in_range(kit_stats(bridge).accepted, accepted, UINT64_MAX);
    mqk_bridge_poll(bridge, 0);
    for (uint64_t i = 1; i <= token; i++) {
        assert_int_equal(host->told[i], tokens[i] ? 1 : 0);
        assert_int_equal(host->status[i], MQK_OK);
    }
    mqk_bridge_close(bridge, 0, NULL);
    free(tokens);
}

/* Kafka is away, the buffer fills, the backlog takes over, Kafka comes back. */
static void test_events_during_an_outage(void **state) {
    (void)state;
    kit_host_init(host);
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    begin_counting();
    mqk_bridge *bridge =
        kit_bridge(host,
                   "kafka: { client: { servers: ['%s'] },\n"
                   "  producer: { linger: 0ms, buffer: { memory: 256KB } },\n"
                   "  hook: [ { hook: message.publish, topic: late, value: '${payload}' } ] }\n",
                   kafka.servers);
    mqk_event event = make_event("x", 0);
    uint64_t accepted = 0;
    for (int i = 0; i < 600; i++) {
        memory_fails(i % 3, i % 2 == 1);
        int result = mqk_on_event(bridge, &event);
        memory_is_back();
        assert_true(result == 1 || result == MQK_ERR_NO_MEMORY);
        accepted += result == 1;
    }
    kit_assert_in_range(accepted, 300, 600);
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    memory_fails(0, true); /* what comes back needs none of ours */
    bool gone = false;
    for (int i = 0; i < 600 && !gone; i++) {
        struct timespec nap = {0, 100000000};
        nanosleep(&nap, NULL);
        mqk_stats stats = kit_stats(bridge);
        gone = stats.queued == 0;
    }
    memory_is_back();
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.accepted, accepted);
    assert_int_equal(stats.delivered, accepted);
    mqk_bridge_close(bridge, 60000, NULL);
    assert_all_given_back("outage", 0);
    assert_int_equal(kit_consume(kafka.servers, "late", accepted, NULL, 0), accepted);
}

static void test_reloading(void **state) {
    (void)state;
    mqk_config *config = good_config();
    mqk_config *other = kit_config(
        "kafka:\n"
        "  clusters:\n"
        "    - { name: a, servers: ['%s'], client_id: new }\n"
        "    - { name: c, servers: ['%s'], producer: { linger: 1ms } }\n"
        "  hook:\n"
        "    - { name: plain, hook: message.publish, filter: 'plain/#', cluster: a, topic: t }\n"
        "    - { name: more, hook: message.publish, filter: 'both/#', cluster: c, topic: "
        "'t.${user.v}' }\n"
        "    - { name: most, hook: message.publish, filter: 'both/#', cluster: a, topic: t }\n",
        kafka.servers, kafka.servers);
    warm_up(config);
    begin_counting();
    mqk_bridge *bridge = good_bridge();
    for (int way = 0; way < WAYS; way++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            mqk_error err = {.code = MQK_OK};
            mqk_event event = make_event("plain/x", 0);
            assert_int_equal(mqk_on_event(bridge, &event), 1);
            memory_fails(n, way == 1);
            mqk_status status = mqk_bridge_reload(bridge, other, &err);
            failed = memory_is_back();
            mqk_stats stats = kit_stats(bridge);
            if (status == MQK_OK) {
                assert_int_equal(stats.rules, 3);
            } else {
                assert_true(failed);
                assert_int_equal(status, MQK_ERR_NO_MEMORY);
                assert_int_equal(err.code, MQK_ERR_NO_MEMORY);
                assert_int_equal(stats.rules, 4);
            }
            assert_works(bridge);
            assert_int_equal(mqk_bridge_reload(bridge, config, &err), MQK_OK);
        }
    }
    mqk_bridge_close(bridge, 60000, NULL);
    assert_all_given_back("reloading", -1);
    mqk_config_free(config);
    mqk_config_free(other);
}

static bool count_bytes(void *user, mqk_str piece) {
    *(size_t *)user += piece.len;
    return true;
}

static void test_statistics(void **state) {
    (void)state;
    mqk_status (*const writers[])(mqk_bridge *, mqk_write_fn, void *) = {
        mqk_bridge_stats_json, mqk_bridge_stats_prometheus, mqk_bridge_stats_openmetrics};
    /* Without a host: a line of the log that waits would count. */
    mqk_bridge *bridge = kit_bridge(NULL, rules, kafka.servers, kafka.servers);
    assert_works(bridge);
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            size_t bytes = 0;
            begin_counting();
            memory_fails(n, false);
            mqk_status status = writers[i](bridge, count_bytes, &bytes);
            failed = memory_is_back();
            assert_int_equal(status, failed ? MQK_ERR_NO_MEMORY : MQK_OK);
            assert_true(failed || bytes > 1000);
            assert_all_given_back("statistics", n);
        }
    }
    memory_fails(0, true);
    mqk_stats stats = {.size = sizeof(stats)};
    mqk_rule_stats rule = {.size = sizeof(rule)};
    mqk_cluster_stats cluster = {.size = sizeof(cluster)};
    mqk_health health = {.size = sizeof(health)};
    mqk_status statuses[] = {
        mqk_bridge_stats(bridge, &stats), mqk_bridge_rule_stats(bridge, 0, &rule),
        mqk_bridge_cluster_stats(bridge, 0, &cluster), mqk_bridge_health(bridge, &health)};
    memory_is_back();
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        assert_int_equal(statuses[i], MQK_OK);
    }
    mqk_bridge_close(bridge, 0, NULL);
}

/* Flushing, polling and closing need no memory, and tell all tokens. */
static void test_closing(void **state) {
    (void)state;
    bool *tokens = calloc(KIT_TOKENS, sizeof(*tokens));
    for (int round = 0; round < 4; round++) {
        uint64_t token = 0;
        uint64_t accepted = 0;
        uint64_t left = 0;
        begin_counting();
        mqk_bridge *bridge = good_bridge();
        give_events(bridge, &token, tokens, &accepted);
        memory_fails(0, true);
        mqk_status status = MQK_OK;
        if (round % 2 == 0) {
            status = mqk_bridge_flush(bridge, 60000, &left);
            mqk_bridge_poll(bridge, 0);
        }
        mqk_status closed = mqk_bridge_close(bridge, round < 2 ? 60000 : 0, &left);
        memory_is_back();
        assert_int_equal(status, MQK_OK);
        assert_int_equal(closed, left == 0 ? MQK_OK : MQK_ERR_TIMEOUT);
        assert_true(round == 3 || left == 0);
        for (uint64_t i = 1; i <= token; i++) {
            assert_int_equal(host->told[i], tokens[i] ? 1 : 0);
        }
        assert_all_given_back("closing", round);
    }
    free(tokens);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_loading_bad_ones),
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_events_during_an_outage),
        cmocka_unit_test(test_reloading),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_closing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
