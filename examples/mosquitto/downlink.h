/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kafka asks of the broker: publish, kick, acl_clean. The answers are given inside
 * plugin_poll(), on the broker's thread; the broker is only touched between two turns of its loop,
 * where no client's packet is under way.
 */
#ifndef MQK_MOSQUITTO_DOWNLINK_H
#define MQK_MOSQUITTO_DOWNLINK_H

#include "options.h"

struct downlink {
    bool open;          /* the broker may be touched now */
    int64_t ends_ms;    /* when the broker's loop has been held up for long enough */
    int unsettled;      /* turns until they are settled */
    uint64_t published; /* messages handed to the broker in this turn */
};

struct plugin;

/* Whether what was accepted in the last turn is published, and saved by a broker that saves on
 * every change. Only then may the bridge be polled again: it takes that for safe. */
bool downlink_is_settled(struct plugin *plugin);

/* Begins and ends a turn; `done` tells whether the broker has something to publish now. */
void downlink_begin(struct plugin *plugin);
bool downlink_done(struct plugin *plugin);

/* Callbacks of mqk_host; `user` is the struct plugin. */
mqk_answer downlink_publish(void *user, const mqk_publish *publish);
mqk_answer downlink_kick(void *user, const mqk_kick *kick);
mqk_answer downlink_acl_clean(void *user, const mqk_acl_clean *clean);

#endif
