/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "consumer_private.h"

/* Records of one partition before another one has its turn. */
#define TURN 32u

void consumer_make_ready(struct consumer *c, struct consumer_partition *p) {
    if (!p->is_ready) {
        p->is_ready = true;
        p->next_ready = NULL;
        *c->ready_tail = p;
        c->ready_tail = &p->next_ready;
    }
}

void consumer_unready(struct consumer *c, struct consumer_partition *p) {
    struct consumer_partition **at = &c->ready;
    if (!p->is_ready) {
        return;
    }
    while (*at != p) {
        at = &(*at)->next_ready;
    }
    *at = p->next_ready;
    if (!*at) {
        c->ready_tail = at;
    }
    p->is_ready = false;
}

void consumer_settle(struct consumer *c, size_t cost) {
    c->in_flight--;
    c->in_flight_bytes -= cost;
    if (c->thirsty && c->in_flight <= c->plan.settings->max_in_flight / 2 &&
        c->in_flight_bytes <= CONSUMER_MAX_BYTES / 2) {
        c->thirsty = false;
        pthread_cond_broadcast(&c->changed);
    }
}

static void put_back(struct consumer_partition *p, struct consumer_item *item) {
    item->next = p->head;
    p->head = item;
    if (!item->next) {
        p->tail = &item->next;
    }
}

/* The same record again, after a while. */
static void wait_longer(struct consumer_partition *p, struct consumer_item *item) {
    p->delay_ms = p->delay_ms == 0 ? CONSUMER_FIRST_DELAY_MS : p->delay_ms * 2;
    if (p->delay_ms > CONSUMER_MAX_DELAY_MS) {
        p->delay_ms = CONSUMER_MAX_DELAY_MS;
    }
    p->waits = true;
    p->retry_at_ms = clock_monotonic_ms() + p->delay_ms;
    put_back(p, item);
}

/* The host has answered: the partition may be read again. */
static void let_go(struct consumer *c, struct consumer_partition *p) {
    p->delay_ms = 0;
    if (p->paused) {
        rd_kafka_queue_yield(c->queue);
    }
}

/* Returns the item when it is to be freed. With the lock. */
static struct consumer_item *take_answer(struct consumer *c, struct consumer_partition *p,
                                         struct consumer_item *item, mqk_answer answer) {
    struct consumer_counters *counters = c->plan.counters;
    p->busy = NULL;
    switch (answer) {
    case MQK_ACCEPT:
        let_go(c, p);
        if (c->owner.confirms && p->unconfirmed < 0) {
            p->unconfirmed = item->command.record.offset;
        }
        consumer_count(&counters->delivered, 1);
        consumer_settle(c, item->cost);
        return item;
    case MQK_REFUSE:
        let_go(c, p);
        consumer_count(&counters->refused, 1);
        consumer_bury(c, item, MQK_ERR_ARGUMENT, "the host refuses it");
        return NULL;
    default:
        consumer_count(&counters->retried, 1);
        wait_longer(p, item);
        return NULL;
    }
}

size_t consumer_offer(struct consumer *c, consumer_answer_fn answer, void *user, size_t most) {
    const enum downlink_action action = downlink_action(c->plan.downlink, c->plan.rule);
    size_t offered = 0, turn = 0;
    pthread_mutex_lock(&c->lock);
    while (offered < most && c->offering && c->ready) {
        struct consumer_partition *p = c->ready;
        struct consumer_item *item = p->head;
        p->head = item->next;
        if (!p->head) {
            p->tail = &p->head;
        }
        p->busy = item;
        pthread_mutex_unlock(&c->lock);
        mqk_answer said = answer(user, action, &item->command);
        pthread_mutex_lock(&c->lock);
        offered++;
        struct consumer_item *finished = take_answer(c, p, item, said);
        if (finished) {
            finished->next = c->done;
            c->done = finished;
        }
        /* A partition that is being taken away is not on the list any more: somebody waits. */
        if (!p->is_ready) {
            pthread_cond_broadcast(&c->changed);
            continue;
        }
        bool rests = p->waits || !p->head;
        if (rests || ++turn == TURN) {
            turn = 0;
            consumer_unready(c, p);
        }
        if (!rests && !p->is_ready) {
            consumer_make_ready(c, p);
        }
        if (p->waits && !p->paused) {
            rd_kafka_queue_yield(c->queue);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return offered;
}

void consumer_confirm(struct consumer *c) {
    pthread_mutex_lock(&c->lock);
    for (struct consumer_partition *p = c->partitions; p; p = p->next) {
        p->unconfirmed = -1;
    }
    pthread_mutex_unlock(&c->lock);
}

bool consumer_is_ready(struct consumer *c) {
    pthread_mutex_lock(&c->lock);
    bool ready = c->offering && c->ready;
    pthread_mutex_unlock(&c->lock);
    return ready;
}

void consumer_stop_offering(struct consumer *c) {
    pthread_mutex_lock(&c->lock);
    c->offering = false;
    pthread_mutex_unlock(&c->lock);
}
