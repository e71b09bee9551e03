/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way in or out: added behind, taken away in front. A zeroed struct is an empty one.
 */
#ifndef MQK_MQTT_BYTES_H
#define MQK_MQTT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqtt_bytes {
    uint8_t *data; /* allocated */
    size_t at;     /* where the first byte stands */
    size_t end;    /* behind the last one */
    size_t capacity;
};

static inline size_t mqtt_bytes_len(const struct mqtt_bytes *bytes) {
    return bytes->end - bytes->at;
}

/* The first byte; valid until something is added. */
static inline uint8_t *mqtt_bytes_first(const struct mqtt_bytes *bytes) {
    return bytes->data + bytes->at;
}

/* Room for `len` more behind the last byte; NULL when there is no memory. What is written there
 * counts after mqtt_bytes_added(). */
uint8_t *mqtt_bytes_room(struct mqtt_bytes *bytes, size_t len);
void mqtt_bytes_added(struct mqtt_bytes *bytes, size_t len);

/* Takes away the first `len` bytes. */
void mqtt_bytes_take(struct mqtt_bytes *bytes, size_t len);

/* Empties it; the memory is kept unless it is much. */
void mqtt_bytes_clear(struct mqtt_bytes *bytes);
void mqtt_bytes_fini(struct mqtt_bytes *bytes);

#endif
