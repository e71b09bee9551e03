/* SPDX-License-Identifier: Apache-2.0 */
/* Names of Kafka topics. No memory, any thread. */
#ifndef MQK_RULES_KAFKA_TOPIC_H
#define MQK_RULES_KAFKA_TOPIC_H

#include "str.h"

#define KAFKA_TOPIC_MAX 249u

/* NULL when `topic` is a legal Kafka topic name (1–249 of a-zA-Z0-9._-, not "." or ".."), else a
 * sentence (static memory). */
const char *kafka_topic_check(mqk_str topic);

/* How many bytes at the start of a text are characters that a topic name may have. */
size_t kafka_topic_prefix(mqk_str text);

#endif
