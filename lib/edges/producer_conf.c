/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_conf.h"

#include "cluster_conf.h"
#include "partitioner.h"

/* Kafka's own default for the largest message (broker setting message.max.bytes), so that whatever
 * a broker with default settings takes is not refused by the client. */
#define MESSAGE_MAX_BYTES 1048588

#define GATHERS_FROM_MS 4 /* linger from which on a millisecond of it does not matter */

#define SCRAM_FIXED_IN 0x020601ff /* librdkafka 2.6.1 */

static void set_production(struct conf_writer *w, const struct producer_settings *p) {
    static const char *const acks[] = {[ACKS_ALL] = "all", [ACKS_LEADER] = "1", [ACKS_NONE] = "0"};
    static const char *const codecs[] = {[COMPRESSION_NONE] = "none",
                                         [COMPRESSION_GZIP] = "gzip",
                                         [COMPRESSION_SNAPPY] = "snappy",
                                         [COMPRESSION_LZ4] = "lz4",
                                         [COMPRESSION_ZSTD] = "zstd"};
    conf_set(w, "acks", acks[p->acks]);
    conf_set(w, "enable.idempotence", p->acks == ACKS_ALL ? "true" : "false");
    conf_set(w, "compression.codec", codecs[p->compression]);
    conf_set(w, "partitioner", partitioner_builtin(p->partitioner));
    conf_set_int(w, "sticky.partitioning.linger.ms", partitioner_sticky_linger_ms(p));
    conf_set_int(w, "linger.ms", p->linger_ms - (producer_gathers(p) ? PRODUCER_NAP_MS : 0));
    conf_set_int(w, "message.timeout.ms", p->message_ttl_ms);
    conf_set_int(w, "message.max.bytes", MESSAGE_MAX_BYTES);
    conf_set_ms(w, "batch.size", p->max_batch_bytes);
    /* The bound is kept by the producer itself, in bytes that include what a record costs in
     * memory. */
    conf_set(w, "queue.buffering.max.kbytes", "2147483647");
    conf_set(w, "queue.buffering.max.messages", "2147483647");
}

bool producer_gathers(const struct producer_settings *settings) {
    return settings->linger_ms >= GATHERS_FROM_MS;
}

rd_kafka_conf_t *producer_conf_new(const struct cluster_settings *cluster,
                                   const struct producer_settings *settings, const char *servers,
                                   mqk_error *err) {
    struct conf_writer w = {rd_kafka_conf_new(), err, false};
    conf_set_cluster(&w, cluster, servers);
    conf_set_ms(&w, "request.timeout.ms", cluster->request_timeout_ms);
    set_production(&w, settings);
    conf_set_properties(&w, cluster->properties, cluster->property_count);
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
