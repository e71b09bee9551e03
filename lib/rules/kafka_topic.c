/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_topic.h"

static bool is_legal(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

const char *kafka_topic_check(mqk_str topic) {
    if (topic.len == 0) {
        return "a Kafka topic name must not be empty";
    }
    if (topic.len > KAFKA_TOPIC_MAX) {
        return "a Kafka topic name has at most 249 bytes";
    }
    if (str_equal(topic, STR(".")) || str_equal(topic, STR(".."))) {
        return "\".\" and \"..\" are no Kafka topic names";
    }
    if (kafka_topic_prefix(topic) < topic.len) {
        return "a Kafka topic name consists of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"";
    }
    return NULL;
}

size_t kafka_topic_prefix(mqk_str text) {
    size_t len = 0;
    while (len < text.len && is_legal(text.data[len])) {
        len++;
    }
    return len;
}
