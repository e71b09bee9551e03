/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the bridge counts, and how its clusters are. */
#include <stdio.h>

#include "bridge.h"

/* Arguments and owner; with MQK_OK the control lock is held. */
static mqk_status enter(mqk_bridge *b, const void *out) {
    if (!b || !out) {
        return MQK_ERR_ARGUMENT;
    }
    if (!bridge_is_ours(b)) {
        return MQK_ERR_FORKED;
    }
    pthread_mutex_lock(&b->control);
    return MQK_OK;
}

static mqk_status leave(mqk_bridge *b, mqk_status status) {
    pthread_mutex_unlock(&b->control);
    return status;
}

static mqk_status leave_with(mqk_bridge *b, void *out, const void *full, size_t full_size) {
    return leave(b, bridge_copy_out(out, full, full_size) ? MQK_OK : MQK_ERR_ARGUMENT);
}

mqk_status mqk_bridge_stats(mqk_bridge *b, mqk_stats *stats) {
    mqk_status status = enter(b, stats);
    if (status != MQK_OK) {
        return status;
    }
    const struct generation *g = atomic_load(&b->generation);
    mqk_stats full = {.events = epoch_entered(&b->epoch),
                      .unmatched = epoch_unmatched(&b->epoch),
                      .log_dropped = atomic_load(&b->outbox.lines_dropped),
                      .rules = ruleset_size(g->settings->rules),
                      .clusters = g->settings->cluster_count,
                      .consumers = g->settings->consumer_count};
    full.queued = fleet_queued(&b->fleet, &full.queued_bytes);
#define SUM(name, meaning) full.name = counter_book_sum(&b->rules, COUNTER_##name);
    MQK_RULE_COUNTERS(SUM)
#undef SUM
    return leave_with(b, stats, &full, sizeof(full));
}

mqk_status mqk_bridge_rule_stats(mqk_bridge *b, size_t index, mqk_rule_stats *stats) {
    mqk_status status = enter(b, stats);
    if (status != MQK_OK) {
        return status;
    }
    const struct generation *g = atomic_load(&b->generation);
    if (index >= ruleset_size(g->settings->rules)) {
        return leave(b, MQK_ERR_ARGUMENT);
    }
    const struct counters *c = g->rules[index].counters;
    mqk_rule_stats full = {.name = c->name};
#define READ(name, meaning) full.name = counter_value(c, COUNTER_##name);
    MQK_RULE_COUNTERS(READ)
#undef READ
    return leave_with(b, stats, &full, sizeof(full));
}

/* Whether a producer speaks to the cluster, by name. */
static bool speaks_to(const struct fleet_ship *ship, const char *cluster) {
    return strcmp(producer_cluster(ship->producer)->name, cluster) == 0;
}

/* The worst state of a cluster's running producers. */
static mqk_health_state cluster_health(const struct fleet *f, const char *cluster, char *message,
                                       size_t size) {
    mqk_health_state worst = MQK_HEALTH_OK;
    for (const struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        char text[256];
        mqk_health_state state = producer_health(ship->producer, text, sizeof(text));
        if (!ship->retired && speaks_to(ship, cluster) && state > worst) {
            worst = state;
            snprintf(message, size, "%s", text);
        }
    }
    return worst;
}

mqk_status mqk_bridge_cluster_stats(mqk_bridge *b, size_t index, mqk_cluster_stats *stats) {
    mqk_status status = enter(b, stats);
    if (status != MQK_OK) {
        return status;
    }
    const struct settings *settings = atomic_load(&b->generation)->settings;
    if (index >= settings->cluster_count) {
        return leave(b, MQK_ERR_ARGUMENT);
    }
    const char *name = settings->clusters[index].name;
    const struct counters *c = counter_book_get(&b->clusters, mqk_cstr(name));
    if (!c) {
        return leave(b, MQK_ERR_NO_MEMORY);
    }
    char ignored[256];
    mqk_cluster_stats full = {.name = c->name,
                              .state = cluster_health(&b->fleet, name, ignored, sizeof(ignored))};
    for (const struct fleet_ship *ship = b->fleet.ships; ship; ship = ship->next) {
        if (speaks_to(ship, name)) {
            uint64_t bytes = 0;
            full.queued += producer_queued(ship->producer, &bytes);
            full.queued_bytes += bytes;
        }
    }
    full.delivered = counter_value(c, COUNTER_delivered);
    full.failed = counter_value(c, COUNTER_failed) + counter_value(c, COUNTER_expired) +
                  counter_value(c, COUNTER_dropped_full) + counter_value(c, COUNTER_too_large) +
                  counter_value(c, COUNTER_lost_on_close);
    full.accepted = full.delivered + full.failed + full.queued;
    return leave_with(b, stats, &full, sizeof(full));
}

mqk_status mqk_bridge_health(mqk_bridge *b, mqk_health *health) {
    mqk_status status = enter(b, health);
    if (status != MQK_OK) {
        return status;
    }
    const struct settings *settings = atomic_load(&b->generation)->settings;
    mqk_health full = {.state = MQK_HEALTH_OK};
    for (size_t i = 0; i < settings->cluster_count; i++) {
        char message[sizeof(full.message)];
        mqk_health_state state =
            cluster_health(&b->fleet, settings->clusters[i].name, message, sizeof(message));
        if (state > full.state) {
            full.state = state;
            memcpy(full.message, message, sizeof(message));
        }
    }
    char message[sizeof(full.message)];
    mqk_health_state state = intake_health(&b->intake, message, sizeof(message));
    if (state > full.state) {
        full.state = state;
        memcpy(full.message, message, sizeof(message));
    }
    return leave_with(b, health, &full, sizeof(full));
}

/* The settings of a cluster by name; of the first one when no name is given. */
static const struct cluster_settings *find_cluster(const struct settings *settings, mqk_str name) {
    for (size_t i = 0; i < settings->cluster_count; i++) {
        if (name.len == 0 || str_equal(mqk_cstr(settings->clusters[i].name), name)) {
            return &settings->clusters[i];
        }
    }
    return NULL;
}

mqk_status mqk_bridge_servers(mqk_bridge *b, mqk_str cluster, char *buffer, size_t capacity) {
    mqk_status status = enter(b, buffer);
    if (status != MQK_OK) {
        return status;
    }
    const struct cluster_settings *c = find_cluster(atomic_load(&b->generation)->settings, cluster);
    if (!c) {
        return leave(b, MQK_ERR_ARGUMENT);
    }
    const char *servers = c->embedded ? fleet_embedded_servers(&b->fleet, c->name) : c->servers;
    if (!servers || strlen(servers) >= capacity) {
        return leave(b, MQK_ERR_TOO_SMALL);
    }
    strcpy(buffer, servers);
    return leave(b, MQK_OK);
}
