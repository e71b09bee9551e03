/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens when a record is done. A record carries a tag through the producer: the counters of
 * its rule, or, when somebody waits for it (an event with a token, `produce: sync`), a struct
 * delivery.
 */
#ifndef MQK_BRIDGE_DELIVERY_H
#define MQK_BRIDGE_DELIVERY_H

#include "counters.h"
#include "outbox.h"

/* All records of one event with a token; tells the host once, when the last one is done. */
struct completion;

/* Begins; NULL when out of memory. The caller holds it until completion_end(). */
struct completion *completion_begin(struct outbox *outbox, uint64_t token);
/* The same for somebody of ours instead of the host: `then` hears of it when all are done. */
struct completion *completion_begin_then(void (*then)(void *user, mqk_status status), void *user);
/* No more records are added. With `tell` the host hears of it when all are done, else never. */
void completion_end(struct completion *c, bool tell);

struct delivery;

/* A tag for a record that nobody waits for. */
void *delivery_tag(struct counters *rule);

/* A delivery for a record that belongs to `completion` (may be NULL) and, with `sync`, will be
 * waited for. NULL when out of memory. */
struct delivery *delivery_new(struct counters *rule, struct completion *completion, bool sync);
void *delivery_tag_of(struct delivery *d);

/* The record was not accepted after all; frees the delivery. */
void delivery_cancel(struct delivery *d);

/* Waits until a sync record is done, at most `timeout_ms`; gives the delivery back. Returns what
 * became of it, or MQK_ERR_TIMEOUT. */
mqk_status delivery_wait(struct delivery *d, int64_t timeout_ms);

/* The record with this tag is done: counts, tells the completion, wakes the waiting thread. Any
 * thread. */
void delivery_done(void *tag, mqk_status status);

/* The record with this tag is in the dead letter topic: as delivered, but counted apart. */
void delivery_dead_lettered(void *tag);

/* Takes the completion out of a tag, to be given back with delivery_safe(); NULL: there is none.
 * What is left of the tag is in `*tag`. */
struct completion *delivery_detach(void **tag);
void delivery_safe(struct completion *c, mqk_status status);

/* Nothing more will be told of the record: it stays in the spool. */
void delivery_left(void *tag);

struct counters *delivery_rule(void *tag);

#endif
