/* SPDX-License-Identifier: Apache-2.0 */
#include "generation.h"

#include <stdlib.h>

#include "error.h"

static bool bind_rule(struct generation *g, size_t i, struct counter_book *rules,
                      struct counter_book *clusters) {
    const struct rule_info *info = ruleset_rule(g->settings->rules, i);
    const struct lane_settings *lane = &g->settings->lanes[info->lane];
    struct rule_binding *b = &g->rules[i];
    b->producer = g->lanes[info->lane];
    b->sync = lane->producer.produce == PRODUCE_SYNC;
    b->sync_timeout_ms = lane->producer.sync_timeout_ms;
    b->counters = counter_book_get(rules, info->name);
    struct counters *cluster =
        counter_book_get(clusters, mqk_cstr(g->settings->clusters[lane->cluster].name));
    if (!b->counters || !cluster) {
        return false;
    }
    atomic_store(&b->counters->cluster, cluster);
    if (info->constant_topic) {
        b->topic = producer_topic(b->producer, info->topic);
        return b->topic != NULL;
    }
    b->topics = topic_table_new(info->max_topics);
    return b->topics != NULL;
}

struct generation *generation_new(struct mqk_config *config, struct fleet *fleet,
                                  struct counter_book *rules, struct counter_book *clusters,
                                  mqk_error *err) {
    struct generation *g = calloc(1, sizeof(*g));
    if (!g) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    g->config = config_ref(config);
    g->settings = config_settings(config);
    g->hooks = ruleset_hooks(g->settings->rules);
    if (!fleet_rescue(fleet, config, err)) {
        generation_free(g);
        return NULL;
    }
    size_t count = ruleset_size(g->settings->rules);
    g->lanes = calloc(g->settings->lane_count, sizeof(*g->lanes));
    g->rules = calloc(count, sizeof(*g->rules));
    if (!g->lanes || !g->rules) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        generation_free(g);
        return NULL;
    }
    for (size_t i = 0; i < g->settings->lane_count; i++) {
        g->lanes[i] = fleet_producer(fleet, config, i, err);
        if (!g->lanes[i]) {
            generation_free(g);
            return NULL;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!bind_rule(g, i, rules, clusters)) {
            error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
            generation_free(g);
            return NULL;
        }
    }
    return g;
}

void generation_free(struct generation *g) {
    if (!g) {
        return;
    }
    if (g->rules) {
        for (size_t i = 0; i < ruleset_size(g->settings->rules); i++) {
            topic_table_free(g->rules[i].topics);
        }
    }
    free(g->rules);
    free(g->lanes);
    config_unref(g->config);
    free(g);
}

static const struct topic_entry *make_topic(void *user, mqk_str name) {
    return producer_topic(user, name);
}

mqk_status rule_binding_find_topic(const struct rule_binding *b, mqk_str name,
                                   const struct topic_entry **out) {
    *out = topic_table_find(b->topics, name);
    if (*out) {
        return MQK_OK;
    }
    bool full = false;
    *out = topic_table_add(b->topics, name, make_topic, b->producer, &full);
    if (*out) {
        return MQK_OK;
    }
    return full ? MQK_ERR_TOPIC : MQK_ERR_NO_MEMORY;
}
