/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "latency.h"

static void names_have_their_own(void **state) {
    (void)state;
    struct latency_book book = {NULL};
    struct latency *a = latency_book_get(&book, "a");
    struct latency *b = latency_book_get(&book, "b");
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(latency_book_get(&book, "a"), a);
    assert_ptr_equal(latency_book_get(&book, "b"), b);
    latency_book_fini(&book);
}

/* How many are told as recent, looked at again and again. */
static void recent_ones_are_of_a_minute_or_two(void **state) {
    (void)state;
    static const struct {
        int64_t at_s;
        unsigned added; /* just before the look */
        unsigned recent;
    } looks[] = {
        {1000, 1, 1},                /* the first look: all since the opening */
        {1010, 2, 3},                /* less than a window later */
        {1059, 0, 3},  {1060, 4, 7}, /* the window turns: what was before is still recent */
        {1119, 8, 15}, {1120, 0, 8}, /* it turns again: the first ones are old */
        {1180, 0, 0},  {1181, 1, 1}, {5000, 5, 6}, /* nobody looked for long */
        {5060, 0, 0},  {5061, 1, 1},
    };
    struct latency_book book = {NULL};
    struct latency *l = latency_book_get(&book, "a");
    uint64_t all_of_them = 0;
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        static struct histogram_counts all;
        static struct histogram_counts recent;
        for (unsigned n = 0; n < looks[i].added; n++) {
            histogram_add(&l->all, 10);
        }
        all_of_them += looks[i].added;
        latency_read(l, looks[i].at_s * 1000, &all, &recent);
        assert_int_equal(all.total, all_of_them);
        if (recent.total != looks[i].recent) {
            fail_msg("look %zu: %llu", i, (unsigned long long)recent.total);
        }
        assert_int_equal(recent.sum_us, recent.total * 10);
    }
    latency_book_fini(&book);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_their_own),
        cmocka_unit_test(recent_ones_are_of_a_minute_or_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
