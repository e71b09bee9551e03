/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "consumer_private.h"

#define OWN_HEADERS 7u
#define LOOK_MS     10
#define NUMBER_SIZE 24u

static void letter_release(struct letter *letter) {
    if (atomic_fetch_sub(&letter->owners, 1) == 1) {
        free(letter->topic);
        free(letter);
    }
}

/* The consumer's share ends, and with it what came from librdkafka, which ends before senders do.
 */
static void let_go(struct consumer *c, struct letter *letter) {
    consumer_settle(c, letter->cost);
    consumer_item_free(letter->item);
    letter_release(letter);
}

void letter_done(struct letter *letter, mqk_status status) {
    atomic_store(&letter->status, (int)status);
    atomic_store(&letter->done, true);
    letter_release(letter);
}

bool consumer_letter_is_of(const struct letter *letter, const struct consumer_partition *p) {
    return letter->partition == p->id && strcmp(letter->topic, p->topic) == 0;
}

static struct letter *letter_new(struct consumer_item *item, mqk_status why, const char *reason) {
    struct letter *letter = calloc(1, sizeof(*letter));
    mqk_str topic = item->command.record.topic;
    char *copy = malloc(topic.len + 1);
    if (!letter || !copy) {
        free(letter);
        free(copy);
        return NULL;
    }
    memcpy(copy, topic.data, topic.len);
    copy[topic.len] = '\0';
    atomic_init(&letter->owners, 1);
    letter->why = why;
    letter->reason = reason;
    letter->topic = copy;
    letter->partition = item->command.record.partition;
    letter->offset = item->command.record.offset;
    letter->cost = item->cost;
    letter->item = item;
    return letter;
}

/* Never says what stands in the record. */
static void log_lost(struct consumer *c, const char *topic, int32_t partition, int64_t offset,
                     const char *reason, const char *what) {
    log_write(c->owner.log, MQK_LOG_ERROR, "consumer-record",
              "consumer rule \"%.*s\": record %" PRId64 " of %s[%" PRId32 "]: %s; %s",
              STR_ARG(consumer_name(c)), offset, topic, partition, reason, what);
}

static void lose(struct consumer *c, const struct letter *letter, const char *what) {
    consumer_count(&c->plan.counters->lost, 1);
    log_lost(c, letter->topic, letter->partition, letter->offset, letter->reason, what);
}

void consumer_bury(struct consumer *c, struct consumer_item *item, mqk_status why,
                   const char *reason) {
    const mqk_kafka_record *record = &item->command.record;
    struct letter *letter = c->plan.settings->dead_letter ? letter_new(item, why, reason) : NULL;
    if (letter) {
        struct letter **end = &c->letters;
        while (*end) {
            end = &(*end)->next;
        }
        *end = letter;
        rd_kafka_queue_yield(c->queue);
        return;
    }
    consumer_count(&c->plan.counters->lost, 1);
    log_lost(c, record->topic.data, record->partition, record->offset, reason,
             "it is left out (no dead_letter)");
    consumer_settle(c, item->cost);
    consumer_item_free(item);
}

static mqk_header header(const char *name, const char *value) {
    return (mqk_header){mqk_cstr(name), mqk_cstr(value)};
}

/* The record as it was in Kafka, with where it came from and why it is here. */
static mqk_status post(struct consumer *c, struct letter *letter) {
    const mqk_kafka_record *from = &letter->item->command.record;
    const rd_kafka_message_t *message = letter->item->message;
    char partition[NUMBER_SIZE], offset[NUMBER_SIZE], timestamp[NUMBER_SIZE];
    char rule[256 + 1];
    mqk_header *headers = calloc(from->header_count + OWN_HEADERS, sizeof(*headers));
    if (!headers) {
        return MQK_ERR_FULL;
    }
    snprintf(partition, sizeof(partition), "%" PRId32, from->partition);
    snprintf(offset, sizeof(offset), "%" PRId64, from->offset);
    snprintf(timestamp, sizeof(timestamp), "%" PRId64, from->timestamp_ms);
    snprintf(rule, sizeof(rule), "%.*s", STR_ARG(consumer_name(c)));
    size_t n = from->header_count;
    if (n > 0) {
        memcpy(headers, from->headers, n * sizeof(*headers));
    }
    headers[n++] = header("mqk-reason", letter->reason);
    headers[n++] = header("mqk-rule", rule);
    headers[n++] = header("mqk-topic", letter->topic);
    headers[n++] = header("mqk-partition", partition);
    headers[n++] = header("mqk-offset", offset);
    if (from->timestamp_ms != MQK_UNKNOWN) {
        headers[n++] = header("mqk-timestamp", timestamp);
    }
    struct record record = {
        .topic = mqk_cstr(c->plan.settings->dead_letter),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .headers = headers,
        .header_count = n,
        .timestamp_ms = from->timestamp_ms == MQK_UNKNOWN ? 0 : from->timestamp_ms,
        .partition = -1,
    };
    atomic_fetch_add(&letter->owners, 1);
    mqk_status status = c->owner.send(c->owner.user, c->producer, &record, letter);
    if (status != MQK_OK) {
        atomic_fetch_sub(&letter->owners, 1);
    }
    free(headers);
    return status;
}

/* Whether the letter is through with. `full`: one before it waits to be sent, and so does this one:
 * they are to arrive in order. With the lock. */
static bool serve(struct consumer *c, struct letter *letter, bool *full) {
    if (!letter->sent) {
        mqk_status status = c->producer && !*full ? post(c, letter) : MQK_ERR_FULL;
        if (status == MQK_ERR_FULL) {
            *full = true;
            return false;
        }
        if (status != MQK_OK) {
            lose(c, letter, "dead_letter does not take it");
            return true;
        }
        letter->sent = true;
        return false;
    }
    if (!atomic_load(&letter->done)) {
        return false;
    }
    mqk_status status = (mqk_status)atomic_load(&letter->status);
    if (status == MQK_ERR_CLOSED) {
        return false; /* the bridge closes: the record is read again after the next start */
    }
    if (status == MQK_ERR_DROPPED || status == MQK_ERR_EXPIRED) {
        atomic_store(&letter->done, false);
        letter->sent = false;
        return false;
    }
    if (status == MQK_OK) {
        consumer_count(&c->plan.counters->dead_lettered, 1);
    } else {
        lose(c, letter, "dead_letter did not take it");
    }
    return true;
}

void consumer_serve_letters(struct consumer *c) {
    bool full = false;
    pthread_mutex_lock(&c->lock);
    for (struct letter **at = &c->letters; *at;) {
        struct letter *letter = *at;
        if (serve(c, letter, &full)) {
            *at = letter->next;
            let_go(c, letter);
        } else {
            at = &letter->next;
        }
    }
    pthread_mutex_unlock(&c->lock);
}

static bool has_letters(struct consumer *c, const struct consumer_partition *p) {
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (const struct letter *letter = c->letters; letter && !found; letter = letter->next) {
        found = !p || consumer_letter_is_of(letter, p);
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

void consumer_await_letters(struct consumer *c, const struct consumer_partition *p,
                            int64_t timeout_ms) {
    int64_t deadline = clock_deadline_ms(timeout_ms);
    consumer_serve_letters(c);
    while (has_letters(c, p) && clock_monotonic_ms() < deadline) {
        const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000};
        nanosleep(&moment, NULL);
        consumer_serve_letters(c);
    }
}

void consumer_forget_letters(struct consumer *c, const struct consumer_partition *p) {
    for (struct letter **at = &c->letters; *at;) {
        struct letter *letter = *at;
        if (!p || consumer_letter_is_of(letter, p)) {
            *at = letter->next;
            let_go(c, letter);
        } else {
            at = &letter->next;
        }
    }
}
