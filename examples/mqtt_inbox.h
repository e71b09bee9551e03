/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of QoS 1 and 2 that have arrived and are not acknowledged yet. They get numbers in
 * the order of arrival, and the broker gets its acknowledgements in that order (MQTT 5, 4.6),
 * whatever the order in which they become safe.
 */
#ifndef MQK_MQTT_INBOX_H
#define MQK_MQTT_INBOX_H

#include "mqtt_bytes.h"
#include "mqtt_packet.h"

struct mqtt_inbox {
    struct mqtt_arrival {
        uint16_t id;
        uint8_t qos;
        bool safe;
    } * ring;
    uint16_t capacity;
    uint64_t first;          /* number of the oldest one; numbers begin with 1 */
    uint64_t next;           /* number of the next one to arrive */
    uint64_t released[1024]; /* QoS 2, a bit each: acknowledged, the broker's PUBREL not here yet */
};

/* `capacity`: how many may wait. False: no memory. */
bool mqtt_inbox_init(struct mqtt_inbox *inbox, uint16_t capacity);
void mqtt_inbox_fini(struct mqtt_inbox *inbox);

/* A connection begins: what waited will be sent again by the broker, under new numbers. Without a
 * session of the broker's, nothing is left of QoS 2 either. */
void mqtt_inbox_restart(struct mqtt_inbox *inbox, bool session_present);

bool mqtt_inbox_is_full(const struct mqtt_inbox *inbox);

/* Whether a message of QoS 2 is one that is here and acknowledged already. */
bool mqtt_inbox_has(const struct mqtt_inbox *inbox, uint16_t id);

/* Enters a message, which gets the number inbox->next was. There is room. */
void mqtt_inbox_add(struct mqtt_inbox *inbox, uint16_t id, uint8_t qos);

/* The message with this number is safe; a number from an earlier connection is none. */
void mqtt_inbox_safe(struct mqtt_inbox *inbox, uint64_t number);

/* Adds the acknowledgements that are due, and says how many; -1: no memory. */
int mqtt_inbox_acknowledge(struct mqtt_inbox *inbox, struct mqtt_bytes *out);

/* The broker's PUBREL: adds the PUBCOMP. False: no memory. */
bool mqtt_inbox_release(struct mqtt_inbox *inbox, uint16_t id, struct mqtt_bytes *out);

#endif
