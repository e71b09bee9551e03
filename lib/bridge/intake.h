/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer rules of a bridge at work, and how their records reach the host. Changed under the
 * bridge's lock; intake_offer() runs beside that on the host's thread, and holds no lock of ours
 * while the host is asked.
 */
#ifndef MQK_BRIDGE_INTAKE_H
#define MQK_BRIDGE_INTAKE_H

#include "config.h"
#include "consumer.h"
#include "counters.h"
#include "fleet.h"
#include "generation.h"
#include "outbox.h"

struct intake_rule;

struct intake {
    struct outbox *outbox;
    struct fleet *fleet;
    struct log *log;
    mqk_str node;
    struct intake_counters *counters; /* of all rules that ever were, by name */
    struct counter_book letters;      /* what the producers count of dead letters */
    struct intake_rule *drafts;       /* made by intake_prepare(), not yet in use */
    struct intake_rule **current;     /* by number of the rule */
    size_t count;
    _Atomic uint32_t retired;

    pthread_mutex_t lock; /* guards what follows, and the users of a rule */
    struct intake_rule *rules;
    struct intake_rule *next; /* whose turn it is */
};

void intake_init(struct intake *in, struct outbox *outbox, struct fleet *fleet, struct log *log,
                 mqk_str node);

/* Makes ready for a generation: checks that the host has the callbacks, keeps consumers whose
 * settings did not change, makes the others. False on failure, with `err`, and nothing changes. */
bool intake_prepare(struct intake *in, const struct generation *g, mqk_error *err);
/* Takes what was prepared: new consumers begin, others end. To be called before the fleet lets go
 * of producers that the new generation does not use. */
void intake_take(struct intake *in, const struct generation *g);

/* The host comes back: with MQK_HOST_CONFIRM_BY_POLL, what it accepted before is safe. */
void intake_confirm(struct intake *in);

/* Offers what waits to the host; returns how many records were offered. (An outbox_more_fn.) */
int intake_offer(void *user);

/* Frees consumers that have ended. */
void intake_reap(struct intake *in);

/* Nothing is offered any more. */
void intake_stop(struct intake *in);
/* Commits, leaves the groups, frees everything. */
void intake_fini(struct intake *in);

/* Counters and state of a rule, by number. */
void intake_read(struct intake *in, size_t rule, mqk_consumer_stats *stats);

/* The worst state of a consumer and a sentence, or MQK_HEALTH_OK. */
mqk_health_state intake_health(struct intake *in, char *message, size_t size);

#endif
