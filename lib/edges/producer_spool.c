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

static mqk_status give_flight(struct producer *p, const struct record *record, size_t cost,
                              struct spool_ref ref, void *tag, uint32_t waited_ms) {
    struct flight *flight = flights_take(&p->flights);
    if (!flight) {
        return MQK_ERR_FULL;
    }
    flight->ref = ref;
    flight->tag = tag;
    flight->awaited = record->awaited;
    flight->waited_ms = waited_ms;
    uintptr_t opaque = (uintptr_t)flight | OPAQUE_FLIGHT | (record->dead ? OPAQUE_DEAD : 0);
    mqk_status status = producer_give(p, record, cost, (void *)opaque);
    if (status != MQK_OK) {
        struct flight_chain unused = {0};
        flight_chain_add(&unused, flight);
        flights_give_back(&p->flights, &unused);
    }
    return status;
}

mqk_status producer_send_spooled(struct producer *p, const struct record *record, size_t cost) {
    struct spool_ref ref;
    void *tag;
    if (record->key.len + record->value.len > p->message_max) {
        return MQK_ERR_TOO_LARGE;
    }
    bool queues = atomic_load_explicit(&p->backlogged, memory_order_acquire);
    /* A record whose tag must be kept is noted before anybody can take it out. */
    bool waiting = queues && !record->awaited;
    mqk_status safe = outlet_put(p->outlet, record, waiting, &ref, &tag);
    if (safe != MQK_OK && safe != MQK_ERR_SPOOL) {
        return safe;
    }
    mqk_status status = queues ? MQK_ERR_FULL : give_flight(p, record, cost, ref, tag, 0);
    if (status == MQK_ERR_FULL) {
        if (record->awaited) {
            outlet_watch(p->outlet, ref, tag);
        }
        if (!waiting) {
            spool_wait(p->spool, ref);
        }
        spool_waits(p);
    } else if (status != MQK_OK) {
        /* It was accepted when the spool had it; what became of it is told like any other fate. */
        struct record refused = *record;
        refused.tag = tag;
        refused.watched = record->awaited;
        producer_fail(p, &refused, status, NULL);
        spool_done(p->spool, ref);
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

static uint32_t waited_ms(const struct spool_item *item) {
    int64_t ms = clock_wall_ms() - item->accepted_ms;
    return ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
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
    record->awaited = watched;
    record->rule = item->rule;
    record->dead = is_dead_letter(p, record->topic);
    mqk_status status = item->accepted_ms < oldest ? MQK_ERR_EXPIRED
                                                   : give_flight(p, record, item->cost, item->ref,
                                                                 record->tag, waited_ms(item));
    if (status == MQK_ERR_FULL && watched) {
        outlet_watch(p->outlet, item->ref, record->tag);
    } else if (status != MQK_OK && status != MQK_ERR_FULL) {
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
        uint64_t held = atomic_load(&p->held);
        if ((HELD_BYTES(held) >= p->window || HELD_RECORDS(held) >= p->window_records) &&
            HELD_RECORDS(held) > 0) {
            return false;
        }
        atomic_store(&p->handing_over, true);
        more = drain_one(p, oldest);
        atomic_store(&p->handing_over, false);
    }
    return more;
}
