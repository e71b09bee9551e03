/* SPDX-License-Identifier: Apache-2.0 */
/* Records a second from Kafka into the host's callback, against a loop that does nothing but take
 * records out of librdkafka. Both read the same records from the in-process cluster, in turn. Most
 * of the time goes into the three seconds that its groups wait for their members, so that there are
 * few rounds of many records. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <mqkafka/mqkafka.h>

#include "bench.h"

#define PARTITIONS 16
#define EACH       15000 /* what the in-process cluster keeps of a partition */
#define RECORDS    (PARTITIONS * EACH)
#define BEGIN      (RECORDS / 10)
#define ROUNDS     5

static void check(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void discard_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *servers, const char *group) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, discard_log);
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set(conf, "queue.buffering.max.messages", "1000000", reason, sizeof(reason));
    }
    if (servers) {
        rd_kafka_conf_set(conf, "bootstrap.servers", servers, reason, sizeof(reason));
    }
    if (group) {
        rd_kafka_conf_set(conf, "group.id", group, reason, sizeof(reason));
        rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", reason, sizeof(reason));
        /* As much in stock as the library takes. */
        rd_kafka_conf_set(conf, "queued.min.messages", "400000", reason, sizeof(reason));
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof(reason));
    check(rk != NULL, reason);
    return rk;
}

static void fill(const char *servers) {
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, servers, NULL);
    for (int i = 0; i < RECORDS; i++) {
        char key[32], value[256];
        snprintf(key, sizeof(key), "device-%06d", i % 1000);
        snprintf(value, sizeof(value),
                 "{\"device\":\"device-%06d\",\"command\":\"set\",\"target\":{\"valve\":%d,"
                 "\"unit\":\"percent\"},\"value\":%d.50,\"issued\":1700000000%03d,"
                 "\"by\":\"operator-7\",\"padding\":\"0123456789012345678901234567890123456789\"}",
                 i % 1000, i % 8, i % 100, i % 1000);
        check(rd_kafka_producev(rk, RD_KAFKA_VTYPE_TOPIC, "bench", RD_KAFKA_VTYPE_PARTITION,
                                (int32_t)(i % PARTITIONS), RD_KAFKA_VTYPE_MSGFLAGS,
                                RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_KEY, key, strlen(key),
                                RD_KAFKA_VTYPE_VALUE, value, strlen(value),
                                RD_KAFKA_VTYPE_END) == RD_KAFKA_RESP_ERR_NO_ERROR,
              "produce");
    }
    check(rd_kafka_flush(rk, 60000) == RD_KAFKA_RESP_ERR_NO_ERROR, "flush");
    rd_kafka_destroy(rk);
}

/* ns for each record, without the first ones. */
static double time_bare(const char *servers, int round) {
    char group[32];
    snprintf(group, sizeof(group), "bare-%d", round);
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, servers, group);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, "bench", RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    double begin = 0;
    for (int count = 0; count < RECORDS;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 1000);
        if (m && !m->err && ++count == BEGIN) {
            begin = now_ns();
        }
        if (m) {
            rd_kafka_message_destroy(m);
        }
    }
    double ns = now_ns() - begin;
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return ns / (RECORDS - BEGIN);
}

struct sink {
    int count;
    double begin, end;
    size_t bytes;
};

static mqk_answer on_publish(void *user, const mqk_publish *p) {
    struct sink *sink = user;
    sink->bytes += p->topic.len + p->payload.len;
    if (++sink->count == BEGIN) {
        sink->begin = now_ns();
    } else if (sink->count == RECORDS) {
        sink->end = now_ns();
    }
    return MQK_ACCEPT;
}

static double time_ours(const char *servers, const char *rule, int round) {
    char text[1024];
    struct sink sink = {.count = 0};
    mqk_host host = {.size = sizeof(host), .user = &sink, .publish = on_publish};
    mqk_error err;
    mqk_config *config = NULL;
    mqk_bridge *bridge = NULL;
    snprintf(text, sizeof(text),
             "kafka: {client: {servers: ['%s']}, consumer: [{topics: [bench], group_id: ours-%d,\n"
             "  offset_reset: earliest, action: publish, %s}]}",
             servers, round, rule);
    check(mqk_config_load_memory(mqk_cstr(text), "bench", &config, &err) == MQK_OK &&
              mqk_bridge_open(config, &host, &bridge, &err) == MQK_OK,
          err.message);
    mqk_config_free(config);
    while (sink.count < RECORDS) {
        mqk_bridge_poll(bridge, 100);
    }
    mqk_bridge_close(bridge, 0, NULL);
    return (sink.end - sink.begin) / (RECORDS - BEGIN);
}

static void compare(const char *servers, const char *what, const char *rule, const char *goal) {
    static int round;
    double ours[ROUNDS], bare[ROUNDS], ratios[ROUNDS];
    for (int i = 0; i < ROUNDS; i++, round++) {
        if (i % 2) {
            bare[i] = time_bare(servers, round);
        }
        ours[i] = time_ours(servers, rule, round);
        if (i % 2 == 0) {
            bare[i] = time_bare(servers, round);
        }
        ratios[i] = bare[i] / ours[i];
    }
    double a = bench_median(ours, ROUNDS), b = bench_median(bare, ROUNDS);
    printf("%-40s %9.0f records/s   bare loop %9.0f records/s   ratio %5.2f (median of pairs %5.2f)"
           "   (goal %s)\n",
           what, 1e9 / a, 1e9 / b, b / a, bench_median(ratios, ROUNDS), goal);
    fflush(stdout);
}

int main(void) {
    rd_kafka_t *host = client(RD_KAFKA_PRODUCER, NULL, NULL);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
    check(cluster != NULL, "mock cluster");
    rd_kafka_mock_topic_create(cluster, "bench", PARTITIONS, 1);
    const char *servers = rd_kafka_mock_cluster_bootstraps(cluster);
    fill(servers);
    compare(servers, "publish, a JSON path in the payload",
            "mqtt_topic: 'down/${key}/set', payload: '{\"valve\":${value.target.valve}}'",
            "at least 0.7");
    compare(servers, "publish, three JSON paths",
            "mqtt_topic: 'down/${value.device}/set', payload: "
            "'{\"valve\":${value.target.valve},\"to\":${value.value},\"key\":\"${key}\"}'",
            "-");
    compare(servers, "publish, key and value as they are", "mqtt_topic: '${key}'", "-");
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
    return 0;
}
