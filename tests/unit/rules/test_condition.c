/* SPDX-License-Identifier: Apache-2.0 */
/* Rules with `where` and `regex`: which records they make, what they tell, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "ruleset_fixture.h"

#define TEXT_SIZE 4000u

struct notes {
    char text[TEXT_SIZE];
    size_t len;
    unsigned limits;
};

static void note(struct notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct notes *notes, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(notes->text + notes->len, TEXT_SIZE - notes->len, format, args);
    va_end(args);
    notes->len += (size_t)len;
    assert_true(notes->len < TEXT_SIZE);
}

static bool note_record(void *user, const struct rendered_record *record) {
    note(user, "%u %.*s=%.*s\n", (unsigned)record->rule, STR_ARG(record->key),
         STR_ARG(record->value));
    return true;
}

static void note_limit(void *user, uint32_t rule) {
    ((struct notes *)user)->limits += rule + 1;
}

static void note_verdict(void *user, size_t rule, bool matched, mqk_str reason) {
    note(user, "%zu %s: %.*s\n", rule, matched ? "yes" : "no", STR_ARG(reason));
}

static void note_problem(void *user, size_t rule, const char *path, size_t at,
                         mqk_severity severity, mqk_status code, const char *sentence) {
    (void)rule;
    (void)code;
    note(user, "%s%s:%zu %s\n", severity == MQK_SEVERITY_WARNING ? "w " : "", path, at, sentence);
}

static void assert_evaluates(const struct ruleset *r, const mqk_event *event, int matched,
                             const char *expected) {
    struct notes notes = {.len = 0};
    struct ruleset_host host = {.node = STR("node-1"), .regex_limit = note_limit};
    int count = ruleset_evaluate(r, event, &host, note_record, &notes);
    if (count != matched || strcmp(notes.text, expected) != 0) {
        fail_msg("%d:\n%s\ninstead of %d:\n%s", count, notes.text, matched, expected);
    }
}

static void assert_explains(const struct ruleset *r, const mqk_event *event, int matched,
                            const char *expected) {
    struct notes notes = {.len = 0};
    int count = ruleset_explain(r, event, NULL, note_verdict, &notes);
    if (count != matched || strcmp(notes.text, expected) != 0) {
        fail_msg("%d:\n%s\ninstead of %d:\n%s", count, notes.text, matched, expected);
    }
}

#define RULE .hook = STR("message.publish"), .topic = STR("t"), .max_topics = 9

static void matches_when_the_condition_holds(void **state) {
    (void)state;
    const mqk_str filter = STR("a/+/#");
    const struct rule_source rules[] = {
        {RULE, .where = STR("payload.t > 1"), .key = STR("one"), .value = STR("${payload.t}")},
        {RULE, .where = STR("payload.t > 2"), .key = STR("two"), .value = STR("${payload.t}")},
        {RULE, .filters = &filter, .filter_count = 1, .where = STR("filter.1 = 'b' and qos = 1"),
         .key = STR("three"), .value = STR("${filter.1}")},
        {RULE, .key = STR("four"), .value = STR("x")},
    };
    struct ruleset *r = compiled(rules, 4);
    mqk_event event = message("a/b/c");
    event.qos = 1;
    assert_evaluates(r, &event, 3, "0 one=1.50\n2 three=b\n3 four=x\n");
    assert_explains(
        r, &event, 3,
        "0 yes: matched by filter \"#\"; where: payload.t > 1 is true (payload.t is "
        "1.50)\n"
        "1 no: where: payload.t > 2 is false (payload.t is 1.50)\n"
        "2 yes: matched by filter \"a/+/#\"; where: filter.1 = 'b' is true (filter.1 is "
        "\"b\"), qos = 1 is true (qos is 1)\n"
        "3 yes: matched by filter \"#\"\n");
    event.qos = 0;
    event.payload = STR("none");
    assert_evaluates(r, &event, 1, "3 four=x\n");
    assert_explains(r, &event, 1,
                    "0 no: where: payload.t > 1 is false (payload.t is missing)\n"
                    "1 no: where: payload.t > 2 is false (payload.t is missing)\n"
                    "2 no: where: qos = 1 is false (qos is 0)\n"
                    "3 yes: matched by filter \"#\"\n");
    event = message("x");
    assert_explains(r, &event, 2,
                    "0 yes: matched by filter \"#\"; where: payload.t > 1 is true (payload.t is "
                    "1.50)\n"
                    "1 no: where: payload.t > 2 is false (payload.t is 1.50)\n"
                    "2 no: topic \"x\" does not match filter \"a/+/#\"\n"
                    "3 yes: matched by filter \"#\"\n");
    ruleset_unref(r);
}

/* A rule whose condition does not hold is as if it were not there: it does not stop others. */
static void stops_only_when_it_matches(void **state) {
    (void)state;
    const struct rule_source rules[] = {
        {RULE, .where = STR("payload.id = 1"), .value = STR("a"), .stop = true},
        {RULE, .where = STR("payload.id = 7"), .value = STR("b"), .stop = true},
        {RULE, .value = STR("c")},
    };
    struct ruleset *r = compiled(rules, 3);
    mqk_event event = message("x");
    assert_evaluates(r, &event, 1, "1 =b\n");
    assert_explains(r, &event, 1,
                    "0 no: where: payload.id = 1 is false (payload.id is 7)\n"
                    "1 yes: matched by filter \"#\"; where: payload.id = 7 is true (payload.id is "
                    "7)\n"
                    "2 no: not tried: rule \"hook[1]\" before it says stop\n");
    ruleset_unref(r);
}

static void uses_groups_in_templates(void **state) {
    (void)state;
    const struct rule_source rules[] = {
        {RULE, .regex_pattern = STR("^plant/(?<plant>[^/]+)/(?:line(?<line>\\d+)|(?<other>.*))$"),
         .key = STR("${regex.plant | upper}"),
         .value = STR("{\"l\":${regex.line},\"o\":${regex.other}}")},
        {RULE, .regex_pattern = STR("(?<last>.)$"), .regex_field = STR("${clientid | upper}"),
         .where = STR("regex.last = '1' and payload.s =~ '(?<quoted>\".*\")'"),
         .key = STR("${regex.last}"), .value = STR("{\"q\":${regex.quoted}}")},
        {RULE, .key = STR("none"), .value = STR("x")},
    };
    struct ruleset *r = compiled(rules, 3);
    mqk_event event = message("plant/p\"1/line42");
    event.payload = STR("{\"s\":\"say \\\"hi\\u0001\\\"!\"}");
    assert_evaluates(r, &event, 3,
                     "0 P\"1={\"l\":\"42\",\"o\":null}\n"
                     "1 1={\"q\":\"\\\"hi\\u0001\\\"\"}\n"
                     "2 none=x\n");
    event.topic = STR("plant/p/x/y");
    event.clientid = STR("c2");
    assert_evaluates(r, &event, 2, "0 P={\"l\":null,\"o\":\"x/y\"}\n2 none=x\n");
    assert_explains(
        r, &event, 2,
        "0 yes: matched by filter \"#\"; regex: topic \"plant/p/x/y\" matches\n"
        "1 no: regex: clientid | upper \"C2\" matches; where: regex.last = '1' is false "
        "(regex.last is \"2\")\n"
        "2 yes: matched by filter \"#\"\n");
    event.topic = STR("x");
    event.clientid = (mqk_str){NULL, 0};
    assert_explains(r, &event, 1,
                    "0 no: regex: topic \"x\" does not match\n"
                    "1 no: regex: clientid | upper is missing\n"
                    "2 yes: matched by filter \"#\"\n");
    ruleset_unref(r);
}

/* The condition sees the payload as it came, whatever the encoding of this rule or one before. */
static void sees_payloads_as_they_came(void **state) {
    (void)state;
    const struct rule_source rules[] = {
        {RULE, .encoding = PAYLOAD_HEX, .key = STR("a"), .value = STR("${payload}")},
        {RULE, .encoding = PAYLOAD_BASE64, .regex_pattern = STR("^abc$"),
         .regex_field = STR("payload"),
         .where = STR("payload = 'abc' and payload | json = '\"abc\"'"), .key = STR("b"),
         .value = STR("${payload}")},
    };
    struct ruleset *r = compiled(rules, 2);
    mqk_event event = message("x");
    event.payload = STR("abc");
    assert_evaluates(r, &event, 2, "0 a=616263\n1 b=YWJj\n");
    ruleset_unref(r);
}

/* What was found in a payload is remembered for the event, not beyond, and never mixed up. */
static void finds_each_path_in_each_payload(void **state) {
    (void)state;
    const struct rule_source rules[] = {
        {RULE, .where = STR("payload.a = 1 and payload.o[1] = 2 and payload.o.a is null"),
         .key = STR("${payload.a}"), .value = STR("${payload.o[1]},${payload.o}")},
        {RULE, .where = STR("payload.b = 3 and payload.c.a = 4 and payload.c[\"1\"] = 5"),
         .key = STR("${payload.c.a}"),
         .value = STR("${payload.a}${payload.b}${payload.c[1]}${payload.c[\"1\"]}${payload.d}")},
    };
    struct ruleset *r = compiled(rules, 2);
    mqk_event event = message("x");
    event.payload = STR("{\"a\":1,\"o\":[0,2],\"b\":3,\"c\":{\"a\":4,\"1\":5},\"d\":6}");
    assert_evaluates(r, &event, 2, "0 1=2,[0,2]\n1 4=13undefined56\n");
    event.payload = STR("{\"a\":1,\"o\":[0,3],\"b\":3,\"c\":{\"a\":4,\"1\":5},\"d\":7}");
    assert_evaluates(r, &event, 1, "1 4=13undefined57\n");
    event.payload = STR("");
    assert_evaluates(r, &event, 0, "");
    ruleset_unref(r);
}

static void counts_what_was_given_up(void **state) {
    (void)state;
    const struct rule_source rules[] = {
        {RULE, .value = STR("a")},
        {RULE, .regex_pattern = STR("^(([a-z])+.)+[A-Z]([a-z])+$"), .value = STR("b")},
        {RULE, .where = STR("not topic =~ '^(([a-z])+.)+[A-Z]([a-z])+$'"), .value = STR("c")},
    };
    struct ruleset *r = compiled(rules, 3);
    mqk_event event = message("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!aB");
    struct notes notes = {.len = 0};
    struct ruleset_host host = {.regex_limit = note_limit};
    assert_int_equal(ruleset_evaluate(r, &event, &host, note_record, &notes), 1);
    assert_string_equal(notes.text, "0 =a\n");
    assert_int_equal(notes.limits, 2 + 3);
    host.regex_limit = NULL;
    assert_int_equal(ruleset_evaluate(r, &event, &host, note_record, &notes), 1);
    assert_int_equal(ruleset_evaluate(r, &event, NULL, note_record, &notes), 1);
    assert_explains(r, &event, 1,
                    "0 yes: matched by filter \"#\"\n"
                    "1 no: regex: topic "
                    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!aB\" was given up: "
                    "it took too many steps\n"
                    "2 no: where: topic =~ '^(([a-z])+.)+[A-Z]([a-z])+$' was given up: it took too "
                    "many steps (topic is "
                    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!aB\")\n");
    event.topic = STR("calm");
    assert_evaluates(r, &event, 2, "0 =a\n2 =c\n");
    ruleset_unref(r);
}

static void works_on_events_without_topic(void **state) {
    (void)state;
    const struct rule_source rule = {.hook = STR("client.connected"),
                                     .topic = STR("t"),
                                     .where = STR("username like 'dev-*' and keepalive >= 30"),
                                     .value = STR("x")};
    struct ruleset *r = compiled(&rule, 1);
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_CLIENT_CONNECTED);
    event.username = STR("dev-7");
    event.keepalive = 60;
    assert_evaluates(r, &event, 1, "0 =x\n");
    event.keepalive = 10;
    assert_explains(r, &event, 0, "0 no: where: keepalive >= 30 is false (keepalive is 10)\n");
    ruleset_unref(r);
}

static void assert_problems(const struct rule_source *rule, bool right, const char *expected) {
    struct notes notes = {.len = 0};
    struct ruleset *r = ruleset_compile(rule, 1, note_problem, &notes);
    if (!r == right || strcmp(notes.text, expected) != 0) {
        fail_msg("%s\ninstead of\n%s", notes.text, expected);
    }
    ruleset_unref(r);
}

static void tells_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *where, *pattern, *field, *value;
        bool right;
        const char *expected;
    } cases[] = {
        {"qos =", NULL, NULL, "x", false, "where:6 a value is missing at the end\n"},
        {"", NULL, NULL, "x", false,
         "where:1 is empty; leave it out for a rule without a condition\n"},
        {"qos = '1'", NULL, NULL, "x", true,
         "w where:5 qos is a number and '1' is a text; such values are never equal and nothing is "
         "converted\n"},
        {"filter.2 = 'a'", NULL, NULL, "x", false,
         "where:1 ${filter.2}: no filter of this rule has that many wildcards (at most 1)\n"},
        {"regex.x = 'a'", NULL, NULL, "x", false,
         "where:1 no regular expression of this rule has a group named \"x\"\n"},
        {"regex.lin = 'a'", "(?<line>a)", NULL, "${regex.line}", false,
         "where:1 no regular expression of this rule has a group named \"lin\", did you mean "
         "\"line\"?\n"},
        {NULL, "(?<line>a)", NULL, "-${regex.lien | upper}", false,
         "value:2 no regular expression of this rule has a group named \"lien\", did you mean "
         "\"line\"?\n"},
        {NULL, "(?<line>a)", NULL, "${username | default(regex.lien)}", false,
         "value:22 no regular expression of this rule has a group named \"lien\", did you mean "
         "\"line\"?\n"},
        {"topic =~ '(?<line>a)'", NULL, NULL, "${regex.line}", true, ""},
        {NULL, NULL, NULL, "${regex.line}", false,
         "value:1 no regular expression of this rule has a group named \"line\"\n"},
        /* One mistake is told once. */
        {NULL, "(?<line>a", NULL, "${regex.line}", false,
         "regex.pattern:10 regular expression: missing closing parenthesis\n"},
        {"topic =~ '(?<line>a'", NULL, NULL, "${regex.line}", false,
         "where:20 regular expression: missing closing parenthesis\n"},
        {NULL, NULL, "topic", "x", false, "regex:0 \"pattern\" is missing\n"},
        {NULL, "a", "", "x", false,
         "regex.field:0 must not be empty; leave it out for the topic\n"},
        {NULL, "a", "clintid", "x", false,
         "regex.field:1 unknown field \"clintid\", did you mean \"clientid\"?\n"},
        {NULL, "a", " ${clintid}", "x", false,
         "regex.field:4 unknown field \"clintid\", did you mean \"clientid\"?\n"},
        {NULL, "a", "filter.3", "x", false,
         "regex.field:1 ${filter.3}: no filter of this rule has that many wildcards (at most 1)\n"},
        {NULL, "a", " ${ payload.x[0] } ", "x", true, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct rule_source rule = {
            RULE, .where = mqk_cstr(cases[i].where), .regex_pattern = mqk_cstr(cases[i].pattern),
            .regex_field = mqk_cstr(cases[i].field), .value = mqk_cstr(cases[i].value)};
        assert_problems(&rule, cases[i].right, cases[i].expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_when_the_condition_holds),
        cmocka_unit_test(stops_only_when_it_matches),
        cmocka_unit_test(uses_groups_in_templates),
        cmocka_unit_test(sees_payloads_as_they_came),
        cmocka_unit_test(finds_each_path_in_each_payload),
        cmocka_unit_test(counts_what_was_given_up),
        cmocka_unit_test(works_on_events_without_topic),
        cmocka_unit_test(tells_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
