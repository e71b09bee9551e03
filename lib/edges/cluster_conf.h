/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's configuration, written property by property: what producers and consumers of a
 * cluster have in common. One thread at a time. */
#ifndef MQK_EDGES_CLUSTER_CONF_H
#define MQK_EDGES_CLUSTER_CONF_H

#include <librdkafka/rdkafka.h>

#include "settings.h"

/* After the first failure nothing more is set. */
struct conf_writer {
    rd_kafka_conf_t *conf;
    mqk_error *err; /* MQK_ERR_KAFKA with the property's name; NULL allowed */
    bool failed;
};

void conf_set(struct conf_writer *w, const char *name, const char *value); /* NULL: nothing */
void conf_set_int(struct conf_writer *w, const char *name, int64_t value);
/* Sets it unless 0, which stands for librdkafka's own default. */
void conf_set_ms(struct conf_writer *w, const char *name, int64_t ms);

/* Address, name, security, time limits. `servers` replaces the settings' address and security, or
 * is NULL. */
void conf_set_cluster(struct conf_writer *w, const struct cluster_settings *c, const char *servers);

void conf_set_properties(struct conf_writer *w, const struct property *properties, size_t count);

#endif
