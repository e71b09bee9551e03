/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of this floor (lib/bridge/mqk_words.c): arguments, names, sentences. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <mqkafka/mqkafka.h>

#include "str.h"

static void names_every_status(void **state) {
    (void)state;
#define CHECK(name, number, text)                                                                  \
    assert_int_equal(name, number);                                                                \
    assert_string_equal(mqk_status_name(name), #name);                                             \
    assert_string_equal(mqk_status_text(name), text);
    MQK_STATUSES(CHECK)
#undef CHECK
    assert_string_equal(mqk_status_name((mqk_status)-1000), "MQK_ERR_?");
    assert_string_equal(mqk_status_name((mqk_status)1), "MQK_ERR_?");
    assert_non_null(mqk_status_text((mqk_status)1));
}

static void names_every_hook(void **state) {
    (void)state;
#define CHECK(name, number, text, alias) assert_string_equal(mqk_hook_name(MQK_HOOK_##name), text);
    MQK_HOOKS(CHECK)
#undef CHECK
    assert_null(mqk_hook_name(MQK_HOOK_COUNT));
    assert_null(mqk_hook_name((mqk_hook)-1));
}

static void finds_hooks(void **state) {
    (void)state;
    mqk_hook hook = MQK_HOOK_COUNT;
    assert_int_equal(mqk_hook_by_name(STR("message.publish"), &hook), MQK_OK);
    assert_int_equal(hook, MQK_HOOK_MESSAGE_PUBLISH);
    assert_int_equal(mqk_hook_by_name(STR("client.check_acl"), &hook), MQK_OK);
    assert_int_equal(hook, MQK_HOOK_CLIENT_AUTHORIZE);
    assert_int_equal(mqk_hook_by_name(STR("custom.alarm"), &hook), MQK_OK);
    assert_int_equal(hook, MQK_HOOK_CUSTOM);
    assert_int_equal(mqk_hook_by_name(STR("message.published"), &hook), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_hook_by_name((mqk_str){NULL, 0}, &hook), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_hook_by_name(STR("message.publish"), NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(hook, MQK_HOOK_CUSTOM);
}

static void names_health_states(void **state) {
    (void)state;
    assert_string_equal(mqk_health_name(MQK_HEALTH_OK), "ok");
    assert_string_equal(mqk_health_name(MQK_HEALTH_STARTING), "starting");
    assert_string_equal(mqk_health_name(MQK_HEALTH_DEGRADED), "degraded");
    assert_string_equal(mqk_health_name(MQK_HEALTH_DOWN), "down");
    assert_string_equal(mqk_health_name((mqk_health_state)99), "?");
    assert_string_equal(mqk_health_name((mqk_health_state)-1), "?");
}

static void has_the_headers_version(void **state) {
    (void)state;
    assert_string_equal(mqk_version(), MQK_VERSION);
}

static void matches_topics(void **state) {
    (void)state;
    static const struct {
        mqk_str filter;
        mqk_str topic;
        bool matches;
    } cases[] = {
        {{"a/#", 3}, {"a", 1}, true},
        {{"+/b", 3}, {"a/b", 3}, true},
        {{"#", 1}, {"$SYS/x", 6}, false},
        /* What is illegal matches nothing. */
        {{"a/#/b", 5}, {"a/x/b", 5}, false},
        {{"a+", 2}, {"a+", 2}, false},
        {{"#", 1}, {"a+b", 3}, false},
        {{"#", 1}, {"a\0b", 3}, false},
        {{"#", 1}, {"\xFF", 1}, false},
        {{"\xFF", 1}, {"\xFF", 1}, false},
        {{"", 0}, {"", 0}, false},
        {{NULL, 0}, {"a", 1}, false},
        {{"#", 1}, {NULL, 0}, false},
        {{NULL, 5}, {NULL, 5}, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mqk_topic_matches(cases[i].filter, cases[i].topic), cases[i].matches);
    }
}

static void tells_what_is_wrong_with_a_filter(void **state) {
    (void)state;
    mqk_error err;
    assert_int_equal(mqk_topic_filter_check(STR("a/+/#"), &err), MQK_OK);
    assert_int_equal(mqk_topic_filter_check(STR("a/#/b\n"), &err), MQK_ERR_FILTER);
    assert_int_equal(err.code, MQK_ERR_FILTER);
    assert_int_equal(err.column, 3);
    assert_string_equal(err.message,
                        "topic filter \"a/#/b\\x0a\": \"#\" must be the last level (at byte 3)");
    assert_int_equal(mqk_topic_filter_check((mqk_str){NULL, 0}, &err), MQK_ERR_FILTER);
    assert_string_equal(err.message, "topic filter \"\": must not be empty (at byte 1)");
    assert_int_equal(mqk_topic_filter_check(STR(""), NULL), MQK_ERR_FILTER);
}

static void initialises_events(void **state) {
    (void)state;
    mqk_event event;
    memset(&event, 0xAA, sizeof(event));
    mqk_event_init(&event, sizeof(event), MQK_HOOK_CLIENT_CONNECTED);
    assert_int_equal(event.size, sizeof(event));
    assert_int_equal(event.hook, MQK_HOOK_CLIENT_CONNECTED);
    assert_null(event.clientid.data);
    assert_true(event.qos == MQK_UNKNOWN);
    mqk_event_init(NULL, sizeof(event), MQK_HOOK_CLIENT_CONNECTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_status),
        cmocka_unit_test(names_every_hook),
        cmocka_unit_test(finds_hooks),
        cmocka_unit_test(names_health_states),
        cmocka_unit_test(has_the_headers_version),
        cmocka_unit_test(matches_topics),
        cmocka_unit_test(tells_what_is_wrong_with_a_filter),
        cmocka_unit_test(initialises_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
