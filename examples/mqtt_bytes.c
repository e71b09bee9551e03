/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_bytes.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096
#define MUCH           (1 << 20)

uint8_t *mqtt_bytes_room(struct mqtt_bytes *bytes, size_t len) {
    size_t used = mqtt_bytes_len(bytes);
    if (bytes->at > 0 && (used == 0 || bytes->capacity - bytes->end < len)) {
        memmove(bytes->data, bytes->data + bytes->at, used);
        bytes->at = 0;
        bytes->end = used;
    }
    if (!bytes->data || bytes->capacity - bytes->end < len) {
        size_t bigger = bytes->capacity ? bytes->capacity * 2 : FIRST_CAPACITY;
        if (bigger < used + len) {
            bigger = used + len;
        }
        uint8_t *data = realloc(bytes->data, bigger);
        if (!data) {
            return NULL;
        }
        bytes->data = data;
        bytes->capacity = bigger;
    }
    return bytes->data + bytes->end;
}

void mqtt_bytes_added(struct mqtt_bytes *bytes, size_t len) {
    bytes->end += len;
}

void mqtt_bytes_take(struct mqtt_bytes *bytes, size_t len) {
    bytes->at += len;
    if (bytes->at == bytes->end) {
        mqtt_bytes_clear(bytes);
    }
}

void mqtt_bytes_clear(struct mqtt_bytes *bytes) {
    bytes->at = bytes->end = 0;
    if (bytes->capacity > MUCH) {
        mqtt_bytes_fini(bytes);
    }
}

void mqtt_bytes_fini(struct mqtt_bytes *bytes) {
    free(bytes->data);
    *bytes = (struct mqtt_bytes){0};
}
