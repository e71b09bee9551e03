/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets that an MQTT 5 client sends, added to bytes on their way out. All functions are false
 * when there is no memory; then nothing was added.
 */
#ifndef MQK_MQTT_WRITE_H
#define MQK_MQTT_WRITE_H

#include "mqtt_bytes.h"
#include "mqtt_packet.h"

/* A CONNECT that goes on with the session that the broker has. */
struct mqtt_connect {
    mqk_str clientid;
    mqk_str username; /* absent: none */
    mqk_str password; /* absent: none */
    uint16_t keepalive_s;
    uint32_t session_expiry_s;
    uint16_t receive_maximum; /* messages of QoS 1 and 2 without acknowledgement */
    uint32_t maximum_packet;  /* bytes */
};

/* Bits of a subscription's options beside its QoS (3.8.3.1). */
enum { MQTT_NO_LOCAL = 4, MQTT_RETAIN_IF_NEW = 0x10 };

/* A message to publish. */
struct mqtt_message {
    mqk_str topic;
    mqk_str payload;
    uint8_t qos;
    bool retain;
    const mqk_property *props; /* names that are no properties of a message are left out */
    size_t prop_count;
    const mqk_pair *pairs;
    size_t pair_count;
};

bool mqtt_write_connect(struct mqtt_bytes *out, const struct mqtt_connect *connect);
bool mqtt_write_subscribe(struct mqtt_bytes *out, uint16_t id, mqk_str filter, uint8_t options);

/* Whether MQTT allows the message: texts, topic, values. */
bool mqtt_message_is_legal(const struct mqtt_message *message);

/* Length of the PUBLISH that a message makes. */
size_t mqtt_publish_len(const struct mqtt_message *message);

/* `id`: packet identifier, for QoS 1 and 2. The message is legal, and the packet not larger than
 * MQTT_LARGEST_PACKET. */
bool mqtt_write_publish(struct mqtt_bytes *out, uint16_t id, const struct mqtt_message *message);

/* PUBACK, PUBREC, PUBREL, PUBCOMP. */
bool mqtt_write_ack(struct mqtt_bytes *out, enum mqtt_type type, uint16_t id, uint8_t reason);
bool mqtt_write_pingreq(struct mqtt_bytes *out);
bool mqtt_write_disconnect(struct mqtt_bytes *out, uint8_t reason);

#endif
