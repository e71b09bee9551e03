/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdlib.h>

#include "clock.h"

#define DROPS 16u /* records that are dropped before they are told of */

/* What librdkafka adds to a record before it compares it with message.max.bytes: its largest
 * framing, and with each header two lengths. */
#define WIRE_OVERHEAD 36u

static size_t length_size(size_t length) {
    size_t size = 1;
    for (uint64_t zigzag = (uint64_t)length * 2; zigzag >= 128; zigzag >>= 7) {
        size++;
    }
    return size;
}

static bool is_too_large(const struct producer *p, const struct record *record, size_t cost) {
    size_t wire = cost - RECORD_OVERHEAD + WIRE_OVERHEAD;
    for (size_t i = 0; i < record->header_count; i++) {
        wire +=
            length_size(record->headers[i].name.len) + length_size(record->headers[i].value.len);
    }
    return wire > p->message_max;
}

/* ---- The queue ---- */

/* Records that were dropped, to be told of when nothing is locked. */
struct drops {
    size_t count;
    void *tags[DROPS];
    char *own[DROPS];
};

static void tell_drops(struct producer *p, struct drops *drops) {
    for (size_t i = 0; i < drops->count; i++) {
        free(drops->own[i]);
        p->owner.done(p->owner.user, drops->tags[i], MQK_ERR_DROPPED);
    }
    drops->count = 0;
}

static void drop_oldest(struct producer *p, struct drops *drops) {
    struct queued *oldest = record_queue_first(&p->queue);
    drops->tags[drops->count] = oldest->record.tag;
    drops->own[drops->count++] = oldest->own;
    record_queue_take(&p->queue);
    record_queue_release(&p->queue, oldest, 1);
}

/* A record larger than the whole buffer passes when it is alone. */
static inline bool has_room(const struct producer *p, size_t cost) {
    uint64_t held = atomic_load_explicit(&p->held, memory_order_acquire);
    uint64_t bytes = p->queue.bytes + HELD_BYTES(held);
    uint64_t records = p->queue.count + HELD_RECORDS(held);
    return (bytes + cost <= p->limit && records < p->limit_records) || records == 0;
}

static __attribute__((noinline)) bool get_chunk(struct producer *p) {
    pthread_mutex_unlock(&p->queue_lock);
    struct queue_chunk *chunk = queue_chunk_new();
    pthread_mutex_lock(&p->queue_lock);
    if (chunk) {
        record_queue_supply(&p->queue, chunk);
    }
    return chunk != NULL;
}

/* Makes room in a full buffer; the lock is given up in between. MQK_ERR_FULL: there is none. */
static __attribute__((noinline)) mqk_status make_room(struct producer *p, size_t cost,
                                                      struct drops *drops) {
    if (!p->drops_oldest) {
        return MQK_ERR_FULL;
    }
    while (p->queue.count > 0 && !has_room(p, cost)) {
        drop_oldest(p, drops);
        if (drops->count == DROPS) {
            pthread_mutex_unlock(&p->queue_lock);
            tell_drops(p, drops);
            pthread_mutex_lock(&p->queue_lock);
        }
    }
    /* What librdkafka holds cannot be dropped: behind it one record always waits. */
    return MQK_OK;
}

/* Whether the producer's thread must be woken for what was put in. */
static inline bool must_wake(struct producer *p) {
    bool wakes =
        p->sleep == PRODUCER_ASLEEP || (p->sleep == PRODUCER_NAPPING && p->queue.spare_count == 0);
    if (wakes) {
        p->sleep = PRODUCER_AWAKE;
    }
    return wakes;
}

mqk_status producer_enqueue(struct producer *p, const struct record *record, size_t cost,
                            const struct spool_ref *ref) {
    struct drops drops;
    char *own;
    if (!record_queue_copy(record, cost, &own)) {
        return MQK_ERR_NO_MEMORY;
    }
    int64_t now_ms = clock_monotonic_tick_ms();
    mqk_status status = MQK_OK;
    drops.count = 0;
    pthread_mutex_lock(&p->queue_lock);
    for (;;) {
        /* Asked again after the lock was given up. */
        if (p->spool && atomic_load(&p->backlogged)) {
            /* Since the caller looked, something waits in the spool. */
            status = MQK_ERR_FULL;
        } else if (!has_room(p, cost)) {
            status = make_room(p, cost, &drops);
        }
        if (status != MQK_OK || record_queue_add(&p->queue, record, cost, own, now_ms, ref)) {
            break;
        }
        if (!get_chunk(p)) {
            status = MQK_ERR_NO_MEMORY;
            break;
        }
    }
    bool wakes = status == MQK_OK && must_wake(p);
    pthread_mutex_unlock(&p->queue_lock);
    if (wakes) {
        producer_wake(p);
    }
    if (status != MQK_OK) {
        free(own);
    }
    tell_drops(p, &drops);
    return status;
}

/* ---- In ---- */

/* A record that was not taken, because of `status`. */
static __attribute__((noinline)) mqk_status
turn_away(struct producer *p, const struct record *record, mqk_status status) {
    if (status == MQK_ERR_FULL && p->settings->when_full == WHEN_FULL_DROP_NEWEST) {
        return MQK_ERR_DROPPED;
    }
    if (status == MQK_ERR_TOO_LARGE && producer_send_dead(p, record, status, NULL) == MQK_OK) {
        return MQK_OK;
    }
    return status;
}

static __attribute__((noinline)) mqk_status
send_with_spool(struct producer *p, const struct record *record, size_t cost) {
    if (p->settings->mode == BUFFER_DISK) {
        return producer_send_spooled(p, record, cost);
    }
    mqk_status status =
        atomic_load(&p->backlogged) ? MQK_ERR_FULL : producer_enqueue(p, record, cost, NULL);
    return status == MQK_ERR_FULL ? producer_spool_behind(p, record) : status;
}

mqk_status producer_send(struct producer *p, const struct record *record) {
    size_t cost = record_cost(record);
    mqk_status status = is_too_large(p, record, cost) ? MQK_ERR_TOO_LARGE
                        : p->spool                    ? send_with_spool(p, record, cost)
                                                      : producer_enqueue(p, record, cost, NULL);
    return status == MQK_OK ? MQK_OK : turn_away(p, record, status);
}
