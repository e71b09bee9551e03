/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_packet.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))
#define IN(type)        (1u << (type))
#define IN_ACKS                                                                                    \
    (IN(MQTT_PUBACK) | IN(MQTT_PUBREC) | IN(MQTT_PUBREL) | IN(MQTT_PUBCOMP) | IN(MQTT_SUBACK))

enum shape { SHAPE_FLAG, SHAPE_INT16, SHAPE_INT32, SHAPE_VARINT, SHAPE_BINARY, SHAPE_TEXT };

/* MQTT 5, table 2-4, as far as brokers send them. */
static const struct known {
    uint8_t identifier;
    enum shape shape;
    uint32_t packets;
    const char *name;
} known[] = {
    {MQTT_PAYLOAD_FORMAT_INDICATOR, SHAPE_FLAG, IN(MQTT_PUBLISH), "Payload-Format-Indicator"},
    {MQTT_MESSAGE_EXPIRY_INTERVAL, SHAPE_INT32, IN(MQTT_PUBLISH), "Message-Expiry-Interval"},
    {MQTT_CONTENT_TYPE, SHAPE_TEXT, IN(MQTT_PUBLISH), "Content-Type"},
    {MQTT_RESPONSE_TOPIC, SHAPE_TEXT, IN(MQTT_PUBLISH), "Response-Topic"},
    {MQTT_CORRELATION_DATA, SHAPE_BINARY, IN(MQTT_PUBLISH), "Correlation-Data"},
    {0x0b, SHAPE_VARINT, IN(MQTT_PUBLISH), "Subscription-Identifier"},
    {MQTT_TOPIC_ALIAS, SHAPE_INT16, IN(MQTT_PUBLISH), "Topic-Alias"},
    {MQTT_SESSION_EXPIRY_INTERVAL, SHAPE_INT32, IN(MQTT_CONNACK), "Session-Expiry-Interval"},
    {0x12, SHAPE_TEXT, IN(MQTT_CONNACK), "Assigned-Client-Identifier"},
    {MQTT_SERVER_KEEP_ALIVE, SHAPE_INT16, IN(MQTT_CONNACK), "Server-Keep-Alive"},
    {0x15, SHAPE_TEXT, IN(MQTT_CONNACK), "Authentication-Method"},
    {0x16, SHAPE_BINARY, IN(MQTT_CONNACK), "Authentication-Data"},
    {0x1a, SHAPE_TEXT, IN(MQTT_CONNACK), "Response-Information"},
    {0x1c, SHAPE_TEXT, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Server-Reference"},
    {0x1f, SHAPE_TEXT, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT) | IN_ACKS, "Reason-String"},
    {MQTT_RECEIVE_MAXIMUM, SHAPE_INT16, IN(MQTT_CONNACK), "Receive-Maximum"},
    {0x22, SHAPE_INT16, IN(MQTT_CONNACK), "Topic-Alias-Maximum"},
    {MQTT_MAXIMUM_QOS, SHAPE_FLAG, IN(MQTT_CONNACK), "Maximum-QoS"},
    {MQTT_RETAIN_AVAILABLE, SHAPE_FLAG, IN(MQTT_CONNACK), "Retain-Available"},
    {MQTT_USER_PROPERTY, SHAPE_TEXT,
     IN(MQTT_CONNACK) | IN(MQTT_PUBLISH) | IN(MQTT_DISCONNECT) | IN_ACKS, "User-Property"},
    {MQTT_MAXIMUM_PACKET_SIZE, SHAPE_INT32, IN(MQTT_CONNACK), "Maximum-Packet-Size"},
    {0x28, SHAPE_FLAG, IN(MQTT_CONNACK), "Wildcard-Subscription-Available"},
    {0x29, SHAPE_FLAG, IN(MQTT_CONNACK), "Subscription-Identifier-Available"},
    {0x2a, SHAPE_FLAG, IN(MQTT_CONNACK), "Shared-Subscription-Available"},
};

static const struct {
    uint8_t code;
    const char *text;
} reasons[] = {
    {0x00, "success"},
    {0x01, "unacceptable protocol version: MQTT 5 is needed"}, /* as MQTT 3.1.1 says it */
    {0x04, "disconnect with will message"},
    {0x10, "no matching subscribers"},
    {0x80, "unspecified error"},
    {0x81, "malformed packet"},
    {0x82, "protocol error"},
    {0x83, "implementation specific error"},
    {0x84, "unsupported protocol version: MQTT 5 is needed"},
    {0x85, "client identifier not valid"},
    {0x86, "bad user name or password"},
    {0x87, "not authorized"},
    {0x88, "server unavailable"},
    {0x89, "server busy"},
    {0x8a, "banned"},
    {0x8b, "server shutting down"},
    {0x8c, "bad authentication method"},
    {0x8d, "keep alive timeout"},
    {0x8e, "session taken over: another client has the same client id"},
    {0x8f, "topic filter invalid"},
    {0x90, "topic name invalid"},
    {0x91, "packet identifier in use"},
    {0x92, "packet identifier not found"},
    {0x93, "receive maximum exceeded"},
    {0x94, "topic alias invalid"},
    {0x95, "packet too large"},
    {0x96, "message rate too high"},
    {0x97, "quota exceeded"},
    {0x98, "administrative action"},
    {0x99, "payload format invalid"},
    {0x9a, "retain not supported"},
    {0x9b, "QoS not supported"},
    {0x9c, "use another server"},
    {0x9d, "server moved"},
    {0x9e, "shared subscriptions not supported"},
    {0x9f, "connection rate exceeded"},
    {0xa0, "maximum connect time"},
    {0xa1, "subscription identifiers not supported"},
    {0xa2, "wildcard subscriptions not supported"},
};

const char *mqtt_reason_text(uint8_t reason) {
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        if (reasons[i].code == reason) {
            return reasons[i].text;
        }
    }
    return "unknown reason";
}

/* Length of the valid UTF-8 character at `text` and its code point; 0: not valid (Unicode, table
 * 3-7). */
static size_t character(const uint8_t *text, size_t len, uint32_t *code_point) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text[0];
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size == 0 || first > 0xf4 || size > len) {
        return 0;
    }
    uint32_t value = size == 1 ? first : first & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (text[i] & 0x3f);
    }
    *code_point = value;
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least[size] || value > 0x10ffff || surrogate ? 0 : size;
}

bool mqtt_text_is_legal(mqk_str text, bool strictly) {
    if (text.len > MQTT_LONGEST_TEXT) {
        return false;
    }
    for (size_t at = 0; at < text.len;) {
        uint32_t c = 0;
        size_t size = character((const uint8_t *)text.data + at, text.len - at, &c);
        if (size == 0 || c == 0) {
            return false;
        }
        if (strictly && (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c & 0xfffe) == 0xfffe ||
                         (c >= 0xfdd0 && c <= 0xfdef))) {
            return false;
        }
        at += size;
    }
    return true;
}

int mqtt_head_read(const uint8_t *data, size_t len, size_t *head, size_t *body) {
    size_t value = 0;
    for (size_t i = 1; i < 5; i++) {
        if (i >= len) {
            return 0;
        }
        value |= (size_t)(data[i] & 0x7f) << (7 * (i - 1));
        if (data[i] < 0x80) {
            *head = i + 1;
            *body = value;
            return 1;
        }
    }
    return -1;
}

/* What is left of a packet. After the first failure everything reads as nothing. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    const char *wrong;
};

static const uint8_t *take(struct reader *r, size_t len) {
    if (r->wrong || (size_t)(r->end - r->at) < len) {
        r->wrong = r->wrong ? r->wrong : "a packet ends too early";
        return NULL;
    }
    const uint8_t *taken = r->at;
    r->at += len;
    return taken;
}

static uint32_t take_number(struct reader *r, size_t size) {
    const uint8_t *bytes = take(r, size);
    uint32_t number = 0;
    for (size_t i = 0; bytes && i < size; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static uint32_t take_varint(struct reader *r) {
    uint32_t number = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint32_t byte = take_number(r, 1);
        number |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return number;
        }
    }
    r->wrong = r->wrong ? r->wrong : "a length of more than four bytes";
    return 0;
}

static mqk_str take_binary(struct reader *r) {
    size_t len = take_number(r, 2);
    const uint8_t *bytes = take(r, len);
    return (mqk_str){bytes ? (const char *)bytes : "", bytes ? len : 0};
}

static mqk_str take_text(struct reader *r) {
    mqk_str text = take_binary(r);
    if (!r->wrong && !mqtt_text_is_legal(text, false)) {
        r->wrong = "a text is not valid UTF-8";
    }
    return text;
}

/* Makes room for one more element: the array, perhaps elsewhere, or NULL with the old one kept. */
static void *room_for_one(void *array, size_t count, size_t *capacity, size_t element) {
    if (count < *capacity) {
        return array;
    }
    size_t bigger = *capacity ? *capacity * 2 : 8;
    void *grown = realloc(array, bigger * element);
    if (grown) {
        *capacity = bigger;
    }
    return grown;
}

static void pair_add(struct mqtt_packet *p, struct reader *r, mqk_str name, mqk_str value) {
    if (r->wrong || p->pair_count >= MQTT_MOST_PROPS) {
        return;
    }
    mqk_pair *pairs = room_for_one(p->pairs, p->pair_count, &p->pair_capacity, sizeof(*p->pairs));
    if (!pairs) {
        r->wrong = "out of memory";
        return;
    }
    p->pairs = pairs;
    p->pairs[p->pair_count++] = (mqk_pair){name, value};
}

static void item_add(struct mqtt_packet *p, struct reader *r, const char *name, mqk_str text,
                     int64_t number) {
    if (r->wrong || p->prop_count >= MQTT_MOST_PROPS) {
        return;
    }
    mqk_property *props =
        room_for_one(p->props, p->prop_count, &p->prop_capacity, sizeof(*p->props));
    if (!props) {
        r->wrong = "out of memory";
        return;
    }
    p->props = props;
    p->props[p->prop_count++] = (mqk_property){mqk_cstr(name), text, number};
}

static void property_read(struct mqtt_packet *p, struct reader *r, const struct known *k) {
    mqk_str text = {NULL, 0};
    int64_t number = 0;
    switch (k->shape) {
    case SHAPE_FLAG:
        number = take_number(r, 1);
        if (number > 1 && !r->wrong) {
            r->wrong = "a property has a wrong value";
        }
        break;
    case SHAPE_INT16:
        number = take_number(r, 2);
        break;
    case SHAPE_INT32:
        number = take_number(r, 4);
        break;
    case SHAPE_VARINT:
        number = take_varint(r);
        break;
    case SHAPE_BINARY:
        text = take_binary(r);
        break;
    case SHAPE_TEXT:
        text = take_text(r);
        break;
    }
    bool never_0 = k->identifier == MQTT_RECEIVE_MAXIMUM ||
                   k->identifier == MQTT_MAXIMUM_PACKET_SIZE || k->shape == SHAPE_VARINT;
    if (!r->wrong && ((never_0 && number == 0) || k->identifier == MQTT_TOPIC_ALIAS)) {
        r->wrong = "a property has a value that is not allowed";
    }
    if (k->identifier == MQTT_USER_PROPERTY) {
        pair_add(p, r, text, take_text(r));
    } else {
        item_add(p, r, k->name, text, number);
    }
}

static const struct known *property_find(uint32_t identifier, enum mqtt_type type) {
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].identifier == identifier && (known[i].packets & IN(type))) {
            return &known[i];
        }
    }
    return NULL;
}

static void properties_read(struct mqtt_packet *p, struct reader *r) {
    size_t len = take_varint(r);
    const uint8_t *bytes = take(r, len);
    uint64_t seen = 0;
    if (!bytes) {
        return;
    }
    struct reader inner = {bytes, bytes + len, NULL};
    while (inner.at < inner.end && !inner.wrong) {
        const struct known *k = property_find(take_number(&inner, 1), p->type);
        if (!k) {
            inner.wrong = "a property that does not belong there";
            break;
        }
        uint64_t bit = UINT64_C(1) << k->identifier;
        bool may_repeat = k->identifier == MQTT_USER_PROPERTY || k->shape == SHAPE_VARINT;
        if ((seen & bit) && !may_repeat) {
            inner.wrong = "a property is there twice";
        }
        seen |= bit;
        property_read(p, &inner, k);
    }
    r->wrong = inner.wrong;
}

static void id_read(struct mqtt_packet *p, struct reader *r) {
    p->id = (uint16_t)take_number(r, 2);
    if (p->id == 0 && !r->wrong) {
        r->wrong = "packet identifier 0";
    }
}

static void publish_read(struct mqtt_packet *p, struct reader *r, uint8_t flags) {
    p->dup = flags & 8;
    p->qos = flags >> 1 & 3;
    p->retain = flags & 1;
    if (p->qos == 3) {
        r->wrong = "a message with QoS 3";
        return;
    }
    p->topic = take_text(r);
    if (!r->wrong && (p->topic.len == 0 || memchr(p->topic.data, '+', p->topic.len) ||
                      memchr(p->topic.data, '#', p->topic.len))) {
        r->wrong = "a message with an illegal topic";
    }
    if (p->qos > 0) {
        id_read(p, r);
    }
    properties_read(p, r);
    if (!r->wrong) {
        p->payload = (mqk_str){(const char *)r->at, (size_t)(r->end - r->at)};
        r->at = r->end;
    }
}

static void connack_read(struct mqtt_packet *p, struct reader *r) {
    uint32_t flags = take_number(r, 1);
    p->session_present = flags & 1;
    p->reason = (uint8_t)take_number(r, 1);
    if (flags > 1 || (p->session_present && p->reason != 0)) {
        r->wrong = "flags of a CONNACK";
    }
    /* A broker that does not speak MQTT 5 says so without properties. */
    if (r->at < r->end || p->reason == 0) {
        properties_read(p, r);
    }
}

/* Reason code and properties may be left out at the end. */
static void outcome_read(struct mqtt_packet *p, struct reader *r) {
    if (r->at < r->end) {
        p->reason = (uint8_t)take_number(r, 1);
    }
    if (r->at < r->end) {
        properties_read(p, r);
    }
}

static void suback_read(struct mqtt_packet *p, struct reader *r) {
    id_read(p, r);
    properties_read(p, r);
    if (!r->wrong) {
        p->reasons = (mqk_str){(const char *)r->at, (size_t)(r->end - r->at)};
        r->at = r->end;
    }
}

const char *mqtt_packet_read(struct mqtt_packet *packet, uint8_t first, const uint8_t *body,
                             size_t len) {
    struct reader r = {body, body + len, NULL};
    uint8_t flags = first & 15;
    *packet = (struct mqtt_packet){.type = first >> 4,
                                   .props = packet->props,
                                   .prop_capacity = packet->prop_capacity,
                                   .pairs = packet->pairs,
                                   .pair_capacity = packet->pair_capacity};
    if (packet->type != MQTT_PUBLISH && flags != (packet->type == MQTT_PUBREL ? 2 : 0)) {
        return "wrong flags of a packet";
    }
    switch (packet->type) {
    case MQTT_CONNACK:
        connack_read(packet, &r);
        break;
    case MQTT_PUBLISH:
        publish_read(packet, &r, flags);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        id_read(packet, &r);
        outcome_read(packet, &r);
        break;
    case MQTT_SUBACK:
        suback_read(packet, &r);
        break;
    case MQTT_PINGRESP:
        break;
    case MQTT_DISCONNECT:
        outcome_read(packet, &r);
        break;
    default:
        return "a packet that was not asked for";
    }
    if (!r.wrong && r.at != r.end) {
        return "a packet is too long";
    }
    return r.wrong;
}

int64_t mqtt_packet_number(const struct mqtt_packet *packet, enum mqtt_property property,
                           int64_t fallback) {
    const struct known *k = property_find(property, packet->type);
    for (size_t i = 0; k && i < packet->prop_count; i++) {
        if (packet->props[i].name.data == k->name) {
            return packet->props[i].number;
        }
    }
    return fallback;
}

void mqtt_packet_fini(struct mqtt_packet *packet) {
    free(packet->props);
    free(packet->pairs);
    *packet = (struct mqtt_packet){0};
}
