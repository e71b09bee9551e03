/* SPDX-License-Identifier: Apache-2.0 */
/* An event becomes a Kafka record: the smallest host. */
#include <mqkafka/mqkafka.h>
#include <stdio.h>

static const char rules[] =
    "kafka: {client: {servers: [embedded]}, hook: [{hook: message.publish, filter: factory/#,\n"
    "  topic: telemetry, key: '${clientid}', value: '{\"temp\":${payload.temp}}'}]}\n";

int main(void) {
    mqk_config *config = NULL;
    mqk_bridge *bridge = NULL;
    mqk_error error;
    if (mqk_config_load_memory(mqk_cstr(rules), "rules", &config, &error) != MQK_OK ||
        mqk_bridge_open(config, NULL, &bridge, &error) != MQK_OK) {
        fprintf(stderr, "%s\n", error.message);
        mqk_config_free(config);
        return 1;
    }
    mqk_config_free(config);

    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr("sensor-7");
    event.topic = mqk_cstr("factory/a/line/3/temp");
    event.payload = mqk_cstr("{\"temp\":31.50}");
    printf("%d record; read it with\n", mqk_on_event(bridge, &event));

    char servers[128];
    mqk_bridge_servers(bridge, mqk_cstr(NULL), servers, sizeof(servers));
    printf("  kcat -b %s -C -t telemetry -e\nthen press Enter\n", servers);
    fflush(stdout);
    getchar();
    return mqk_bridge_close(bridge, 5000, NULL) == MQK_OK ? 0 : 1;
}
