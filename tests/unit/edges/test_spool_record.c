/* SPDX-License-Identifier: Apache-2.0 */
/* Records as they stand in a spool's files. */
#include "spool_kit.h"

#include "crc32c.h"
#include "spool_record.h"

/* Values of RFC 3720, B.4, and of the algorithm's catalogue. */
static void checksums(void **state) {
    (void)state;
    uint8_t bytes[32];
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8A9136AAu);
    memset(bytes, 0xFF, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62A8AB43u);
    for (uint8_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = i;
    }
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46DD794Eu);
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283u);
    assert_int_equal(crc32c(0, NULL, 0), 0);
    /* With and without the processor's help, in one piece and in two. */
    char text[200];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)(i * 37);
    }
    for (size_t size = 0; size < sizeof(text) - 8; size++) {
        for (size_t shift = 0; shift < 8; shift++) {
            uint32_t whole = crc32c(0, text + shift, size);
            assert_int_equal(crc32c_table(0, text + shift, size), whole);
            assert_int_equal(
                crc32c(crc32c(0, text + shift, size / 3), text + shift + size / 3, size - size / 3),
                whole);
        }
    }
}

/* The bytes are the same on every machine, and stay what they are. */
static void the_format(void **state) {
    (void)state;
    const mqk_header headers[] = {{STR("h"), STR("x")}, {STR("n"), {NULL, 0}}};
    const struct record record = {.topic = STR("t"),
                                  .key = {NULL, 0},
                                  .value = STR("val"),
                                  .headers = headers,
                                  .header_count = 2,
                                  .timestamp_ms = 0x0102030405060708,
                                  .partition = -1,
                                  .dead = true};
    static const uint8_t want[] = {
        73,   0,    0,    0,    0x1D, 0x2A, 0x18, 0x1B, 9,    0,    0,    0,   0,  0, 0, 0, 8,
        7,    6,    5,    4,    3,    2,    1,    0xFF, 0xFF, 0xFF, 0xFF, 1,   0,  0, 0, 1, 0,
        0,    0,    2,    0,    0,    0,    0xFF, 0xFF, 0xFF, 0xFF, 3,    0,   0,  0, 2, 0, 0,
        0,    0,    0,    0,    0,    1,    0,    0,    0,    1,    0,    0,   0,  1, 0, 0, 0,
        0xFF, 0xFF, 0xFF, 0xFF, 't',  'r',  'u',  'h',  'x',  'n',  'v',  'a', 'l'};
    uint8_t got[sizeof(want)];
    assert_int_equal(spool_record_size(&record, STR("ru")), sizeof(want));
    spool_record_write(got, sizeof(got), 7, &record, STR("ru"), 9);
    for (size_t i = 0; i < sizeof(want); i++) {
        if (got[i] != want[i] && (i < 4 || i >= 8)) {
            fail_msg("byte %zu is %u, not %u", i, got[i], want[i]);
        }
    }
    assert_int_equal(spool_get32(got + 4), spool_get32(want + 4));
    assert_int_equal(spool_record_check(got, sizeof(got), 7), sizeof(got));
    assert_int_equal(spool_record_check(got, sizeof(got) + 100, 7), sizeof(got));
    assert_int_equal(spool_record_check(got, sizeof(got), 8), 0);
    assert_int_equal(spool_record_accepted(got), 9);
    assert_true(str_equal(spool_record_rule(got, sizeof(got)), STR("ru")));
    for (size_t size = 0; size < sizeof(got); size++) {
        assert_int_equal(spool_record_check(got, size, 7), 0);
    }
    for (size_t i = 0; i < sizeof(got) * 8; i++) {
        got[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(spool_record_check(got, sizeof(got), 7), 0);
        got[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

/* Sizes that do not fit together, behind a right checksum: never read beyond the record. */
static void sizes_that_lie(void **state) {
    (void)state;
    const mqk_header headers[] = {{STR("name"), STR("value")}};
    const struct record record = {.topic = STR("topic"),
                                  .key = STR("key"),
                                  .value = STR("value"),
                                  .headers = headers,
                                  .header_count = 1};
    static const uint32_t lies[] = {0, 1, 4, 6, 100, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF};
    size_t size = spool_record_size(&record, STR("rule"));
    char *data = malloc(size);
    for (size_t at = 32; at < 64; at += 4) {
        for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
            struct record got;
            mqk_str rule;
            int64_t accepted_ms;
            mqk_header *room = calloc(size / 8, sizeof(*room));
            spool_record_write(data, size, 1, &record, STR("rule"), 1);
            bool same = spool_get32(data + at) == lies[i] || at == 52;
            spool_put32(data + at, lies[i]);
            mqk_str part = spool_record_rule(data, size);
            assert_true(!part.data || (part.data >= data && part.data + part.len <= data + size));
            bool read = spool_record_read(data, size, room, &got, &rule, &accepted_ms);
            assert_int_equal(read, same);
            free(room);
        }
    }
    free(data);
}

static void too_large(void **state) {
    (void)state;
    struct record record = {.topic = STR("t"), .value = {"x", SPOOL_RECORD_MAX}};
    assert_true(spool_record_size(&record, STR("")) >= SPOOL_RECORD_MAX);
    record.value.len = SIZE_MAX / 2;
    record.key = record.value;
    assert_true(spool_record_size(&record, STR("")) >= SPOOL_RECORD_MAX);
    const mqk_header header = {STR("n"), {"x", SPOOL_RECORD_MAX - 10}};
    const struct record other = {.topic = STR("t"), .headers = &header, .header_count = 1};
    assert_true(spool_record_size(&other, STR("12345678901")) >= SPOOL_RECORD_MAX);
    const struct record many = {.topic = STR("t"), .headers = &header, .header_count = SIZE_MAX};
    assert_true(spool_record_size(&many, STR("")) >= SPOOL_RECORD_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums),
        cmocka_unit_test(the_format),
        cmocka_unit_test(sizes_that_lie),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
