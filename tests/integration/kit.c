/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KIT_PARTITIONS 128

static void discard_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
        fail_msg("%s", reason);
    }
}

void kit_kafka_start(struct kit_kafka *k, int brokers) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, discard_log);
    k->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    assert_non_null(k->client);
    k->cluster = rd_kafka_mock_cluster_new(k->client, brokers);
    assert_non_null(k->cluster);
    snprintf(k->servers, sizeof(k->servers), "%s", rd_kafka_mock_cluster_bootstraps(k->cluster));
    for (char *comma = strchr(k->servers, ','); comma; comma = strchr(comma, ',')) {
        /* One address is enough to find the others. */
        *comma = '\0';
    }
}

void kit_kafka_topic(struct kit_kafka *k, const char *topic, int partitions) {
    rd_kafka_mock_topic_create(k->cluster, topic, partitions, 1);
}

void kit_kafka_stop(struct kit_kafka *k) {
    rd_kafka_mock_cluster_destroy(k->cluster);
    rd_kafka_destroy(k->client);
}

static void on_log(void *user, mqk_log_level level, mqk_str message) {
    struct kit_host *h = user;
    size_t used = strlen(h->log);
    h->log_lines++;
    snprintf(h->log + used, sizeof(h->log) - used, "%d %s\n", (int)level, message.data);
}

static void on_delivered(void *user, uint64_t token, mqk_status status) {
    struct kit_host *h = user;
    kit_assert_in_range(token, 1, KIT_TOKENS - 1);
    h->told[token]++;
    h->status[token] = status;
}

void kit_host_init(struct kit_host *h) {
    memset(h, 0, sizeof(*h));
    h->host.size = sizeof(h->host);
    h->host.user = h;
    h->host.node = mqk_cstr("node-1");
    h->host.log = on_log;
    h->host.log_level = MQK_LOG_INFO;
    h->host.delivered = on_delivered;
}

struct kit_host *kit_host_new(void) {
    struct kit_host *h = malloc(sizeof(*h));
    assert_non_null(h);
    kit_host_init(h);
    return h;
}

static mqk_config *load(const char *format, va_list args) {
    char text[16384];
    mqk_error err;
    mqk_config *config = NULL;
    vsnprintf(text, sizeof(text), format, args);
    if (mqk_config_load_memory(mqk_cstr(text), "test.yaml", &config, &err) != MQK_OK) {
        fail_msg("%s\n%s", err.message, text);
    }
    return config;
}

mqk_config *kit_config(const char *format, ...) {
    va_list args;
    va_start(args, format);
    mqk_config *config = load(format, args);
    va_end(args);
    return config;
}

mqk_bridge *kit_bridge(struct kit_host *host, const char *format, ...) {
    mqk_error err;
    mqk_bridge *bridge = NULL;
    va_list args;
    va_start(args, format);
    mqk_config *config = load(format, args);
    va_end(args);
    if (mqk_bridge_open(config, host ? &host->host : NULL, &bridge, &err) != MQK_OK) {
        fail_msg("%s", err.message);
    }
    mqk_config_free(config);
    return bridge;
}

void kit_open(struct kit *k, const char *topics, const char *rules) {
    char topic[250];
    int len;
    kit_kafka_start(&k->kafka, 1);
    for (; sscanf(topics, " %249[^: ]%n", topic, &len) == 1; topics += len) {
        int partitions = 1, more = 0;
        if (sscanf(topics + len, ":%d%n", &partitions, &more) == 1) {
            len += more;
        }
        kit_kafka_topic(&k->kafka, topic, partitions);
    }
    k->host = kit_host_new();
    k->bridge = kit_bridge(k->host, "kafka:\n  client: { servers: ['%s'] }\n  hook:\n%s",
                           k->kafka.servers, rules);
}

void kit_close(struct kit *k) {
    assert_int_equal(mqk_bridge_close(k->bridge, 30000, NULL), MQK_OK);
    free(k->host);
    kit_kafka_stop(&k->kafka);
}

mqk_event kit_publish(const char *clientid, const char *topic, const char *payload) {
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr(clientid);
    event.topic = mqk_cstr(topic);
    event.payload = mqk_cstr(payload);
    event.qos = 1;
    event.timestamp = 1700000000123;
    return event;
}

mqk_stats kit_stats(mqk_bridge *bridge) {
    mqk_stats stats = {.size = sizeof(stats)};
    assert_int_equal(mqk_bridge_stats(bridge, &stats), MQK_OK);
    return stats;
}

static char *copy(const void *data, size_t len) {
    if (!data) {
        return NULL;
    }
    char *text = malloc(len + 1);
    assert_non_null(text);
    memcpy(text, data, len);
    text[len] = '\0';
    return text;
}

static void keep(struct kit_record *r, const rd_kafka_message_t *m) {
    memset(r, 0, sizeof(*r));
    snprintf(r->topic, sizeof(r->topic), "%s", rd_kafka_topic_name(m->rkt));
    r->partition = m->partition;
    r->key = copy(m->key, m->key_len);
    r->key_len = m->key_len;
    r->value = copy(m->payload, m->len);
    r->value_len = m->len;
    r->timestamp_ms = rd_kafka_message_timestamp(m, NULL);
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        size_t used = strlen(r->headers);
        snprintf(r->headers + used, sizeof(r->headers) - used, "%s=%.*s;", name,
                 value ? (int)size : 6, value ? (const char *)value : "(null)");
    }
}

static bool all_true(const bool *values, int count) {
    for (int i = 0; i < count; i++) {
        if (!values[i]) {
            return false;
        }
    }
    return true;
}

size_t kit_consume(const char *servers, const char *topic, size_t expected,
                   struct kit_record *records, size_t capacity) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, discard_log);
    set(conf, "bootstrap.servers", servers);
    set(conf, "group.id", "kit");
    set(conf, "fetch.wait.max.ms", "10");
    set(conf, "enable.partition.eof", "true");
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    assert_non_null(consumer);
    rd_kafka_poll_set_consumer(consumer);

    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(consumer, 0, handle, &metadata, KIT_PATIENCE_S * 1000);
    assert_int_equal(err, RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(8);
    int partitions = metadata->topics[0].partition_cnt;
    for (int i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_assign(consumer, all);
    rd_kafka_topic_partition_list_destroy(all);

    size_t count = 0;
    bool at_end[KIT_PARTITIONS] = {false};
    assert_true(partitions <= KIT_PARTITIONS);
    time_t give_up = time(NULL) + KIT_PATIENCE_S;
    while ((!all_true(at_end, partitions) || count < expected) && time(NULL) < give_up) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, 1000);
        if (m && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (records && count < capacity) {
                keep(&records[count], m);
            }
            count++;
        }
        if (m && m->partition >= 0) {
            at_end[m->partition] = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        }
        if (m) {
            rd_kafka_message_destroy(m);
        }
    }
    rd_kafka_topic_destroy(handle);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return count;
}

void kit_records_free(struct kit_record *records, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(records[i].key);
        free(records[i].value);
    }
}

void kit_assert_in_order(const char *servers, size_t count) {
    struct kit_record *records = calloc(count, sizeof(*records));
    assert_int_equal(kit_consume(servers, "t", count, records, count), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(atoi(records[i].value), i);
    }
    kit_records_free(records, count);
    free(records);
}

void kit_wait(bool (*condition)(void *user), void *user, const char *what) {
    time_t give_up = time(NULL) + KIT_PATIENCE_S;
    while (!condition(user)) {
        if (time(NULL) > give_up) {
            fail_msg("waited %d s in vain: %s", KIT_PATIENCE_S, what);
        }
        struct timespec nap = {0, 5000000};
        nanosleep(&nap, NULL);
    }
}

void kit_folder_make(char dir[KIT_FOLDER_SIZE]) {
    snprintf(dir, KIT_FOLDER_SIZE, "/tmp/mqk-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

void kit_folder_remove(const char *dir) {
    char command[KIT_FOLDER_SIZE + 16];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int kit_threads(const char *name) {
    int count = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300];
        char its[32] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file) {
            count += fgets(its, sizeof(its), file) && strncmp(its, name, strlen(name)) == 0;
            fclose(file);
        }
    }
    closedir(dir);
    return count;
}

struct thread_goal {
    const char *name;
    int most;
};

static bool threads_are_gone(void *user) {
    const struct thread_goal *goal = user;
    return kit_threads(goal->name) <= goal->most;
}

void kit_wait_for_threads(const char *name, int most) {
    struct thread_goal goal = {name, most};
    kit_wait(threads_are_gone, &goal, "threads end");
}
