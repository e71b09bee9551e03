/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "utf8.h"

#define MAX_CODE_POINT 0x10FFFFu

static bool is_surrogate(uint32_t code_point) {
    return code_point >= 0xD800 && code_point <= 0xDFFF;
}

/* The definition by arithmetic: decode the bits, then ask whether the form is the shortest. */
static size_t reference_char_len(const uint8_t *text, size_t len) {
    static const struct {
        uint8_t mask;
        uint8_t lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t n = 1; n <= 4; n++) {
        if ((text[0] & forms[n - 1].mask) != forms[n - 1].lead || n > len) {
            continue;
        }
        uint32_t code_point = text[0] & (uint8_t)~forms[n - 1].mask;
        bool good = true;
        for (size_t i = 1; i < n; i++) {
            good = good && (text[i] & 0xC0) == 0x80;
            code_point = code_point << 6 | (text[i] & 0x3F);
        }
        if (good && code_point >= forms[n - 1].least && code_point <= MAX_CODE_POINT &&
            !is_surrogate(code_point)) {
            return n;
        }
    }
    return 0;
}

static void compare_with_reference(const uint8_t *text, size_t len) {
    size_t expected = reference_char_len(text, len);
    size_t got = utf8_char_len((const char *)text, len);
    if (got != expected) {
        fail_msg("%02x %02x %02x %02x (%zu bytes): %zu instead of %zu", text[0], text[1], text[2],
                 text[3], len, got, expected);
    }
}

static void agrees_with_the_definition_on_short_texts(void **state) {
    (void)state;
    uint8_t text[4] = {0};
    for (uint32_t word = 0; word < 0x10000; word++) {
        text[0] = (uint8_t)(word >> 8);
        text[1] = (uint8_t)word;
        compare_with_reference(text, 1);
        compare_with_reference(text, 2);
    }
}

static void agrees_with_the_definition_on_long_forms(void **state) {
    (void)state;
    static const uint8_t interesting[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                          0xA0, 0xBF, 0xC0, 0xE0, 0xF0, 0xFF};
    uint8_t text[4];
    for (uint32_t lead = 0xE0; lead <= 0xFF; lead++) {
        for (uint32_t second = 0; second <= 0xFF; second++) {
            for (size_t i = 0; i < sizeof(interesting); i++) {
                for (size_t k = 0; k < sizeof(interesting); k++) {
                    text[0] = (uint8_t)lead;
                    text[1] = (uint8_t)second;
                    text[2] = interesting[i];
                    text[3] = interesting[k];
                    for (size_t len = 1; len <= 4; len++) {
                        compare_with_reference(text, len);
                    }
                }
            }
        }
    }
}

static void encodes_every_code_point(void **state) {
    (void)state;
    for (uint32_t c = 0; c <= MAX_CODE_POINT; c++) {
        if (is_surrogate(c)) {
            continue;
        }
        char text[4];
        size_t len = utf8_encode(c, text);
        size_t expected = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        if (len != expected || utf8_char_len(text, len) != len) {
            fail_msg("U+%04X: %zu bytes", (unsigned)c, len);
        }
    }
    char euro[4];
    assert_int_equal(utf8_encode(0x20AC, euro), 3);
    assert_memory_equal(euro, "\xE2\x82\xAC", 3);
    assert_int_equal(utf8_encode(0x1F600, euro), 4);
    assert_memory_equal(euro, "\xF0\x9F\x98\x80", 4);
}

/* Writes `bytes` with a "?" for each U+FFFD that belongs there. */
static void replace(mqk_str bytes, char *out) {
    for (size_t pos = 0; pos < bytes.len;) {
        size_t len = utf8_char_len(bytes.data + pos, bytes.len - pos);
        if (len == 0) {
            *out++ = '?';
            pos += utf8_invalid_len(bytes.data + pos, bytes.len - pos);
            continue;
        }
        memcpy(out, bytes.data + pos, len);
        out += len;
        pos += len;
    }
    *out = '\0';
}

static void replaces_maximal_subparts(void **state) {
    (void)state;
    static const struct {
        mqk_str bytes;
        const char *shown;
    } cases[] = {
        /* The Unicode standard's own examples, section 3.9. */
        {{"a\xF1\x80\x80\xE1\x80\xC2"
          "b\x80"
          "c\x80\xBF"
          "d",
          13},
         "a???b?c??d"},
        {{"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"
          "A",
          9},
         "????????A"},
        {{"\xED\xA0\x80\xED\xBF\xBF\xED\xAF"
          "A",
          9},
         "????????A"},
        {{"\xF4\x91\x92\x93\xFF"
          "A\x80\xBF"
          "B",
          9},
         "?????A??B"},
        {{"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
          "A",
          9},
         "????A"},
        /* Cut off at the end. */
        {{"\xC3", 1}, "?"},
        {{"\xE2\x82", 2}, "?"},
        {{"\xF0\x9F\x98", 3}, "?"},
        {{"\xF5\x80\x80\x80", 4}, "????"},
        {{"\xFF\xFE", 2}, "??"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char shown[32];
        replace(cases[i].bytes, shown);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void finds_the_valid_prefix(void **state) {
    (void)state;
    static const struct {
        mqk_str text;
        size_t valid;
    } cases[] = {
        {{NULL, 0}, 0},
        {{"", 0}, 0},
        {{"plain", 5}, 5},
        {{"plain and longer than one word", 30}, 30},
        {{"a\0b", 3}, 3},
        {{"\xE2\x82\xAC", 3}, 3},
        {{"\xE2\x82\xAC\xE2\x82", 5}, 3},
        {{"\xF0\x9F\x98\x80", 4}, 4},
        {{"\xED\xA0\x80", 3}, 0},
        {{"1234567\xE2\x82\xAC", 10}, 10},
        {{"12345678\xFF", 9}, 8},
        {{"\xEF\xBB\xBFx", 4}, 4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(utf8_valid_prefix(cases[i].text), cases[i].valid);
    }
}

static void finds_a_bad_byte_anywhere(void **state) {
    (void)state;
    char text[64];
    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'x', sizeof(text));
        text[at] = (char)0x80;
        assert_int_equal(utf8_valid_prefix((mqk_str){text, sizeof(text)}), at);
        assert_int_equal(utf8_valid_prefix((mqk_str){text, at}), at);
    }
}

static void finds_the_end_of_mixed_text(void **state) {
    (void)state;
    /* "xx…€" moves the long character over every place in a word. */
    for (size_t ascii = 0; ascii < 24; ascii++) {
        char text[64];
        memset(text, 'x', sizeof(text));
        memcpy(text + ascii, "\xE2\x82\xAC", 3);
        assert_int_equal(utf8_valid_prefix((mqk_str){text, sizeof(text)}), sizeof(text));
        assert_int_equal(utf8_valid_prefix((mqk_str){text, ascii + 2}), ascii);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition_on_short_texts),
        cmocka_unit_test(agrees_with_the_definition_on_long_forms),
        cmocka_unit_test(encodes_every_code_point),
        cmocka_unit_test(replaces_maximal_subparts),
        cmocka_unit_test(finds_the_valid_prefix),
        cmocka_unit_test(finds_a_bad_byte_anywhere),
        cmocka_unit_test(finds_the_end_of_mixed_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
