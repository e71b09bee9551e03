/* SPDX-License-Identifier: Apache-2.0 */
/* The public faces mqk_config_* and mqk_ruleset_*: arguments, structs of other versions, use of a
 * ruleset without any Kafka. What configurations mean: tests/unit/edges. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include <mqkafka/mqkafka.h>

#include "buffer.h"

#define CLIENT "kafka: {client: {servers: [k]}}\n"
#define RULES                                                                                      \
    "kafka:\n"                                                                                     \
    "  hook:\n"                                                                                    \
    "    - {hook: message.publish, filter: a/#, topic: t, key: \"${clientid}\", value: v,\n"       \
    "       headers: [{name: h, value: x}, {name: h}], timestamp: \"7\"}\n"                        \
    "    - {name: two, hook: message.publish, filter: b, topic: \"${topic}\", value: v}\n"

static mqk_config *load(void) {
    const mqk_config_source sources[] = {{sizeof(sources[0]), NULL, mqk_cstr(CLIENT)},
                                         {sizeof(sources[0]), "rules", mqk_cstr(RULES)}};
    mqk_config *config = NULL;
    mqk_error err;
    if (mqk_config_load(sources, 2, NULL, NULL, &config, &err) != MQK_OK) {
        fail_msg("%s", err.message);
    }
    return config;
}

static void arguments(void **state) {
    (void)state;
    mqk_config *config = (mqk_config *)(void *)"not NULL";
    mqk_error err;
    const mqk_config_source nothing = {sizeof(nothing), NULL, {NULL, 0}};
    const mqk_config_source no_size = {0, "rules.yaml", {NULL, 0}};
    const mqk_config_source mixed[] = {{sizeof(mixed[0]), NULL, mqk_cstr(CLIENT)},
                                       {sizeof(mixed[0]) - 8, NULL, mqk_cstr(RULES)}};
    assert_int_equal(mqk_config_load_file(NULL, &config, &err), MQK_ERR_ARGUMENT);
    assert_null(config);
    assert_int_equal(err.code, MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load_file("rules.yaml", NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load_memory((mqk_str){NULL, 0}, NULL, &config, NULL),
                     MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load_memory(mqk_cstr(CLIENT), NULL, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load(NULL, 1, NULL, NULL, &config, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load(mixed, 0, NULL, NULL, &config, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load(&nothing, 1, NULL, NULL, &config, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load(&no_size, 1, NULL, NULL, &config, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_config_load(mixed, 2, NULL, NULL, &config, NULL), MQK_ERR_ARGUMENT);
    mqk_config_free(NULL);
}

static void text_without_a_name(void **state) {
    (void)state;
    mqk_config *config;
    mqk_error err;
    assert_int_equal(mqk_config_load_memory(mqk_cstr("kafak: 1"), NULL, &config, &err),
                     MQK_ERR_CONFIG);
    assert_string_equal(err.message,
                        "(memory):1:1: unknown key \"kafak\", did you mean \"kafka\"?");
    assert_int_equal(err.line, 1);
    assert_int_equal(err.column, 1);
    assert_null(config);
    assert_int_equal(mqk_config_load_memory(mqk_cstr(""), "empty", &config, &err), MQK_ERR_CONFIG);
    assert_int_equal(mqk_config_load_file("/nonexistent.yaml", &config, &err), MQK_ERR_IO);
    assert_int_equal(mqk_config_load_file("/nonexistent.yaml", &config, NULL), MQK_ERR_IO);
}

/* Entries as a program would have them that was built with a later header. */
static void sources_from_the_future(void **state) {
    (void)state;
    struct future_source {
        mqk_config_source now;
        void *later[3];
    };
    struct future_source sources[2] = {{{sizeof(sources[0]), "one", mqk_cstr(CLIENT)}, {&sources}},
                                       {{sizeof(sources[0]), "two", mqk_cstr(RULES)}, {&sources}}};
    mqk_config *config = NULL;
    assert_int_equal(mqk_config_load(&sources[0].now, 2, NULL, NULL, &config, NULL), MQK_OK);
    assert_non_null(config);
    mqk_config_free(config);
}

static void write_record(void *user, const mqk_record *r) {
    struct buffer *out = user;
    assert_int_equal(r->size, sizeof(*r));
    buffer_printf(out, "%zu %.*s %.*s %.*s|%.*s|%.*s|%zu|%d|%d|%d\n", r->rule,
                  STR_ARG(r->rule_name), STR_ARG(r->cluster), STR_ARG(r->topic), STR_ARG(r->key),
                  STR_ARG(r->value), r->header_count, (int)r->timestamp_ms, r->partition,
                  r->status);
}

static void write_verdict(void *user, const mqk_verdict *v) {
    struct buffer *out = user;
    assert_int_equal(v->size, sizeof(*v));
    assert_true(v->reason.len > 0);
    buffer_printf(out, "%zu %.*s %s\n", v->rule, STR_ARG(v->rule_name), v->matched ? "yes" : "no");
}

static void assert_written(struct buffer *out, const char *expected) {
    buffer_append_char(out, '\0');
    assert_string_equal(out->data, expected);
    out->len = 0;
}

static void ruleset(void **state) {
    (void)state;
    mqk_config *config = load();
    mqk_ruleset *rules = NULL;
    char memory[1000];
    struct buffer out;
    mqk_event event;
    buffer_init(&out, memory, sizeof(memory));
    assert_int_equal(mqk_ruleset_compile(config, &rules, NULL), MQK_OK);
    mqk_config_free(config); /* the ruleset lives on */
    assert_int_equal(mqk_ruleset_size(rules), 2);
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr("c1");
    event.topic = mqk_cstr("a/b");
    assert_int_equal(mqk_ruleset_evaluate(rules, &event, write_record, &out), 1);
    assert_written(&out, "0 hook[0] default t|c1|v|2|7|-1|0\n");
    assert_int_equal(mqk_ruleset_explain(rules, &event, write_verdict, &out), 1);
    assert_written(&out, "0 hook[0] yes\n1 two no\n");
    event.topic = mqk_cstr("b");
    assert_int_equal(mqk_ruleset_evaluate(rules, &event, NULL, NULL), 1);
    assert_int_equal(mqk_ruleset_explain(rules, &event, NULL, NULL), 1);
    event.hook = MQK_HOOK_CLIENT_CONNECTED;
    assert_int_equal(mqk_ruleset_evaluate(rules, &event, write_record, &out), 0);
    assert_written(&out, "");
    mqk_ruleset_free(rules);
    buffer_fini(&out);
}

static void ruleset_arguments(void **state) {
    (void)state;
    mqk_config *config = load();
    mqk_ruleset *rules = NULL;
    mqk_event event;
    mqk_error err;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    assert_int_equal(mqk_ruleset_compile(NULL, &rules, &err), MQK_ERR_ARGUMENT);
    assert_int_equal(err.code, MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_ruleset_compile(config, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_ruleset_compile(config, &rules, NULL), MQK_OK);
    assert_int_equal(mqk_ruleset_evaluate(NULL, &event, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_ruleset_evaluate(rules, NULL, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_ruleset_explain(NULL, &event, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_ruleset_explain(rules, NULL, NULL, NULL), MQK_ERR_ARGUMENT);
    event.hook = (mqk_hook)999;
    assert_int_equal(mqk_ruleset_evaluate(rules, &event, NULL, NULL), MQK_ERR_ARGUMENT);
    event.size = 4;
    assert_int_equal(mqk_ruleset_explain(rules, &event, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_ruleset_size(NULL), 0);
    mqk_ruleset_free(NULL);
    mqk_ruleset_free(rules);
    mqk_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments),
        cmocka_unit_test(text_without_a_name),
        cmocka_unit_test(sources_from_the_future),
        cmocka_unit_test(ruleset),
        cmocka_unit_test(ruleset_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
