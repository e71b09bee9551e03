/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the bridge counts, and how its clusters are. */
#include "watch.h"

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
    mqk_stats full;
    watch_bridge(b, &full);
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
    mqk_rule_stats full;
    watch_rule(g->rules[index].counters, &full);
    return leave_with(b, stats, &full, sizeof(full));
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
    mqk_cluster_stats full;
    if (!watch_cluster(b, settings->clusters[index].name, &full, NULL)) {
        return leave(b, MQK_ERR_NO_MEMORY);
    }
    return leave_with(b, stats, &full, sizeof(full));
}

mqk_status mqk_bridge_health(mqk_bridge *b, mqk_health *health) {
    mqk_status status = enter(b, health);
    if (status != MQK_OK) {
        return status;
    }
    mqk_health full;
    watch_health(b, &full);
    return leave_with(b, health, &full, sizeof(full));
}

/* ---- as text --------------------------------------------------------------------------------- */

/* Takes everything under the lock, then writes it without: `write` may call what it likes. */
static mqk_status write_all(mqk_bridge *b, mqk_write_fn write, void *user,
                            void (*writer)(const struct metrics *m, struct text_out *out)) {
    struct metrics metrics;
    mqk_status status = write ? enter(b, b) : MQK_ERR_ARGUMENT;
    if (status != MQK_OK) {
        return status;
    }
    status = leave(b, watch_all(b, &metrics));
    if (status != MQK_OK) {
        return status;
    }
    struct text_out out;
    text_out_init(&out, write, user);
    writer(&metrics, &out);
    watch_free(&metrics);
    return text_out_end(&out);
}

static void write_prometheus(const struct metrics *m, struct text_out *out) {
    metrics_write_prometheus(m, METRICS_PROMETHEUS, out);
}

static void write_openmetrics(const struct metrics *m, struct text_out *out) {
    metrics_write_prometheus(m, METRICS_OPENMETRICS, out);
}

mqk_status mqk_bridge_stats_json(mqk_bridge *b, mqk_write_fn write, void *user) {
    return write_all(b, write, user, metrics_write_json);
}

mqk_status mqk_bridge_stats_prometheus(mqk_bridge *b, mqk_write_fn write, void *user) {
    return write_all(b, write, user, write_prometheus);
}

mqk_status mqk_bridge_stats_openmetrics(mqk_bridge *b, mqk_write_fn write, void *user) {
    return write_all(b, write, user, write_openmetrics);
}

/* ---- servers --------------------------------------------------------------------------------- */

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
