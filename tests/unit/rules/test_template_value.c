/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into payloads that are remembered lead where they lead when nothing is; templates render
 * the same whatever room there is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "template_fixture.h"
#include "template_value.h"

static const char *const payloads[] = {
    "{\"a\":1,\"b\":\"x\"}",
    "{\"a\":1,\"b\":\"x\",\"a\":2}",
    "{\"a\":{\"b\":1,\"c\":[1,{\"d\":-2.5e3}]},\"b\":null}",
    "{\"a\":{\"b\":1},\"a\":5,\"b\":[]}",
    "{\"a\":5,\"a\":{\"b\":1,\"b\":2}}",
    "{\"\\u0061\":7,\"b\\n\":1}",
    "{\"a\":1,\"\\u0061\":{\"b\":\"\\u00e9\"}}",
    " { \"a\" : [ 1 , 2 ] , \"b\" : { } } ",
    "[{\"a\":1},{\"a\":2}]",
    "[[1,2],[3]]",
    "{}",
    "[]",
    "\"a\"",
    "17",
    "",
    "{\"a\":1",
    "{\"a\":01,\"b\":2}",
    "{\"a\":1}x",
    "{\"a\":1.,\"b\":2}",
    "{\"a\":\"\xFF\"}",
    "{\"a\":12345678901234567890.12345678901234567890,\"b\":-0,\"c\":1e5,\"d\":0.5}",
    "{\"a\":\"0123456789abcdef\",\"b\":\"0123456789abcde\",\"c\":\"0123456789abcdefg\"}",
};

static const char *const paths[] = {"a",    "b",      "c",   "d",      "a.b",     "a.c[1].d",
                                    "a[0]", "a.b.c",  "[0]", "[1].a",  "[0][1]",  "[\"a\"]",
                                    "none", "a.none", "b.x", "a.c[1]", "a.c[0].d"};

/* Renders all paths, in an order that begins at `first`. */
static void render_paths(mqk_str payload, size_t first, bool remember, struct buffer *out) {
    enum { COUNT = sizeof(paths) / sizeof(paths[0]) };
    struct payload_cache cache;
    struct template *templates[COUNT];
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    event.payload = payload;
    struct render_context ctx = {.event = &event, .found = remember ? &cache : NULL};
    payload_cache_init(&cache);
    for (size_t i = 0; i < COUNT; i++) {
        const char *path = paths[(first + i) % COUNT];
        char text[60];
        snprintf(text, sizeof(text), "[${payload%s%s},\"${payload%s%s}\"]",
                 path[0] == '[' ? "" : ".", path, path[0] == '[' ? "" : ".", path);
        templates[i] = compiled(mqk_cstr(text), MQK_FORMAT_AUTO);
        mqk_str rendered;
        template_render(templates[i], &ctx, out, &rendered);
    }
    for (size_t i = 0; i < COUNT; i++) {
        template_free(templates[i]);
    }
}

static void assert_remembers(mqk_str payload) {
    for (size_t first = 0; first < sizeof(paths) / sizeof(paths[0]); first++) {
        struct buffer with, without;
        buffer_init(&with, NULL, 0);
        buffer_init(&without, NULL, 0);
        render_paths(payload, first, true, &with);
        render_paths(payload, first, false, &without);
        if (!str_equal(buffer_since(&with, 0), buffer_since(&without, 0))) {
            fail_msg("%.*s, from %s on:\n%.*s\ninstead of\n%.*s", STR_ARG(payload), paths[first],
                     STR_ARG(buffer_since(&with, 0)), STR_ARG(buffer_since(&without, 0)));
        }
        buffer_fini(&with);
        buffer_fini(&without);
    }
}

static void remembers_what_it_would_find(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        assert_remembers(mqk_cstr(payloads[i]));
    }
}

/* Around the number of members that are kept; a wanted one is the first, the last, both. */
static void remembers_of_many_members(void **state) {
    (void)state;
    for (size_t count = PAYLOAD_CACHE_MEMBERS - 2; count < PAYLOAD_CACHE_MEMBERS + 3; count++) {
        for (unsigned where = 0; where < 4; where++) {
            struct buffer text;
            buffer_init(&text, NULL, 0);
            buffer_append_str(&text, where & 1 ? STR("{\"a\":{\"b\":1}") : STR("{\"z\":0"));
            for (size_t i = 2; i < count; i++) {
                buffer_printf(&text, ",\"m%zu\":%zu", i, i);
            }
            buffer_append_str(&text, where & 2 ? STR(",\"a\":{\"b\":\"x\"}}") : STR(",\"y\":[]}"));
            assert_remembers(buffer_since(&text, 0));
            buffer_fini(&text);
        }
    }
}

/* The fast ways of writing take what room there is, and no more. */
static void renders_into_any_room(void **state) {
    (void)state;
    static const char text[] =
        "{\"a\":\"${clientid}\",\"topic of more than sixteen bytes, then its value\":\"${topic}\","
        "\"p\":\"${payload}\",\"t\":${payload.temp},\"n\":${payload.none},\"q\":${qos},"
        "\"at\":${timestamp},\"node\":\"${node}\",\"u\":\"${username}\",\"o\":${payload.o},"
        "\"s\":\"${payload.s}\",\"f\":\"${clientid | upper}\"}";
    struct template *t = compiled(mqk_cstr(text), MQK_FORMAT_AUTO);
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = {.event = &event, .node = STR("n1")};
    struct buffer whole;
    mqk_str expected;
    buffer_init(&whole, NULL, 0);
    template_render(t, &ctx, &whole, &expected);
    assert_true(expected.len > 300);
    for (size_t room = 0; room < expected.len + 1200; room++) {
        /* Memory of its own, so that what writes beyond it is found. */
        char *memory = malloc(room + 1);
        struct buffer buffer;
        mqk_str out;
        buffer_init(&buffer, memory, room);
        template_render(t, &ctx, &buffer, &out);
        assert_int_equal(buffer.failure, MQK_OK);
        assert_true(str_equal(out, expected));
        buffer_fini(&buffer);
        free(memory);
    }
    for (size_t limit = 0; limit < expected.len; limit += 7) {
        struct buffer buffer;
        mqk_str out;
        buffer_init(&buffer, NULL, 0);
        buffer.limit = limit;
        template_render(t, &ctx, &buffer, &out);
        assert_int_equal(buffer.failure, MQK_ERR_TOO_LARGE);
        buffer_fini(&buffer);
    }
    buffer_fini(&whole);
    template_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_what_it_would_find),
        cmocka_unit_test(remembers_of_many_members),
        cmocka_unit_test(renders_into_any_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
