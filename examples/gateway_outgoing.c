/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_outgoing.h"

#include "mosquitto/props_write.h"

#include <limits.h>
#include <stdlib.h>

#define FIRST_REFUSAL 128 /* MQTT 5, 2.4: reason codes from here on are failures */

/* What will not be better next time; everything else is a matter of the connection or of memory. */
static bool is_final(int rc) {
    switch (rc) {
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_PROTOCOL:
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_DUPLICATE_PROPERTY:
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
    case MOSQ_ERR_OVERSIZE_PACKET:
        return true;
    default:
        return false;
    }
}

static int send_one(struct outgoing *outgoing, const mqk_publish *publish, const char *topic) {
    mosquitto_property *props = NULL;
    int packet_id = 0;
    int rc = props_write(publish, &props);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_publish_v5(outgoing->mqtt, &packet_id, topic, (int)publish->payload.len,
                                  publish->payload.data, publish->qos, publish->retain, props);
    }
    mosquitto_property_free_all(&props);
    if (rc == MOSQ_ERR_SUCCESS && publish->qos > 0) {
        outgoing->waits[(packet_id & 0xffff) / 64] |= UINT64_C(1) << (packet_id % 64);
        outgoing->waiting++;
    }
    return rc;
}

mqk_answer outgoing_publish(struct outgoing *outgoing, const mqk_publish *publish) {
    if (!outgoing->open) {
        return MQK_LATER;
    }
    if (publish->payload.len > INT_MAX) {
        return MQK_REFUSE;
    }
    char *topic = NULL;
    int rc = mqtt_text(publish->topic, &topic);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = send_one(outgoing, publish, topic);
    }
    free(topic);
    if (rc == MOSQ_ERR_SUCCESS) {
        outgoing->published++;
        return MQK_ACCEPT;
    }
    return is_final(rc) ? MQK_REFUSE : MQK_LATER;
}

bool outgoing_done(struct outgoing *outgoing, int packet_id, int code) {
    uint64_t *word = &outgoing->waits[(packet_id & 0xffff) / 64];
    uint64_t bit = UINT64_C(1) << (packet_id % 64);
    if ((*word & bit) == 0) {
        return true; /* QoS 0 */
    }
    *word &= ~bit;
    outgoing->waiting--;
    if (code >= FIRST_REFUSAL) {
        outgoing->refused++;
        return false;
    }
    return true;
}
