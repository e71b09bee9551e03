/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_conf.h"
#include "consumer_private.h"

/* How soon a topic that is made later is seen. */
#define METADATA_REFRESH_MS 10000

/* What is fetched ahead. Once so much waits, librdkafka looks again only after a while whether
 * there is room: a whole second (up to 2.1), in which whoever is faster than that has nothing to
 * do, or as long as it is told (since 2.2). So the older ones need more in stock. */
#define BACKOFF_SINCE      0x02020000
#define BACKOFF_MS         20
#define FETCH_AHEAD_KB     16384
#define FETCH_AHEAD_OLD_KB 65536
#define FETCH_AHEAD_OLD    400000 /* records; 100,000 by default */

static void set_fetch_ahead(struct conf_writer *w) {
    if (rd_kafka_version() >= BACKOFF_SINCE) {
        conf_set_int(w, "queued.max.messages.kbytes", FETCH_AHEAD_KB);
        conf_set_int(w, "fetch.queue.backoff.ms", BACKOFF_MS);
        return;
    }
    conf_set_int(w, "queued.max.messages.kbytes", FETCH_AHEAD_OLD_KB);
    conf_set_int(w, "queued.min.messages", FETCH_AHEAD_OLD);
}

rd_kafka_conf_t *consumer_conf_new(const struct consumer_plan *plan, const char *group_id,
                                   mqk_error *err) {
    const struct cluster_settings *cluster = plan->cluster;
    const struct consumer_settings *settings = plan->settings;
    struct conf_writer w = {rd_kafka_conf_new(), err, false};
    conf_set_int(&w, "topic.metadata.refresh.interval.ms", METADATA_REFRESH_MS);
    set_fetch_ahead(&w);
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
