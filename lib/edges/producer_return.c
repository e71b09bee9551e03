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

/* A record of the spool waits there again; with `tag` somebody waits for it. */
static void back_to_spool(struct producer *p, struct spool_ref ref, void *tag) {
    if (tag) {
        outlet_watch(p->outlet, ref, tag);
    }
    spool_wait(p->spool, ref);
    atomic_store(&p->backlogged, true);
}

static void lose(struct producer *p, void *tag) {
    p->returned_lost++;
    p->owner.done(p->owner.user, tag, MQK_ERR_NO_MEMORY);
}

void producer_returned(struct producer *p, const rd_kafka_message_t *message) {
    uintptr_t opaque = (uintptr_t)message->_private;
    void *tag = (void *)(opaque & ~OPAQUE_BITS);
    if (opaque & OPAQUE_FLIGHT) {
        struct flight *flight = tag;
        tag = flight->tag;
        flight_chain_add(&p->landed, flight);
        if (flight->ref.seq > 0) {
            back_to_spool(p, flight->ref, flight->awaited ? tag : NULL);
            return;
        }
    }
    struct message_record copy;
    bool whole = producer_read_message(message, &copy);
    copy.record.tag = tag;
    copy.record.dead = (opaque & OPAQUE_DEAD) != 0;
    copy.record.rule = p->owner.rule(p->owner.user, tag);
    const struct topic_entry *topic = producer_topic(p, copy.record.topic);
    copy.record.handle = (void *)(uintptr_t)topic;
    copy.record.topic = topic ? topic->name : copy.record.topic;
    bool was_queued = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE;
    struct record_queue *queue = was_queued ? &p->returned_queue : &p->returned_flight;
    bool kept = whole && topic && record_queue_put(queue, &copy.record, clock_monotonic_ms());
    free(copy.headers);
    if (!kept) {
        lose(p, tag);
    }
}

void producer_take_back(struct producer *p, int64_t patience_ms) {
    int64_t deadline = clock_deadline_ms(patience_ms);
    producer_settle(p);
    while (HELD_RECORDS(atomic_load(&p->held)) > p->run.count) {
        bool waits = clock_monotonic_ms() < deadline;
        rd_kafka_purge(p->client, RD_KAFKA_PURGE_F_QUEUE | (waits ? 0 : RD_KAFKA_PURGE_F_INFLIGHT));
        rd_kafka_poll(p->client, PRODUCER_BUSY_MS);
        producer_settle(p);
    }
}

/* What was taken from the queue, but not handed on: with what came back and was queued. */
static void return_run(struct producer *p) {
    size_t count = p->run.count;
    struct queued *one = p->run.first;
    for (; p->run.count > 0; queue_run_pass(&p->run)) {
        struct queued *queued = p->run.first;
        const struct record *record = &queued->record;
        if (queued->ref.seq > 0) {
            back_to_spool(p, queued->ref, record->awaited ? record->tag : NULL);
        } else if (!record_queue_put(&p->returned_queue, record, queued->accepted_ms)) {
            lose(p, record->tag);
        }
        p->settled += HELD_ONE + queued->cost;
        free(queued->own);
    }
    if (count > 0) {
        pthread_mutex_lock(&p->queue_lock);
        record_queue_release(&p->queue, one, count);
        pthread_mutex_unlock(&p->queue_lock);
    }
}

/* A record that was taken out is not needed any more. Locked. */
static void release(struct producer *p, struct queued *queued) {
    free(queued->own);
    record_queue_release(&p->queue, queued, 1);
}

/* Puts what came back before what waits. What stands in the spool waits there then, and nothing
 * that came later goes before it. */
static void queue_returned(struct producer *p) {
    return_run(p);
    pthread_mutex_lock(&p->queue_lock);
    struct queued *first;
    while ((first = record_queue_first(&p->queue)) && first->ref.seq > 0) {
        back_to_spool(p, first->ref, first->record.awaited ? first->record.tag : NULL);
        record_queue_take(&p->queue);
        release(p, first);
    }
    record_queue_prepend(&p->queue, &p->returned_queue);
    record_queue_prepend(&p->queue, &p->returned_flight);
    pthread_mutex_unlock(&p->queue_lock);
    producer_settle(p);
}

void producer_rebuild(struct producer *p) {
    const struct timespec pause = {.tv_nsec = RETRY_CLIENT_MS * 1000000L};
    mqk_error err;
    if (p->spool) {
        atomic_store(&p->backlogged, true);
    }
    p->returning = true;
    producer_take_back(p, ANSWER_MS);
    p->returning = false;
    queue_returned(p);
    producer_stop_client(p);
    while (!producer_start_client(p, &err) && !atomic_load(&p->stop)) {
        nanosleep(&pause, NULL);
    }
    atomic_store(&p->fatal, false);
    log_write(p->owner.log, MQK_LOG_WARNING, "rebuild",
              "cluster \"%s\": a new client takes over; what was not acknowledged is sent again",
              p->cluster->name);
}

/* Takes the oldest record out of the queue; NULL: it is empty. */
static struct queued *take_first(struct producer *p) {
    struct queued *first = record_queue_first(&p->queue);
    if (first) {
        record_queue_take(&p->queue);
    }
    return first;
}

static void close_record(struct producer *p, struct queued *queued) {
    p->owner.done(p->owner.user, queued->record.tag, MQK_ERR_CLOSED);
    release(p, queued);
}

/* The spool has it now. */
static void leave_record(struct producer *p, struct queued *queued) {
    void *tag = queued->record.tag;
    void *waiter = p->owner.detach(p->owner.user, &tag);
    if (waiter) {
        p->owner.safe(p->owner.user, waiter, MQK_OK);
    }
    p->owner.left(p->owner.user, tag);
    release(p, queued);
}

static struct spool_item spool_item_of(const struct queued *queued) {
    return (struct spool_item){.record = queued->record,
                               .rule = queued->record.rule,
                               .accepted_ms =
                                   clock_wall_ms() - (clock_monotonic_ms() - queued->accepted_ms)};
}

/* What waits in memory stays in the spool, for whoever opens it next. */
static void keep_in_spool(struct producer *p) {
    size_t count = p->queue.count;
    struct spool_item *items = calloc(count, sizeof(*items));
    struct queued **all = calloc(count, sizeof(struct queued *));
    if (items && all) {
        for (size_t i = 0; i < count; i++) {
            all[i] = take_first(p);
            items[i] = spool_item_of(all[i]);
        }
        size_t kept = spool_prepend(p->spool, items, count);
        for (size_t i = 0; i < count; i++) {
            if (i < kept) {
                leave_record(p, all[i]);
            } else {
                close_record(p, all[i]);
                p->returned_lost++;
            }
        }
    }
    free(items);
    free(all);
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
    queue_returned(p);
    pthread_mutex_lock(&p->queue_lock);
    if (p->spool && p->queue.count > 0) {
        keep_in_spool(p);
    }
    struct queued *queued;
    while ((queued = take_first(p))) {
        close_record(p, queued);
        p->returned_lost += p->spool != NULL;
    }
    pthread_mutex_unlock(&p->queue_lock);
    lost += p->returned_lost;
    p->returned_lost = 0;
    return lost;
}
