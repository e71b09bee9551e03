/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bridge tells of itself: sums up its counters, producers and latencies. All with the
 * bridge's lock held.
 */
#ifndef MQK_BRIDGE_WATCH_H
#define MQK_BRIDGE_WATCH_H

#include "bridge.h"
#include "metrics.h"

void watch_bridge(struct mqk_bridge *b, mqk_stats *out);
void watch_health(struct mqk_bridge *b, mqk_health *out);
void watch_rule(const struct counters *c, mqk_rule_stats *out);

/* A cluster by its name; `latency` (may be NULL) receives all of its latencies since the opening.
 * False when out of memory. */
bool watch_cluster(struct mqk_bridge *b, const char *name, mqk_cluster_stats *out,
                   struct histogram_counts *latency);

/* Everything, for the writers of metrics.h. MQK_OK: to be freed with watch_free(); or
 * MQK_ERR_NO_MEMORY. */
mqk_status watch_all(struct mqk_bridge *b, struct metrics *out);
void watch_free(struct metrics *m);

#endif
