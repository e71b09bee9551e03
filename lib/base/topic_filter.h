/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT topic filters and topic names (MQTT 5, section 4.7). No memory, any thread. */
#ifndef MQK_BASE_TOPIC_FILTER_H
#define MQK_BASE_TOPIC_FILTER_H

#include "str.h"

#define TOPIC_MAX_LEN 65535u

/* NULL when the filter is legal; else a sentence (static memory) and, in `at` (may be NULL), the
 * byte where it goes wrong. */
const char *topic_filter_check(mqk_str filter, size_t *at);

/* NULL when the topic name is legal (1 to 65,535 bytes, valid UTF-8, no NUL, no wildcard). */
const char *topic_name_check(mqk_str topic);

/* Whether a legal filter matches a topic. The topic is taken as it is (never checked for UTF-8
 * here); one that is empty or contains wildcard characters as levels matches nothing but is no
 * error. */
bool topic_filter_matches(mqk_str filter, mqk_str topic);

/* What the n-th wildcard (from 1) of a filter stands for in a topic that it matches: one level for
 * `+`, the remaining levels (possibly none: an empty text) for `#`. Of a subscription the topic is
 * a filter itself, whose wildcards are text here. False when the filter has fewer wildcards or does
 * not match. */
bool topic_filter_capture(mqk_str filter, mqk_str topic, bool subscription, unsigned n,
                          mqk_str *out);

/* Number of wildcards in a filter. */
unsigned topic_filter_wildcards(mqk_str filter);

/* Next level of a topic or filter: fills `level` and advances `*pos` past the separator; false when
 * there is none left. Start with *pos = 0. "a//b" has three levels, "a/" two. */
static inline bool topic_next_level(mqk_str topic, size_t *pos, mqk_str *level) {
    if (*pos > topic.len) {
        return false;
    }
    const char *from = topic.data + *pos;
    const char *slash = memchr(from, '/', topic.len - *pos);
    level->data = from;
    level->len = slash ? (size_t)(slash - from) : topic.len - *pos;
    *pos += level->len + 1;
    return true;
}

#endif
