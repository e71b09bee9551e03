/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "mqtt_outbox.h"

struct box {
    struct mqtt_outbox outbox;
    struct mqtt_bytes out;
};

static int set_up(void **state) {
    static struct box box;
    box = (struct box){0};
    mqtt_outbox_init(&box.outbox);
    *state = &box;
    return 0;
}

static int tear_down(void **state) {
    struct box *box = *state;
    mqtt_outbox_fini(&box->outbox);
    mqtt_bytes_fini(&box->out);
    return 0;
}

static void add(struct box *box, const char *payload, uint8_t qos) {
    const struct mqtt_message m = {.topic = {"t", 1}, .payload = mqk_cstr(payload), .qos = qos};
    assert_true(mqtt_outbox_add(&box->outbox, &m));
}

static void check_sends(struct box *box, size_t quota, const char *bytes, size_t len) {
    assert_true(mqtt_outbox_send(&box->outbox, &box->out, quota));
    assert_int_equal(mqtt_bytes_len(&box->out), len);
    if (len > 0) {
        assert_memory_equal(mqtt_bytes_first(&box->out), bytes, len);
    }
    mqtt_bytes_clear(&box->out);
}
#define SENDS(quota, bytes) check_sends(box, quota, bytes, sizeof(bytes) - 1)

static enum mqtt_outcome answer(struct box *box, enum mqtt_type type, uint16_t id, uint8_t reason) {
    const struct mqtt_packet p = {.type = type, .id = id, .reason = reason};
    return mqtt_outbox_answer(&box->outbox, &p, &box->out);
}

static void test_quota_and_order(void **state) {
    struct box *box = *state;
    add(box, "a", 1);
    add(box, "b", 1);
    add(box, "c", 1);
    SENDS(2, "\x32\x07\0\1t\0\1\0a\x32\x07\0\1t\0\2\0b");
    SENDS(2, "");
    assert_int_equal(answer(box, MQTT_PUBACK, 3, 0), MQTT_NOTHING_YET);
    assert_int_equal(answer(box, MQTT_PUBACK, 2, 0), MQTT_ARRIVED);
    assert_int_equal(answer(box, MQTT_PUBACK, 2, 0), MQTT_NOTHING_YET);
    SENDS(2, "\x32\x07\0\1t\0\3\0c");
    assert_int_equal(answer(box, MQTT_PUBACK, 1, 0x97), MQTT_TURNED_DOWN);
    assert_int_equal(answer(box, MQTT_PUBACK, 3, 0x10), MQTT_ARRIVED);
    assert_int_equal(box->outbox.count, 0);
    assert_int_equal(box->outbox.bytes, 0);
    add(box, "d", 1);
    SENDS(1, "\x32\x07\0\1t\0\4\0d");
}

static void test_repeats_after_a_lost_connection(void **state) {
    struct box *box = *state;
    add(box, "a", 1);
    add(box, "b", 1);
    SENDS(1, "\x32\x07\0\1t\0\1\0a");
    mqtt_outbox_restart(&box->outbox, true);
    assert_int_equal(answer(box, MQTT_PUBACK, 1, 0), MQTT_NOTHING_YET);
    SENDS(9, "\x3a\x07\0\1t\0\1\0a\x32\x07\0\1t\0\2\0b");
    mqtt_outbox_restart(&box->outbox, false);
    SENDS(9, "\x32\x07\0\1t\0\1\0a\x32\x07\0\1t\0\2\0b");
    assert_int_equal(answer(box, MQTT_PUBACK, 1, 0), MQTT_ARRIVED);
    assert_int_equal(answer(box, MQTT_PUBACK, 2, 0), MQTT_ARRIVED);
    assert_int_equal(box->outbox.count, 0);
}

static void test_qos_2(void **state) {
    struct box *box = *state;
    add(box, "a", 2);
    SENDS(9, "\x34\x07\0\1t\0\1\0a");
    assert_int_equal(answer(box, MQTT_PUBACK, 1, 0), MQTT_NOTHING_YET);
    assert_int_equal(answer(box, MQTT_PUBCOMP, 1, 0), MQTT_NOTHING_YET);
    assert_int_equal(answer(box, MQTT_PUBREC, 1, 0), MQTT_NOTHING_YET);
    SENDS(9, "\x62\x02\0\1");
    mqtt_outbox_restart(&box->outbox, true);
    SENDS(9, "\x62\x02\0\1");
    mqtt_outbox_restart(&box->outbox, false);
    SENDS(9, "\x34\x07\0\1t\0\1\0a");
    assert_int_equal(answer(box, MQTT_PUBREC, 1, 0), MQTT_NOTHING_YET);
    mqtt_bytes_clear(&box->out);
    assert_int_equal(answer(box, MQTT_PUBCOMP, 1, 0x92), MQTT_ARRIVED);
    assert_int_equal(answer(box, MQTT_PUBREC, 1, 0), MQTT_NOTHING_YET);
    SENDS(9, "\x62\x03\0\1\x92");
    add(box, "b", 2);
    SENDS(9, "\x34\x07\0\1t\0\2\0b");
    assert_int_equal(answer(box, MQTT_PUBREC, 2, 0x97), MQTT_TURNED_DOWN);
    assert_int_equal(box->outbox.count, 0);
}

/* Identifiers are never 0, never one in use, and those of other packets stay free. */
static void test_identifiers(void **state) {
    struct box *box = *state;
    add(box, "stays", 1);
    for (size_t i = 0; i < 130000; i++) {
        add(box, "x", 1);
        assert_true(mqtt_outbox_send(&box->outbox, &box->out, 9));
        uint16_t id = box->outbox.last_id;
        assert_true(id > 1 && id < MQTT_FIRST_OTHER_ID);
        assert_int_equal(answer(box, MQTT_PUBACK, id, 0), MQTT_ARRIVED);
        mqtt_bytes_clear(&box->out);
    }
    assert_int_equal(box->outbox.count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_quota_and_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeats_after_a_lost_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_qos_2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_identifiers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
