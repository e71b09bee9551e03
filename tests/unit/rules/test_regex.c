/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "regex.h"

#define TEXT(literal)                                                                              \
    { "" literal, sizeof(literal) - 1 }

static struct regex *compiled(const char *pattern, struct regex_names *names) {
    struct regex *r = NULL;
    mqk_error err = {.column = 0};
    if (regex_compile(mqk_cstr(pattern), names, &r, &err) != MQK_OK) {
        fail_msg("%s: column %u: %s", pattern, (unsigned)err.column, err.message);
    }
    return r;
}

static enum regex_result match(const char *pattern, mqk_str subject) {
    struct regex_names names = {.count = 0};
    struct regex *r = compiled(pattern, &names);
    enum regex_result result = regex_match(r, subject, NULL);
    regex_free(r);
    return result;
}

static void matches(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        mqk_str subject;
        enum regex_result result;
    } cases[] = {
        {"", TEXT(""), REGEX_MATCH},
        {"", {NULL, 0}, REGEX_NO_MATCH},
        {"^a+$", TEXT("aaa"), REGEX_MATCH},
        {"^a+$", TEXT("aab"), REGEX_NO_MATCH},
        {"b", TEXT("abc"), REGEX_MATCH},
        {"(?i)B", TEXT("abc"), REGEX_MATCH},
        {"a.c", TEXT("a\0c"), REGEX_MATCH},
        {"\\x00", TEXT("a\0c"), REGEX_MATCH},
        /* Bytes, unless the pattern asks for UTF-8. */
        {"^..$", TEXT("\xC3\xA9"), REGEX_MATCH},
        {"^.$", TEXT("\xFF"), REGEX_MATCH},
        {"(*UTF)^.$", TEXT("\xC3\xA9"), REGEX_MATCH},
        {"(*UTF)^\\x{e9}$", TEXT("\xC3\xA9"), REGEX_MATCH},
        {"(*UTF).", TEXT("\xFF"), REGEX_NO_MATCH},
        {"(*NO_JIT)^(a|b)*c$", TEXT("ababc"), REGEX_MATCH},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (match(cases[i].pattern, cases[i].subject) != cases[i].result) {
            fail_msg("%s: case %zu", cases[i].pattern, i);
        }
    }
}

/* Longer texts are searched piece by piece: a match may begin in each of them, and at the joints.
 */
static void searches_long_texts(void **state) {
    (void)state;
    static const char *const patterns[] = {"foo", "(*NO_JIT)foo", "(*UTF)f[o]{2}$", "fo{2}(?=$)",
                                           "(?<!f)foo"};
    static const size_t places[] = {0, 1, 253, 254, 255, 256, 257, 511, 512, 513, 1000, 70000};
    enum { LEN = 70003 };
    char *text = malloc(LEN);
    for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            memset(text, 'x', LEN);
            memcpy(text + places[i], "foo", 3);
            assert_int_equal(match(patterns[p], (mqk_str){text, places[i] + 3}), REGEX_MATCH);
            assert_int_equal(match(patterns[p], (mqk_str){text, places[i] + 2}), REGEX_NO_MATCH);
        }
    }
    /* Characters that lie over a joint. */
    for (size_t i = 0; i < LEN / 3; i++) {
        memcpy(text + 3 * i, "\xE2\x82\xAC", 3);
    }
    text[LEN / 3 * 3 - 3] = 'f';
    assert_int_equal(match("(*UTF)[a-z]", (mqk_str){text, LEN / 3 * 3 - 2}), REGEX_MATCH);
    assert_int_equal(match("(*UTF)[0-9]", (mqk_str){text, LEN / 3 * 3 - 3}), REGEX_NO_MATCH);
    /* The start of the text is where it is, and nowhere else. */
    memset(text, 'x', LEN);
    memcpy(text + 256, "foo", 3);
    assert_int_equal(match("^foo", (mqk_str){text, 600}), REGEX_NO_MATCH);
    assert_int_equal(match("\\Afoo", (mqk_str){text, 600}), REGEX_NO_MATCH);
    text[255] = '\n';
    assert_int_equal(match("(?m)^foo", (mqk_str){text, 600}), REGEX_MATCH);
    free(text);
}

static void sets_named_groups(void **state) {
    (void)state;
    struct regex_names names = {.count = 0};
    struct regex *a = compiled("^(?<line>[^/]+)/(?:(?<cell>\\d+)|(?<word>[a-z]*))/", &names);
    struct regex *b = compiled("(?<line>x)|(?<other>y)", &names);
    struct regex_captures captures = {.names = &names};
    assert_int_equal(names.count, 4);
    int line = regex_name_find(&names, STR("line")), cell = regex_name_find(&names, STR("cell"));
    int word = regex_name_find(&names, STR("word")), other = regex_name_find(&names, STR("other"));
    assert_int_equal(regex_name_find(&names, STR("none")), -1);

    mqk_str subject = STR("l1/42/");
    assert_int_equal(regex_match(a, subject, &captures), REGEX_MATCH);
    assert_true(str_equal(captures.values[line], STR("l1")));
    assert_ptr_equal(captures.values[cell].data, subject.data + 3);
    assert_int_equal(captures.values[cell].len, 2);
    assert_null(captures.values[word].data);
    /* An empty group is there. */
    assert_int_equal(regex_match(a, STR("l2//"), &captures), REGEX_MATCH);
    assert_non_null(captures.values[word].data);
    assert_int_equal(captures.values[word].len, 0);
    /* What does not match changes nothing. */
    assert_int_equal(regex_match(a, STR("none"), &captures), REGEX_NO_MATCH);
    assert_true(str_equal(captures.values[line], STR("l2")));
    assert_int_equal(regex_match(b, STR("y"), &captures), REGEX_MATCH);
    assert_true(str_equal(captures.values[other], STR("y")));
    assert_true(str_equal(captures.values[line], STR("l2")));
    assert_int_equal(regex_match(b, STR("x"), &captures), REGEX_MATCH);
    assert_true(str_equal(captures.values[line], STR("x")));
    regex_free(a);
    regex_free(b);
}

static void refuses_wrong_patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        unsigned column; /* 0: somewhere */
    } cases[] = {{"a(b", 4}, {"[a", 3}, {"*a", 0}, {"(?<1>a)", 0}, {"a{2,1}", 0}, {"\\C", 0}};
    struct regex_names names = {.count = 0};
    struct regex *r = NULL;
    mqk_error err;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(regex_compile(mqk_cstr(cases[i].pattern), &names, &r, &err),
                         MQK_ERR_CONFIG);
        assert_null(r);
        if (err.column == 0 || (cases[i].column > 0 && err.column != cases[i].column)) {
            fail_msg("%s: %u: %s", cases[i].pattern, (unsigned)err.column, err.message);
        }
        assert_int_equal(strncmp(err.message, "regular expression: ", 20), 0);
    }
    char *large = malloc(REGEX_MAX_PATTERN + 1);
    memset(large, 'a', REGEX_MAX_PATTERN + 1);
    assert_int_equal(regex_compile((mqk_str){large, REGEX_MAX_PATTERN + 1}, &names, &r, &err),
                     MQK_ERR_CONFIG);
    assert_string_equal(err.message, "a regular expression is at most 65535 bytes long");
    free(large);
}

static void refuses_too_many_names(void **state) {
    (void)state;
    char pattern[40 * 12];
    size_t len = 0;
    for (unsigned i = 0; i <= REGEX_MAX_NAMES; i++) {
        len += (size_t)sprintf(pattern + len, "(?<g%u>a)", i);
    }
    struct regex_names names = {.count = 0};
    struct regex *r = NULL;
    mqk_error err;
    assert_int_equal(regex_compile(mqk_cstr(pattern), &names, &r, &err), MQK_ERR_CONFIG);
    assert_string_equal(err.message, "a rule has at most 32 named groups");
    assert_int_equal(names.count, 0);
    r = compiled("(?<a>x)", &names);
    regex_free(r);
}

/* Patterns and texts that would take ages: each ends, with no match or with a limit. */
static void ends_whatever_it_meets(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        bool limit; /* surely for the longest text */
    } cases[] = {
        {"^(a+)+$", true},
        {"^(([a-z])+.)+[A-Z]([a-z])+$", true},
        {"(*NO_JIT)^(a+)+$", true},
        {"(*NO_JIT)(a+)+[^a!]", true},
        {"^(a|aa)+$", true},
        {"^(a|a?)+$", true},
        {"(a*)*b|(a*)*c", false},
        {"^((a|b)*c|(a|b)*d)*$", false},
        {"(?:(?:(?:a*)*)*)*x", false},
        {"(*UTF)^(\\w+\\s?)*$", true},
        {"^(.*?,){20}x", false},
    };
    enum { LEN = 20000 };
    char *text = malloc(LEN);
    memset(text, 'a', LEN);
    text[LEN - 1] = '!';
    static const size_t lens[] = {40, 200, 1000, LEN};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t l = 0; l < sizeof(lens) / sizeof(lens[0]); l++) {
            mqk_str subject = {text + LEN - lens[l], lens[l]};
            enum regex_result result = match(cases[i].pattern, subject);
            if (result == REGEX_MATCH ||
                (cases[i].limit && lens[l] == 200 && result != REGEX_LIMIT)) {
                fail_msg("%s with %zu: %d", cases[i].pattern, lens[l], (int)result);
            }
        }
    }
    free(text);
}

/* What PCRE2 was allowed; the linker puts these before its functions. */
static struct {
    uint32_t limit;
    size_t offset_limit;
    uint64_t most; /* steps that one call could take */
    unsigned calls;
} allowed;

int __real_pcre2_set_match_limit_8(pcre2_match_context *context, uint32_t limit);
int __wrap_pcre2_set_match_limit_8(pcre2_match_context *context, uint32_t limit);
int __wrap_pcre2_set_match_limit_8(pcre2_match_context *context, uint32_t limit) {
    allowed.limit = limit;
    return __real_pcre2_set_match_limit_8(context, limit);
}

int __real_pcre2_set_offset_limit_8(pcre2_match_context *context, size_t limit);
int __wrap_pcre2_set_offset_limit_8(pcre2_match_context *context, size_t limit);
int __wrap_pcre2_set_offset_limit_8(pcre2_match_context *context, size_t limit) {
    allowed.offset_limit = limit;
    return __real_pcre2_set_offset_limit_8(context, limit);
}

int __real_pcre2_match_8(const pcre2_code *code, PCRE2_SPTR text, size_t len, size_t from,
                         uint32_t options, pcre2_match_data *data, pcre2_match_context *context);
int __wrap_pcre2_match_8(const pcre2_code *code, PCRE2_SPTR text, size_t len, size_t from,
                         uint32_t options, pcre2_match_data *data, pcre2_match_context *context);
int __wrap_pcre2_match_8(const pcre2_code *code, PCRE2_SPTR text, size_t len, size_t from,
                         uint32_t options, pcre2_match_data *data, pcre2_match_context *context) {
    size_t last = allowed.offset_limit < len ? allowed.offset_limit : len;
    uint64_t steps = (uint64_t)allowed.limit * (last - from + 1);
    allowed.most = steps > allowed.most ? steps : allowed.most;
    allowed.calls++;
    return __real_pcre2_match_8(code, text, len, from, options, data, context);
}

/* However long the text, PCRE2 is never allowed more steps before the clock is looked at. */
static void long_texts_get_no_more_steps(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        bool limit; /* surely for the longest text */
    } cases[] = {
        {"(*NO_JIT)foo", false},        {"foo", false},
        {"(*NO_JIT)[ab].*?[xy]", true}, {"(*NO_JIT)^[ab].*?[xy]", true},
        {"(*NO_JIT)^(a+)+$", true},     {"(*NO_JIT)(?:a|b)*[cd]", true},
        {"(*NO_JIT)(a+)+[^a!]", true},  {"^(a+)+$", true},
    };
    enum { LEN = 1 << 20 };
    char *text = malloc(LEN);
    memset(text, 'a', LEN);
    text[LEN - 1] = '!';
    static const size_t lens[] = {1, 100, 256, 257, 10000, 400000, LEN};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool jit = cases[i].pattern[0] != '(' || cases[i].pattern[1] != '*';
        enum regex_result result = REGEX_NO_MATCH;
        for (size_t l = 0; l < sizeof(lens) / sizeof(lens[0]); l++) {
            memset(&allowed, 0, sizeof(allowed));
            result = match(cases[i].pattern, (mqk_str){text + LEN - lens[l], lens[l]});
            assert_true(allowed.calls > 0);
            assert_true(allowed.most <= (jit ? 10 : 1) * (uint64_t)REGEX_STEPS);
        }
        if (result == REGEX_MATCH || (cases[i].limit && result != REGEX_LIMIT)) {
            fail_msg("%s: %d", cases[i].pattern, (int)result);
        }
    }
    free(text);
}

#define THREADS 24
#define ROUNDS  2000

static void *match_often(void *regex) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        char text[32];
        struct regex_names names = {{{"n", 1}}, 1};
        struct regex_captures captures = {.names = &names};
        int len = snprintf(text, sizeof(text), "item/%u/", i);
        if (regex_match(regex, (mqk_str){text, (size_t)len}, &captures) != REGEX_MATCH ||
            captures.values[0].len != (size_t)len - 6) {
            return regex;
        }
    }
    return NULL;
}

/* More threads than a pattern keeps memory for. */
static void serves_many_threads(void **state) {
    (void)state;
    struct regex_names names = {.count = 0};
    struct regex *r = compiled("^item/(?<n>[0-9]+)/", &names);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, match_often, r), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    regex_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(searches_long_texts),
        cmocka_unit_test(sets_named_groups),
        cmocka_unit_test(refuses_wrong_patterns),
        cmocka_unit_test(refuses_too_many_names),
        cmocka_unit_test(ends_whatever_it_meets),
        cmocka_unit_test(long_texts_get_no_more_steps),
        cmocka_unit_test(serves_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
