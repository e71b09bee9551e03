/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner.h"

#include "clock.h"
#include "md5.h"
#include "phash2.h"

/* Java's default keeps a partition until a batch is full; librdkafka's measure is time: twice
 * linger, and at least this long. */
#define STICKY_MIN_MS 10

const char *partitioner_builtin(enum partitioner kind) {
    switch (kind) {
    case PARTITIONER_MURMUR2:
        return "murmur2_random";
    case PARTITIONER_CONSISTENT:
        return "consistent_random";
    case PARTITIONER_RANDOM:
        return "random";
    case PARTITIONER_STICKY:
    case PARTITIONER_ROUNDROBIN:
    case PARTITIONER_PHASH2:
    case PARTITIONER_MD5:
        break;
    }
    return NULL;
}

static int64_t sticky_ms(const struct producer_settings *settings) {
    int64_t twice = 2 * settings->linger_ms;
    return twice > STICKY_MIN_MS ? twice : STICKY_MIN_MS;
}

int64_t partitioner_sticky_linger_ms(const struct producer_settings *settings) {
    switch (settings->partitioner) {
    case PARTITIONER_MURMUR2:
    case PARTITIONER_CONSISTENT: {
        int64_t ms = sticky_ms(settings);
        return ms < 900000 ? ms : 900000;
    }
    case PARTITIONER_RANDOM:
    case PARTITIONER_STICKY:
    case PARTITIONER_ROUNDROBIN:
    case PARTITIONER_PHASH2:
    case PARTITIONER_MD5:
        break;
    }
    return 0;
}

/* The given partition when it has a leader, else the next one that has; when none has, the given
 * one: the record then waits for its leader. */
static int32_t available_from(const rd_kafka_topic_t *topic, int32_t partition, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int32_t candidate = (int32_t)(((int64_t)partition + i) % count);
        if (rd_kafka_topic_partition_available(topic, candidate)) {
            return candidate;
        }
    }
    return partition;
}

static int32_t round_robin(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
                           int32_t count, void *topic_opaque, void *msg_opaque) {
    (void)key;
    (void)key_len;
    (void)msg_opaque;
    struct partition_state *state = topic_opaque;
    uint32_t turn = atomic_fetch_add_explicit(&state->next, 1, memory_order_relaxed);
    return available_from(topic, (int32_t)(turn % (uint32_t)count), count);
}

static int32_t sticky(const rd_kafka_topic_t *topic, const void *key, size_t key_len, int32_t count,
                      void *topic_opaque, void *msg_opaque) {
    (void)key;
    (void)key_len;
    struct partition_state *state = topic_opaque;
    int64_t now = clock_monotonic_ms();
    int32_t current = atomic_load_explicit(&state->sticky, memory_order_relaxed);
    int64_t since = atomic_load_explicit(&state->sticky_since, memory_order_relaxed);
    bool in_time = current >= 0 && current < count && now - since < state->sticky_ms;
    int32_t wanted =
        in_time ? current
                : rd_kafka_msg_partitioner_random(topic, NULL, 0, count, topic_opaque, msg_opaque);
    if (!in_time && wanted == current) {
        wanted = (wanted + 1) % count;
    }
    int32_t chosen = available_from(topic, wanted, count);
    if (chosen != current) {
        /* Two threads may both choose here; either choice is as good. */
        atomic_store_explicit(&state->sticky, chosen, memory_order_relaxed);
        atomic_store_explicit(&state->sticky_since, now, memory_order_relaxed);
    }
    return chosen;
}

int32_t partitioner_of_key(enum partitioner kind, mqk_str key, int32_t count) {
    uint8_t digest[MD5_SIZE];
    if (kind == PARTITIONER_PHASH2) {
        return (int32_t)(phash2(key) % (uint32_t)count);
    }
    md5(key, digest);
    return digest[MD5_SIZE - 1] % count;
}

static int32_t by_key(enum partitioner kind, const rd_kafka_topic_t *topic, const void *key,
                      size_t key_len, int32_t count, void *topic_opaque, void *msg_opaque) {
    if (!key) {
        return sticky(topic, key, key_len, count, topic_opaque, msg_opaque);
    }
    return partitioner_of_key(kind, (mqk_str){key, key_len}, count);
}

static int32_t by_phash2(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
                         int32_t count, void *topic_opaque, void *msg_opaque) {
    return by_key(PARTITIONER_PHASH2, topic, key, key_len, count, topic_opaque, msg_opaque);
}

static int32_t by_md5(const rd_kafka_topic_t *topic, const void *key, size_t key_len, int32_t count,
                      void *topic_opaque, void *msg_opaque) {
    return by_key(PARTITIONER_MD5, topic, key, key_len, count, topic_opaque, msg_opaque);
}

typedef int32_t (*partitioner_fn)(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
                                  int32_t count, void *topic_opaque, void *msg_opaque);

static const partitioner_fn callbacks[] = {[PARTITIONER_ROUNDROBIN] = round_robin,
                                           [PARTITIONER_STICKY] = sticky,
                                           [PARTITIONER_PHASH2] = by_phash2,
                                           [PARTITIONER_MD5] = by_md5};

void partitioner_install(const struct producer_settings *settings, rd_kafka_topic_conf_t *conf,
                         struct partition_state *state) {
    atomic_init(&state->next, 0);
    atomic_init(&state->sticky, -1);
    atomic_init(&state->sticky_since, 0);
    state->sticky_ms = sticky_ms(settings);
    if (!partitioner_builtin(settings->partitioner)) {
        rd_kafka_topic_conf_set_partitioner_cb(conf, callbacks[settings->partitioner]);
    }
    rd_kafka_topic_conf_set_opaque(conf, state);
}
