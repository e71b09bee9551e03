/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "json_scan.h"
#include "json_write.h"
#include "utf8.h"

#define FFFD "\xEF\xBF\xBD"
#define XS   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void escapes_what_has_to_be(void **state) {
    (void)state;
    static const struct {
        mqk_str text;
        const char *escaped;
        bool replaced;
    } cases[] = {
        {{NULL, 0}, "", false},
        {{"", 0}, "", false},
        {{"plain", 5}, "plain", false},
        {{"longer than a machine word", 26}, "longer than a machine word", false},
        {{"\"", 1}, "\\\"", false},
        {{"\\", 1}, "\\\\", false},
        {{"/", 1}, "/", false},
        {{"\b\f\n\r\t", 5}, "\\b\\f\\n\\r\\t", false},
        {{"\0", 1}, "\\u0000", false},
        {{"\x01\x1F\x0B", 3}, "\\u0001\\u001f\\u000b", false},
        {{"\x7F", 1}, "\x7F", false},
        {{"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9},
         "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
         false},
        {{"\xE2\x80\xA8\xE2\x80\xA9", 6}, "\xE2\x80\xA8\xE2\x80\xA9", false},
        {{"12345678\"12345678", 17}, "12345678\\\"12345678", false},
        {{"\xFF", 1}, FFFD, true},
        {{"a\x80z", 3}, "a" FFFD "z", true},
        {{"\xE2\x82", 2}, FFFD, true},
        {{"\xE2\x82\"", 3}, FFFD "\\\"", true},
        {{"\xED\xA0\x80", 3}, FFFD FFFD FFFD, true},
        {{"\xC0\x80", 2}, FFFD FFFD, true},
        {{"\xF4\x90\x80\x80", 4}, FFFD FFFD FFFD FFFD, true},
        {{"12345678\xFF\xFF"
          "12345678",
          18},
         "12345678" FFFD FFFD "12345678",
         true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer b;
        buffer_init(&b, NULL, 0);
        assert_int_equal(json_write_escaped(&b, cases[i].text), cases[i].replaced);
        mqk_str got = buffer_since(&b, 0);
        if (!str_equal(got, mqk_cstr(cases[i].escaped))) {
            fail_msg("case %zu: %.*s instead of %s", i, STR_ARG(got), cases[i].escaped);
        }
        buffer_fini(&b);
    }
}

static void puts_quotes_around(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, NULL, 0);
    assert_false(json_write_string(&b, (mqk_str){NULL, 0}));
    assert_false(json_write_string(&b, STR("a\"b")));
    assert_true(json_write_string(&b, STR("\xFF")));
    assert_true(str_equal(buffer_since(&b, 0), STR("\"\"\"a\\\"b\"\"" FFFD "\"")));
    buffer_fini(&b);
}

static void assert_survives(mqk_str text) {
    struct buffer written;
    struct buffer read;
    buffer_init(&written, NULL, 0);
    buffer_init(&read, NULL, 0);
    bool replaced = json_write_string(&written, text);
    assert_int_equal(replaced, utf8_valid_prefix(text) < text.len);
    struct json_value value;
    assert_true(json_valid(buffer_since(&written, 0), &value));
    assert_int_equal(value.kind, JSON_STRING);
    json_append_decoded(&read, &value);
    if (!replaced) {
        assert_true(str_equal(buffer_since(&read, 0), text));
    }
    buffer_fini(&written);
    buffer_fini(&read);
}

static void any_byte_anywhere_gives_valid_json(void **state) {
    (void)state;
    char text[20];
    for (unsigned byte = 0; byte <= 0xFF; byte++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, 'x', sizeof(text));
            text[at] = (char)byte;
            assert_survives((mqk_str){text, sizeof(text)});
        }
    }
}

static void any_bytes_give_valid_json(void **state) {
    (void)state;
    static const uint8_t bytes[] = {'x',  '"',  '\\', 0,    '\n', 0x1F, 0x7F, 0x80,
                                    0xBF, 0xC2, 0xE2, 0x82, 0xAC, 0xED, 0xF0, 0xFF};
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        for (size_t i = 0; i < sizeof(text); i++) {
            random = random * 1664525 + 1013904223;
            text[i] = (char)bytes[random >> 28];
        }
        assert_survives((mqk_str){text, random >> 8 & 15});
    }
}

/* The room writes long texts piece by piece: the borders must not show. */
static void borders_inside_long_texts_do_not_show(void **state) {
    (void)state;
    static const struct {
        mqk_str piece;
        const char *escaped;
    } cases[] = {
        {{"\xF0\x90\x80\x80", 4}, "\xF0\x90\x80\x80"},
        {{"\xF0\x90\x80\x80\x80\x80\x80", 7}, "\xF0\x90\x80\x80" FFFD FFFD FFFD},
        {{"\xE2\x82\xAC\x80\x80", 5}, "\xE2\x82\xAC" FFFD FFFD},
        {{"\xF0\x90\x80\"", 4}, FFFD "\\\""},
        {{"\x80\x80\x80\x80\x80", 5}, FFFD FFFD FFFD FFFD FFFD},
        {{"\n", 1}, "\\n"},
        {{"\x1F", 1}, "\\u001f"},
    };
    char text[4096];
    char memory[700];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t width = cases[i].piece.len;
        size_t written = strlen(cases[i].escaped);
        for (size_t shift = 0; shift < 16; shift++) {
            size_t pieces = (sizeof(text) - shift) / width;
            memset(text, 'x', shift);
            for (size_t n = 0; n < pieces; n++) {
                memcpy(text + shift + n * width, cases[i].piece.data, width);
            }
            struct buffer b;
            buffer_init(&b, memory, sizeof(memory));
            json_write_escaped(&b, (mqk_str){text, shift + pieces * width});
            assert_int_equal(b.len, shift + pieces * written);
            for (size_t n = 0; n < pieces; n++) {
                assert_memory_equal(b.data + shift + n * written, cases[i].escaped, written);
            }
            buffer_fini(&b);
        }
    }
}

/* Texts of every length that end where their memory ends, with one or two specials anywhere. */
static void every_length_and_place_is_right(void **state) {
    (void)state;
    static const struct {
        mqk_str piece;
        const char *escaped;
    } cases[] = {
        {{"\"", 1}, "\\\""},
        {{"\\", 1}, "\\\\"},
        {{"\n", 1}, "\\n"},
        {{"\x01", 1}, "\\u0001"},
        {{"\xE2\x82\xAC", 3}, "\xE2\x82\xAC"},
        {{"\xFF", 1}, FFFD},
    };
    for (size_t i = 0; i < 6 * 6; i++) {
        mqk_str first = cases[i % 6].piece, second = cases[i / 6].piece;
        const char *one = cases[i % 6].escaped, *two = cases[i / 6].escaped;
        for (size_t gap = 0; gap < 70; gap++) {
            for (size_t before = 0; before < 35; before += 1 + before / 18 * 6) {
                size_t after = (gap + before) % 7 * 5;
                size_t len = before + first.len + gap + second.len + after;
                char *text = malloc(len);
                char expected[256];
                memset(text, 'x', len);
                memcpy(text + before, first.data, first.len);
                memcpy(text + before + first.len + gap, second.data, second.len);
                int wanted = snprintf(expected, sizeof(expected), "%.*s%s%.*s%s%.*s", (int)before,
                                      XS, one, (int)gap, XS, two, (int)after, XS);
                struct buffer b;
                buffer_init(&b, NULL, 0);
                json_write_escaped(&b, (mqk_str){text, len});
                assert_int_equal(b.len, wanted);
                assert_memory_equal(b.data, expected, b.len);
                buffer_fini(&b);
                free(text);
            }
        }
    }
}

static void no_control_character_is_left(void **state) {
    (void)state;
    char text[20];
    for (unsigned byte = 0; byte < 0x20; byte++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, 'x', sizeof(text));
            text[at] = (char)byte;
            struct buffer b;
            buffer_init(&b, NULL, 0);
            json_write_string(&b, (mqk_str){text, sizeof(text)});
            for (size_t i = 0; i < b.len; i++) {
                assert_true((uint8_t)b.data[i] >= 0x20);
            }
            buffer_fini(&b);
        }
    }
}

static void fills_a_buffer_to_its_limit(void **state) {
    (void)state;
    for (size_t len = 0; len < 40; len++) {
        char text[40];
        memset(text, 'x', sizeof(text));
        struct buffer b;
        buffer_init(&b, NULL, 0);
        b.limit = len;
        json_write_escaped(&b, (mqk_str){text, len});
        assert_int_equal(b.failure, MQK_OK);
        assert_int_equal(b.len, len);
        json_write_escaped(&b, STR("x"));
        assert_int_equal(b.failure, MQK_ERR_TOO_LARGE);
        buffer_fini(&b);
    }
}

static void stops_at_the_limit(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, NULL, 0);
    b.limit = 10;
    json_write_string(&b, STR("\x01\x02\x03"));
    assert_int_equal(b.failure, MQK_ERR_TOO_LARGE);
    assert_true(b.len <= 10);
    buffer_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_has_to_be),
        cmocka_unit_test(puts_quotes_around),
        cmocka_unit_test(any_byte_anywhere_gives_valid_json),
        cmocka_unit_test(any_bytes_give_valid_json),
        cmocka_unit_test(borders_inside_long_texts_do_not_show),
        cmocka_unit_test(every_length_and_place_is_right),
        cmocka_unit_test(no_control_character_is_left),
        cmocka_unit_test(fills_a_buffer_to_its_limit),
        cmocka_unit_test(stops_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
