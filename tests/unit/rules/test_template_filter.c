/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "template_fixture.h"

static void filters_texts(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"${clientid | base64}", "YzE="},
        {"${clientid | hex}", "6331"},
        {"${clientid | md5}", "a9f7e97965d6cf799a529102a973b8b9"},
        {"${clientid | upper}", "C1"},
        {"<${clientid|upper|lower}>", "<c1>"},
        {"${ clientid  |  upper  |  hex  }", "4331"},
        {"${user[\"b\"] | upper}", "TWO"},
        {"${attr.odd.name | hex}", ""},
        /* Text beside ASCII stays. */
        {"${payload.s | upper}", "Q\"\xC3\xA9"},
        {"${payload.s | trunc(3)}", "q\"\xC3\xA9"},
        {"${payload.s | trunc(2)}", "q\""},
        {"${payload.s | trunc(0)}", ""},
        {"${topic | trunc(7)}", "factory"},
        {"${topic | trunc(2147483647)}", "factory/a/line/3/temp"},
        {"${topic | level(1)}", "factory"},
        {"${topic | level(5)}", "temp"},
        {"${topic | level(6)}", NULL},
        {"${topic | level(-1)}", "temp"},
        {"${topic | level(-5)}", "factory"},
        {"${topic | level(-6)}", NULL},
        {"x${topic | level(6)}", "xundefined"},
        {"${topic | level(2) | default(\"none\")}", "a"},
        {"${topic | level(9) | default(\"none\")}", "none"},
        /* Times. */
        {"${timestamp | iso8601}", "2023-11-14T22:13:20.123Z"},
        {"${timestamp | seconds}", "1700000000"},
        {"${payload.temp | iso8601}", NULL},
        {"${clientid | seconds}", NULL},
        {"${payload.list[1] | iso8601}", "1970-01-01T00:00:00.020Z"},
        /* Numbers and other values are what they would be as text. */
        {"${payload.temp | trunc(2)}", "31"},
        {"${payload.yes | upper}", "TRUE"},
        {"${payload.o | trunc(6)}", "{\"x\":["},
        {"${payload.list | hex}", "5b31302c32305d"},
        {"${flags | base64}", "eyJyZXRhaW4iOnRydWUsImR1cCI6ZmFsc2V9"},
        {"${qos | hex}", "31"},
        /* JSON. */
        {"${clientid | json}", "\"c1\""},
        {"${payload.s | json}", "\"q\\\"\\u00e9\""},
        {"${payload.temp | json}", "31.50"},
        {"${payload.o | json}", "{\"x\":[1,{\"y\":null}]}"},
        {"${username | json}", "null"},
        {"${clientid | json | json}", "\"c1\""},
        {"${clientid | json | hex}", "22633122"},
        /* What is missing. */
        {"${username | upper}", NULL},
        {"${username | default(\"x\")}", "x"},
        {"${username | default('a}b')}", "a}b"},
        {"${username | default(\"a\\\"b\\u0041\\n\")}", "a\"bA\n"},
        {"${username | default('')}", ""},
        {"${username | default( 1.50 )}", "1.50"},
        {"${username | default(true)}-", "true-"},
        {"${username | default(null)}", "null"},
        {"${payload.n | default(\"x\")}", "x"},
        {"${payload.none | default(\"x\") | upper}", "X"},
        {"${clientid | default(\"x\")}", "c1"},
        {"${payload.none | upper | default(\"x\")}", "x"},
        {"${filter.1 | upper}/${filter.9 | default('-')}", "A/-"},
        {"${username | default(filter.1) | upper}", "A"},
        {"[${username | default(regex.none)}]", "[undefined]"},
        {"${regex.none}", NULL},
        {"${| json | trunc(9)}", "{\"event\":"},
        {"${. | hex | trunc(2)}", "7b"},
        /* Not placeholders. */
        {"${clientid | default(\"x}", "${clientid | default(\"x}"},
        {"${a\"b}", "${a\"b}"},
        {"|${clientid}|", "|c1|"},
    };
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_renders_as(cases[i].text, MQK_FORMAT_TEXT, &ctx, cases[i].expected);
    }
}

static void keeps_json_valid(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"a\":${clientid | upper},\"b\":\"${clientid | upper}\"}",
         "{\"a\":\"Q\\\"\\n\",\"b\":\"Q\\\"\\n\"}"},
        {"[${clientid | json},\"${clientid | json}\"]",
         "[\"q\\\"\\n\",\"\\\"q\\\\\\\"\\\\n\\\"\"]"},
        {"[${payload | json},\"${payload.temp | json}\"]", NULL},
        {"[${username | json},\"${username | json}\"]", "[null,\"null\"]"},
        {"[${username | upper},\"${username | upper}\"]", "[null,\"undefined\"]"},
        {"[${username | default(\"a\\\"b\")},\"${username | default(\"a\\\"b\")}\"]",
         "[\"a\\\"b\",\"a\\\"b\"]"},
        {"[${username | default(1.50)},\"${username | default(1.50)}\"]", "[1.50,\"1.50\"]"},
        {"[${username | default(false)},${username | default(null)}]", "[false,null]"},
        {"[${timestamp | seconds},\"${timestamp | seconds}\",${timestamp | iso8601}]",
         "[1700000000,\"1700000000\",\"2023-11-14T22:13:20.123Z\"]"},
        {"[${clientid | trunc(2)},${clientid | base64}]", "[\"q\\\"\",\"cSIK\"]"},
        {"[${topic | level(9)},\"${topic | level(2)}\"]", "[null,\"a\"]"},
    };
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = STR("q\"\n");
    struct render_context ctx = fixture_context(&event);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[600];
        const char *want = cases[i].expected;
        if (!want) {
            snprintf(expected, sizeof(expected), "[%.*s,\"31.50\"]", STR_ARG(event.payload));
            /* Without the white space of the payload. */
            char *to = expected;
            for (const char *p = expected; *p != '\0'; p++) {
                if (*p != ' ') {
                    *to++ = *p;
                }
            }
            *to = '\0';
            want = expected;
        }
        assert_renders_as(cases[i].text, MQK_FORMAT_JSON, &ctx, want);
    }
}

/* Filters of a payload see its bytes; without one, it is written in the rule's encoding. */
static void sees_the_bytes_of_payloads(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    event.payload = (mqk_str){"a\0\xFF", 3};
    struct render_context ctx = fixture_context(&event);
    ctx.encoding = PAYLOAD_BASE64;
    assert_renders_as("${payload}", MQK_FORMAT_TEXT, &ctx, "YQD/");
    assert_renders_as("${payload | hex}", MQK_FORMAT_TEXT, &ctx, "6100ff");
    assert_renders_as("${payload | default('x')}", MQK_FORMAT_TEXT, &ctx, "YQD/");
    assert_renders_as("[${payload | trunc(1)}]", MQK_FORMAT_JSON, &ctx, "[\"a\"]");
    event.payload = (mqk_str){NULL, 0};
    assert_renders_as("${payload | hex}", MQK_FORMAT_TEXT, &ctx, NULL);
    event.payload = STR("");
    assert_renders_as("${payload | hex}", MQK_FORMAT_TEXT, &ctx, "");
    assert_renders_as("${payload | md5}", MQK_FORMAT_TEXT, &ctx,
                      "d41d8cd98f00b204e9800998ecf8427e");
}

static void writes_times(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *iso, *seconds;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", "0"},
        {-1, "1969-12-31T23:59:59.999Z", "-1"},
        {951782399999, "2000-02-28T23:59:59.999Z", "951782399"},
        {951782400000, "2000-02-29T00:00:00.000Z", "951782400"},
        {951868800000, "2000-03-01T00:00:00.000Z", "951868800"},
        {4107542399000, "2100-02-28T23:59:59.000Z", "4107542399"},
        {4107542400000, "2100-03-01T00:00:00.000Z", "4107542400"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z", "253402300799"},
        {INT64_C(253402300800000), NULL, "253402300800"},
        {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z", "-62167219200"},
        {INT64_C(-62167219200001), NULL, "-62167219201"},
        {INT64_MAX, NULL, "9223372036854775"},
        {INT64_MIN + 1, NULL, "-9223372036854776"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_event event;
        event_init(&event, sizeof(event), MQK_HOOK_CUSTOM);
        event.hook_name = STR("custom.x");
        event.connected_at = cases[i].ms;
        struct render_context ctx = fixture_context(&event);
        assert_renders_as("${connected_at | iso8601}", MQK_FORMAT_TEXT, &ctx, cases[i].iso);
        assert_renders_as("${connected_at | seconds}", MQK_FORMAT_TEXT, &ctx, cases[i].seconds);
    }
}

/* Larger than the memory that filters have without an allocation. */
static void filters_long_texts(void **state) {
    (void)state;
    enum { LEN = 100000 };
    char *payload = malloc(LEN + 1), *expected = malloc(LEN + 1);
    memset(payload, 'a', LEN);
    memset(expected, 'A', LEN);
    payload[LEN] = expected[LEN] = '\0';
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    event.payload = mqk_cstr(payload);
    struct render_context ctx = fixture_context(&event);
    assert_renders_as("${payload | upper}", MQK_FORMAT_TEXT, &ctx, expected);
    assert_renders_as("${payload | upper | lower | upper}", MQK_FORMAT_TEXT, &ctx, expected);
    free(payload);
    free(expected);
}

static void refuses_what_is_too_large(void **state) {
    (void)state;
    enum { LEN = 33 << 20 }; /* in hex more than 64 MiB */
    char *payload = malloc(LEN);
    memset(payload, 'a', LEN);
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    event.payload = (mqk_str){payload, LEN};
    struct render_context ctx = fixture_context(&event);
    struct template *t = compiled(STR("x${payload | hex | trunc(1)}"), MQK_FORMAT_TEXT);
    struct buffer buffer;
    mqk_str out;
    buffer_init(&buffer, NULL, 0);
    template_render(t, &ctx, &buffer, &out);
    assert_int_equal(buffer.failure, MQK_ERR_TOO_LARGE);
    buffer_fini(&buffer);
    template_free(t);
    free(payload);
}

static void tells_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned column;
        const char *message;
    } cases[] = {
        {"${clientid | lowr}", 14, "unknown template filter \"lowr\", did you mean \"lower\"?"},
        {"${clientid | bse64}", 14, "unknown template filter \"bse64\", did you mean \"base64\"?"},
        {"${clientid | iso}", 14, "unknown template filter \"iso\""},
        {"${clientid | Lower}", 14, "unknown template filter \"Lower\", did you mean \"lower\"?"},
        {"${clientid |}", 13, "expected the name of a template filter, as in ${clientid | lower}"},
        {"${clientid | lower |}", 21,
         "expected the name of a template filter, as in ${clientid | lower}"},
        {"${clientid || lower}", 13,
         "expected the name of a template filter, as in ${clientid | lower}"},
        {"${clientid | lower upper}", 20, "expected \"|\" before the next template filter"},
        {"${clientid | lower(1)}", 20, "\"lower\" takes no value"},
        {"${clientid | trunc}", 19, "\"trunc\" needs a number: trunc(20)"},
        {"${clientid | trunc()}", 20, "expected a number of characters"},
        {"${clientid | trunc(-1)}", 20, "expected a number of characters"},
        {"${clientid | trunc(99999999999)}", 20, "expected a number of characters"},
        {"${clientid | trunc(1x)}", 21, "expected \")\""},
        {"${clientid | level(0)}", 20,
         "expected the number of a level, from 1 (or from the end, from -1)"},
        {"${clientid | level}", 19, "\"level\" needs a number: level(2)"},
        {"${clientid | default(\"\\x\")}", 23,
         "unknown escape; a backslash itself is written as \\\\"},
        {"${clintid | lower}", 3, "unknown field \"clintid\", did you mean \"clientid\"?"},
        {"${clientid. | lower}", 12, "expected a name"},
        {"${clientid|lower|lower|lower|lower|lower|lower|lower|lower|lower|lower|lower|lower|lower|"
         "lower|lower|lower|lower}",
         107, "a placeholder has at most 16 template filters"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct template *t = NULL;
        mqk_error err = {.column = 0};
        mqk_status status = template_compile(mqk_cstr(cases[i].text), MQK_FORMAT_TEXT, &t, &err);
        if (status != MQK_ERR_TEMPLATE || err.column != cases[i].column ||
            strcmp(err.message, cases[i].message) != 0) {
            fail_msg("%s: %d, column %u: %s", cases[i].text, status, (unsigned)err.column,
                     err.message);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_texts),
        cmocka_unit_test(keeps_json_valid),
        cmocka_unit_test(sees_the_bytes_of_payloads),
        cmocka_unit_test(writes_times),
        cmocka_unit_test(filters_long_texts),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(tells_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
