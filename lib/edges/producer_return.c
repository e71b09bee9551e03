/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"

#define RETRY_CLIENT_MS 200
#define ANSWER_MS       2000 /* a broker's time to answer what was sent before the client gave up */

size_t producer_message_cost(const rd_kafka_message_t *message) {
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

/* librdkafka keeps the timestamp of a record that failed, but does not tell it. */
static int64_t message_timestamp(const rd_kafka_message_t *message) {
    rd_kafka_message_t *own = (rd_kafka_message_t *)(uintptr_t)message;
    rd_kafka_resp_err_t err = own->err;
    own->err = RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t timestamp = rd_kafka_message_timestamp(message, NULL);
    own->err = err;
    return timestamp;
}

bool producer_read_message(const rd_kafka_message_t *message, struct message_record *out) {
    rd_kafka_headers_t *headers = NULL;
    *out = (struct message_record){.record = {.topic = mqk_cstr(rd_kafka_topic_name(message->rkt)),
                                              .key = {message->key, message->key_len},
                                              .value = {message->payload, message->len},
                                              .timestamp_ms = message_timestamp(message),
                                              .partition = message->partition}};
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true;
    }
    size_t count = rd_kafka_header_cnt(headers);
    out->headers = calloc(count, sizeof(*out->headers));
    if (!out->headers) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t size = 0;
        rd_kafka_header_get_all(headers, i, &name, &value, &size);
        out->headers[i] = (mqk_header){mqk_cstr(name), {value, size}};
        out->record.header_count++;
    }
    out->record.headers = out->headers;
    return true;
}

void producer_returned(struct producer *p, const rd_kafka_message_t *message) {
    uintptr_t opaque = (uintptr_t)message->_private;
    void *tag = (void *)(opaque & ~OPAQUE_BITS);
    if (opaque & OPAQUE_FLIGHT) {
        struct flight *flight = tag;
        if (flight->awaited) {
            outlet_watch(p->outlet, flight->ref, flight->tag);
        }
        spool_wait(p->spool, flight->ref);
        atomic_store(&p->backlogged, true);
        flight_chain_add(&p->landed, flight);
        return;
    }
    struct message_record copy;
    bool whole = producer_read_message(message, &copy);
    copy.record.tag = tag;
    copy.record.dead = (opaque & OPAQUE_DEAD) != 0;
    copy.record.rule = p->owner.rule(p->owner.user, tag);
    copy.record.handle = (void *)(uintptr_t)producer_topic(p, copy.record.topic);
    struct backlog_entry *entry =
        whole && copy.record.handle ? backlog_entry_new(&copy.record, clock_monotonic_ms()) : NULL;
    free(copy.headers);
    if (!entry) {
        p->returned_lost++;
        p->owner.done(p->owner.user, tag, MQK_ERR_NO_MEMORY);
        return;
    }
    bool was_queued = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE;
    backlog_push(was_queued ? &p->returned_queue : &p->returned_flight, entry);
}

void producer_take_back(struct producer *p, int64_t patience_ms) {
    int64_t deadline = clock_deadline_ms(patience_ms);
    atomic_fetch_or(&p->held, HELD_GATE);
    producer_settle(p);
    while (HELD_RECORDS(atomic_load(&p->held)) > 0) {
        bool waits = clock_monotonic_ms() < deadline;
        rd_kafka_purge(p->client, RD_KAFKA_PURGE_F_QUEUE | (waits ? 0 : RD_KAFKA_PURGE_F_INFLIGHT));
        rd_kafka_poll(p->client, PRODUCER_BUSY_MS);
        producer_settle(p);
    }
}

void producer_rebuild(struct producer *p) {
    const struct timespec pause = {.tv_nsec = RETRY_CLIENT_MS * 1000000L};
    mqk_error err;
    atomic_store(&p->backlogged, true);
    p->returning = true;
    producer_take_back(p, ANSWER_MS);
    p->returning = false;
    pthread_mutex_lock(&p->backlog_lock);
    backlog_prepend(&p->backlog, &p->returned_queue);
    backlog_prepend(&p->backlog, &p->returned_flight);
    producer_note_backlog(p);
    pthread_mutex_unlock(&p->backlog_lock);
    producer_stop_client(p);
    while (!producer_start_client(p, &err) && !atomic_load(&p->stop)) {
        nanosleep(&pause, NULL);
    }
    atomic_store(&p->fatal, false);
    log_write(p->owner.log, MQK_LOG_WARNING, "rebuild",
              "cluster \"%s\": a new client takes over; %llu records are sent again",
              p->cluster->name, (unsigned long long)atomic_load(&p->backlog_count));
    atomic_fetch_and(&p->held, ~HELD_GATE);
}

/* What came back stays in the spool, for whoever opens it next. Returns how many did not fit. */
static uint64_t keep_in_spool(struct producer *p) {
    backlog_prepend(&p->backlog, &p->returned_queue);
    backlog_prepend(&p->backlog, &p->returned_flight);
    size_t count = p->backlog.count;
    if (count == 0) {
        return 0;
    }
    struct spool_item *items = calloc(count, sizeof(*items));
    size_t n = 0;
    for (const struct backlog_entry *e = p->backlog.head; items && e; e = e->next) {
        items[n].record = e->record;
        items[n].rule = e->record.rule;
        items[n++].accepted_ms = clock_wall_ms() - (clock_monotonic_ms() - e->accepted_ms);
    }
    size_t kept = n > 0 ? spool_prepend(p->spool, items, n) : 0;
    free(items);
    for (size_t i = 0; i < count; i++) {
        struct backlog_entry *e = backlog_pop(&p->backlog);
        void *tag = e->record.tag;
        if (i < kept) {
            void *waiter = p->owner.detach(p->owner.user, &tag);
            if (waiter) {
                p->owner.safe(p->owner.user, waiter, MQK_OK);
            }
            p->owner.left(p->owner.user, tag);
        } else {
            p->owner.done(p->owner.user, tag, MQK_ERR_CLOSED);
        }
        free(e);
    }
    return count - kept;
}

uint64_t producer_abandon(struct producer *p) {
    uint64_t lost = 0;
    producer_settle(p);
    if (!p->spool) {
        lost = producer_queued(p, NULL);
    }
    p->returning = p->spool != NULL;
    if (p->client) {
        producer_take_back(p, 0);
    }
    pthread_mutex_lock(&p->backlog_lock);
    if (p->spool) {
        lost = keep_in_spool(p) + p->returned_lost;
        p->returned_lost = 0;
    } else {
        struct backlog_entry *entry;
        while ((entry = backlog_pop(&p->backlog))) {
            p->owner.done(p->owner.user, entry->record.tag, MQK_ERR_CLOSED);
            free(entry);
        }
    }
    producer_note_backlog(p);
    pthread_mutex_unlock(&p->backlog_lock);
    return lost;
}
