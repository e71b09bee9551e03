/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "ruleset_fixture.h"

#define TEXT_SIZE 8000u

/* What a callback was told, as text. */
struct notes {
    char text[TEXT_SIZE];
    size_t len;
    int stop_after; /* records; 0: never */
    int records;
};

static void note_text(struct notes *notes, mqk_str text) {
    if (!text.data) {
        text = STR("NULL");
    }
    assert_true(notes->len + text.len + 1 < sizeof(notes->text));
    memcpy(notes->text + notes->len, text.data, text.len);
    notes->len += text.len;
    notes->text[notes->len] = '\0';
}

/* name topic|key|value|time|status headers */
static bool note_record(void *user, const struct rendered_record *record) {
    struct notes *notes = user;
    char numbers[60];
    snprintf(numbers, sizeof(numbers), "|%lld|%d", (long long)record->timestamp_ms,
             (int)record->status);
    note_text(notes, record->info->name);
    note_text(notes, STR(" "));
    note_text(notes, record->topic);
    note_text(notes, STR("|"));
    note_text(notes, record->key);
    note_text(notes, STR("|"));
    note_text(notes, record->value);
    note_text(notes, mqk_cstr(numbers));
    for (size_t i = 0; i < record->header_count; i++) {
        note_text(notes, i == 0 ? STR(" ") : STR(","));
        note_text(notes, record->headers[i].name);
        note_text(notes, STR("="));
        note_text(notes, record->headers[i].value);
    }
    note_text(notes, STR("\n"));
    assert_int_equal(record->partition, -1);
    return ++notes->records != notes->stop_after;
}

static void assert_evaluates(const struct ruleset *r, const mqk_event *event, int matched,
                             const char *expected) {
    struct notes notes = {.len = 0};
    struct ruleset_host host = {.node = STR("node-1")};
    int count = ruleset_evaluate(r, event, &host, note_record, &notes);
    if (count != matched || strcmp(notes.text, expected) != 0) {
        fail_msg("%d:\n%s\ninstead of %d:\n%s", count, notes.text, matched, expected);
    }
}

static void note_verdict(void *user, size_t rule, bool matched, mqk_str reason) {
    struct notes *notes = user;
    char head[40];
    snprintf(head, sizeof(head), "%zu %s: ", rule, matched ? "yes" : "no");
    note_text(notes, mqk_cstr(head));
    note_text(notes, reason);
    note_text(notes, STR("\n"));
}

static void assert_explains(const struct ruleset *r, const mqk_event *event, int matched,
                            const char *expected) {
    struct notes notes = {.len = 0};
    int count = ruleset_explain(r, event, NULL, note_verdict, &notes);
    if (count != matched || strcmp(notes.text, expected) != 0) {
        fail_msg("%d:\n%s\ninstead of %d:\n%s", count, notes.text, matched, expected);
    }
}

static void makes_records_as_the_rule_says(void **state) {
    (void)state;
    const struct rule_header_source headers[] = {{STR("trace"), STR("${user.trace}")},
                                                 {STR("node"), STR("n-${node}")},
                                                 {STR("none"), {NULL, 0}},
                                                 {STR("trace"), STR("")}};
    const mqk_str filter = STR("factory/+/line/+/#");
    const struct rule_source rule = {
        .name = STR("telemetry"),
        .hook = STR("message.publish"),
        .filters = &filter,
        .filter_count = 1,
        .topic = STR("telemetry.${filter.1}"),
        .key = STR("${clientid}"),
        .value = STR("{\"device\":\"${clientid}\",\"t\":${payload.t},\"rest\":${filter.3}}"),
        .headers = headers,
        .header_count = 4,
        .timestamp = STR("${payload.id}"),
        .max_topics = 9,
        .cluster = STR("eu"),
        .lane = 3};
    struct ruleset *r = compiled(&rule, 1);
    const struct rule_info *info = ruleset_rule(r, 0);
    assert_int_equal(ruleset_size(r), 1);
    assert_int_equal(info->lane, 3);
    assert_int_equal(info->max_topics, 9);
    assert_true(str_equal(info->cluster, STR("eu")));
    assert_false(info->constant_topic);

    mqk_event event = message("factory/a/line/3/x/y");
    assert_evaluates(r, &event, 1,
                     "telemetry telemetry.a|c1|{\"device\":\"c1\",\"t\":1.50,\"rest\":\"x/y\"}|7|0 "
                     "trace=NULL,node=n-node-1,none=NULL,trace=\n");
    event.clientid = (mqk_str){NULL, 0};
    event.payload = STR("none");
    struct notes notes = {.len = 0};
    assert_int_equal(ruleset_evaluate(r, &event, NULL, note_record, &notes), 1);
    assert_non_null(strstr(notes.text, "telemetry telemetry.a|NULL|{\"device\":\"undefined\","
                                       "\"t\":null,\"rest\":\"x/y\"}|"));
    event = message("factory/a/line");
    assert_evaluates(r, &event, 0, "");
    ruleset_unref(r);
}

static void values_have_envelopes(void **state) {
    (void)state;
    const struct rule_source rules[] = {
        {.hook = STR("*"), .topic = STR("a")},
        {.hook = STR("*"), .topic = STR("b"), .envelope = STR("raw")},
        {.hook = STR("*"), .topic = STR("c"), .envelope = STR("event"), .encoding = PAYLOAD_HEX},
        {.hook = STR("*"), .topic = STR("d"), .envelope = STR("raw"), .encoding = PAYLOAD_BASE64},
        {.hook = STR("*"),
         .topic = STR("e"),
         .value = STR("${payload}"),
         .key = STR("${username}")},
    };
    struct ruleset *r = compiled(rules, 5);
    assert_true(ruleset_rule(r, 2)->constant_topic);
    assert_true(str_equal(ruleset_rule(r, 2)->topic, STR("c")));
    mqk_event event = message("t");
    event.payload = STR("x\"");
#define EVENT(payload)                                                                             \
    "{\"event\":\"message.publish\",\"timestamp\":1000,\"node\":\"node-1\",\"clientid\":\"c1\","   \
    "\"payload\":\"" payload "\",\"topic\":\"t\"}"
    assert_evaluates(r, &event, 5,
                     "hook[0] a|NULL|" EVENT("x\\\"") "|1000|0\n"
                                                      "hook[1] b|NULL|x\"|1000|0\n"
                                                      "hook[2] c|NULL|" EVENT(
                                                          "7822") "|1000|0\n"
                                                                  "hook[3] d|NULL|eCI=|1000|0\n"
                                                                  "hook[4] e|NULL|x\"|1000|0\n");
    event_init(&event, sizeof(event), MQK_HOOK_CLIENT_CONNECTED);
    event.timestamp = 1;
    assert_evaluates(r, &event, 5,
                     "hook[0] a|NULL|{\"event\":\"client.connected\",\"timestamp\":1,\"node\":"
                     "\"node-1\"}|1|0\n"
                     "hook[1] b|NULL|NULL|1|0\n"
                     "hook[2] c|NULL|{\"event\":\"client.connected\",\"timestamp\":1,\"node\":"
                     "\"node-1\"}|1|0\n"
                     "hook[3] d|NULL|NULL|1|0\n"
                     "hook[4] e|NULL|NULL|1|0\n");
    ruleset_unref(r);
}

/* Rules by letters; the letters of those that match an event. */
static void assert_rules(const struct ruleset *r, const mqk_event *event, const char *expected) {
    struct notes notes = {.len = 0};
    char letters[40];
    size_t count = 0;
    ruleset_evaluate(r, event, NULL, note_record, &notes);
    for (const char *line = notes.text; *line; line = strchr(line, '\n') + 1) {
        letters[count++] = *line;
    }
    letters[count] = '\0';
    if (strcmp(letters, expected) != 0) {
        fail_msg("%s %.*s: \"%s\" instead of \"%s\"", event_hooks[event->hook].name,
                 STR_ARG(event->topic), letters, expected);
    }
}

static void events_meet_the_rules_that_want_them(void **state) {
    (void)state;
    const mqk_str abc[] = {STR("a/+"), STR("a/#"), STR("b")}, hash = STR("#"), sys = STR("$SYS/#"),
                  plus = STR("+/+");
#define RULE(letter, hooks, list, count)                                                           \
    {                                                                                              \
        .name = STR(letter), .hook = STR(hooks), .filters = list, .filter_count = count,           \
        .topic = STR("t")                                                                          \
    }
    const struct rule_source rules[] = {
        RULE("A", "message.publish", abc, 3),
        RULE("B", "message.*", NULL, 0),
        RULE("C", "client.connected,session.*", &hash, 1),
        RULE("D", "message.publish, session.subscribed", &sys, 1),
        RULE("E", "*", NULL, 0),
        RULE("F", "client.check_acl,session.subscribed", &plus, 1),
        RULE("G", "custom.x", NULL, 0),
        RULE("H", "custom.y, custom.x", abc, 2),
        RULE("I", "custom.*", NULL, 0),
        RULE("J", "session.subscribed,session.unsubscribed", abc, 1),
    };
    static const struct {
        mqk_hook hook;
        const char *custom;
        const char *topic;
        const char *expected;
    } cases[] = {
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "a/b", "ABE"},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "a", "ABE"},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "b", "ABE"},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "c", "BE"},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "$SYS/x", "D"},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "", ""},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, NULL, "BE"},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "a/+", ""},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "#", ""},
        {MQK_HOOK_MESSAGE_PUBLISH, NULL, "a/x+", "ABE"},
        {MQK_HOOK_MESSAGE_DROPPED, NULL, "a/b", "BE"},
        {MQK_HOOK_CLIENT_CONNECTED, NULL, NULL, "CE"},
        {MQK_HOOK_CLIENT_CONNECTED, NULL, "$SYS/ignored", "CE"},
        {MQK_HOOK_CLIENT_CONNECT, NULL, NULL, "E"},
        {MQK_HOOK_CLIENT_AUTHORIZE, NULL, "a/b", "EF"},
        {MQK_HOOK_CLIENT_AUTHORIZE, NULL, NULL, "E"},
        {MQK_HOOK_SESSION_SUBSCRIBED, NULL, "a/+", "CEFJ"},
        {MQK_HOOK_SESSION_SUBSCRIBED, NULL, "a/#", "CEFJ"},
        {MQK_HOOK_SESSION_SUBSCRIBED, NULL, "+/+", "CEF"},
        {MQK_HOOK_SESSION_SUBSCRIBED, NULL, "#", "CE"},
        {MQK_HOOK_SESSION_SUBSCRIBED, NULL, "$SYS/#", "D"},
        {MQK_HOOK_SESSION_UNSUBSCRIBED, NULL, "a/b", "CEJ"},
        {MQK_HOOK_SESSION_RESUMED, NULL, NULL, "CE"},
        {MQK_HOOK_CUSTOM, "custom.x", NULL, "EGI"},
        {MQK_HOOK_CUSTOM, "custom.x", "a/b", "EGHI"},
        {MQK_HOOK_CUSTOM, "custom.y", "a/b", "EHI"},
        {MQK_HOOK_CUSTOM, "custom.xx", "a/b", "EI"},
        {MQK_HOOK_CUSTOM, "custom.unheard", NULL, "EI"},
    };
    struct ruleset *r = compiled(rules, sizeof(rules) / sizeof(rules[0]));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_event event;
        event_init(&event, sizeof(event), cases[i].hook);
        event.hook_name = mqk_cstr(cases[i].custom);
        event.topic = mqk_cstr(cases[i].topic);
        assert_rules(r, &event, cases[i].expected);
    }
    ruleset_unref(r);
}

static void tells_which_hooks_have_rules(void **state) {
    (void)state;
    const struct rule_source rules[] = {{.hook = STR("message.acked"), .topic = STR("t")},
                                        {.hook = STR("client.connect"), .topic = STR("t")},
                                        {.hook = STR("custom.x"), .topic = STR("t")}};
    struct ruleset *r = compiled(rules, 3);
    assert_int_equal(ruleset_hooks(r), UINT64_C(1) << MQK_HOOK_MESSAGE_ACKED |
                                           UINT64_C(1) << MQK_HOOK_CLIENT_CONNECT |
                                           UINT64_C(1) << MQK_HOOK_CUSTOM);
    ruleset_unref(r);
    r = compiled(rules, 0);
    assert_int_equal(ruleset_hooks(r), 0);
    assert_int_equal(ruleset_size(r), 0);
    mqk_event event = message("a");
    assert_evaluates(r, &event, 0, "");
    ruleset_unref(r);
    ruleset_unref(NULL);
}

static void the_first_filter_that_matches_is_captured(void **state) {
    (void)state;
    const mqk_str filters[] = {STR("x/#"), STR("a/+/c"), STR("+/b/c"), STR("#")};
    const struct rule_source rule = {.hook = STR("message.publish"),
                                     .filters = filters,
                                     .filter_count = 4,
                                     .topic = STR("t"),
                                     .value = STR("${filter.1}")};
    struct ruleset *r = compiled(&rule, 1);
    mqk_event event = message("a/b/c");
    assert_evaluates(r, &event, 1, "hook[0] t|NULL|b|1000|0\n");
    event = message("z/b/c");
    assert_evaluates(r, &event, 1, "hook[0] t|NULL|z|1000|0\n");
    event = message("q");
    assert_evaluates(r, &event, 1, "hook[0] t|NULL|q|1000|0\n");
    ruleset_unref(r);
}

static void stop_ends_the_search(void **state) {
    (void)state;
    const mqk_str a = STR("a/#");
    const struct rule_source rules[] = {
        {.hook = STR("message.publish"), .topic = STR("t"), .value = STR("1")},
        {.hook = STR("message.publish"),
         .topic = STR("t"),
         .value = STR("2"),
         .filters = &a,
         .filter_count = 1,
         .stop = true,
         .name = STR("last")},
        {.hook = STR("message.publish"), .topic = STR("t"), .value = STR("3")}};
    struct ruleset *r = compiled(rules, 3);
    mqk_event event = message("a");
    assert_evaluates(r, &event, 2, "hook[0] t|NULL|1|1000|0\nlast t|NULL|2|1000|0\n");
    assert_explains(r, &event, 2,
                    "0 yes: matched by filter \"#\"\n"
                    "1 yes: matched by filter \"a/#\"\n"
                    "2 no: not tried: rule \"last\" before it says stop\n");
    event = message("b");
    assert_evaluates(r, &event, 2, "hook[0] t|NULL|1|1000|0\nhook[2] t|NULL|3|1000|0\n");
    /* So does the callback. */
    struct notes notes = {.stop_after = 1};
    assert_int_equal(ruleset_evaluate(r, &event, NULL, note_record, &notes), 1);
    assert_int_equal(notes.records, 1);
    ruleset_unref(r);
}

static void explains_every_rule(void **state) {
    (void)state;
    const mqk_str filters[] = {STR("x/#"), STR("+/y"), STR("z")};
    const struct rule_source rules[] = {
        {.hook = STR("client.connected"), .topic = STR("t")},
        {.hook = STR("message.publish"), .topic = STR("t"), .filters = filters, .filter_count = 1},
        {.hook = STR("message.publish"), .topic = STR("t"), .filters = filters, .filter_count = 3},
        {.hook = STR("message.publish,client.connected"), .topic = STR("t")},
        {.hook = STR("custom.a"), .topic = STR("t"), .filters = filters, .filter_count = 1}};
    struct ruleset *r = compiled(rules, 5);
    mqk_event event = message("a/\x01");
    assert_explains(r, &event, 1,
                    "0 no: hook is message.publish, the rule wants client.connected\n"
                    "1 no: topic \"a/\\x01\" does not match filter \"x/#\"\n"
                    "2 no: topic \"a/\\x01\" does not match filter \"x/#\" nor any other of its 3 "
                    "filters\n"
                    "3 yes: matched by filter \"#\"\n"
                    "4 no: hook is message.publish, the rule wants custom.a\n");
    event.topic = (mqk_str){NULL, 0};
    assert_explains(r, &event, 1,
                    "0 no: hook is message.publish, the rule wants client.connected\n"
                    "1 no: the event has no topic, the rule wants one that matches filter "
                    "\"x/#\"\n"
                    "2 no: the event has no topic, the rule wants one that matches filter \"x/#\" "
                    "nor any other of its 3 filters\n"
                    "3 yes: matched by its hook\n"
                    "4 no: hook is message.publish, the rule wants custom.a\n");
    event.topic = STR("x/+");
    struct notes notes = {.len = 0};
    assert_int_equal(ruleset_explain(r, &event, NULL, note_verdict, &notes), 0);
    assert_non_null(strstr(notes.text, "1 no: topic \"x/+\" is illegal: it contains a wildcard\n"));
    event_init(&event, sizeof(event), MQK_HOOK_CUSTOM);
    event.hook_name = STR("custom.a");
    event.topic = STR("x");
    notes.len = 0;
    assert_int_equal(ruleset_explain(r, &event, NULL, note_verdict, &notes), 1);
    assert_non_null(strstr(notes.text, "3 no: hook is custom.a, the rule wants "
                                       "message.publish,client.connected\n"
                                       "4 yes: matched by filter \"x/#\"\n"));
    ruleset_unref(r);
}

static void illegal_topics_are_reported_with_the_record(void **state) {
    (void)state;
    const struct rule_source rules[] = {
        {.hook = STR("message.publish"), .topic = STR("t.${topic}"), .value = STR("v")},
        {.hook = STR("message.publish"), .topic = STR("${username}"), .value = STR("v")}};
    struct ruleset *r = compiled(rules, 2);
    mqk_event event = message("a/b");
    assert_evaluates(r, &event, 2, "hook[0] t.a/b|NULL|v|1000|-16\nhook[1] NULL|NULL|v|1000|-16\n");
    event.topic = STR("legal");
    event.username = STR(".");
    assert_evaluates(r, &event, 2, "hook[0] t.legal|NULL|v|1000|0\nhook[1] .|NULL|v|1000|-16\n");
    ruleset_unref(r);
}

static void timestamps_that_are_none_become_now(void **state) {
    (void)state;
    const struct rule_source rule = {.hook = STR("message.publish"),
                                     .topic = STR("t"),
                                     .value = STR("v"),
                                     .timestamp = STR("${clientid}")};
    static const struct {
        const char *text;
        int64_t expected; /* -1: now */
    } cases[] = {{"0", 0},
                 {"1700000000000", 1700000000000},
                 {"9223372036854775807", INT64_MAX},
                 {"", -1},
                 {"9223372036854775808", -1},
                 {"-1", -1},
                 {"1.5", -1},
                 {" 1", -1},
                 {"1e3", -1},
                 {"+1", -1},
                 {"99999999999999999999", -1}};
    struct ruleset *r = compiled(&rule, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_event event = message("a");
        event.clientid = mqk_cstr(cases[i].text);
        struct notes notes = {.len = 0};
        assert_int_equal(ruleset_evaluate(r, &event, NULL, note_record, &notes), 1);
        long long time = strtoll(strstr(notes.text, "|v|") + 3, NULL, 10);
        if (cases[i].expected >= 0 ? time != cases[i].expected : time < 1600000000000) {
            fail_msg("\"%s\": %lld", cases[i].text, time);
        }
    }
    ruleset_unref(r);
}

static bool keep_replaced(void *user, const struct rendered_record *record) {
    bool **replaced = user;
    *(*replaced)++ = record->utf8_replaced;
    return true;
}

static void each_record_tells_whether_utf8_was_replaced(void **state) {
    (void)state;
    const struct rule_header_source header = {STR("h"), STR("[\"${payload}\"]")};
    const struct rule_source rules[] = {
        {.hook = STR("message.publish"), .topic = STR("t"), .value = STR("[\"${payload}\"]")},
        {.hook = STR("message.publish"), .topic = STR("t"), .value = STR("${payload}")},
        {.hook = STR("message.publish"), .topic = STR("t")},
        {.hook = STR("message.publish"), .topic = STR("t"), .encoding = PAYLOAD_BASE64},
        {.hook = STR("message.publish"),
         .topic = STR("t"),
         .value = STR("v"),
         .headers = &header,
         .header_count = 1}};
    struct ruleset *r = compiled(rules, 5);
    mqk_event event = message("a");
    event.payload = STR("\xff");
    bool replaced[5], *next = replaced;
    assert_int_equal(ruleset_evaluate(r, &event, NULL, keep_replaced, &next), 5);
    const bool expected[] = {true, false, true, false, true};
    assert_memory_equal(replaced, expected, sizeof(expected));
    ruleset_unref(r);
}

/* The sources may be gone once the ruleset is there; a second reference keeps it. */
static void keeps_its_own_copy(void **state) {
    (void)state;
    char text[] = "a/+|message.publish|name|topic|header|${clientid}|cluster";
    mqk_str parts[7];
    size_t count = 0;
    for (char *part = strtok(text, "|"); part; part = strtok(NULL, "|")) {
        parts[count++] = mqk_cstr(part);
    }
    const struct rule_header_source header = {parts[4], parts[5]};
    const struct rule_source rule = {.name = parts[2],
                                     .hook = parts[1],
                                     .filters = parts,
                                     .filter_count = 1,
                                     .topic = parts[3],
                                     .key = parts[5],
                                     .value = parts[5],
                                     .headers = &header,
                                     .header_count = 1,
                                     .cluster = parts[6]};
    struct ruleset *r = compiled(&rule, 1);
    memset(text, '?', sizeof(text));
    assert_ptr_equal(ruleset_ref(r), r);
    ruleset_unref(r);
    mqk_event event = message("a/b");
    assert_evaluates(r, &event, 1, "name topic|c1|c1|1000|0 header=c1\n");
    assert_explains(r, &event, 1, "0 yes: matched by filter \"a/+\"\n");
    assert_true(str_equal(ruleset_rule(r, 0)->cluster, STR("cluster")));
    ruleset_unref(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_records_as_the_rule_says),
        cmocka_unit_test(values_have_envelopes),
        cmocka_unit_test(events_meet_the_rules_that_want_them),
        cmocka_unit_test(tells_which_hooks_have_rules),
        cmocka_unit_test(the_first_filter_that_matches_is_captured),
        cmocka_unit_test(stop_ends_the_search),
        cmocka_unit_test(explains_every_rule),
        cmocka_unit_test(illegal_topics_are_reported_with_the_record),
        cmocka_unit_test(timestamps_that_are_none_become_now),
        cmocka_unit_test(each_record_tells_whether_utf8_was_replaced),
        cmocka_unit_test(keeps_its_own_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
