/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <stdlib.h>

#include "error.h"

void fleet_init(struct fleet *f, const struct producer_owner *owner) {
    f->ships = NULL;
    f->embedded = NULL;
    atomic_init(&f->retired, 0);
    f->owner = *owner;
}

static struct fleet_embedded *find_embedded(const struct fleet *f, const char *cluster) {
    struct fleet_embedded *e = f->embedded;
    while (e && strcmp(e->name, cluster) != 0) {
        e = e->next;
    }
    return e;
}

/* The in-process cluster, started at first use. */
static struct embedded *get_embedded(struct fleet *f, const char *cluster, mqk_error *err) {
    struct fleet_embedded *e = find_embedded(f, cluster);
    if (e) {
        return e->cluster;
    }
    e = malloc(sizeof(*e) + strlen(cluster) + 1);
    if (!e) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    strcpy(e->name, cluster);
    e->cluster = embedded_start(err);
    if (!e->cluster) {
        free(e);
        return NULL;
    }
    e->next = f->embedded;
    f->embedded = e;
    log_write(f->owner.log, MQK_LOG_WARNING, NULL,
              "cluster \"%s\": embedded Kafka at %s, in memory and for trials only, not for "
              "production",
              cluster, embedded_servers(e->cluster));
    return e->cluster;
}

struct producer *fleet_producer(struct fleet *f, struct mqk_config *config, size_t lane,
                                mqk_error *err) {
    const struct settings *settings = config_settings(config);
    const struct lane_settings *wanted = &settings->lanes[lane];
    const struct cluster_settings *cluster = &settings->clusters[wanted->cluster];
    for (struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        if (!ship->retired && cluster_settings_equal(producer_cluster(ship->producer), cluster) &&
            producer_settings_equal(producer_config(ship->producer), &wanted->producer)) {
            return ship->producer;
        }
    }
    struct embedded *embedded = NULL;
    if (cluster->embedded && !(embedded = get_embedded(f, cluster->name, err))) {
        return NULL;
    }
    struct fleet_ship *ship = calloc(1, sizeof(*ship));
    if (!ship) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    ship->producer = producer_open(cluster, &wanted->producer, embedded, &f->owner, err);
    if (!ship->producer) {
        free(ship);
        return NULL;
    }
    ship->config = config_ref(config);
    ship->next = f->ships;
    f->ships = ship;
    return ship->producer;
}

static bool is_among(const struct producer *p, struct producer *const *producers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (producers[i] == p) {
            return true;
        }
    }
    return false;
}

void fleet_keep(struct fleet *f, struct producer *const *producers, size_t count) {
    for (struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        if (!ship->retired && !is_among(ship->producer, producers, count)) {
            ship->retired = true;
            atomic_fetch_add(&f->retired, 1);
            producer_retire(ship->producer);
        }
    }
}

static uint64_t free_ship(struct fleet_ship *ship) {
    uint64_t left = producer_close(ship->producer);
    config_unref(ship->config);
    free(ship);
    return left;
}

void fleet_reap(struct fleet *f) {
    for (struct fleet_ship **at = &f->ships; *at;) {
        struct fleet_ship *ship = *at;
        if (ship->retired && producer_ended(ship->producer)) {
            *at = ship->next;
            atomic_fetch_sub(&f->retired, 1);
            free_ship(ship);
        } else {
            at = &ship->next;
        }
    }
}

uint64_t fleet_queued(const struct fleet *f, uint64_t *bytes) {
    uint64_t records = 0;
    uint64_t sum = 0;
    for (const struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        uint64_t one = 0;
        records += producer_queued(ship->producer, &one);
        sum += one;
    }
    if (bytes) {
        *bytes = sum;
    }
    return records;
}

void fleet_hurry(struct fleet *f, bool hurry) {
    for (struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        producer_hurry(ship->producer, hurry || ship->retired);
    }
}

uint64_t fleet_close(struct fleet *f) {
    uint64_t left = 0;
    while (f->ships) {
        struct fleet_ship *ship = f->ships;
        f->ships = ship->next;
        left += free_ship(ship);
    }
    while (f->embedded) {
        struct fleet_embedded *e = f->embedded;
        f->embedded = e->next;
        embedded_stop(e->cluster);
        free(e);
    }
    return left;
}

const char *fleet_embedded_servers(const struct fleet *f, const char *cluster) {
    const struct fleet_embedded *e = find_embedded(f, cluster);
    return e ? embedded_servers(e->cluster) : NULL;
}

struct embedded *fleet_embedded_get(struct fleet *f, const char *cluster, mqk_error *err) {
    return get_embedded(f, cluster, err);
}
