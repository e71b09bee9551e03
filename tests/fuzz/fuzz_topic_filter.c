/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target for topic_filter. The input is a filter, a line feed, and a topic; both are
 * compared with the rules written as naively as possible.
 */
#include <stdlib.h>

#include "buffer.h"
#include "topic_filter.h"
#include "utf8.h"

#define MAX_LEVELS 64u

struct levels {
    mqk_str level[MAX_LEVELS];
    size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
    if (!truth) {
        abort();
    }
}

/* False when there are too many levels for this target. */
static bool split(mqk_str text, struct levels *out) {
    out->count = 0;
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '/') {
            continue;
        }
        if (out->count == MAX_LEVELS) {
            return false;
        }
        out->level[out->count++] = (mqk_str){text.data + from, i - from};
        from = i + 1;
    }
    return true;
}

static bool contains(mqk_str text, char c) {
    return text.len > 0 && memchr(text.data, c, text.len);
}

static bool naive_legal(mqk_str filter, const struct levels *levels) {
    for (size_t i = 0; i < levels->count; i++) {
        mqk_str level = levels->level[i];
        bool hash = contains(level, '#');
        if (((hash || contains(level, '+')) && level.len != 1) || (hash && i + 1 < levels->count)) {
            return false;
        }
    }
    return filter.len > 0 && filter.len <= TOPIC_MAX_LEN && !contains(filter, '\0') &&
           utf8_valid_prefix(filter) == filter.len;
}

/* Whether the filter's levels from `f` on match the topic's from `t` on. */
static bool naive_levels(const struct levels *filter, size_t f, const struct levels *topic,
                         size_t t) {
    if (f == filter->count) {
        return t == topic->count;
    }
    if (str_equal(filter->level[f], STR("#"))) {
        return true;
    }
    if (t == topic->count) {
        return false;
    }
    bool fits =
        str_equal(filter->level[f], STR("+")) || str_equal(filter->level[f], topic->level[t]);
    return fits && naive_levels(filter, f + 1, topic, t + 1);
}

static bool naive_matches(mqk_str filter, const struct levels *filter_levels, mqk_str topic,
                          const struct levels *topic_levels) {
    for (size_t i = 0; i < topic_levels->count; i++) {
        if (str_equal(topic_levels->level[i], STR("+")) ||
            str_equal(topic_levels->level[i], STR("#"))) {
            return false;
        }
    }
    if (topic.len == 0 ||
        (topic.data[0] == '$' && (filter.data[0] == '+' || filter.data[0] == '#'))) {
        return false;
    }
    return naive_levels(filter_levels, 0, topic_levels, 0);
}

/* A filter with each wildcard replaced by what it stands for is the topic itself. */
static void check_captures(mqk_str filter, const struct levels *levels, mqk_str topic) {
    struct buffer b;
    buffer_init(&b, NULL, 0);
    unsigned wildcards = 0;
    for (size_t i = 0; i < levels->count; i++) {
        mqk_str level = levels->level[i];
        bool hash = str_equal(level, STR("#"));
        if (hash || str_equal(level, STR("+"))) {
            require(topic_filter_capture(filter, topic, false, ++wildcards, &level));
            require(level.data >= topic.data && level.data + level.len <= topic.data + topic.len);
        }
        bool parent = hash && b.len == topic.len; /* "a/#" and "a" */
        if (i > 0 && !parent) {
            buffer_append_char(&b, '/');
        }
        buffer_append_str(&b, level);
    }
    require(str_equal(buffer_since(&b, 0), topic));
    require(wildcards == topic_filter_wildcards(filter));
    mqk_str none;
    require(!topic_filter_capture(filter, topic, false, wildcards + 1, &none));
    require(!topic_filter_capture(filter, topic, false, 0, &none));
    buffer_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mqk_str text = {(const char *)data, size};
    const char *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    mqk_str filter = {text.data, newline ? (size_t)(newline - text.data) : size};
    mqk_str topic = newline ? str_slice(text, filter.len + 1, size) : (mqk_str){"", 0};
    struct levels filter_levels;
    struct levels topic_levels;
    if (!split(filter, &filter_levels) || !split(topic, &topic_levels)) {
        return 0;
    }
    size_t at = 0;
    bool legal = !topic_filter_check(filter, &at);
    require(legal == naive_legal(filter, &filter_levels));
    require(at <= filter.len);
    bool name = topic.len > 0 && topic.len <= TOPIC_MAX_LEN && !contains(topic, '\0') &&
                !contains(topic, '+') && !contains(topic, '#') &&
                utf8_valid_prefix(topic) == topic.len;
    require((topic_name_check(topic) == NULL) == name);
    if (!legal) {
        return 0;
    }
    bool matches = topic_filter_matches(filter, topic);
    require(matches == naive_matches(filter, &filter_levels, topic, &topic_levels));
    if (matches) {
        check_captures(filter, &filter_levels, topic);
    } else {
        mqk_str none;
        require(!topic_filter_capture(filter, topic, false, 1, &none));
    }
    return 0;
}
