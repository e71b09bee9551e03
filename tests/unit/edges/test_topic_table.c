/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "topic_table.h"

static struct topic_entry entries[100];
static char names[100][16];
static int made;

static const struct topic_entry *make(void *user, mqk_str name) {
    if (user) {
        return NULL; /* as if out of memory */
    }
    memcpy(names[made], name.data, name.len);
    entries[made].name = (mqk_str){names[made], name.len};
    return &entries[made++];
}

/* Each name is made once, up to the limit; those that are there are always found. */
static void test_limit(void **state) {
    (void)state;
    bool full = false;
    struct topic_table *table = topic_table_new(50);
    made = 0;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 60; i++) {
            char name[16];
            snprintf(name, sizeof(name), "topic-%d", i);
            const struct topic_entry *e = topic_table_add(table, mqk_cstr(name), make, NULL, &full);
            assert_int_equal(full, i >= 50);
            assert_ptr_equal(e, topic_table_find(table, mqk_cstr(name)));
            if (i < 50) {
                assert_true(str_equal(e->name, mqk_cstr(name)));
            } else {
                assert_null(e);
            }
        }
        assert_int_equal(made, 50);
    }
    topic_table_free(table);
}

/* A handle that could not be made is not remembered, nor counted. */
static void test_failure(void **state) {
    (void)state;
    bool full = true;
    struct topic_table *table = topic_table_new(1);
    made = 0;
    assert_null(topic_table_find(table, STR("a")));
    assert_null(topic_table_add(table, STR("a"), make, table, &full));
    assert_false(full);
    assert_non_null(topic_table_add(table, STR("a"), make, NULL, &full));
    assert_null(topic_table_add(table, STR("b"), make, NULL, &full));
    assert_true(full);
    topic_table_free(table);
    topic_table_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_failure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
