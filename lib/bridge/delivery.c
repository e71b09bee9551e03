/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct completion {
    struct outbox_item item; /* first: the item is what is freed after it was told */
    struct outbox *outbox;
    _Atomic uint32_t pending; /* records under way, and one for the event itself */
    _Atomic int status;       /* the first failure */
    bool tell;                /* set before the event's own share is given back */
    void (*then)(void *user, mqk_status status); /* instead of the outbox */
    void *then_user;
};

struct delivery {
    struct counters *rule;
    struct completion *completion;
    bool sync;
    _Atomic uint32_t owners; /* the producer and, with sync, the waiting thread */
    pthread_mutex_t lock;    /* the rest with sync only */
    pthread_cond_t changed;
    bool is_done;
    mqk_status status;
};

struct completion *completion_begin(struct outbox *outbox, uint64_t token) {
    struct completion *c = calloc(1, sizeof(*c));
    if (c) {
        c->item.token = token;
        c->outbox = outbox;
        atomic_init(&c->pending, 1);
    }
    return c;
}

struct completion *completion_begin_then(void (*then)(void *user, mqk_status status), void *user) {
    struct completion *c = completion_begin(NULL, 0);
    if (c) {
        c->then = then;
        c->then_user = user;
    }
    return c;
}

static void completion_release(struct completion *c, mqk_status status) {
    int none = MQK_OK;
    if (status != MQK_OK) {
        atomic_compare_exchange_strong(&c->status, &none, (int)status);
    }
    if (atomic_fetch_sub(&c->pending, 1) > 1) {
        return;
    }
    if (!c->tell) {
        free(c);
        return;
    }
    if (c->then) {
        c->then(c->then_user, (mqk_status)atomic_load(&c->status));
        free(c);
        return;
    }
    c->item.status = (mqk_status)atomic_load(&c->status);
    outbox_push(c->outbox, &c->item);
}

void completion_end(struct completion *c, bool tell) {
    c->tell = tell;
    completion_release(c, MQK_OK);
}

/* Counters are aligned, so the lowest bit is free to say that the tag is a delivery. */
#define TAG_DELIVERY ((uintptr_t)1)

void *delivery_tag(struct counters *rule) {
    return rule;
}

void *delivery_tag_of(struct delivery *d) {
    return (void *)((uintptr_t)d | TAG_DELIVERY);
}

struct delivery *delivery_new(struct counters *rule, struct completion *completion, bool sync) {
    struct delivery *d = calloc(1, sizeof(*d));
    if (!d) {
        return NULL;
    }
    d->rule = rule;
    d->completion = completion;
    d->sync = sync;
    atomic_init(&d->owners, sync ? 2 : 1);
    if (sync) {
        pthread_condattr_t attr;
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_mutex_init(&d->lock, NULL);
        pthread_cond_init(&d->changed, &attr);
        pthread_condattr_destroy(&attr);
    }
    if (completion) {
        atomic_fetch_add(&completion->pending, 1);
    }
    return d;
}

static void delivery_free(struct delivery *d) {
    if (d->sync) {
        pthread_mutex_destroy(&d->lock);
        pthread_cond_destroy(&d->changed);
    }
    free(d);
}

static void delivery_release(struct delivery *d) {
    if (atomic_fetch_sub(&d->owners, 1) == 1) {
        delivery_free(d);
    }
}

void delivery_cancel(struct delivery *d) {
    if (d->completion) {
        completion_release(d->completion, MQK_OK);
    }
    delivery_free(d);
}

mqk_status delivery_wait(struct delivery *d, int64_t timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&d->lock);
    while (!d->is_done && pthread_cond_timedwait(&d->changed, &d->lock, &until) != ETIMEDOUT) {
    }
    mqk_status status = d->is_done ? d->status : MQK_ERR_TIMEOUT;
    pthread_mutex_unlock(&d->lock);
    delivery_release(d);
    return status;
}

static enum counter counter_of(mqk_status status) {
    switch (status) {
    case MQK_OK:
        return COUNTER_delivered;
    case MQK_ERR_EXPIRED:
        return COUNTER_expired;
    case MQK_ERR_DROPPED:
        return COUNTER_dropped_full;
    case MQK_ERR_TOO_LARGE:
        return COUNTER_too_large;
    case MQK_ERR_CLOSED:
        return COUNTER_lost_on_close;
    default:
        return COUNTER_failed;
    }
}

static void count_both(struct counters *rule, enum counter which) {
    count(rule, which);
    struct counters *cluster = atomic_load_explicit(&rule->cluster, memory_order_relaxed);
    if (cluster) {
        count(cluster, which);
    }
}

/* The delivery of a tag, or NULL when the tag is the rule's counters. */
static struct delivery *delivery_of(void *tag) {
    uintptr_t word = (uintptr_t)tag;
    return word & TAG_DELIVERY ? (struct delivery *)(word & ~TAG_DELIVERY) : NULL;
}

struct counters *delivery_rule(void *tag) {
    struct delivery *d = delivery_of(tag);
    return d ? d->rule : tag;
}

/* Tells who waits, and lets go. */
static void settle(struct delivery *d, mqk_status status) {
    if (d->completion) {
        completion_release(d->completion, status);
    }
    if (d->sync) {
        pthread_mutex_lock(&d->lock);
        d->is_done = true;
        d->status = status;
        pthread_cond_signal(&d->changed);
        pthread_mutex_unlock(&d->lock);
    }
    delivery_release(d);
}

void delivery_done(void *tag, mqk_status status) {
    struct delivery *d = delivery_of(tag);
    count_both(delivery_rule(tag), counter_of(status));
    if (d) {
        settle(d, status);
    }
}

void delivery_dead_lettered(void *tag) {
    struct delivery *d = delivery_of(tag);
    count_both(delivery_rule(tag), COUNTER_dead_lettered);
    if (d) {
        settle(d, MQK_OK);
    }
}

void delivery_left(void *tag) {
    struct delivery *d = delivery_of(tag);
    if (d) {
        settle(d, MQK_ERR_CLOSED);
    }
}

struct completion *delivery_detach(void **tag) {
    struct delivery *d = delivery_of(*tag);
    struct completion *c = d ? d->completion : NULL;
    if (!d) {
        return NULL;
    }
    d->completion = NULL;
    if (!d->sync) {
        *tag = delivery_tag(d->rule);
        delivery_release(d);
    }
    return c;
}

void delivery_safe(struct completion *c, mqk_status status) {
    completion_release(c, status);
}
