/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base64.h"

static void assert_encoded(mqk_str bytes, enum payload_encoding encoding, const char *expected) {
    struct buffer b;
    buffer_init(&b, NULL, 0);
    buffer_append_char(&b, '>');
    payload_append(&b, bytes, encoding);
    assert_int_equal(b.failure, MQK_OK);
    assert_int_equal(b.len, 1 + strlen(expected));
    assert_memory_equal(b.data + 1, expected, b.len - 1);
    buffer_fini(&b);
}

static void writes_base64(void **state) {
    (void)state;
    static const struct {
        mqk_str bytes;
        const char *text;
    } cases[] = {
        /* RFC 4648, section 10. */
        {{"", 0}, ""},
        {{"f", 1}, "Zg=="},
        {{"fo", 2}, "Zm8="},
        {{"foo", 3}, "Zm9v"},
        {{"foob", 4}, "Zm9vYg=="},
        {{"fooba", 5}, "Zm9vYmE="},
        {{"foobar", 6}, "Zm9vYmFy"},
        {{NULL, 0}, ""},
        {{"\0", 1}, "AA=="},
        {{"\0\0\0", 3}, "AAAA"},
        {{"\xFF\xFF\xFF", 3}, "////"},
        {{"\xFB\xEF\xBE", 3}, "++++"},
        {{"\xFF", 1}, "/w=="},
        {{"\x80\x7F", 2}, "gH8="},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_encoded(cases[i].bytes, PAYLOAD_BASE64, cases[i].text);
    }
}

static int digit_value(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = memchr(digits, c, 64);
    return found ? (int)(found - digits) : 0;
}

static void base64_gives_every_byte_back(void **state) {
    (void)state;
    char bytes[259];
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)(i * 7 + len);
        }
        struct buffer b;
        buffer_init(&b, NULL, 0);
        base64_append(&b, (mqk_str){bytes, len});
        assert_int_equal(b.len, (len + 2) / 3 * 4);
        for (size_t i = 0; i < len; i++) {
            const char *group = b.data + i / 3 * 4;
            unsigned bits = (unsigned)digit_value(group[i % 3]) << 6;
            bits |= (unsigned)digit_value(group[i % 3 + 1]);
            assert_int_equal(bits >> (4 - 2 * (i % 3)) & 0xFF, (uint8_t)bytes[i]);
        }
        buffer_fini(&b);
    }
}

static void writes_hex(void **state) {
    (void)state;
    assert_encoded((mqk_str){NULL, 0}, PAYLOAD_HEX, "");
    assert_encoded((mqk_str){"", 0}, PAYLOAD_HEX, "");
    assert_encoded((mqk_str){"\x00\x01\x9A\xBC\xDE\xF0\xFF", 7}, PAYLOAD_HEX, "00019abcdef0ff");
}

static void writes_plain_payloads_as_they_are(void **state) {
    (void)state;
    assert_encoded((mqk_str){NULL, 0}, PAYLOAD_PLAIN, "");
    assert_encoded((mqk_str){"a\"b\xFF", 4}, PAYLOAD_PLAIN, "a\"b\xFF");
}

static void stays_within_the_limit(void **state) {
    (void)state;
    static const enum payload_encoding encodings[] = {PAYLOAD_PLAIN, PAYLOAD_BASE64, PAYLOAD_HEX};
    static const size_t lengths[] = {6, 8, 12};
    for (size_t i = 0; i < 3; i++) {
        struct buffer b;
        buffer_init(&b, NULL, 0);
        b.limit = lengths[i];
        payload_append(&b, STR("foobar"), encodings[i]);
        assert_int_equal(b.failure, MQK_OK);
        assert_int_equal(b.len, lengths[i]);
        buffer_fini(&b);

        b.limit = lengths[i] - 1;
        payload_append(&b, STR("foobar"), encodings[i]);
        assert_int_equal(b.failure, MQK_ERR_TOO_LARGE);
        assert_int_equal(b.len, 0);
        buffer_fini(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_base64),
        cmocka_unit_test(base64_gives_every_byte_back),
        cmocka_unit_test(writes_hex),
        cmocka_unit_test(writes_plain_payloads_as_they_are),
        cmocka_unit_test(stays_within_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
