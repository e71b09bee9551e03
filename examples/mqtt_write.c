/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_write.h"

#include <string.h>

#define CLEAN_START_NOT 0
#define HAS_PASSWORD    0x40
#define HAS_USERNAME    0x80
#define LONGEST_HEAD    5

enum shape { SHAPE_FLAG, SHAPE_SECONDS, SHAPE_TEXT, SHAPE_TOPIC, SHAPE_BINARY };

static const struct known {
    const char *name;
    uint8_t identifier;
    enum shape shape;
} known[] = {
    {"Payload-Format-Indicator", MQTT_PAYLOAD_FORMAT_INDICATOR, SHAPE_FLAG},
    {"Message-Expiry-Interval", MQTT_MESSAGE_EXPIRY_INTERVAL, SHAPE_SECONDS},
    {"Content-Type", MQTT_CONTENT_TYPE, SHAPE_TEXT},
    {"Response-Topic", MQTT_RESPONSE_TOPIC, SHAPE_TOPIC},
    {"Correlation-Data", MQTT_CORRELATION_DATA, SHAPE_BINARY},
};

/* Where bytes go; without `to` they are only counted. */
struct sink {
    uint8_t *to;
    size_t len;
};

static void put(struct sink *s, const void *data, size_t len) {
    if (s->to && len > 0) {
        memcpy(s->to + s->len, data, len);
    }
    s->len += len;
}

static void put_number(struct sink *s, uint32_t number, unsigned size) {
    while (size-- > 0) {
        uint8_t byte = (uint8_t)(number >> (8 * size));
        put(s, &byte, 1);
    }
}

static void put_varint(struct sink *s, size_t number) {
    do {
        uint8_t byte = (uint8_t)(number & 0x7f);
        number >>= 7;
        put_number(s, number > 0 ? byte | 0x80u : byte, 1);
    } while (number > 0);
}

static void put_text(struct sink *s, mqk_str text) {
    put_number(s, (uint32_t)text.len, 2);
    put(s, text.data, text.len);
}

static const struct known *known_find(mqk_str name) {
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (name.len == strlen(known[i].name) && memcmp(name.data, known[i].name, name.len) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

static bool topic_is_legal(mqk_str topic) {
    return topic.len > 0 && mqtt_text_is_legal(topic, true) &&
           !memchr(topic.data, '+', topic.len) && !memchr(topic.data, '#', topic.len);
}

static bool property_is_legal(const mqk_property *property) {
    const struct known *k = known_find(property->name);
    switch (k ? k->shape : SHAPE_BINARY) {
    case SHAPE_FLAG:
        return property->number == 0 || property->number == 1;
    case SHAPE_SECONDS:
        return property->number >= 0 && property->number <= UINT32_MAX;
    case SHAPE_TEXT:
        return mqtt_text_is_legal(property->text, true);
    case SHAPE_TOPIC:
        return topic_is_legal(property->text);
    case SHAPE_BINARY:
        break;
    }
    return !k || property->text.len <= MQTT_LONGEST_TEXT;
}

bool mqtt_message_is_legal(const struct mqtt_message *message) {
    bool legal = topic_is_legal(message->topic);
    for (size_t i = 0; legal && i < message->prop_count; i++) {
        legal = property_is_legal(&message->props[i]);
    }
    for (size_t i = 0; legal && i < message->pair_count; i++) {
        legal = mqtt_text_is_legal(message->pairs[i].name, true) &&
                mqtt_text_is_legal(message->pairs[i].value, true);
    }
    return legal;
}

static void put_properties(struct sink *s, const struct mqtt_message *message) {
    for (size_t i = 0; i < message->prop_count; i++) {
        const mqk_property *property = &message->props[i];
        const struct known *k = known_find(property->name);
        if (!k) {
            continue;
        }
        put_number(s, k->identifier, 1);
        if (k->shape == SHAPE_FLAG || k->shape == SHAPE_SECONDS) {
            put_number(s, (uint32_t)property->number, k->shape == SHAPE_FLAG ? 1 : 4);
        } else {
            put_text(s, property->text);
        }
    }
    for (size_t i = 0; i < message->pair_count; i++) {
        put_number(s, MQTT_USER_PROPERTY, 1);
        put_text(s, message->pairs[i].name);
        put_text(s, message->pairs[i].value);
    }
}

static void put_publish(struct sink *s, uint16_t id, const struct mqtt_message *message) {
    struct sink count = {NULL, 0};
    put_properties(&count, message);
    put_text(s, message->topic);
    if (message->qos > 0) {
        put_number(s, id, 2);
    }
    put_varint(s, count.len);
    put_properties(s, message);
    put(s, message->payload.data, message->payload.len);
}

/* Room for a packet with a body of `len` bytes, with its head written. */
static bool packet_begin(struct sink *s, struct mqtt_bytes *out, unsigned first, size_t len) {
    *s = (struct sink){mqtt_bytes_room(out, LONGEST_HEAD + len), 0};
    if (!s->to) {
        return false;
    }
    put_number(s, first, 1);
    put_varint(s, len);
    return true;
}

static void put_connect(struct sink *s, const struct mqtt_connect *c) {
    unsigned flags = CLEAN_START_NOT;
    flags |= c->username.data ? HAS_USERNAME : 0;
    flags |= c->password.data ? HAS_PASSWORD : 0;
    put_text(s, mqk_cstr("MQTT"));
    put_number(s, 5, 1);
    put_number(s, flags, 1);
    put_number(s, c->keepalive_s, 2);
    put_varint(s, 5 + 3 + 5);
    put_number(s, MQTT_SESSION_EXPIRY_INTERVAL, 1);
    put_number(s, c->session_expiry_s, 4);
    put_number(s, MQTT_RECEIVE_MAXIMUM, 1);
    put_number(s, c->receive_maximum, 2);
    put_number(s, MQTT_MAXIMUM_PACKET_SIZE, 1);
    put_number(s, c->maximum_packet, 4);
    put_text(s, c->clientid);
    if (c->username.data) {
        put_text(s, c->username);
    }
    if (c->password.data) {
        put_text(s, c->password);
    }
}

bool mqtt_write_connect(struct mqtt_bytes *out, const struct mqtt_connect *connect) {
    struct sink count = {NULL, 0};
    struct sink s;
    put_connect(&count, connect);
    if (!packet_begin(&s, out, MQTT_CONNECT << 4, count.len)) {
        return false;
    }
    put_connect(&s, connect);
    mqtt_bytes_added(out, s.len);
    return true;
}

bool mqtt_write_subscribe(struct mqtt_bytes *out, uint16_t id, mqk_str filter, uint8_t options) {
    struct sink s;
    if (!packet_begin(&s, out, MQTT_SUBSCRIBE << 4 | 2, 2 + 1 + 2 + filter.len + 1)) {
        return false;
    }
    put_number(&s, id, 2);
    put_varint(&s, 0);
    put_text(&s, filter);
    put_number(&s, options, 1);
    mqtt_bytes_added(out, s.len);
    return true;
}

size_t mqtt_publish_len(const struct mqtt_message *message) {
    struct sink count = {NULL, 0};
    struct sink head = {NULL, 1};
    put_publish(&count, 0, message);
    put_varint(&head, count.len);
    return head.len + count.len;
}

bool mqtt_write_publish(struct mqtt_bytes *out, uint16_t id, const struct mqtt_message *message) {
    struct sink count = {NULL, 0};
    struct sink s;
    unsigned flags = (unsigned)message->qos << 1 | (message->retain ? 1 : 0);
    put_publish(&count, id, message);
    if (!packet_begin(&s, out, MQTT_PUBLISH << 4 | flags, count.len)) {
        return false;
    }
    put_publish(&s, id, message);
    mqtt_bytes_added(out, s.len);
    return true;
}

bool mqtt_write_ack(struct mqtt_bytes *out, enum mqtt_type type, uint16_t id, uint8_t reason) {
    struct sink s;
    unsigned flags = type == MQTT_PUBREL ? 2 : 0;
    if (!packet_begin(&s, out, (unsigned)type << 4 | flags, reason == 0 ? 2 : 3)) {
        return false;
    }
    put_number(&s, id, 2);
    if (reason != 0) {
        put_number(&s, reason, 1);
    }
    mqtt_bytes_added(out, s.len);
    return true;
}

bool mqtt_write_pingreq(struct mqtt_bytes *out) {
    struct sink s;
    if (!packet_begin(&s, out, MQTT_PINGREQ << 4, 0)) {
        return false;
    }
    mqtt_bytes_added(out, s.len);
    return true;
}

bool mqtt_write_disconnect(struct mqtt_bytes *out, uint8_t reason) {
    struct sink s;
    if (!packet_begin(&s, out, MQTT_DISCONNECT << 4, reason == 0 ? 0 : 1)) {
        return false;
    }
    if (reason != 0) {
        put_number(&s, reason, 1);
    }
    mqtt_bytes_added(out, s.len);
    return true;
}
