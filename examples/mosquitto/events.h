/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that 2.0 and 2.1 tell of in the same way, and what both versions' callbacks share. All
 * callbacks get the struct plugin as their last argument.
 */
#ifndef MQK_MOSQUITTO_EVENTS_H
#define MQK_MOSQUITTO_EVENTS_H

#include "registration.h"

/* Hooks that are known from a client's login. */
#define LOGIN_HOOKS                                                                                \
    (HOOK_BIT(CLIENT_CONNECT) | HOOK_BIT(CLIENT_CONNACK) | HOOK_BIT(CLIENT_CONNECTED) |            \
     HOOK_BIT(CLIENT_AUTHENTICATE) | HOOK_BIT(SESSION_CREATED) | HOOK_BIT(SESSION_RESUMED) |       \
     HOOK_BIT(SESSION_DISCARDED) | HOOK_BIT(SESSION_TAKENOVER))

/* What one MQTT packet says. */
struct packet {
    const char *topic;
    const void *payload;
    uint32_t payload_len;
    int qos;
    bool retain;
    const mosquitto_property *props;
};

/* message.publish, message.delivered */
void emit_message(struct plugin *plugin, mqk_hook hook, const struct mosquitto *client,
                  const struct packet *packet);

/* client.subscribe and session.subscribed, client.unsubscribe and session.unsubscribed; `qos` is
 * MQK_UNKNOWN when there is none */
void emit_subscription(struct plugin *plugin, mqk_hook request, mqk_hook done,
                       const struct mosquitto *client, const char *filter, int64_t qos,
                       const mosquitto_property *props);

/* client.authorize */
void emit_authorize(struct plugin *plugin, const struct mosquitto *client, const char *topic,
                    const char *action);

/* client.disconnected */
void emit_disconnected(struct plugin *plugin, const struct mosquitto *client, const char *reason);

/* session.terminated; `client` may be NULL, then only the id is known */
void emit_terminated(struct plugin *plugin, const struct mosquitto *client, const char *clientid,
                     const char *reason);

/* The broker's reason for closing a connection as a word. */
const char *disconnect_reason(int reason);

int on_message(int event, void *data, void *user); /* struct mosquitto_evt_message */

#endif
