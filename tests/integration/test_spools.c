/* SPDX-License-Identifier: Apache-2.0 */
/* mqk_spool_*: arguments, sizes of structs, lifetimes. What they read is test_spool_read's matter.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <mqkafka/mqkafka.h>

static char root[] = "/tmp/mqk-spools-XXXXXX";
static char dir[64];

static mqk_bridge *open_bridge(void) {
    char yaml[512];
    mqk_error err;
    mqk_config *config = NULL;
    mqk_bridge *bridge = NULL;
    snprintf(
        yaml, sizeof(yaml),
        "kafka:\n"
        "  client: { servers: [\"127.0.0.1:1\"] }\n"
        "  producer: { buffer: { mode: disk, dir: \"%s\", disk: 16MB } }\n"
        "  hook:\n"
        "    - { name: r, hook: message.publish, topic: \"t.${qos}\", value: \"${payload}\" }\n",
        root);
    if (mqk_config_load_memory(mqk_cstr(yaml), NULL, &config, &err) != MQK_OK ||
        mqk_bridge_open(config, NULL, &bridge, &err) != MQK_OK) {
        fail_msg("%s", err.message);
    }
    mqk_config_free(config);
    return bridge;
}

static int make_spool(void **state) {
    (void)state;
    if (!mkdtemp(root)) {
        return -1;
    }
    snprintf(dir, sizeof(dir), "%s/default/main", root);
    mqk_bridge *bridge = open_bridge();
    for (int64_t qos = 0; qos < 9; qos++) {
        mqk_event event;
        mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
        event.payload = mqk_cstr("p");
        event.qos = qos % 3;
        if (mqk_on_event(bridge, &event) != 1) {
            return -1;
        }
    }
    return mqk_bridge_close(bridge, 0, NULL) == MQK_OK ? 0 : -1;
}

static int remove_all(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static mqk_spool *open_spool(const mqk_spool_filter *filter) {
    mqk_spool *spool = NULL;
    mqk_error err;
    if (mqk_spool_open(dir, filter, &spool, &err) != MQK_OK) {
        fail_msg("%s", err.message);
    }
    return spool;
}

static int count_records(const mqk_spool_filter *filter) {
    mqk_spool *spool = open_spool(filter);
    mqk_spool_record record = {.size = sizeof(record)};
    int count = 0;
    while (mqk_spool_next(spool, &record, NULL) == 1) {
        count += 1;
    }
    mqk_spool_close(spool);
    return count;
}

static void count_one(void *user, const char *path) {
    assert_string_equal(path, dir);
    *(int *)user += 1;
}

static void test_find(void **state) {
    (void)state;
    int found = 0;
    mqk_error err;
    assert_int_equal(mqk_spool_find(root, count_one, &found, &err), 1);
    assert_int_equal(found, 1);
    assert_int_equal(mqk_spool_find(NULL, count_one, &found, &err), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_find(root, NULL, &found, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_find("/nonexistent", count_one, &found, NULL), MQK_ERR_IO);
}

static void test_arguments(void **state) {
    (void)state;
    mqk_spool *spool = open_spool(NULL), *none = spool;
    const mqk_spool_filter unset = {.size = 0};
    mqk_spool_record record = {.size = 0};
    mqk_spool_info info = {.size = 0};
    mqk_error err;
    assert_int_equal(mqk_spool_open(NULL, NULL, &none, &err), MQK_ERR_ARGUMENT);
    assert_null(none);
    assert_int_equal(mqk_spool_open(dir, NULL, NULL, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_open(dir, &unset, &none, &err), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_open("/nonexistent", NULL, &none, &err), MQK_ERR_SPOOL);
    assert_int_equal(mqk_spool_open("/nonexistent", NULL, &none, NULL), MQK_ERR_SPOOL);
    assert_int_equal(mqk_spool_next(spool, &record, &err), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_next(spool, NULL, &err), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_next(NULL, &record, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_stats(spool, &info), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_stats(spool, NULL), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_stats(NULL, &info), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_purge(NULL, NULL, NULL, &err), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_spool_purge(dir, &unset, NULL, &err), MQK_ERR_ARGUMENT);
    mqk_spool_close(spool);
    mqk_spool_close(NULL);
}

/* A caller from the future: members that are not known are left alone. */
static void test_sizes(void **state) {
    (void)state;
    struct {
        mqk_spool_record record;
        char later[32];
    } record;
    struct {
        mqk_spool_info info;
        char later[32];
    } info;
    struct {
        mqk_spool_filter filter;
        char later[32];
    } filter = {.filter = {.size = sizeof(filter), .topic = mqk_cstr("t.1")}};
    memset(&record, 'x', sizeof(record));
    memset(&info, 'x', sizeof(info));
    record.record.size = sizeof(record);
    info.info.size = sizeof(info);
    mqk_spool *spool = open_spool(&filter.filter);
    assert_int_equal(mqk_spool_next(spool, &record.record, NULL), 1);
    assert_int_equal(record.record.size, sizeof(record));
    assert_int_equal(record.later[0], 'x');
    assert_int_equal(mqk_spool_stats(spool, &info.info), MQK_OK);
    assert_int_equal(info.info.size, sizeof(info));
    assert_int_equal(info.info.owner, 0);
    assert_int_equal(info.later[0], 'x');
    mqk_spool_close(spool);
}

/* The filter's texts need not outlive the call. */
static void test_filter_is_copied(void **state) {
    (void)state;
    char topic[] = "t.2", rule[] = "r";
    const mqk_spool_filter filter = {
        .size = sizeof(filter), .topic = mqk_cstr(topic), .rule = mqk_cstr(rule)};
    mqk_spool_record record = {.size = sizeof(record)};
    mqk_spool *spool = open_spool(&filter);
    memset(topic, '!', sizeof(topic));
    memset(rule, '!', sizeof(rule));
    int count = 0;
    while (mqk_spool_next(spool, &record, NULL) == 1) {
        assert_memory_equal(record.topic.data, "t.2", 3);
        assert_null(record.key.data);
        count += 1;
    }
    assert_int_equal(count, 3);
    mqk_spool_close(spool);
}

/* A bridge of this process is using it: told, and left in peace. */
static void test_own_bridge(void **state) {
    (void)state;
    mqk_bridge *bridge = open_bridge();
    mqk_spool *spool = NULL;
    mqk_error err;
    assert_int_equal(mqk_spool_open(dir, NULL, &spool, &err), MQK_ERR_SPOOL);
    assert_non_null(strstr(err.message, "in use by this process"));
    assert_int_equal(mqk_spool_purge(dir, NULL, NULL, &err), MQK_ERR_SPOOL);
    mqk_bridge_close(bridge, 0, NULL);
    assert_int_equal(count_records(NULL), 9);
}

static void test_purge(void **state) {
    (void)state;
    const mqk_spool_filter filter = {.size = sizeof(filter), .topic = mqk_cstr("t.0")};
    uint64_t removed = 0;
    assert_int_equal(mqk_spool_purge(dir, &filter, &removed, NULL), MQK_OK);
    assert_int_equal(removed, 3);
    assert_int_equal(count_records(NULL), 6);
    assert_int_equal(mqk_spool_purge(dir, NULL, NULL, NULL), MQK_OK);
    assert_int_equal(count_records(NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),       cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_filter_is_copied),
        cmocka_unit_test(test_own_bridge), cmocka_unit_test(test_purge),
    };
    return cmocka_run_group_tests(tests, make_spool, remove_all);
}
