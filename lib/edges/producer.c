/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "error.h"
#include "producer_conf.h"
#include "thread.h"

#define POLL_MS  500  /* idle thread: what needs it sooner wakes it */
#define LEAVE_MS 5000 /* a retired producer's time for what is under way */
#define RUNS     4    /* moved from the queue before librdkafka is asked what is done */

/* Whether it is to hand over what waits to its successor. */
static bool is_leaving(const struct producer *p) {
    return atomic_load(&p->retired) && !atomic_load(&p->empty_first);
}

/* Whether something waits that this producer is to send. */
static bool spool_waits(const struct producer *p) {
    return p->spool && !is_leaving(p) && spool_waiting(p->spool) > 0;
}

/* New records may go through memory again when nothing waits in the spool. */
static void look_if_clear(struct producer *p) {
    pthread_mutex_lock(&p->queue_lock);
    if (p->queue.count == 0 && p->run.count == 0 && !spool_waits(p)) {
        atomic_store(&p->backlogged, false);
    }
    pthread_mutex_unlock(&p->queue_lock);
    /* Somebody may have put a record into the spool meanwhile. */
    if (spool_waits(p)) {
        atomic_store(&p->backlogged, true);
    }
}

static bool has_turn(struct producer *p) {
    if (!atomic_load(&p->has_turn) && outlet_turn(p->outlet, p)) {
        atomic_store(&p->has_turn, true);
    }
    return atomic_load(&p->has_turn);
}

/* Moves what librdkafka has room for; how the queue is then, and whether it had anything. */
static enum producer_queue drain(struct producer *p, bool *moved) {
    /* Asked first: then nothing comes into the queue any more once it is seen empty. */
    bool backlogged = atomic_load(&p->backlogged);
    if (!has_turn(p)) {
        return QUEUE_BLOCKED;
    }
    enum producer_queue queue = QUEUE_MORE;
    for (int i = 0; i < RUNS && queue == QUEUE_MORE; i++) {
        queue = producer_hand_queue(p);
        *moved |= queue == QUEUE_MORE;
    }
    if (queue == QUEUE_EMPTY && backlogged) {
        while (!is_leaving(p) && producer_drain_spool(p)) {
            producer_settle(p);
        }
        look_if_clear(p);
    }
    return queue;
}

/* Whether a retired producer has nothing more to do. */
static bool try_end(struct producer *p, int64_t retired_at) {
    if (producer_queued(p, NULL) == 0) {
        return true;
    }
    /* One that has no contact yet may soon have it. */
    if (atomic_load(&p->empty_first) || (atomic_load(&p->health) != MQK_HEALTH_DOWN &&
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

/* Says how long the thread may wait for librdkafka, after it found the queue so, having moved
 * something or not; who puts something in knows from then on whether to wake it. */
static int lie_down(struct producer *p, enum producer_queue queue, bool moved, bool retired) {
    int wait_ms = 0;
    enum producer_sleep sleep = PRODUCER_AWAKE;
    pthread_mutex_lock(&p->queue_lock);
    if (queue == QUEUE_BLOCKED || retired || atomic_load(&p->backlogged)) {
        wait_ms = PRODUCER_BUSY_MS;
        sleep = PRODUCER_NAPPING;
    } else if (queue == QUEUE_EMPTY && moved && producer_gathers(p->settings)) {
        /* More will follow: let it gather instead of being woken for each record. */
        wait_ms = PRODUCER_NAP_MS;
        sleep = PRODUCER_NAPPING;
    } else if (queue == QUEUE_EMPTY && p->queue.count == 0) {
        wait_ms = POLL_MS;
        sleep = PRODUCER_ASLEEP;
    }
    p->sleep = sleep;
    pthread_mutex_unlock(&p->queue_lock);
    return wait_ms;
}

/* Lets librdkafka tell what it has done. */
static void wait_for_librdkafka(struct producer *p, int wait_ms) {
    if (wait_ms > 0 && atomic_load(&p->hurry) && HELD_RECORDS(atomic_load(&p->held)) > 0) {
        /* Flushing is how librdkafka is told not to linger. It serves delivery reports too. */
        rd_kafka_flush(p->client, PRODUCER_BUSY_MS);
    } else {
        rd_kafka_poll(p->client, wait_ms);
    }
    producer_settle(p);
}

static void *serve(void *user) {
    struct producer *p = user;
    int64_t retired_at = 0;
    while (!atomic_load(&p->stop)) {
        producer_keep_chunks(p, producer_mark(p));
        if (atomic_load(&p->fatal)) {
            producer_rebuild(p);
        }
        bool moved = false;
        enum producer_queue queue = drain(p, &moved);
        bool retired = atomic_load(&p->retired);
        wait_for_librdkafka(p, lie_down(p, queue, moved, retired));
        producer_probe(p);
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
    p->limit = (uint64_t)p->settings->buffer_bytes;
    p->limit_records = p->settings->buffer_records > 0 ? (uint64_t)p->settings->buffer_records
                                                       : (uint64_t)INT64_MAX;
    p->window = p->limit;
    p->window_records = p->limit_records;
    p->drops_oldest = p->settings->when_full == WHEN_FULL_DROP_OLDEST && !p->spool;
    if (p->drops_oldest) {
        /* What librdkafka holds cannot be taken back one by one: half of the buffer stays ours, so
         * that there is something old to drop. */
        p->window = p->limit / 2;
        p->window_records = (p->limit_records + 1) / 2;
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
        pthread_mutex_lock(&p->wake_lock);
        p->main_queue = rd_kafka_queue_get_main(p->client);
        pthread_mutex_unlock(&p->wake_lock);
    }
    pthread_mutex_unlock(&p->topics_lock);
    return p->client != NULL;
}

void producer_stop_client(struct producer *p) {
    producer_end_probe(p);
    pthread_mutex_lock(&p->topics_lock);
    for (size_t i = 0; i < PRODUCER_TOPIC_BUCKETS; i++) {
        for (struct kafka_topic *topic = p->topics[i]; topic; topic = topic->next) {
            rd_kafka_topic_destroy(topic->handle);
            topic->handle = NULL;
        }
    }
    pthread_mutex_lock(&p->wake_lock);
    if (p->main_queue) {
        rd_kafka_queue_destroy(p->main_queue);
        p->main_queue = NULL;
    }
    pthread_mutex_unlock(&p->wake_lock);
    if (p->client) {
        rd_kafka_destroy(p->client);
        p->client = NULL;
    }
    pthread_mutex_unlock(&p->topics_lock);
}

void producer_wake(struct producer *p) {
    pthread_mutex_lock(&p->wake_lock);
    if (p->main_queue) {
        rd_kafka_queue_yield(p->main_queue);
    }
    pthread_mutex_unlock(&p->wake_lock);
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
    record_queue_fini(&p->queue);
    record_queue_fini(&p->returned_flight);
    record_queue_fini(&p->returned_queue);
    flights_fini(&p->flights);
    pthread_mutex_destroy(&p->queue_lock);
    pthread_mutex_destroy(&p->topics_lock);
    pthread_mutex_destroy(&p->wake_lock);
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
    record_queue_init(&p->queue);
    record_queue_init(&p->returned_flight);
    record_queue_init(&p->returned_queue);
    flights_init(&p->flights);
    thread_init_adaptive(&p->queue_lock);
    pthread_mutex_init(&p->topics_lock, NULL);
    pthread_mutex_init(&p->wake_lock, NULL);
    pthread_mutex_init(&p->message_lock, NULL);
    producer_keep_chunks(p, true); /* so that the first records find memory as well */
    if (!outlet_join(outlet, p)) {
        producer_free(p);
        return NULL;
    }
    atomic_init(&p->has_turn, outlet_turn(outlet, p));
    atomic_init(&p->backlogged, p->spool && (!p->has_turn || spool_waits(p)));
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

uint64_t producer_queued(struct producer *p, uint64_t *bytes) {
    uint64_t records = 0;
    /* The spool first: a record on its way from there to librdkafka is then seen at least once. */
    if (p->spool && !is_leaving(p)) {
        records += spool_waiting(p->spool);
        records += atomic_load(&p->handing_over);
    }
    pthread_mutex_lock(&p->queue_lock);
    uint64_t held = atomic_load(&p->held);
    records += p->queue.count + HELD_RECORDS(held);
    if (bytes) {
        *bytes = p->queue.bytes + HELD_BYTES(held);
    }
    pthread_mutex_unlock(&p->queue_lock);
    /* What comes back from a client that has given up is nowhere until the queue has it. */
    return records == 0 && atomic_load(&p->fatal) ? 1 : records;
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
