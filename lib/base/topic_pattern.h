/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of Kafka topics, as librdkafka understands them: POSIX extended regular expressions that
 * begin with `^`. librdkafka says what is wrong with one only when it runs. Any thread. */
#ifndef MQK_BASE_TOPIC_PATTERN_H
#define MQK_BASE_TOPIC_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Checks; `sentence` (of `size` bytes) receives what is wrong. */
bool topic_pattern_check(const char *pattern, char *sentence, size_t size);

/* Whether a pattern, which is right, matches a topic; a name matches itself. */
bool topic_pattern_matches(const char *pattern, const char *topic);

#endif
