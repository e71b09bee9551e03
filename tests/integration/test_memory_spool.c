/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while records are on their way through the disk: what was accepted is there
 * afterwards, in this process or in the next one. */
#include "kit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "failing_memory.h"

#define WAYS 2

static struct kit_kafka kafka;
static struct kit_host *host;
static char dir[64];

static int set_up(void **state) {
    (void)state;
    kit_kafka_start(&kafka, 1);
    kit_kafka_topic(&kafka, "dead", 1);
    host = malloc(sizeof(*host));
    return host ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *at) {
    (void)stat;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_dir(void) {
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int tear_down(void **state) {
    (void)state;
    free(host);
    kit_kafka_stop(&kafka);
    return 0;
}

/* A new folder, and a topic of the same name. */
static int make_dir(void **state) {
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/mqk-memory-XXXXXX");
    if (!mkdtemp(dir)) {
        return -1;
    }
    kit_kafka_topic(&kafka, dir + 5, 1);
    return 0;
}

static int clear_dir(void **state) {
    (void)state;
    remove_dir();
    return 0;
}

static mqk_config *config_with(const char *servers, const char *mode, const char *more) {
    return kit_config("kafka:\n"
                      "  client: { servers: ['%s'] }\n"
                      "  producer: { linger: 0ms, dead_letter: dead,\n"
                      "    buffer: { mode: %s, dir: '%s', memory: 64KB, when_full: refuse %s } }\n"
                      "  hook:\n"
                      "    - { name: one, hook: message.publish, topic: '%s', key: k,\n"
                      "        value: '${payload}', headers: [ { name: h, value: '${topic}' } ] }\n"
                      "    - { name: dies, hook: message.acked, topic: '${topic}', value: x }\n",
                      servers, mode, dir, more, dir + 5);
}

static mqk_bridge *open_with(const char *servers, const char *mode, const char *more) {
    mqk_config *config = config_with(servers, mode, more);
    mqk_bridge *bridge = NULL;
    mqk_error err;
    kit_host_init(host);
    if (mqk_bridge_open(config, &host->host, &bridge, &err) != MQK_OK) {
        fail_msg("%s", err.message);
    }
    mqk_config_free(config);
    return bridge;
}

/* Gives events while memory runs out at the n-th allocation, for n from 0 until it is not reached;
 * returns how many were accepted. Tokens must be told for those, and only for those. */
static uint64_t give_events(mqk_bridge *bridge, bool *tokens, uint64_t *token) {
    uint64_t accepted = 0;
    for (int way = 0; way < WAYS; way++) {
        for (long n = 0; n < 40; n++) {
            memory_fails(n, way == 1);
            for (int i = 0; i < 4; i++) {
                mqk_event event = kit_publish("c", "t", "0123456789");
                event.token = i % 2 == 1 ? ++*token : 0;
                int result = mqk_on_event(bridge, &event);
                accepted += result > 0;
                if (event.token != 0) {
                    tokens[event.token] = result > 0;
                }
                if (result != 1 && result != MQK_ERR_NO_MEMORY && result != MQK_ERR_FULL) {
                    memory_is_back();
                    fail_msg("allocation %ld failing: %s", n, mqk_status_name(result));
                }
            }
            memory_is_back();
        }
    }
    return accepted;
}

static void assert_told(mqk_bridge *bridge, const bool *tokens, uint64_t token) {
    for (int i = 0; i < 3000; i++) {
        bool all = true;
        mqk_bridge_poll(bridge, 10);
        for (uint64_t t = 1; t <= token; t++) {
            all = all && host->told[t] >= tokens[t];
        }
        if (all) {
            break;
        }
    }
    for (uint64_t t = 1; t <= token; t++) {
        assert_int_equal(host->told[t], tokens[t] ? 1 : 0);
    }
}

/* What is in Kafka, doublets among it or not. */
static void assert_arrived(uint64_t accepted) {
    assert_int_equal(kit_consume(kafka.servers, dir + 5, accepted, NULL, 0), accepted);
}

static void check_events(const char *mode, const char *more) {
    bool *tokens = calloc(KIT_TOKENS, sizeof(*tokens));
    uint64_t token = 0;
    size_t held = memory_held();
    size_t mark = memory_mark();
    mqk_bridge *bridge = open_with(kafka.servers, mode, more);
    uint64_t accepted = give_events(bridge, tokens, &token);
    assert_int_not_equal(accepted, 0);
    assert_told(bridge, tokens, token);
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.accepted, accepted);
    assert_int_equal(stats.delivered, accepted);
    assert_int_equal(mqk_bridge_close(bridge, 60000, NULL), MQK_OK);
    assert_arrived(accepted);
    if (memory_held() != held) {
        memory_tell(mark);
        fail_msg("%zu were held, %zu are", held, memory_held());
    }
    free(tokens);
}

static void test_disk(void **state) {
    (void)state;
    check_events("disk", "");
}

static void test_disk_synced(void **state) {
    (void)state;
    check_events("disk", ", sync: always");
}

static void test_hybrid(void **state) {
    (void)state;
    check_events("hybrid", "");
}

/* Kafka is away; the bridge is opened and closed while memory runs out, time and again; in the end
 * all is there. */
static void check_coming_and_going(const char *mode) {
    bool *tokens = calloc(KIT_TOKENS, sizeof(*tokens));
    uint64_t token = 0;
    mqk_bridge *bridge = open_with("127.0.0.1:1", mode, "");
    uint64_t accepted = give_events(bridge, tokens, &token);
    uint64_t lost = 0;
    memory_fails(0, true);
    mqk_status status = mqk_bridge_close(bridge, 0, &lost);
    memory_is_back();
    assert_int_equal(status, lost == 0 ? MQK_OK : MQK_ERR_TIMEOUT);
    /* What a spool had not taken yet cannot get there without memory, and that is told. */
    assert_true(lost == 0 || strcmp(mode, "disk") != 0);
    accepted -= lost;
    mqk_config *config = config_with("127.0.0.1:1", mode, "");
    for (int way = 0; way < WAYS; way++) {
        bool failed = true;
        for (long n = 0; failed; n++) {
            mqk_error err = {.code = MQK_OK};
            kit_host_init(host);
            size_t held = memory_held();
            size_t mark = memory_mark();
            memory_fails(n, way == 1);
            status = mqk_bridge_open(config, &host->host, &bridge, &err);
            failed = memory_is_back();
            if (status != MQK_OK) {
                assert_true(failed);
                if (status != MQK_ERR_NO_MEMORY) {
                    fail_msg("allocation %ld failing: %s", n, err.message);
                }
            } else {
                mqk_cluster_stats stats = {.size = sizeof(stats)};
                mqk_bridge_cluster_stats(bridge, 0, &stats);
                uint64_t queued = stats.spool_records;
                if (queued != accepted) {
                    mqk_bridge_poll(bridge, 0);
                    fail_msg("allocation %ld failing: %llu of %llu records are there\n%s", n,
                             (unsigned long long)queued, (unsigned long long)accepted, host->log);
                }
            }
            assert_int_equal(mqk_bridge_close(status == MQK_OK ? bridge : NULL, 0, NULL), MQK_OK);
            if (memory_held() != held) {
                memory_tell(mark);
                fail_msg("allocation %ld failing: %zu were held, %zu are", n, held, memory_held());
            }
        }
    }
    mqk_config_free(config);
    bridge = open_with(kafka.servers, mode, "");
    assert_int_equal(mqk_bridge_close(bridge, 60000, NULL), MQK_OK);
    assert_arrived(accepted);
    free(tokens);
}

static void test_coming_and_going_disk(void **state) {
    (void)state;
    check_coming_and_going("disk");
}

static void test_coming_and_going_hybrid(void **state) {
    (void)state;
    check_coming_and_going("hybrid");
}

/* Kafka comes back while there is no memory: what waits on the disk is read and sent as soon as
 * there is some. */
static void test_draining(void **state) {
    (void)state;
    bool *tokens = calloc(KIT_TOKENS, sizeof(*tokens));
    uint64_t token = 0;
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    mqk_bridge *bridge = open_with(kafka.servers, "disk", "");
    uint64_t accepted = give_events(bridge, tokens, &token);
    memory_fails(0, true);
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    struct timespec nap = {3, 0};
    nanosleep(&nap, NULL);
    for (long n = 0; n < 200; n++) {
        memory_fails(n, false);
        nap = (struct timespec){0, 5000000};
        nanosleep(&nap, NULL);
    }
    memory_is_back();
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.delivered, accepted);
    mqk_bridge_close(bridge, 60000, NULL);
    assert_arrived(accepted);
    free(tokens);
}

/* Records that cannot be sent go to the dead letter topic, or are counted when that is impossible.
 */
static void test_dead_letters(void **state) {
    (void)state;
    mqk_bridge *bridge = open_with(kafka.servers, "disk", "");
    uint64_t accepted = 0;
    for (long n = 0; n < 30; n++) {
        mqk_event event = kit_publish("c", "il/legal", "p");
        event.hook = MQK_HOOK_MESSAGE_ACKED;
        memory_fails(n, n % 2 == 1);
        int result = mqk_on_event(bridge, &event);
        memory_is_back();
        accepted += result > 0;
        assert_true(result == 1 || result == MQK_ERR_TOPIC || result == MQK_ERR_NO_MEMORY);
    }
    assert_int_equal(mqk_bridge_flush(bridge, 60000, NULL), MQK_OK);
    mqk_stats stats = kit_stats(bridge);
    assert_int_equal(stats.matched, 30);
    assert_int_equal(stats.dead_lettered, accepted);
    assert_int_equal(mqk_bridge_close(bridge, 60000, NULL), MQK_OK);
    assert_int_equal(kit_consume(kafka.servers, "dead", accepted, NULL, 0), accepted);
}

static void ignore_dir(void *user, const char *path) {
    snprintf(user, 200, "%s", path);
}

/* Reading a spool that nobody uses, and removing from it. */
static void test_reading(void **state) {
    (void)state;
    bool *tokens = calloc(KIT_TOKENS, sizeof(*tokens));
    uint64_t token = 0;
    mqk_bridge *bridge = open_with("127.0.0.1:1", "disk", "");
    uint64_t accepted = give_events(bridge, tokens, &token);
    mqk_bridge_close(bridge, 0, NULL);
    bool failed = true;
    for (long n = 0; failed; n++) {
        char path[200] = "";
        mqk_error err = {.code = MQK_OK};
        mqk_spool *spool = NULL;
        size_t held = memory_held();
        size_t mark = memory_mark();
        uint64_t count = 0;
        memory_fails(n, false);
        int found = mqk_spool_find(dir, ignore_dir, path, &err);
        mqk_status status = found == 1 ? mqk_spool_open(path, NULL, &spool, &err) : MQK_OK;
        mqk_spool_record record = {.size = sizeof(record)};
        int next = 0;
        while (spool && (next = mqk_spool_next(spool, &record, &err)) == 1) {
            count++;
        }
        failed = memory_is_back();
        assert_true(found == 1 || (failed && found == MQK_ERR_NO_MEMORY));
        assert_true(status == MQK_OK || (failed && status == MQK_ERR_NO_MEMORY));
        assert_true(failed || (next == 0 && count == accepted));
        mqk_spool_close(spool);
        if (memory_held() != held) {
            memory_tell(mark);
            fail_msg("allocation %ld failing: %zu were held, %zu are", n, held, memory_held());
        }
    }
    free(tokens);
}

#define IN_A_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, clear_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_DIR(test_disk),
        IN_A_DIR(test_disk_synced),
        IN_A_DIR(test_hybrid),
        IN_A_DIR(test_coming_and_going_disk),
        IN_A_DIR(test_coming_and_going_hybrid),
        IN_A_DIR(test_draining),
        IN_A_DIR(test_dead_letters),
        IN_A_DIR(test_reading),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
