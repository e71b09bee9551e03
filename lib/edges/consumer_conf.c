/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_conf.h"
#include "consumer_private.h"

/* How soon a topic that is made later is seen. */
#define METADATA_REFRESH_MS 10000
/* What is fetched ahead; librdkafka's own would be 64 MiB for each rule. */
#define FETCH_AHEAD_KB 16384

rd_kafka_conf_t *consumer_conf_new(const struct consumer_plan *plan, const char *group_id,
                                   mqk_error *err) {
    const struct cluster_settings *cluster = plan->cluster;
    const struct consumer_settings *settings = plan->settings;
    struct conf_writer w = {rd_kafka_conf_new(), err, false};
    conf_set_int(&w, "topic.metadata.refresh.interval.ms", METADATA_REFRESH_MS);
    conf_set_int(&w, "queued.max.messages.kbytes", FETCH_AHEAD_KB);
    conf_set_cluster(&w, cluster, plan->embedded ? embedded_servers(plan->embedded) : NULL);
    conf_set_properties(&w, cluster->properties, cluster->property_count);
    conf_set_properties(&w, settings->properties, settings->property_count);
    conf_set(&w, "group.id", group_id);
    conf_set(&w, "enable.auto.commit", "false");
    conf_set(&w, "enable.auto.offset.store", "false");
    /* The end of a partition tells where an empty one stands, which is committed as well. */
    conf_set(&w, "enable.partition.eof", "true");
    conf_set(&w, "auto.offset.reset",
             settings->offset_reset == OFFSET_RESET_EARLIEST ? "earliest" : "latest");
    if (w.failed) {
        rd_kafka_conf_destroy(w.conf);
        return NULL;
    }
    return w.conf;
}
