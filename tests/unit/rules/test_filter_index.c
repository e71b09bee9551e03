/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "filter_index.h"
#include "topic_filter.h"

#define ROOM 64u

static struct filter_index *index_of(const char *const *filters, size_t count) {
    struct filter_index *index = filter_index_new();
    assert_non_null(index);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(filter_index_add(index, mqk_cstr(filters[i]), i));
    }
    assert_true(filter_index_finish(index));
    return index;
}

/* The rules that match, as a bit set; each must have been given once. */
static uint64_t matches(const struct filter_index *index, mqk_str topic) {
    uint32_t rules[ROOM];
    uint64_t set = 0;
    size_t count = filter_index_match(index, topic, rules, ROOM);
    assert_true(count <= ROOM);
    for (size_t i = 0; i < count; i++) {
        assert_true(rules[i] < 64);
        assert_int_equal(set >> rules[i] & 1, 0);
        set |= UINT64_C(1) << rules[i];
    }
    return set;
}

static void matches_what_the_filters_say(void **state) {
    (void)state;
    static const char *const filters[] = {
        "#",       "+",      "a",       "a/#",  "a/+",   "a/b",    "+/b",    "+/+",
        "a/b/c",   "a/+/c",  "/a",      "a/",   "/",     "+/",     "/+",     "//",
        "a//",     "$SYS/#", "$SYS/+",  "+/x",  "a/b/#", "+/+/#",  "$SYS/x", "/#",
        "a/b/c/#", "a/+/#",  "+/b/+/#", "aa/b", "A/b",   "$x/+/#",
    };
    static const char *const topics[] = {
        "a",    "a/b", "a/b/c", "a/b/c/d", "b",      "b/b",      "/",    "//",  "/a",
        "a/",   "a//", "/a/",   "$SYS",    "$SYS/x", "$SYS/x/y", "$x/x", "$",   "A/b",
        "aa/b", "a/x", "x/x",   "a/bb",    "",       "a/b/",     "///",  "$x/", "zzz/zzz/zzz",
    };
    const size_t count = sizeof(filters) / sizeof(filters[0]);
    struct filter_index *index = index_of(filters, count);
    for (size_t t = 0; t < sizeof(topics) / sizeof(topics[0]); t++) {
        uint64_t expected = 0;
        for (size_t f = 0; f < count; f++) {
            bool match = topic_filter_matches(mqk_cstr(filters[f]), mqk_cstr(topics[t]));
            expected |= (uint64_t)match << f;
        }
        if (matches(index, mqk_cstr(topics[t])) != expected) {
            fail_msg("\"%s\": %llx instead of %llx", topics[t],
                     (unsigned long long)matches(index, mqk_cstr(topics[t])),
                     (unsigned long long)expected);
        }
    }
    filter_index_free(index);
}

/* Subscription events: the subscribed filter's text is compared as if it were a topic. */
static void compares_subscriptions_as_text(void **state) {
    (void)state;
    static const char *const filters[] = {"a/+", "a/#", "#", "+/+", "a/b", "$SYS/#"};
    static const struct {
        const char *subscription;
        uint64_t expected;
    } cases[] = {{"a/+", 0xf}, {"a/#", 0xf}, {"#", 0x4}, {"+/+", 0xc}, {"$SYS/#", 0x20}};
    struct filter_index *index = index_of(filters, 6);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(matches(index, mqk_cstr(cases[i].subscription)), cases[i].expected);
    }
    filter_index_free(index);
}

static uint64_t random_next(uint64_t *random) {
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

/* A path of up to five levels out of a few words, so that there are many meetings. */
static size_t random_path(uint64_t *random, bool filter, char *out) {
    static const char *const words[] = {"a", "b", "ab", "", "level-of-12-b", "$SYS"};
    size_t levels = 1 + random_next(random) % 5, len = 0;
    for (size_t i = 0; i < levels; i++) {
        if (i > 0) {
            out[len++] = '/';
        }
        const char *word = words[random_next(random) % (i == 0 ? 6 : 5)];
        if (filter && random_next(random) % 3 == 0) {
            word = "+";
        }
        if (filter && i + 1 == levels && random_next(random) % 4 == 0) {
            word = "#";
        }
        memcpy(out + len, word, strlen(word));
        len += strlen(word);
    }
    return len;
}

static void agrees_with_single_filters(void **state) {
    (void)state;
    uint64_t random = 7;
    for (int round = 0; round < 300; round++) {
        char texts[40][128];
        mqk_str filters[40];
        struct filter_index *index = filter_index_new();
        assert_non_null(index);
        for (uint32_t i = 0; i < 40; i++) {
            do {
                filters[i] = (mqk_str){texts[i], random_path(&random, true, texts[i])};
            } while (topic_filter_check(filters[i], NULL));
            assert_true(filter_index_add(index, filters[i], i));
        }
        assert_true(filter_index_finish(index));
        assert_int_equal(filter_index_count(index), 40);
        for (int t = 0; t < 60; t++) {
            char text[128];
            mqk_str topic = {text, random_path(&random, false, text)};
            uint64_t expected = 0;
            for (uint32_t i = 0; i < 40; i++) {
                expected |= (uint64_t)topic_filter_matches(filters[i], topic) << i;
            }
            assert_int_equal(matches(index, topic), expected);
        }
        filter_index_free(index);
    }
}

static void says_how_many_there_are_beyond_the_room(void **state) {
    (void)state;
    struct filter_index *index = filter_index_new();
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(filter_index_add(index, i % 2 ? STR("a/#") : STR("a/+"), i));
    }
    assert_true(filter_index_finish(index));
    uint32_t rules[1001];
    rules[3] = 4711;
    assert_int_equal(filter_index_match(index, STR("a/b"), rules, 3), 1000);
    assert_int_equal(rules[3], 4711);
    assert_int_equal(filter_index_match(index, STR("a/b"), NULL, 0), 1000);
    assert_int_equal(filter_index_match(index, STR("a/b"), rules, 1001), 1000);
    uint64_t sum = 0;
    for (int i = 0; i < 1000; i++) {
        sum += rules[i];
    }
    assert_int_equal(sum, 999 * 1000 / 2);
    filter_index_free(index);
}

static void gives_a_rule_once_for_each_filter(void **state) {
    (void)state;
    struct filter_index *index = filter_index_new();
    assert_true(filter_index_add(index, STR("a/#"), 5));
    assert_true(filter_index_add(index, STR("a/+"), 5));
    assert_true(filter_index_add(index, STR("a/+"), 5));
    assert_true(filter_index_finish(index));
    uint32_t rules[8];
    assert_int_equal(filter_index_match(index, STR("a/b"), rules, 8), 3);
    assert_int_equal(filter_index_match(index, STR("a"), rules, 8), 1);
    filter_index_free(index);
}

static void an_empty_index_matches_nothing(void **state) {
    (void)state;
    struct filter_index *index = filter_index_new();
    assert_true(filter_index_finish(index));
    assert_int_equal(filter_index_match(index, STR("a"), NULL, 0), 0);
    assert_int_equal(filter_index_match(index, STR(""), NULL, 0), 0);
    assert_int_equal(filter_index_count(index), 0);
    filter_index_free(index);
    filter_index_free(NULL);
}

/* "x/x/…/x" of so many levels, with a last level of its own. */
static mqk_str deep_path(unsigned levels, const char *last) {
    char *text = malloc((size_t)levels * 2 + 8);
    assert_non_null(text);
    size_t len = 0;
    for (unsigned i = 1; i < levels; i++) {
        text[len++] = 'x';
        text[len++] = '/';
    }
    memcpy(text + len, last, strlen(last));
    return (mqk_str){text, len + strlen(last)};
}

static void any_depth_is_right(void **state) {
    (void)state;
    static const unsigned depths[] = {1, 2, 126, 127, 128, 129, 130, 131, 1000, 32768};
    static const char *const lasts[] = {"x", "+", "#"};
    struct filter_index *index = filter_index_new();
    mqk_str filters[30];
    uint32_t count = 0;
    for (size_t d = 0; d < 10; d++) {
        for (size_t l = 0; l < 3; l++, count++) {
            filters[count] = deep_path(depths[d], lasts[l]);
            assert_true(filter_index_add(index, filters[count], count));
        }
    }
    assert_true(filter_index_finish(index));
    for (unsigned levels = 1; levels < 32768; levels = levels < 140 ? levels + 1 : levels * 2) {
        mqk_str topic = deep_path(levels, "x");
        uint64_t expected = 0;
        for (uint32_t i = 0; i < count; i++) {
            expected |= (uint64_t)topic_filter_matches(filters[i], topic) << i;
        }
        assert_int_equal(matches(index, topic), expected);
        free((char *)topic.data);
    }
    for (uint32_t i = 0; i < count; i++) {
        free((char *)filters[i].data);
    }
    filter_index_free(index);
}

static void long_and_strange_levels_are_right(void **state) {
    (void)state;
    char *text = malloc(TOPIC_MAX_LEN);
    assert_non_null(text);
    memset(text, 'y', TOPIC_MAX_LEN);
    mqk_str longest = {text, TOPIC_MAX_LEN};
    mqk_str shorter = {text, TOPIC_MAX_LEN - 1};
    struct filter_index *index = filter_index_new();
    assert_true(filter_index_add(index, shorter, 0));
    assert_true(filter_index_add(index, STR("a b/\xC3\xA9"), 1));
    assert_true(filter_index_finish(index));
    assert_int_equal(matches(index, shorter), 1);
    assert_int_equal(matches(index, longest), 0);
    assert_int_equal(matches(index, STR("a b/\xC3\xA9")), 2);
    assert_int_equal(matches(index, STR("a b/\xC3\xA8")), 0);
    assert_int_equal(matches(index, (mqk_str){"a\0b", 3}), 0);
    assert_int_equal(matches(index, STR("\xff\xfe")), 0);
    filter_index_free(index);
    free(text);
}

/* Levels of every length differ in every byte that they differ in. */
static void every_byte_of_a_level_counts(void **state) {
    (void)state;
    char text[40];
    for (size_t len = 1; len < sizeof(text); len++) {
        memset(text, 'k', len);
        struct filter_index *index = filter_index_new();
        assert_true(filter_index_add(index, (mqk_str){text, len}, 0));
        assert_true(filter_index_finish(index));
        assert_int_equal(matches(index, (mqk_str){text, len}), 1);
        assert_int_equal(matches(index, (mqk_str){text, len - 1}), 0);
        for (size_t i = 0; i < len; i++) {
            text[i] = 'l';
            assert_int_equal(matches(index, (mqk_str){text, len}), 0);
            text[i] = 'k';
        }
        filter_index_free(index);
    }
}

static void a_hundred_thousand_filters_fit(void **state) {
    (void)state;
    const uint32_t count = 100000;
    size_t text_bytes = 0;
    struct filter_index *index = filter_index_new();
    for (uint32_t i = 0; i < count; i++) {
        char filter[100];
        int len =
            snprintf(filter, sizeof(filter), "factory/%u/line/%u/+/device%u/#", i % 100, i % 17, i);
        text_bytes += (size_t)len;
        assert_true(filter_index_add(index, (mqk_str){filter, (size_t)len}, i));
    }
    assert_true(filter_index_finish(index));
    assert_int_equal(filter_index_count(index), count);
    assert_true(filter_index_bytes(index) < text_bytes + 200u * count);
    for (uint32_t i = 0; i < count; i += 997) {
        char topic[100];
        int len = snprintf(topic, sizeof(topic), "factory/%u/line/%u/any/device%u/temp/1", i % 100,
                           i % 17, i);
        uint32_t rule = 0;
        assert_int_equal(filter_index_match(index, (mqk_str){topic, (size_t)len}, &rule, 1), 1);
        assert_int_equal(rule, i);
    }
    filter_index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_what_the_filters_say),
        cmocka_unit_test(compares_subscriptions_as_text),
        cmocka_unit_test(agrees_with_single_filters),
        cmocka_unit_test(says_how_many_there_are_beyond_the_room),
        cmocka_unit_test(gives_a_rule_once_for_each_filter),
        cmocka_unit_test(an_empty_index_matches_nothing),
        cmocka_unit_test(any_depth_is_right),
        cmocka_unit_test(long_and_strange_levels_are_right),
        cmocka_unit_test(every_byte_of_a_level_counts),
        cmocka_unit_test(a_hundred_thousand_filters_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
