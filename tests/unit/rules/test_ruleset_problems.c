/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with rules, and what the user is told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "ruleset.h"

#define REPORT_SIZE 4000u

/* The problems of a compilation, one a line: `rule path:at code sentence`, warnings with `w`. */
struct report {
    char text[REPORT_SIZE];
    size_t len;
};

static void note(void *user, size_t rule, const char *path, size_t at, mqk_severity severity,
                 mqk_status code, const char *sentence) {
    struct report *report = user;
    int n = snprintf(report->text + report->len, sizeof(report->text) - report->len,
                     "%s%zu %s:%zu %d %s\n", severity == MQK_SEVERITY_WARNING ? "w" : "", rule,
                     path, at, (int)code, sentence);
    assert_true(n > 0 && report->len + (size_t)n < sizeof(report->text));
    report->len += (size_t)n;
}

static struct report compile(const struct rule_source *rules, size_t count, bool *right) {
    struct report report = {.len = 0};
    struct ruleset *r = ruleset_compile(rules, count, note, &report);
    *right = r != NULL;
    ruleset_unref(r);
    return report;
}

/* A rule's setting as a text, set in an otherwise right rule. */
enum setting { NAME, HOOK, TOPIC, KEY, VALUE, JSON_VALUE, ENVELOPE, TIMESTAMP, FILTER, HEADER };

static struct report compile_setting(enum setting setting, mqk_str text, bool *right) {
    struct rule_header_source header = {STR("h"), text};
    struct rule_source rule = {.hook = STR("message.publish"), .topic = STR("t")};
    switch (setting) {
    case NAME:
        rule.name = text;
        break;
    case HOOK:
        rule.hook = text;
        break;
    case TOPIC:
        rule.topic = text;
        break;
    case KEY:
        rule.key = text;
        break;
    case JSON_VALUE:
        rule.format = MQK_FORMAT_JSON;
        rule.value = text;
        break;
    case VALUE:
        rule.value = text;
        break;
    case ENVELOPE:
        rule.envelope = text;
        break;
    case TIMESTAMP:
        rule.timestamp = text;
        break;
    case FILTER:
        rule.filters = &text;
        rule.filter_count = 1;
        break;
    case HEADER:
        rule.headers = &header;
        rule.header_count = 1;
        break;
    }
    return compile(&rule, 1, right);
}

#define TOPIC_CHARACTERS "a Kafka topic name consists of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"\n"
#define NOT_JSON         "the template is not valid JSON once its placeholders are filled in\n"
#define ALMOST_JSON                                                                                \
    "looks like JSON but is not, from here on; it is treated as text, in which values are not "    \
    "escaped\n"

static void tells_what_is_wrong_with_a_setting(void **state) {
    (void)state;
    static const struct {
        enum setting setting;
        const char *text; /* NULL: absent */
        const char *report;
    } cases[] = {
        {NAME, "ok", ""},
        {NAME, "", "0 name:0 -5 must not be empty; leave it out for a rule without a name\n"},

        {HOOK, "message.publish", ""},
        {HOOK, "client.check_acl,session.takeovered", ""},
        {HOOK, " client.connected ,\tclient.disconnected\n", ""},
        {HOOK, "client.*, session.*,message.*,custom.*", ""},
        {HOOK, "*", ""},
        {HOOK, "custom.a, custom.b", ""},
        {HOOK, NULL,
         "0 hook:0 -5 is missing; name the events of this rule, e.g. message.publish\n"},
        {HOOK, "", "0 hook:1 -5 the name of a hook is missing\n"},
        {HOOK, "message.publish,", "0 hook:17 -5 the name of a hook is missing\n"},
        {HOOK, "client.connected, mesage.publish",
         "0 hook:19 -5 unknown hook \"mesage.publish\", did you mean \"message.publish\"?\n"},
        {HOOK, "clients.*", "0 hook:1 -5 unknown hook \"clients.*\", did you mean \"client.*\"?\n"},
        {HOOK, ".*", "0 hook:1 -5 unknown hook \".*\", did you mean \"*\"?\n"},
        {HOOK, "nothing.like.it", "0 hook:1 -5 unknown hook \"nothing.like.it\"\n"},
        {HOOK, "custom", "0 hook:1 -5 a custom hook needs a name, as in \"custom.name\"\n"},
        {HOOK, "custom.", "0 hook:1 -5 a custom hook needs a name, as in \"custom.name\"\n"},
        {HOOK, "message.acked, message.acked",
         "0 hook:16 -5 \"message.acked\" names a hook that the list has already\n"},
        {HOOK, "client.authorize,client.check_acl",
         "0 hook:18 -5 \"client.check_acl\" names a hook that the list has already\n"},
        {HOOK, "client.*,client.connect",
         "0 hook:10 -5 \"client.connect\" names a hook that the list has already\n"},
        {HOOK, "custom.a,custom.b,custom.a",
         "0 hook:19 -5 \"custom.a\" names a hook that the list has already\n"},
        {HOOK, "*,custom.a", "0 hook:3 -5 \"custom.a\" names a hook that the list has already\n"},

        {TOPIC, "telemetry.${filter.1}", ""},
        {TOPIC, "${payload.topic}", ""},
        {TOPIC, NULL, "0 topic:0 -5 is missing; name the Kafka topic of the records\n"},
        {TOPIC, "", "0 topic:0 -5 a Kafka topic name must not be empty\n"},
        {TOPIC, "..", "0 topic:0 -5 \".\" and \"..\" are no Kafka topic names\n"},
        {TOPIC, "a/b", "0 topic:2 -5 " TOPIC_CHARACTERS},
        {TOPIC, "${topic}.\xC3\xA9", "0 topic:10 -5 " TOPIC_CHARACTERS},
        {TOPIC, "x${$}y", "0 topic:2 -5 " TOPIC_CHARACTERS},
        {TOPIC, "a.${clintid}",
         "0 topic:5 -7 unknown field \"clintid\", did you mean \"clientid\"?\n"},

        {KEY, "", ""},
        {KEY, "${clientid}", ""},
        {KEY, "${a..b}", "0 key:5 -7 a name is missing in the path\n"},
        {KEY, "${clientid | lower}", ""},
        {KEY, "${clientid | lowr}",
         "0 key:14 -7 unknown template filter \"lowr\", did you mean \"lower\"?\n"},
        {KEY, "${username | default(filter.1)}", ""},
        {KEY, "${username | lower | default(filter.2) | upper}",
         "0 key:30 -7 ${filter.2}: no filter of this rule has that many wildcards (at most 1)\n"},
        {KEY, "${username | default(regex.nope)}",
         "0 key:22 -7 no regular expression of this rule has a group named \"nope\"\n"},
        {KEY, "${regex.a}",
         "0 key:1 -7 no regular expression of this rule has a group named \"a\"\n"},
        {KEY, "x${filter.2 | lower}",
         "0 key:2 -7 ${filter.2}: no filter of this rule has that many wildcards (at most 1)\n"},
        {KEY, "${filter.1}", ""},
        {KEY, "x${filter.2}",
         "0 key:2 -7 ${filter.2}: no filter of this rule has that many wildcards (at most 1)\n"},
        {KEY, "{\"c\":${clientid}", "w0 key:17 -7 " ALMOST_JSON},

        {VALUE, "{\"c\":${clientid}}", ""},
        {VALUE, "{\"c\":1${clientid}}", "w0 value:7 -7 " ALMOST_JSON},
        {VALUE, "[${clientid}] x", ""},
        {VALUE, "{\"no\":placeholder}", ""},
        {JSON_VALUE, "{\"c\":${clientid}}", ""},
        {JSON_VALUE, "{\"c\":${clientid}", "0 value:17 -7 " NOT_JSON},

        {ENVELOPE, "raw", ""},
        {ENVELOPE, "event", ""},
        {ENVELOPE, "emqttd", ""},
        {ENVELOPE, "emq2", ""},
        {ENVELOPE, "emqx4", ""},
        {ENVELOPE, "cloudevents", ""},
        {ENVELOPE, "cloudevents_binary", ""},
        {ENVELOPE, "emqx5",
         "0 envelope:0 -5 unknown envelope \"emqx5\", did you mean \"emqx4\"?\n"},
        {ENVELOPE, "evnt", "0 envelope:0 -5 unknown envelope \"evnt\", did you mean \"event\"?\n"},
        {ENVELOPE, "", "0 envelope:0 -5 unknown envelope \"\"\n"},

        {TIMESTAMP, "${timestamp}", ""},
        {TIMESTAMP, "1700000000000", ""},
        {TIMESTAMP, "now",
         "w0 timestamp:0 -5 is no number of milliseconds; records will have the "
         "time at which they are made\n"},
        {TIMESTAMP, "${payload.}", "0 timestamp:11 -7 a name is missing in the path\n"},

        {FILTER, "a/+/#", ""},
        {FILTER, "$SYS/#", ""},
        {FILTER, "", "0 filter:1 -8 topic filter \"\" must not be empty\n"},
        {FILTER, "a/b#",
         "0 filter:4 -8 topic filter \"a/b#\" is wrong: \"#\" must be a whole level, as in "
         "\"a/#\"\n"},
        {FILTER, "#/a",
         "0 filter:1 -8 topic filter \"#/a\" is wrong: \"#\" must be the last "
         "level\n"},

        {HEADER, "${user.x}", ""},
        {HEADER, NULL, ""},
        {HEADER, "${user}",
         "0 headers[0].value:3 -7 say which: ${user.name} or "
         "${user[\"name\"]}\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool right;
        struct report report = compile_setting(cases[i].setting, mqk_cstr(cases[i].text), &right);
        if (strcmp(report.text, cases[i].report) != 0) {
            fail_msg("setting %d \"%s\":\n%s", (int)cases[i].setting,
                     cases[i].text ? cases[i].text : "(absent)", report.text);
        }
        assert_true(right == (report.len == 0 || report.text[0] == 'w'));
    }
}

static void a_filter_needs_events_with_a_topic(void **state) {
    (void)state;
#define NO_TOPIC(hook)                                                                             \
    hook " has no topic that a filter could be compared with; leave the filter out, or give the "  \
         "hooks that have a topic a rule of their own\n"
    static const struct {
        const char *hook;
        const char *filter;
        const char *report;
    } cases[] = {
        {"client.connected", "#", ""},
        {"client.*", "#", ""},
        {"message.*", "a/#", ""},
        {"session.subscribed, client.authorize, custom.x", "a/#", ""},
        {"client.connected", "a/#", "0 filter:0 -8 " NO_TOPIC("client.connected")},
        {"message.publish, client.connected", "+", "0 filter:0 -8 " NO_TOPIC("client.connected")},
        {"client.*", "a", "0 filter:0 -8 " NO_TOPIC("client.connect")},
        {"session.*", "a", "0 filter:0 -8 " NO_TOPIC("session.created")},
        {"*", "+/#", "0 filter:0 -8 " NO_TOPIC("client.connect")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_str filter = mqk_cstr(cases[i].filter);
        struct rule_source rule = {.hook = mqk_cstr(cases[i].hook),
                                   .topic = STR("t"),
                                   .filters = &filter,
                                   .filter_count = 1};
        bool right;
        struct report report = compile(&rule, 1, &right);
        if (strcmp(report.text, cases[i].report) != 0) {
            fail_msg("%s, %s: %s", cases[i].hook, cases[i].filter, report.text);
        }
    }
}

static void tells_all_problems_of_all_rules(void **state) {
    (void)state;
    const mqk_str filters[] = {STR("a/+"), STR("b+"), STR("#/")};
    const struct rule_header_source headers[] = {{STR(""), STR("${x}")}, {STR("\xff"), STR("v")}};
    const struct rule_source rules[] = {
        {.name = STR("same"), .hook = STR("message.publsh"), .topic = STR("bad topic")},
        {.name = STR("other"), .hook = STR("message.publish"), .topic = STR("t")},
        {.name = STR("same"),
         .hook = STR("message.publish"),
         .filters = filters,
         .filter_count = 3,
         .filters_is_list = true,
         .topic = STR("t"),
         .key = STR("${filter.2}"),
         .value = STR("${y}"),
         .envelope = STR("raw"),
         .headers = headers,
         .header_count = 2},
        {.name = STR("same"), .hook = STR("client.connected"), .topic = STR("t")},
    };
    bool right;
    struct report report = compile(rules, 4, &right);
    assert_false(right);
    assert_string_equal(
        report.text,
        "0 hook:1 -5 unknown hook \"message.publsh\", did you mean \"message.publish\"?\n"
        "0 topic:4 -5 " TOPIC_CHARACTERS "2 name:0 -5 \"same\" is already the name of hook[0]\n"
        "2 filters[1]:2 -8 topic filter \"b+\" is wrong: \"+\" must be a whole level, as in "
        "\"a/+/b\"\n"
        "2 filters[2]:1 -8 topic filter \"#/\" is wrong: \"#\" must be the last level\n"
        "2 key:1 -7 ${filter.2}: no filter of this rule has that many wildcards (at most 1)\n"
        "2 value:3 -7 unknown field \"y\"\n"
        "2 envelope:0 -5 a rule has either a value or an envelope, not both; leave one of them "
        "out\n"
        "2 headers[0].name:0 -5 a header needs a name\n"
        "2 headers[0].value:3 -7 unknown field \"x\"\n"
        "2 headers[1].name:0 -5 must be valid UTF-8 without NUL characters\n"
        "3 name:0 -5 \"same\" is already the name of hook[0]\n");
    assert_null(ruleset_compile(rules, 4, NULL, NULL));
}

static void has_limits(void **state) {
    (void)state;
    char name[300];
    memset(name, 'n', sizeof(name));
    struct rule_header_source headers[RULE_MAX_HEADERS + 1];
    for (size_t i = 0; i <= RULE_MAX_HEADERS; i++) {
        headers[i] = (struct rule_header_source){{name, 255}, STR("v")};
    }
    struct rule_source rule = {.name = {name, 255},
                               .hook = STR("message.publish"),
                               .topic = {name, 249},
                               .headers = headers,
                               .header_count = RULE_MAX_HEADERS};
    bool right;
    compile(&rule, 1, &right);
    assert_true(right);

    rule.name.len = 256;
    rule.topic.len = 250;
    rule.header_count++;
    struct report report = compile(&rule, 1, &right);
    assert_string_equal(report.text, "0 name:0 -5 must not be longer than 255 bytes\n"
                                     "0 topic:0 -5 a Kafka topic name has at most 249 bytes\n"
                                     "0 headers:0 -5 65 headers; a rule has at most 64\n");
    rule = (struct rule_source){.hook = STR("message.publish"), .topic = STR("t")};
    headers[0].name.len = 256;
    rule.headers = headers;
    rule.header_count = 1;
    report = compile(&rule, 1, &right);
    assert_string_equal(report.text, "0 headers[0].name:0 -5 must not be longer than 255 bytes\n");

    report = compile(&rule, RULESET_MAX_RULES + 1, &right);
    assert_string_equal(report.text, "1000000 :0 -14 more than 1000000 rules\n");

    char hooks[257 * 12];
    size_t len = 0;
    for (unsigned i = 0; i < 257; i++) {
        len += (size_t)snprintf(hooks + len, sizeof(hooks) - len, "%scustom.%u", i ? "," : "", i);
        if (i == 255) {
            rule = (struct rule_source){.hook = {hooks, len}, .topic = STR("t")};
            compile(&rule, 1, &right);
            assert_true(right);
        }
    }
    rule.hook.len = len;
    report = compile(&rule, 1, &right);
    assert_non_null(strstr(report.text, "more than 256 hooks in one list"));
}

static void checks_kafka_topics(void **state) {
    (void)state;
    char longest[250];
    memset(longest, 'a', sizeof(longest));
    assert_null(kafka_topic_check(STR("azAZ09._-")));
    assert_null(kafka_topic_check(STR("...")));
    assert_null(kafka_topic_check((mqk_str){longest, 249}));
    static const struct {
        const char *data;
        size_t len;
    } wrong[] = {{NULL, 0},  {"", 0},    {".", 1},        {"..", 2},  {"a/b", 3},
                 {"a b", 3}, {"a\0", 2}, {"\xC3\xA9", 2}, {"a:b", 3}, {"a`", 2},
                 {"a@", 2},  {"a[", 2},  {"a{", 2}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_non_null(kafka_topic_check((mqk_str){wrong[i].data, wrong[i].len}));
    }
    assert_non_null(kafka_topic_check((mqk_str){longest, 250}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_wrong_with_a_setting),
        cmocka_unit_test(a_filter_needs_events_with_a_topic),
        cmocka_unit_test(tells_all_problems_of_all_rules),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(checks_kafka_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
