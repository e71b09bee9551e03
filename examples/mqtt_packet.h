/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets that an MQTT 5 broker sends, read from bytes that may be anything. Nothing here
 * knows connections. All of a packet's texts lie in the bytes that it was read from.
 */
#ifndef MQK_MQTT_PACKET_H
#define MQK_MQTT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mqkafka/mqkafka.h>

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
    MQTT_AUTH
};

/* MQTT 5, table 2-4: the properties that the client itself reads or writes. */
enum mqtt_property {
    MQTT_PAYLOAD_FORMAT_INDICATOR = 0x01,
    MQTT_MESSAGE_EXPIRY_INTERVAL = 0x02,
    MQTT_CONTENT_TYPE = 0x03,
    MQTT_RESPONSE_TOPIC = 0x08,
    MQTT_CORRELATION_DATA = 0x09,
    MQTT_SESSION_EXPIRY_INTERVAL = 0x11,
    MQTT_SERVER_KEEP_ALIVE = 0x13,
    MQTT_RECEIVE_MAXIMUM = 0x21,
    MQTT_TOPIC_ALIAS = 0x23,
    MQTT_MAXIMUM_QOS = 0x24,
    MQTT_RETAIN_AVAILABLE = 0x25,
    MQTT_USER_PROPERTY = 0x26,
    MQTT_MAXIMUM_PACKET_SIZE = 0x27
};

#define MQTT_FIRST_FAILURE  128   /* 2.4: reason codes from here on are failures */
#define MQTT_MOST_PROPS     10000 /* of one packet; the rest is checked and left out */
#define MQTT_LONGEST_TEXT   65535
#define MQTT_LARGEST_PACKET 268435455 /* what the remaining length can say */

/* One packet. The arrays are kept from packet to packet; begin with a zeroed struct. */
struct mqtt_packet {
    enum mqtt_type type;
    bool dup;
    bool retain;
    bool session_present; /* CONNACK */
    uint8_t qos;
    uint8_t reason;      /* CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT */
    uint16_t id;         /* 0: none */
    mqk_str topic;       /* PUBLISH */
    mqk_str payload;     /* PUBLISH */
    mqk_str reasons;     /* SUBACK: a byte for each subscription */
    mqk_property *props; /* all but user properties, named as in the specification */
    size_t prop_count;
    size_t prop_capacity;
    mqk_pair *pairs; /* user properties, in order */
    size_t pair_count;
    size_t pair_capacity;
};

/* Reads the fixed header in the first `len` bytes of a packet: 1, with the lengths of header and
 * body; 0: more bytes are needed; -1: malformed. */
int mqtt_head_read(const uint8_t *data, size_t len, size_t *head, size_t *body);

/* Reads a packet, whose first byte is `first` and whose body is complete. NULL, or what is wrong
 * with it: then the connection has to end. */
const char *mqtt_packet_read(struct mqtt_packet *packet, uint8_t first, const uint8_t *body,
                             size_t len);

/* The number that a property of the packet has, or `fallback` when it is not there. */
int64_t mqtt_packet_number(const struct mqtt_packet *packet, enum mqtt_property property,
                           int64_t fallback);

void mqtt_packet_fini(struct mqtt_packet *packet);

/* Whether MQTT allows a text: valid UTF-8, not too long, without NUL; `strictly`: also without
 * control characters and noncharacters, because of which brokers may end a connection. */
bool mqtt_text_is_legal(mqk_str text, bool strictly);

/* What a reason code means. */
const char *mqtt_reason_text(uint8_t reason);

#endif
