/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producers of a bridge, running and retired, the outlets (turns and spools) that they follow
 * one another at, and the in-process clusters they speak to. A producer keeps the configuration
 * alive that its settings stand in. One thread at a time.
 */
#ifndef MQK_BRIDGE_FLEET_H
#define MQK_BRIDGE_FLEET_H

#include <stdatomic.h>

#include "config.h"
#include "latency.h"
#include "producer.h"

/* While older spools of a cluster are emptied, nobody else sends to it. */
struct fleet_hold {
    struct fleet_hold *next;
    _Atomic uint32_t count;
    char cluster[];
};

/* Where the producers of one lane follow one another. */
struct fleet_berth {
    struct fleet_berth *next;
    struct outlet *outlet;
    uint32_t ships;
    bool rescue;      /* of a spool that no lane of the configuration has */
    char *path;       /* of the spool, or NULL */
    char *cluster;    /* with the lane: whose it is */
    const char *lane; /* stands behind the berth */
};

struct fleet_ship {
    struct fleet_ship *next;
    struct producer *producer;
    struct fleet_berth *berth;
    struct mqk_config *config;
    struct producer_settings rescue; /* its own settings, when it empties an older spool */
    bool retired;
};

struct fleet_embedded {
    struct fleet_embedded *next;
    struct embedded *cluster;
    char name[];
};

struct fleet {
    struct fleet_ship *ships;
    struct fleet_berth *berths;
    struct fleet_hold *holds;
    struct fleet_embedded *embedded;
    struct latency_book latencies; /* by cluster */
    _Atomic uint32_t retired;      /* how many of the ships are; may be read without the lock */
    const char *node;
    struct record_owner owner;
};

/* `node` must outlive the fleet. */
void fleet_init(struct fleet *f, const char *node, const struct record_owner *owner);

/* Starts what empties the spools that stand in the configuration's folders but belong to none of
 * its lanes: what they hold goes first. Spools of clusters that the configuration does not know are
 * left alone and told of in the log. False on failure, with `err`. */
bool fleet_rescue(struct fleet *f, struct mqk_config *config, mqk_error *err);

/* A producer for a lane: a running one with equal settings, or a new one. NULL on failure. */
struct producer *fleet_producer(struct fleet *f, struct mqk_config *config, size_t lane,
                                mqk_error *err);

/* Retires the producers that are not among the `count` ones to keep. */
void fleet_keep(struct fleet *f, struct producer *const *producers, size_t count);

/* Frees retired producers that have ended. */
void fleet_reap(struct fleet *f);

/* Records not done, over all producers; asks all to hurry or not to. */
uint64_t fleet_queued(const struct fleet *f, uint64_t *bytes);
void fleet_hurry(struct fleet *f, bool hurry);

/* Closes everything without waiting; returns how many records were lost. */
uint64_t fleet_close(struct fleet *f);

/* The in-process cluster of this name, started at first use. NULL on failure, with `err`. */
struct embedded *fleet_embedded_get(struct fleet *f, const char *cluster, mqk_error *err);

/* Address of the in-process cluster with this name, or NULL. */
const char *fleet_embedded_servers(const struct fleet *f, const char *cluster);

#endif
