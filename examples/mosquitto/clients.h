/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of clients, known by the broker's pointers, which are never followed: those that are online
 * or offline, and, after a reload, those whose login the broker checks again.
 */
#ifndef MQK_MOSQUITTO_CLIENTS_H
#define MQK_MOSQUITTO_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

struct mosquitto;

struct clients {
    const struct mosquitto **slots; /* open addressing; NULL: free */
    size_t capacity;                /* a power of two, or 0 */
    size_t count;
};

/* Adds a client; false when out of memory. */
bool clients_add(struct clients *clients, const struct mosquitto *client);
bool clients_has(const struct clients *clients, const struct mosquitto *client);

/* Removes a client; false when it was not there. */
bool clients_take(struct clients *clients, const struct mosquitto *client);

/* Empties the set and gives its memory back. */
void clients_fini(struct clients *clients);

#endif
