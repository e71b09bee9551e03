/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MQTT 5 properties in the library's form, for the plugin and the gateway. One set of arrays is
 * kept and used for event after event, so that messages without properties cost nothing and those
 * with some no growing of arrays.
 */
#ifndef MQK_MOSQUITTO_PROPS_H
#define MQK_MOSQUITTO_PROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <mosquitto.h>
#ifdef MQK_MOSQUITTO_21
#include <mosquitto/mqtt_protocol.h>
#else
#include <mqtt_protocol.h>
#endif
#include <mqkafka/mqkafka.h>

struct props {
    mqk_property *items;
    size_t count;
    size_t capacity;
    mqk_pair *pairs; /* user properties, in order */
    size_t pair_count;
    size_t pair_capacity;
    void **copies; /* what libmosquitto allocated (before 2.1) */
    size_t copy_count;
    size_t copy_capacity;
};

/* Puts a packet's properties into the event. What it points at is valid until props_clear(). When
 * memory runs out the rest of the properties is missing. */
void props_read(struct props *props, const mosquitto_property *list, mqk_event *event);

void props_clear(struct props *props);
void props_fini(struct props *props);

#endif
