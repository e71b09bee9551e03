/* SPDX-License-Identifier: Apache-2.0 */
#include "topic_filter.h"

#include "utf8.h"

static bool is_level(mqk_str level, char c) {
    return level.len == 1 && level.data[0] == c;
}

static bool is_wildcard(mqk_str level) {
    return is_level(level, '+') || is_level(level, '#');
}

/* What filters and names have in common. */
static const char *text_check(mqk_str text, size_t *at) {
    *at = 0;
    if (text.len == 0 || !text.data) {
        return "must not be empty";
    }
    if (text.len > TOPIC_MAX_LEN) {
        *at = TOPIC_MAX_LEN;
        return "must not be longer than 65535 bytes";
    }
    const char *nul = memchr(text.data, '\0', text.len);
    size_t valid = utf8_valid_prefix(text);
    if (nul && (size_t)(nul - text.data) < valid) {
        *at = (size_t)(nul - text.data);
        return "must not contain a NUL character";
    }
    if (valid < text.len) {
        *at = valid;
        return "must be valid UTF-8";
    }
    return NULL;
}

static const char *level_check(mqk_str level, bool last, size_t *at) {
    for (size_t i = 0; i < level.len; i++) {
        char c = level.data[i];
        if (c != '+' && c != '#') {
            continue;
        }
        *at = i;
        if (level.len > 1) {
            return c == '+' ? "\"+\" must be a whole level, as in \"a/+/b\""
                            : "\"#\" must be a whole level, as in \"a/#\"";
        }
        if (c == '#' && !last) {
            return "\"#\" must be the last level";
        }
    }
    return NULL;
}

const char *topic_filter_check(mqk_str filter, size_t *at) {
    size_t ignored = 0;
    at = at ? at : &ignored;
    const char *wrong = text_check(filter, at);
    mqk_str level = {NULL, 0};
    size_t pos = 0;
    while (!wrong && topic_next_level(filter, &pos, &level)) {
        wrong = level_check(level, pos > filter.len, at);
        if (wrong) {
            *at += (size_t)(level.data - filter.data);
        }
    }
    return wrong;
}

const char *topic_name_check(mqk_str topic) {
    size_t at = 0;
    const char *wrong = text_check(topic, &at);
    if (wrong) {
        return wrong;
    }
    if (memchr(topic.data, '+', topic.len) || memchr(topic.data, '#', topic.len)) {
        return "must not contain a wildcard (\"+\" or \"#\")";
    }
    return NULL;
}

static bool has_wildcard_level(mqk_str topic) {
    if (!memchr(topic.data, '+', topic.len) && !memchr(topic.data, '#', topic.len)) {
        return false;
    }
    mqk_str level;
    for (size_t pos = 0; topic_next_level(topic, &pos, &level);) {
        if (is_wildcard(level)) {
            return true;
        }
    }
    return false;
}

/* Whether the filter may be compared with the topic at all. */
static bool comparable(mqk_str filter, mqk_str topic, bool subscription) {
    if (filter.len == 0 || topic.len == 0) {
        return false;
    }
    bool reserved = topic.data[0] == '$' && (filter.data[0] == '+' || filter.data[0] == '#');
    return !reserved && (subscription || !has_wildcard_level(topic));
}

/* Compares level by level; `out` receives what wildcard `n` stands for (n = 0: none). Sets
 * `captured` when there is such a wildcard. */
static bool compare(mqk_str filter, mqk_str topic, unsigned n, mqk_str *out, bool *captured) {
    size_t filter_pos = 0;
    size_t topic_pos = 0;
    unsigned seen = 0;
    mqk_str want;
    mqk_str have;
    while (topic_next_level(filter, &filter_pos, &want)) {
        if (is_level(want, '#')) {
            /* "a/#" matches "a" as well: then nothing is left of the topic. */
            if (++seen == n) {
                size_t from = topic_pos < topic.len ? topic_pos : topic.len;
                *out = str_slice(topic, from, topic.len);
                *captured = true;
            }
            return true;
        }
        if (!topic_next_level(topic, &topic_pos, &have)) {
            return false;
        }
        if (is_level(want, '+')) {
            if (++seen == n) {
                *out = have;
                *captured = true;
            }
        } else if (!str_equal(want, have)) {
            return false;
        }
    }
    return topic_pos > topic.len;
}

bool topic_filter_matches(mqk_str filter, mqk_str topic) {
    mqk_str ignored;
    bool captured = false;
    return comparable(filter, topic, false) && compare(filter, topic, 0, &ignored, &captured);
}

bool topic_filter_capture(mqk_str filter, mqk_str topic, bool subscription, unsigned n,
                          mqk_str *out) {
    mqk_str text = {NULL, 0};
    bool captured = false;
    if (!comparable(filter, topic, subscription) || !compare(filter, topic, n, &text, &captured) ||
        !captured) {
        return false;
    }
    *out = text;
    return true;
}

unsigned topic_filter_wildcards(mqk_str filter) {
    unsigned count = 0;
    mqk_str level;
    for (size_t pos = 0; filter.len > 0 && topic_next_level(filter, &pos, &level);) {
        count += is_wildcard(level);
    }
    return count;
}
