/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin: one bridge in one broker (or in one listener, with per_listener_settings). All of it
 * runs on the broker's only thread.
 */
#ifndef MQK_MOSQUITTO_PLUGIN_H
#define MQK_MOSQUITTO_PLUGIN_H

#include "broker_conf.h"
#include "clients.h"
#include "connecting.h"
#include "downlink.h"
#include "messages.h"
#include "metrics_file.h"
#include "mosq.h"
#include "options.h"
#include "props.h"
#include "security.h"
#include "waker.h"

struct plugin {
    mosquitto_plugin_id_t *id;
    mqk_bridge *bridge;
    struct options options;
    struct broker_conf conf;
    struct security security;
    uint32_t wanted;     /* hooks that a rule has: bits 1 << mqk_hook */
    uint32_t registered; /* broker events we are registered for: bits of registration.c's table */
    struct props props;
    struct connecting connecting;
    struct clients offline;   /* offline, with a session that goes on (2.0) */
    struct clients online;    /* connected (2.1) */
    struct clients rechecked; /* connected clients whose login is checked again (2.1) */
    bool rechecking;          /* a reload is under way (2.0) */
    struct messages messages; /* messages that may yet be acknowledged (2.1) */
    char *ended;              /* client id of the session whose end was just told (2.1) */
    char *replaced; /* client id of the connection that just made way for a new one (2.1) */
    bool replaced_online;
    struct downlink downlink;
    struct waker waker;
    struct metrics_file metrics;
    int64_t polled_ms;
    bool consumes;    /* there are consumer rules */
    bool ticks;       /* the broker gives us turns of its loop */
    bool ticks_amiss; /* and that it does not was said in the log */
};

/* Whether a rule has this hook. */
static inline bool plugin_wants(const struct plugin *plugin, mqk_hook hook) {
    return plugin->wanted >> hook & 1;
}

/* Begins an event of this client; the client may be NULL. */
void plugin_event(mqk_event *event, mqk_hook hook, const struct mosquitto *client);

/* Hands an event to the library. What becomes of it stands in the library's counters and log. */
void plugin_emit(struct plugin *plugin, const mqk_event *event);

/* A turn of the broker's loop: what the library has to say, and what Kafka asks for. */
void plugin_tick(struct plugin *plugin);

/* Hands on what the library has to say, if it is time for it, in the middle of the broker's work.
 * For a broker that gives no turns. */
void plugin_poll(struct plugin *plugin);

/* Milliseconds since 1970. */
int64_t plugin_now_ms(void);

/* Reads the rules again; a broken file changes nothing. */
void plugin_reload(struct plugin *plugin);

#endif
