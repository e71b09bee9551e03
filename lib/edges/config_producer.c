/* SPDX-License-Identifier: Apache-2.0 */
#include "config_resolve.h"

#include <limits.h>
#include <stdio.h>

#include "units.h"

#define DEFAULT_SYNC_TIMEOUT_MS 3000
#define DEFAULT_LINGER_MS       20
#define DEFAULT_BUFFER_BYTES    (INT64_C(64) << 20)
#define DEFAULT_DISK_BYTES      (INT64_C(2) << 30)
#define DEFAULT_SYNC_MS         10

int64_t duration_or(const char *text, int64_t fallback_ms) {
    int64_t ms = fallback_ms;
    return text && !units_duration(mqk_cstr(text), true, &ms) ? ms : fallback_ms;
}

int64_t size_or(const char *text, int64_t fallback_bytes) {
    int64_t bytes = fallback_bytes;
    return text && !units_size(mqk_cstr(text), &bytes) ? bytes : fallback_bytes;
}

static int word_or(const int *word, int fallback) {
    return word ? *word : fallback;
}

static int64_t sync_or(const char *text, int64_t fallback_ms) {
    return text && strcmp(text, "always") == 0 ? 0 : duration_or(text, fallback_ms);
}

static int64_t number_or(const char *text, int64_t fallback) {
    int64_t number = fallback;
    return text && !units_integer(mqk_cstr(text), &number) ? number : fallback;
}

/* `replayq_dir: X` means what it meant: everything through the disk, a folder for each node. */
static const char *spool_dir(struct resolve *r, const struct producer_yaml *yaml) {
    if (yaml->buffer && yaml->buffer->dir) {
        return resolve_keep(r, yaml->buffer->dir);
    }
    if (!yaml->replayq_dir) {
        return NULL;
    }
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/${node}", yaml->replayq_dir);
    return resolve_keep(r, path);
}

/* A rule's or cluster's way of producing. */
static void producer_resolve(struct resolve *r, const struct producer_yaml *yaml,
                             struct producer_settings *out) {
    const struct buffer_yaml none = {0};
    const struct buffer_yaml *buffer = yaml->buffer ? yaml->buffer : &none;
    enum produce_mode produce = (enum produce_mode)word_or(yaml->produce, PRODUCE_ASYNC);
    /* Who waits for the acknowledgement has nothing more to put into the batch. */
    int64_t linger_ms = produce == PRODUCE_SYNC ? 0 : DEFAULT_LINGER_MS;
    *out = (struct producer_settings){
        .produce = produce,
        .sync_timeout_ms = duration_or(yaml->produce_sync_timeout, DEFAULT_SYNC_TIMEOUT_MS),
        .acks = (enum acks)word_or(yaml->acks, ACKS_ALL),
        .compression = (enum compression)word_or(yaml->compression, COMPRESSION_NONE),
        .partitioner = (enum partitioner)word_or(yaml->partitioner, PARTITIONER_MURMUR2),
        .linger_ms = duration_or(yaml->linger, linger_ms),
        .message_ttl_ms = duration_or(yaml->message_ttl, 0),
        .mode = (enum buffer_mode)word_or(buffer->mode,
                                          yaml->replayq_dir ? BUFFER_DISK : BUFFER_MEMORY),
        .buffer_bytes = size_or(buffer->memory, DEFAULT_BUFFER_BYTES),
        .buffer_records = number_or(buffer->records, 0),
        .spool_dir = spool_dir(r, yaml),
        .disk_bytes = size_or(buffer->disk, DEFAULT_DISK_BYTES),
        .sync_ms = sync_or(buffer->sync, DEFAULT_SYNC_MS),
        .dead_letter = resolve_keep(r, yaml->dead_letter),
        .max_batch_bytes = size_or(yaml->max_batch_bytes, 0),
        .when_full = (enum when_full)word_or(buffer->when_full, WHEN_FULL_DROP_OLDEST),
    };
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool producer_settings_equal(const struct producer_settings *a, const struct producer_settings *b) {
    return a->produce == b->produce && a->sync_timeout_ms == b->sync_timeout_ms &&
           a->acks == b->acks && a->compression == b->compression &&
           a->partitioner == b->partitioner && a->linger_ms == b->linger_ms &&
           a->message_ttl_ms == b->message_ttl_ms && a->mode == b->mode &&
           a->buffer_bytes == b->buffer_bytes && a->buffer_records == b->buffer_records &&
           a->when_full == b->when_full && same_text(a->spool_dir, b->spool_dir) &&
           a->disk_bytes == b->disk_bytes && a->sync_ms == b->sync_ms &&
           a->max_batch_bytes == b->max_batch_bytes && same_text(a->dead_letter, b->dead_letter);
}

/* The same settings give the same name, today and after a restart. */
static void name_lane(const struct producer_settings *p, bool common, char name[24]) {
    if (common) {
        strcpy(name, "main");
        return;
    }
    char text[1024];
    snprintf(text, sizeof(text), "%d %lld %d %d %d %lld %lld %d %lld %lld %d %lld %lld %lld %s",
             (int)p->produce, (long long)p->sync_timeout_ms, (int)p->acks, (int)p->compression,
             (int)p->partitioner, (long long)p->linger_ms, (long long)p->message_ttl_ms,
             (int)p->mode, (long long)p->buffer_bytes, (long long)p->buffer_records,
             (int)p->when_full, (long long)p->disk_bytes, (long long)p->sync_ms,
             (long long)p->max_batch_bytes, p->dead_letter ? p->dead_letter : "");
    mqk_str half = {text, strlen(text) / 2};
    snprintf(name, 24, "p%08x%08x", (unsigned)str_hash(mqk_cstr(text)), (unsigned)str_hash(half));
}

/* Where a producer's setting was written that a rule of this cluster goes by. */
static void locate(struct resolve *r, const struct cluster_draft *cluster, const struct origin *own,
                   const char *path, struct origin *found) {
    size_t count = 0;
    size_t most = r->source_count + cluster->origin_count + 1;
    struct origin *origins = arena_array(r->problems->arena, most, sizeof(*origins));
    *found = r->kafka[0];
    if (!origins) {
        r->problems->no_memory = true;
        return;
    }
    for (size_t i = 0; i < r->source_count; i++) {
        origins[count++] = config_child(&r->kafka[i], &kafka_table, "producer");
    }
    for (size_t i = 0; i < cluster->origin_count; i++) {
        origins[count++] = config_child(&cluster->origins[i], cluster->table, "producer");
    }
    origins[count++] = *own;
    config_locate_last(origins, count, &producer_table, path, found);
}

static void check_lane(struct resolve *r, const struct cluster_draft *cluster,
                       const struct producer_settings *p, const struct origin *own) {
    if (p->message_ttl_ms > 0 && p->message_ttl_ms <= p->linger_ms) {
        struct origin at;
        locate(r, cluster, own, "message_ttl", &at);
        config_report(r->problems, &at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "records would expire while they linger; message_ttl must be longer than "
                      "linger (%lldms)",
                      (long long)p->linger_ms);
    }
    if (p->mode != BUFFER_MEMORY && !p->spool_dir) {
        struct origin at;
        locate(r, cluster, own, "buffer.mode", &at);
        config_report(r->problems, &at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "mode %s needs \"dir\", the folder for what waits, e.g. dir: "
                      "/var/lib/mqkafka",
                      p->mode == BUFFER_DISK ? "disk" : "hybrid");
    }
    if (p->max_batch_bytes > p->buffer_bytes) {
        struct origin at;
        locate(r, cluster, own, "max_batch_bytes", &at);
        config_report(r->problems, &at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "a batch must fit into buffer.memory (%lld bytes)",
                      (long long)p->buffer_bytes);
    }
}

uint32_t lane_find(struct resolve *r, uint32_t cluster, const struct producer_yaml *producer,
                   const struct origin *own) {
    struct producer_settings settings;
    struct producer_settings common;
    producer_resolve(r, producer, &settings);
    producer_resolve(r, r->clusters[cluster].producer, &common);
    for (size_t i = 0; i < r->lane_count; i++) {
        if (r->lanes[i].cluster == cluster &&
            producer_settings_equal(&r->lanes[i].producer, &settings)) {
            return (uint32_t)i;
        }
    }
    if (r->lane_count == MAX_LANES) {
        const struct origin *at = own->node ? own : &r->kafka[0];
        config_report(r->problems, at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "more than %u different producers; let rules share their settings",
                      MAX_LANES);
        return 0;
    }
    struct lane_settings *lanes =
        arena_resize(r->arena, r->lanes, (r->lane_count + 1) * sizeof(*lanes));
    if (!lanes) {
        r->problems->no_memory = true;
        return 0;
    }
    r->lanes = lanes;
    struct lane_settings *lane = &lanes[r->lane_count];
    *lane = (struct lane_settings){.cluster = cluster, .producer = settings};
    name_lane(&settings, producer_settings_equal(&settings, &common), lane->name);
    check_lane(r, &r->clusters[cluster], &settings, own);
    return (uint32_t)r->lane_count++;
}
