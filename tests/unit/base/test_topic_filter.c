/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "topic_filter.h"

#define EMPTY      "must not be empty"
#define LONG       "must not be longer than 65535 bytes"
#define HAS_NUL    "must not contain a NUL character"
#define NOT_UTF8   "must be valid UTF-8"
#define PLUS_ALONE "\"+\" must be a whole level, as in \"a/+/b\""
#define HASH_ALONE "\"#\" must be a whole level, as in \"a/#\""
#define HASH_LAST  "\"#\" must be the last level"
#define WILDCARD   "must not contain a wildcard (\"+\" or \"#\")"

static void assert_same_sentence(mqk_str text, const char *got, const char *expected) {
    if (got != expected && (!got || !expected || strcmp(got, expected) != 0)) {
        fail_msg("\"%.*s\": %s instead of %s", STR_ARG(text), got ? got : "legal",
                 expected ? expected : "legal");
    }
}

static void checks_filters(void **state) {
    (void)state;
    static const struct {
        mqk_str filter;
        const char *wrong;
        size_t at;
    } cases[] = {
        {{"a", 1}, NULL, 0},
        {{"#", 1}, NULL, 0},
        {{"+", 1}, NULL, 0},
        {{"/", 1}, NULL, 0},
        {{"//", 2}, NULL, 0},
        {{"+/+", 3}, NULL, 0},
        {{"/+", 2}, NULL, 0},
        {{"+/", 2}, NULL, 0},
        {{"/#", 2}, NULL, 0},
        {{"sport/+/player1/#", 17}, NULL, 0},
        {{"+/tennis/#", 10}, NULL, 0},
        {{"$SYS/#", 6}, NULL, 0},
        {{"$share/group/a/#", 16}, NULL, 0},
        {{"a b/\xC3\xA9", 6}, NULL, 0},
        {{"a\x01", 2}, NULL, 0},
        {{NULL, 0}, EMPTY, 0},
        {{"", 0}, EMPTY, 0},
        {{"a\0b", 3}, HAS_NUL, 1},
        {{"\0", 1}, HAS_NUL, 0},
        {{"ab\xFF", 3}, NOT_UTF8, 2},
        {{"a/\xED\xA0\x80", 5}, NOT_UTF8, 2},
        {{"\xFF\0", 2}, NOT_UTF8, 0},
        {{"sport+", 6}, PLUS_ALONE, 5},
        {{"a/+b/c", 6}, PLUS_ALONE, 2},
        {{"a/b+/c", 6}, PLUS_ALONE, 3},
        {{"++", 2}, PLUS_ALONE, 0},
        {{"+#", 2}, PLUS_ALONE, 0},
        {{"sport/tennis#", 13}, HASH_ALONE, 12},
        {{"a/#b", 4}, HASH_ALONE, 2},
        {{"##", 2}, HASH_ALONE, 0},
        {{"sport/tennis/#/ranking", 22}, HASH_LAST, 13},
        {{"#/", 2}, HASH_LAST, 0},
        {{"#/#", 3}, HASH_LAST, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t at = 0;
        assert_same_sentence(cases[i].filter, topic_filter_check(cases[i].filter, &at),
                             cases[i].wrong);
        assert_int_equal(at, cases[i].at);
        assert_same_sentence(cases[i].filter, topic_filter_check(cases[i].filter, NULL),
                             cases[i].wrong);
    }
}

static void checks_names(void **state) {
    (void)state;
    static const struct {
        mqk_str topic;
        const char *wrong;
    } cases[] = {
        {{"a", 1}, NULL},
        {{"/", 1}, NULL},
        {{"a//b", 4}, NULL},
        {{"$SYS/broker", 11}, NULL},
        {{" ", 1}, NULL},
        {{NULL, 0}, EMPTY},
        {{"", 0}, EMPTY},
        {{"a\0", 2}, HAS_NUL},
        {{"\xC0\x80", 2}, NOT_UTF8},
        {{"a/+", 3}, WILDCARD},
        {{"a/#", 3}, WILDCARD},
        {{"a+b", 3}, WILDCARD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_same_sentence(cases[i].topic, topic_name_check(cases[i].topic), cases[i].wrong);
    }
}

static void accepts_up_to_65535_bytes(void **state) {
    (void)state;
    size_t size = 65536;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    size_t at = 0;
    assert_null(topic_filter_check((mqk_str){text, size - 1}, NULL));
    assert_null(topic_name_check((mqk_str){text, size - 1}));
    assert_string_equal(topic_filter_check((mqk_str){text, size}, &at), LONG);
    assert_int_equal(at, 65535);
    assert_string_equal(topic_name_check((mqk_str){text, size}), LONG);
    memset(text, '/', size);
    assert_true(topic_filter_matches((mqk_str){text, size - 1}, (mqk_str){text, size - 1}));
    assert_false(topic_filter_matches((mqk_str){text, size - 1}, (mqk_str){text, size - 2}));
    free(text);
}

static void matches_as_the_specification_says(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        const char *topic;
        bool matches;
    } cases[] = {
        /* MQTT 5, 4.7.1.2 */
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/tennis/player1/#", "sport/tennis/player2", false},
        {"sport/tennis/player1/#", "sport/tennis/player11", false},
        {"sport/#", "sport", true},
        {"sport/#", "sport/", true},
        {"sport/#", "sports", false},
        {"#", "a", true},
        {"#", "/", true},
        {"#", "a/b/c", true},
        /* 4.7.1.3 */
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player2", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+", "a", true},
        {"+", "a/", false},
        {"+/tennis/#", "sport/tennis", true},
        {"+/tennis/#", "/tennis/x", true},
        {"sport/+/player1", "sport/tennis/player1", true},
        {"sport/+/player1", "sport//player1", true},
        {"/finance", "/finance", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        /* 4.7.2 */
        {"#", "$SYS/broker", false},
        {"+/monitor/Clients", "$SYS/monitor/Clients", false},
        {"+/#", "$SYS/x", false},
        {"$SYS/#", "$SYS/", true},
        {"$SYS/#", "$SYS", true},
        {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"#", "$x", false},
        {"+", "$x", false},
        {"$x", "$x", true},
        {"a/#", "a/$x", true},
        {"a/+", "a/$x", true},
        {"$/+", "$/a", true},
        /* 4.7.3 */
        {"ACCOUNTS", "Accounts", false},
        {"Accounts payable", "Accounts payable", true},
        {"/finance", "finance", false},
        {"finance", "finance/", false},
        {"finance/", "finance", false},
        {"a//b", "a/b", false},
        {"a//b", "a//b", true},
        {"a/+/b", "a//b", true},
        {"//", "//", true},
        {"+/+/+", "//", true},
        {"+/+", "//", false},
        {"#", "//", true},
        /* `$share` means nothing here. */
        {"$share/g/a", "a", false},
        {"$share/g/a", "$share/g/a", true},
        {"$share/+/a", "$share/g/a", true},
        /* Topics that are none. */
        {"#", "", false},
        {"+", "", false},
        {"a/+", "a/+", false},
        {"#", "a/#", false},
        {"a/#", "a/b/+/c", false},
        {"+", "+", false},
        {"#", "#", false},
        {"", "a", false},
        {"", "", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (topic_filter_matches(mqk_cstr(cases[i].filter), mqk_cstr(cases[i].topic)) !=
            cases[i].matches) {
            fail_msg("\"%s\" and \"%s\"", cases[i].filter, cases[i].topic);
        }
    }
}

static void takes_topics_of_any_bytes(void **state) {
    (void)state;
    assert_true(topic_filter_matches(STR("a/+/c"), (mqk_str){"a/\xFF\0/c", 6}));
    assert_false(topic_filter_matches(STR("a"), (mqk_str){"a\0", 2}));
    assert_false(topic_filter_matches(STR("#"), (mqk_str){NULL, 0}));
}

static void captures_what_wildcards_stand_for(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        const char *topic;
        unsigned n;
        const char *captured; /* NULL: nothing */
        bool subscription;
    } cases[] = {
        {"factory/+/line/+/#", "factory/a/line/3/temp/max", 1, "a", false},
        {"factory/+/line/+/#", "factory/a/line/3/temp/max", 2, "3", false},
        {"factory/+/line/+/#", "factory/a/line/3/temp/max", 3, "temp/max", false},
        {"factory/+/line/+/#", "factory/a/line/3/temp/max", 4, NULL, false},
        {"factory/+/line/+/#", "factory/a/line/3/temp/max", 0, NULL, false},
        {"factory/+/line/+/#", "factory/a/line/3", 3, "", false},
        {"factory/+/line/+/#", "factory/a/line/3/", 3, "", false},
        {"factory/+/line/+/#", "factory/a/line/3//", 3, "/", false},
        {"factory/+/line/+/#", "factory//line/", 1, "", false},
        {"factory/+/line/+/#", "factory//line/", 2, "", false},
        {"#", "a/b", 1, "a/b", false},
        {"+", "a", 1, "a", false},
        {"+/b", "a/c", 1, NULL, false},
        {"#", "$SYS/x", 1, NULL, false},
        {"$SYS/#", "$SYS/x", 1, "x", false},
        {"a/b", "a/b", 1, NULL, false},
        {"a/+", "a/+", 1, NULL, false},
        {"a/+", "a/+", 1, "+", true},
        {"a/+", "a/#", 1, "#", true},
        {"a/#", "a/+/b/#", 1, "+/b/#", true},
        {"a/+/c", "a/+/d", 1, NULL, true},
        {"#", "$SYS/#", 1, NULL, true},
        {"$share/+/#", "$share/g/+/x", 2, "+/x", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_str out = STR("untouched");
        bool captured = topic_filter_capture(mqk_cstr(cases[i].filter), mqk_cstr(cases[i].topic),
                                             cases[i].subscription, cases[i].n, &out);
        const char *expected = cases[i].captured ? cases[i].captured : "untouched";
        if (captured != (cases[i].captured != NULL) || !str_equal(out, mqk_cstr(expected)) ||
            !out.data) {
            fail_msg("\"%s\", \"%s\", %u: \"%.*s\"", cases[i].filter, cases[i].topic, cases[i].n,
                     STR_ARG(out));
        }
    }
}

static void counts_wildcards(void **state) {
    (void)state;
    assert_int_equal(topic_filter_wildcards(STR("a/b")), 0);
    assert_int_equal(topic_filter_wildcards(STR("+")), 1);
    assert_int_equal(topic_filter_wildcards(STR("#")), 1);
    assert_int_equal(topic_filter_wildcards(STR("+/a/+/#")), 3);
    assert_int_equal(topic_filter_wildcards((mqk_str){NULL, 0}), 0);
}

static void walks_over_levels(void **state) {
    (void)state;
    static const struct {
        const char *topic;
        const char *levels; /* each in brackets */
    } cases[] = {
        {"a", "[a]"}, {"a//b", "[a][][b]"}, {"a/", "[a][]"}, {"/", "[][]"}, {"", "[]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char levels[32] = "";
        mqk_str level;
        for (size_t pos = 0; topic_next_level(mqk_cstr(cases[i].topic), &pos, &level);) {
            strcat(levels, "[");
            strncat(levels, level.data, level.len);
            strcat(levels, "]");
        }
        assert_string_equal(levels, cases[i].levels);
    }
}

/* ---- The rules once more, as naively as they can be written: recursion over NUL-terminated text.
 */

static const char *level_end(const char *level) {
    const char *slash = strchr(level, '/');
    return slash ? slash : level + strlen(level);
}

/* `topic` is NULL when it has no level left. */
static bool naive_levels(const char *filter, const char *topic) {
    if (!filter) {
        return !topic;
    }
    if (strcmp(filter, "#") == 0) {
        return true;
    }
    if (!topic) {
        return false;
    }
    const char *filter_end = level_end(filter);
    const char *topic_end = level_end(topic);
    size_t len = (size_t)(filter_end - filter);
    bool same = len == (size_t)(topic_end - topic) && strncmp(filter, topic, len) == 0;
    bool any = len == 1 && *filter == '+';
    return (same || any) &&
           naive_levels(*filter_end ? filter_end + 1 : NULL, *topic_end ? topic_end + 1 : NULL);
}

static bool naive_matches(const char *filter, const char *topic) {
    bool reserved = topic[0] == '$' && strchr("+#", filter[0]);
    return !reserved && topic[0] && naive_levels(filter, topic);
}

static bool naive_legal(const char *filter) {
    for (size_t i = 0; filter[i]; i++) {
        bool begins = i == 0 || filter[i - 1] == '/';
        bool ends = filter[i + 1] == '\0' || filter[i + 1] == '/';
        if ((filter[i] == '+' && !(begins && ends)) ||
            (filter[i] == '#' && !(begins && filter[i + 1] == '\0'))) {
            return false;
        }
    }
    return filter[0] != '\0';
}

/* Writes the number-th text over an alphabet (shorter texts first); false when it would be longer
 * than `max_len`. */
static bool nth_text(unsigned number, const char *alphabet, size_t max_len, char *out) {
    unsigned letters = (unsigned)strlen(alphabet);
    size_t len = 0;
    for (; number > 0; number = (number - 1) / letters) {
        if (len == max_len) {
            return false;
        }
        out[len++] = alphabet[(number - 1) % letters];
    }
    out[len] = '\0';
    return true;
}

static void agrees_with_the_naive_rules_on_all_short_texts(void **state) {
    (void)state;
    char filter[8];
    char topic[8];
    size_t matches = 0;
    for (unsigned f = 0; nth_text(f, "a/+#$", 5, filter); f++) {
        bool legal = topic_filter_check(mqk_cstr(filter), NULL) == NULL;
        if (legal != naive_legal(filter)) {
            fail_msg("\"%s\" is %slegal", filter, legal ? "" : "not ");
        }
        for (unsigned t = 0; legal && nth_text(t, "/a$", 6, topic); t++) {
            bool got = topic_filter_matches(mqk_cstr(filter), mqk_cstr(topic));
            if (got != naive_matches(filter, topic)) {
                fail_msg("\"%s\" and \"%s\": %d", filter, topic, got);
            }
            matches += got;
        }
    }
    assert_true(matches > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_filters),
        cmocka_unit_test(checks_names),
        cmocka_unit_test(accepts_up_to_65535_bytes),
        cmocka_unit_test(matches_as_the_specification_says),
        cmocka_unit_test(takes_topics_of_any_bytes),
        cmocka_unit_test(captures_what_wildcards_stand_for),
        cmocka_unit_test(counts_wildcards),
        cmocka_unit_test(walks_over_levels),
        cmocka_unit_test(agrees_with_the_naive_rules_on_all_short_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
