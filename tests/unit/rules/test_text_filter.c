/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "rules_fixture.h"
#include "text_filter.h"
#include "uuid.h"

struct text_case {
    mqk_str text;
    const char *expected;
};

#define T(literal)                                                                                 \
    { literal, sizeof(literal) - 1 }

static void assert_writes(void (*write)(mqk_str text, struct buffer *out),
                          const struct text_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char memory[300];
        struct buffer out;
        buffer_init(&out, memory, sizeof(memory));
        write(cases[i].text, &out);
        if (!str_equal(buffer_since(&out, 0), mqk_cstr(cases[i].expected))) {
            fail_msg("%s: %.*s", cases[i].expected, STR_ARG(buffer_since(&out, 0)));
        }
        buffer_fini(&out);
    }
}

static void encodes_uris(void **state) {
    (void)state;
    static const struct text_case cases[] = {
        {T(""), ""},
        {T("node-1.a_b~c/D9"), "node-1.a_b~c/D9"},
        {T("emqx@10.0.0.1"), "emqx%4010.0.0.1"},
        {T("a b?c#d%e\"f"), "a%20b%3Fc%23d%25e%22f"},
        {T("\xC3\xA9\xFF"), "%C3%A9%FF"},
        {T("a\0b\n"), "a%00b%0A"},
    };
    assert_writes(text_to_uri, cases, sizeof(cases) / sizeof(cases[0]));
}

#define R "\xEF\xBF\xBD"

static void replaces_what_cannot_be_printed(void **state) {
    (void)state;
    static const struct text_case cases[] = {
        {T(""), ""},
        {T("plain ~ text"), "plain ~ text"},
        {T("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {T("a\0b\x1F\x7F"), "a" R "b" R R},
        {T("\xC2\x80\xC2\x9F\xC2\xA0"), R R "\xC2\xA0"}, /* C1, no-break space */
        {T("\xEF\xB7\x8F\xEF\xB7\x90\xEF\xB7\xAF\xEF\xB7\xB0"),
         "\xEF\xB7\x8F" R R "\xEF\xB7\xB0"},                           /* U+FDD0 … U+FDEF */
        {T("\xEF\xBF\xBD\xEF\xBF\xBE\xEF\xBF\xBF"), R R R},            /* U+FFFD itself stays */
        {T("\xF0\x9F\xBF\xBD\xF0\x9F\xBF\xBE"), "\xF0\x9F\xBF\xBD" R}, /* U+1FFFE */
        {T("\xF4\x8F\xBF\xBF\xF3\xAF\xBF\xBF"), R R},                  /* U+10FFFF, U+EFFFF */
        {T("\xF0\x9E\xBF\xBF"), "\xF0\x9E\xBF\xBF"},                   /* U+1EFFF is none */
        {T("\xFF\xC3\xED\xA0\x80"), R R R R R},
    };
    assert_writes(text_to_printable, cases, sizeof(cases) / sizeof(cases[0]));
}

static void knows_media_types(void **state) {
    (void)state;
    static const struct {
        mqk_str text;
        bool is;
    } cases[] = {
        {T("text/plain"), true},
        {T("application/vnd.a+json; charset=\"utf-8\""), true},
        {T("a/b ;q=1"), true},
        {T("application/cloudevent"), true},
        {T(""), false},
        {T("text"), false},
        {T("text/"), false},
        {T("/plain"), false},
        {T("text/plain/x"), false},
        {T("text/pl ain\n"), false},
        {T("text/plain\0"), false},
        {T("text/\xC3\xA9"), false},
        {T("te(xt/plain"), false},
        {T("application/cloudevents"), false},
        {T("application/cloudevents+json"), false},
        {T("Application/CloudEvents-batch+json"), false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (text_is_mediatype(cases[i].text) != cases[i].is) {
            fail_msg("%.*s", STR_ARG(cases[i].text));
        }
    }
    assert_false(text_is_mediatype((mqk_str){NULL, 0}));
}

static void takes_the_port_off(void **state) {
    (void)state;
    static const struct {
        const char *address, *host;
    } cases[] = {
        {"10.0.0.1:1883", "10.0.0.1"},
        {"10.0.0.1", "10.0.0.1"},
        {"host:1", "host"},
        {"", ""},
        {"[::1]:1883", "::1"},
        {"[fe80::1]", "fe80::1"},
        {"::1", "::1"},
        {"[", "["},
        {"fe80::1:2", "fe80::1:2"},
        {":1", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_str host = text_host(mqk_cstr(cases[i].address));
        if (!str_equal(host, mqk_cstr(cases[i].host))) {
            fail_msg("%s: %.*s", cases[i].address, STR_ARG(host));
        }
    }
}

/* xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx; one for an event, others for others. */
static void makes_uuids(void **state) {
    (void)state;
    struct uuid first = {.made = false}, second = {.made = false};
    mqk_str text = uuid_text(&first);
    assert_int_equal(text.len, UUID_LEN);
    for (size_t i = 0; i < UUID_LEN; i++) {
        const char *accepted = i == 8 || i == 13 || i == 18 || i == 23 ? "-"
                               : i == 14                               ? "4"
                               : i == 19                               ? "89ab"
                                                                       : "0123456789abcdef";
        assert_non_null(memchr(accepted, text.data[i], strlen(accepted)));
    }
    assert_true(str_equal(uuid_text(&first), text));
    assert_false(str_equal(uuid_text(&second), text));
}

/* The filters in templates, and fields as defaults. */
static void templates_have_them(void **state) {
    (void)state;
    static const struct {
        const char *text, *rendered; /* NULL: nothing */
    } cases[] = {
        {"[${retain | number},${dup | number},${qos | number}]", "[1,0,1]"},
        {"[${payload.yes | number},${payload.temp | number},${payload.s | number}]",
         "[1,31.50,null]"},
        {"[${keepalive | number},${keepalive | default(0) | number}]", "[null,0]"},
        {"[${username | default(\"12\") | number},${username | default(\"0x1\") | number}]",
         "[12,null]"},
        {"[${username | default(\"\") | number},${username | default(\"1 \") | number}]",
         "[null,null]"},
        {"[${username | default(clientid)},\"${username | default(clientid)}\"]",
         "[\"c1\",\"c1\"]"},
        {"${username | default( payload.o.x[0] ) }", "1"},
        {"${username | default(payload.none) | default(user.b)}", "two"},
        {"${username | default(qos)}/${clientid | default(topic)}", "1/c1"},
        {"${username | default(reason)}", NULL},
        {"${username | default(reason)}!", "undefined!"},
        {"${peerhost | default(\"[::1]:80\") | host}", "::1"},
        {"${topic | uri}?${user.b | uri}", "factory/a/line/3/temp?two"},
        {"${username | uri}", NULL},
        {"${topic | printable}", "factory/a/line/3/temp"},
        {"${topic | mediatype}", NULL},
        {"${payload.none | default(\"a/b\") | mediatype}", "a/b"},
        {"${uuid}", NULL}, /* no memory for one */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char memory[500];
        struct buffer buffer;
        struct template *t = NULL;
        mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
        struct render_context ctx = fixture_context(&event);
        mqk_str out;
        buffer_init(&buffer, memory, sizeof(memory));
        assert_int_equal(template_compile(mqk_cstr(cases[i].text), MQK_FORMAT_AUTO, &t, NULL),
                         MQK_OK);
        template_render(t, &ctx, &buffer, &out);
        if ((out.data != NULL) != (cases[i].rendered != NULL) ||
            !str_equal(out, mqk_cstr(cases[i].rendered))) {
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(out));
        }
        template_free(t);
        buffer_fini(&buffer);
    }
}

static void refuses_what_is_no_field(void **state) {
    (void)state;
#define EXPECTED "expected a text in quotes, a number, true, false, null or a field"
    static const struct {
        const char *text, *sentence;
        unsigned column;
    } cases[] = {
        {"${username | default(clintid)}", "unknown field \"clintid\", did you mean \"clientid\"?",
         22},
        {"${username | default()}", EXPECTED, 22},
        {"${username | default(.)}", EXPECTED, 22},
        {"${username | default(flags)}", EXPECTED, 22},
        {"${username | default(pub_props.User-Property)}", EXPECTED, 22},
        {"${username | default(clientid | lower)}", "expected \")\"", 31},
        {"${username | default(clientid", NULL, 0}, /* unfinished: text */
        {"${uuid.x}", "\"uuid\" has no members", 8},
        {"${uuidd}", "unknown field \"uuidd\", did you mean \"uuid\"?", 3},
        {"${retain | number(1)}", "\"number\" takes no value", 19},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct template *t = NULL;
        mqk_error err = {.column = 0};
        mqk_status status = template_compile(mqk_cstr(cases[i].text), MQK_FORMAT_AUTO, &t, &err);
        template_free(t);
        if (status != (cases[i].sentence ? MQK_ERR_TEMPLATE : MQK_OK) ||
            err.column != cases[i].column ||
            (cases[i].sentence && strcmp(err.message, cases[i].sentence) != 0)) {
            fail_msg("%s: %d, %u: %s", cases[i].text, (int)status, (unsigned)err.column,
                     err.message);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_uris),
        cmocka_unit_test(replaces_what_cannot_be_printed),
        cmocka_unit_test(knows_media_types),
        cmocka_unit_test(takes_the_port_off),
        cmocka_unit_test(makes_uuids),
        cmocka_unit_test(templates_have_them),
        cmocka_unit_test(refuses_what_is_no_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
