/* SPDX-License-Identifier: Apache-2.0 */
/* A reload that replaces the producer, again and again under load: nothing is lost, nothing comes
 * twice, nothing out of order, in each buffer mode and from one to the other. */
#include "kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define EVENTS       30000
#define API_VERSIONS 18 /* Kafka protocol, API key */

static const char *const modes[] = {"memory", "disk", "hybrid"};

struct load {
    mqk_bridge *bridge;
    atomic_bool done;
};

static void send_numbered(mqk_bridge *bridge, int from, int to) {
    for (int i = from; i < to; i++) {
        char payload[16];
        snprintf(payload, sizeof(payload), "%d", i);
        mqk_event event = kit_publish("one-key", "t", payload);
        int result;
        while ((result = mqk_on_event(bridge, &event)) == MQK_ERR_FULL) {
        }
        assert_int_equal(result, 1);
    }
}

static void *send_all(void *user) {
    struct load *load = user;
    send_numbered(load->bridge, 0, EVENTS);
    atomic_store(&load->done, true);
    return NULL;
}

static const char rules[] =
    "kafka:\n"
    "  client: { servers: ['%s'] }\n"
    "  producer: { linger: %dms, buffer: { mode: %s, dir: '%s', memory: 1MB, disk: 64MB,\n"
    "                                      when_full: refuse } }\n"
    "  hook: [ { name: r, hook: message.publish, topic: t, key: k, value: '${payload}' } ]\n";

struct stage {
    struct kit_kafka kafka;
    char dir[KIT_FOLDER_SIZE];
    const char *mode;
};

static void set_stage(struct stage *s, const char *mode) {
    kit_folder_make(s->dir);
    s->mode = mode;
    kit_kafka_start(&s->kafka, 1);
    kit_kafka_topic(&s->kafka, "t", 1);
}

static void reload(const struct stage *s, mqk_bridge *bridge, int linger_ms) {
    mqk_error err;
    mqk_config *next = kit_config(rules, s->kafka.servers, linger_ms, s->mode, s->dir);
    assert_int_equal(mqk_bridge_reload(bridge, next, &err), MQK_OK);
    mqk_config_free(next);
}

static void end_stage(struct stage *s, mqk_bridge *bridge, size_t count) {
    uint64_t lost = 0;
    assert_int_equal(mqk_bridge_close(bridge, 60000, &lost), MQK_OK);
    kit_assert_in_order(s->kafka.servers, count);
    kit_kafka_stop(&s->kafka);
    kit_folder_remove(s->dir);
}

static void test_order(void **state) {
    (void)state;
    for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
        struct stage s;
        pthread_t thread;
        int reloads = 0;
        set_stage(&s, modes[m]);
        struct load load = {.bridge = kit_bridge(NULL, rules, s.kafka.servers, 1, modes[m], s.dir)};
        pthread_create(&thread, NULL, send_all, &load);
        while (!atomic_load(&load.done)) {
            reload(&s, load.bridge, 1 + ++reloads % 3);
            mqk_bridge_poll(load.bridge, 5);
        }
        pthread_join(thread, NULL);
        end_stage(&s, load.bridge, EVENTS);
        print_message("mode %s: %d reloads\n", modes[m], reloads);
    }
}

/* The first producer has no contact with Kafka yet, the one that takes over has it at once. */
static void test_slow_start(void **state) {
    (void)state;
    for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
        struct stage s;
        set_stage(&s, modes[m]);
        /* The first answer takes 2 s. */
        rd_kafka_mock_broker_push_request_error_rtts(s.kafka.cluster, 1, API_VERSIONS, 1,
                                                     RD_KAFKA_RESP_ERR_NO_ERROR, 2000);
        mqk_bridge *bridge = kit_bridge(NULL, rules, s.kafka.servers, 1, modes[m], s.dir);
        send_numbered(bridge, 0, 100);
        nanosleep(&(struct timespec){.tv_nsec = 300 * 1000000}, NULL); /* it has asked */
        reload(&s, bridge, 2);
        send_numbered(bridge, 100, 200);
        end_stage(&s, bridge, 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_slow_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
