/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "backlog.h"

/* First in, first out; count and bytes follow. */
static void test_order(void **state) {
    (void)state;
    struct backlog b;
    backlog_init(&b);
    assert_null(backlog_pop(&b));
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 5; i++) {
            struct record record = {.topic = STR("t"), .value = {"12345", (size_t)i}};
            struct backlog_entry *entry = backlog_entry_new(&record, i);
            assert_non_null(entry);
            assert_int_equal(entry->cost, RECORD_OVERHEAD + i);
            backlog_push(&b, entry);
        }
        assert_int_equal(b.count, 5);
        assert_int_equal(b.bytes, 5 * RECORD_OVERHEAD + 0 + 1 + 2 + 3 + 4);
        for (int64_t i = 0; i < 5; i++) {
            struct backlog_entry *entry = backlog_pop(&b);
            assert_int_equal(entry->accepted_ms, i);
            free(entry);
        }
        assert_int_equal(b.count, 0);
        assert_int_equal(b.bytes, 0);
    }
    backlog_fini(&b);
}

/* A waiting record owns its texts, and absent stays absent, empty stays empty. */
static void test_copy(void **state) {
    (void)state;
    char text[] = "kvnx";
    mqk_header headers[] = {{{text + 2, 1}, {text + 3, 1}}, {STR("null"), {NULL, 0}}};
    struct record record = {.topic = STR("topic"),
                            .key = {text, 1},
                            .value = {text + 1, 1},
                            .headers = headers,
                            .header_count = 2,
                            .timestamp_ms = 7,
                            .partition = 3};
    struct backlog_entry *entry = backlog_entry_new(&record, 0);
    memset(text, '!', sizeof(text));
    assert_true(str_equal(entry->record.topic, STR("topic")));
    assert_true(str_equal(entry->record.key, STR("k")));
    assert_true(str_equal(entry->record.value, STR("v")));
    assert_true(str_equal(entry->record.headers[0].name, STR("n")));
    assert_true(str_equal(entry->record.headers[0].value, STR("x")));
    assert_null(entry->record.headers[1].value.data);
    assert_int_equal(entry->record.partition, 3);
    assert_int_equal(entry->cost, RECORD_OVERHEAD + 1 + 1 + 2 + 4);
    assert_int_equal(record_cost(&entry->record), entry->cost);
    free(entry);

    struct record bare = {.topic = STR("t"), .key = {NULL, 0}, .value = STR("")};
    entry = backlog_entry_new(&bare, 0);
    assert_null(entry->record.key.data);
    assert_non_null(entry->record.value.data);
    assert_int_equal(entry->record.value.len, 0);
    free(entry);
}

/* What came back goes before what waits, in its own order. */
static void test_prepend(void **state) {
    (void)state;
    for (int64_t waiting = 0; waiting < 3; waiting++) {
        struct backlog b;
        struct backlog older;
        struct record record = {.topic = STR("t")};
        backlog_init(&b);
        backlog_init(&older);
        for (int64_t i = 0; i < waiting; i++) {
            backlog_push(&b, backlog_entry_new(&record, 10 + i));
        }
        backlog_prepend(&b, &older);
        assert_int_equal(b.count, waiting);
        backlog_push(&older, backlog_entry_new(&record, 1));
        backlog_push(&older, backlog_entry_new(&record, 2));
        backlog_prepend(&b, &older);
        assert_int_equal(older.count, 0);
        assert_null(older.head);
        backlog_push(&b, backlog_entry_new(&record, 99));
        assert_int_equal(b.count, waiting + 3);
        assert_int_equal(b.bytes, (waiting + 3) * RECORD_OVERHEAD);
        int64_t before = 0;
        struct backlog_entry *entry;
        while ((entry = backlog_pop(&b))) {
            assert_true(entry->accepted_ms > before);
            before = entry->accepted_ms;
            free(entry);
        }
        assert_int_equal(before, 99);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_copy),
                                       cmocka_unit_test(test_prepend)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
