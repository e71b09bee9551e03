/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdatomic.h>

#include "outlet.h"

/* Three producers; an outlet only compares their addresses. */
static const char a, b, c;

static struct outlet *open_outlet(_Atomic uint32_t *hold, bool first) {
    const struct producer_settings settings = {.sync_ms = 10};
    const struct record_owner owner = {0};
    mqk_error err;
    struct outlet *o = outlet_open("default", &settings, NULL, hold, first, &owner, &err);
    assert_non_null(o);
    assert_null(outlet_spool(o));
    return o;
}

/* First come, first served; who gives up its place is forgotten. */
static void test_turns(void **state) {
    (void)state;
    _Atomic uint32_t hold = 0;
    struct outlet *o = open_outlet(&hold, false);
    assert_false(outlet_turn(o, &a));
    assert_true(outlet_join(o, &a));
    assert_true(outlet_join(o, &b));
    assert_true(outlet_join(o, &c));
    assert_true(outlet_turn(o, &a));
    assert_true(outlet_turn(o, &a));
    assert_false(outlet_turn(o, &b));
    outlet_leave(o, &b);
    outlet_leave(o, &a);
    outlet_leave(o, &a);
    assert_false(outlet_turn(o, &a));
    assert_true(outlet_turn(o, &c));
    outlet_leave(o, &c);
    assert_true(outlet_join(o, &b));
    assert_true(outlet_turn(o, &b));
    outlet_close(o, false);
}

/* While older spools of the cluster are emptied, everybody else waits. */
static void test_hold(void **state) {
    (void)state;
    _Atomic uint32_t hold = 0;
    struct outlet *main = open_outlet(&hold, false);
    struct outlet *older = open_outlet(&hold, true);
    struct outlet *oldest = open_outlet(&hold, true);
    assert_true(outlet_join(main, &a) && outlet_join(older, &b) && outlet_join(oldest, &c));
    assert_false(outlet_turn(main, &a));
    assert_true(outlet_turn(older, &b));
    assert_true(outlet_turn(oldest, &c));
    outlet_leave(older, &b);
    assert_false(outlet_turn(main, &a));
    outlet_close(oldest, false); /* one that is closed holds nobody up any more */
    assert_true(outlet_turn(main, &a));
    outlet_close(older, false);
    assert_int_equal(atomic_load(&hold), 0);
    outlet_close(main, false);
    outlet_close(NULL, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_turns), cmocka_unit_test(test_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
