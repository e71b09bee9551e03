/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An in-process Kafka for trials and tests: librdkafka's mock cluster, listening on loopback.
 * Records are kept in memory, a few megabytes of them, and are gone when it stops. Not for
 * production.
 */
#ifndef MQK_EDGES_EMBEDDED_H
#define MQK_EDGES_EMBEDDED_H

#include "str.h"

struct embedded;

/* Starts a cluster of one broker. NULL on failure, with `err` (code MQK_ERR_KAFKA and the
 * sentence). */
struct embedded *embedded_start(mqk_error *err);
void embedded_stop(struct embedded *e); /* NULL allowed */

/* "127.0.0.1:port" of its brokers. */
const char *embedded_servers(const struct embedded *e);

/* Makes a topic of 4 partitions; one that is there stays as it is. Newer versions of librdkafka do
 * not create topics by themselves. Any thread. */
void embedded_create_topic(struct embedded *e, const char *topic);

#endif
