/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdlib.h>

#include "clock.h"

#define MAX_VUS    8
#define WAITED_MS  10 /* a record that waited as long before librdkafka got it is noted */
#define CHUNKS_MIN QUEUE_BLOCK
#define CHUNKS_MAX (4 * QUEUE_BLOCK)
#define LOOK_AFTER 128 /* records that are handed on before the queue's memory is looked after */

void producer_log_failure(struct producer *p, const char *topic, rd_kafka_resp_err_t err) {
    log_write(p->owner.log, MQK_LOG_ERROR, rd_kafka_err2name(err),
              "cluster \"%s\": a record for topic \"%s\" was not delivered: %s", p->cluster->name,
              topic, rd_kafka_err2str(err));
}

/* ---- To librdkafka ---- */

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

/* librdkafka copies the record. */
static rd_kafka_resp_err_t produce(struct producer *p, const struct record *record,
                                   uintptr_t opaque) {
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
    vus[n++].u.ptr = (void *)opaque;
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

mqk_status producer_give(struct producer *p, const struct record *record, struct spool_ref ref,
                         int64_t waited_ms) {
    uintptr_t opaque = (uintptr_t)record->tag;
    struct flight *flight = NULL;
    if (ref.seq > 0 || waited_ms >= WAITED_MS) {
        flight = flights_take(&p->flights);
    }
    if (flight) {
        flight->ref = ref;
        flight->tag = record->tag;
        flight->awaited = record->awaited;
        flight->waited_ms = waited_ms < 0            ? 0
                            : waited_ms > UINT32_MAX ? UINT32_MAX
                                                     : (uint32_t)waited_ms;
        opaque = (uintptr_t)flight | OPAQUE_FLIGHT;
    } else if (ref.seq > 0) {
        return MQK_ERR_FULL;
    }
    rd_kafka_resp_err_t err = produce(p, record, opaque | (record->dead ? OPAQUE_DEAD : 0));
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return MQK_OK;
    }
    if (flight) {
        flight_chain_add(&p->landed, flight);
    }
    /* A client that has given up is replaced soon. */
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL || producer_sequence_lost(err)) {
        return MQK_ERR_FULL;
    }
    producer_log_failure(p, ((const struct kafka_topic *)record->handle)->name, err);
    return producer_status_of(err);
}

bool producer_window_has(const struct producer *p, uint64_t records, uint64_t bytes) {
    uint64_t held = atomic_load_explicit(&p->held, memory_order_relaxed);
    return (HELD_BYTES(held) + bytes <= p->window &&
            HELD_RECORDS(held) + records <= p->window_records) ||
           (HELD_RECORDS(held) == 0 && records == 1);
}

/* ---- The queue ---- */

/* Takes what librdkafka has room for, of one chunk: all of it, or if that is too much the first
 * one, which also goes when it has expired. Locked. */
static void take_run(struct producer *p, int64_t oldest_ms) {
    struct queue_share share = record_queue_share(&p->queue);
    struct queued *first = record_queue_first(&p->queue);
    if (!first) {
        return;
    }
    if (producer_window_has(p, share.count, share.bytes)) {
        p->run = record_queue_take_share(&p->queue);
    } else if (producer_window_has(p, 1, first->cost) || first->accepted_ms < oldest_ms) {
        p->run = (struct queue_run){first, 1};
        share = (struct queue_share){1, first->cost};
        record_queue_take(&p->queue);
    } else {
        return;
    }
    atomic_fetch_add(&p->held, share.count * HELD_ONE + share.bytes);
}

/* What librdkafka does not take for good is done, as far as the queue is concerned. */
static void refuse(struct producer *p, const struct queued *queued, mqk_status why) {
    producer_fail(p, &queued->record, why, NULL);
    p->settled += HELD_ONE + queued->cost;
    if (queued->ref.seq > 0) {
        spool_done(p->spool, queued->ref);
    }
}

/* Hands on what was taken, until librdkafka takes no more. The number of those that are gone. */
static size_t hand_run(struct producer *p, int64_t oldest_ms) {
    int64_t now_ms = clock_monotonic_ms();
    size_t gone = 0;
    while (p->run.count > 0) {
        struct queued *queued = p->run.first;
        mqk_status status =
            queued->accepted_ms < oldest_ms
                ? MQK_ERR_EXPIRED
                : producer_give(p, &queued->record, queued->ref, now_ms - queued->accepted_ms);
        if (status == MQK_ERR_FULL) {
            break;
        }
        if (status != MQK_OK) {
            refuse(p, queued, status);
        }
        free(queued->own);
        queue_run_pass(&p->run);
        gone++;
        if (gone % LOOK_AFTER == 0) {
            producer_keep_chunks(p, false);
        }
    }
    return gone;
}

enum producer_queue producer_hand_queue(struct producer *p) {
    int64_t oldest_ms = p->settings->message_ttl_ms > 0
                            ? clock_monotonic_ms() - p->settings->message_ttl_ms
                            : INT64_MIN;
    pthread_mutex_lock(&p->queue_lock);
    if (p->run.count == 0) {
        take_run(p, oldest_ms);
    }
    size_t waiting = p->queue.count;
    pthread_mutex_unlock(&p->queue_lock);
    struct queued *first = p->run.first;
    if (p->run.count == 0) {
        return waiting > 0 ? QUEUE_BLOCKED : QUEUE_EMPTY;
    }
    size_t gone = hand_run(p, oldest_ms);
    if (gone > 0) {
        pthread_mutex_lock(&p->queue_lock);
        record_queue_release(&p->queue, first, gone);
        pthread_mutex_unlock(&p->queue_lock);
    }
    return p->run.count > 0 ? QUEUE_BLOCKED : QUEUE_MORE;
}

void producer_keep_chunks(struct producer *p, bool second_passed) {
    pthread_mutex_lock(&p->queue_lock);
    if (p->queue.spare_count < p->chunks_wanted / 2) {
        p->chunks_wanted = CHUNKS_MAX; /* they go fast */
    } else if (second_passed) {
        p->chunks_wanted = CHUNKS_MIN;
    }
    struct queue_chunk *surplus =
        record_queue_surplus(&p->queue, second_passed ? p->chunks_wanted : CHUNKS_MAX);
    size_t spares = p->queue.spare_count;
    pthread_mutex_unlock(&p->queue_lock);
    queue_chunks_free(surplus);
    for (; spares + QUEUE_BLOCK <= p->chunks_wanted; spares += QUEUE_BLOCK) {
        struct queue_chunk *block = queue_block_new();
        if (!block) {
            return;
        }
        pthread_mutex_lock(&p->queue_lock);
        record_queue_supply(&p->queue, block);
        pthread_mutex_unlock(&p->queue_lock);
    }
}
