/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "producer_stats.h"

void watch_bridge(struct mqk_bridge *b, mqk_stats *out) {
    const struct generation *g = atomic_load(&b->generation);
    *out = (mqk_stats){.size = sizeof(*out),
                       .events = epoch_entered(&b->epoch),
                       .unmatched = epoch_unmatched(&b->epoch),
                       .log_dropped = atomic_load(&b->outbox.lines_dropped),
                       .rules = ruleset_size(g->settings->rules),
                       .clusters = g->settings->cluster_count,
                       .consumers = g->settings->consumer_count};
    out->queued = fleet_queued(&b->fleet, &out->queued_bytes);
#define SUM(name, meaning) out->name = counter_book_sum(&b->rules, COUNTER_##name);
    MQK_RULE_COUNTERS(SUM)
#undef SUM
}

void watch_rule(const struct counters *c, mqk_rule_stats *out) {
    *out = (mqk_rule_stats){.size = sizeof(*out), .name = c->name};
#define READ(name, meaning) out->name = counter_value(c, COUNTER_##name);
    MQK_RULE_COUNTERS(READ)
#undef READ
}

/* Whether a producer speaks to the cluster, by name. */
static bool speaks_to(const struct fleet_ship *ship, const char *cluster) {
    return strcmp(producer_cluster(ship->producer)->name, cluster) == 0;
}

/* The worst state of a cluster's running producers. */
static mqk_health_state cluster_health(const struct fleet *f, const char *cluster, char *message,
                                       size_t size) {
    mqk_health_state worst = MQK_HEALTH_OK;
    message[0] = '\0';
    for (const struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        char text[256];
        if (ship->retired || !speaks_to(ship, cluster)) {
            continue;
        }
        mqk_health_state state = producer_health(ship->producer, text, sizeof(text));
        if (state > worst) {
            worst = state;
            snprintf(message, size, "%s", text);
        }
    }
    return worst;
}

void watch_health(struct mqk_bridge *b, mqk_health *out) {
    const struct settings *settings = atomic_load(&b->generation)->settings;
    *out = (mqk_health){.size = sizeof(*out), .state = MQK_HEALTH_OK};
    for (size_t i = 0; i < settings->cluster_count; i++) {
        char message[sizeof(out->message)];
        mqk_health_state state =
            cluster_health(&b->fleet, settings->clusters[i].name, message, sizeof(message));
        if (state > out->state) {
            out->state = state;
            memcpy(out->message, message, sizeof(message));
        }
    }
    char message[sizeof(out->message)];
    mqk_health_state state = intake_health(&b->intake, message, sizeof(message));
    if (state > out->state) {
        out->state = state;
        memcpy(out->message, message, sizeof(message));
    }
}

static void keep_larger(uint64_t *value, int64_t other) {
    if (other > 0 && (uint64_t)other > *value) {
        *value = (uint64_t)other;
    }
}

static void sum_producers(const struct fleet *f, const char *name, mqk_cluster_stats *out) {
    for (const struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        if (!speaks_to(ship, name)) {
            continue;
        }
        struct producer_stats one;
        producer_stats(ship->producer, &one);
        out->queued += producer_queued(ship->producer, NULL);
        out->queued_bytes += one.bytes;
        out->in_flight += one.in_flight;
        out->backlog += one.backlog;
        keep_larger(&out->oldest_age_ms, one.oldest_age_ms);
    }
}

/* Whether no ship before this one has the same spool. */
static bool has_own_spool(const struct fleet *f, const struct fleet_ship *ship) {
    const struct outlet *outlet = producer_outlet(ship->producer);
    const struct fleet_ship *first = f->ships;
    while (producer_outlet(first->producer) != outlet) {
        first = first->next;
    }
    return first == ship;
}

static void sum_spools(const struct fleet *f, const char *name, mqk_cluster_stats *out) {
    static const mqk_spool_state states[] = {[SPOOL_OK] = MQK_SPOOL_OK,
                                             [SPOOL_FULL] = MQK_SPOOL_FULL,
                                             [SPOOL_BROKEN] = MQK_SPOOL_BROKEN};
    for (const struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        struct spool *spool = outlet_spool(producer_outlet(ship->producer));
        if (!spool || !speaks_to(ship, name) || !has_own_spool(f, ship)) {
            continue;
        }
        struct spool_info info;
        spool_info(spool, &info);
        out->spool_records += info.records;
        out->spool_bytes += info.bytes;
        out->spool_waiting += info.waiting;
        out->spool_damaged += info.damaged;
        if (info.oldest_ms > 0) {
            keep_larger(&out->oldest_age_ms, clock_wall_ms() - info.oldest_ms);
        }
        if (states[info.state] > out->spool_state) {
            out->spool_state = states[info.state];
        }
    }
}

static void sum_counters(const struct counters *c, mqk_cluster_stats *out) {
    out->delivered = counter_value(c, COUNTER_delivered);
    out->failed = counter_value(c, COUNTER_failed) + counter_value(c, COUNTER_expired) +
                  counter_value(c, COUNTER_dropped_full) + counter_value(c, COUNTER_too_large) +
                  counter_value(c, COUNTER_lost_on_close);
    out->dead_lettered = counter_value(c, COUNTER_dead_lettered);
    out->accepted = out->delivered + out->failed + out->dead_lettered + out->queued;
}

static void tell_latency(struct latency *l, mqk_cluster_stats *out, struct histogram_counts *all) {
    struct histogram_counts recent;
    latency_read(l, clock_monotonic_ms(), all, &recent);
    out->latency_count = all->total;
    out->latency_sum_us = all->sum_us;
    out->latency_p50_us = histogram_quantile_us(&recent, 500);
    out->latency_p95_us = histogram_quantile_us(&recent, 950);
    out->latency_p99_us = histogram_quantile_us(&recent, 990);
    out->latency_p999_us = histogram_quantile_us(&recent, 999);
    out->latency_max_us = histogram_quantile_us(&recent, 1000);
}

bool watch_cluster(struct mqk_bridge *b, const char *name, mqk_cluster_stats *out,
                   struct histogram_counts *latency) {
    struct histogram_counts unwanted;
    const struct counters *c = counter_book_get(&b->clusters, mqk_cstr(name));
    struct latency *l = latency_book_get(&b->fleet.latencies, name);
    if (!c || !l) {
        return false;
    }
    *out = (mqk_cluster_stats){.size = sizeof(*out), .name = c->name};
    out->state = cluster_health(&b->fleet, name, out->message, sizeof(out->message));
    sum_producers(&b->fleet, name, out);
    sum_spools(&b->fleet, name, out);
    sum_counters(c, out);
    tell_latency(l, out, latency ? latency : &unwanted);
    return true;
}

/* ---- everything ------------------------------------------------------------------------------ */

static bool take_rules(struct mqk_bridge *b, const struct generation *g, struct metrics *out) {
    size_t count = ruleset_size(g->settings->rules);
    out->rules = calloc(count > 0 ? count : 1, sizeof(*out->rules));
    if (!out->rules) {
        return false;
    }
    counter_book_walk(&b->rules);
    for (size_t i = 0; i < count; i++) {
        /* A rule may have been given the name that another one without a name goes by. */
        if (counter_book_meet(&b->rules, g->rules[i].counters)) {
            struct counters *c = g->rules[i].counters;
            out->rules[out->rule_count++] =
                (struct metrics_rule){c, atomic_load(&c->cluster)->name};
        }
    }
    return true;
}

static bool take_cluster(struct mqk_bridge *b, const char *name, struct metrics *out) {
    struct counters *c = counter_book_get(&b->clusters, mqk_cstr(name));
    if (!c) {
        return false;
    }
    if (!counter_book_meet(&b->clusters, c)) {
        return true;
    }
    struct metrics_cluster *row = &out->clusters[out->cluster_count++];
    return watch_cluster(b, name, &row->stats, &row->latency);
}

/* Those of the configuration, then those that earlier ones left with something to do. */
static bool take_clusters(struct mqk_bridge *b, const struct generation *g, struct metrics *out) {
    size_t most = g->settings->cluster_count;
    for (const struct fleet_ship *ship = b->fleet.ships; ship; ship = ship->next) {
        most++;
    }
    out->clusters = calloc(most, sizeof(*out->clusters));
    if (!out->clusters) {
        return false;
    }
    counter_book_walk(&b->clusters);
    for (size_t i = 0; i < g->settings->cluster_count; i++) {
        if (!take_cluster(b, g->settings->clusters[i].name, out)) {
            return false;
        }
    }
    for (const struct fleet_ship *ship = b->fleet.ships; ship; ship = ship->next) {
        if (!take_cluster(b, producer_cluster(ship->producer)->name, out)) {
            return false;
        }
    }
    return true;
}

mqk_status watch_all(struct mqk_bridge *b, struct metrics *out) {
    const struct generation *g = atomic_load(&b->generation);
    *out = (struct metrics){.node = b->ruleset_host.node, .librdkafka = producer_librdkafka()};
    watch_bridge(b, &out->stats);
    watch_health(b, &out->health);
    if (!take_rules(b, g, out) || !take_clusters(b, g, out)) {
        watch_free(out);
        return MQK_ERR_NO_MEMORY;
    }
    return MQK_OK;
}

void watch_free(struct metrics *m) {
    free(m->rules);
    free(m->clusters);
}
