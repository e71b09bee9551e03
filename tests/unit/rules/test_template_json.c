/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "json_scan.h"
#include "template_fixture.h"
#include "template_pieces.h"
#include "utf8.h"

/* An mqk_str for static tables. */
#define TEXT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }

/* Renders and returns the text, which the caller frees; NULL when it is absent. */
static char *rendered(mqk_str text, mqk_value_format format, struct render_context *ctx,
                      mqk_str *out) {
    struct template *t = compiled(text, format);
    struct buffer buffer;
    buffer_init(&buffer, NULL, 0);
    template_render(t, ctx, &buffer, out);
    assert_int_equal(buffer.failure, MQK_OK);
    char *copy = out->data ? malloc(out->len + 1) : NULL;
    if (copy) {
        memcpy(copy, out->data, out->len);
        copy[out->len] = '\0';
        out->data = copy;
    }
    buffer_fini(&buffer);
    template_free(t);
    return copy;
}

/* Leaves in the context what rendering says there. */
static void assert_renders(const char *text, struct render_context *ctx, const char *expected) {
    mqk_str out;
    char *got = rendered(mqk_cstr(text), MQK_FORMAT_AUTO, ctx, &out);
    if (!got || strcmp(got, expected) != 0) {
        fail_msg("%s:\n%s\ninstead of\n%s", text, got ? got : "(absent)", expected);
    }
    free(got);
}

static bool compiles_as_json(const char *text) {
    struct template *t = NULL;
    assert_int_equal(template_compile(mqk_cstr(text), MQK_FORMAT_AUTO, &t, NULL), MQK_OK);
    bool json = t->json;
    template_free(t);
    return json;
}

static void knows_json_when_it_sees_it(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool json;
    } cases[] = {
        {"{}", true},
        {" \n[ ${qos} ]\n", true},
        {"{\"a\":${qos}}", true},
        {"{\"a\":\"x${topic}y\"}", true},
        {"{\"${topic}\":1}", true},
        {"{\"a\":\"${$}${topic}\"}", true},
        {"{\"a\":\"\\\\${topic}\"}", true},
        {"{\"a\":\"unfinished ${d\"}", true},
        {"[${.},${payload},${flags}]", true},
        {"{\"a\":12${qos}}", false},
        {"{\"a\":-${qos}}", false},
        {"{\"a\":${qos}${qos}}", false},
        {"{\"a\":${qos}.5}", false},
        {"{\"a\":\"x\"${topic}}", false},
        {"{\"a\":\"\\${topic}\"}", false},
        {"{\"a\":\"\\u12${topic}\"}", false},
        {"{\"a\":\"\\u123${topic}\"}", false},
        {"{${topic}:1}", false},
        {"{\"a\":${$}}", false},
        {"{\"a\":${qos}", false},
        {"{\"a\":\"${topic}}", false},
        {"{\"a\":\"\xff${topic}\"}", false},
        {"{clientid}", false},
        {"${qos}", false},
        {"\"${qos}\"", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (compiles_as_json(cases[i].text) != cases[i].json) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void a_format_can_be_forced(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t column; /* where it is not JSON */
    } cases[] = {{"{\"a\":12${qos}}", 8},  {"{\"a\":\"${topic}}", 16}, {"plain", 1}, {"", 1},
                 {"{\"a\":${qos}} b", 14}, {"{\"a\":nul}", 9}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct template *t = NULL;
        mqk_error err = {.column = 0};
        assert_int_equal(template_compile(mqk_cstr(cases[i].text), MQK_FORMAT_JSON, &t, &err),
                         MQK_ERR_TEMPLATE);
        assert_string_equal(err.message,
                            "the template is not valid JSON once its placeholders are filled in");
        if (err.column != cases[i].column) {
            fail_msg("%s: column %u", cases[i].text, (unsigned)err.column);
        }
    }
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    mqk_str out;
    char *text = rendered(STR("{\"a\":${topic}}"), MQK_FORMAT_TEXT, &ctx, &out);
    assert_string_equal(text, "{\"a\":factory/a/line/3/temp}");
    free(text);
    text = rendered(STR("${topic}"), MQK_FORMAT_JSON, &ctx, &out);
    assert_string_equal(text, "\"factory/a/line/3/temp\"");
    free(text);
    assert_null(rendered(STR("${username}"), MQK_FORMAT_JSON, &ctx, &out));
}

static void encodes_for_the_place(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    event.clientid = STR("q\"b\\n\n\x01");
    assert_renders("{\"v\":${clientid},\"s\":\"<${clientid}>\",\"${clientid}\":1}", &ctx,
                   "{\"v\":\"q\\\"b\\\\n\\n\\u0001\",\"s\":\"<q\\\"b\\\\n\\n\\u0001>\","
                   "\"q\\\"b\\\\n\\n\\u0001\":1}");
    assert_renders("[${qos},\"${qos}\",${retain},\"${retain}\",${timestamp}]", &ctx,
                   "[1,\"1\",true,\"true\",1700000000123]");
    assert_renders("[${username},\"${username}\",${keepalive},${payload.none},${attr.none}]", &ctx,
                   "[null,\"undefined\",null,null,null]");
    assert_renders("[${payload.temp},\"${payload.temp}\",${payload.yes},${payload.n}]", &ctx,
                   "[31.50,\"31.50\",true,null]");
    assert_renders("[${payload.s},\"${payload.s}\"]", &ctx, "[\"q\\\"\\u00e9\",\"q\\\"\\u00e9\"]");
    assert_renders("[${payload.o},\"${payload.o}\"]", &ctx,
                   "[{\"x\":[1,{\"y\":null}]},\"{\\\"x\\\":[1,{\\\"y\\\":null}]}\"]");
    assert_renders("[${flags},\"${flags}\",${props.Message-Expiry-Interval}]", &ctx,
                   "[{\"retain\":true,\"dup\":false},\"{\\\"retain\\\":true,\\\"dup\\\":false}\","
                   "60]");
    assert_renders("[${filter.1},\"${filter.3}\",${event},${node},${from}]", &ctx,
                   "[\"a\",\"temp\",\"message.publish\",\"node-1\",\"q\\\"b\\\\n\\n\\u0001\"]");
    assert_renders("{\"${$}\":\"${$}{x}\"}", &ctx, "{\"$\":\"${x}\"}");
    assert_false(ctx.utf8_replaced);
}

static void shows_the_event_in_both_places(void **state) {
    (void)state;
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = {.event = &event, .now_ms = 5};
    assert_renders("{\"e\":${.},\"s\":\"${.}\"}", &ctx,
                   "{\"e\":{\"event\":\"message.publish\",\"timestamp\":5},"
                   "\"s\":\"{\\\"event\\\":\\\"message.publish\\\",\\\"timestamp\\\":5}\"}");
}

static void passes_json_payloads_on(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    static const struct {
        mqk_str payload;
        const char *value;
        const char *string;
    } cases[] = {
        {TEXT("{\"a\" : 1.0 , \"b\":[ ] }"), "{\"a\":1.0,\"b\":[]}",
         "\"{\\\"a\\\" : 1.0 , \\\"b\\\":[ ] }\""},
        {TEXT("12"), "12", "\"12\""},
        {TEXT("1e400"), "1e400", "\"1e400\""},
        {TEXT(" true\n"), "true", "\" true\\n\""},
        {TEXT("\"x\""), "\"x\"", "\"\\\"x\\\"\""},
        {TEXT(""), "\"\"", "\"\""},
        {TEXT("{\"a\":1"), "\"{\\\"a\\\":1\"", "\"{\\\"a\\\":1\""},
        {TEXT("NaN"), "\"NaN\"", "\"NaN\""},
        {TEXT("a\0b"), "\"a\\u0000b\"", "\"a\\u0000b\""},
        {{NULL, 0}, "null", "\"undefined\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[100];
        event.payload = cases[i].payload;
        snprintf(expected, sizeof(expected), "[%s,%s]", cases[i].value, cases[i].string);
        assert_renders("[${payload},\"${payload}\"]", &ctx, expected);
    }
    ctx.encoding = PAYLOAD_HEX;
    event.payload = STR("12");
    assert_renders("[${payload},\"${payload}\"]", &ctx, "[\"3132\",\"3132\"]");
}

static void replaces_what_is_not_utf8(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    event.clientid = STR("a\xff"
                         "b");
    assert_renders("{\"c\":\"${clientid}\"}", &ctx,
                   "{\"c\":\"a\xEF\xBF\xBD"
                   "b\"}");
    assert_true(ctx.utf8_replaced);
    ctx.utf8_replaced = false;
    assert_renders("[${clientid}]", &ctx,
                   "[\"a\xEF\xBF\xBD"
                   "b\"]");
    assert_true(ctx.utf8_replaced);
    ctx.utf8_replaced = false;
    assert_renders("[${topic}]", &ctx, "[\"factory/a/line/3/temp\"]");
    assert_false(ctx.utf8_replaced);
    mqk_property binary = {STR("Correlation-Data"), STR("\x80\x01"), 0};
    event.props = &binary;
    event.props_count = 1;
    event.user_props_count = 0;
    assert_renders("[${props},\"${props}\"]", &ctx,
                   "[{\"Correlation-Data\":\"\xEF\xBF\xBD\\u0001\"},"
                   "\"{\\\"Correlation-Data\\\":\\\"\xEF\xBF\xBD\\\\u0001\\\"}\"]");
    assert_true(ctx.utf8_replaced);
}

struct random {
    uint64_t state;
};

static uint32_t next(struct random *r, uint32_t below) {
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((r->state >> 33) % below);
}

/* Bytes that hurt: quotes, escapes, controls, broken and whole UTF-8, JSON, placeholders. */
static mqk_str hostile(struct random *r, char *out, size_t room) {
    static const mqk_str parts[] = {
        TEXT("\""),
        TEXT("\\"),
        TEXT("\n"),
        TEXT("\0"),
        TEXT("\x1f"),
        TEXT("\x7f"),
        TEXT("\xff"),
        TEXT("\xc3"),
        TEXT("\xc3\xa9"),
        TEXT("\xe2\x82\xac"),
        TEXT("\xed\xa0\x80"),
        TEXT("\xf0\x9f\x98\x80"),
        TEXT("\xf0\x9f"),
        TEXT("{"),
        TEXT("}"),
        TEXT("${clientid}"),
        TEXT("\",\"x\":\""),
        TEXT("null"),
        TEXT("abcdefgh"),
        TEXT("\\u0000"),
        TEXT("\\ud800"),
    };
    size_t len = 0;
    for (uint32_t n = next(r, 12); n > 0; n--) {
        mqk_str part = parts[next(r, sizeof(parts) / sizeof(parts[0]))];
        if (part.len > room - len) {
            break;
        }
        memcpy(out + len, part.data, part.len);
        len += part.len;
    }
    return (mqk_str){out, len};
}

static mqk_str json_payload(struct random *r) {
    static const char *const payloads[] = {
        "{\"a\":{\"b\":[1,\"x\\\"y\",{\"c\":null}]}}",
        "[]",
        "  {\"a\" : \"\\ud800\" } ",
        "{\"a\":1,\"a\":\"\\u00e9\\n\"}",
        "\"\\\\\"",
        "-0.0e+7",
        "{\"a\":{\"b\":\"\xc3\xa9\"}}",
        "{\"a\":1,}",
        "nul",
    };
    return mqk_cstr(payloads[next(r, sizeof(payloads) / sizeof(payloads[0]))]);
}

static const char *random_placeholder(struct random *r) {
    static const char *const placeholders[] = {
        "${clientid}",
        "${username}",
        "${payload}",
        "${payload.a}",
        "${payload.a.b}",
        "${payload.a.b[1]}",
        "${payload[0]}",
        "${user.x}",
        "${user[\"\\u0000\"]}",
        "${props}",
        "${props.P}",
        "${attr.x}",
        "${flags}",
        "${.}",
        "${qos}",
        "${retain}",
        "${filter.1}",
        "${filter.2}",
        "${event}",
        "${from}",
        "${timestamp}",
        "${props.User-Property}",
        "${props.User-Property-Pairs}",
        "${keepalive}",
        "${regex.x}",
        "${clientid | upper}",
        "${payload | base64}",
        "${payload | json}",
        "${payload | trunc(3)}",
        "${payload.a | json}",
        "${payload.a.b | default(\"q\\\"\\u0001}\")}",
        "${clientid | trunc(1) | json}",
        "${. | json}",
        "${username | json | hex}",
        "${user.x | default(-1.50e3)}",
        "${payload.a | default('\"') | lower}",
        "${clientid | level(2)}",
        "${timestamp | iso8601}",
        "${payload.a | iso8601}",
        "${timestamp | seconds}",
        "${payload.a | seconds}",
        "${payload | md5}",
        "${props | default(null)}",
    };
    return placeholders[next(r, sizeof(placeholders) / sizeof(placeholders[0]))];
}

/* The inside of a string: pieces of text and placeholders. */
static void add_string(struct random *r, struct buffer *out) {
    static const char *const texts[] = {"",  "x",    "\\\"", "\\\\", "\\u00e9", "\xc3\xa9",
                                        "$", "${$}", "{",    ":",    "\\n",     "${"};
    buffer_append_char(out, '"');
    for (uint32_t n = next(r, 4); n > 0; n--) {
        buffer_append_str(out, mqk_cstr(texts[next(r, 11)]));
        if (next(r, 2)) {
            buffer_append_str(out, mqk_cstr(random_placeholder(r)));
        }
    }
    buffer_append_char(out, '"');
}

/* Objects in arrays in objects, to a depth, one value a level. */
static void add_json_template(struct random *r, struct buffer *out) {
    char closing[8];
    uint32_t depth = 1 + next(r, 4);
    for (uint32_t level = 0; level < depth; level++) {
        bool object = next(r, 2) == 0;
        buffer_append_char(out, object ? '{' : '[');
        for (uint32_t n = next(r, 3); n > 0; n--) {
            if (object) {
                add_string(r, out);
                buffer_append_str(out, STR(": "));
            }
            if (next(r, 2)) {
                add_string(r, out);
            } else {
                buffer_append_str(out, mqk_cstr(random_placeholder(r)));
            }
            buffer_append_char(out, ',');
        }
        if (object) {
            add_string(r, out);
            buffer_append_char(out, ':');
        }
        closing[level] = object ? '}' : ']';
    }
    buffer_append_str(out, mqk_cstr(random_placeholder(r)));
    while (depth > 0) {
        buffer_append_char(out, closing[--depth]);
    }
}

/* The text as it must come out: what is not UTF-8 replaced. */
static void append_replaced(mqk_str text, struct buffer *out) {
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_char_len(text.data + i, text.len - i);
        if (n > 0) {
            buffer_append(out, text.data + i, n);
        } else {
            buffer_append_str(out, STR("\xEF\xBF\xBD"));
            n = utf8_invalid_len(text.data + i, text.len - i);
        }
        i += n;
    }
}

static void assert_string_at(mqk_str json, uint32_t index, mqk_str before, mqk_str original) {
    struct buffer decoded, expected;
    struct json_value value = json_find(json, &(struct json_step){.index = index}, 1);
    assert_int_equal(value.kind, JSON_STRING);
    buffer_init(&decoded, NULL, 0);
    buffer_init(&expected, NULL, 0);
    json_append_decoded(&decoded, &value);
    buffer_append_str(&expected, before);
    append_replaced(original, &expected);
    assert_true(str_equal(buffer_since(&decoded, 0), buffer_since(&expected, 0)));
    buffer_fini(&decoded);
    buffer_fini(&expected);
}

static size_t property_cases(void) {
    const char *wanted = getenv("MQK_PROPERTY_CASES");
    long cases = wanted ? strtol(wanted, NULL, 10) : 0;
    return cases > 0 ? (size_t)cases : 20000;
}

static void the_output_is_json_whatever_comes_in(void **state) {
    (void)state;
    struct random r = {20240229};
    size_t cases = property_cases();
    for (size_t i = 0; i < cases; i++) {
        char room[8][128];
        mqk_event event =
            fixture_event(next(&r, 2) ? MQK_HOOK_MESSAGE_PUBLISH : MQK_HOOK_MESSAGE_ACKED);
        struct render_context ctx = fixture_context(&event);
        event.clientid = hostile(&r, room[0], sizeof(room[0]));
        event.topic = hostile(&r, room[1], sizeof(room[1]));
        event.username = next(&r, 2) ? hostile(&r, room[2], sizeof(room[2])) : event.username;
        event.payload = next(&r, 2) ? json_payload(&r) : hostile(&r, room[3], sizeof(room[3]));
        mqk_property prop = {hostile(&r, room[4], sizeof(room[4])), event.username, 7};
        mqk_pair pairs[2] = {{STR("x"), hostile(&r, room[5], sizeof(room[5]))},
                             {hostile(&r, room[6], sizeof(room[6])), event.topic}};
        event.props = &prop;
        event.props_count = 1;
        event.user_props = event.attrs = pairs;
        event.user_props_count = event.attrs_count = 2;
        ctx.encoding = (enum payload_encoding)next(&r, 3);
        ctx.filter = next(&r, 2) ? STR("+/#") : STR("#");
        ctx.node = pairs[0].value;

        struct buffer source;
        buffer_init(&source, NULL, 0);
        buffer_append_str(&source, STR("[${clientid},\"-${topic}\","));
        add_json_template(&r, &source);
        buffer_append_char(&source, ']');
        mqk_str out;
        char *text = rendered(buffer_since(&source, 0), MQK_FORMAT_JSON, &ctx, &out);
        if (!json_valid(out, NULL)) {
            fail_msg("case %zu: %.*s\n%.*s", i, STR_ARG(buffer_since(&source, 0)), STR_ARG(out));
        }
        assert_string_at(out, 0, STR(""), event.clientid);
        assert_string_at(out, 1, STR("-"), event.topic);
        free(text);
        buffer_fini(&source);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_json_when_it_sees_it),
        cmocka_unit_test(a_format_can_be_forced),
        cmocka_unit_test(encodes_for_the_place),
        cmocka_unit_test(shows_the_event_in_both_places),
        cmocka_unit_test(passes_json_payloads_on),
        cmocka_unit_test(replaces_what_is_not_utf8),
        cmocka_unit_test(the_output_is_json_whatever_comes_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
