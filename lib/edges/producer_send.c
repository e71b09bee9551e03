/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdlib.h>

#include "clock.h"

#define MAX_VUS 8

void producer_log_failure(struct producer *p, const char *topic, rd_kafka_resp_err_t err) {
    log_write(p->owner.log, MQK_LOG_ERROR, rd_kafka_err2name(err),
              "cluster \"%s\": a record for topic \"%s\" was not delivered: %s", p->cluster->name,
              topic, rd_kafka_err2str(err));
}

/* Whether librdkafka's share of the buffer has room; then `cost` of it is taken. A record larger
 * than the whole share passes when it is alone. Who comes in sees the client and topics as they
 * are: they change only while the gate is shut and nobody is inside. */
static inline bool admit(struct producer *p, size_t cost) {
    uint64_t before = atomic_fetch_add_explicit(&p->held, HELD_ONE + cost, memory_order_acquire);
    bool fits = HELD_BYTES(before) + cost <= p->window && HELD_RECORDS(before) < p->window_records;
    if ((fits || HELD_BYTES(before) == 0) && !(before & HELD_GATE)) {
        return true;
    }
    atomic_fetch_sub_explicit(&p->held, HELD_ONE + cost, memory_order_release);
    return false;
}

static __attribute__((noinline)) rd_kafka_headers_t *make_headers(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const mqk_header *h = &record->headers[i];
        rd_kafka_header_add(headers, h->name.data, (ssize_t)h->name.len, h->value.data,
                            (ssize_t)h->value.len);
    }
    return headers;
}

static __attribute__((noinline)) rd_kafka_resp_err_t code_of_refusal(rd_kafka_error_t *error,
                                                                     rd_kafka_headers_t *headers) {
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

/* Hands an admitted record to librdkafka, which copies it. */
static inline __attribute__((always_inline)) rd_kafka_resp_err_t
produce(struct producer *p, const struct record *record, void *opaque) {
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
    vus[n++].u.ptr = opaque;
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
    return error ? code_of_refusal(error, headers) : RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A record that was admitted and then refused by librdkafka. */
static __attribute__((noinline)) mqk_status give_up(struct producer *p, const struct record *record,
                                                    size_t cost, rd_kafka_resp_err_t err) {
    atomic_fetch_sub_explicit(&p->held, HELD_ONE + cost, memory_order_release);
    /* A client that has given up is replaced soon. */
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL || producer_sequence_lost(err)) {
        return MQK_ERR_FULL;
    }
    producer_log_failure(p, ((const struct kafka_topic *)record->handle)->name, err);
    return producer_status_of(err);
}

static inline __attribute__((always_inline)) mqk_status
give(struct producer *p, const struct record *record, size_t cost, void *opaque) {
    if (!admit(p, cost)) {
        return MQK_ERR_FULL;
    }
    rd_kafka_resp_err_t err = produce(p, record, opaque);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? MQK_OK : give_up(p, record, cost, err);
}

mqk_status producer_give(struct producer *p, const struct record *record, size_t cost,
                         void *opaque) {
    return give(p, record, cost, opaque);
}

static inline void *plain_opaque(const struct record *record) {
    return (void *)((uintptr_t)record->tag | (record->dead ? OPAQUE_DEAD : 0));
}

/* ---- the backlog ----------------------------------------------------------------------------- */

/* Entries taken out of the backlog, each with its outcome. */
static void chain_add(struct backlog_entry **chain, struct backlog_entry *entry,
                      mqk_status outcome) {
    entry->outcome = outcome;
    entry->next = *chain;
    *chain = entry;
}

static void finish_chain(struct producer *p, struct backlog_entry *chain) {
    while (chain) {
        struct backlog_entry *next = chain->next;
        producer_fail(p, &chain->record, chain->outcome, NULL);
        free(chain);
        chain = next;
    }
}

static bool backlog_has_room(const struct producer *p, size_t cost, uint64_t limit,
                             uint64_t records) {
    return p->backlog.count == 0 ||
           (p->backlog.bytes + cost <= limit && p->backlog.count < records);
}

/* Queues the record in our own memory, dropping the oldest ones for it when the settings say so. */
static mqk_status send_to_backlog(struct producer *p, const struct record *record) {
    /* Before its turn has come librdkafka's share is free for what waits. */
    bool early = !atomic_load(&p->has_turn) && p->backlog_limit == 0;
    uint64_t limit = early ? p->window : p->backlog_limit;
    uint64_t records = early ? p->window_records : p->backlog_records;
    if (limit == 0) {
        return MQK_ERR_FULL;
    }
    struct backlog_entry *entry = backlog_entry_new(record, clock_monotonic_ms());
    struct backlog_entry *dropped = NULL;
    if (!entry) {
        return MQK_ERR_NO_MEMORY;
    }
    pthread_mutex_lock(&p->backlog_lock);
    bool room = backlog_has_room(p, entry->cost, limit, records);
    while (!room && p->settings->when_full == WHEN_FULL_DROP_OLDEST) {
        chain_add(&dropped, backlog_pop(&p->backlog), MQK_ERR_DROPPED);
        room = backlog_has_room(p, entry->cost, limit, records);
    }
    bool first = p->backlog.count == 0;
    if (room) {
        backlog_push(&p->backlog, entry);
        producer_note_backlog(p);
        atomic_store(&p->backlogged, true);
    }
    pthread_mutex_unlock(&p->backlog_lock);
    if (!room) {
        free(entry);
        return MQK_ERR_FULL;
    }
    if (first) {
        producer_wake(p);
    }
    finish_chain(p, dropped);
    return MQK_OK;
}

void producer_note_backlog(struct producer *p) {
    atomic_store(&p->backlog_count, p->backlog.count);
    atomic_store(&p->backlog_bytes, p->backlog.bytes);
}

bool producer_drain_backlog(struct producer *p) {
    struct backlog_entry *failed = NULL;
    size_t moved = 0;
    int64_t oldest = p->settings->message_ttl_ms > 0
                         ? clock_monotonic_ms() - p->settings->message_ttl_ms
                         : INT64_MIN;
    pthread_mutex_lock(&p->backlog_lock);
    while (p->backlog.head && moved < PRODUCER_BATCH) {
        struct backlog_entry *head = p->backlog.head;
        mqk_status status = head->accepted_ms < oldest ? MQK_ERR_EXPIRED
                                                       : producer_give(p, &head->record, head->cost,
                                                                       plain_opaque(&head->record));
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
    bool more = p->backlog.head && moved == PRODUCER_BATCH;
    producer_note_backlog(p);
    pthread_mutex_unlock(&p->backlog_lock);
    finish_chain(p, failed);
    return more;
}

/* ---- in ---------------------------------------------------------------------------------------
 */

/* A record that librdkafka did not take at once, because of `status`. */
static __attribute__((noinline)) mqk_status
send_otherwise(struct producer *p, const struct record *record, mqk_status status) {
    if (p->settings->mode == BUFFER_DISK) {
        status = producer_send_spooled(p, record, record_cost(record));
    } else if (status == MQK_ERR_FULL) {
        status = p->spool ? producer_spool_behind(p, record) : send_to_backlog(p, record);
    }
    if (status == MQK_ERR_FULL && p->settings->when_full == WHEN_FULL_DROP_NEWEST) {
        return MQK_ERR_DROPPED;
    }
    bool for_good =
        status == MQK_ERR_KAFKA || status == MQK_ERR_PARTITION || status == MQK_ERR_TOO_LARGE;
    if (for_good && producer_send_dead(p, record, status, NULL) == MQK_OK) {
        return MQK_OK;
    }
    return status;
}

mqk_status producer_send(struct producer *p, const struct record *record) {
    mqk_status status = MQK_ERR_FULL;
    if (p->settings->mode != BUFFER_DISK &&
        !atomic_load_explicit(&p->backlogged, memory_order_acquire)) {
        status = give(p, record, record_cost(record), plain_opaque(record));
    }
    return status == MQK_OK ? MQK_OK : send_otherwise(p, record, status);
}
