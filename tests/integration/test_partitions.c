/* SPDX-License-Identifier: Apache-2.0 */
/* To which partition records go, with all of the library and of librdkafka in between. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS 20

/* What a rule's records were: their keys' partitions. */
static void read_partitions(const struct kit_kafka *kafka, const char *topic,
                            int32_t partitions[KEYS]) {
    struct kit_record records[KEYS];
    assert_int_equal(kit_consume(kafka->servers, topic, KEYS, records, KEYS), KEYS);
    for (int i = 0; i < KEYS; i++) {
        int key = atoi(records[i].key + strlen("key-"));
        kit_assert_in_range(key, 0, KEYS - 1);
        partitions[key] = records[i].partition;
    }
    kit_records_free(records, KEYS);
}

/* erl: [erlang:phash2(list_to_binary(io_lib:format("key-~b", [N]))) rem 7 || N <- lists:seq(0,
 * 19)].
 */
static const int32_t by_phash2[KEYS] = {5, 4, 4, 1, 0, 2, 2, 6, 6, 0, 5, 3, 5, 1, 3, 3, 5, 4, 3, 3};
/* erl: [binary:last(erlang:md5(io_lib:format("key-~b", [N]))) rem 7 || N <- lists:seq(0, 19)]. */
static const int32_t by_md5[KEYS] = {2, 5, 3, 2, 1, 4, 3, 3, 6, 0, 1, 0, 2, 1, 2, 2, 4, 3, 6, 5};

static void keys_go_where_erlang_puts_them(void **state) {
    (void)state;
    struct kit kit;
    int32_t partitions[KEYS];
    kit_open(&kit, "phash2:7 md5:7",
             "    - { hook: message.publish, topic: phash2, key: '${clientid}', value: v,\n"
             "        producer: { partitioner: first_key_dispatch } }\n"
             "    - { hook: message.publish, topic: md5, key: '${clientid}', value: v,\n"
             "        producer: { partitioner: md5 } }\n");
    for (int i = 0; i < KEYS; i++) {
        char key[20];
        snprintf(key, sizeof(key), "key-%d", i);
        mqk_event event = kit_publish(key, "a/b", "p");
        assert_int_equal(mqk_on_event(kit.bridge, &event), 2);
    }
    assert_int_equal(mqk_bridge_flush(kit.bridge, 30000, NULL), MQK_OK);
    read_partitions(&kit.kafka, "phash2", partitions);
    assert_memory_equal(partitions, by_phash2, sizeof(partitions));
    read_partitions(&kit.kafka, "md5", partitions);
    assert_memory_equal(partitions, by_md5, sizeof(partitions));
    kit_close(&kit);
}

/* A rule's own choice goes before the partitioner's; what is no number is refused at once, and what
 * the topic does not have when librdkafka gets the record. */
static void rules_choose(void **state) {
    (void)state;
    struct kit kit;
    struct kit_record records[4];
    kit_open(&kit, "own:7",
             "    - { hook: message.publish, topic: own, key: '${clientid}', value: v,\n"
             "        partition: '${payload}' }\n"
             "    - { hook: message.acked, topic: own, value: v, partition: '${payload}',\n"
             "        producer: { produce: sync, produce_sync_timeout: 60s } }\n");
    mqk_event event = kit_publish("c1", "a/b", "5");
    assert_int_equal(mqk_on_event(kit.bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(kit.bridge, 30000, NULL), MQK_OK);
    event.payload = mqk_cstr("7");
    assert_int_equal(mqk_on_event(kit.bridge, &event), 1);
    event.payload = mqk_cstr("five");
    assert_int_equal(mqk_on_event(kit.bridge, &event), MQK_ERR_PARTITION);
    event.payload = mqk_cstr("7"); /* who waits is told */
    event.hook = MQK_HOOK_MESSAGE_ACKED;
    assert_int_equal(mqk_on_event(kit.bridge, &event), MQK_ERR_PARTITION);
    event.hook = MQK_HOOK_MESSAGE_PUBLISH;
    event.payload = (mqk_str){NULL, 0}; /* no choice */
    assert_int_equal(mqk_on_event(kit.bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(kit.bridge, 30000, NULL), MQK_OK);
    assert_int_equal(kit_consume(kit.kafka.servers, "own", 2, records, 4), 2);
    assert_true(records[0].partition == 5 || records[1].partition == 5);
    kit_records_free(records, 2);
    mqk_stats stats = kit_stats(kit.bridge);
    assert_int_equal(stats.delivered, 2);
    assert_int_equal(stats.failed, 3);
    kit_close(&kit);
}

/* Many user properties on their way through all of it, and what the buffer accounts for them. */
static void user_properties_arrive(void **state) {
    (void)state;
    struct kit kit;
    struct kit_record records[2];
    kit_open(&kit, "headers",
             "    - { hook: message.publish, topic: headers, envelope: raw,\n"
             "        headers_from: [user_properties, event] }\n");
    const mqk_pair properties[] = {
        {mqk_cstr("a"), mqk_cstr("1")}, {{"n\0l", 3}, mqk_cstr("2")}, {mqk_cstr("a"), {NULL, 0}}};
    mqk_event event = kit_publish("c1", "a/b", "p");
    event.user_props = properties;
    event.user_props_count = 3;
    assert_int_equal(mqk_on_event(kit.bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(kit.bridge, 30000, NULL), MQK_OK);
    assert_int_equal(kit_consume(kit.kafka.servers, "headers", 1, records, 2), 1);
    assert_string_equal(records[0].headers,
                        "a=1;n\xEF\xBF\xBDl=2;a=(null);clientid=c1;topic=a/b;qos=1;node=node-1;"
                        "timestamp=1700000000123;event=message.publish;");
    assert_string_equal(records[0].value, "p");
    kit_records_free(records, 1);
    assert_int_equal(kit_stats(kit.bridge).queued_bytes, 0);
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_go_where_erlang_puts_them),
        cmocka_unit_test(rules_choose),
        cmocka_unit_test(user_properties_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
