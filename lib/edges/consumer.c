/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "consumer_private.h"
#include "error.h"
#include "thread.h"

#define BATCH         256u /* records that are put into their partitions together */
#define POLL_MS       100  /* idle thread: what needs it sooner wakes it */
#define RETRY_LOOK_MS 10   /* while the host has said later */
#define ROOM_MS       50   /* a wait for room */
#define FULL_MS       500  /* so long without room: librdkafka is told to pause */
#define LEAVE_MS      8000 /* longest goodbye to the group */
#define ITEM_OVERHEAD 256u
#define MAX_SPARE     1024u

/* ---- reading --------------------------------------------------------------------------------- */

static void item_empty(struct consumer_item *item) {
    downlink_command_fini(&item->command);
    if (item->headers != item->few) {
        free(item->headers);
    }
    rd_kafka_message_destroy(item->message);
}

void consumer_item_free(struct consumer_item *item) {
    item_empty(item);
    free(item);
}

void consumer_recycle(struct consumer *c, struct consumer_item *items) {
    while (items) {
        struct consumer_item *item = items;
        items = item->next;
        item_empty(item);
        if (c->spare_count == MAX_SPARE) {
            free(item);
            continue;
        }
        item->next = c->spare;
        c->spare = item;
        c->spare_count++;
    }
}

static struct consumer_item *take_spare(struct consumer *c) {
    struct consumer_item *item = c->spare;
    if (!item) {
        return malloc(sizeof(*item));
    }
    c->spare = item->next;
    c->spare_count--;
    return item;
}

static bool take_headers(struct consumer_item *item) {
    rd_kafka_headers_t *headers = NULL;
    mqk_kafka_record *record = &item->command.record;
    item->headers = item->few;
    record->headers = NULL;
    record->header_count = 0;
    if (rd_kafka_message_headers(item->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true;
    }
    size_t count = rd_kafka_header_cnt(headers);
    if (count > CONSUMER_FEW_HEADERS) {
        item->headers = calloc(count, sizeof(*item->headers));
        if (!item->headers) {
            item->headers = item->few;
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t len;
        rd_kafka_header_get_all(headers, i, &name, &value, &len);
        item->headers[i] = (mqk_header){mqk_cstr(name), {value, len}};
        item->cost += item->headers[i].name.len + len;
    }
    record->headers = item->headers;
    record->header_count = count;
    return true;
}

static mqk_str bytes_of(const void *data, size_t len) {
    return (mqk_str){data, data ? len : 0};
}

/* NULL: out of memory, and the message is still the caller's. */
static struct consumer_item *item_new(struct consumer *c, rd_kafka_message_t *message) {
    struct consumer_item *item = take_spare(c);
    if (!item) {
        return NULL;
    }
    rd_kafka_timestamp_type_t type;
    int64_t timestamp = rd_kafka_message_timestamp(message, &type);
    mqk_kafka_record *record = &item->command.record;
    downlink_command_init(&item->command);
    item->message = message;
    item->next = NULL;
    item->cost = message->len + message->key_len + ITEM_OVERHEAD;
    record->size = sizeof(*record);
    record->cluster = mqk_cstr(c->plan.cluster->name);
    record->topic = mqk_cstr(rd_kafka_topic_name(message->rkt));
    record->partition = message->partition;
    record->ts_type = type == RD_KAFKA_TIMESTAMP_CREATE_TIME       ? MQK_TS_CREATE
                      : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? MQK_TS_APPEND
                                                                   : MQK_TS_NONE;
    record->offset = message->offset;
    record->timestamp_ms = record->ts_type == MQK_TS_NONE ? MQK_UNKNOWN : timestamp;
    record->key = bytes_of(message->key, message->key_len);
    record->value = bytes_of(message->payload, message->len);
    if (!take_headers(item)) {
        free(item);
        return NULL;
    }
    return item;
}

/* No memory for a message: it was not read, then, and the partition is asked again from here. */
static void read_again(struct consumer *c, rd_kafka_message_t *message) {
    consumer_flush_gathered(c);
    pthread_mutex_lock(&c->lock);
    struct consumer_partition *p =
        consumer_find(c, rd_kafka_topic_name(message->rkt), message->partition);
    if (p && !p->must_seek) {
        p->must_seek = true;
        p->read_offset = p->read_offset < 0 ? message->offset : p->read_offset;
    }
    pthread_mutex_unlock(&c->lock);
    log_write(c->owner.log, MQK_LOG_ERROR, "consumer-memory",
              "consumer rule \"%.*s\": out of memory", STR_ARG(consumer_name(c)));
    rd_kafka_message_destroy(message);
}

static void gather(struct consumer *c, rd_kafka_message_t *message) {
    struct consumer_item *item = item_new(c, message);
    if (!item) {
        read_again(c, message);
        return;
    }
    item->verdict = downlink_evaluate(c->plan.downlink, c->plan.rule, &c->host, &item->command);
    *c->gathered_tail = item;
    c->gathered_tail = &item->next;
}

/* Puts one item where it belongs; with the lock. */
static void place(struct consumer *c, struct consumer_partition *p, struct consumer_item *item,
                  bool *ready) {
    const char *reason = item->command.reason;
    p->read_offset = item->command.record.offset + 1;
    consumer_count(&c->plan.counters->consumed, 1);
    if (item->verdict == DOWNLINK_SKIPPED) {
        consumer_count(&c->plan.counters->skipped, 1);
        consumer_item_free(item);
        return;
    }
    c->in_flight++;
    c->in_flight_bytes += item->cost;
    if (item->verdict == DOWNLINK_UNUSABLE) {
        consumer_count(&c->plan.counters->unusable, 1);
        consumer_bury(c, item, MQK_ERR_TEMPLATE, reason);
        return;
    }
    *p->tail = item;
    p->tail = &item->next;
    if (!p->waits && !p->is_ready) {
        consumer_make_ready(c, p);
        *ready = true;
    }
}

void consumer_flush_gathered(struct consumer *c) {
    struct consumer_item *item = c->gathered;
    struct consumer_partition *p = NULL;
    bool ready = false;
    c->gathered = NULL;
    c->gathered_tail = &c->gathered;
    if (!item) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    while (item) {
        struct consumer_item *next = item->next;
        const mqk_kafka_record *record = &item->command.record;
        item->next = NULL;
        if (!p || p->id != record->partition || strcmp(p->topic, record->topic.data) != 0) {
            p = consumer_find(c, record->topic.data, record->partition);
        }
        /* Of a partition that we do not have (any more), or already read, or to be read again. */
        if (!p || p->must_seek || record->offset < p->read_offset) {
            consumer_item_free(item);
        } else {
            place(c, p, item, &ready);
        }
        item = next;
    }
    pthread_mutex_unlock(&c->lock);
    if (ready) {
        c->owner.ready(c->owner.user);
    }
}

static void reach_end(struct consumer *c, const rd_kafka_message_t *message) {
    consumer_flush_gathered(c);
    pthread_mutex_lock(&c->lock);
    struct consumer_partition *p =
        consumer_find(c, rd_kafka_topic_name(message->rkt), message->partition);
    if (p && !p->must_seek && p->read_offset < message->offset) {
        p->read_offset = message->offset;
    }
    pthread_mutex_unlock(&c->lock);
}

static void take_error(struct consumer *c, const rd_kafka_message_t *message) {
    if (message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
        message->err == RD_KAFKA_RESP_ERR__FATAL) {
        atomic_store(&c->down, true);
    }
    log_write(c->owner.log, MQK_LOG_WARNING, rd_kafka_err2name(message->err),
              "consumer rule \"%.*s\": %s", STR_ARG(consumer_name(c)),
              rd_kafka_message_errstr(message));
}

static void take(struct consumer *c, rd_kafka_message_t *message) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store_explicit(&c->down, false, memory_order_relaxed);
        gather(c, message);
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        reach_end(c, message);
    } else {
        take_error(c, message);
    }
    rd_kafka_message_destroy(message);
}

/* The first record is waited for; what else is there comes in one go, which costs half as much. A
 * rebalance in between is harmless: records of a partition that is gone are nobody's, and those
 * that have been read are known by their offsets. */
static void read_records(struct consumer *c, size_t room, int timeout_ms) {
    rd_kafka_message_t *messages[BATCH];
    rd_kafka_message_t *first = rd_kafka_consumer_poll(c->client, timeout_ms);
    if (first) {
        size_t most = room - 1 < BATCH ? room - 1 : BATCH;
        take(c, first);
        ssize_t n = most > 0 ? rd_kafka_consume_batch_queue(c->queue, 0, messages, most) : 0;
        for (ssize_t i = 0; i < n; i++) {
            take(c, messages[i]);
        }
    }
    consumer_flush_gathered(c);
}

/* Records that may still be read. A record that the host does not want yet leaves the room to other
 * partitions. */
static size_t room_left(struct consumer *c, int *timeout_ms) {
    size_t stalled = 0;
    pthread_mutex_lock(&c->lock);
    for (const struct consumer_partition *p = c->partitions; p; p = p->next) {
        stalled += p->delay_ms > 0;
    }
    size_t most = c->plan.settings->max_in_flight + stalled;
    size_t room =
        c->in_flight < most && c->in_flight_bytes < CONSUMER_MAX_BYTES ? most - c->in_flight : 0;
    *timeout_ms = stalled > 0 || c->letters ? RETRY_LOOK_MS : POLL_MS;
    struct consumer_item *done = c->done;
    c->done = NULL;
    pthread_mutex_unlock(&c->lock);
    consumer_recycle(c, done);
    return room;
}

static void wait_for_room(struct consumer *c) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROOM_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&c->lock);
    c->thirsty = true;
    while (c->thirsty && pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0) {
    }
    c->thirsty = false;
    pthread_mutex_unlock(&c->lock);
}

/* Short waits are cheap; in a long one librdkafka must be polled, so that the group does not take
 * us for dead, and then it must not hand out records. */
static void be_full(struct consumer *c, int64_t *full_since) {
    int64_t now = clock_monotonic_ms();
    if (*full_since == 0) {
        *full_since = now;
    }
    if (now - *full_since < FULL_MS) {
        wait_for_room(c);
        return;
    }
    if (!c->all_paused) {
        c->all_paused = true;
        consumer_steer(c);
    }
    read_records(c, 1, ROOM_MS);
}

static void leave(struct consumer *c) {
    int64_t deadline = clock_deadline_ms(LEAVE_MS);
    consumer_stop_offering(c);
    consumer_flush_gathered(c);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->client);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->client, queue);
    while (!error && !rd_kafka_consumer_closed(c->client) && clock_monotonic_ms() < deadline) {
        /* Serves the last rebalance; records that come along are nobody's any more. */
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, POLL_MS);
        if (message) {
            rd_kafka_message_destroy(message);
        }
    }
    if (error) {
        rd_kafka_error_destroy(error);
    }
    rd_kafka_queue_destroy(queue);
    consumer_forget_all(c);
    while (c->spare) {
        struct consumer_item *item = c->spare;
        c->spare = item->next;
        free(item);
    }
}

static void *serve(void *user) {
    struct consumer *c = user;
    int64_t full_since = 0;
    c->next_commit_ms = clock_deadline_ms(c->plan.settings->commit_interval_ms);
    while (!atomic_load(&c->stop)) {
        int timeout_ms;
        consumer_steer(c);
        consumer_serve_letters(c);
        if (clock_monotonic_ms() >= c->next_commit_ms) {
            consumer_commit(c);
            c->next_commit_ms = clock_deadline_ms(c->plan.settings->commit_interval_ms);
        }
        size_t room = room_left(c, &timeout_ms);
        if (room == 0) {
            be_full(c, &full_since);
            continue;
        }
        full_since = 0;
        c->all_paused = false;
        read_records(c, room, timeout_ms);
    }
    leave(c);
    atomic_store(&c->ended, true);
    return NULL;
}

/* ---- librdkafka's words ---------------------------------------------------------------------- */

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct consumer *c = opaque;
    char text[256] = "";
    mqk_log_level level = MQK_LOG_WARNING;
    switch (code) {
    case RD_KAFKA_RESP_ERR__FATAL:
        rd_kafka_fatal_error(client, text, sizeof(text));
        reason = text;
        level = MQK_LOG_ERROR;
        atomic_store(&c->down, true);
        break;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
        level = MQK_LOG_ERROR;
        atomic_store(&c->down, true);
        break;
    default:
        break;
    }
    log_write(c->owner.log, level, rd_kafka_err2name((rd_kafka_resp_err_t)code),
              "consumer rule \"%.*s\": cluster \"%s\": %s", STR_ARG(consumer_name(c)),
              c->plan.cluster->name, reason);
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    const struct consumer *c = rd_kafka_opaque(client);
    /* The first comes to on_error() as well; the second is about properties of the cluster that
     * are meant for its producers. */
    if (strcmp(facility, "FAIL") == 0 || strcmp(facility, "CONFWARN") == 0) {
        return;
    }
    mqk_log_level ours = level <= 3   ? MQK_LOG_ERROR
                         : level == 4 ? MQK_LOG_WARNING
                         : level <= 6 ? MQK_LOG_INFO
                                      : MQK_LOG_DEBUG;
    if (text[0] == '[') {
        const char *end = strstr(text, "]: ");
        text = end ? end + 3 : text;
    }
    log_write(c->owner.log, ours, facility, "consumer rule \"%.*s\": librdkafka %s: %s",
              STR_ARG(consumer_name(c)), facility, text);
}

/* ---- life ------------------------------------------------------------------------------------ */

static char *make_group_id(const struct consumer_plan *plan) {
    const char *group = plan->settings->group_id;
    bool every_node = plan->settings->scope == SCOPE_EVERY_NODE;
    size_t size = strlen(group) + plan->node.len + 2;
    char *id = malloc(size);
    if (id) {
        snprintf(id, size, every_node ? "%s-%.*s" : "%s", group, STR_ARG(plan->node));
    }
    return id;
}

static bool start_client(struct consumer *c, mqk_error *err) {
    char reason[400];
    rd_kafka_conf_t *conf = consumer_conf_new(&c->plan, c->group_id, err);
    if (!conf) {
        return false;
    }
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_rebalance_cb(conf, consumer_on_rebalance);
    c->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (!c->client) {
        rd_kafka_conf_destroy(conf);
        error_set(err, MQK_ERR_KAFKA, 0, 0, "consumer rule \"%.*s\": librdkafka does not start: %s",
                  STR_ARG(consumer_name(c)), reason);
        return false;
    }
    rd_kafka_poll_set_consumer(c->client);
    c->queue = rd_kafka_queue_get_consumer(c->client);
    c->answers = rd_kafka_queue_new(c->client);
    return true;
}

struct consumer *consumer_new(const struct consumer_plan *plan, const struct consumer_owner *owner,
                              mqk_error *err) {
    struct consumer *c = calloc(1, sizeof(*c));
    if (!c) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    c->plan = *plan;
    c->owner = *owner;
    c->gathered_tail = &c->gathered;
    c->ready_tail = &c->ready;
    c->offering = true;
    downlink_host_init(&c->host, plan->node);
    c->group_id = make_group_id(plan);
    if (!c->group_id) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    if (!c->group_id || !start_client(c, err)) {
        consumer_free(c);
        return NULL;
    }
    return c;
}

static bool subscribe(struct consumer *c) {
    const struct consumer_settings *settings = c->plan.settings;
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)settings->topic_count);
    for (size_t i = 0; i < settings->topic_count; i++) {
        rd_kafka_topic_partition_list_add(topics, settings->topics[i], RD_KAFKA_PARTITION_UA);
        if (c->plan.embedded && settings->topics[i][0] != '^') {
            embedded_create_topic(c->plan.embedded, settings->topics[i]);
        }
    }
    rd_kafka_resp_err_t err = rd_kafka_subscribe(c->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_write(c->owner.log, MQK_LOG_ERROR, NULL,
                  "consumer rule \"%.*s\": cannot subscribe to its topics: %s",
                  STR_ARG(consumer_name(c)), rd_kafka_err2str(err));
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool consumer_start(struct consumer *c) {
    char name[64];
    snprintf(name, sizeof(name), "mqk-in-%.40s", c->plan.cluster->name);
    if (!subscribe(c)) {
        return false;
    }
    c->started = thread_start(&c->thread, name, serve, c);
    return c->started;
}

void consumer_set_producer(struct consumer *c, struct producer *producer) {
    pthread_mutex_lock(&c->lock);
    c->producer = producer;
    pthread_mutex_unlock(&c->lock);
}

void consumer_retire(struct consumer *c) {
    consumer_stop_offering(c);
    atomic_store(&c->stop, true);
    if (c->queue) {
        rd_kafka_queue_yield(c->queue);
    }
    if (!c->started) {
        atomic_store(&c->ended, true);
    }
}

bool consumer_ended(const struct consumer *c) {
    return atomic_load(&c->ended);
}

void consumer_free(struct consumer *c) {
    if (!c) {
        return;
    }
    consumer_retire(c);
    if (c->started) {
        pthread_join(c->thread, NULL);
    }
    if (c->queue) {
        rd_kafka_queue_destroy(c->queue);
        rd_kafka_queue_destroy(c->answers);
    }
    if (c->client) {
        rd_kafka_destroy_flags(c->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->group_id);
    free(c);
}

const struct consumer_plan *consumer_plan(const struct consumer *c) {
    return &c->plan;
}

static int64_t partition_lag(struct consumer *c, const struct consumer_partition *p) {
    int64_t low = -1, high = -1, position = consumer_position(c, p);
    if (rd_kafka_get_watermark_offsets(c->client, p->topic, p->id, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0 || position < 0) {
        return MQK_UNKNOWN;
    }
    return high > position ? high - position : 0;
}

void consumer_read_stats(struct consumer *c, mqk_consumer_stats *stats) {
    bool waits = false;
    stats->partitions = 0;
    stats->lag = 0;
    pthread_mutex_lock(&c->lock);
    for (const struct consumer_partition *p = c->partitions; p; p = p->next) {
        int64_t lag = partition_lag(c, p);
        stats->lag =
            lag == MQK_UNKNOWN || stats->lag == MQK_UNKNOWN ? MQK_UNKNOWN : stats->lag + lag;
        waits = waits || p->paused || p->delay_ms > 0;
        stats->partitions++;
    }
    stats->in_flight = c->in_flight;
    pthread_mutex_unlock(&c->lock);
    stats->state = atomic_load(&c->down)      ? MQK_CONSUMER_DOWN
                   : !atomic_load(&c->joined) ? MQK_CONSUMER_STARTING
                   : stats->partitions == 0   ? MQK_CONSUMER_IDLE
                   : waits                    ? MQK_CONSUMER_WAITING
                                              : MQK_CONSUMER_RUNNING;
}
