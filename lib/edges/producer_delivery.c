/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdlib.h>

/* The thread settles its account at the latest when it is this large, so that senders find room. */
#define SETTLE_RECORDS 512u

mqk_status producer_status_of(rd_kafka_resp_err_t err) {
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

/* Tells the spool what is done: senders want its lock as well, so not one by one. */
static void tell_spool(struct producer *p) {
    if (p->tell_count > 0) {
        spool_done_all(p->spool, p->tell, p->tell_count);
        p->tell_count = 0;
    }
    flights_give_back(&p->flights, &p->landed);
}

void producer_settle(struct producer *p) {
    tell_spool(p);
    if (p->settled == 0) {
        return;
    }
    atomic_fetch_sub(&p->held, p->settled);
    atomic_fetch_add_explicit(&p->done_count, HELD_RECORDS(p->settled), memory_order_relaxed);
    p->settled = 0;
    if (atomic_load(&p->hurry) && producer_queued(p, NULL) == 0) {
        p->owner.idle(p->owner.user);
    }
}

void producer_fail(struct producer *p, const struct record *record, mqk_status why,
                   const char *reason) {
    bool for_good = why == MQK_ERR_KAFKA || why == MQK_ERR_PARTITION || why == MQK_ERR_TOO_LARGE;
    if (!for_good || producer_send_dead(p, record, why, reason) != MQK_OK) {
        p->owner.done(p->owner.user, record->tag, why);
    }
}

static void note_failure(struct producer *p, const rd_kafka_message_t *message, mqk_status status) {
    producer_log_failure(p, rd_kafka_topic_name(message->rkt), message->err);
    if (status == MQK_ERR_KAFKA && atomic_load(&p->health) == MQK_HEALTH_OK) {
        char text[256];
        snprintf(text, sizeof(text), "cluster \"%s\": %s", p->cluster->name,
                 rd_kafka_err2str(message->err));
        producer_set_health(p, MQK_HEALTH_DEGRADED, text);
    }
}

bool producer_sequence_lost(rd_kafka_resp_err_t err) {
    switch (err) {
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE:
    case RD_KAFKA_RESP_ERR__FATAL:
        return true;
    default:
        return false;
    }
}

static bool stands_in_spool(const rd_kafka_message_t *message) {
    uintptr_t opaque = (uintptr_t)message->_private;
    return opaque & OPAQUE_FLIGHT && ((const struct flight *)(opaque & ~OPAQUE_BITS))->ref.seq > 0;
}

/* Whether librdkafka hands the record back without having a verdict on it. */
static bool comes_back(struct producer *p, rd_kafka_t *client, const rd_kafka_message_t *message,
                       mqk_status status) {
    if (status == MQK_OK || status == MQK_ERR_EXPIRED) {
        return false;
    }
    bool can_wait = p->returning || stands_in_spool(message);
    if (producer_sequence_lost(message->err) ||
        rd_kafka_fatal_error(client, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store(&p->fatal, true);
        return can_wait || !atomic_load(&p->stop);
    }
    return status == MQK_ERR_CLOSED && can_wait;
}

/* How long an acknowledged record took, with what it waited before librdkafka. */
static void note_latency(struct producer *p, const rd_kafka_message_t *message) {
    uintptr_t opaque = (uintptr_t)message->_private;
    int64_t us = rd_kafka_message_latency(message);
    if (us < 0 || !p->owner.latency || opaque & OPAQUE_DEAD) {
        return;
    }
    if (opaque & OPAQUE_FLIGHT) {
        us += (int64_t)((const struct flight *)(opaque & ~OPAQUE_BITS))->waited_ms * 1000;
    }
    histogram_add(p->owner.latency, (uint64_t)us);
}

/* Tells the owner, and the spool when the record stands in it. */
static void finish(struct producer *p, const rd_kafka_message_t *message, mqk_status status) {
    uintptr_t opaque = (uintptr_t)message->_private;
    void *tag = (void *)(opaque & ~OPAQUE_BITS);
    struct spool_ref ref = {0};
    if (opaque & OPAQUE_FLIGHT) {
        struct flight *flight = tag;
        tag = flight->tag;
        ref = flight->ref;
        flight_chain_add(&p->landed, flight);
    }
    if (status == MQK_OK && opaque & OPAQUE_DEAD) {
        p->owner.dead_lettered(p->owner.user, tag);
    } else if (status == MQK_OK || opaque & OPAQUE_DEAD || !p->settings->dead_letter) {
        p->owner.done(p->owner.user, tag, status);
    } else {
        struct message_record copy;
        bool whole = producer_read_message(message, &copy);
        copy.record.tag = tag;
        copy.record.rule = p->owner.rule(p->owner.user, tag);
        /* A dead letter without the record's headers would not be the record. */
        copy.record.dead = !whole;
        producer_fail(p, &copy.record, status, rd_kafka_err2str(message->err));
        free(copy.headers);
    }
    if (ref.seq > 0) {
        p->tell[p->tell_count++] = ref;
        if (p->tell_count == PRODUCER_TELL) {
            tell_spool(p);
        }
    }
}

void producer_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    struct producer *p = opaque;
    mqk_status status = producer_status_of(message->err);
    if (comes_back(p, client, message, status)) {
        producer_returned(p, message);
    } else {
        if (status == MQK_OK) {
            note_latency(p, message);
            if (atomic_load_explicit(&p->health, memory_order_relaxed) != MQK_HEALTH_OK) {
                producer_set_health(p, MQK_HEALTH_OK, "");
            }
        } else if (status != MQK_ERR_CLOSED) {
            note_failure(p, message, status);
        }
        finish(p, message, status);
    }
    p->settled += HELD_ONE + producer_message_cost(message);
    if (HELD_RECORDS(p->settled) >= SETTLE_RECORDS) {
        producer_settle(p);
    }
}
