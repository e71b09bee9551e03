/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway publishes: messages that Kafka asks for, and which of them the MQTT broker has
 * not acknowledged yet.
 */
#ifndef MQK_GATEWAY_OUTGOING_H
#define MQK_GATEWAY_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>
#include <mosquitto.h>
#include <mqkafka/mqkafka.h>

struct outgoing {
    struct mosquitto *mqtt;
    bool open;            /* connected, and not about to end */
    uint64_t published;   /* messages that libmosquitto took */
    uint64_t refused;     /* of those, by the broker in its acknowledgement */
    uint32_t waiting;     /* QoS 1 and 2: not acknowledged yet */
    uint64_t waits[1024]; /* a bit for each of the 65,536 packet identifiers */
};

/* Publishes. QoS 0: accepted when it is on its way; QoS 1 and 2: when libmosquitto has it, which
 * repeats it after a lost connection until it is acknowledged. Until outgoing->waiting is 0 again,
 * it is not safe. */
mqk_answer outgoing_publish(struct outgoing *outgoing, const mqk_publish *publish);

/* libmosquitto's callback for published messages says so: `code` is the broker's reason code.
 * False: the broker refused a message. */
bool outgoing_done(struct outgoing *outgoing, int packet_id, int code);

#endif
