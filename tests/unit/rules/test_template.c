/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "template_fixture.h"
#include "template_pieces.h"

static void renders_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"plain text", "plain text"},
        /* The lines of "How their placeholders behave". */
        {"${clientid}", "c1"},
        {"${.clientid}", "c1"},
        {"x${.clientid}y", "xc1y"},
        {"${payload.o.x}", "[1,{\"y\":null}]"},
        {"${payload.temp}", "31.50"},
        {"${payload.s}", "q\"\xC3\xA9"},
        {"${payload.yes}", "true"},
        {"${payload.n}", "null"},
        {"${flags.retain}", "true"},
        {"${flags.dup}", "false"},
        {"${username}", NULL},
        {"${username} ", "undefined "},
        {"a${payload.none}b", "aundefinedb"},
        {"${payload.none}", NULL},
        {"${payload.temp.none}", NULL},
        {"${payload.list[2]}", NULL},
        {"${$}{b}", "${b}"},
        {"$${clientid}", "$c1"},
        {"${$}", "$"},
        {"unfinished ${d", "unfinished ${d"},
        {"${d", "${d"},
        {"${", "${"},
        {"$", "$"},
        {"bare $clientid and {clientid}", "bare $clientid and {clientid}"},
        {"a ${b ${clientid}", "a ${b c1"},
        {"\"${b\", ${clientid}", "\"${b\", c1"},
        {"${b\n}${clientid}", "${b\n}c1"},
        /* Fields. */
        {"${ clientid }|${\t.clientid }", "c1|c1"},
        {"${event}/${node}/${timestamp}/${ts}",
         "message.publish/node-1/1700000000123/1700000000123"},
        {"${qos} ${retain} ${dup} ${keepalive}", "1 true false undefined"},
        {"${from}", "c1"},
        {"${from_clientid}", NULL},
        {"${flags}", "{\"retain\":true,\"dup\":false}"},
        /* Inside the payload. */
        {"${payload.list[1]}", "20"},
        {"${payload.list.[0]}", "10"},
        {"${payload.o.x[1].y}", "null"},
        {"${payload[\"odd.name\"]}", "7"},
        {"${payload.[\"odd.name\"]}", "7"},
        {"${payload[ \"odd\\u002ename\" ]}", "7"},
        {"${payload.o}-", "{\"x\":[1,{\"y\":null}]}-"},
        {"${payload.s}${payload.plain}", "q\"\xC3\xA9p"},
        /* Properties. */
        {"${user.b}", "two"},
        {"${user.trace.id}", "last"},
        {"${user[\"trace.id\"]}", "last"},
        {"${user.none}", NULL},
        {"${pub_props.User-Property.trace.id}", "last"},
        {"${pub_props.User-Property}", "{\"trace.id\":\"last\",\"b\":\"two\"}"},
        {"${props.Message-Expiry-Interval}", "60"},
        {"${conn_props.Content-Type}", "text/\"x\""},
        {"${props.Topic-Alias}", NULL},
        {"${puback_props.Reason-String}", "fine"},
        {"${puback_props.User-Property.b}", NULL},
        {"${puback_props}", "{\"Reason-String\":\"fine\"}"},
        {"${props.User-Property-Pairs}",
         "[{\"key\":\"trace.id\",\"value\":\"first\"},{\"key\":\"b\",\"value\":\"two\"},"
         "{\"key\":\"trace.id\",\"value\":\"last\"}]"},
        {"${attr.site}${attr[\"odd.name\"]}", "north"},
        {"${attr.odd.name}", ""},
        {"${attr.none}", NULL},
        /* Wildcards. */
        {"${filter.1}.${filter.2}.${filter.3}", "a.3.temp"},
        {"${filter.4}", NULL},
    };
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_renders_text(cases[i].text, &ctx, cases[i].expected);
    }
}

static void takes_what_the_event_has(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_DELIVERED);
    event.from_clientid = STR("sender");
    event.node = STR("other");
    event.timestamp = 0;
    event.payload = STR("not json");
    struct render_context ctx = fixture_context(&event);
    ctx.filter = (mqk_str){NULL, 0};
    assert_renders_text("${from}", &ctx, "sender");
    assert_renders_text("${node}", &ctx, "other");
    assert_renders_text("${timestamp}", &ctx, "1700000000999");
    assert_renders_text("${payload}", &ctx, "not json");
    assert_renders_text("${payload.a}", &ctx, NULL);
    assert_renders_text("${filter.1}", &ctx, NULL);
    event.timestamp = MQK_UNKNOWN;
    assert_renders_text("${timestamp}", &ctx, "1700000000999");
    event.payload = (mqk_str){NULL, 0};
    assert_renders_text("${payload}", &ctx, NULL);
    assert_renders_text("${payload.a}", &ctx, NULL);
    event.payload = STR("");
    assert_renders_text("${payload}", &ctx, "");
    event.user_props_count = 0;
    assert_renders_text("${props.User-Property}", &ctx, NULL);
    assert_renders_text("${props.User-Property-Pairs}", &ctx, NULL);
    event.props = NULL;
    event.props_count = 0;
    event.user_props = NULL;
    assert_renders_text("${props}", &ctx, NULL);
    event.retain = MQK_UNKNOWN;
    assert_renders_text("${flags}", &ctx, "{\"dup\":false}");
    event.dup = MQK_UNKNOWN;
    assert_renders_text("${flags}", &ctx, NULL);
}

/* Numbers that a hook does not have may hold anything. */
static void ignores_numbers_of_other_hooks(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_CLIENT_CONNECTED);
    event.keepalive = 30;
    struct render_context ctx = fixture_context(&event);
    assert_renders_text("${qos}", &ctx, NULL);
    assert_renders_text("${flags}", &ctx, NULL);
    assert_renders_text("${keepalive}", &ctx, "30");
    assert_renders_text("${event}", &ctx, "client.connected");
    event.hook = MQK_HOOK_CUSTOM;
    event.hook_name = STR("custom.alarm");
    assert_renders_text("${event}", &ctx, "custom.alarm");
}

static void captures_what_wildcards_stand_for(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        const char *topic;
        const char *text;
        const char *expected;
    } cases[] = {
        {"#", "a/b", "${filter.1}", "a/b"},
        {"a/#", "a", "${filter.1}", ""},
        {"a/#", "a/", "${filter.1}", ""},
        {"+/+", "/b", "[${filter.1}][${filter.2}]", "[][b]"},
        {"a/b", "a/b", "${filter.1}", NULL},
        {"a/+/#", "a/+/#", "${filter.1} ${filter.2}", "+ #"},
        {"+/#", "x/y/z", "${filter.2}", "y/z"},
    };
    mqk_event event = fixture_event(MQK_HOOK_SESSION_SUBSCRIBED);
    struct render_context ctx = fixture_context(&event);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        event.topic = mqk_cstr(cases[i].topic);
        ctx.filter = mqk_cstr(cases[i].filter);
        assert_renders_text(cases[i].text, &ctx, cases[i].expected);
    }
    event.topic = (mqk_str){NULL, 0};
    assert_renders_text("${filter.1}", &ctx, NULL);
}

static void encodes_the_payload_as_a_whole_only(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    event.payload = STR("{\"a\":1}");
    ctx.encoding = PAYLOAD_BASE64;
    assert_renders_text("${payload}", &ctx, "eyJhIjoxfQ==");
    assert_renders_text("<${payload}>", &ctx, "<eyJhIjoxfQ==>");
    assert_renders_text("${payload.a}", &ctx, "1");
    ctx.encoding = PAYLOAD_HEX;
    assert_renders_text("${payload}", &ctx, "7b2261223a317d");
}

static void refuses_wrong_placeholders(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t column;
        const char *message;
        mqk_status status;
    } cases[] = {
        {"${clintid}", 3, "unknown field \"clintid\", did you mean \"clientid\"?",
         MQK_ERR_TEMPLATE},
        {"ab ${ .usr.x }", 8, "unknown field \"usr\", did you mean \"user\"?", MQK_ERR_TEMPLATE},
        {"${wholly_unknown_thing}", 3, "unknown field \"wholly_unknown_thing\"", MQK_ERR_TEMPLATE},
        {"${a..b}", 5, "a name is missing in the path", MQK_ERR_TEMPLATE},
        {"${payload.}", 11, "a name is missing in the path", MQK_ERR_TEMPLATE},
        {"${..}", 4, "a name is missing in the path", MQK_ERR_TEMPLATE},
        {"${clientid.x}", 12, "\"clientid\" has no members", MQK_ERR_TEMPLATE},
        {"${qos[0]}", 6, "\"qos\" has no members", MQK_ERR_TEMPLATE},
        {"${from.x}", 8, "\"from\" has no members", MQK_ERR_TEMPLATE},
        {"${flags.retian}", 9, "unknown flag \"retian\", did you mean \"retain\"?",
         MQK_ERR_TEMPLATE},
        {"${flags.retain.x}", 16, "\"retain\" has no members", MQK_ERR_TEMPLATE},
        {"${props.User-Property-Pairs[0]}", 28, "\"User-Property-Pairs\" has no members",
         MQK_ERR_TEMPLATE},
        {"${user}", 3, "say which: ${user.name} or ${user[\"name\"]}", MQK_ERR_TEMPLATE},
        {"${attr[1]}", 7, "say which: ${attr.name} or ${attr[\"name\"]}", MQK_ERR_TEMPLATE},
        {"${filter}", 3, "expected the number of a wildcard, from 1, as in ${filter.1}",
         MQK_ERR_TEMPLATE},
        {"${filter.0}", 3, "expected the number of a wildcard, from 1, as in ${filter.1}",
         MQK_ERR_TEMPLATE},
        {"${filter.x}", 3, "expected the number of a wildcard, from 1, as in ${filter.1}",
         MQK_ERR_TEMPLATE},
        {"${filter.99999999999999999999}", 3,
         "expected the number of a wildcard, from 1, as in ${filter.1}", MQK_ERR_TEMPLATE},
        {"${payload[}", 11, "expected a number or a quoted name in brackets", MQK_ERR_TEMPLATE},
        {"${payload[-1]}", 11, "expected a number or a quoted name in brackets", MQK_ERR_TEMPLATE},
        {"${payload[1}", 12, "expected \"]\"", MQK_ERR_TEMPLATE},
        {"${payload[4294967296]}", 11, "an array index is at most 4294967295", MQK_ERR_TEMPLATE},
        {"${payload[\"\\x\"]}", 11, "a quoted name must be a JSON string", MQK_ERR_TEMPLATE},
        {"${payload.a b}", 12,
         "unexpected character in a path; a name with such characters is written as [\"name\"]",
         MQK_ERR_TEMPLATE},
        {"${payload[0]x}", 13,
         "unexpected character in a path; a name with such characters is written as [\"name\"]",
         MQK_ERR_TEMPLATE},
        {"${[0]}", 3, "a path begins with the name of a field", MQK_ERR_TEMPLATE},
        {"${payload.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29."
         "30.31.32.33}",
         98, "a path has at most 32 steps", MQK_ERR_TEMPLATE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct template *t = NULL;
        mqk_error err = {.column = 0};
        mqk_status status = template_compile(mqk_cstr(cases[i].text), MQK_FORMAT_TEXT, &t, &err);
        if (status != cases[i].status || err.column != cases[i].column ||
            strcmp(err.message, cases[i].message) != 0) {
            fail_msg("%s: %d, column %u: %s", cases[i].text, status, (unsigned)err.column,
                     err.message);
        }
        assert_null(t);
        assert_int_equal(template_compile(mqk_cstr(cases[i].text), MQK_FORMAT_TEXT, &t, NULL),
                         cases[i].status);
    }
}

/* What needs no copy is a slice of the event or of the template. */
static void copies_only_what_it_must(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    static const char *const slices[] = {"constant",         "${topic}",       "${payload}",
                                         "${payload.plain}", "${user.b}",      "${filter.1}",
                                         "${from}",          "${payload.temp}"};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        struct template *t = compiled(mqk_cstr(slices[i]), MQK_FORMAT_TEXT);
        struct buffer buffer;
        mqk_str out;
        buffer_init(&buffer, NULL, 0);
        template_render(t, &ctx, &buffer, &out);
        assert_true(out.len > 0);
        assert_int_equal(buffer.len, 0);
        buffer_fini(&buffer);
        template_free(t);
    }
}

static void knows_what_it_is(void **state) {
    (void)state;
    mqk_str text;
    struct template *t = compiled(STR("a${$}b$$"), MQK_FORMAT_AUTO);
    assert_true(template_is_constant(t, &text));
    assert_true(str_equal(text, STR("a$b$$")));
    assert_false(t->json);
    template_free(t);

    t = compiled(STR("${filter.2}${filter.7}${filter.3}"), MQK_FORMAT_AUTO);
    assert_false(template_is_constant(t, NULL));
    assert_int_equal(template_captures(t), 7);
    template_free(t);

    t = compiled((mqk_str){NULL, 0}, MQK_FORMAT_AUTO);
    assert_true(template_is_constant(t, &text));
    assert_true(text.data && text.len == 0);
    template_free(t);
    template_free(NULL);
}

/* A failure of the buffer is left there for the caller; no render goes beyond the limit. */
static void stops_at_the_limit(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    struct template *t = compiled(STR("${topic}${topic}${.}"), MQK_FORMAT_TEXT);
    struct buffer buffer;
    mqk_str out;
    buffer_init(&buffer, NULL, 0);
    buffer.limit = 40;
    template_render(t, &ctx, &buffer, &out);
    assert_int_equal(buffer.failure, MQK_ERR_TOO_LARGE);
    assert_true(buffer.len <= 40);
    buffer_fini(&buffer);
    template_free(t);
}

static mqk_str repeated(const char *unit, size_t count) {
    size_t len = strlen(unit);
    char *text = malloc(len * count + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * len, unit, len);
    }
    return (mqk_str){text, len * count};
}

static void large_templates_are_cheap(void **state) {
    (void)state;
    /* Each would take minutes if a byte were looked at more than a few times. */
    static const char *const units[] = {
        "${", "${qos}", "${[\"", "${[\"\\${[\"\\",  "$",
        "{",  "${a",    "\\",    "${payload[\"x\\", "{\"${qos}\":\"\\"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        for (int format = MQK_FORMAT_AUTO; format <= MQK_FORMAT_JSON; format++) {
            mqk_str text = repeated(units[i], ((size_t)1 << 20) / strlen(units[i]));
            struct template *t = NULL;
            template_compile(text, (mqk_value_format)format, &t, NULL);
            template_free(t);
            free((char *)text.data);
        }
    }
    mqk_str text = repeated("x", ((size_t)1 << 20) + 1);
    mqk_error err;
    struct template *t;
    assert_int_equal(template_compile(text, MQK_FORMAT_TEXT, &t, &err), MQK_ERR_TEMPLATE);
    assert_string_equal(err.message, "a template is at most 1 MiB long");
    text.len--;
    assert_int_equal(template_compile(text, MQK_FORMAT_TEXT, &t, &err), MQK_OK);
    template_free(t);
    free((char *)text.data);
}

static void thousands_of_placeholders_render(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    mqk_str text = repeated("${clientid}-${qos};", 20000);
    mqk_str expected = repeated("c1-1;", 20000);
    struct template *t = compiled(text, MQK_FORMAT_AUTO);
    struct buffer buffer;
    mqk_str out;
    buffer_init(&buffer, NULL, 0);
    template_render(t, &ctx, &buffer, &out);
    assert_true(str_equal(out, expected));
    buffer_fini(&buffer);
    template_free(t);
    free((char *)text.data);
    free((char *)expected.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_text),
        cmocka_unit_test(takes_what_the_event_has),
        cmocka_unit_test(ignores_numbers_of_other_hooks),
        cmocka_unit_test(captures_what_wildcards_stand_for),
        cmocka_unit_test(encodes_the_payload_as_a_whole_only),
        cmocka_unit_test(refuses_wrong_placeholders),
        cmocka_unit_test(copies_only_what_it_must),
        cmocka_unit_test(knows_what_it_is),
        cmocka_unit_test(stops_at_the_limit),
        cmocka_unit_test(large_templates_are_cheap),
        cmocka_unit_test(thousands_of_placeholders_render),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
