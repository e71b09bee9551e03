/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "spool_place.h"

void fleet_init(struct fleet *f, const char *node, const struct record_owner *owner) {
    f->ships = NULL;
    f->berths = NULL;
    f->holds = NULL;
    f->embedded = NULL;
    f->latencies = (struct latency_book){NULL};
    atomic_init(&f->retired, 0);
    f->node = node;
    f->owner = *owner;
}

/* ---- in-process clusters --------------------------------------------------------------------- */

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

/* ---- berths ---------------------------------------------------------------------------------- */

static _Atomic uint32_t *get_hold(struct fleet *f, const char *cluster) {
    struct fleet_hold *hold = f->holds;
    while (hold && strcmp(hold->cluster, cluster) != 0) {
        hold = hold->next;
    }
    if (!hold) {
        hold = calloc(1, sizeof(*hold) + strlen(cluster) + 1);
        if (!hold) {
            return NULL;
        }
        strcpy(hold->cluster, cluster);
        hold->next = f->holds;
        f->holds = hold;
    }
    return &hold->count;
}

static bool same_path(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static struct fleet_berth *find_berth(const struct fleet *f, const char *cluster, const char *lane,
                                      const char *path) {
    struct fleet_berth *berth = f->berths;
    while (berth && (!same_path(berth->path, path) || strcmp(berth->cluster, cluster) != 0 ||
                     strcmp(berth->lane, lane) != 0)) {
        berth = berth->next;
    }
    return berth;
}

static void berth_free(struct fleet_berth *berth) {
    outlet_close(berth->outlet, berth->rescue);
    free(berth->path);
    free(berth->cluster);
    free(berth);
}

/* The berth of a lane, found or made. */
static struct fleet_berth *get_berth(struct fleet *f, const char *cluster, const char *lane,
                                     const char *path, const struct producer_settings *settings,
                                     bool rescue, mqk_error *err) {
    struct fleet_berth *berth = find_berth(f, cluster, lane, path);
    if (berth) {
        return berth;
    }
    _Atomic uint32_t *hold = get_hold(f, cluster);
    berth = calloc(1, sizeof(*berth) + strlen(lane) + 1);
    if (!berth || !hold) {
        free(berth);
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    berth->lane = strcpy((char *)(berth + 1), lane);
    berth->cluster = strdup(cluster);
    berth->path = path ? strdup(path) : NULL;
    berth->rescue = rescue;
    if (!berth->cluster || (path && !berth->path)) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    } else {
        berth->outlet = outlet_open(berth->cluster, settings, path, hold, rescue, &f->owner, err);
    }
    if (!berth->outlet) {
        berth_free(berth);
        return NULL;
    }
    berth->next = f->berths;
    f->berths = berth;
    return berth;
}

/* A ship leaves; the last one takes the berth with it. */
static void leave_berth(struct fleet *f, struct fleet_berth *berth) {
    if (--berth->ships > 0) {
        return;
    }
    struct fleet_berth **at = &f->berths;
    while (*at != berth) {
        at = &(*at)->next;
    }
    *at = berth->next;
    berth_free(berth);
}

/* ---- ships ------------------------------------------------------------------------------------
 */

/* A new ship, running. `rescue`: settings of its own, to be copied; else the lane's. */
static struct fleet_ship *launch(struct fleet *f, struct mqk_config *config,
                                 const struct lane_settings *lane, const char *name,
                                 const char *path, const struct producer_settings *rescue,
                                 mqk_error *err) {
    const struct cluster_settings *cluster = &config_settings(config)->clusters[lane->cluster];
    struct embedded *embedded = NULL;
    if (cluster->embedded && !(embedded = get_embedded(f, cluster->name, err))) {
        return NULL;
    }
    struct fleet_ship *ship = calloc(1, sizeof(*ship));
    if (!ship) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    const struct producer_settings *settings = &lane->producer;
    if (rescue) {
        ship->rescue = *rescue;
        settings = &ship->rescue;
    }
    ship->berth = get_berth(f, cluster->name, name, path, settings, rescue != NULL, err);
    if (!ship->berth) {
        free(ship);
        return NULL;
    }
    ship->berth->ships++;
    struct latency *latency = latency_book_get(&f->latencies, cluster->name);
    struct record_owner owner = f->owner;
    owner.latency = latency ? &latency->all : NULL;
    ship->producer = producer_open(cluster, settings, embedded, ship->berth->outlet, &owner, err);
    if (!ship->producer) {
        leave_berth(f, ship->berth);
        free(ship);
        return NULL;
    }
    ship->config = config_ref(config);
    ship->next = f->ships;
    f->ships = ship;
    return ship;
}

static void retire(struct fleet *f, struct fleet_ship *ship, bool empty_first) {
    ship->retired = true;
    atomic_fetch_add(&f->retired, 1);
    producer_retire(ship->producer, empty_first);
}

/* The folder of a lane's spool; NULL when it has none. Too long a path is an error. */
static bool lane_path(const struct fleet *f, const struct settings *settings,
                      const struct lane_settings *lane, char buffer[PATH_MAX], const char **path,
                      mqk_error *err) {
    *path = NULL;
    if (lane->producer.mode == BUFFER_MEMORY) {
        return true;
    }
    const char *cluster = settings->clusters[lane->cluster].name;
    if (!spool_place(buffer, lane->producer.spool_dir, f->node, cluster, lane->name)) {
        error_set(err, MQK_ERR_SPOOL, 0, 0, "the path of the spool in \"%s\" is too long",
                  lane->producer.spool_dir);
        return false;
    }
    *path = buffer;
    return true;
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
    char buffer[PATH_MAX];
    const char *path;
    if (!lane_path(f, settings, wanted, buffer, &path, err)) {
        return NULL;
    }
    struct fleet_ship *ship = launch(f, config, wanted, wanted->name, path, NULL, err);
    return ship ? ship->producer : NULL;
}

/* ---- spools from earlier days ---------------------------------------------------------------- */

/* Looking through one folder of the configuration's. */
struct search {
    struct fleet *fleet;
    struct mqk_config *config;
    const struct lane_settings *lane; /* whose `dir` it is */
    mqk_error *err;
    bool failed;
};

/* Whether one of the configuration's lanes, or a running producer, has the spool in this folder. */
static bool has_owner(const struct search *s, const char *path) {
    const struct settings *settings = config_settings(s->config);
    for (size_t i = 0; i < settings->lane_count; i++) {
        char buffer[PATH_MAX];
        const char *own;
        mqk_error ignored;
        if (lane_path(s->fleet, settings, &settings->lanes[i], buffer, &own, &ignored) && own &&
            strcmp(own, path) == 0) {
            return true;
        }
    }
    for (const struct fleet_berth *berth = s->fleet->berths; berth; berth = berth->next) {
        if (same_path(berth->path, path)) {
            return true;
        }
    }
    return false;
}

static void on_lane_folder(void *user, const char *name) {
    struct search *s = user;
    const char *cluster = config_settings(s->config)->clusters[s->lane->cluster].name;
    char path[PATH_MAX];
    if (s->failed ||
        !spool_place(path, s->lane->producer.spool_dir, s->fleet->node, cluster, name) ||
        !spool_place_has_spool(path) || has_owner(s, path)) {
        return;
    }
    struct producer_settings settings = s->lane->producer;
    settings.mode = BUFFER_DISK;
    struct fleet_ship *ship = launch(s->fleet, s->config, s->lane, name, path, &settings, s->err);
    if (!ship) {
        s->failed = true;
        return;
    }
    log_write(s->fleet->owner.log, MQK_LOG_INFO, NULL,
              "cluster \"%s\": %llu records wait in %s, the spool of earlier settings; they are "
              "sent first",
              cluster, (unsigned long long)producer_queued(ship->producer, NULL), path);
    retire(s->fleet, ship, true);
}

static bool knows_cluster(const struct settings *settings, const char *folder) {
    for (size_t i = 0; i < settings->cluster_count; i++) {
        char name[NAME_MAX + 1];
        if (spool_place_name(name, settings->clusters[i].name) && strcmp(name, folder) == 0) {
            return true;
        }
    }
    return false;
}

struct stray {
    const struct search *search;
    char path[PATH_MAX];
    bool found;
};

static void on_stray_lane(void *user, const char *name) {
    struct stray *stray = user;
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", stray->path, name) < (int)sizeof(path)) {
        stray->found = stray->found || spool_place_has_spool(path);
    }
}

static void on_cluster_folder(void *user, const char *name) {
    const struct search *s = user;
    struct stray stray = {.search = s};
    char dir[PATH_MAX];
    if (knows_cluster(config_settings(s->config), name) ||
        !spool_place(dir, s->lane->producer.spool_dir, s->fleet->node, NULL, NULL) ||
        snprintf(stray.path, sizeof(stray.path), "%s/%s", dir, name) >= (int)sizeof(stray.path)) {
        return;
    }
    spool_place_list(stray.path, on_stray_lane, &stray);
    if (stray.found) {
        log_write(s->fleet->owner.log, MQK_LOG_WARNING, NULL,
                  "%s holds a spool of a cluster that the configuration does not have; it stays as "
                  "it is (mqk spool list and export read it)",
                  stray.path);
    }
}

static bool same_dir_before(const struct settings *settings, size_t lane, bool same_cluster) {
    const struct lane_settings *own = &settings->lanes[lane];
    for (size_t i = 0; i < lane; i++) {
        const struct lane_settings *other = &settings->lanes[i];
        if (other->producer.spool_dir &&
            strcmp(other->producer.spool_dir, own->producer.spool_dir) == 0 &&
            (!same_cluster || other->cluster == own->cluster)) {
            return true;
        }
    }
    return false;
}

bool fleet_rescue(struct fleet *f, struct mqk_config *config, mqk_error *err) {
    const struct settings *settings = config_settings(config);
    for (size_t i = 0; i < settings->lane_count; i++) {
        const struct lane_settings *lane = &settings->lanes[i];
        const char *cluster = settings->clusters[lane->cluster].name;
        struct search s = {f, config, lane, err, false};
        char path[PATH_MAX];
        if (!lane->producer.spool_dir) {
            continue;
        }
        if (!same_dir_before(settings, i, true) &&
            spool_place(path, lane->producer.spool_dir, f->node, cluster, NULL)) {
            spool_place_list(path, on_lane_folder, &s);
        }
        if (!same_dir_before(settings, i, false) &&
            spool_place(path, lane->producer.spool_dir, f->node, NULL, NULL)) {
            spool_place_list(path, on_cluster_folder, &s);
        }
        if (s.failed) {
            return false;
        }
    }
    return true;
}

/* ---- coming and going -------------------------------------------------------------------------
 */

static bool is_among(const struct producer *p, struct producer *const *producers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (producers[i] == p) {
            return true;
        }
    }
    return false;
}

/* Whether somebody who stays takes over what waits in the ship's spool. */
static bool has_successor(const struct fleet_ship *ship, struct producer *const *producers,
                          size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (producer_outlet(producers[i]) == ship->berth->outlet) {
            return true;
        }
    }
    return false;
}

void fleet_keep(struct fleet *f, struct producer *const *producers, size_t count) {
    for (struct fleet_ship *ship = f->ships; ship; ship = ship->next) {
        if (!ship->retired && !is_among(ship->producer, producers, count)) {
            retire(f, ship, !has_successor(ship, producers, count));
        }
    }
}

static uint64_t free_ship(struct fleet *f, struct fleet_ship *ship) {
    uint64_t lost = producer_close(ship->producer);
    leave_berth(f, ship->berth);
    config_unref(ship->config);
    free(ship);
    return lost;
}

void fleet_reap(struct fleet *f) {
    for (struct fleet_ship **at = &f->ships; *at;) {
        struct fleet_ship *ship = *at;
        if (ship->retired && producer_ended(ship->producer)) {
            *at = ship->next;
            atomic_fetch_sub(&f->retired, 1);
            free_ship(f, ship);
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
        left += free_ship(f, ship);
    }
    while (f->embedded) {
        struct fleet_embedded *e = f->embedded;
        f->embedded = e->next;
        embedded_stop(e->cluster);
        free(e);
    }
    while (f->holds) {
        struct fleet_hold *hold = f->holds;
        f->holds = hold->next;
        free(hold);
    }
    latency_book_fini(&f->latencies);
    return left;
}

const char *fleet_embedded_servers(const struct fleet *f, const char *cluster) {
    const struct fleet_embedded *e = find_embedded(f, cluster);
    return e ? embedded_servers(e->cluster) : NULL;
}

struct embedded *fleet_embedded_get(struct fleet *f, const char *cluster, mqk_error *err) {
    return get_embedded(f, cluster, err);
}
