/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_outgoing.h"

mqk_answer outgoing_publish(struct outgoing *outgoing, const mqk_publish *publish) {
    const struct mqtt_message message = {.topic = publish->topic,
                                         .payload = publish->payload,
                                         .qos = publish->qos,
                                         .retain = publish->retain,
                                         .props = publish->props,
                                         .prop_count = publish->props_count,
                                         .pairs = publish->user_props,
                                         .pair_count = publish->user_props_count};
    if (!outgoing->open) {
        return MQK_LATER;
    }
    switch (mqtt_client_publish(outgoing->mqtt, &message)) {
    case MQTT_ACCEPTED:
        outgoing->published++;
        return MQK_ACCEPT;
    case MQTT_NEVER:
        return MQK_REFUSE;
    case MQTT_LATER:
        break;
    }
    return MQK_LATER;
}

size_t outgoing_waiting(const struct outgoing *outgoing) {
    return outgoing->mqtt->outbox.count;
}
