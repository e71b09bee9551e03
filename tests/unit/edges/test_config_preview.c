/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the texts of rules is told together with what is wrong with settings; what is
 * only a consequence is not told. */
#include "config_testing.h"

#define WRONG "kafka:\n  producer: {acks: some}\n"
#define TOLD                                                                                       \
    "CONFIG r.yaml:2:20: kafka.producer.acks: \"some\" is not accepted (accepted: all, leader, "   \
    "none)"
#define HOOK      "    - hook: message.publish\n      topic: t\n"
#define ONE(line) TEXT(WRONG "  hook:\n" HOOK "      " line "\n")

static void texts_of_rules(void **state) {
    (void)state;
    static const struct bad_config cases[] = {
        {ONE("key: \"${clientid}\""), TOLD},
        {ONE("key: \"${clintid}\""), TOLD "\nTEMPLATE r.yaml:6:15: kafka.hook[0].key: unknown "
                                          "field \"clintid\", did you mean \"clientid\"?"},
        {ONE("kafka_message: {value: '${topic | lowr}'}"),
         TOLD "\nTEMPLATE r.yaml:6:41: kafka.hook[0].kafka_message.value: unknown template filter "
              "\"lowr\", did you mean \"lower\"?"},
        {ONE("value: '{\"a\":${topic}'\n      value_format: json"),
         TOLD "\nTEMPLATE r.yaml:6:28: kafka.hook[0].value: the template is not valid JSON once "
              "its placeholders are filled in"},
        {ONE("where: qos >"),
         TOLD "\nCONFIG r.yaml:6:19: kafka.hook[0].where: a value is missing at the end"},
        {ONE("where: \"topic =~ '('\""), TOLD "\nCONFIG r.yaml:6:26: kafka.hook[0].where: regular "
                                              "expression: missing closing parenthesis"},
        {ONE("regex: {pattern: \"(a\", field: topic}"),
         TOLD "\nCONFIG r.yaml:6:27: kafka.hook[0].regex.pattern: regular expression: missing "
              "closing parenthesis"},
        {ONE("filter: a/#/b"), TOLD "\nFILTER r.yaml:6:17: kafka.hook[0].filter: topic filter "
                                    "\"a/#/b\" is wrong: \"#\" must be the last level"},
        {ONE("filters: [a, b+]"),
         TOLD "\nFILTER r.yaml:6:21: kafka.hook[0].filters[1]: topic filter \"b+\" is wrong: \"+\" "
              "must be a whole level, as in \"a/+/b\""},
        {ONE("envelope: eventt"), TOLD "\nCONFIG r.yaml:6:17: kafka.hook[0].envelope: unknown "
                                       "envelope \"eventt\", did you mean \"event\"?"},
        {ONE("headers: [{name: a, value: '${x}'}]"),
         TOLD "\nTEMPLATE r.yaml:6:37: kafka.hook[0].headers[0].value: unknown field \"x\""},
        {ONE("headers_from: [users]"),
         TOLD "\nCONFIG r.yaml:6:22: kafka.hook[0].headers_from[0]: unknown group of headers "
              "\"users\" (accepted: user_properties, event)"},
        {ONE("partition: '${x}'"),
         TOLD "\nTEMPLATE r.yaml:6:21: kafka.hook[0].partition: unknown field \"x\""},
        {TEXT(WRONG "  hooks:\n    - endpoint: mesage.publish\n      kafka_topic: '${x}'\n"),
         TOLD "\nCONFIG r.yaml:4:17: kafka.hooks[0].endpoint: unknown hook \"mesage.publish\", did "
              "you mean \"message.publish\"?"
              "\nTEMPLATE r.yaml:5:23: kafka.hooks[0].kafka_topic: unknown field \"x\""},
    };
    CHECK_BAD_CONFIGS(cases);
}

/* Settings that are not as they should be are told of once. */
static void nothing_twice(void **state) {
    (void)state;
    static const struct bad_config cases[] = {
        {ONE("name: ''"), TOLD "\nCONFIG r.yaml:6:13: kafka.hook[0].name: must not be empty"},
        {ONE("name: [a]"),
         TOLD "\nCONFIG r.yaml:6:13: kafka.hook[0].name: expected a text, not a list"},
        {ONE("regex: {field: topic}"),
         TOLD "\nCONFIG r.yaml:6:14: kafka.hook[0].regex: \"pattern\" is missing"},
        {ONE("regex: x"), TOLD "\nCONFIG r.yaml:6:14: kafka.hook[0].regex: expected a mapping "
                               "(\"key: value\"), not a text"},
        {ONE("filters: []"), TOLD "\nCONFIG r.yaml:6:16: kafka.hook[0].filters: the list is empty; "
                                  "leave it out to match every topic"},
        {ONE("headers: [{value: a}, x]"),
         TOLD "\nCONFIG r.yaml:6:17: kafka.hook[0].headers[0]: \"name\" is missing"
              "\nCONFIG r.yaml:6:29: kafka.hook[0].headers[1]: expected a mapping (\"key: "
              "value\"), not a text"},
        {ONE("headers: x"), TOLD "\nCONFIG r.yaml:6:16: kafka.hook[0].headers: expected a list, "
                                 "not a text; write \"- \" before each entry, or [ ] around them"},
        {ONE("value_format: yaml"), TOLD "\nCONFIG r.yaml:6:21: kafka.hook[0].value_format: "
                                         "\"yaml\" is not accepted (accepted: auto, text, json)"},
        {TEXT(WRONG "  hook:\n    - {topic: t, envelope: emqttd}\n"),
         TOLD "\nCONFIG r.yaml:4:7: kafka.hook[0]: \"hook\" is missing"},
        {TEXT(WRONG "  hook:\n    - {hook: message.publish}\n"),
         TOLD "\nCONFIG r.yaml:4:7: kafka.hook[0]: \"topic\" is missing"},
        {TEXT(WRONG "  hook:\n    - {hook: ~, topic: ~}\n"), TOLD
         "\nCONFIG r.yaml:4:14: kafka.hook[0].hook: there is no value; leave it out for the default"
         "\nCONFIG r.yaml:4:24: kafka.hook[0].topic: there is no value; leave it out for the "
         "default"},
        {TEXT(WRONG "  hook: [a, [b]]\n"), TOLD
         "\nCONFIG r.yaml:3:10: kafka.hook[0]: expected a mapping (\"key: value\"), not a text"
         "\nCONFIG r.yaml:3:13: kafka.hook[1]: expected a mapping (\"key: value\"), not a list"},
        {TEXT(WRONG "  hook: x\n"),
         TOLD "\nCONFIG r.yaml:3:9: kafka.hook: expected a list, not a text; write \"- \" before "
              "each entry, or [ ] around them"},
        {TEXT("kafka: x\n"),
         "CONFIG r.yaml:1:8: kafka: expected a mapping (\"key: value\"), not a text"},
        {TEXT("x: y\n"), "CONFIG r.yaml:1:1: unknown key \"x\" (accepted: kafka)\nCONFIG "
                         "r.yaml:1:1: \"kafka\" is missing"},
    };
    CHECK_BAD_CONFIGS(cases);
}

/* What a misspelt or unusable setting would have brought is not missed. */
static void no_consequences(void **state) {
    (void)state;
    static const struct bad_config cases[] = {
        {ONE("fliter: a/+\n      key: '${filter.1}'"), TOLD
         "\nCONFIG r.yaml:6:7: kafka.hook[0]: unknown key \"fliter\", did you mean \"filter\"?"},
        {ONE("filter: [a/+]\n      key: '${filter.1}'"),
         TOLD "\nCONFIG r.yaml:6:15: kafka.hook[0].filter: expected a text, not a list"},
        {ONE("filters: a/+\n      key: '${filter.1}'"),
         TOLD "\nCONFIG r.yaml:6:16: kafka.hook[0].filters: expected a list, not a text; write \"- "
              "\" before each entry, or [ ] around them"},
        {ONE("filters: [a/+, [b]]\n      key: '${filter.1}'"),
         TOLD "\nCONFIG r.yaml:6:22: kafka.hook[0].filters[1]: expected a text, not a list"},
        {ONE("regex: '(?<x>.)'\n      key: '${regex.x}'"),
         TOLD "\nCONFIG r.yaml:6:14: kafka.hook[0].regex: expected a mapping (\"key: value\"), not "
              "a text"},
        {ONE("where: [a]\n      key: '${regex.x}'"),
         TOLD "\nCONFIG r.yaml:6:14: kafka.hook[0].where: expected a text, not a list"},
        {ONE("filter: a/+\n      key: '${filter.2}${regex.x}'"),
         TOLD "\nTEMPLATE r.yaml:7:13: kafka.hook[0].key: ${filter.2}: no filter of this rule has "
              "that many wildcards (at most 1)"
              "\nTEMPLATE r.yaml:7:24: kafka.hook[0].key: no regular expression of this rule has a "
              "group named \"x\""},
    };
    CHECK_BAD_CONFIGS(cases);
}

/* A file that could not be read does not hide what is wrong with another one. */
static void several_files(void **state) {
    (void)state;
    const mqk_str texts[] = {
        TEXT("kafka: {client: {servers: [k]}\n"),
        TEXT("kafka:\n  hook: [{hook: message.publish, topic: t, key: '${x}'}]\n"),
        TEXT(WRONG "  hook: [{name: n, hook: message.publish, topic: t, where: '('}]\n"),
    };
    struct told told;
    struct mqk_config *config;
    load_texts(texts, 3, &told, &config);
    assert_memory_equal(told.text, "SYNTAX r.yaml:2:1: ", 19);
    assert_string_equal(
        strchr(told.text, '\n') + 1,
        "TEMPLATE s.yaml:2:52: kafka.hook[0].key: unknown field \"x\"\n"
        "CONFIG t.yaml:2:20: kafka.producer.acks: \"some\" is not accepted (accepted: all, "
        "leader, none)\n"
        "CONFIG t.yaml:3:62: kafka.hook[0].where: a value is missing at the end");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_rules),
        cmocka_unit_test(nothing_twice),
        cmocka_unit_test(no_consequences),
        cmocka_unit_test(several_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
