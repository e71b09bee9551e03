/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one configuration is at run time: its ruleset, and for each rule the producer, topic and
 * counters that its records meet. Immutable while events use it; a reload makes a new one.
 */
#ifndef MQK_BRIDGE_GENERATION_H
#define MQK_BRIDGE_GENERATION_H

#include "config.h"
#include "counters.h"
#include "fleet.h"
#include "producer.h"

/* A rule at run time. */
struct rule_binding {
    struct producer *producer;
    const struct topic_entry *topic; /* of a rule with a constant topic */
    struct topic_table *topics;      /* of the others */
    struct counters *counters;
    bool sync;
    int64_t sync_timeout_ms;
};

struct generation {
    struct mqk_config *config;
    const struct settings *settings;
    struct producer **lanes; /* by lane; belong to the fleet */
    struct rule_binding *rules;
    uint64_t hooks; /* bit set of the hooks that have a rule */
};

/* Makes a generation; producers come from the fleet, which may reuse running ones, counters from
 * the books. On failure NULL, with `err`; producers started for it are then retired by
 * fleet_keep(). */
struct generation *generation_new(struct mqk_config *config, struct fleet *fleet,
                                  struct counter_book *rules, struct counter_book *clusters,
                                  mqk_error *err);
void generation_free(struct generation *g); /* NULL allowed; its producers live on in the fleet */

/* Out-of-line part of rule_binding_topic(). */
mqk_status rule_binding_find_topic(const struct rule_binding *b, mqk_str name,
                                   const struct topic_entry **out);

/* The topic's handle for a record of this rule. MQK_ERR_TOPIC: beyond max_topics. */
static inline mqk_status rule_binding_topic(const struct rule_binding *b, mqk_str name,
                                            const struct topic_entry **out) {
    *out = b->topic;
    return b->topic ? MQK_OK : rule_binding_find_topic(b, name, out);
}

#endif
