/* SPDX-License-Identifier: Apache-2.0 */
#include "embedded.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"

#define EMBEDDED_PARTITIONS 4

struct embedded {
    rd_kafka_t *client; /* the mock cluster lives in a client's threads */
    rd_kafka_mock_cluster_t *cluster;
};

/* What the mock cluster's own client has to say is of no use to the host. */
static void discard_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

/* The mock cluster's thread inherits the caller's signal mask and ends for good when a signal
 * interrupts it, so that the host's SIGHUP would be the end of this Kafka. */
static rd_kafka_mock_cluster_t *cluster_start(rd_kafka_t *client) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, 1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return cluster;
}

struct embedded *embedded_start(mqk_error *err) {
    char reason[256] = "out of memory";
    struct embedded *e = calloc(1, sizeof(*e));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!e) {
        rd_kafka_conf_destroy(conf);
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "the embedded Kafka cannot start: out of memory");
        return NULL;
    }
    rd_kafka_conf_set_log_cb(conf, discard_log);
    e->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (e->client) {
        snprintf(reason, sizeof(reason), "no loopback port could be opened");
        e->cluster = cluster_start(e->client);
    } else {
        rd_kafka_conf_destroy(conf);
    }
    if (!e->cluster) {
        error_set(err, MQK_ERR_KAFKA, 0, 0, "the embedded Kafka cannot start: %s", reason);
        embedded_stop(e);
        return NULL;
    }
    return e;
}

void embedded_stop(struct embedded *e) {
    if (!e) {
        return;
    }
    if (e->cluster) {
        rd_kafka_mock_cluster_destroy(e->cluster);
    }
    if (e->client) {
        rd_kafka_destroy(e->client);
    }
    free(e);
}

const char *embedded_servers(const struct embedded *e) {
    return rd_kafka_mock_cluster_bootstraps(e->cluster);
}

void embedded_create_topic(struct embedded *e, const char *topic) {
    /* An error means that the topic is there. */
    rd_kafka_mock_topic_create(e->cluster, topic, EMBEDDED_PARTITIONS, 1);
}
