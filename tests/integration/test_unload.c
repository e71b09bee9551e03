/* SPDX-License-Identifier: Apache-2.0 */
/* The library loaded, used, closed and unloaded, again and again, as a broker does with a plugin.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <mqkafka/mqkafka.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* A function of the library by its name, in the type that the header gives it. */
#define FUNCTION(name)                                                                             \
    __typeof__(name) *p_##name;                                                                    \
    *(void **)&p_##name = dlsym(library, #name);                                                   \
    CHECK(p_##name)

static const char config_text[] = "kafka:\n"
                                  "  client: { servers: [embedded] }\n"
                                  "  hook: [ { hook: message.publish, topic: t, value: x } ]\n";

static int use(void *library) {
    FUNCTION(mqk_config_load_memory);
    FUNCTION(mqk_config_free);
    FUNCTION(mqk_bridge_open);
    FUNCTION(mqk_event_init);
    FUNCTION(mqk_on_event);
    FUNCTION(mqk_bridge_close);
    mqk_error err;
    mqk_config *config;
    mqk_bridge *bridge;
    mqk_event event;
    CHECK(p_mqk_config_load_memory(mqk_cstr(config_text), NULL, &config, &err) == MQK_OK);
    CHECK(p_mqk_bridge_open(config, NULL, &bridge, &err) == MQK_OK);
    p_mqk_config_free(config);
    p_mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.topic = mqk_cstr("a");
    CHECK(p_mqk_on_event(bridge, &event) == 1);
    CHECK(p_mqk_bridge_close(bridge, 30000, NULL) == MQK_OK);
    return 0;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    for (int i = 0; i < 5; i++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library);
        CHECK(use(library) == 0);
        CHECK(dlclose(library) == 0);
        CHECK(!dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD)); /* it is really gone */
    }
    return 0;
}
