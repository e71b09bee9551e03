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

static void *serve(void *user) {
    struct producer *p = user;
    int64_t next_probe = 0;
    while (!atomic_load(&p->stop)) {
        bool backlogged = atomic_load(&p->backlogged);
        bool hurry = atomic_load(&p->hurry) && producer_queued(p, NULL) > 0;
        if (hurry) {
            /* Flushing is how librdkafka is told not to linger. It serves delivery reports too. */
            rd_kafka_flush(p->client, PRODUCER_BUSY_MS);
        } else {
            rd_kafka_poll(p->client, backlogged ? PRODUCER_BUSY_MS : POLL_MS);
        }
        producer_settle(p);
        while (atomic_load(&p->backlogged) && producer_drain(p)) {
        }
        if (atomic_load(&p->health) != MQK_HEALTH_OK && clock_monotonic_ms() >= next_probe) {
            producer_probe(p);
            next_probe = clock_monotonic_ms() + PROBE_EVERY_MS;
        }
        if (atomic_load(&p->retired) && producer_queued(p, NULL) == 0) {
            break;
        }
    }
    atomic_store(&p->ended, true);
    return NULL;
}

static void share_buffer(struct producer *p) {
    uint64_t bytes = (uint64_t)p->settings->buffer_bytes;
    if (p->settings->when_full == WHEN_FULL_DROP_OLDEST) {
        /* What librdkafka holds cannot be taken back one by one: half of the buffer stays ours, so
         * that there is something old to drop. */
        p->window = bytes / 2;
        p->backlog_limit = bytes - p->window;
    } else {
        p->window = bytes;
        p->backlog_limit = 0;
    }
}

static void free_topics(struct producer *p) {
    for (size_t i = 0; i < PRODUCER_TOPIC_BUCKETS; i++) {
        while (p->topics[i]) {
            struct kafka_topic *topic = p->topics[i];
            p->topics[i] = topic->next;
            rd_kafka_topic_destroy(topic->handle);
            free(topic);
        }
    }
}

/* Frees everything; the thread has ended or never was. */
static void producer_free(struct producer *p) {
    free_topics(p);
    if (p->main_queue) {
        rd_kafka_queue_destroy(p->main_queue);
    }
    if (p->client) {
        rd_kafka_destroy(p->client);
    }
    backlog_fini(&p->backlog);
    pthread_mutex_destroy(&p->backlog_lock);
    pthread_mutex_destroy(&p->topics_lock);
    pthread_mutex_destroy(&p->message_lock);
    free(p);
}

struct producer *producer_open(const struct cluster_settings *cluster,
                               const struct producer_settings *settings, struct embedded *embedded,
                               const struct producer_owner *owner, mqk_error *err) {
    char reason[400];
    rd_kafka_conf_t *conf =
        producer_conf_new(cluster, settings, embedded ? embedded_servers(embedded) : NULL, err);
    if (!conf) {
        return NULL;
    }
    struct producer *p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);
    if (!p) {
        rd_kafka_conf_destroy(conf);
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    memset(p, 0, sizeof(*p));
    p->cluster = cluster;
    p->settings = settings;
    p->embedded = embedded;
    p->owner = *owner;
    p->scram_quirk = producer_conf_scram_quirk(cluster);
    atomic_init(&p->health, MQK_HEALTH_STARTING);
    snprintf(p->message, sizeof(p->message), "cluster \"%s\": no contact with Kafka yet",
             cluster->name);
    share_buffer(p);
    backlog_init(&p->backlog);
    pthread_mutex_init(&p->backlog_lock, NULL);
    pthread_mutex_init(&p->topics_lock, NULL);
    pthread_mutex_init(&p->message_lock, NULL);

    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, producer_on_delivery);
    rd_kafka_conf_set_error_cb(conf, producer_on_error);
    rd_kafka_conf_set_log_cb(conf, producer_on_log);
    p->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (!p->client) {
        rd_kafka_conf_destroy(conf);
        error_set(err, MQK_ERR_KAFKA, 0, 0, "cluster \"%s\": librdkafka does not start: %s",
                  cluster->name, reason);
        producer_free(p);
        return NULL;
    }
    p->main_queue = rd_kafka_queue_get_main(p->client);
    char name[16];
    snprintf(name, sizeof(name), "mqk-%s", cluster->name);
    if (!thread_start(&p->thread, name, serve, p)) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "cluster \"%s\": no thread could be started",
                  cluster->name);
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
    /* The backlog first: a record on its way from there to librdkafka is then seen at least once.
     */
    uint64_t records = atomic_load(&p->backlog_count);
    uint64_t backlog_bytes = atomic_load(&p->backlog_bytes);
    uint64_t held = atomic_load(&p->held);
    if (bytes) {
        *bytes = backlog_bytes + HELD_BYTES(held);
    }
    return records + HELD_RECORDS(held);
}

void producer_hurry(struct producer *p, bool hurry) {
    atomic_store(&p->hurry, hurry);
    if (hurry) {
        producer_wake(p);
    }
}

void producer_retire(struct producer *p) {
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
    producer_settle(p);
    uint64_t left = producer_queued(p, NULL);
    producer_abandon(p);
    producer_free(p);
    return left;
}

const struct cluster_settings *producer_cluster(const struct producer *p) {
    return p->cluster;
}

const struct producer_settings *producer_config(const struct producer *p) {
    return p->settings;
}
