/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the producers of one lane follow one another: whose turn it is to speak to Kafka, so that
 * what an older one still has under way arrives before what a newer one sends; the spool they
 * share; and who is to be told when a record is safe in it.
 */
#ifndef MQK_EDGES_OUTLET_H
#define MQK_EDGES_OUTLET_H

#include "histogram.h"
#include "settings.h"
#include "spool.h"

struct outlet;

/* Whom an outlet and its producers speak to. All may be called from any thread and must not block.
 */
struct record_owner {
    void *user;
    /* A record that was accepted is done: MQK_OK, or why it was not delivered. */
    void (*done)(void *user, void *tag, mqk_status status);
    /* It is in Kafka, but in the dead letter topic. */
    void (*dead_lettered)(void *user, void *tag);
    /* A tag for a record of an earlier process, or one whose tag was not kept: nobody waits for it
     * any more, but it is counted. NULL when out of memory. */
    void *(*adopt)(void *user, mqk_str cluster, mqk_str rule);
    /* Takes out of a tag what waits for the record to be safe (NULL: nothing does); `tag` is then
     * changed to what is left. */
    void *(*detach)(void *user, void **tag);
    /* What detach() gave: the record is safe, or why it is not. */
    void (*safe)(void *user, void *waiter, mqk_status status);
    /* The bridge is closed, the record stays in the spool: nothing more will be told. */
    void (*left)(void *user, void *tag);
    /* The rule that a tag belongs to. */
    mqk_str (*rule)(void *user, void *tag);
    /* Nothing waits any more after producer_hurry(). */
    void (*idle)(void *user);
    struct log *log;
    /* How long acknowledged records took; NULL: nowhere. Shared by the producers of a cluster,
     * outlives them. */
    struct histogram *latency;
};

/* An outlet; with `dir` (already with the node's name) over the spool in that folder. `cluster` is
 * a name, for counting. While `*hold` is not 0 nobody's turn comes, but that of an outlet opened
 * with `first`: such a one adds to it until its producer has left. `hold` and `cluster` outlive the
 * outlet. NULL on failure, with `err`. */
struct outlet *outlet_open(const char *cluster, const struct producer_settings *settings,
                           const char *dir, _Atomic uint32_t *hold, bool first,
                           const struct record_owner *owner, mqk_error *err);

/* Nobody uses it any more. Tells who still waits that it is closed. With `discard` an empty spool's
 * folder is removed. NULL allowed. */
void outlet_close(struct outlet *o, bool discard);

/* A producer joins those that wait for their turn; false: out of memory. */
bool outlet_join(struct outlet *o, const void *producer);
/* Whether it is this producer's turn: all that joined before it have left. */
bool outlet_turn(struct outlet *o, const void *producer);
/* It is done, or gives up its place; may be called again. */
void outlet_leave(struct outlet *o, const void *producer);

struct spool *outlet_spool(struct outlet *o); /* NULL: there is none */

/* Puts a record into the spool. What waits for it to be safe is told when it is; `*tag` is changed
 * to what is left to be told when it is done. As spool_put(), and with `sync: always` it waits for
 * the disk unless somebody is told later (then MQK_ERR_SPOOL: the record is taken, but may be lost
 * with the power). */
mqk_status outlet_put(struct outlet *o, const struct record *record, bool waiting,
                      struct spool_ref *ref, void **tag);

/* A record waits in the spool whose tag somebody still needs (`produce: sync`). */
void outlet_watch(struct outlet *o, struct spool_ref ref, void *tag);

/* The tag of a record that the spool handed out; NULL when out of memory. `awaited` tells whether
 * it is one that was kept by outlet_watch(). */
void *outlet_tag(struct outlet *o, const struct spool_item *item, bool *awaited);

#endif
