/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of QoS 1 and 2 that were published and are not acknowledged yet: they are sent in
 * their order, at most as many at a time as the broker wants, and again after a lost connection.
 */
#ifndef MQK_MQTT_OUTBOX_H
#define MQK_MQTT_OUTBOX_H

#include "mqtt_write.h"

/* Packet identifiers: messages use those below, other packets of a client the rest. */
#define MQTT_FIRST_OTHER_ID 60001
#define MQTT_OTHER_IDS      5535

struct mqtt_outbox {
    struct mqtt_departure *head;
    struct mqtt_departure **tail;
    struct mqtt_departure *next; /* the first one that this connection has not sent */
    uint64_t used[1024];         /* a bit for each of the 65,536 packet identifiers */
    uint16_t last_id;
    size_t count;
    size_t bytes;     /* of all packets */
    size_t in_flight; /* sent on this connection */
};

/* What an acknowledgement means. */
enum mqtt_outcome {
    MQTT_NOTHING_YET,      /* or it belongs to no message */
    MQTT_ARRIVED,          /* the broker has the message */
    MQTT_TURNED_DOWN,      /* the broker does not want it, and says why */
    MQTT_OUTBOX_NO_MEMORY, /* nothing happened */
};

void mqtt_outbox_init(struct mqtt_outbox *outbox);
void mqtt_outbox_fini(struct mqtt_outbox *outbox);

/* Takes a message, which is legal, for mqtt_outbox_send(). False: no memory, or too many. */
bool mqtt_outbox_add(struct mqtt_outbox *outbox, const struct mqtt_message *message);

/* A connection begins. When the broker kept the session, what it may have is marked so. */
void mqtt_outbox_restart(struct mqtt_outbox *outbox, bool session_present);

/* Adds what may be sent while `quota` may be in flight; stops when much waits in `out` already.
 * False: no memory. */
bool mqtt_outbox_send(struct mqtt_outbox *outbox, struct mqtt_bytes *out, size_t quota);

/* A PUBACK, PUBREC or PUBCOMP came; the answer to it is added to `out`. */
enum mqtt_outcome mqtt_outbox_answer(struct mqtt_outbox *outbox, const struct mqtt_packet *packet,
                                     struct mqtt_bytes *out);

#endif
