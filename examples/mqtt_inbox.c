/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_inbox.h"

#include "mqtt_write.h"

#include <stdlib.h>
#include <string.h>

#define ID_NOT_FOUND 0x92

static struct mqtt_arrival *arrival(const struct mqtt_inbox *inbox, uint64_t number) {
    return &inbox->ring[number % inbox->capacity];
}

bool mqtt_inbox_init(struct mqtt_inbox *inbox, uint16_t capacity) {
    *inbox = (struct mqtt_inbox){.capacity = capacity, .first = 1, .next = 1};
    inbox->ring = calloc(capacity, sizeof(*inbox->ring));
    return inbox->ring != NULL;
}

void mqtt_inbox_fini(struct mqtt_inbox *inbox) {
    free(inbox->ring);
    *inbox = (struct mqtt_inbox){0};
}

void mqtt_inbox_restart(struct mqtt_inbox *inbox, bool session_present) {
    inbox->first = inbox->next;
    if (!session_present) {
        memset(inbox->released, 0, sizeof(inbox->released));
    }
}

bool mqtt_inbox_is_full(const struct mqtt_inbox *inbox) {
    return inbox->next - inbox->first == inbox->capacity;
}

bool mqtt_inbox_has(const struct mqtt_inbox *inbox, uint16_t id) {
    return inbox->released[id / 64] >> (id % 64) & 1;
}

void mqtt_inbox_add(struct mqtt_inbox *inbox, uint16_t id, uint8_t qos) {
    *arrival(inbox, inbox->next++) = (struct mqtt_arrival){.id = id, .qos = qos};
}

void mqtt_inbox_safe(struct mqtt_inbox *inbox, uint64_t number) {
    if (number >= inbox->first && number < inbox->next) {
        arrival(inbox, number)->safe = true;
    }
}

int mqtt_inbox_acknowledge(struct mqtt_inbox *inbox, struct mqtt_bytes *out) {
    int count = 0;
    while (inbox->first < inbox->next && arrival(inbox, inbox->first)->safe) {
        const struct mqtt_arrival *a = arrival(inbox, inbox->first);
        if (!mqtt_write_ack(out, a->qos == 2 ? MQTT_PUBREC : MQTT_PUBACK, a->id, 0)) {
            return -1;
        }
        if (a->qos == 2) {
            inbox->released[a->id / 64] |= UINT64_C(1) << (a->id % 64);
        }
        inbox->first++;
        count++;
    }
    return count;
}

bool mqtt_inbox_release(struct mqtt_inbox *inbox, uint16_t id, struct mqtt_bytes *out) {
    uint8_t reason = mqtt_inbox_has(inbox, id) ? 0 : ID_NOT_FOUND;
    inbox->released[id / 64] &= ~(UINT64_C(1) << (id % 64));
    return mqtt_write_ack(out, MQTT_PUBCOMP, id, reason);
}
