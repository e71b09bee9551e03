/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the broker's events the plugin asks for: those that a rule has a use for, and of the
 * security checks only those that can be watched without changing their outcome.
 */
#ifndef MQK_MOSQUITTO_REGISTRATION_H
#define MQK_MOSQUITTO_REGISTRATION_H

#include "plugin.h"

#define HOOK_BIT(name) (UINT32_C(1) << MQK_HOOK_##name)

/* What must hold before an event may be registered. */
enum need {
    NEED_NOTHING,
    NEED_AUTH,     /* watching logins is neutral */
    NEED_ACL,      /* watching access checks is neutral */
    NEED_OPEN_ACL, /* and nothing is ever denied, so that a check is as good as its outcome */
    NEED_PERSIST   /* the broker does not keep its state itself */
};

/* An event of the broker and the hooks that it serves; 0: always registered. An event may stand in
 * several rows. */
struct broker_event {
    int event; /* MOSQ_EVT_… */
    enum need need;
    uint32_t hooks;
    MOSQ_FUNC_generic_callback callback;
};

/* The table of this broker version. (events_20.c, events_21.c) */
extern const struct broker_event broker_events[];
extern const size_t broker_event_count;

/* Brings the registrations in line with plugin->wanted and plugin->security, and logs which wanted
 * hooks this broker cannot give. False when the broker refuses a registration; logged. */
bool registration_refresh(struct plugin *plugin);

/* Takes all registrations back. */
void registration_clear(struct plugin *plugin);

#endif
