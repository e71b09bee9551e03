/* SPDX-License-Identifier: Apache-2.0 */
#include "clients.h"

#include <stdint.h>
#include <stdlib.h>

#define CAPACITY_MIN 64

static size_t slot_of(const struct clients *clients, const struct mosquitto *client) {
    uint64_t bits = (uint64_t)(uintptr_t)client;
    bits *= UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(bits >> 32) & (clients->capacity - 1);
}

/* The slot that holds the client, or the free one where it would go. */
static size_t slot_find(const struct clients *clients, const struct mosquitto *client) {
    size_t slot = slot_of(clients, client);
    while (clients->slots[slot] && clients->slots[slot] != client) {
        slot = (slot + 1) & (clients->capacity - 1);
    }
    return slot;
}

static bool clients_grow(struct clients *clients) {
    struct clients bigger = {
        .capacity = clients->capacity ? clients->capacity * 2 : CAPACITY_MIN,
        .count = clients->count,
    };
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots) {
        return false;
    }
    for (size_t i = 0; i < clients->capacity; i++) {
        if (clients->slots[i]) {
            bigger.slots[slot_find(&bigger, clients->slots[i])] = clients->slots[i];
        }
    }
    free(clients->slots);
    *clients = bigger;
    return true;
}

bool clients_add(struct clients *clients, const struct mosquitto *client) {
    if ((clients->count + 1) * 4 > clients->capacity * 3 && !clients_grow(clients)) {
        return false;
    }
    size_t slot = slot_find(clients, client);
    if (!clients->slots[slot]) {
        clients->slots[slot] = client;
        clients->count++;
    }
    return true;
}

bool clients_has(const struct clients *clients, const struct mosquitto *client) {
    return clients->count > 0 && clients->slots[slot_find(clients, client)] != NULL;
}

bool clients_take(struct clients *clients, const struct mosquitto *client) {
    if (!clients_has(clients, client)) {
        return false;
    }
    /* Close the gap, so that no search ends too early. */
    size_t mask = clients->capacity - 1;
    size_t gap = slot_find(clients, client);
    for (size_t next = (gap + 1) & mask; clients->slots[next]; next = (next + 1) & mask) {
        size_t home = slot_of(clients, clients->slots[next]);
        if (((next - home) & mask) >= ((next - gap) & mask)) {
            clients->slots[gap] = clients->slots[next];
            gap = next;
        }
    }
    clients->slots[gap] = NULL;
    clients->count--;
    return true;
}

void clients_fini(struct clients *clients) {
    free(clients->slots);
    *clients = (struct clients){0};
}
