/* SPDX-License-Identifier: Apache-2.0 */
/* A reload that replaces the producer, again and again under load: nothing is lost, nothing comes
 * twice, nothing out of order, in each buffer mode and from one to the other. */
#include "kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENTS 30000

static const char *const modes[] = {"memory", "disk", "hybrid"};

struct load {
    mqk_bridge *bridge;
    atomic_bool done;
};

static void *send_all(void *user) {
    struct load *load = user;
    for (int i = 0; i < EVENTS; i++) {
        char payload[16];
        snprintf(payload, sizeof(payload), "%d", i);
        mqk_event event = kit_publish("one-key", "t", payload);
        int result;
        while ((result = mqk_on_event(load->bridge, &event)) == MQK_ERR_FULL) {
        }
        assert_int_equal(result, 1);
    }
    atomic_store(&load->done, true);
    return NULL;
}

static const char rules[] =
    "kafka:\n"
    "  client: { servers: ['%s'] }\n"
    "  producer: { linger: %dms, buffer: { mode: %s, dir: '%s', memory: 1MB, disk: 64MB,\n"
    "                                      when_full: refuse } }\n"
    "  hook: [ { name: r, hook: message.publish, topic: t, key: k, value: '${payload}' } ]\n";

static void test_order(void **state) {
    (void)state;
    for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
        char dir[] = "/tmp/mqk-test-XXXXXX";
        char command[64];
        struct kit_kafka kafka;
        pthread_t thread;
        mqk_error err;
        int reloads = 0;
        assert_non_null(mkdtemp(dir));
        kit_kafka_start(&kafka, 1);
        kit_kafka_topic(&kafka, "t", 1);
        struct load load = {.bridge = kit_bridge(NULL, rules, kafka.servers, 1, modes[m], dir)};
        pthread_create(&thread, NULL, send_all, &load);
        while (!atomic_load(&load.done)) {
            mqk_config *next = kit_config(rules, kafka.servers, 1 + ++reloads % 3, modes[m], dir);
            assert_int_equal(mqk_bridge_reload(load.bridge, next, &err), MQK_OK);
            mqk_config_free(next);
            mqk_bridge_poll(load.bridge, 5);
        }
        pthread_join(thread, NULL);
        uint64_t lost = 0;
        assert_int_equal(mqk_bridge_close(load.bridge, 60000, &lost), MQK_OK);
        struct kit_record *records = calloc(EVENTS, sizeof(*records));
        assert_int_equal(kit_consume(kafka.servers, "t", EVENTS, records, EVENTS), EVENTS);
        for (int i = 0; i < EVENTS; i++) {
            assert_int_equal(atoi(records[i].value), i);
        }
        kit_records_free(records, EVENTS);
        free(records);
        kit_kafka_stop(&kafka);
        print_message("mode %s: %d reloads\n", modes[m], reloads);
        snprintf(command, sizeof(command), "rm -rf %s", dir);
        assert_int_equal(system(command), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
