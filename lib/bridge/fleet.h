/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producers of a bridge, running and retired, and the in-process clusters they speak to. A
 * producer keeps the configuration alive that its settings stand in. One thread at a time.
 */
#ifndef MQK_BRIDGE_FLEET_H
#define MQK_BRIDGE_FLEET_H

#include <stdatomic.h>

#include "config.h"
#include "producer.h"

struct fleet_ship {
    struct fleet_ship *next;
    struct producer *producer;
    struct mqk_config *config;
    bool retired;
};

struct fleet_embedded {
    struct fleet_embedded *next;
    struct embedded *cluster;
    char name[];
};

struct fleet {
    struct fleet_ship *ships;
    struct fleet_embedded *embedded;
    _Atomic uint32_t retired; /* how many of the ships are; may be read without the lock */
    struct producer_owner owner;
};

void fleet_init(struct fleet *f, const struct producer_owner *owner);

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

/* Closes everything without waiting; returns how many records were left. */
uint64_t fleet_close(struct fleet *f);

/* The in-process cluster of this name, started at first use. NULL on failure, with `err`. */
struct embedded *fleet_embedded_get(struct fleet *f, const char *cluster, mqk_error *err);

/* Address of the in-process cluster with this name, or NULL. */
const char *fleet_embedded_servers(const struct fleet *f, const char *cluster);

#endif
