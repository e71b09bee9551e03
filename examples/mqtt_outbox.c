/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_outbox.h"

#include <stdlib.h>
#include <string.h>

#define DUP          8
#define ID_NOT_FOUND 0x92
#define MUCH         (256 * 1024)
#define MOST         50000 /* so that a free identifier is found soon */

struct mqtt_departure {
    struct mqtt_departure *next;
    uint16_t id;
    uint8_t qos;
    bool sent;     /* on this connection */
    bool received; /* QoS 2: the broker's PUBREC was here */
    size_t len;
    uint8_t packet[];
};

void mqtt_outbox_init(struct mqtt_outbox *outbox) {
    *outbox = (struct mqtt_outbox){0};
    outbox->tail = &outbox->head;
}

void mqtt_outbox_fini(struct mqtt_outbox *outbox) {
    while (outbox->head) {
        struct mqtt_departure *d = outbox->head;
        outbox->head = d->next;
        free(d);
    }
    mqtt_outbox_init(outbox);
}

static uint16_t free_id(struct mqtt_outbox *outbox) {
    uint16_t id = outbox->last_id;
    do {
        id = id + 1 >= MQTT_FIRST_OTHER_ID ? 1 : (uint16_t)(id + 1);
    } while (outbox->used[id / 64] >> (id % 64) & 1);
    outbox->last_id = id;
    return id;
}

bool mqtt_outbox_add(struct mqtt_outbox *outbox, const struct mqtt_message *message) {
    struct mqtt_bytes packet = {0};
    if (outbox->count >= MOST) {
        return false;
    }
    uint16_t id = free_id(outbox);
    if (!mqtt_write_publish(&packet, id, message)) {
        return false;
    }
    size_t len = mqtt_bytes_len(&packet);
    struct mqtt_departure *d = malloc(sizeof(*d) + len);
    if (d) {
        *d = (struct mqtt_departure){.id = id, .qos = message->qos, .len = len};
        memcpy(d->packet, mqtt_bytes_first(&packet), len);
        *outbox->tail = d;
        outbox->tail = &d->next;
        outbox->next = outbox->next ? outbox->next : d;
        outbox->used[id / 64] |= UINT64_C(1) << (id % 64);
        outbox->count++;
        outbox->bytes += len;
    }
    mqtt_bytes_fini(&packet);
    return d != NULL;
}

void mqtt_outbox_restart(struct mqtt_outbox *outbox, bool session_present) {
    for (struct mqtt_departure *d = outbox->head; d; d = d->next) {
        if (!session_present) {
            d->packet[0] &= (uint8_t)~DUP;
            d->received = false;
        } else if (d->sent) {
            d->packet[0] |= DUP;
        }
        d->sent = false;
    }
    outbox->next = outbox->head;
    outbox->in_flight = 0;
}

bool mqtt_outbox_send(struct mqtt_outbox *outbox, struct mqtt_bytes *out, size_t quota) {
    while (outbox->next && outbox->in_flight < quota && mqtt_bytes_len(out) < MUCH) {
        struct mqtt_departure *d = outbox->next;
        if (d->received) {
            if (!mqtt_write_ack(out, MQTT_PUBREL, d->id, 0)) {
                return false;
            }
        } else {
            uint8_t *room = mqtt_bytes_room(out, d->len);
            if (!room) {
                return false;
            }
            memcpy(room, d->packet, d->len);
            mqtt_bytes_added(out, d->len);
        }
        d->sent = true;
        outbox->in_flight++;
        outbox->next = d->next;
    }
    return true;
}

static void departure_remove(struct mqtt_outbox *outbox, struct mqtt_departure **link) {
    struct mqtt_departure *d = *link;
    *link = d->next;
    if (outbox->tail == &d->next) {
        outbox->tail = link;
    }
    outbox->used[d->id / 64] &= ~(UINT64_C(1) << (d->id % 64));
    outbox->in_flight--;
    outbox->count--;
    outbox->bytes -= d->len;
    free(d);
}

enum mqtt_outcome mqtt_outbox_answer(struct mqtt_outbox *outbox, const struct mqtt_packet *packet,
                                     struct mqtt_bytes *out) {
    struct mqtt_departure **link = &outbox->head;
    while (*link && (*link)->id != packet->id) {
        link = &(*link)->next;
    }
    struct mqtt_departure *d = *link;
    bool failed = packet->reason >= MQTT_FIRST_FAILURE;
    if (!d || !d->sent || d->qos != (packet->type == MQTT_PUBACK ? 1 : 2)) {
        bool answered = packet->type != MQTT_PUBREC || failed ||
                        mqtt_write_ack(out, MQTT_PUBREL, packet->id, ID_NOT_FOUND);
        return answered ? MQTT_NOTHING_YET : MQTT_OUTBOX_NO_MEMORY;
    }
    if (packet->type == MQTT_PUBREC && !failed) {
        if (!mqtt_write_ack(out, MQTT_PUBREL, packet->id, 0)) {
            return MQTT_OUTBOX_NO_MEMORY;
        }
        d->received = true;
        return MQTT_NOTHING_YET;
    }
    if (packet->type == MQTT_PUBCOMP && !d->received) {
        return MQTT_NOTHING_YET;
    }
    /* A PUBCOMP that fails only says that the broker had forgotten the identifier: after its PUBREC
     * the message was in its hands. */
    departure_remove(outbox, link);
    return failed && packet->type != MQTT_PUBCOMP ? MQTT_TURNED_DOWN : MQTT_ARRIVED;
}
