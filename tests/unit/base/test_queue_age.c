/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "queue_age.h"

static void assert_between(int64_t value, int64_t least, int64_t most) {
    assert_true(value >= least);
    assert_true(value <= most);
}

static void empty_ones_have_no_age(void **state) {
    (void)state;
    struct queue_age q = {.count = 0};
    assert_int_equal(queue_age_ms(&q, 0, 0, 1000), 0);
    assert_int_equal(queue_age_ms(&q, 5, 0, 1000), 0); /* nothing is known yet */
    queue_age_mark(&q, 0, 0, 1000);
    queue_age_mark(&q, 10, 10, 2000);
    assert_int_equal(queue_age_ms(&q, 10, 10, 3000), 0);
    assert_int_equal(queue_age_ms(&q, 11, 10, 2500), 500);
}

static void waiting_makes_older(void **state) {
    (void)state;
    struct queue_age q = {.count = 0};
    queue_age_mark(&q, 0, 0, 1000);
    queue_age_mark(&q, 0, 0, 9000); /* idle: who comes next came after this */
    queue_age_mark(&q, 5, 0, 10000);
    queue_age_mark(&q, 5, 0, 11000);
    queue_age_mark(&q, 8, 0, 12000);
    assert_int_equal(queue_age_ms(&q, 8, 0, 13000), 4000);
    assert_int_equal(queue_age_ms(&q, 8, 4, 13000), 4000);
    assert_int_equal(queue_age_ms(&q, 8, 5, 13000), 2000);
    assert_int_equal(queue_age_ms(&q, 8, 7, 13000), 2000);
    assert_int_equal(queue_age_ms(&q, 8, 8, 13000), 0);
    assert_int_equal(queue_age_ms(&q, 8, 0, 0), 0); /* a clock that went back */
}

/* Against a queue that one can look into: one enters every 10 ms; for a while nobody leaves, then
 * two leave for each that enters. */
static void is_right_within_its_promise(void **state) {
    (void)state;
    enum { TICKS = 400000, STOP = 300000 };
    struct queue_age q = {.count = 0};
    uint64_t entered = 0;
    uint64_t left = 0;
    int64_t longest = 0;
    queue_age_mark(&q, 0, 0, 0);
    for (int64_t tick = 1; tick < TICKS; tick++) {
        int64_t now_ms = tick * 10;
        entered++;
        left += tick > STOP ? left + 5 <= entered ? 5 : entered - left : 0;
        if (tick % 100 == 0) {
            queue_age_mark(&q, entered, left, now_ms);
            assert_true(q.count <= QUEUE_AGE_MARKS);
        }
        int64_t exact = left < entered ? now_ms - (int64_t)(left + 1) * 10 : 0;
        int64_t told = queue_age_ms(&q, entered, left, now_ms);
        assert_true(told >= exact);
        longest = exact > longest ? exact : longest;
        assert_true(told <= exact + 1010 + longest / 8);
    }
    assert_int_equal(entered, left);
}

/* After a long wait, a queue that is never found empty is soon told right again. */
static void forgets_a_long_wait(void **state) {
    (void)state;
    struct queue_age q = {.count = 0};
    int64_t now_ms = 0;
    uint64_t entered = 0;
    queue_age_mark(&q, 0, 0, 0);
    for (int second = 0; second < 5000; second++) {
        queue_age_mark(&q, entered += 100, 0, now_ms += 1000);
    }
    assert_between(queue_age_ms(&q, entered, 0, now_ms), 4999000, 5000000);
    for (int second = 0; second < 3; second++) {
        entered += 100;
        queue_age_mark(&q, entered, entered - 1, now_ms += 1000);
    }
    assert_between(queue_age_ms(&q, entered, entered - 1, now_ms), 0, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_ones_have_no_age),
        cmocka_unit_test(waiting_makes_older),
        cmocka_unit_test(is_right_within_its_promise),
        cmocka_unit_test(forgets_a_long_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
