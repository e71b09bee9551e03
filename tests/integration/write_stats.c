/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a bridge with awkward names under load and writes its statistics:
 *
 *   write_stats RULES EVENTS FOLDER     FOLDER/json, FOLDER/prometheus, FOLDER/openmetrics
 */
#include <mqkafka/mqkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* The host's name for itself is bytes of any kind. */
static const char node[] = "gw \"1\" \\ \xFF}\n";

static bool write_file(void *user, mqk_str piece) {
    return fwrite(piece.data, 1, piece.len, user) == piece.len;
}

static bool write_one(mqk_bridge *bridge, const char *folder, const char *name,
                      mqk_status (*writer)(mqk_bridge *, mqk_write_fn, void *)) {
    char path[1000];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file) {
        return false;
    }
    bool good = writer(bridge, write_file, file) == MQK_OK;
    return fclose(file) == 0 && good;
}

static bool write_all(mqk_bridge *bridge, const char *folder) {
    return write_one(bridge, folder, "json", mqk_bridge_stats_json) &&
           write_one(bridge, folder, "prometheus", mqk_bridge_stats_prometheus) &&
           write_one(bridge, folder, "openmetrics", mqk_bridge_stats_openmetrics);
}

/* Until it is known how every cluster is: what is written one after the other shall say the same.
 */
static void wait_for_states(mqk_bridge *bridge) {
    mqk_cluster_stats stats = {.size = sizeof(stats)};
    for (size_t i = 0; mqk_bridge_cluster_stats(bridge, i, &stats) == MQK_OK;) {
        if (stats.state == MQK_HEALTH_STARTING) {
            poll(NULL, 0, 10);
        } else {
            i++;
        }
    }
}

int main(int argc, char **argv) {
    mqk_error error;
    mqk_config *config = NULL;
    mqk_bridge *bridge = NULL;
    const mqk_host host = {.size = sizeof(host), .node = {node, sizeof(node) - 1}};
    if (argc != 4) {
        return 2;
    }
    if (mqk_config_load_file(argv[1], &config, &error) != MQK_OK ||
        mqk_bridge_open(config, &host, &bridge, &error) != MQK_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    mqk_config_free(config);
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.topic = mqk_cstr("factory/a");
    event.payload = mqk_cstr("\xFF");
    bool written = true;
    long count = atol(argv[2]);
    for (long i = 0; i < count; i++) {
        mqk_on_event(bridge, &event);
        if (i == count / 2) {
            written = write_all(bridge, argv[3]); /* while records are on their way */
        }
    }
    mqk_bridge_flush(bridge, 60000, NULL);
    wait_for_states(bridge);
    written = write_all(bridge, argv[3]) && written;
    mqk_bridge_close(bridge, 0, NULL);
    return written ? 0 : 1;
}
