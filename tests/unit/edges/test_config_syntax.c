/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of bad configurations, word for word: YAML and the top level. */
#include "config_testing.h"

#define FIVE(x) x x x x x

static void text_is_not_yaml(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(""), "CONFIG r.yaml:1:1: the configuration is empty; it begins with \"kafka:\""},
        {TEXT("# nothing\n"),
         "CONFIG r.yaml:1:1: the configuration is empty; it begins with \"kafka:\""},
        {TEXT("---\n"), "CONFIG r.yaml:1:1: the configuration is empty; it begins with \"kafka:\""},
        {TEXT("kafka: {a\n"),
         "SYNTAX r.yaml:2:1: did not find expected ',' or '}' while parsing a flow mapping that "
         "begins at line 1; inside { } put texts that contain { } [ ] , in quotes"},
        {TEXT("kafka:\n\tclient: x\n"),
         "SYNTAX r.yaml:2:1: a tab cannot stand here; indent with spaces"},
        {TEXT("kafka:\n  client:\n\tservers: [k]\n"),
         "SYNTAX r.yaml:3:1: a tab cannot stand here; indent with spaces"},
        {TEXT("kafka: {client: {servers: [k:1]}, hook: [{topic: ${clientid}}]}\n"),
         "SYNTAX r.yaml:1:51: did not find expected ',' or '}' while parsing a flow mapping that "
         "begins at line 1; inside { } put texts that contain { } [ ] , in quotes"},
        {TEXT("kafka:\n  a: b: c\n"),
         "SYNTAX r.yaml:2:7: mapping values are not allowed in this context; check the "
         "indentation, and put a text that contains \": \" in quotes"},
        {TEXT("kafka:\n  a: @x\n"),
         "SYNTAX r.yaml:2:6: found character that cannot start any token while scanning for the "
         "next token that begins at line 2; put a text that begins with this character in quotes"},
        {TEXT("kafka:\n   a: 1\n  b: 2\n"),
         "SYNTAX r.yaml:3:3: did not find expected key while parsing a block mapping that begins "
         "at line 1; check the indentation and the quotes"},
        {TEXT("kafka: \"a\n"), "SYNTAX r.yaml:2:1: found unexpected end of stream while scanning a "
                               "quoted scalar that begins at line 1; a closing quote is missing"},
        {TEXT("kafka: \"\\q\"\n"),
         "SYNTAX r.yaml:1:9: found unknown escape character while parsing a quoted scalar that "
         "begins at line 1; write \\\\ for a backslash, or use single quotes"},
        {TEXT("kafka: \377\n"), "SYNTAX r.yaml:1:8: \\xff: the text is not valid UTF-8"},
        {TEXT("a: \000\n"), "SYNTAX r.yaml:1:4: \\x00: a control character cannot stand in YAML; "
                            "write it as an escape in double quotes"},
        {TEXT("kafka: \"a\\0b\"\n"), "SYNTAX r.yaml:1:8: a text cannot contain a NUL character"},
        {TEXT("kafka: \007\n"), "SYNTAX r.yaml:1:8: \\x07: a control character cannot stand in "
                                "YAML; write it as an escape in double quotes"},
        {TEXT("\377\376k"), "SYNTAX r.yaml:1:1: the file is in UTF-16; save it as UTF-8"},
        {TEXT("a: &x 1\n"), "SYNTAX r.yaml:1:4: YAML anchors (&name) are not accepted; put a text "
                            "that begins with & in quotes"},
        {TEXT("a: *x\n"), "SYNTAX r.yaml:1:4: YAML aliases (*name) are not accepted; write the "
                          "value out, or put a text that begins with * in quotes"},
        {TEXT("a: !!int 1\n"), "SYNTAX r.yaml:1:4: YAML tags (!name) are not accepted; put a text "
                               "that begins with ! in quotes"},
        {TEXT("? [a]\n: b\n"),
         "SYNTAX r.yaml:1:3: a key must be a text; put a value that begins with { or [ in quotes"},
        {TEXT("kafka: {}\n---\nkafka: {}\n"),
         "SYNTAX r.yaml:2:1: only one YAML document is accepted; remove this second one"},
        {TEXT(FIVE(FIVE("[[[[[[[["))), "TOO_LARGE r.yaml:1:33: nested deeper than 32 levels"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

static void top_level(void **state) {
    static const struct bad_config cases[] = {
        {TEXT("text\n"), "CONFIG r.yaml:1:1: expected a mapping (\"key: value\"), not a text"},
        {TEXT("- a\n"), "CONFIG r.yaml:1:1: expected a mapping (\"key: value\"), not a list"},
        {TEXT("kafak: {}\n"), "CONFIG r.yaml:1:1: unknown key \"kafak\", did you mean \"kafka\"?\n"
                              "CONFIG r.yaml:1:1: \"kafka\" is missing"},
        {TEXT("kafka: {}\nkafka: {}\n"),
         "CONFIG r.yaml:2:1: \"kafka\" is given twice, first at line 1"},
        {TEXT("kafka:\n"),
         "CONFIG r.yaml:1:7: kafka: expected a mapping (\"key: value\"), not nothing"},
        {TEXT("kafka: []\n"),
         "CONFIG r.yaml:1:8: kafka: expected a mapping (\"key: value\"), not a list"},
        {TEXT("other: 1\n"), "CONFIG r.yaml:1:1: unknown key \"other\" (accepted: kafka)\n"
                             "CONFIG r.yaml:1:1: \"kafka\" is missing"},
        {TEXT("kafka: {}\n"),
         "CONFIG r.yaml:1:8: kafka: \"client\" is missing; name the Kafka servers, e.g. client: { "
         "servers: [\"kafka-1:9092\"] }\n"
         "CONFIG r.yaml:1:8: kafka: \"hook\" is missing; without rules nothing would be sent"},
        {TEXT(WITH_RULE("")), "CONFIG r.yaml:2:3: kafka: \"client\" is missing; name the Kafka "
                              "servers, e.g. client: { servers: [\"kafka-1:9092\"] }"},
        {TEXT("kafka: {client: {servers: [k]}}\n"),
         "CONFIG r.yaml:1:8: kafka: \"hook\" is missing; without rules nothing would be sent"},
        {TEXT("kafka: {client: {servers: [k]}, hook: []}\n"),
         "CONFIG r.yaml:1:8: kafka: \"hook\" is missing; without rules nothing would be sent"},
        {TEXT(IN_KAFKA("producers: {}")),
         "CONFIG r.yaml:4:3: kafka: unknown key \"producers\", did you mean \"producer\"?"},
        {TEXT(IN_KAFKA("connection: {}")), "CONFIG r.yaml:4:3: kafka: \"connection\" means the "
                                           "same as \"client\", which is given at line 2"},
        {TEXT(IN_KAFKA("hooks: []")), "CONFIG r.yaml:4:3: kafka: \"hooks\" means the same as "
                                      "\"hook\", which is given at line 3"},
        {TEXT(IN_KAFKA("consumer: [{topic: t}]")),
         "CONFIG r.yaml:4:14: kafka.consumer[0]: \"topics\" is missing\n"
         "CONFIG r.yaml:4:14: kafka.consumer[0]: \"group_id\" is missing\n"
         "CONFIG r.yaml:4:14: kafka.consumer[0]: \"action\" is missing\n"
         "CONFIG r.yaml:4:15: kafka.consumer[0]: unknown key \"topic\", did you mean \"topics\"?"},
        {TEXT(IN_KAFKA("consumer: {}")),
         "CONFIG r.yaml:4:13: kafka.consumer: expected a list, not a mapping; write \"- \" before "
         "each entry, or [ ] around them"},
        {TEXT(IN_KAFKA("clusters: [{name: a, servers: [k]}]")),
         "CONFIG r.yaml:3:10: kafka.hook[0]: \"cluster\" is missing; there are several: default, "
         "a\n"
         "CONFIG r.yaml:4:13: kafka.clusters: \"client\" (one cluster) and \"clusters\" (several) "
         "cannot stand together"},
        {TEXT(IN_KAFKA("<<: {}")), "CONFIG r.yaml:4:3: kafka: unknown key \"<<\" (accepted: "
                                   "client, clusters, producer, hook, consumer)"},
        {TEXT(IN_KAFKA("[a]: 1")),
         "SYNTAX r.yaml:4:3: a key must be a text; put a value that begins with { or [ in quotes"},
        {TEXT(WITH_RULE("client: k")),
         "CONFIG r.yaml:3:11: kafka.client: expected a mapping (\"key: value\"), not a text"},
        {TEXT(WITH_RULE("client: [k]")),
         "CONFIG r.yaml:3:11: kafka.client: expected a mapping (\"key: value\"), not a list"},
        {TEXT(WITH_RULE("clusters: {name: eu}")),
         "CONFIG r.yaml:3:13: kafka.clusters: expected a list, not a mapping; write \"- \" before "
         "each entry, or [ ] around them"},
        {TEXT(WITH_RULE("clusters: []")),
         "CONFIG r.yaml:3:13: kafka.clusters: the list is empty; name at least one cluster"},
        {TEXT(WITH_RULE("client: {}")), "CONFIG r.yaml:3:11: kafka.client: \"servers\" is missing, "
                                        "e.g. servers: [\"kafka-1:9092\"]"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_not_yaml),
        cmocka_unit_test(top_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
