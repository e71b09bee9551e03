/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "label_write.h"
#include "utf8.h"

#define FFFD "\xEF\xBF\xBD"

static void values_are_escaped(void **state) {
    (void)state;
    static const struct {
        mqk_str value;
        const char *written;
    } cases[] = {
        {{NULL, 0}, "x=\"\""},
        {{"", 0}, "x=\"\""},
        {{"plain", 5}, "x=\"plain\""},
        {{"\"", 1}, "x=\"\\\"\""},
        {{"\\", 1}, "x=\"\\\\\""},
        {{"\\n", 2}, "x=\"\\\\n\""},
        {{"a\nb", 3}, "x=\"a\\nb\""},
        {{"\t\r\x7F", 3}, "x=\"\t\r\x7F\""},
        {{"a\0b", 3}, "x=\"a" FFFD "b\""},
        {{"\",evil=\"", 8}, "x=\"\\\",evil=\\\"\""},
        {{"}{,= #", 6}, "x=\"}{,= #\""},
        {{"\xC3\xA9\xF0\x9F\x98\x80", 6}, "x=\"\xC3\xA9\xF0\x9F\x98\x80\""},
        {{"\xFFz", 2}, "x=\"" FFFD "z\""},
        {{"\xE2\x82", 2}, "x=\"" FFFD "\""},
        {{"\xE2\x82\"", 3}, "x=\"" FFFD "\\\"\""},
        {{"\xED\xA0\x80", 3}, "x=\"" FFFD FFFD FFFD "\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer b;
        buffer_init(&b, NULL, 0);
        label_write(&b, "x", cases[i].value);
        mqk_str got = buffer_since(&b, 0);
        if (!str_equal(got, mqk_cstr(cases[i].written))) {
            fail_msg("case %zu: %.*s instead of %s", i, STR_ARG(got), cases[i].written);
        }
        buffer_fini(&b);
    }
}

/* Whatever the bytes, the value ends where it should and is UTF-8 of one line. */
static void any_bytes_stay_inside(void **state) {
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        static const char bytes[] = {'x', '"', '\\', '\n', '\0', '\xC2', '\x80', '\xFF'};
        char text[12];
        for (size_t i = 0; i < sizeof(text); i++) {
            random = random * 1664525 + 1013904223;
            text[i] = bytes[random >> 29];
        }
        struct buffer b;
        buffer_init(&b, NULL, 0);
        label_write(&b, "n", (mqk_str){text, sizeof(text)});
        mqk_str got = buffer_since(&b, 0);
        assert_int_equal(utf8_valid_prefix(got), got.len);
        size_t at = 3;
        while (got.data[at] != '"') {
            assert_true(got.data[at] != '\n' && got.data[at] != '\0');
            at += got.data[at] == '\\' ? 2 : 1;
        }
        assert_int_equal(at, got.len - 1);
        buffer_fini(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped),
        cmocka_unit_test(any_bytes_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
