/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_incoming.h"

#include <time.h>

#define SAY_EVERY_MS 5000

/* What will not be better when the message comes once more. */
static bool is_final(mqk_status status) {
    switch (status) {
    case MQK_ERR_TOO_LARGE:
    case MQK_ERR_TOPIC:
    case MQK_ERR_PARTITION:
    case MQK_ERR_EXPIRED:
    case MQK_ERR_KAFKA:
    case MQK_ERR_ARGUMENT:
        return true;
    default:
        return false;
    }
}

/* A line of the log, unless there was one of its kind a short time ago. */
static void say(const struct incoming *incoming, int64_t *said_ms, const char *what,
                mqk_status status) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (*said_ms == 0 || now_ms - *said_ms >= SAY_EVERY_MS) {
        *said_ms = now_ms;
        incoming->log(what, mqk_status_text(status));
    }
}

static void give_up(struct incoming *incoming, mqk_status status) {
    incoming->given_up++;
    say(incoming, &incoming->given_up_said_ms,
        "a message is acknowledged to its broker, but will not be in Kafka", status);
}

static uint64_t under_way(const struct incoming *incoming) {
    return incoming->mqtt->inbox.next - incoming->mqtt->inbox.first;
}

/* The buffer is smaller than what the broker sends without waiting: half of it next time. */
static void take_less(struct incoming *incoming) {
    uint64_t half = under_way(incoming) / 2;
    if (incoming->most == 0 || half < incoming->most) {
        incoming->most = half > 0 ? half : 1;
    }
    incoming->safe = 0;
}

/* One more, when all that may be under way has arrived. */
static void take_more(struct incoming *incoming) {
    if (incoming->most > 0 && ++incoming->safe >= incoming->most) {
        incoming->most++;
        incoming->safe = 0;
    }
}

enum mqtt_taken incoming_message(struct incoming *incoming, const struct mqtt_packet *packet,
                                 uint64_t number) {
    if (packet->qos > 0 && incoming->most > 0 && under_way(incoming) >= incoming->most) {
        incoming->held = true;
        return MQTT_NOT_NOW;
    }
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.token = number;
    event.topic = packet->topic;
    event.payload = packet->payload;
    event.qos = packet->qos;
    event.retain = packet->retain;
    event.props = packet->props;
    event.props_count = packet->prop_count;
    event.user_props = packet->pairs;
    event.user_props_count = packet->pair_count;
    int records = mqk_on_event(incoming->bridge, &event);
    mqk_status status = records < 0 ? (mqk_status)records : MQK_OK;
    bool is_promised = packet->qos > 0;
    incoming->held =
        status == MQK_ERR_FULL || (is_promised && status != MQK_OK && !is_final(status));
    if (incoming->held) {
        say(incoming, &incoming->held_said_ms, "not reading from the broker for the moment",
            status);
        return MQTT_NOT_NOW;
    }
    incoming->received++;
    if (status != MQK_OK && is_promised) {
        give_up(incoming, status);
    }
    return records > 0 ? MQTT_TAKEN : MQTT_SAFE;
}

void incoming_delivered(struct incoming *incoming, uint64_t token, mqk_status status) {
    if (!mqtt_client_awaits(incoming->mqtt, token)) {
        return; /* of an earlier connection: the broker has sent it again under a new number */
    }
    if (status != MQK_OK && !is_final(status)) {
        if (status == MQK_ERR_DROPPED) {
            take_less(incoming);
        }
        if (!incoming->closing) {
            mqtt_client_restart(incoming->mqtt, mqk_status_text(status));
        }
        return;
    }
    if (status != MQK_OK) {
        give_up(incoming, status);
    }
    take_more(incoming);
    mqtt_client_safe(incoming->mqtt, token);
}
