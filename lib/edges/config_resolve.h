/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From loaded structs, one for each source, to settings: merging, defaults, units, secrets, and
 * everything that only shows when settings stand together. Used by config.c alone.
 */
#ifndef MQK_EDGES_CONFIG_RESOLVE_H
#define MQK_EDGES_CONFIG_RESOLVE_H

#include "config_merge.h"
#include "rule_places.h"
#include "settings.h"

/* Most different ways of producing: each is a librdkafka producer with threads of its own. */
#define MAX_LANES 1000u

/* A cluster as merged from all sources. */
struct cluster_draft {
    const char *name;
    struct client_yaml yaml;
    struct origin *origins; /* in the sources' order */
    size_t origin_count;
    const struct key_table *table;  /* of the origins: client_table or cluster_table */
    struct producer_yaml *producer; /* common one and its own */
    uint32_t lane;                  /* of rules without settings of their own; UINT32_MAX: none */
};

struct resolve {
    const struct source *sources;
    size_t source_count;
    struct problems *problems; /* its arena is gone when loading has ended */
    struct arena *arena;       /* for what stays */
    struct origin *kafka;      /* the `kafka` mapping of each source */
    struct producer_yaml producer;
    struct cluster_draft *clusters;
    size_t cluster_count;
    struct lane_settings *lanes;
    size_t lane_count;
    struct settings *settings;
};

/* The steps, in this order. What is wrong is added to the problems (also `no_memory`), and the next
 * step can still be taken to find more. */
void resolve_clusters(struct resolve *r);  /* settings.clusters, and the drafts for the rules */
void resolve_consumers(struct resolve *r); /* settings.consumers and settings.downlink */
void resolve_rules(struct resolve *r);     /* settings.rules and settings.lanes */

/* Index of the cluster that a rule names, or of the only one; problems are reported.
 * (config_rules.c) */
uint32_t rule_cluster(struct resolve *r, const char *name, const struct key_table *table,
                      const struct origin *origin);

/* The lane of a cluster's rules without settings of their own. (config_rules.c) */
uint32_t cluster_lane(struct resolve *r, uint32_t cluster);

/* The lane of a rule of this cluster. `producer` is merged already; `own` says where the rule's own
 * settings were written (node == NULL: nowhere). */
uint32_t lane_find(struct resolve *r, uint32_t cluster, const struct producer_yaml *producer,
                   const struct origin *own);

/* Numbers that config_check() has already found to be good; NULL gives the default. */
int64_t duration_or(const char *text, int64_t fallback_ms);
int64_t size_or(const char *text, int64_t fallback_bytes);

/* Copies that stay with the settings; NULL stays NULL. */
const char *resolve_keep(struct resolve *r, const char *text);

#endif
