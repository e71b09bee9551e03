/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's main job: what is put in as events comes out of Kafka as records. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const SIMPLE =
    "kafka:\n"
    "  client: { servers: ['%s'] }\n"
    "  producer: { linger: 0ms }\n"
    "  hook:\n"
    "    - { name: all, hook: message.publish, filter: '#', topic: all, key: '${clientid}', "
    "value: '${payload}' }\n";

/* Topic, key, value, headers and timestamp are as the rules say; rules are tried in order. */
static void test_record(void **state) {
    (void)state;
    struct kit_kafka kafka;
    struct kit_record records[4];
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "telemetry.a", 4);
    kit_kafka_topic(&kafka, "every", 4);
    struct kit_host *host = malloc(sizeof(*host));
    kit_host_init(host);
    mqk_bridge *bridge = kit_bridge(
        host,
        "kafka:\n"
        "  client: { servers: ['%s'] }\n"
        "  hook:\n"
        "    - name: telemetry\n"
        "      hook: message.publish\n"
        "      filter: 'factory/+/temp'\n"
        "      topic: 'telemetry.${user.area}'\n"
        "      key: '${clientid}'\n"
        "      value: '{\"who\":\"${clientid}\",\"t\":${payload.temp},\"qos\":${qos}}'\n"
        "      headers:\n"
        "        - { name: node, value: '${node}' }\n"
        "        - { name: node, value: 'again' }\n"
        "        - { name: none, value: '${user.nobody}' }\n"
        "    - { hook: message.publish, filter: 'factory/#', topic: every, value: '${payload}' }\n"
        "    - { hook: client.connected, topic: every, value: 'connected' }\n",
        kafka.servers);
    mqk_pair area = {mqk_cstr("area"), mqk_cstr("a")};
    mqk_event event = kit_publish("dev\"1", "factory/7/temp", "{\"temp\": 21.50}");
    event.user_props = &area;
    event.user_props_count = 1;
    assert_int_equal(mqk_on_event(bridge, &event), 2);
    event.topic = mqk_cstr("elsewhere/7/temp");
    assert_int_equal(mqk_on_event(bridge, &event), 0);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);

    assert_int_equal(kit_consume(kafka.servers, "telemetry.a", 1, records, 4), 1);
    assert_string_equal(records[0].key, "dev\"1");
    assert_string_equal(records[0].value, "{\"who\":\"dev\\\"1\",\"t\":21.50,\"qos\":1}");
    assert_string_equal(records[0].headers, "node=node-1;node=again;none=(null);");
    assert_int_equal(records[0].timestamp_ms, 1700000000123);
    kit_records_free(records, 1);
    assert_int_equal(kit_consume(kafka.servers, "every", 1, records, 4), 1);
    assert_null(records[0].key);
    assert_string_equal(records[0].value, "{\"temp\": 21.50}");
    kit_records_free(records, 1);

    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.events, 2);
    assert_int_equal(stats.unmatched, 1);
    assert_int_equal(stats.matched, 2);
    assert_int_equal(stats.accepted, 2);
    assert_int_equal(stats.delivered, 2);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.queued_bytes, 0);
    assert_int_equal(stats.rules, 3);
    mqk_rule_stats rule = {.size = sizeof(rule)};
    assert_int_equal(mqk_bridge_rule_stats(bridge, 0, &rule), MQK_OK);
    assert_memory_equal(rule.name.data, "telemetry", 9);
    assert_int_equal(rule.delivered, 1);
    assert_int_equal(mqk_bridge_rule_stats(bridge, 3, &rule), MQK_ERR_ARGUMENT);
    mqk_cluster_stats cluster = {.size = sizeof(cluster)};
    assert_int_equal(mqk_bridge_cluster_stats(bridge, 0, &cluster), MQK_OK);
    assert_int_equal(cluster.state, MQK_HEALTH_OK);
    assert_int_equal(cluster.delivered, 2);
    assert_int_equal(cluster.accepted, 2);
    assert_true(mqk_bridge_wants(bridge, MQK_HOOK_MESSAGE_PUBLISH));
    assert_true(mqk_bridge_wants(bridge, MQK_HOOK_CLIENT_CONNECTED));
    assert_false(mqk_bridge_wants(bridge, MQK_HOOK_MESSAGE_ACKED));
    assert_int_equal(mqk_bridge_close(bridge, 5000, NULL), MQK_OK);
    free(host);
    kit_kafka_stop(&kafka);
}

/* The in-process Kafka: its address is told, its topics are there, kcat could read it. */
static void test_embedded(void **state) {
    (void)state;
    char servers[256];
    struct kit_record records[1];
    struct kit_host *host = malloc(sizeof(*host));
    kit_host_init(host);
    mqk_bridge *bridge = kit_bridge(host, SIMPLE, "embedded");
    assert_int_equal(mqk_bridge_servers(bridge, mqk_cstr(NULL), servers, sizeof(servers)), MQK_OK);
    assert_int_equal(mqk_bridge_servers(bridge, mqk_cstr("no"), servers, sizeof(servers)),
                     MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_bridge_servers(bridge, mqk_cstr(""), servers, 5), MQK_ERR_TOO_SMALL);
    assert_int_equal(mqk_bridge_servers(bridge, mqk_cstr("default"), servers, sizeof(servers)),
                     MQK_OK);
    mqk_event event = kit_publish("c", "t", "p");
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(kit_consume(servers, "all", 1, records, 1), 1);
    assert_string_equal(records[0].value, "p");
    kit_records_free(records, 1);
    assert_non_null(strstr(host->log, "not for production"));
    assert_non_null(strstr(host->log, servers));
    assert_int_equal(mqk_bridge_close(bridge, 5000, NULL), MQK_OK);
    free(host);
}

/* Empty is not NULL, in keys, values and back; binary survives. */
static void test_empty_null_binary(void **state) {
    (void)state;
    struct kit_kafka kafka;
    struct kit_record records[3];
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "all", 1);
    mqk_bridge *bridge = kit_bridge(NULL, SIMPLE, kafka.servers);
    mqk_event event = kit_publish("", "t", "");
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    event.clientid = (mqk_str){NULL, 0};
    event.payload = (mqk_str){NULL, 0};
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    event.clientid = (mqk_str){"\0\xff\x01", 3};
    event.payload = (mqk_str){"\xc3(\0\n", 4};
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(kit_consume(kafka.servers, "all", 3, records, 3), 3);
    assert_string_equal(records[0].key, "");
    assert_string_equal(records[0].value, "");
    assert_null(records[1].key);
    assert_null(records[1].value);
    assert_int_equal(records[2].key_len, 3);
    assert_memory_equal(records[2].key, "\0\xff\x01", 3);
    assert_int_equal(records[2].value_len, 4);
    assert_memory_equal(records[2].value, "\xc3(\0\n", 4);
    kit_records_free(records, 3);
    mqk_bridge_close(bridge, 5000, NULL);
    kit_kafka_stop(&kafka);
}

/* A topic template makes topics, but no more than max_topics, and only legal ones. */
static void test_dynamic_topics(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "dyn.a", 1);
    kit_kafka_topic(&kafka, "dyn.b", 1);
    mqk_bridge *bridge = kit_bridge(NULL,
                                    "kafka:\n"
                                    "  client: { servers: ['%s'] }\n"
                                    "  hook:\n"
                                    "    - { hook: message.publish, topic: 'dyn.${clientid}', "
                                    "value: x, max_topics: 2 }\n",
                                    kafka.servers);
    static const struct {
        const char *clientid;
        int result;
    } cases[] = {{"a", 1},
                 {"b", 1},
                 {"c", MQK_ERR_TOPIC},
                 {"a", 1},
                 {"b", 1},
                 {"/", MQK_ERR_TOPIC},
                 {"\xff", MQK_ERR_TOPIC},
                 {"a b", MQK_ERR_TOPIC}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_event event = kit_publish(cases[i].clientid, "t", "p");
        assert_int_equal(mqk_on_event(bridge, &event), cases[i].result);
    }
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(kit_stats(bridge).bad_topic, 4);
    assert_int_equal(kit_consume(kafka.servers, "dyn.a", 2, NULL, 0), 2);
    assert_int_equal(kit_consume(kafka.servers, "dyn.b", 2, NULL, 0), 2);
    mqk_bridge_close(bridge, 5000, NULL);
    kit_kafka_stop(&kafka);
}

/* `produce: sync` returns when the record is there. */
static void test_sync(void **state) {
    (void)state;
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "s", 1);
    mqk_bridge *bridge =
        kit_bridge(NULL,
                   "kafka:\n"
                   "  client: { servers: ['%s'] }\n"
                   "  producer: { produce: sync, produce_sync_timeout: 30s, linger: 0ms }\n"
                   "  hook: [ { hook: message.publish, topic: s, value: '${payload}' } ]\n",
                   kafka.servers);
    mqk_event event = kit_publish("c", "t", "p");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(mqk_on_event(bridge, &event), 1);
        assert_int_equal(kit_stats(bridge).delivered, i + 1);
    }
    mqk_bridge_close(bridge, 5000, NULL);

    /* Not there in time: said so, and not an accident for the late acknowledgement. */
    bridge = kit_bridge(NULL,
                        "kafka:\n"
                        "  client: { servers: ['%s'] }\n"
                        "  producer: { produce: sync, produce_sync_timeout: 50 }\n"
                        "  hook: [ { hook: message.publish, topic: s, value: '${payload}' } ]\n",
                        "127.0.0.1:1");
    assert_int_equal(mqk_on_event(bridge, &event), MQK_ERR_TIMEOUT);
    uint64_t left = 0;
    assert_int_equal(mqk_bridge_close(bridge, 10, &left), MQK_ERR_TIMEOUT);
    assert_int_equal(left, 1);
    kit_kafka_stop(&kafka);
}

/* Each partitioner does what its name says, with the keys that matter. */
static void test_partitioners(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool keyed; /* the same key always meets the same partition */
        bool even;  /* spread exactly evenly */
        int most;   /* different partitions that 400 records of many keys may meet */
        int least;
    } cases[] = {{"murmur2", true, false, 4, 4},
                 {"consistent", true, false, 4, 4},
                 {"random", false, false, 4, 4},
                 {"roundrobin", false, true, 4, 4},
                 {"sticky", false, false, 3, 1}};
    struct kit_kafka kafka;
    kit_kafka_start(&kafka, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_record *records = calloc(401, sizeof(*records));
        int by_partition[4] = {0};
        int key_partition[20];
        int keys_moved = 0;
        memset(key_partition, -1, sizeof(key_partition));
        kit_kafka_topic(&kafka, cases[i].name, 4);
        mqk_bridge *bridge =
            kit_bridge(NULL,
                       "kafka:\n"
                       "  client: { servers: ['%s'] }\n"
                       "  producer: { partitioner: %s, linger: 500ms }\n"
                       "  hook: [ { hook: message.publish, topic: %s, key: '${clientid}', value: "
                       "'${payload}' } ]\n",
                       kafka.servers, cases[i].name, cases[i].name);
        /* One record first, so that all partitions have been seen when the choice is looked at. */
        mqk_event first = kit_publish("key-0", "t", "p");
        assert_int_equal(mqk_on_event(bridge, &first), 1);
        assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
        for (int n = 0; n < 400; n++) {
            char key[16];
            snprintf(key, sizeof(key), "key-%d", n % 20);
            mqk_event event = kit_publish(key, "t", "p");
            assert_int_equal(mqk_on_event(bridge, &event), 1);
        }
        assert_int_equal(mqk_bridge_close(bridge, 30000, NULL), MQK_OK);
        assert_int_equal(kit_consume(kafka.servers, cases[i].name, 401, records, 401), 401);
        for (int n = 0; n < 401; n++) {
            int key = atoi(records[n].key + 4);
            by_partition[records[n].partition]++;
            keys_moved += key_partition[key] >= 0 && key_partition[key] != records[n].partition;
            key_partition[key] = records[n].partition;
        }
        int used = 0;
        for (int p = 0; p < 4; p++) {
            used += by_partition[p] > 0;
            if (cases[i].even) {
                kit_assert_in_range(by_partition[p], 100, 101);
            }
        }
        print_message("%s: %d %d %d %d\n", cases[i].name, by_partition[0], by_partition[1],
                      by_partition[2], by_partition[3]);
        kit_assert_in_range(used, cases[i].least, cases[i].most);
        if (cases[i].keyed) {
            assert_int_equal(keys_moved, 0);
        }
        kit_records_free(records, 401);
        free(records);
    }
    kit_kafka_stop(&kafka);
}

/* murmur2 puts keys where Java's default partitioner puts them (values of Kafka's own
 * Utils.murmur2 test, UtilsTest.testMurmur2, with 0x7fffffff and modulo 1000). */
static void test_murmur2_reference(void **state) {
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {{"21", -973932308},
                 {"foobar", -790332482},
                 {"a-little-bit-long-string", -985981536},
                 {"a-little-bit-longer-string", -1486304829},
                 {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
                 {"abc", 479470107}};
    struct kit_kafka kafka;
    struct kit_record record;
    char topic[16];
    kit_kafka_start(&kafka, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(topic, sizeof(topic), "m%zu", i);
        kit_kafka_topic(&kafka, topic, 100);
        mqk_bridge *bridge = kit_bridge(NULL,
                                        "kafka:\n"
                                        "  client: { servers: ['%s'] }\n"
                                        "  hook: [ { hook: message.publish, topic: %s, key: "
                                        "'${clientid}', value: v } ]\n",
                                        kafka.servers, topic);
        mqk_event event = kit_publish(cases[i].key, "t", "p");
        assert_int_equal(mqk_on_event(bridge, &event), 1);
        assert_int_equal(mqk_bridge_close(bridge, 30000, NULL), MQK_OK);
        assert_int_equal(kit_consume(kafka.servers, topic, 1, &record, 1), 1);
        assert_int_equal(record.partition, (cases[i].hash & 0x7fffffff) % 100);
        kit_records_free(&record, 1);
    }
    kit_kafka_stop(&kafka);
}

/* Two bridges with different configurations in one process do not meet. */
static void test_two_bridges(void **state) {
    (void)state;
    char servers[2][256];
    struct kit_record record;
    mqk_bridge *bridges[2];
    for (int i = 0; i < 2; i++) {
        bridges[i] = kit_bridge(NULL, SIMPLE, "embedded");
        mqk_bridge_servers(bridges[i], mqk_cstr(""), servers[i], sizeof(servers[i]));
    }
    assert_string_not_equal(servers[0], servers[1]);
    mqk_event event = kit_publish("c", "t", "first");
    assert_int_equal(mqk_on_event(bridges[0], &event), 1);
    event.payload = mqk_cstr("second");
    assert_int_equal(mqk_on_event(bridges[1], &event), 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mqk_bridge_flush(bridges[i], 30000, NULL), MQK_OK);
        assert_int_equal(kit_consume(servers[i], "all", 1, &record, 1), 1);
        assert_string_equal(record.value, i == 0 ? "first" : "second");
        kit_records_free(&record, 1);
        assert_int_equal(kit_stats(bridges[i]).delivered, 1);
    }
    mqk_bridge_close(bridges[0], 5000, NULL);
    assert_int_equal(mqk_on_event(bridges[1], &event), 1);
    mqk_bridge_close(bridges[1], 5000, NULL);
}

/* Wrong arguments are answered, not followed. */
static void test_arguments(void **state) {
    (void)state;
    mqk_error err;
    mqk_bridge *bridge = NULL;
    mqk_event event = kit_publish("c", "t", "p");
    assert_int_equal(mqk_bridge_open(NULL, NULL, &bridge, &err), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_on_event(NULL, &event), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_bridge_poll(NULL, 0), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_bridge_fd(NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_bridge_flush(NULL, 0, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_bridge_stats(NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_bridge_close(NULL, 0, NULL), MQK_OK);
    assert_false(mqk_bridge_wants(NULL, MQK_HOOK_MESSAGE_PUBLISH));
    bridge = kit_bridge(NULL, SIMPLE, "127.0.0.1:1");
    assert_int_equal(mqk_on_event(bridge, NULL), MQK_ERR_ARGUMENT);
    event.hook = (mqk_hook)99;
    assert_int_equal(mqk_on_event(bridge, &event), MQK_ERR_ARGUMENT);
    event.hook = MQK_HOOK_CUSTOM;
    assert_int_equal(mqk_on_event(bridge, &event), MQK_ERR_ARGUMENT);
    event.size = 4;
    assert_int_equal(mqk_on_event(bridge, &event), MQK_ERR_ARGUMENT);
    mqk_stats stats = {.size = 0};
    assert_int_equal(mqk_bridge_stats(bridge, &stats), MQK_ERR_ARGUMENT);
    assert_false(mqk_bridge_wants(bridge, (mqk_hook)99));
    assert_int_equal(mqk_bridge_reload(bridge, NULL, &err), MQK_ERR_ARGUMENT);
    mqk_bridge_close(bridge, 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_embedded),
        cmocka_unit_test(test_empty_null_binary),
        cmocka_unit_test(test_dynamic_topics),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_partitioners),
        cmocka_unit_test(test_murmur2_reference),
        cmocka_unit_test(test_two_bridges),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
