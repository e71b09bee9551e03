/* SPDX-License-Identifier: Apache-2.0 */
/* What consumer rules make of a record, asked from outside. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include <mqkafka/mqkafka.h>

#include "str.h"

#define RULES                                                                                      \
    "kafka:\n"                                                                                     \
    "  clusters: [{name: one, servers: [k]}, {name: two, servers: [k]}]\n"                         \
    "  consumer:\n"                                                                                \
    "    - {name: down, cluster: one, topics: [t, '^down\\.'], group_id: g, action: publish, "     \
    "qos: 1,\n"                                                                                    \
    "       where: 'value.n > 1', mqtt_topic: 'to/${value.to}', payload: '${value.n}',\n"          \
    "       user_properties: [{name: node, value: '${node}'}]}\n"                                  \
    "    - {cluster: one, topics: [t], group_id: g, action: kick, username: ['${value.user}'], "   \
    "reason: out,\n"                                                                               \
    "       dead_letter: dead}\n"                                                                  \
    "    - {cluster: one, topics: [t], group_id: g, action: acl_clean, clientid: ['${key}'],\n"    \
    "       key_encoding: base64}\n"                                                               \
    "    - {topics: [t], group_id: g, action: callback, cluster: two, skip_own: node}\n"

struct heard {
    char text[4096];
};

static void say(struct heard *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct heard *h, const char *format, ...) {
    size_t used = strlen(h->text);
    va_list args;
    va_start(args, format);
    vsnprintf(h->text + used, sizeof(h->text) - used, format, args);
    va_end(args);
}

static void on_verdict(void *user, const mqk_verdict *v) {
    assert_int_equal(v->size, sizeof(*v));
    say(user, "%zu %.*s %s: %.*s\n", v->rule, STR_ARG(v->rule_name), v->matched ? "yes" : "no",
        STR_ARG(v->reason));
}

static mqk_answer on_publish(void *user, const mqk_publish *p) {
    say(user, "publish %.*s q%d %.*s %.*s=%.*s of %.*s\n", STR_ARG(p->topic), p->qos,
        STR_ARG(p->payload), STR_ARG(p->user_props[0].name), STR_ARG(p->user_props[0].value),
        STR_ARG(p->record->cluster));
    return MQK_LATER;
}

static mqk_answer on_kick(void *user, const mqk_kick *k) {
    say(user, "kick %.*s %.*s\n", STR_ARG(k->username), STR_ARG(k->reason));
    return MQK_REFUSE;
}

static mqk_answer on_acl_clean(void *user, const mqk_acl_clean *a) {
    say(user, "clean %.*s\n", STR_ARG(a->clientid));
    return MQK_ACCEPT;
}

static mqk_answer on_record(void *user, const mqk_kafka_record *r) {
    say(user, "record %.*s %.*s\n", STR_ARG(r->cluster), STR_ARG(r->rule_name));
    return MQK_ACCEPT;
}

static mqk_config *load(const char *text) {
    mqk_config *config = NULL;
    mqk_error err;
    if (mqk_config_load_memory(mqk_cstr(text), "rules", &config, &err) != MQK_OK) {
        fail_msg("%s", err.message);
    }
    return config;
}

static mqk_kafka_record a_record(const char *topic, const char *key, const char *value) {
    return (mqk_kafka_record){.size = sizeof(mqk_kafka_record),
                              .topic = mqk_cstr(topic),
                              .key = mqk_cstr(key),
                              .value = mqk_cstr(value),
                              .timestamp_ms = MQK_UNKNOWN};
}

static void every_rule_says_what_it_does(void **state) {
    (void)state;
    mqk_config *config = load(RULES);
    const mqk_header own = {STR("mqk-origin"), STR("n1")};
    mqk_kafka_record of_two = a_record("t", "!", NULL);
    of_two.cluster = STR("two");
    mqk_kafka_record ours = of_two;
    ours.headers = &own;
    ours.header_count = 1;
    const struct {
        mqk_kafka_record record;
        int matched;
        const char *said;
    } cases[] = {
        {a_record("t", "YzE=", "{\"n\":2,\"to\":\"x\",\"user\":\"u\"}"), 4,
         "0 down yes: where: value.n > 1 is true (value.n is 2)\n"
         "publish to/x q1 2 node=n1 of one\n"
         "1 consumer[1] yes: wanted: the rule has no condition\n"
         "kick u out\n"
         "2 consumer[2] yes: wanted: the rule has no condition\n"
         "clean c1\n"
         "3 consumer[3] yes: wanted: the rule has no condition\n"
         "record two consumer[3]\n"},
        {a_record("down.x", NULL, "{\"n\":1}"), 0,
         "0 down no: where: value.n > 1 is false (value.n is 1)\n"
         "1 consumer[1] no: topic \"down.x\" is not among its topics: t\n"
         "2 consumer[2] no: topic \"down.x\" is not among its topics: t\n"
         "3 consumer[3] no: topic \"down.x\" is not among its topics: t\n"},
        {of_two, 1,
         "0 down no: the record is of cluster \"two\", the rule reads \"one\"\n"
         "1 consumer[1] no: the record is of cluster \"two\", the rule reads \"one\"\n"
         "2 consumer[2] no: the record is of cluster \"two\", the rule reads \"one\"\n"
         "3 consumer[3] yes: wanted: the rule has no condition\n"
         "record two consumer[3]\n"},
        {ours, 0,
         "0 down no: the record is of cluster \"two\", the rule reads \"one\"\n"
         "1 consumer[1] no: the record is of cluster \"two\", the rule reads \"one\"\n"
         "2 consumer[2] no: the record is of cluster \"two\", the rule reads \"one\"\n"
         "3 consumer[3] no: skip_own: the record has the header mqk-origin\n"},
        {a_record("t", "!", "{\"n\":2}"), 1,
         "0 down no: where: value.n > 1 is true (value.n is 2); mqtt_topic: a value is missing, or "
         "all is empty; it is counted and left out\n"
         "1 consumer[1] no: username: a value is missing, or all is empty; it goes to the dead "
         "letter topic\n"
         "2 consumer[2] no: the key is not base64; it is counted and left out\n"
         "3 consumer[3] yes: wanted: the rule has no condition\n"
         "record two consumer[3]\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct heard heard = {""};
        const mqk_host host = {.size = sizeof(host),
                               .user = &heard,
                               .node = STR("n1"),
                               .publish = on_publish,
                               .kick = on_kick,
                               .acl_clean = on_acl_clean,
                               .record = on_record};
        int matched =
            mqk_config_explain_record(config, &cases[i].record, &host, on_verdict, &heard);
        assert_string_equal(heard.text, cases[i].said);
        assert_int_equal(matched, cases[i].matched);
        /* The same without anybody who listens; then no node is our own. */
        assert_int_equal(mqk_config_explain_record(config, &cases[i].record, NULL, NULL, NULL),
                         cases[i].record.header_count > 0 ? 1 : matched);
    }
    mqk_config_free(config);
}

static void arguments_and_other_versions(void **state) {
    (void)state;
    mqk_config *config = load(RULES);
    mqk_config *without =
        load("kafka: {client: {servers: [k]}, hook: [{hook: message.publish, topic: t}]}");
    struct heard heard = {""};
    mqk_kafka_record record = a_record("t", "YzE=", "{}");
    assert_int_equal(mqk_config_explain_record(NULL, &record, NULL, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_explain_record(config, NULL, NULL, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_explain_record(without, &record, NULL, on_verdict, &heard), 0);
    assert_string_equal(heard.text, "");
    /* A caller that does not know headers yet, and a host that knows no callbacks. */
    const mqk_header own = {STR("mqk-origin"), STR("n1")};
    record.headers = &own;
    record.header_count = 1;
    record.size = offsetof(mqk_kafka_record, headers);
    const mqk_host host = {.size = offsetof(mqk_host, publish), .node = STR("n1")};
    assert_int_equal(mqk_config_explain_record(config, &record, &host, NULL, NULL), 2);
    record.size = 0;
    assert_int_equal(mqk_config_explain_record(config, &record, &host, NULL, NULL),
                     MQK_ERR_ARGUMENT);
    /* Nothing is given at all. */
    const mqk_kafka_record nothing = {.size = sizeof(nothing)};
    assert_int_equal(mqk_config_explain_record(config, &nothing, NULL, on_verdict, &heard), 0);
    assert_non_null(strstr(heard.text, "topic \"\" is not among"));
    mqk_config_free(config);
    mqk_config_free(without);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_says_what_it_does),
        cmocka_unit_test(arguments_and_other_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
