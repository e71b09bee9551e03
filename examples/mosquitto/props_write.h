/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MQTT 5 properties of a message to publish as a list of Mosquitto's, for the plugin (whose
 * list then belongs to the broker) and the gateway.
 */
#ifndef MQK_MOSQUITTO_PROPS_WRITE_H
#define MQK_MOSQUITTO_PROPS_WRITE_H

#include <stdbool.h>
#include <mosquitto.h>
#ifdef MQK_MOSQUITTO_21
#include <mosquitto/mqtt_protocol.h>
#else
#include <mqtt_protocol.h>
#endif
#include <mqkafka/mqkafka.h>

/* Makes the list, to be freed with mosquitto_property_free_all(); NULL when there are none.
 * MOSQ_ERR_SUCCESS; MOSQ_ERR_NOMEM; another error when a value is not allowed in MQTT. Nothing is
 * left behind on an error. Names that are no properties of a message are left out. */
int props_write(const mqk_publish *publish, mosquitto_property **list);

/* A NUL-terminated copy, to be freed with free(). MOSQ_ERR_SUCCESS; MOSQ_ERR_NOMEM; another error
 * when MQTT does not allow the text: NUL, invalid UTF-8, control characters, too long. */
int mqtt_text(mqk_str text, char **copy);

#endif
