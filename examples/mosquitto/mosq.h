/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mosquitto's headers, wherever this version keeps them. MQK_MOSQUITTO_21 is set by the build when
 * the broker is 2.1 or newer.
 */
#ifndef MQK_MOSQUITTO_MOSQ_H
#define MQK_MOSQUITTO_MOSQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mosquitto.h>

#ifdef MQK_MOSQUITTO_21
#include <mosquitto/broker.h>
#include <mosquitto/broker_plugin.h>
#include <mosquitto/mqtt_protocol.h>
#else
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
#endif

#endif
