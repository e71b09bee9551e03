/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "error.h"
#include "utf8.h"

#define ELLIPSIS "\xE2\x80\xA6"

static void fills_the_error_and_returns_its_code(void **state) {
    (void)state;
    mqk_error err;
    memset(&err, 0xAA, sizeof(err));
    assert_int_equal(error_set(&err, MQK_ERR_CONFIG, 14, 12, "%s: %d", "hook", 2), MQK_ERR_CONFIG);
    assert_int_equal(err.code, MQK_ERR_CONFIG);
    assert_int_equal(err.line, 14);
    assert_int_equal(err.column, 12);
    assert_string_equal(err.message, "hook: 2");
    assert_int_equal(error_set(NULL, MQK_ERR_IO, 0, 0, "%s", "nobody listens"), MQK_ERR_IO);
}

static void wraps_its_own_message(void **state) {
    (void)state;
    mqk_error err;
    error_set(&err, MQK_ERR_TEMPLATE, 0, 3, "%s", "unknown field");
    error_set(&err, err.code, 7, err.column, "hook[2].key: %s", err.message);
    assert_string_equal(err.message, "hook[2].key: unknown field");
    assert_int_equal(err.column, 3);
}

static void keeps_a_message_that_just_fits(void **state) {
    (void)state;
    char text[sizeof(((mqk_error *)NULL)->message)];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    mqk_error err;
    error_set(&err, MQK_ERR_IO, 0, 0, "%s", text);
    assert_string_equal(err.message, text);
}

static void cuts_long_messages_at_a_character(void **state) {
    (void)state;
    static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    mqk_error err;
    for (size_t i = 0; i < 4; i++) {
        size_t width = strlen(characters[i]);
        for (size_t shift = 0; shift < 4; shift++) {
            char text[3000];
            size_t len = shift;
            memset(text, '-', len);
            while (len < 2000) {
                memcpy(text + len, characters[i], width);
                len += width;
            }
            text[len] = '\0';
            error_set(&err, MQK_ERR_IO, 0, 0, "%s", text);
            size_t got = strlen(err.message);
            assert_true(got > sizeof(err.message) - 8);
            assert_string_equal(err.message + got - 3, ELLIPSIS);
            assert_memory_equal(err.message, text, got - 3);
            assert_int_equal(utf8_valid_prefix(mqk_cstr(err.message)), got);
        }
    }
}

static void finds_the_nearest_word(void **state) {
    (void)state;
    static const char *const words[] = {"clientid", "username", "topic",       "qos", "",
                                        "retain",   "id",       "receive_max", "key", NULL};
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        {"clintid", "clientid"},        /* a letter is missing */
        {"clientiid", "clientid"},      /* one too many */
        {"clienttd", "clientid"},       /* a wrong one */
        {"cleintid", "clientid"},       /* two swapped */
        {"clientId", "clientid"},       /* another case */
        {"CLIENTID", "clientid"},       /* another case */
        {"topc", "topic"},              /* 4 bytes: distance 1 */
        {"tpc", NULL},                  /* 3 bytes: distance 2 is too far */
        {"tpoci", "topic"},             /* 5 bytes: distance 2 */
        {"xxpic", "topic"},             /* 5 bytes: distance 2 */
        {"xxxic", NULL},                /* 5 bytes: distance 3 is too far */
        {"receivemaxx", "receive_max"}, /* 11 bytes: distance 2 */
        {"recievemaxx", "receive_max"}, /* 11 bytes: distance 3 */
        {"recievmaxxx", NULL},          /* distance 5 */
        {"qso", "qos"},
        {"kay", "key"},
        {"x", NULL},
        {"", NULL},
        {"payload", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *nearest = error_nearest(mqk_cstr(cases[i].word), words);
        if (nearest != cases[i].nearest &&
            (!nearest || !cases[i].nearest || strcmp(nearest, cases[i].nearest) != 0)) {
            fail_msg("\"%s\": %s", cases[i].word, nearest ? nearest : "none");
        }
    }
}

static void prefers_the_nearest_of_several(void **state) {
    (void)state;
    static const char *const words[] = {"created_at", "connected_at", "disconnected_at", NULL};
    assert_string_equal(error_nearest(STR("conected_at"), words), "connected_at");
    assert_string_equal(error_nearest(STR("disconnectedat"), words), "disconnected_at");
    static const char *const twins[] = {"aaaab", "aaaac", NULL};
    assert_string_equal(error_nearest(STR("aaaaa"), twins), "aaaab");
    static const char *const none[] = {NULL};
    assert_null(error_nearest(STR("clientid"), none));
}

static void long_words_have_no_neighbours(void **state) {
    (void)state;
    char longest[65];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    const char *words[] = {longest, NULL};
    char word[66];
    memset(word, 'a', sizeof(word));
    word[0] = 'b';
    assert_ptr_equal(error_nearest((mqk_str){word, 64}, words), longest);
    assert_null(error_nearest((mqk_str){word, 65}, words));
    word[0] = 'a';
    char too_long[66];
    memset(too_long, 'a', 65);
    too_long[65] = '\0';
    words[0] = too_long;
    assert_null(error_nearest((mqk_str){word, 64}, words));
}

static void hints(void **state) {
    (void)state;
    static const char *const words[] = {"clientid", "topic", NULL};
    char hint[ERROR_HINT_SIZE];
    assert_string_equal(error_hint(STR("clintid"), words, hint), ", did you mean \"clientid\"?");
    assert_string_equal(error_hint(STR("payload"), words, hint), "");
    assert_ptr_equal(error_hint(STR("topic"), words, hint), hint);
}

static void hints_with_the_longest_word(void **state) {
    (void)state;
    char longest[65];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    const char *const words[] = {longest, NULL};
    char hint[ERROR_HINT_SIZE];
    error_hint(mqk_cstr(longest), words, hint);
    assert_int_equal(strlen(hint), 64 + strlen(", did you mean \"\"?"));
}

static void quotes_what_a_user_wrote(void **state) {
    (void)state;
#define TEN   "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
    static const struct {
        mqk_str text;
        const char *shown;
    } cases[] = {
        {{NULL, 0}, ""},
        {{"", 0}, ""},
        {{"plain", 5}, "plain"},
        {{"a\nb\tc\x1B[31m", 10}, "a\\x0ab\\x09c\\x1b[31m"},
        {{"a\0b", 3}, "a\\x00b"},
        {{"\x7F", 1}, "\\x7f"},
        {{"\xC2\x9B", 2}, "\\xc2\\x9b"},       /* a C1 control character */
        {{"\xC2\xA0", 2}, "\xC2\xA0"},         /* the first that is none */
        {{"\xE2\x82\xAC", 3}, "\xE2\x82\xAC"}, /* € */
        {{"\xE2\x82", 2}, "\\xe2\\x82"},       /* half of it */
        {{"\xFFx", 2}, "\\xffx"},
        {{FIFTY TEN, 60}, FIFTY TEN},
        {{FIFTY TEN "x", 61}, FIFTY TEN ELLIPSIS},
        {{FIFTY "01234567\xE2\x82\xAC", 61}, FIFTY "01234567" ELLIPSIS},
        {{FIFTY "0123456\xE2\x82\xAC", 60}, FIFTY "0123456\xE2\x82\xAC"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char shown[ERROR_QUOTE_SIZE];
        assert_ptr_equal(error_quote(cases[i].text, shown), shown);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void quotes_the_worst_within_its_size(void **state) {
    (void)state;
    char bytes[200];
    memset(bytes, 0xFF, sizeof(bytes));
    char shown[ERROR_QUOTE_SIZE];
    error_quote((mqk_str){bytes, sizeof(bytes)}, shown);
    assert_int_equal(strlen(shown), 60 * 4 + 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_the_error_and_returns_its_code),
        cmocka_unit_test(wraps_its_own_message),
        cmocka_unit_test(keeps_a_message_that_just_fits),
        cmocka_unit_test(cuts_long_messages_at_a_character),
        cmocka_unit_test(finds_the_nearest_word),
        cmocka_unit_test(prefers_the_nearest_of_several),
        cmocka_unit_test(long_words_have_no_neighbours),
        cmocka_unit_test(hints),
        cmocka_unit_test(hints_with_the_longest_word),
        cmocka_unit_test(quotes_what_a_user_wrote),
        cmocka_unit_test(quotes_the_worst_within_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
