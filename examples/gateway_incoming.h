/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway receives: messages become events, and the broker gets its acknowledgement when
 * their records are safe. event.token is the number of the message, so mqk_host.delivered says
 * which one it is.
 *
 *   all records in Kafka, in the dead letter topic,     acknowledged
 *   or in a spool on the disk
 *   no rule matched; `when_full: drop_newest` dropped   acknowledged: the rules want it so
 *   MQK_ERR_TOO_LARGE, _TOPIC, _PARTITION, _EXPIRED,    acknowledged and logged: it would fail for
 *   _KAFKA, _ARGUMENT                                   ever
 *   mqk_on_event(): MQK_ERR_FULL, _NO_MEMORY,           not read on, offered again until it is
 *   _TIMEOUT, _SPOOL, and all others                    taken
 *   delivered(): MQK_ERR_DROPPED, _CLOSED, _NO_MEMORY,  not acknowledged: the connection is made
 *   _SPOOL, and all others                              anew, and the broker sends it again
 *
 * After MQK_ERR_DROPPED fewer messages are read at a time, so that they fit into the buffer.
 *
 * When several rules match and one record is refused for good at once, the message is acknowledged
 * without waiting for the others, as the library tells nothing about them then.
 */
#ifndef MQK_GATEWAY_INCOMING_H
#define MQK_GATEWAY_INCOMING_H

#include "mqtt_client.h"

struct incoming {
    struct mqtt_client *mqtt;
    mqk_bridge *bridge;
    void (*log)(const char *what, const char *why);
    uint64_t received; /* messages, those that came again too */
    uint64_t given_up; /* acknowledged, though a record will never be safe */
    uint64_t most;     /* messages to have under way at a time; 0: as many as the broker sends */
    uint64_t safe;     /* since `most` was changed */
    bool held;         /* a message waits to be offered again: mqtt_client_resume() */
    bool closing;      /* no new connection is wanted any more */
    int64_t held_said_ms;
    int64_t given_up_said_ms;
};

/* For mqtt_client_host.message. */
enum mqtt_taken incoming_message(struct incoming *incoming, const struct mqtt_packet *packet,
                                 uint64_t number);

/* For mqk_host.delivered. */
void incoming_delivered(struct incoming *incoming, uint64_t token, mqk_status status);

#endif
