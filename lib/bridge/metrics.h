/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can be counted of a bridge, as it was at one moment, and how it is written down.
 * The texts and counters that it points at live as long as the bridge.
 */
#ifndef MQK_BRIDGE_METRICS_H
#define MQK_BRIDGE_METRICS_H

#include "counters.h"
#include "histogram.h"
#include "text_out.h"

struct metrics_rule {
    const struct counters *counters;
    mqk_str cluster;
};

struct metrics_cluster {
    mqk_cluster_stats stats;
    struct histogram_counts latency; /* since the opening */
};

struct metrics {
    mqk_str node;
    const char *librdkafka; /* its version */
    mqk_stats stats;
    mqk_health health;
    struct metrics_rule *rules; /* no two with the same counters */
    size_t rule_count;
    struct metrics_cluster *clusters; /* no two with the same name */
    size_t cluster_count;
};

enum metrics_dialect {
    METRICS_PROMETHEUS, /* text format 0.0.4 */
    METRICS_OPENMETRICS /* 1.0.0 */
};

/* Write into `out`, which the caller begins and ends. */
void metrics_write_json(const struct metrics *m, struct text_out *out);
void metrics_write_prometheus(const struct metrics *m, enum metrics_dialect dialect,
                              struct text_out *out);

#endif
