/* SPDX-License-Identifier: Apache-2.0 */
/* Settings → librdkafka's configuration. The one place that knows librdkafka's property names. */
#ifndef MQK_EDGES_PRODUCER_CONF_H
#define MQK_EDGES_PRODUCER_CONF_H

#include <librdkafka/rdkafka.h>

#include "settings.h"

/* A new configuration for a producer without callbacks, or NULL with `err` (MQK_ERR_KAFKA and a
 * sentence that names the property, never a secret). `servers` replaces the settings' when not
 * NULL. */
rd_kafka_conf_t *producer_conf_new(const struct cluster_settings *cluster,
                                   const struct producer_settings *settings, const char *servers,
                                   mqk_error *err);

/* SCRAM with librdkafka before 2.6.1 fails against Kafka 4 (the client nonce is repeated). True
 * when these settings meet it, so that an authentication error can be explained. */
bool producer_conf_scram_quirk(const struct cluster_settings *cluster);

/* With such a linger records gather before librdkafka for PRODUCER_NAP_MS of it: who puts one in
 * need not wake anybody. */
#define PRODUCER_NAP_MS 1
bool producer_gathers(const struct producer_settings *settings);

#endif
