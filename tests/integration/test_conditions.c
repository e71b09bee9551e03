/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of rules from the configuration to Kafka, and what the bridge counts of them. */
#include "kit.h"

static void test_conditions(void **state) {
    (void)state;
    struct kit kit;
    struct kit_record records[4];
    kit_open(&kit, "warm lines",
             "    - hook: message.publish\n"
             "      where: \"payload.temp > 30 and clientid like 'dev-*'\"\n"
             "      topic: warm\n"
             "      key: '${clientid | upper}'\n"
             "      value: '{\"t\":${payload.temp},\"at\":\"${timestamp | iso8601}\"}'\n"
             "    - hook: message.publish\n"
             "      regex: { pattern: '^plant/(?<plant>[^/]+)/line(?<line>\\d+)$' }\n"
             "      topic: lines\n"
             "      key: '${regex.plant}'\n"
             "      value: '${regex.line}'\n"
             "    - hook: message.publish\n"
             "      regex: { field: clientid, pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' }\n"
             "      topic: lines\n");
    mqk_event event = kit_publish("dev-1", "plant/p/line7", "{\"temp\": 30.50}");
    assert_int_equal(mqk_on_event(kit.bridge, &event), 2);
    event.payload = mqk_cstr("{\"temp\": 30}");
    event.topic = mqk_cstr("plant/p");
    assert_int_equal(mqk_on_event(kit.bridge, &event), 0);
    event.clientid = mqk_cstr("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!aB");
    assert_int_equal(mqk_on_event(kit.bridge, &event), 0);
    assert_int_equal(mqk_bridge_flush(kit.bridge, 30000, NULL), MQK_OK);

    assert_int_equal(kit_consume(kit.kafka.servers, "warm", 1, records, 4), 1);
    assert_string_equal(records[0].key, "DEV-1");
    assert_string_equal(records[0].value, "{\"t\":30.50,\"at\":\"2023-11-14T22:13:20.123Z\"}");
    kit_records_free(records, 1);
    assert_int_equal(kit_consume(kit.kafka.servers, "lines", 1, records, 4), 1);
    assert_string_equal(records[0].key, "p");
    assert_string_equal(records[0].value, "7");
    kit_records_free(records, 1);

    mqk_stats stats = kit_stats(kit.bridge);
    assert_int_equal(stats.events, 3);
    assert_int_equal(stats.unmatched, 2);
    assert_int_equal(stats.matched, 2);
    assert_int_equal(stats.regex_limit, 1);
    mqk_rule_stats rule = {.size = sizeof(rule)};
    assert_int_equal(mqk_bridge_rule_stats(kit.bridge, 2, &rule), MQK_OK);
    assert_int_equal(rule.regex_limit, 1);
    assert_int_equal(rule.matched, 0);
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
