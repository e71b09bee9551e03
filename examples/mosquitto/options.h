/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin's options: the `plugin_opt_mqk_…` lines of mosquitto.conf. The texts belong to the
 * broker and live as long as the plugin.
 */
#ifndef MQK_MOSQUITTO_OPTIONS_H
#define MQK_MOSQUITTO_OPTIONS_H

#include "mosq.h"
#include <mqkafka/mqkafka.h>

/* Whether to register for the broker's authentication and access checks; see security.h. */
enum auth_events { AUTH_EVENTS_AUTO, AUTH_EVENTS_TRUE, AUTH_EVENTS_FALSE };

/* What becomes of `action: acl_clean`. The broker keeps no decisions that could be forgotten. */
enum acl_clean { ACL_CLEAN_IGNORE, ACL_CLEAN_KICK };

struct options {
    const char *config; /* mqk_config: path of the rules */
    const char *node;   /* mqk_node: NULL: the machine's host name */
    mqk_log_level log_level;
    int close_timeout_ms;
    enum auth_events auth_events;
    enum acl_clean acl_clean;
    int consume_rate;         /* records a second from Kafka; 0: no limit */
    const char *metrics_file; /* NULL: none */
    int metrics_interval_ms;
};

/* The rate as records in one poll (0: no limit) and milliseconds from one poll to the next. */
uint32_t options_offer_most(const struct options *options);
int options_pace_ms(const struct options *options);

/* Reads the options. False, with a sentence in `error`, when one is unknown, missing or wrong. */
bool options_read(struct options *options, const struct mosquitto_opt *given, int count,
                  char *error, size_t error_size);

#endif
