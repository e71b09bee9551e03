/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdlib.h>

#include "clock.h"

#define DRAIN_BATCH 256 /* records moved while senders wait for the backlog's lock */
#define MAX_VUS     8

/* The thread settles its account at the latest when it is this large, so that senders find room. */
#define SETTLE_RECORDS 512u

void producer_settle(struct producer *p) {
    if (p->settled == 0) {
        return;
    }
    uint64_t before = atomic_fetch_sub(&p->held, p->settled);
    bool none_left = HELD_RECORDS(before) == HELD_RECORDS(p->settled);
    p->settled = 0;
    if (none_left && atomic_load(&p->backlog_count) == 0 && atomic_load(&p->hurry)) {
        p->owner.idle(p->owner.user);
    }
}

/* record_cost() of a record that comes back. */
static size_t message_cost(const rd_kafka_message_t *message) {
    size_t cost = RECORD_OVERHEAD + message->len + message->key_len;
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name;
        const void *value;
        size_t size;
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                           RD_KAFKA_RESP_ERR_NO_ERROR;
             i++) {
            cost += strlen(name) + size;
        }
    }
    return cost;
}

static mqk_status status_of(rd_kafka_resp_err_t err) {
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return MQK_OK;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        return MQK_ERR_EXPIRED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return MQK_ERR_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return MQK_ERR_PARTITION;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__DESTROY:
        return MQK_ERR_CLOSED;
    default:
        return MQK_ERR_KAFKA;
    }
}

static void log_failure(struct producer *p, const char *topic, rd_kafka_resp_err_t err) {
    log_write(p->owner.log, MQK_LOG_ERROR, rd_kafka_err2name(err),
              "cluster \"%s\": a record for topic \"%s\" was not delivered: %s", p->cluster->name,
              topic, rd_kafka_err2str(err));
}

void producer_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    struct producer *p = opaque;
    mqk_status status = status_of(message->err);
    if (status == MQK_OK) {
        if (atomic_load_explicit(&p->health, memory_order_relaxed) != MQK_HEALTH_OK) {
            producer_set_health(p, MQK_HEALTH_OK, "");
        }
    } else if (status != MQK_ERR_CLOSED) {
        log_failure(p, rd_kafka_topic_name(message->rkt), message->err);
        if (status == MQK_ERR_KAFKA && atomic_load(&p->health) == MQK_HEALTH_OK) {
            char text[256];
            snprintf(text, sizeof(text), "cluster \"%s\": %s", p->cluster->name,
                     rd_kafka_err2str(message->err));
            producer_set_health(p, MQK_HEALTH_DEGRADED, text);
        }
    }
    p->owner.done(p->owner.user, message->_private, status);
    p->settled += HELD_ONE + message_cost(message);
    if (HELD_RECORDS(p->settled) >= SETTLE_RECORDS) {
        producer_settle(p);
    }
}

/* Whether librdkafka's share of the buffer has room; then `cost` of it is taken. A record larger
 * than the whole share passes when it is alone. */
static inline bool admit(struct producer *p, size_t cost) {
    uint64_t before = atomic_fetch_add_explicit(&p->held, HELD_ONE + cost, memory_order_relaxed);
    if (HELD_BYTES(before) + cost <= p->window || HELD_BYTES(before) == 0) {
        return true;
    }
    atomic_fetch_sub_explicit(&p->held, HELD_ONE + cost, memory_order_relaxed);
    return false;
}

static rd_kafka_headers_t *make_headers(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const mqk_header *h = &record->headers[i];
        rd_kafka_header_add(headers, h->name.data, (ssize_t)h->name.len, h->value.data,
                            (ssize_t)h->value.len);
    }
    return headers;
}

/* Hands an admitted record to librdkafka, which copies it. */
static inline rd_kafka_resp_err_t give(struct producer *p, const struct record *record) {
    const struct kafka_topic *topic = record->handle;
    rd_kafka_headers_t *headers = record->header_count > 0 ? make_headers(record) : NULL;
    rd_kafka_vu_t vus[MAX_VUS];
    size_t n = 0;
    vus[n].vtype = RD_KAFKA_VTYPE_RKT;
    vus[n++].u.rkt = topic->handle;
    vus[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    vus[n++].u.i = RD_KAFKA_MSG_F_COPY;
    vus[n].vtype = RD_KAFKA_VTYPE_VALUE;
    vus[n].u.mem.ptr = (void *)(uintptr_t)record->value.data;
    vus[n++].u.mem.size = record->value.len;
    vus[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    vus[n++].u.i64 = record->timestamp_ms;
    vus[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
    vus[n++].u.ptr = record->tag;
    /* librdkafka looks at one after the other: what is as it would be anyway is left out. */
    if (record->key.data) {
        vus[n].vtype = RD_KAFKA_VTYPE_KEY;
        vus[n].u.mem.ptr = (void *)(uintptr_t)record->key.data;
        vus[n++].u.mem.size = record->key.len;
    }
    if (record->partition != RD_KAFKA_PARTITION_UA) {
        vus[n].vtype = RD_KAFKA_VTYPE_PARTITION;
        vus[n++].u.i32 = record->partition;
    }
    if (headers) {
        vus[n].vtype = RD_KAFKA_VTYPE_HEADERS;
        vus[n++].u.headers = headers;
    }
    rd_kafka_error_t *error = rd_kafka_produceva(p->client, vus, n);
    if (!error) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

/* Gives the record to librdkafka if there is room. MQK_ERR_FULL: there is none. */
static inline mqk_status send_direct(struct producer *p, const struct record *record, size_t cost) {
    if (!admit(p, cost)) {
        return MQK_ERR_FULL;
    }
    rd_kafka_resp_err_t err = give(p, record);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return MQK_OK;
    }
    atomic_fetch_sub_explicit(&p->held, HELD_ONE + cost, memory_order_relaxed);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return MQK_ERR_FULL;
    }
    log_failure(p, ((const struct kafka_topic *)record->handle)->name, err);
    return status_of(err);
}

/* Reports and frees entries that were taken out of the backlog, each with its outcome. */
static void finish_chain(struct producer *p, struct backlog_entry *chain) {
    while (chain) {
        struct backlog_entry *next = chain->next;
        p->owner.done(p->owner.user, chain->record.tag, chain->outcome);
        free(chain);
        chain = next;
    }
}

static void chain_add(struct backlog_entry **chain, struct backlog_entry *entry,
                      mqk_status outcome) {
    entry->outcome = outcome;
    entry->next = *chain;
    *chain = entry;
}

static void note_backlog(struct producer *p) {
    atomic_store(&p->backlog_count, p->backlog.count);
    atomic_store(&p->backlog_bytes, p->backlog.bytes);
}

/* Queues the record in our own memory, dropping the oldest ones for it. */
static mqk_status send_to_backlog(struct producer *p, const struct record *record) {
    struct backlog_entry *entry = backlog_entry_new(record, clock_monotonic_ms());
    struct backlog_entry *dropped = NULL;
    if (!entry) {
        return MQK_ERR_NO_MEMORY;
    }
    pthread_mutex_lock(&p->backlog_lock);
    while (p->backlog.count > 0 && p->backlog.bytes + entry->cost > p->backlog_limit) {
        chain_add(&dropped, backlog_pop(&p->backlog), MQK_ERR_DROPPED);
    }
    bool first = p->backlog.count == 0;
    backlog_push(&p->backlog, entry);
    note_backlog(p);
    atomic_store(&p->backlogged, true);
    pthread_mutex_unlock(&p->backlog_lock);
    if (first) {
        producer_wake(p);
    }
    finish_chain(p, dropped);
    return MQK_OK;
}

mqk_status producer_send(struct producer *p, const struct record *record) {
    mqk_status status = MQK_ERR_FULL;
    if (!atomic_load_explicit(&p->backlogged, memory_order_acquire)) {
        status = send_direct(p, record, record_cost(record));
    }
    if (status == MQK_ERR_FULL && p->backlog_limit > 0) {
        status = send_to_backlog(p, record);
    }
    if (status == MQK_ERR_FULL && p->settings->when_full == WHEN_FULL_DROP_NEWEST) {
        return MQK_ERR_DROPPED;
    }
    return status;
}

/* Moves what fits from the backlog to librdkafka; returns whether more is to be done at once. */
bool producer_drain(struct producer *p) {
    struct backlog_entry *failed = NULL;
    size_t moved = 0;
    int64_t oldest = p->settings->message_ttl_ms > 0
                         ? clock_monotonic_ms() - p->settings->message_ttl_ms
                         : INT64_MIN;
    pthread_mutex_lock(&p->backlog_lock);
    while (p->backlog.head && moved < DRAIN_BATCH) {
        struct backlog_entry *head = p->backlog.head;
        mqk_status status = head->accepted_ms < oldest ? MQK_ERR_EXPIRED
                                                       : send_direct(p, &head->record, head->cost);
        if (status == MQK_ERR_FULL) {
            break;
        }
        backlog_pop(&p->backlog);
        moved++;
        if (status == MQK_OK) {
            free(head);
        } else {
            chain_add(&failed, head, status);
        }
    }
    bool more = p->backlog.head && moved == DRAIN_BATCH;
    if (!p->backlog.head) {
        atomic_store(&p->backlogged, false);
    }
    note_backlog(p);
    pthread_mutex_unlock(&p->backlog_lock);
    finish_chain(p, failed);
    return more;
}

/* Everything that still waits is reported as closed. The thread has ended. */
void producer_abandon(struct producer *p) {
    struct backlog_entry *left = NULL;
    struct backlog_entry *entry;
    pthread_mutex_lock(&p->backlog_lock);
    while ((entry = backlog_pop(&p->backlog))) {
        chain_add(&left, entry, MQK_ERR_CLOSED);
    }
    note_backlog(p);
    pthread_mutex_unlock(&p->backlog_lock);
    finish_chain(p, left);
    while (producer_queued(p, NULL) > 0) {
        rd_kafka_purge(p->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_poll(p->client, PRODUCER_BUSY_MS);
        producer_settle(p);
    }
}
