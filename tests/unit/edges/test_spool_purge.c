/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_read_testing.h"

static uint64_t count_records(mqk_str topic) {
    struct spool_read *r = open_read();
    struct spool_item item;
    uint64_t last = 0, count = 0;
    while (next(r, &item, &last)) {
        assert_is_record(&item, number_of(&item));
        count += !topic.data || str_equal(item.record.topic, topic);
    }
    spool_read_close(r);
    return count;
}

static void test_purge(void **state) {
    (void)state;
    struct spool *s = open_spool();
    for (uint64_t n = 1; n <= 30000; n++) {
        put(s, n, 1000);
    }
    spool_close(s);
    mqk_spool_filter filter = {.size = sizeof(filter), .topic = STR("alarms")};
    uint64_t removed = 0;
    mqk_error err;
    assert_int_equal(spool_purge(dir, &filter, &removed, &err), MQK_OK);
    assert_int_equal(removed, 10000);
    assert_int_equal(count_records(STR("alarms")), 0);
    assert_int_equal(count_records((mqk_str){NULL, 0}), 20000);

    filter = (mqk_spool_filter){.size = sizeof(filter), .rule = STR("odd")};
    assert_int_equal(spool_purge(dir, &filter, &removed, &err), MQK_OK);
    assert_int_equal(removed, 10000);
    filter = (mqk_spool_filter){.size = sizeof(filter), .before_ms = 1000};
    assert_int_equal(spool_purge(dir, &filter, &removed, &err), MQK_OK);
    assert_int_equal(removed, 0);

    s = open_spool();
    put(s, 50000, 10);
    spool_close(s);
    assert_int_equal(count_records((mqk_str){NULL, 0}), 10001);
    assert_int_equal(spool_purge(dir, NULL, &removed, &err), MQK_OK);
    assert_int_equal(removed, 10001);
    assert_int_equal(count_records((mqk_str){NULL, 0}), 0);
}

/* A process that works is named, and nothing is removed. */
static void test_purge_in_use(void **state) {
    (void)state;
    pid_t child;
    struct progress *progress = start_owner(&child);
    uint64_t removed = 1;
    mqk_error err;
    char expected[40];
    snprintf(expected, sizeof(expected), "in use by process %d", (int)child);
    assert_int_equal(spool_purge(dir, NULL, &removed, &err), MQK_ERR_SPOOL);
    assert_non_null(strstr(err.message, expected));
    assert_int_equal(removed, 0);
    end_owner(child, progress);
    assert_true(count_records((mqk_str){NULL, 0}) >= KEPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_purge, remove_spool),
        cmocka_unit_test_teardown(test_purge_in_use, remove_spool),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
