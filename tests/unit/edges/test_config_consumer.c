/* SPDX-License-Identifier: Apache-2.0 */
/* Consumer rules in a configuration: defaults, what is told of bad ones word for word, merging. */
#include "config_testing.h"

#define HEAD                                                                                       \
    "kafka:\n"                                                                                     \
    "  client: {servers: [k]}\n"                                                                   \
    "  consumer:\n"
#define IN_CONSUMER(line)                                                                          \
    HEAD "    - topics: [t]\n"                                                                     \
         "      group_id: g\n"                                                                     \
         "      action: callback\n"                                                                \
         "      " line "\n"
#define AS_PUBLISH(line)                                                                           \
    HEAD "    - topics: [t]\n"                                                                     \
         "      group_id: g\n"                                                                     \
         "      action: publish\n"                                                                 \
         "      " line "\n"
#define AS_TOPICS(list)                                                                            \
    HEAD "    - group_id: g\n"                                                                     \
         "      action: callback\n"                                                                \
         "      topics: " list "\n"

static void defaults(void **state) {
    (void)state;
    struct mqk_config *config = load_good(IN_CONSUMER(""));
    const struct settings *settings = config_settings(config);
    const struct consumer_settings *c = settings->consumers;
    assert_int_equal(settings->consumer_count, 1);
    assert_int_equal(settings->lane_count, 0);
    assert_int_equal(ruleset_size(settings->rules), 0);
    assert_int_equal(c->cluster, 0);
    assert_int_equal(c->topic_count, 1);
    assert_string_equal(c->topics[0], "t");
    assert_string_equal(c->group_id, "g");
    assert_int_equal(c->scope, SCOPE_GROUP);
    assert_int_equal(c->offset_reset, OFFSET_RESET_LATEST);
    assert_int_equal(c->commit_interval_ms, 5000);
    assert_int_equal(c->max_in_flight, 1000);
    assert_null(c->dead_letter);
    assert_int_equal(c->property_count, 0);
    assert_int_equal(downlink_size(settings->downlink), 1);
    assert_true(str_equal(downlink_name(settings->downlink, 0), STR("consumer[0]")));
    assert_int_equal(downlink_action(settings->downlink, 0), DOWNLINK_CALLBACK);
    config_unref(config);
}

static void everything(void **state) {
    (void)state;
    struct mqk_config *config =
        load_good("kafka:\n"
                  "  clusters: [{name: eu, servers: [k]}, {name: us, servers: [l]}]\n"
                  "  hook: [{hook: message.publish, topic: t, cluster: eu, origin_header: true}]\n"
                  "  consumer:\n"
                  "    - name: down\n"
                  "      topics: [a, \"^b[.].*\"]\n"
                  "      cluster: us\n"
                  "      group_id: g\n"
                  "      scope: every_node\n"
                  "      offset_reset: earliest\n"
                  "      commit_interval: 250ms\n"
                  "      action: publish\n"
                  "      where: \"value.x = 1\"\n"
                  "      regex: {field: key, pattern: \"^(?<a>.)\"}\n"
                  "      mqtt_topic: \"${regex.a}/${topic}\"\n"
                  "      payload: '{\"v\":${value}}'\n"
                  "      payload_format: json\n"
                  "      qos: 1\n"
                  "      retain: true\n"
                  "      properties: [{name: Content-Type, value: text/plain}]\n"
                  "      user_properties: [{name: a, value: \"${headers.a}\"}]\n"
                  "      user_properties_from: headers\n"
                  "      key_encoding: base64\n"
                  "      value_encoding: none\n"
                  "      max_in_flight: 7\n"
                  "      dead_letter: dead\n"
                  "      skip_own: node\n"
                  "      librdkafka: [\"session.timeout.ms=10000\"]\n");
    const struct settings *settings = config_settings(config);
    const struct consumer_settings *c = settings->consumers;
    assert_int_equal(c->cluster, 1);
    assert_int_equal(c->topic_count, 2);
    assert_string_equal(c->topics[1], "^b[.].*");
    assert_int_equal(c->scope, SCOPE_EVERY_NODE);
    assert_int_equal(c->offset_reset, OFFSET_RESET_EARLIEST);
    assert_int_equal(c->commit_interval_ms, 250);
    assert_int_equal(c->max_in_flight, 7);
    assert_string_equal(c->dead_letter, "dead");
    assert_int_equal(settings->lanes[c->lane].cluster, 1);
    assert_int_equal(c->property_count, 1);
    assert_string_equal(c->properties[0].name, "session.timeout.ms");
    assert_string_equal(c->properties[0].value, "10000");
    config_unref(config);
}

/* What tells whether a running consumer can be kept. */
static void fingerprints(void **state) {
    (void)state;
    static const char *const same[] = {
        IN_CONSUMER("where: \"value.a = 1\""),
        HEAD "    - {where: 'value.a = 1', action: callback, group_id: \"g\", topics: ['t']}\n"};
    static const char *const different[] = {
        IN_CONSUMER("where: \"value.a = 2\""),
        IN_CONSUMER("max_in_flight: 9"),
        IN_CONSUMER("skip_own: true"),
        IN_CONSUMER("skip_own: node"),
        IN_CONSUMER("regex: {pattern: a}"),
        IN_CONSUMER("regex: {pattern: a, field: key}"),
        IN_CONSUMER("librdkafka: [\"fetch.min.bytes=2\"]"),
        AS_TOPICS("[t, u]"),
        AS_TOPICS("[tu]"),
        AS_PUBLISH("mqtt_topic: x"),
        AS_PUBLISH("mqtt_topic: x\n      user_properties: [{name: a, value: b}]"),
        AS_PUBLISH("mqtt_topic: x\n      user_properties: [{name: a, value: c}]")};
    enum { COUNT = sizeof(different) / sizeof(different[0]) };
    struct mqk_config *configs[COUNT], *a = load_good(same[0]), *b = load_good(same[1]);
    mqk_str first = config_settings(a)->consumers[0].fingerprint;
    assert_true(str_equal(first, config_settings(b)->consumers[0].fingerprint));
    for (size_t i = 0; i < COUNT; i++) {
        configs[i] = load_good(different[i]);
        mqk_str print = config_settings(configs[i])->consumers[0].fingerprint;
        assert_false(str_equal(print, first));
        for (size_t n = 0; n < i; n++) {
            assert_false(str_equal(print, config_settings(configs[n])->consumers[0].fingerprint));
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        config_unref(configs[i]);
    }
    config_unref(a);
    config_unref(b);
}

static void bad(void **state) {
    (void)state;
    static const struct bad_config cases[] = {
        {TEXT(HEAD "    - {}\n"), "CONFIG r.yaml:4:7: kafka.consumer[0]: \"topics\" is missing\n"
                                  "CONFIG r.yaml:4:7: kafka.consumer[0]: \"group_id\" is missing\n"
                                  "CONFIG r.yaml:4:7: kafka.consumer[0]: \"action\" is missing"},
        {TEXT(IN_CONSUMER("scope: node")),
         "CONFIG r.yaml:7:14: kafka.consumer[0].scope: \"node\" is not accepted (accepted: group, "
         "every_node)"},
        {TEXT(IN_CONSUMER("offset_reset: newest")),
         "CONFIG r.yaml:7:21: kafka.consumer[0].offset_reset: \"newest\" is not accepted "
         "(accepted: "
         "latest, earliest)"},
        {TEXT(IN_CONSUMER("commit_interval: 1ms")),
         "CONFIG r.yaml:7:24: kafka.consumer[0].commit_interval: \"1ms\" is out of range: 10ms to "
         "1h"},
        {TEXT(IN_CONSUMER("max_in_flight: 0")),
         "CONFIG r.yaml:7:22: kafka.consumer[0].max_in_flight: \"0\" is out of range: 1 to "
         "1000000"},
        {TEXT(IN_CONSUMER("value_encoding: hex")),
         "CONFIG r.yaml:7:23: kafka.consumer[0].value_encoding: \"hex\" is not accepted (accepted: "
         "plain, base64)"},
        {TEXT(IN_CONSUMER("username: u")), "CONFIG r.yaml:7:17: kafka.consumer[0].username: "
                                           "expected a list, not a text; write \"- \" "
                                           "before each entry, or [ ] around them"},
        {TEXT(IN_CONSUMER("username: []")),
         "CONFIG r.yaml:7:17: kafka.consumer[0].username: the list is empty; name at least one "
         "template, e.g. \"${value.username}\""},
        {TEXT(IN_CONSUMER("username: [u]")),
         "CONFIG r.yaml:7:17: kafka.consumer[0].username: means nothing with action: callback; "
         "leave it out"},
        {TEXT(IN_CONSUMER("dead_letter: \"a b\"")),
         "CONFIG r.yaml:7:20: kafka.consumer[0].dead_letter: a Kafka topic name consists of a-z, "
         "A-Z, 0-9, \".\", \"_\" and \"-\""},
        {TEXT(IN_CONSUMER("dead_letter: t")),
         "CONFIG r.yaml:7:20: kafka.consumer[0].dead_letter: the rule reads this topic itself "
         "(topics[0]); dead letters would go round in circles"},
        {TEXT(HEAD "    - {topics: [\"^t.*\"], group_id: g, action: callback, dead_letter: tt}\n"),
         "CONFIG r.yaml:4:70: kafka.consumer[0].dead_letter: the rule reads this topic itself "
         "(topics[0]); dead letters would go round in circles"},
        {TEXT(IN_CONSUMER("cluster: eu")),
         "CONFIG r.yaml:7:16: kafka.consumer[0].cluster: there is no cluster \"eu\" (there is: "
         "default)"},
        {TEXT(AS_TOPICS("[]")), "CONFIG r.yaml:6:15: kafka.consumer[0].topics: the list is empty; "
                                "name at least one Kafka topic"},
        {TEXT(AS_TOPICS("[a, a]")),
         "CONFIG r.yaml:6:19: kafka.consumer[0].topics[1]: \"a\" is given twice"},
        {TEXT(AS_TOPICS("[\"\"]")),
         "CONFIG r.yaml:6:16: kafka.consumer[0].topics[0]: a Kafka topic name must not be empty"},
        {TEXT(AS_TOPICS("[\"a+\"]")),
         "CONFIG r.yaml:6:16: kafka.consumer[0].topics[0]: a Kafka topic name consists of a-z, "
         "A-Z, 0-9, \".\", \"_\" and \"-\""},
        {TEXT(AS_TOPICS("[\"^a(\"]")),
         "CONFIG r.yaml:6:16: kafka.consumer[0].topics[0]: the pattern is wrong: Unmatched ( or "
         "\\("},
        {TEXT(HEAD "    - {topics: [t], group_id: \"\", action: callback}\n"),
         "CONFIG r.yaml:4:31: kafka.consumer[0].group_id: must have 1 to 200 bytes"},
        {TEXT(IN_CONSUMER("librdkafka: [\"group.id=x\"]")),
         "CONFIG r.yaml:7:20: kafka.consumer[0].librdkafka[0]: the property \"group.id\" cannot be "
         "set here: use \"group_id\""},
        {TEXT(IN_CONSUMER("librdkafka: [\"enable.auto.commit=true\"]")),
         "CONFIG r.yaml:7:20: kafka.consumer[0].librdkafka[0]: the property \"enable.auto.commit\" "
         "cannot be set here: offsets are committed when the host has accepted the records"},
        {TEXT(AS_PUBLISH("mqtt_topic: \"a/${clientid}\"")),
         "TEMPLATE r.yaml:7:24: kafka.consumer[0].mqtt_topic: unknown field \"clientid\""},
        {TEXT(AS_PUBLISH("mqtt_topic: \"a/#\"")),
         "CONFIG r.yaml:7:22: kafka.consumer[0].mqtt_topic: messages are published to a topic; it "
         "has no wildcards"},
        {TEXT(AS_PUBLISH("qos: 1")), "CONFIG r.yaml:4:7: kafka.consumer[0]: is missing; name the "
                                     "MQTT topic of the messages, e.g. \"${key}\""},
        {TEXT(AS_PUBLISH("mqtt_topic: x\n      qos: 3")),
         "CONFIG r.yaml:8:12: kafka.consumer[0].qos: must be 0, 1 or 2, or a template that makes "
         "one"},
        {TEXT(AS_PUBLISH("mqtt_topic: x\n      properties: [{name: content-type, value: x}]")),
         "CONFIG r.yaml:8:27: kafka.consumer[0].properties[0].name: unknown property "
         "\"content-type\" (accepted: Payload-Format-Indicator, Message-Expiry-Interval, "
         "Content-Type, Response-Topic, Correlation-Data), did you mean \"Content-Type\"?"},
        {TEXT(AS_PUBLISH("mqtt_topic: x\n      user_properties_from: key")),
         "CONFIG r.yaml:8:29: kafka.consumer[0].user_properties_from: \"key\" is not accepted "
         "(accepted: headers)"},
        {TEXT(AS_PUBLISH("mqtt_topic: x\n      where: \"value.a = \"")),
         "CONFIG r.yaml:8:25: kafka.consumer[0].where: a value is missing at the end"},
    };
    CHECK_BAD_CONFIGS(cases);
}

/* librdkafka before 2.4 does not know the new group protocol; later ones take it. */
static void new_groups(void **state) {
    (void)state;
    const mqk_str text = TEXT(IN_CONSUMER("librdkafka: [\"group.protocol=consumer\"]"));
    struct told told;
    struct mqk_config *config;
    mqk_status status = load_texts(&text, 1, &told, &config);
    if (rd_kafka_version() >= 0x02040000) {
        assert_int_equal(status, MQK_OK);
    } else {
        assert_int_equal(status, MQK_ERR_UNAVAILABLE);
        assert_non_null(
            strstr(told.text, "r.yaml:7:20: kafka.consumer[0].librdkafka[0]: librdkafka"));
        assert_non_null(strstr(told.text,
                               "does not know Kafka's new group protocol; leave "
                               "\"group.protocol\" out, or use librdkafka 2.4 or newer"));
    }
    config_unref(config);
}

static void appends(void **state) {
    (void)state;
    const mqk_str texts[] = {
        TEXT(IN_CONSUMER("name: one")),
        TEXT("kafka: {consumer: [{name: two, topics: [u], group_id: g, action: "
             "kick, username: [x]}]}\n")};
    struct told told;
    struct mqk_config *config;
    assert_int_equal(load_texts(texts, 2, &told, &config), MQK_OK);
    const struct settings *settings = config_settings(config);
    assert_int_equal(settings->consumer_count, 2);
    assert_true(str_equal(downlink_name(settings->downlink, 1), STR("two")));
    assert_int_equal(downlink_action(settings->downlink, 1), DOWNLINK_KICK);
    config_unref(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults), cmocka_unit_test(everything), cmocka_unit_test(fingerprints),
        cmocka_unit_test(bad),      cmocka_unit_test(new_groups), cmocka_unit_test(appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
