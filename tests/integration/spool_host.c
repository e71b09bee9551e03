/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_host CONFIG COUNT: a host whose Kafka is away. Makes COUNT events, says "ready", lets them
 * wait until its standard input ends, and closes.
 *
 * Event n: message.publish on "site/<n % 3>", client "c<n>" (none where n % 4 is 0), a payload with
 * the number, and with a byte that is not UTF-8 where n % 10 is 0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <mqkafka/mqkafka.h>

static bool make_event(mqk_bridge *bridge, unsigned n) {
    char topic[32], client[32], payload[64];
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    snprintf(topic, sizeof(topic), "site/%u", n % 3);
    snprintf(client, sizeof(client), "c%u", n);
    snprintf(payload, sizeof(payload), "number %u%s", n, n % 10 == 0 ? " \xff" : "");
    event.topic = mqk_cstr(topic);
    event.clientid = mqk_cstr(n % 4 ? client : NULL);
    event.payload = mqk_cstr(payload);
    event.timestamp = 1700000000000 + n;
    return mqk_on_event(bridge, &event) == 1;
}

int main(int argc, char **argv) {
    mqk_error err;
    mqk_config *config = NULL;
    mqk_bridge *bridge = NULL;
    if (argc != 3) {
        return 2;
    }
    if (mqk_config_load_file(argv[1], &config, &err) != MQK_OK ||
        mqk_bridge_open(config, NULL, &bridge, &err) != MQK_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    mqk_config_free(config);
    unsigned count = (unsigned)atoi(argv[2]);
    for (unsigned n = 0; n < count; n++) {
        if (!make_event(bridge, n)) {
            fprintf(stderr, "event %u was not accepted\n", n);
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    uint64_t lost = 0;
    mqk_bridge_close(bridge, 0, &lost);
    if (lost > 0) {
        fprintf(stderr, "%" PRIu64 " records lost\n", lost);
    }
    return lost > 0;
}
