/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mqtt_packet.h"
#include "mqtt_write.h"

#define MUTATIONS 300000
#define BYTES(s)  s, sizeof(s) - 1

/* Reads a packet from memory that ends where the packet ends, so that a sanitizer sees any step
 * beyond. */
static const char *read_exactly(struct mqtt_packet *p, const void *bytes, size_t len, void **copy) {
    size_t head = 0;
    size_t body = 0;
    *copy = malloc(len ? len : 1);
    memcpy(*copy, bytes, len);
    int complete = mqtt_head_read(*copy, len, &head, &body);
    if (complete < 0) {
        return "malformed length";
    }
    if (complete == 0 || head + body != len) {
        return "incomplete";
    }
    return mqtt_packet_read(p, *(uint8_t *)*copy, (uint8_t *)*copy + head, body);
}

static const struct {
    const char *bytes;
    size_t len;
    const char *wrong; /* NULL: nothing */
} cases[] = {
    /* CONNACK */
    {BYTES("\x20\x03\x00\x00\x00"), NULL},
    {BYTES("\x20\x03\x01\x00\x00"), NULL},
    {BYTES("\x20\x02\x00\x01"), NULL}, /* of a broker that knows MQTT 3 only */
    {BYTES("\x20\x06\x00\x00\x03\x21\x00\x14"), NULL},
    {BYTES("\x20\x06\x00\x00\x03\x21\x00\x00"), "a property has a value that is not allowed"},
    {BYTES("\x20\x05\x00\x00\x02\x24\x02"), "a property has a wrong value"},
    {BYTES("\x20\x09\x00\x00\x06\x21\x00\x14\x21\x00\x14"), "a property is there twice"},
    {BYTES("\x20\x03\x02\x00\x00"), "flags of a CONNACK"},
    {BYTES("\x20\x03\x01\x87\x00"), "flags of a CONNACK"},
    {BYTES("\x21\x03\x00\x00\x00"), "wrong flags of a packet"},
    {BYTES("\x20\x02\x00\x00"), "a packet ends too early"},
    {BYTES("\x20\x04\x00\x00\x00\x00"), "a packet is too long"},
    /* PUBLISH */
    {BYTES("\x30\x05\x00\x01t\x00x"), NULL},
    {BYTES("\x30\x04\x00\x01t\x00"), NULL},
    {BYTES("\x3b\x07\x00\x01t\x00\x07\x00x"), NULL},
    {BYTES("\x34\x0d\x00\x01t\x01\x02\x07\x26\x00\x01n\x00\x01v"), NULL},
    {BYTES("\x30\x09\x00\x01t\x05\x0b\x01\x0b\x80\x01"), NULL}, /* two subscriptions */
    {BYTES("\x36\x07\x00\x01t\x00\x07\x00x"), "a message with QoS 3"},
    {BYTES("\x32\x07\x00\x01t\x00\x00\x00x"), "packet identifier 0"},
    {BYTES("\x30\x04\x00\x00\x00x"), "a message with an illegal topic"},
    {BYTES("\x30\x04\x00\x01#\x00"), "a message with an illegal topic"},
    {BYTES("\x30\x06\x00\x03"
           "a/+\x00"),
     "a message with an illegal topic"},
    {BYTES("\x30\x04\x00\x01\x00\x00"), "a text is not valid UTF-8"},
    {BYTES("\x30\x04\x00\x01\xff\x00"), "a text is not valid UTF-8"},
    {BYTES("\x30\x06\x00\x03\xed\xa0\x80\x00"), "a text is not valid UTF-8"},
    {BYTES("\x30\x05\x00\x02\xc0\x80\x00"), "a text is not valid UTF-8"},
    {BYTES("\x30\x07\x00\x04\xf4\x90\x80\x80\x00"), "a text is not valid UTF-8"},
    {BYTES("\x30\x03\x00\x05t"), "a packet ends too early"},
    {BYTES("\x30\x04\x00\x01t\x05"), "a packet ends too early"},
    {BYTES("\x30\x07\x00\x01t\x03\x23\x00\x01"), "a property has a value that is not allowed"},
    {BYTES("\x30\x06\x00\x01t\x02\x01\x02"), "a property has a wrong value"},
    {BYTES("\x30\x06\x00\x01t\x02\x24\x01"), "a property that does not belong there"},
    {BYTES("\x30\x06\x00\x01t\x02\x7f\x01"), "a property that does not belong there"},
    {BYTES("\x30\x06\x00\x01t\x02\xff\x01"), "a property that does not belong there"},
    {BYTES("\x30\x06\x00\x01t\x02\x0b\x00"), "a property has a value that is not allowed"},
    {BYTES("\x30\x08\x00\x01t\xff\xff\xff\xff\x01"), "a length of more than four bytes"},
    /* The others */
    {BYTES("\x40\x02\x00\x01"), NULL},
    {BYTES("\x40\x03\x00\x01\x10"), NULL},
    {BYTES("\x50\x04\x00\x01\x97\x00"), NULL},
    {BYTES("\x62\x02\x00\x01"), NULL},
    {BYTES("\x60\x02\x00\x01"), "wrong flags of a packet"},
    {BYTES("\x70\x02\x00\x00"), "packet identifier 0"},
    {BYTES("\x70\x02\x00\x07"), NULL},
    {BYTES("\x90\x05\x00\x01\x00\x01\x80"), NULL},
    {BYTES("\x90\x02\x00\x01"), "a packet ends too early"},
    {BYTES("\xd0\x00"), NULL},
    {BYTES("\xd0\x01\x00"), "a packet is too long"},
    {BYTES("\xe0\x00"), NULL},
    {BYTES("\xe0\x08\x8e\x06\x1f\x00\x03why"), NULL},
    {BYTES("\x10\x00"), "a packet that was not asked for"},
    {BYTES("\x80\x00"), "a packet that was not asked for"},
    {BYTES("\xf0\x00"), "a packet that was not asked for"},
    {BYTES("\x00\x00"), "a packet that was not asked for"},
    {BYTES("\x30\xff\xff\xff\xff\x01"), "malformed length"},
};

static void test_packets(void **state) {
    struct mqtt_packet p = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *copy = NULL;
        const char *wrong = read_exactly(&p, cases[i].bytes, cases[i].len, &copy);
        free(copy);
        if (!wrong != !cases[i].wrong || (wrong && strcmp(wrong, cases[i].wrong) != 0)) {
            print_error("case %zu: %s\n", i, wrong ? wrong : "no complaint");
            fail();
        }
    }
    mqtt_packet_fini(&p);
}

static void test_fields(void **state) {
    struct mqtt_packet p = {0};
    void *copy = NULL;
    (void)state;
    assert_null(read_exactly(&p, BYTES("\x20\x06\x01\x00\x03\x21\x00\x14"), &copy));
    assert_true(p.session_present);
    assert_int_equal(mqtt_packet_number(&p, MQTT_RECEIVE_MAXIMUM, 65535), 20);
    assert_int_equal(mqtt_packet_number(&p, MQTT_MAXIMUM_QOS, 2), 2);
    free(copy);
    assert_null(read_exactly(&p, BYTES("\x40\x03\x01\x02\x97"), &copy));
    assert_int_equal(p.type, MQTT_PUBACK);
    assert_int_equal(p.id, 0x102);
    assert_string_equal(mqtt_reason_text(p.reason), "quota exceeded");
    assert_false(p.session_present);
    free(copy);
    assert_null(read_exactly(&p, BYTES("\x90\x05\x00\x09\x00\x01\x87"), &copy));
    assert_int_equal(p.reasons.len, 2);
    assert_int_equal((uint8_t)p.reasons.data[1], 0x87);
    free(copy);
    mqtt_packet_fini(&p);
}

static const mqk_property props[] = {
    {{"Payload-Format-Indicator", 24}, {NULL, 0}, 1},
    {{"Message-Expiry-Interval", 23}, {NULL, 0}, 4000000000},
    {{"Content-Type", 12}, {"text/plain", 10}, 0},
    {{"Response-Topic", 14}, {"answer/to", 9}, 0},
    {{"Correlation-Data", 16}, {"\0\xff", 2}, 0},
};
static const mqk_pair pairs[] = {
    {{"n", 1}, {"\xc3\xa4", 2}}, {{"n", 1}, {"", 0}}, {{"", 0}, {"v", 1}}};
static const struct mqtt_message message = {.topic = {"a/b", 3},
                                            .payload = {"pay\0load", 8},
                                            .qos = 2,
                                            .retain = true,
                                            .props = props,
                                            .prop_count = sizeof(props) / sizeof(props[0]),
                                            .pairs = pairs,
                                            .pair_count = sizeof(pairs) / sizeof(pairs[0])};

static bool same(mqk_str a, mqk_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void check_message(const struct mqtt_packet *p) {
    assert_int_equal(p->type, MQTT_PUBLISH);
    assert_int_equal(p->id, 777);
    assert_int_equal(p->qos, 2);
    assert_true(p->retain);
    assert_true(same(p->topic, message.topic));
    assert_true(same(p->payload, message.payload));
    assert_int_equal(p->prop_count, message.prop_count);
    for (size_t i = 0; i < p->prop_count; i++) {
        assert_true(same(p->props[i].name, props[i].name));
        assert_true(same(p->props[i].text, props[i].text));
        assert_true(p->props[i].number == props[i].number);
    }
    assert_int_equal(p->pair_count, message.pair_count);
    for (size_t i = 0; i < p->pair_count; i++) {
        assert_true(same(p->pairs[i].name, pairs[i].name));
        assert_true(same(p->pairs[i].value, pairs[i].value));
    }
}

static void test_written_and_read(void **state) {
    struct mqtt_bytes out = {0};
    struct mqtt_packet p = {0};
    void *copy = NULL;
    (void)state;
    assert_true(mqtt_message_is_legal(&message));
    assert_true(mqtt_write_publish(&out, 777, &message));
    assert_int_equal(mqtt_bytes_len(&out), mqtt_publish_len(&message));
    assert_null(read_exactly(&p, mqtt_bytes_first(&out), mqtt_bytes_len(&out), &copy));
    check_message(&p);
    free(copy);
    mqtt_packet_fini(&p);
    mqtt_bytes_fini(&out);
}

/* Lengths around which the remaining length takes a byte more. */
static void test_lengths(void **state) {
    static const size_t lengths[] = {0, 1, 120, 127, 128, 16370, 16384, 2097140, 2097160};
    static char payload[2097160];
    struct mqtt_packet p = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t less = 0; less < 8 && less <= lengths[i]; less++) {
            struct mqtt_bytes out = {0};
            void *copy = NULL;
            const struct mqtt_message m = {.topic = {"t", 1},
                                           .payload = {payload, lengths[i] - less}};
            assert_true(mqtt_write_publish(&out, 0, &m));
            assert_int_equal(mqtt_bytes_len(&out), mqtt_publish_len(&m));
            assert_null(read_exactly(&p, mqtt_bytes_first(&out), mqtt_bytes_len(&out), &copy));
            assert_int_equal(p.payload.len, lengths[i] - less);
            free(copy);
            mqtt_bytes_fini(&out);
        }
    }
    mqtt_packet_fini(&p);
}

static void test_illegal_messages(void **state) {
    static const char too_long[65536] = {'x'};
    const mqk_property wrong_props[] = {
        {{"Payload-Format-Indicator", 24}, {NULL, 0}, 2},
        {{"Message-Expiry-Interval", 23}, {NULL, 0}, -1},
        {{"Message-Expiry-Interval", 23}, {NULL, 0}, INT64_C(1) << 32},
        {{"Content-Type", 12}, {"\xff", 1}, 0},
        {{"Response-Topic", 14}, {"a/#", 3}, 0},
        {{"Response-Topic", 14}, {"", 0}, 0},
        {{"Correlation-Data", 16}, {too_long, 65536}, 0},
    };
    const mqk_str wrong_topics[] = {
        {"", 0},         {"a/+", 3},        {"\x01", 1}, {"a\0b", 3},         {"\xff", 1},
        {"\xc2\x85", 2}, {too_long, 65536}, {"\x7f", 1}, {"\xef\xbf\xbe", 3}, {"\xef\xb7\x90", 3}};
    const mqk_pair wrong_pair = {{"n", 1}, {"\n", 1}};
    const mqk_property other = {{"Receive-Maximum", 15}, {"", 0}, -5};
    const struct mqtt_message good = {.topic = {"t", 1}, .props = &other, .prop_count = 1};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_props) / sizeof(wrong_props[0]); i++) {
        struct mqtt_message m = {.topic = {"t", 1}, .props = &wrong_props[i], .prop_count = 1};
        assert_false(mqtt_message_is_legal(&m));
    }
    for (size_t i = 0; i < sizeof(wrong_topics) / sizeof(wrong_topics[0]); i++) {
        struct mqtt_message m = {.topic = wrong_topics[i]};
        assert_false(mqtt_message_is_legal(&m));
    }
    struct mqtt_message m = {.topic = {"t", 1}, .pairs = &wrong_pair, .pair_count = 1};
    assert_false(mqtt_message_is_legal(&m));
    assert_true(mqtt_message_is_legal(&good));
    assert_int_equal(mqtt_publish_len(&good), 6);
}

/* A packet cut anywhere, with its length set right, is either refused or a shorter one. */
static void test_truncations(void **state) {
    struct mqtt_bytes out = {0};
    struct mqtt_packet p = {0};
    (void)state;
    assert_true(mqtt_write_publish(&out, 777, &message));
    const uint8_t *packet = mqtt_bytes_first(&out);
    size_t len = mqtt_bytes_len(&out);
    assert_int_equal(packet[1], len - 2);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *shorter = malloc(cut ? cut : 1);
        size_t head = 0;
        size_t body = 0;
        memcpy(shorter, packet, cut);
        int complete = mqtt_head_read(shorter, cut, &head, &body);
        assert_int_equal(complete, cut < 2 ? 0 : 1);
        if (cut >= 2) {
            const char *wrong = mqtt_packet_read(&p, shorter[0], shorter + 2, cut - 2);
            assert_int_equal(wrong == NULL, cut >= len - message.payload.len);
        }
        free(shorter);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t cut = 2; cut < cases[i].len; cut++) {
            uint8_t *shorter = malloc(cut);
            memcpy(shorter, cases[i].bytes, cut);
            mqtt_packet_read(&p, shorter[0], shorter + 2, cut - 2);
            free(shorter);
        }
    }
    mqtt_packet_fini(&p);
    mqtt_bytes_fini(&out);
}

static void check_inside(mqk_str text, const uint8_t *body, size_t len) {
    if (text.len > 0) {
        assert_true((const uint8_t *)text.data >= body);
        assert_true((const uint8_t *)text.data + text.len <= body + len);
    }
}

/* Whatever is read without complaint lies in the packet and is legal. */
static void check_packet(const struct mqtt_packet *p, const uint8_t *body, size_t len) {
    check_inside(p->topic, body, len);
    check_inside(p->payload, body, len);
    check_inside(p->reasons, body, len);
    if (p->type == MQTT_PUBLISH) {
        assert_true(p->topic.len > 0 && mqtt_text_is_legal(p->topic, false));
        assert_int_equal(p->id != 0, p->qos > 0);
    }
    for (size_t i = 0; i < p->prop_count; i++) {
        check_inside(p->props[i].text, body, len);
    }
    for (size_t i = 0; i < p->pair_count; i++) {
        check_inside(p->pairs[i].name, body, len);
        check_inside(p->pairs[i].value, body, len);
    }
}

static uint32_t random_next(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void test_mutations(void **state) {
    struct mqtt_bytes out = {0};
    struct mqtt_packet p = {0};
    uint32_t seed = 20240511;
    size_t good = 0;
    (void)state;
    assert_true(mqtt_write_publish(&out, 777, &message));
    for (size_t i = 0; i < MUTATIONS; i++) {
        size_t which = random_next(&seed) % (sizeof(cases) / sizeof(cases[0]) + 20);
        bool is_case = which < sizeof(cases) / sizeof(cases[0]);
        const void *bytes = is_case ? cases[which].bytes : (void *)mqtt_bytes_first(&out);
        size_t len = is_case ? cases[which].len : mqtt_bytes_len(&out);
        uint8_t *mutant = malloc(len);
        memcpy(mutant, bytes, len);
        for (uint32_t n = random_next(&seed) % 4; n > 0; n--) {
            mutant[random_next(&seed) % len] = (uint8_t)(random_next(&seed) >> 7);
        }
        if (!mqtt_packet_read(&p, mutant[0], mutant + 2, len - 2)) {
            check_packet(&p, mutant + 2, len - 2);
            good++;
        }
        free(mutant);
    }
    assert_true(good > MUTATIONS / 20 && good < MUTATIONS - MUTATIONS / 20);
    mqtt_packet_fini(&p);
    mqtt_bytes_fini(&out);
}

/* More properties than are kept are checked all the same. */
static void test_very_many_properties(void **state) {
    size_t count = MQTT_MOST_PROPS + 100;
    size_t len = 3 + 3 + count * 5;
    uint8_t *body = malloc(len);
    struct mqtt_packet p = {0};
    (void)state;
    memcpy(body, "\x00\x01t", 3);
    body[3] = (uint8_t)(0x80 | (count * 5 & 0x7f));
    body[4] = (uint8_t)(0x80 | (count * 5 >> 7 & 0x7f));
    body[5] = (uint8_t)(count * 5 >> 14);
    for (size_t i = 0; i < count; i++) {
        memcpy(body + 6 + i * 5, "\x26\x00\x00\x00\x00", 5);
    }
    assert_null(mqtt_packet_read(&p, 0x30, body, len));
    assert_int_equal(p.pair_count, MQTT_MOST_PROPS);
    body[len - 5] = 0x7f;
    assert_string_equal(mqtt_packet_read(&p, 0x30, body, len),
                        "a property that does not belong there");
    mqtt_packet_fini(&p);
    free(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets),          cmocka_unit_test(test_fields),
        cmocka_unit_test(test_written_and_read), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_illegal_messages), cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_mutations),        cmocka_unit_test(test_very_many_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
