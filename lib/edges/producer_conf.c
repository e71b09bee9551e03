/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_conf.h"

#include <inttypes.h>
#include <stdio.h>

#include "error.h"
#include "partitioner.h"

/* Kafka's own default for the largest message (broker setting message.max.bytes), so that whatever
 * a broker with default settings takes is not refused by the client. */
#define MESSAGE_MAX_BYTES 1048588

#define SCRAM_FIXED_IN 0x020601ff /* librdkafka 2.6.1 */

struct conf_writer {
    rd_kafka_conf_t *conf;
    mqk_error *err;
    bool failed;
};

static void set(struct conf_writer *w, const char *name, const char *value) {
    char reason[256];
    if (w->failed || !value) {
        return;
    }
    if (rd_kafka_conf_set(w->conf, name, value, reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
        w->failed = true;
        /* librdkafka's reason may quote the value, which may be a secret: only the name is told. */
        error_set(w->err, MQK_ERR_KAFKA, 0, 0,
                  "librdkafka %s refuses the value of its property \"%s\"", rd_kafka_version_str(),
                  name);
    }
}

static void set_int(struct conf_writer *w, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    set(w, name, text);
}

/* Sets it unless 0, which stands for librdkafka's own default. */
static void set_ms(struct conf_writer *w, const char *name, int64_t ms) {
    if (ms > 0) {
        set_int(w, name, ms);
    }
}

static void set_security(struct conf_writer *w, const struct cluster_settings *c) {
    static const char *const protocols[2][2] = {{"plaintext", "ssl"},
                                                {"sasl_plaintext", "sasl_ssl"}};
    static const char *const mechanisms[] = {[SASL_PLAIN] = "PLAIN",
                                             [SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
                                             [SASL_SCRAM_SHA_512] = "SCRAM-SHA-512"};
    set(w, "security.protocol", protocols[c->mechanism != SASL_NONE][c->tls]);
    if (c->mechanism != SASL_NONE) {
        set(w, "sasl.mechanisms", mechanisms[c->mechanism]);
        set(w, "sasl.username", c->username);
        set(w, "sasl.password", c->password);
    }
    if (c->tls) {
        set(w, "ssl.ca.location", c->cacertfile);
        set(w, "ssl.certificate.location", c->certfile);
        set(w, "ssl.key.location", c->keyfile);
        set(w, "ssl.key.password", c->key_password);
        set(w, "enable.ssl.certificate.verification", c->verify ? "true" : "false");
        set(w, "ssl.endpoint.identification.algorithm",
            c->verify && c->verify_hostname ? "https" : "none");
    }
}

static void set_production(struct conf_writer *w, const struct producer_settings *p) {
    static const char *const acks[] = {[ACKS_ALL] = "all", [ACKS_LEADER] = "1", [ACKS_NONE] = "0"};
    static const char *const codecs[] = {[COMPRESSION_NONE] = "none",
                                         [COMPRESSION_GZIP] = "gzip",
                                         [COMPRESSION_SNAPPY] = "snappy",
                                         [COMPRESSION_LZ4] = "lz4",
                                         [COMPRESSION_ZSTD] = "zstd"};
    set(w, "acks", acks[p->acks]);
    set(w, "enable.idempotence", p->acks == ACKS_ALL ? "true" : "false");
    set(w, "compression.codec", codecs[p->compression]);
    set(w, "partitioner", partitioner_builtin(p->partitioner));
    set_int(w, "sticky.partitioning.linger.ms", partitioner_sticky_linger_ms(p));
    set_int(w, "linger.ms", p->linger_ms);
    set_int(w, "message.timeout.ms", p->message_ttl_ms);
    set_int(w, "message.max.bytes", MESSAGE_MAX_BYTES);
    set_ms(w, "batch.size", p->max_batch_bytes);
    /* The bound is kept by the producer itself, in bytes that include what a record costs in
     * memory. */
    set(w, "queue.buffering.max.kbytes", "2147483647");
    set(w, "queue.buffering.max.messages", "2147483647");
}

rd_kafka_conf_t *producer_conf_new(const struct cluster_settings *cluster,
                                   const struct producer_settings *settings, const char *servers,
                                   mqk_error *err) {
    struct conf_writer w = {rd_kafka_conf_new(), err, false};
    set(&w, "bootstrap.servers", servers ? servers : cluster->servers);
    set(&w, "client.id", cluster->client_id);
    set(&w, "socket.nagle.disable", "true");
    /* After an outage the first try comes within two seconds instead of ten. */
    set(&w, "reconnect.backoff.max.ms", "2000");
    set_ms(&w, "socket.connection.setup.timeout.ms", cluster->connect_timeout_ms);
    set_ms(&w, "socket.timeout.ms", cluster->request_timeout_ms);
    set_ms(&w, "request.timeout.ms", cluster->request_timeout_ms);
    set_ms(&w, "topic.metadata.refresh.fast.interval.ms", cluster->metadata_fast_ms);
    set_ms(&w, "topic.metadata.refresh.interval.ms", cluster->metadata_refresh_ms);
    if (!servers) {
        set_security(&w, cluster);
    }
    set_production(&w, settings);
    for (size_t i = 0; i < cluster->property_count; i++) {
        set(&w, cluster->properties[i].name, cluster->properties[i].value);
    }
    if (w.failed) {
        rd_kafka_conf_destroy(w.conf);
        return NULL;
    }
    return w.conf;
}

bool producer_conf_scram_quirk(const struct cluster_settings *cluster) {
    return (cluster->mechanism == SASL_SCRAM_SHA_256 || cluster->mechanism == SASL_SCRAM_SHA_512) &&
           rd_kafka_version() < SCRAM_FIXED_IN;
}
