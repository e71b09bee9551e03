/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include "clock.h"

/* Something waits in the spool now: everything new queues behind it. */
static void spool_waits(struct producer *p) {
    if (!atomic_load(&p->backlogged)) {
        atomic_store(&p->backlogged, true);
        producer_wake(p);
    }
}

mqk_status producer_send_spooled(struct producer *p, const struct record *record, size_t cost) {
    struct spool_ref ref;
    void *tag;
    bool queues = atomic_load_explicit(&p->backlogged, memory_order_acquire);
    /* A record whose tag must be kept is noted before anybody can take it out. */
    bool waiting = queues && !record->awaited;
    mqk_status safe = outlet_put(p->outlet, record, waiting, &ref, &tag);
    if (safe != MQK_OK && safe != MQK_ERR_SPOOL) {
        return safe;
    }
    struct record put = *record;
    put.tag = tag;
    put.watched = record->awaited;
    if (queues || producer_enqueue(p, &put, cost, &ref) != MQK_OK) {
        if (record->awaited) {
            outlet_watch(p->outlet, ref, tag);
        }
        if (!waiting) {
            spool_wait(p->spool, ref);
        }
        spool_waits(p);
    }
    return safe;
}

mqk_status producer_spool_behind(struct producer *p, const struct record *record) {
    struct spool_ref ref;
    void *tag;
    mqk_status safe = outlet_put(p->outlet, record, !record->awaited, &ref, &tag);
    if (safe != MQK_OK && safe != MQK_ERR_SPOOL) {
        return safe;
    }
    if (record->awaited) {
        outlet_watch(p->outlet, ref, tag);
        spool_wait(p->spool, ref);
    }
    spool_waits(p);
    return safe;
}

static bool is_dead_letter(const struct producer *p, mqk_str topic) {
    return p->settings->dead_letter && str_equal(topic, mqk_cstr(p->settings->dead_letter));
}

/* Hands one on; MQK_ERR_FULL: not now. */
static mqk_status send_item(struct producer *p, struct spool_item *item, int64_t oldest) {
    struct record *record = &item->record;
    const struct topic_entry *topic = producer_topic(p, record->topic);
    bool watched = false;
    record->tag = topic ? outlet_tag(p->outlet, item, &watched) : NULL;
    if (!record->tag) {
        return MQK_ERR_FULL;
    }
    record->handle = (void *)(uintptr_t)topic;
    record->topic = topic->name;
    record->awaited = watched;
    record->rule = p->owner.rule(p->owner.user, record->tag);
    record->dead = is_dead_letter(p, record->topic);
    mqk_status status = MQK_ERR_EXPIRED;
    if (item->accepted_ms >= oldest) {
        status = producer_window_has(p, 1, item->cost)
                     ? producer_give(p, record, item->ref, clock_wall_ms() - item->accepted_ms)
                     : MQK_ERR_FULL;
    }
    if (status == MQK_OK) {
        atomic_fetch_add(&p->held, HELD_ONE + item->cost);
    } else if (status == MQK_ERR_FULL && watched) {
        outlet_watch(p->outlet, item->ref, record->tag);
    } else if (status != MQK_ERR_FULL) {
        producer_fail(p, record, status, NULL);
        spool_done(p->spool, item->ref);
    }
    return status;
}

/* Hands the oldest one on; false: there is none, or not now. */
static bool drain_one(struct producer *p, int64_t oldest) {
    struct spool_item item;
    if (!spool_next(p->spool, &item)) {
        return false;
    }
    if (send_item(p, &item, oldest) == MQK_ERR_FULL) {
        spool_unread(p->spool);
        return false;
    }
    return true;
}

bool producer_drain_spool(struct producer *p) {
    bool more = true;
    int64_t oldest =
        p->settings->message_ttl_ms > 0 ? clock_wall_ms() - p->settings->message_ttl_ms : INT64_MIN;
    for (size_t moved = 0; moved < PRODUCER_BATCH && more; moved++) {
        if (!producer_window_has(p, 1, 0)) {
            return false;
        }
        atomic_store(&p->handing_over, true);
        more = drain_one(p, oldest);
        atomic_store(&p->handing_over, false);
    }
    return more;
}
