/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway publishes: messages that Kafka asks for.
 */
#ifndef MQK_GATEWAY_OUTGOING_H
#define MQK_GATEWAY_OUTGOING_H

#include "mqtt_client.h"

struct outgoing {
    struct mqtt_client *mqtt;
    bool open;          /* connected, and not about to end */
    uint64_t published; /* messages that the client took */
    uint64_t refused;   /* of those, by the broker in its acknowledgement */
};

/* Publishes. QoS 0: accepted when it is on its way; QoS 1 and 2: when the client has it, which
 * repeats it after a lost connection until it is acknowledged. Until outgoing_waiting() is 0 again,
 * it is not safe. */
mqk_answer outgoing_publish(struct outgoing *outgoing, const mqk_publish *publish);

/* Messages of QoS 1 and 2 that the broker has not acknowledged yet. */
size_t outgoing_waiting(const struct outgoing *outgoing);

#endif
