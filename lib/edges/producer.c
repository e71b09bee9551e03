/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "error.h"
#include "producer_conf.h"
#include "thread.h"

#define POLL_MS        500  /* idle thread: what needs it sooner wakes it */
#define PROBE_EVERY_MS 1000 /* while Kafka is not known to be there */
#define LEAVE_MS       5000 /* a retired producer's time for what is under way */

/* Whether it is to hand over what waits to its successor. */
static bool is_leaving(const struct producer *p) {
    return atomic_load(&p->retired) && !atomic_load(&p->empty_first);
}

/* Whether something waits that this producer is to send. */
static bool spool_waits(const struct producer *p) {
    return p->spool && !is_leaving(p) && spool_waiting(p->spool) > 0;
}

/* New records may go straight to librdkafka again when nothing waits before it. */
static void look_if_clear(struct producer *p) {
    pthread_mutex_lock(&p->backlog_lock);
    if (!p->backlog.head && !spool_waits(p)) {
        atomic_store(&p->backlogged, false);
    }
    pthread_mutex_unlock(&p->backlog_lock);
    /* Somebody may have put a record into the spool meanwhile. */
    if (spool_waits(p)) {
        atomic_store(&p->backlogged, true);
    }
}

static void drain(struct producer *p) {
    if (!atomic_load(&p->has_turn)) {
        if (!outlet_turn(p->outlet, p)) {
            return;
        }
        atomic_store(&p->has_turn, true);
    }
    while (producer_drain_backlog(p)) {
    }
    if (p->spool && !is_leaving(p) && atomic_load(&p->backlog_count) == 0) {
        while (producer_drain_spool(p)) {
            producer_settle(p);
        }
    }
    look_if_clear(p);
}

/* Whether a retired producer has nothing more to do. */
static bool try_end(struct producer *p, int64_t retired_at) {
    if (producer_queued(p, NULL) == 0) {
        return true;
    }
    if (atomic_load(&p->empty_first) || (atomic_load(&p->health) == MQK_HEALTH_OK &&
                                         clock_monotonic_ms() < retired_at + LEAVE_MS)) {
        return false;
    }
    if (!p->spool) {
        /* It goes on by itself, but the next one need not wait for it. */
        if (atomic_load(&p->has_turn)) {
            outlet_leave(p->outlet, p);
        }
        return false;
    }
    producer_abandon(p);
    return true;
}

static void *serve(void *user) {
    struct producer *p = user;
    int64_t next_probe = 0;
    int64_t retired_at = 0;
    while (!atomic_load(&p->stop)) {
        bool backlogged = atomic_load(&p->backlogged);
        bool retired = atomic_load(&p->retired);
        bool hurry = atomic_load(&p->hurry) && producer_queued(p, NULL) > 0;
        if (hurry && HELD_RECORDS(atomic_load(&p->held)) > 0) {
            /* Flushing is how librdkafka is told not to linger. It serves delivery reports too. */
            rd_kafka_flush(p->client, PRODUCER_BUSY_MS);
        } else {
            rd_kafka_poll(p->client, backlogged || retired ? PRODUCER_BUSY_MS : POLL_MS);
        }
        producer_settle(p);
        producer_mark(p);
        if (atomic_load(&p->fatal)) {
            producer_rebuild(p);
        }
        if (atomic_load(&p->backlogged)) {
            drain(p);
        }
        if (atomic_load(&p->health) != MQK_HEALTH_OK && clock_monotonic_ms() >= next_probe) {
            producer_probe(p);
            next_probe = clock_monotonic_ms() + PROBE_EVERY_MS;
        }
        if (retired) {
            retired_at = retired_at ? retired_at : clock_monotonic_ms();
            if (try_end(p, retired_at)) {
                break;
            }
        }
    }
    if (!atomic_load(&p->stop)) {
        outlet_leave(p->outlet, p);
    }
    atomic_store(&p->ended, true);
    return NULL;
}

static void share_buffer(struct producer *p) {
    uint64_t bytes = (uint64_t)p->settings->buffer_bytes;
    uint64_t records =
        p->settings->buffer_records > 0 ? (uint64_t)p->settings->buffer_records : UINT64_MAX;
    p->window = bytes;
    p->window_records = records;
    if (p->settings->when_full == WHEN_FULL_DROP_OLDEST && !p->spool) {
        /* What librdkafka holds cannot be taken back one by one: half of the buffer stays ours, so
         * that there is something old to drop. */
        p->window = bytes / 2;
        p->backlog_limit = bytes - p->window;
        p->backlog_records = records;
        if (p->settings->buffer_records > 0) {
            p->window_records = (records + 1) / 2;
            p->backlog_records = records - p->window_records;
        }
    }
}

static void start_topics(struct producer *p) {
    for (size_t i = 0; i < PRODUCER_TOPIC_BUCKETS; i++) {
        for (struct kafka_topic *topic = p->topics[i]; topic; topic = topic->next) {
            rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(p->client);
            partitioner_install(p->settings, conf, &topic->partitions);
            topic->handle = rd_kafka_topic_new(p->client, topic->name, conf);
        }
    }
}

static size_t message_max(rd_kafka_t *client) {
    char number[32];
    size_t size = sizeof(number);
    if (rd_kafka_conf_get(rd_kafka_conf(client), "message.max.bytes", number, &size) !=
        RD_KAFKA_CONF_OK) {
        return SIZE_MAX;
    }
    return strtoul(number, NULL, 10);
}

bool producer_start_client(struct producer *p, mqk_error *err) {
    char reason[400];
    rd_kafka_conf_t *conf = producer_conf_new(
        p->cluster, p->settings, p->embedded ? embedded_servers(p->embedded) : NULL, err);
    if (!conf) {
        return false;
    }
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, producer_on_delivery);
    rd_kafka_conf_set_error_cb(conf, producer_on_error);
    rd_kafka_conf_set_log_cb(conf, producer_on_log);
    pthread_mutex_lock(&p->topics_lock);
    p->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (!p->client) {
        rd_kafka_conf_destroy(conf);
        error_set(err, MQK_ERR_KAFKA, 0, 0, "cluster \"%s\": librdkafka does not start: %s",
                  p->cluster->name, reason);
    } else {
        if (p->message_max == 0) {
            p->message_max = message_max(p->client);
        }
        start_topics(p);
        pthread_mutex_lock(&p->queue_lock);
        p->main_queue = rd_kafka_queue_get_main(p->client);
        pthread_mutex_unlock(&p->queue_lock);
    }
    pthread_mutex_unlock(&p->topics_lock);
    return p->client != NULL;
}

void producer_stop_client(struct producer *p) {
    pthread_mutex_lock(&p->topics_lock);
    for (size_t i = 0; i < PRODUCER_TOPIC_BUCKETS; i++) {
        for (struct kafka_topic *topic = p->topics[i]; topic; topic = topic->next) {
            rd_kafka_topic_destroy(topic->handle);
            topic->handle = NULL;
        }
    }
    pthread_mutex_lock(&p->queue_lock);
    if (p->main_queue) {
        rd_kafka_queue_destroy(p->main_queue);
        p->main_queue = NULL;
    }
    pthread_mutex_unlock(&p->queue_lock);
    if (p->client) {
        rd_kafka_destroy(p->client);
        p->client = NULL;
    }
    pthread_mutex_unlock(&p->topics_lock);
}

void producer_wake(struct producer *p) {
    pthread_mutex_lock(&p->queue_lock);
    if (p->main_queue) {
        rd_kafka_queue_yield(p->main_queue);
    }
    pthread_mutex_unlock(&p->queue_lock);
}

/* Frees everything; the thread has ended or never was. */
static void producer_free(struct producer *p) {
    producer_stop_client(p);
    for (size_t i = 0; i < PRODUCER_TOPIC_BUCKETS; i++) {
        while (p->topics[i]) {
            struct kafka_topic *topic = p->topics[i];
            p->topics[i] = topic->next;
            free(topic);
        }
    }
    backlog_fini(&p->backlog);
    backlog_fini(&p->returned_flight);
    backlog_fini(&p->returned_queue);
    flights_fini(&p->flights);
    pthread_mutex_destroy(&p->backlog_lock);
    pthread_mutex_destroy(&p->topics_lock);
    pthread_mutex_destroy(&p->queue_lock);
    pthread_mutex_destroy(&p->message_lock);
    free(p);
}

static struct producer *producer_new(const struct cluster_settings *cluster,
                                     const struct producer_settings *settings,
                                     struct embedded *embedded, struct outlet *outlet,
                                     const struct record_owner *owner) {
    struct producer *p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);
    if (!p) {
        return NULL;
    }
    memset(p, 0, sizeof(*p));
    p->cluster = cluster;
    p->settings = settings;
    p->embedded = embedded;
    p->outlet = outlet;
    p->spool = outlet_spool(outlet);
    p->owner = *owner;
    p->scram_quirk = producer_conf_scram_quirk(cluster);
    atomic_init(&p->health, MQK_HEALTH_STARTING);
    snprintf(p->message, sizeof(p->message), "cluster \"%s\": no contact with Kafka yet",
             cluster->name);
    share_buffer(p);
    backlog_init(&p->backlog);
    backlog_init(&p->returned_flight);
    backlog_init(&p->returned_queue);
    flights_init(&p->flights);
    pthread_mutex_init(&p->backlog_lock, NULL);
    pthread_mutex_init(&p->topics_lock, NULL);
    pthread_mutex_init(&p->queue_lock, NULL);
    pthread_mutex_init(&p->message_lock, NULL);
    if (!outlet_join(outlet, p)) {
        producer_free(p);
        return NULL;
    }
    atomic_init(&p->has_turn, outlet_turn(outlet, p));
    atomic_init(&p->backlogged, !p->has_turn || spool_waits(p));
    return p;
}

struct producer *producer_open(const struct cluster_settings *cluster,
                               const struct producer_settings *settings, struct embedded *embedded,
                               struct outlet *outlet, const struct record_owner *owner,
                               mqk_error *err) {
    struct producer *p = producer_new(cluster, settings, embedded, outlet, owner);
    if (!p) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    char name[16];
    snprintf(name, sizeof(name), "mqk-%s", cluster->name);
    bool started = producer_start_client(p, err);
    if (started && !thread_start(&p->thread, name, serve, p)) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "cluster \"%s\": no thread could be started",
                  cluster->name);
        started = false;
    }
    if (!started) {
        outlet_leave(outlet, p);
        producer_free(p);
        return NULL;
    }
    return p;
}

static struct kafka_topic *topic_new(struct producer *p, mqk_str name) {
    struct kafka_topic *topic = calloc(1, sizeof(*topic) + name.len + 1);
    if (!topic) {
        return NULL;
    }
    memcpy(topic->name, name.data, name.len);
    topic->entry.name = (mqk_str){topic->name, name.len};
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(p->client);
    partitioner_install(p->settings, conf, &topic->partitions);
    if (p->embedded) {
        embedded_create_topic(p->embedded, topic->name);
    }
    topic->handle = rd_kafka_topic_new(p->client, topic->name, conf);
    if (!topic->handle) {
        free(topic);
        return NULL;
    }
    return topic;
}

const struct topic_entry *producer_topic(struct producer *p, mqk_str name) {
    struct kafka_topic **bucket = &p->topics[str_hash(name) % PRODUCER_TOPIC_BUCKETS];
    pthread_mutex_lock(&p->topics_lock);
    struct kafka_topic *topic = *bucket;
    while (topic && !str_equal(topic->entry.name, name)) {
        topic = topic->next;
    }
    if (!topic) {
        topic = topic_new(p, name);
        if (topic) {
            topic->next = *bucket;
            *bucket = topic;
        }
    }
    pthread_mutex_unlock(&p->topics_lock);
    return topic ? &topic->entry : NULL;
}

uint64_t producer_queued(const struct producer *p, uint64_t *bytes) {
    uint64_t records;
    uint64_t backlog;
    uint64_t backlog_bytes;
    uint64_t held;
    do {
        /* The backlog and the spool first: a record on its way from there to librdkafka is then
         * seen at least once. One that comes back shows in `fatal` until the backlog has it. */
        backlog = atomic_load(&p->backlog_count);
        backlog_bytes = atomic_load(&p->backlog_bytes);
        records = backlog;
        if (p->spool && !is_leaving(p)) {
            records += spool_waiting(p->spool);
            records += atomic_load(&p->handing_over);
        }
        held = atomic_load(&p->held);
        records += HELD_RECORDS(held);
        records += records == 0 && atomic_load(&p->fatal);
    } while (records == 0 && backlog != atomic_load(&p->backlog_count));
    if (bytes) {
        *bytes = backlog_bytes + HELD_BYTES(held);
    }
    return records;
}

void producer_hurry(struct producer *p, bool hurry) {
    atomic_store(&p->hurry, hurry);
    if (hurry) {
        producer_wake(p);
    }
}

void producer_retire(struct producer *p, bool empty_first) {
    atomic_store(&p->empty_first, empty_first);
    atomic_store(&p->retired, true);
    producer_hurry(p, true);
}

bool producer_ended(const struct producer *p) {
    return atomic_load(&p->ended);
}

uint64_t producer_close(struct producer *p) {
    if (!p) {
        return 0;
    }
    atomic_store(&p->stop, true);
    producer_wake(p);
    pthread_join(p->thread, NULL);
    uint64_t lost = producer_abandon(p);
    outlet_leave(p->outlet, p);
    producer_free(p);
    return lost;
}

struct outlet *producer_outlet(const struct producer *p) {
    return p->outlet;
}

const struct cluster_settings *producer_cluster(const struct producer *p) {
    return p->cluster;
}

const struct producer_settings *producer_config(const struct producer *p) {
    return p->settings;
}
