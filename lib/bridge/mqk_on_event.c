/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path: an event becomes records, records go to their producers. */
#include "bridge.h"
#include "delivery.h"

/* One event on its way. */
struct passage {
    struct mqk_bridge *bridge;
    const struct generation *generation;
    const mqk_event *event;
    struct completion *completion; /* made with the first record of an event with a token */
    int accepted;
    mqk_status failure; /* the first one */
};

static inline void fail(struct passage *p, mqk_status status) {
    if (p->failure == MQK_OK) {
        p->failure = status;
    }
}

static bool wants_completion(const struct passage *p) {
    return p->event->token != 0 && p->bridge->outbox.host.delivered;
}

/* To its topic, or with a reason `why` to the dead letter topic. */
static mqk_status hand_over(const struct rule_binding *b, const struct record *record,
                            mqk_status why) {
    return why == MQK_OK ? producer_send(b->producer, record)
                         : producer_send_dead(b->producer, record, why, NULL);
}

/* Sends a record that somebody waits for. */
static __attribute__((noinline)) mqk_status send_watched(struct passage *p,
                                                         const struct rule_binding *b,
                                                         struct record *record, mqk_status why) {
    if (wants_completion(p) && !p->completion) {
        p->completion = completion_begin(&p->bridge->outbox, p->event->token);
        if (!p->completion) {
            return MQK_ERR_NO_MEMORY;
        }
    }
    struct delivery *d = delivery_new(b->counters, p->completion, b->sync);
    if (!d) {
        return MQK_ERR_NO_MEMORY;
    }
    record->tag = delivery_tag_of(d);
    record->watched = true;
    record->awaited = b->sync;
    mqk_status status = hand_over(b, record, why);
    if (status != MQK_OK) {
        delivery_cancel(d);
        return status;
    }
    if (b->sync) {
        status = delivery_wait(d, b->sync_timeout_ms);
        if (status != MQK_OK) {
            fail(p, status);
        }
    }
    return MQK_OK;
}

/* `topic` is NULL when it goes to the dead letter topic because of `why`. */
static inline mqk_status send_to(struct passage *p, const struct rule_binding *b,
                                 const struct rendered_record *r, const struct topic_entry *topic,
                                 mqk_status why) {
    struct record record; /* filled member by member, which costs less than clearing it first */
    record.handle = (void *)(uintptr_t)topic;
    record.topic = topic ? topic->name : r->topic;
    record.key = r->key;
    record.value = r->value;
    record.headers = r->headers;
    record.header_count = r->header_count;
    record.timestamp_ms = r->timestamp_ms;
    record.partition = r->partition;
    record.rule = b->counters->name;
    record.watched = false;
    record.awaited = false;
    record.dead = false;
    mqk_status status;
    if (b->sync || wants_completion(p)) {
        status = send_watched(p, b, &record, why);
    } else {
        record.tag = delivery_tag(b->counters);
        status = hand_over(b, &record, why);
    }
    if (status == MQK_ERR_SPOOL) {
        /* Accepted, and on its way to Kafka, but the disk could not promise to keep it. */
        fail(p, status);
        status = MQK_OK;
    }
    if (status == MQK_OK) {
        count_accepted(b->counters);
        p->accepted++;
    }
    return status;
}

/* A record that cannot go where it was meant to: to the dead letter topic, if there is one. */
static __attribute__((noinline)) mqk_status send_dead(struct passage *p,
                                                      const struct rule_binding *b,
                                                      const struct rendered_record *r,
                                                      mqk_status why) {
    bool has_record = why == MQK_ERR_TOPIC || why == MQK_ERR_PARTITION;
    if (has_record && producer_config(b->producer)->dead_letter &&
        send_to(p, b, r, NULL, why) == MQK_OK) {
        return MQK_OK;
    }
    return why;
}

static enum counter counter_of_refusal(mqk_status status) {
    switch (status) {
    case MQK_ERR_FULL:
        return COUNTER_refused_full;
    case MQK_ERR_DROPPED:
        return COUNTER_dropped_full;
    case MQK_ERR_TOPIC:
        return COUNTER_bad_topic;
    case MQK_ERR_TOO_LARGE:
        return COUNTER_too_large;
    default:
        return COUNTER_failed;
    }
}

static __attribute__((noinline)) void turn_away(struct passage *p, const struct rule_binding *b,
                                                mqk_status status) {
    count_turned_away(b->counters, counter_of_refusal(status));
    if (status != MQK_ERR_DROPPED) {
        fail(p, status);
    }
}

static bool on_record(void *user, const struct rendered_record *r) {
    struct passage *p = user;
    const struct rule_binding *b = &p->generation->rules[r->rule];
    const struct topic_entry *topic;
    if (r->utf8_replaced) {
        count(b->counters, COUNTER_utf8_replaced);
    }
    mqk_status status = r->status;
    if (status == MQK_OK) {
        status = rule_binding_topic(b, r->topic, &topic);
    }
    status = status == MQK_OK ? send_to(p, b, r, topic, MQK_OK) : send_dead(p, b, r, status);
    if (status != MQK_OK) {
        turn_away(p, b, status);
    }
    return true;
}

void bridge_on_regex_limit(void *user, uint32_t rule) {
    struct passage *p = user;
    count(p->generation->rules[rule].counters, COUNTER_regex_limit);
}

int mqk_on_event(mqk_bridge *bridge, const mqk_event *event) {
    mqk_event copy;
    if (!bridge || !event || !(event = event_adopt(event, &copy))) {
        return MQK_ERR_ARGUMENT;
    }
    if (!bridge_is_ours(bridge)) {
        return MQK_ERR_FORKED;
    }
    struct epoch_reader reader = epoch_enter(&bridge->epoch);
    struct passage p = {bridge, atomic_load(&bridge->generation), event, NULL, 0, MQK_OK};
    int matched = 0;
    if (p.generation->hooks >> event->hook & 1) {
        matched = ruleset_evaluate(p.generation->settings->rules, event, &bridge->ruleset_host,
                                   on_record, &p);
    }
    if (matched == 0) {
        atomic_fetch_add_explicit(&reader.stripe->unmatched, 1, memory_order_relaxed);
    }
    epoch_leave(reader);
    if (matched < 0) {
        fail(&p, (mqk_status)matched);
    }
    int result = p.failure != MQK_OK ? (int)p.failure : p.accepted;
    if (p.completion) {
        completion_end(p.completion, result > 0);
    }
    return result;
}

bool mqk_bridge_wants(const mqk_bridge *bridge, mqk_hook hook) {
    if (!bridge || (unsigned)hook >= MQK_HOOK_COUNT) {
        return false;
    }
    if (!bridge_is_ours(bridge)) {
        return true;
    }
    return atomic_load_explicit(&bridge->hooks, memory_order_relaxed) >> hook & 1;
}
