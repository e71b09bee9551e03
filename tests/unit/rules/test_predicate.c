/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "predicate.h"
#include "rules_fixture.h"

#define PAYLOAD                                                                                    \
    "{\"temp\":31.50,\"n\":10,\"s\":\"q\\\"\\u00e9\",\"text\":\"10\",\"yes\":true,\"no\":false,"   \
    "\"null\":null,\"o\":{\"x\":[1,{\"y\":7}]},\"list\":[10,20],\"odd.name\":7,\"odd-name\":8,"    \
    "\"big\":9007199254740993,\"huge\":123456789012345678901234567890,\"long\":0.1000000000000000" \
    "0000000001,\"neg\":-2.5e1,\"whole\":4.0,\"zero\":-0.0,\"empty\":\"\",\"max\":"                \
    "9223372036854775807,\"wild\":1e400}"

static mqk_event predicate_event(void) {
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    event.payload = STR(PAYLOAD);
    event.dup = 0;
    return event;
}

static enum predicate_result run(const char *text, const mqk_event *event) {
    struct regex_names names = {.count = 0};
    struct regex_captures captures = {.names = &names};
    struct predicate_memory memory;
    struct predicate *p = NULL;
    mqk_error err = {.column = 0}, warning;
    if (predicate_compile(mqk_cstr(text), &names, &p, &err, &warning) != MQK_OK) {
        fail_msg("%s: column %u: %s", text, (unsigned)err.column, err.message);
    }
    struct render_context ctx = fixture_context(event);
    ctx.captures = &captures;
    predicate_memory_init(&memory);
    enum predicate_result result = predicate_run(p, &ctx, &memory, &captures);
    predicate_memory_fini(&memory);
    predicate_free(p);
    return result;
}

static void assert_all(const char *const *cases, enum predicate_result expected) {
    mqk_event event = predicate_event();
    for (; *cases; cases++) {
        if (run(*cases, &event) != expected) {
            fail_msg("%s: %s", *cases, expected == PREDICATE_TRUE ? "false" : "true");
        }
    }
}

static void holds(void **state) {
    (void)state;
    static const char *const cases[] = {
        /* Numbers as numbers. */
        "qos = 1", "qos == 1", "qos = 1.0", "1e0 = qos", "qos != 2", "qos <> 2", "qos < 1.5",
        "qos<=1", "qos>0", "qos >= 1", "qos = --1", "qos > -1", "qos > - 1", "payload.temp = 31.5",
        "payload.temp > 30 and payload.temp < 32", "payload.n = 10", "payload.n > 9",
        "payload.neg = -25", "payload.zero = 0", "0 = payload.zero", "timestamp = 1700000000123",
        /* With all their digits. */
        "payload.big = 9007199254740993", "payload.big != 9007199254740992",
        "payload.big > 9007199254740992", "payload.huge = 123456789012345678901234567890",
        "payload.huge < 123456789012345678901234567891",
        "payload.huge = 1.2345678901234567890123456789e29", "payload.long > 0.1",
        "payload.long < 0.10000000000000000000000011", "9223372036854775808 > 9223372036854775807",
        "payload.max < 9223372036854775808", "payload.wild > 1e399", "payload.wild = 1e400",
        "1e99999999999999999999 > payload.wild",
        /* Texts as bytes. */
        "clientid = 'c1'", "clientid = \"c1\"", "clientid < 'c2'", "clientid > 'C1'",
        "clientid > 'c'", "clientid >= 'c1'", "payload.s = 'q\"\xC3\xA9'",
        "payload.s = 'q\\\"\\u00e9'", "'' = payload.empty", "payload.empty < 'a'",
        "event = 'message.publish'", "node = 'node-1'", "topic = 'factory/a/line/3/temp'",
        "'\\u0041\\n' = \"A\\n\"", "'\\ud83d\\ude00' = '\xF0\x9F\x98\x80'", "'it\\'s' != 'x'",
        /* Nothing is converted. */
        "payload.text = '10'", "payload.text != 10", "payload.n != '10'", "not payload.text = 10",
        "not payload.text > 9", "not payload.yes = 'true'", "payload.o != 1",
        "not payload.o = payload.o", "payload.null != 0", "payload.null = null",
        /* Booleans. */
        "true", "not false", "retain", "flags.retain", "retain = true", "not dup", "dup = false",
        "payload.yes", "not payload.no", "payload.yes != payload.no", "(retain)",
        "not payload.text", "not payload.n", "(qos = 1) = true", "(qos = 1) != dup",
        /* What is missing. */
        "payload.none is null", "payload.null is null", "payload.n is not null", "username is null",
        "exists(clientid)", "exists(payload.null)", "not exists(payload.none)",
        "not exists(user.none)", "not payload.none = 1", "not payload.none != 1",
        "not payload.none < 1", "not payload.none", "not (payload.none in (1))",
        "not (payload.none not in (1))", "not payload.none not like 'x'", "not payload.none !~ 'x'",
        "payload.temp.none is null", "payload.list[2] is null", "keepalive is null",
        /* Words. */
        "qos = 1 and clientid = 'c1' or false", "false and false or true",
        "true or false and false", "not false and true", "not (true and false)", "not not true",
        "true AND NOT false OR false", "(((((true)))))", "\t(\n true\r)",
        /* Lists. */
        "qos in (1)", "qos in (0, 1, 2)", "qos IN (0,1.0)", "clientid in ('a', 'c1', 3)",
        "qos not in (0, 2)", "payload.n in (payload.list[0], 5)", "payload.text not in (10)",
        "payload.temp in (31.5)", "payload.null in (null)", "1 in (qos, 2)",
        "qos in (3 - 2, qos + 5)", "payload.n in (5, 2 * (3 + 2))",
        /* Patterns. */
        "topic like 'factory/*'", "topic like '*temp'", "topic like '*line*'", "topic like '*'",
        "topic like 'factory/*/line/*/temp'", "topic like 'factory/a/line/3/temp'",
        "topic not like 'factory'", "topic like '*a*a*'", "payload.empty like ''",
        "payload.empty like '*'", "payload.empty like '**'", "'a*b' like 'a\\*b'",
        "'aXb' not like 'a\\*b'", "'a\\\\b' like 'a\\\\b'", "'a\\\\b' like 'a\\\\*'",
        "'*' like '\\*'", "'x*' like '*\\*'", "'aab' like 'a*ab'", "payload.n not like '10'",
        "'\"' like '\\u0022'", "'abab' like 'ab*ab'", "'aba' not like 'ab*ba'",
        /* Regular expressions. */
        "topic =~ '^factory/[a-z]+/'", "topic =~ 'line'", "topic !~ '^line'",
        "clientid =~ \"^c\\d$\"", "clientid =~ '^(?<id>c).*$' and regex.id = 'c'",
        "'it\\'s' =~ 't\\'s'", "'a\\\\b' =~ 'a\\\\b'", "payload.s =~ '^q\"\\xc3\\xa9$'",
        "payload.n !~ '10'",
        "topic =~ '/(?<x>[0-9])/' and regex.x = '3' and clientid =~ '(?<x>.)1' and regex.x = 'c'",
        /* Arithmetic. */
        "1 + 2 * 3 = 7", "(1 + 2) * 3 = 9", "10 - 2 - 3 = 5", "7 / 2 = 3.5", "8 / 2 = 4",
        "7 % 3 = 1", "-7 % 3 = -1", "payload.temp * 2 = 63", "payload.n + 1 = 11",
        "payload.temp * 1.8 + 32 > 88.6", "-payload.n = -10", "- (payload.n + 1) = -11",
        "payload.whole % 2 = 0", "payload.big + 0 = 9007199254740993",
        "payload.big - 1 = 9007199254740992", "payload.max + 1 > payload.max", "payload.n-1 = 9",
        "payload.n -1 = 9", "2 - -2 = 4", "1.5 + 1.5 = 3", "payload.n / 0 is null",
        "payload.n % 0 is null", "1.5 % 1 is null", "payload.text + 1 is null",
        "payload.none + 1 is null", "payload.wild * 2 is null",
        "not (payload.n / 0 = payload.n / 0)", "(-9223372036854775807 - 1) % -1 = 0",
        "(-9223372036854775807 - 1) / -1 > 9223372036854775807 - 1", "payload.neg * -1 = 25",
        "1e-400 * 1 < 1",
        /* Everything that a placeholder can be. */
        "user.trace.id = 'last'", "user[\"trace.id\"] = 'last'", "attr.site = 'north'",
        "attr.odd.name = ''", "props.Content-Type = 'text/\"x\"'",
        "props.Message-Expiry-Interval >= 60", "pub_props.User-Property.b = 'two'",
        "puback_props.Reason-String = 'fine'", "filter.1 = 'a'", "filter.2 = '3'",
        "filter.4 is null", "payload[\"odd.name\"] = 7", "payload[\"odd-name\"] = 8",
        "payload.o.x[1].y = 7", ".clientid = 'c1'", "from = 'c1'", "payload like '{*}'",
        "exists(payload)",
        /* Template filters. */
        "topic | level(2) = 'a'", "topic|level(-1)|upper = 'TEMP'", "clientid | upper in ('C1')",
        "username | default('none') = 'none'", "payload.none | default(5) = 5",
        "payload.none | default(false) = false", "timestamp | seconds = 1700000000",
        "clientid | md5 =~ '^[0-9a-f]{32}$'", "topic | level(9) is null", NULL};
    assert_all(cases, PREDICATE_TRUE);
}

static void does_not_hold(void **state) {
    (void)state;
    static const char *const cases[] = {"false",
                                        "not true",
                                        "dup",
                                        "payload.no",
                                        "payload.text",
                                        "payload.n",
                                        "payload.none",
                                        "payload.null",
                                        "qos = 2",
                                        "qos = 1 and qos = 2",
                                        "qos = 2 or qos = 3",
                                        "payload.none = 1",
                                        "payload.none != 1",
                                        "payload.none <= 1",
                                        "1 < payload.none",
                                        "payload.none = payload.none",
                                        "payload.none in (1)",
                                        "payload.none not in (1)",
                                        "payload.none not like '*'",
                                        "payload.none !~ 'x'",
                                        "payload.none = null",
                                        "payload.text = 10",
                                        "payload.text > 9",
                                        "payload.n = '10'",
                                        "payload.yes > false",
                                        "payload.o < 1",
                                        "payload.null < 1",
                                        "payload.null != null",
                                        "payload.o = payload.o",
                                        "payload.big = 9007199254740992",
                                        "payload.long = 0.1",
                                        "qos in (2, 3)",
                                        "qos not in (1)",
                                        "topic like 'line*'",
                                        "topic like '*x*'",
                                        "topic not like '*'",
                                        "'ab' like 'ab*ab'",
                                        "'aba' like 'ab*ba'",
                                        "payload.n like '10'",
                                        "topic =~ '^temp'",
                                        "payload.n =~ '10'",
                                        "payload.null is not null",
                                        "exists(payload.none)",
                                        "payload.n / 0 = 0",
                                        "payload.text + 1 = 11",
                                        NULL};
    assert_all(cases, PREDICATE_FALSE);
}

static void sees_what_the_event_has(void **state) {
    (void)state;
    mqk_event event = predicate_event();
    event.payload = STR("not json");
    assert_int_equal(run("payload.a is null and payload = 'not json'", &event), PREDICATE_TRUE);
    event.payload = STR("");
    assert_int_equal(run("exists(payload) and payload = ''", &event), PREDICATE_TRUE);
    event.payload = (mqk_str){NULL, 0};
    assert_int_equal(run("not exists(payload) and payload is null", &event), PREDICATE_TRUE);
    event.payload = STR("{\"a\":1,\"a\":2}");
    assert_int_equal(run("payload.a = 2", &event), PREDICATE_TRUE);
    event.payload = STR("{\"a\":2");
    assert_int_equal(run("payload.a is null", &event), PREDICATE_TRUE);
    event.clientid = (mqk_str){"a\0b", 3};
    assert_int_equal(run("clientid = 'a\\u0000b' and clientid like '*\\u0000*'", &event),
                     PREDICATE_TRUE);
}

/* More text than there is room for without an allocation. */
static void decodes_long_texts(void **state) {
    (void)state;
    enum { LEN = 5000 };
    static char payload[LEN + 40];
    int at = sprintf(payload, "{\"a\":\"\\n");
    memset(payload + at, 'x', LEN);
    sprintf(payload + at + LEN, "\"}");
    mqk_event event = predicate_event();
    event.payload = mqk_cstr(payload);
    assert_int_equal(run("payload.a like '\\nx*x' and payload.a =~ '^\\nx{5000}$'", &event),
                     PREDICATE_TRUE);
    assert_int_equal(run("payload.a | upper like '\\nX*X'", &event), PREDICATE_TRUE);
}

static void gives_up_on_a_hostile_text(void **state) {
    (void)state;
    mqk_event event = predicate_event();
    event.topic = STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!aB");
    static const char pattern[] = "topic =~ '^(([a-z])+.)+[A-Z]([a-z])+$'";
    char text[100];
    assert_int_equal(run(pattern, &event), PREDICATE_LIMIT);
    snprintf(text, sizeof(text), "not (%s) or true", pattern);
    assert_int_equal(run(text, &event), PREDICATE_LIMIT);
}

struct wrong {
    const char *text;
    unsigned column;
    const char *sentence;
};

static void tells_what_is_wrong(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"", 1, "is empty; leave it out for a rule without a condition"},
        {"  ", 1, "is empty; leave it out for a rule without a condition"},
        {"qos", 1, "qos is a number and no condition; compare it with something"},
        {"'a'", 1, "'a' is a text and no condition; compare it with something"},
        {"qos = 1 and clientid", 13,
         "clientid is a text and no condition; compare it with something"},
        {"1 + 2", 1, "1 + 2 is a number and no condition; compare it with something"},
        {"not qos", 5, "qos is a number and no condition; compare it with something"},
        {"null", 1, "null is null and no condition; compare it with something"},
        {"flags", 1, "flags is an object and no condition; compare it with something"},
        {"qos =", 6, "a value is missing at the end"},
        {"qos = = 1", 7, "expected a value"},
        {"qos = 1)", 8, "there is no \"(\" for this \")\""},
        {"(qos = 1", 9, "expected \")\""},
        {"qos = 1 clientid = 'a'", 9, "expected \"and\", \"or\" or the end"},
        {"1 < qos < 2", 9, "comparisons cannot be chained; write a < b and b < c"},
        {"clintid = 'a'", 1, "unknown field \"clintid\", did you mean \"clientid\"?"},
        {"clientid = abc", 12, "unknown field \"abc\"; a text is written in quotes"},
        {"clientid = 'abc", 12, "the closing quote is missing"},
        {"clientid = 'a\\q'", 14, "unknown escape; a backslash itself is written as \\\\"},
        {"clientid = 'a\\u00g0'", 14, "\\u is followed by four hexadecimal digits"},
        {"clientid like 'a\\q*'", 17, "unknown escape; a backslash itself is written as \\\\"},
        {"qos == 1 && retain", 10, "write \"and\" instead of \"&&\""},
        {"retain || dup", 8, "write \"or\" instead of \"||\""},
        {"!retain", 1, "write \"not\" instead of \"!\""},
        {"${qos} = 1", 1, "write the name without ${ }"},
        {"qos = 1;", 8, "unexpected character; a text is written in quotes"},
        {"qos = 01", 7, "a number is written as 12, 1.5 or 2e3, and a text in quotes"},
        {"qos = 1.", 7, "a number is written as 12, 1.5 or 2e3, and a text in quotes"},
        {"qos = 10ms", 7, "a number is written as 12, 1.5 or 2e3, and a text in quotes"},
        {"qos = 0x1", 7, "a number is written as 12, 1.5 or 2e3, and a text in quotes"},
        {"qos in 1", 8, "expected a list: x in (1, 2)"},
        {"qos in ()", 9, "expected a value"},
        {"qos in (1,)", 11, "expected a value"},
        {"qos in (1 2)", 11, "expected \")\""},
        {"qos not 1", 9, "expected \"in\" or \"like\" behind \"not\""},
        {"qos is 1", 8, "expected \"is null\" or \"is not null\""},
        {"topic like clientid", 12, "expected a pattern in quotes: topic like 'a/*/b'"},
        {"topic =~ clientid", 10, "expected a regular expression in quotes"},
        {"topic =~ 'a(b'", 14, "regular expression: missing closing parenthesis"},
        {"exists clientid", 8, "expected \"(\": exists(payload.a)"},
        {"exists('a')", 8, "expected the name of a field: exists(payload.a)"},
        {"exists(qos", 11, "expected \")\""},
        {"lower(clientid) = 'a'", 1,
         "there is no such function; there is exists(x), and template filters stand behind their "
         "value, as in clientid | lower"},
        {"clientid | lowr = 'a'", 12, "unknown template filter \"lowr\", did you mean \"lower\"?"},
        {"clientid + 1 = 2", 1, "clientid is a text; arithmetic is for numbers"},
        {"1 + 'a' = 2", 5, "'a' is a text; arithmetic is for numbers"},
        {"-clientid = 2", 2, "clientid is a text; arithmetic is for numbers"},
        {"payload.a-b = 2", 11, "unknown field \"b\"; a text is written in quotes"},
        {"payload..a = 2", 9, "a name is missing in the path"},
        {"payload[ = 2", 10, "expected a number or a quoted name in brackets"},
        {"user = 2", 1, "say which: ${user.name} or ${user[\"name\"]}"},
        {"qos.a = 2", 5, "\"qos\" has no members"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct regex_names names = {.count = 0};
        struct predicate *p = NULL;
        mqk_error err = {.column = 0};
        mqk_status status = predicate_compile(mqk_cstr(cases[i].text), &names, &p, &err, NULL);
        if (status == MQK_OK || p || err.column != cases[i].column ||
            strcmp(err.message, cases[i].sentence) != 0) {
            fail_msg("%s: %u: %s", cases[i].text, (unsigned)err.column, err.message);
        }
        assert_int_equal(names.count, 0);
    }
}

static void warns_of_what_can_never_be(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"qos = '1'", 5,
         "qos is a number and '1' is a text; such values are never equal and nothing is converted"},
        {"clientid != 5", 10,
         "clientid is a text and 5 is a number; such values are never equal and nothing is "
         "converted"},
        {"retain = 1", 8,
         "retain is a boolean and 1 is a number; such values are never equal and nothing is "
         "converted"},
        {"qos in (1, '2')", 5,
         "qos is a number and '2' is a text; such values are never equal and nothing is converted"},
        {"qos like '1'", 5,
         "qos is a number and '1' is a text; such values are never equal and nothing is converted"},
        {"qos =~ '1'", 5,
         "qos is a number and '1' is a text; such values are never equal and nothing is converted"},
        {"payload.a = '1' and payload.a = 1 and props.a = 1 and retain = dup", 0, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct regex_names names = {.count = 0};
        struct predicate *p = NULL;
        mqk_error warning = {.code = MQK_ERR_CONFIG};
        mqk_status status = predicate_compile(mqk_cstr(cases[i].text), &names, &p, NULL, &warning);
        assert_int_equal(status, MQK_OK);
        assert_int_equal(warning.code != MQK_OK, cases[i].column > 0);
        if (cases[i].column > 0 && (warning.column != cases[i].column ||
                                    strcmp(warning.message, cases[i].sentence) != 0)) {
            fail_msg("%s: %u: %s", cases[i].text, (unsigned)warning.column, warning.message);
        }
        predicate_free(p);
    }
}

static void explains(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"qos >= 2", "qos >= 2 is false (qos is 1)"},
        {"qos >= 1", "qos >= 1 is true (qos is 1)"},
        {"qos >= 1 and payload.temp > 40", "payload.temp > 40 is false (payload.temp is 31.50)"},
        {"qos >= 1 and payload.temp > 30",
         "qos >= 1 is true (qos is 1), payload.temp > 30 is true (payload.temp is 31.50)"},
        {"payload.none = 5", "payload.none = 5 is false (payload.none is missing)"},
        {"payload.null = 5", "payload.null = 5 is false (payload.null is null)"},
        {"payload.o = 5", "payload.o = 5 is false (payload.o is an object or array)"},
        {"payload.s = 'x'", "payload.s = 'x' is false (payload.s is \"q\"\xC3\xA9\")"},
        {"clientid in ('a','b')", "clientid in ('a','b') is false (clientid is \"c1\")"},
        {"clientid in ('a','c1')", "clientid in ('a','c1') is true (clientid is \"c1\")"},
        {"qos = 2 or clientid = 'x'",
         "qos = 2 is false (qos is 1), clientid = 'x' is false (clientid is \"c1\")"},
        {"qos = 1 and (qos = 2 or clientid like 'x*')",
         "qos = 2 is false (qos is 1), clientid like 'x*' is false (clientid is \"c1\")"},
        {"not retain", "retain is true (retain is true)"},
        {"false", "false is false"},
        {"username is not null", "username is not null is false (username is missing)"},
        {"exists(username)", "exists(username) is false (username is missing)"},
        {"topic =~ '^x'", "topic =~ '^x' is false (topic is \"factory/a/line/3/temp\")"},
        {"qos + payload.n > 20", "qos + payload.n > 20 is false (qos is 1, payload.n is 10)"},
        {"topic | level(2) = 'b'", "topic | level(2) = 'b' is false (topic | level(2) is \"a\")"},
    };
    mqk_event event = predicate_event();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct regex_names names = {.count = 0};
        struct regex_captures captures = {.names = &names};
        struct predicate *p = NULL;
        struct predicate_memory memory;
        struct buffer out;
        struct render_context ctx = fixture_context(&event);
        assert_int_equal(predicate_compile(mqk_cstr(cases[i].text), &names, &p, NULL, NULL),
                         MQK_OK);
        predicate_memory_init(&memory);
        buffer_init(&out, NULL, 0);
        predicate_explain(p, &ctx, &memory, &captures, &out);
        if (!str_equal(buffer_since(&out, 0), mqk_cstr(cases[i].expected))) {
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(buffer_since(&out, 0)));
        }
        buffer_fini(&out);
        predicate_memory_fini(&memory);
        predicate_free(p);
    }
}

/* `count` times `open`, then `middle`, then `count` times `close`. */
static char *nested(size_t count, const char *open, const char *middle, const char *close) {
    char *text = malloc(count * (strlen(open) + strlen(close)) + strlen(middle) + 1);
    if (!text) {
        abort();
    }
    char *at = text;
    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, "%s", open);
    }
    at += sprintf(at, "%s", middle);
    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, "%s", close);
    }
    return text;
}

static mqk_status compile_nested(size_t count, const char *open, const char *middle,
                                 const char *close, mqk_error *err) {
    struct regex_names names = {.count = 0};
    struct predicate *p = NULL;
    char *text = nested(count, open, middle, close);
    mqk_status status = predicate_compile(mqk_cstr(text), &names, &p, err, NULL);
    predicate_free(p);
    free(text);
    return status;
}

static void has_limits(void **state) {
    (void)state;
    static const char deep[] = "too deeply nested", large[] = "a condition is at most 64 KiB long";
    static const char number[] = " is a number and no condition; compare it with something";
    static const struct {
        size_t count;
        const char *open, *middle, *close;
        const char *sentence; /* how it ends; NULL: compiles */
    } cases[] = {
        {64, "(", "true", ")", NULL},
        {65, "(", "true", ")", deep},
        {30000, "(", "", "", deep},
        {10000, "not ", "true", "", NULL},
        {10000, "-", "1 = 1", "", NULL},
        {7000, "", "true", " or true", NULL},
        {7000, "", "true", " and true", NULL},
        {8000, "", "true", " and true", large},
        {10000, "", "1 = 1", " + 1", NULL},
        /* Operands that wait on the stack. */
        {31, "1 + 1 * (", "1", ")", number},
        {32, "1 + 1 * (", "1", ")", deep},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_error err = {.code = MQK_OK};
        mqk_status status =
            compile_nested(cases[i].count, cases[i].open, cases[i].middle, cases[i].close, &err);
        const char *sentence = cases[i].sentence;
        const char *found = sentence && status != MQK_OK ? strstr(err.message, sentence) : NULL;
        if ((status == MQK_OK) != !sentence || (sentence && (!found || strcmp(found, sentence)))) {
            fail_msg("%zu %s: %s", cases[i].count, cases[i].open, err.message);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds),
        cmocka_unit_test(does_not_hold),
        cmocka_unit_test(sees_what_the_event_has),
        cmocka_unit_test(decodes_long_texts),
        cmocka_unit_test(gives_up_on_a_hostile_text),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(warns_of_what_can_never_be),
        cmocka_unit_test(explains),
        cmocka_unit_test(has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
