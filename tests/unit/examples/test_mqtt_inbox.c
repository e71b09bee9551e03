/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "mqtt_inbox.h"

static void check_said(struct mqtt_bytes *out, const char *bytes, size_t len) {
    assert_int_equal(mqtt_bytes_len(out), len);
    if (len > 0) {
        assert_memory_equal(mqtt_bytes_first(out), bytes, len);
    }
    mqtt_bytes_clear(out);
}
#define SAID(bytes) check_said(&out, bytes, sizeof(bytes) - 1)

static void test_acknowledges_in_order_of_arrival(void **state) {
    struct mqtt_inbox inbox;
    struct mqtt_bytes out = {0};
    (void)state;
    assert_true(mqtt_inbox_init(&inbox, 3));
    assert_int_equal(inbox.next, 1);
    mqtt_inbox_add(&inbox, 10, 1);
    mqtt_inbox_add(&inbox, 11, 1);
    assert_false(mqtt_inbox_is_full(&inbox));
    mqtt_inbox_add(&inbox, 12, 1);
    assert_true(mqtt_inbox_is_full(&inbox));
    mqtt_inbox_safe(&inbox, 3);
    mqtt_inbox_safe(&inbox, 2);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 0);
    SAID("");
    mqtt_inbox_safe(&inbox, 1);
    mqtt_inbox_safe(&inbox, 1);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 3);
    SAID("\x40\x02\x00\x0a\x40\x02\x00\x0b\x40\x02\x00\x0c");
    mqtt_inbox_add(&inbox, 13, 1);
    mqtt_inbox_safe(&inbox, 0);
    mqtt_inbox_safe(&inbox, 1);
    mqtt_inbox_safe(&inbox, 5);
    mqtt_inbox_safe(&inbox, UINT64_MAX);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 0);
    mqtt_inbox_safe(&inbox, 4);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 1);
    SAID("\x40\x02\x00\x0d");
    mqtt_inbox_fini(&inbox);
    mqtt_bytes_fini(&out);
}

static void test_numbers_of_an_earlier_connection_say_nothing(void **state) {
    struct mqtt_inbox inbox;
    struct mqtt_bytes out = {0};
    (void)state;
    assert_true(mqtt_inbox_init(&inbox, 2));
    mqtt_inbox_add(&inbox, 10, 1);
    mqtt_inbox_restart(&inbox, true);
    mqtt_inbox_add(&inbox, 10, 1);
    mqtt_inbox_safe(&inbox, 1);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 0);
    mqtt_inbox_safe(&inbox, 2);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 1);
    SAID("\x40\x02\x00\x0a");
    mqtt_inbox_fini(&inbox);
    mqtt_bytes_fini(&out);
}

static void test_qos_2(void **state) {
    struct mqtt_inbox inbox;
    struct mqtt_bytes out = {0};
    (void)state;
    assert_true(mqtt_inbox_init(&inbox, 2));
    mqtt_inbox_add(&inbox, 65535, 2);
    assert_false(mqtt_inbox_has(&inbox, 65535));
    mqtt_inbox_safe(&inbox, 1);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 1);
    SAID("\x50\x02\xff\xff");
    assert_true(mqtt_inbox_has(&inbox, 65535));
    mqtt_inbox_restart(&inbox, true);
    assert_true(mqtt_inbox_has(&inbox, 65535));
    assert_true(mqtt_inbox_release(&inbox, 65535, &out));
    SAID("\x70\x02\xff\xff");
    assert_false(mqtt_inbox_has(&inbox, 65535));
    assert_true(mqtt_inbox_release(&inbox, 65535, &out));
    SAID("\x70\x03\xff\xff\x92");
    mqtt_inbox_add(&inbox, 5, 2);
    mqtt_inbox_safe(&inbox, 2);
    assert_int_equal(mqtt_inbox_acknowledge(&inbox, &out), 1);
    mqtt_inbox_restart(&inbox, false);
    assert_false(mqtt_inbox_has(&inbox, 5));
    mqtt_inbox_fini(&inbox);
    mqtt_bytes_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledges_in_order_of_arrival),
        cmocka_unit_test(test_numbers_of_an_earlier_connection_say_nothing),
        cmocka_unit_test(test_qos_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
