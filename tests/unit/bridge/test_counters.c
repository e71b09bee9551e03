/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "counters.h"

/* Every counter is its own; what matched is what was accepted or turned away. */
static void test_each(void **state) {
    (void)state;
    struct counter_book book;
    counter_book_init(&book);
    struct counters *c = counter_book_get(&book, STR("rule"));
    for (int i = 0; i < COUNTER_COUNT; i++) {
        if (i != COUNTER_matched && i != COUNTER_accepted) {
            for (int n = 0; n <= i; n++) {
                count(c, (enum counter)i);
            }
            assert_int_equal(counter_value(c, (enum counter)i), i + 1);
            assert_int_equal(counter_book_sum(&book, (enum counter)i), i + 1);
        }
    }
    assert_int_equal(counter_value(c, COUNTER_matched), 0);
    count_accepted(c);
    count_accepted(c);
    count_turned_away(c, COUNTER_bad_topic);
    assert_int_equal(counter_value(c, COUNTER_accepted), 2);
    assert_int_equal(counter_value(c, COUNTER_matched), 3);
    assert_int_equal(counter_value(c, COUNTER_bad_topic), COUNTER_bad_topic + 2);
    counter_book_fini(&book);
}

/* A name always gives the same counters, among many; names are bytes. */
static void test_names(void **state) {
    (void)state;
    struct counter_book book;
    counter_book_init(&book);
    struct counters *first = counter_book_get(&book, STR("0"));
    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        struct counters *c = counter_book_get(&book, mqk_cstr(name));
        assert_true(str_equal(c->name, mqk_cstr(name)));
        assert_int_equal((uintptr_t)c % 64, 0);
        count_accepted(c);
    }
    assert_ptr_equal(counter_book_get(&book, STR("0")), first);
    assert_ptr_not_equal(counter_book_get(&book, STR("0\0")), first);
    assert_int_equal(counter_book_sum(&book, COUNTER_matched), 10000);
    assert_int_equal(book.size, 10001);
    counter_book_fini(&book);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
