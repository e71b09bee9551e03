/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "units.h"

#define DURATION_EXPECTED "expected a duration such as 500ms, 10s, 5m, 1h or 2d"
#define DURATION_LONG     "this duration is too long"
#define DURATION_FRACTION "a duration must be a whole number of milliseconds"
#define SIZE_EXPECTED     "expected a size such as 512B, 896KB, 64MB or 2GB"
#define SIZE_LARGE        "this size is too large"
#define INTEGER_EXPECTED  "expected a whole number"
#define INTEGER_RANGE     "this number is out of range"

#define UNTOUCHED 4711

/* `wrong` is NULL and `value` the result, or the sentence and nothing written. */
struct expectation {
    const char *text;
    int64_t value;
    const char *wrong;
};

static void check(const struct expectation *e, const char *wrong, int64_t value) {
    if ((wrong != NULL) != (e->wrong != NULL) || (wrong && strcmp(wrong, e->wrong) != 0)) {
        fail_msg("\"%s\": %s instead of %s", e->text, wrong ? wrong : "accepted",
                 e->wrong ? e->wrong : "accepted");
    }
    int64_t expected = e->wrong ? UNTOUCHED : e->value;
    if (value != expected) {
        fail_msg("\"%s\": %lld instead of %lld", e->text, (long long)value, (long long)expected);
    }
}

static void reads_durations(void **state) {
    (void)state;
    static const struct expectation cases[] = {
        {"5ms", 5, NULL},
        {"3s", 3000, NULL},
        {"10m", 600000, NULL},
        {"1h", 3600000, NULL},
        {"2d", 172800000, NULL},
        {"0", 0, NULL},
        {"000", 0, NULL},
        {"0s", 0, NULL},
        {"007s", 7000, NULL},
        {"1.5s", 1500, NULL},
        {"0.001s", 1, NULL},
        {"1.50000000000000000000s", 1500, NULL},
        {"0.25h", 900000, NULL},
        {"1.0ms", 1, NULL},
        {"0.0009765625d", 84375, NULL},
        {"4611686018427387903ms", INT64_MAX / 2, NULL},
        {"53375995583d", INT64_C(53375995583) * 86400000, NULL},
        {"53375995584d", 0, DURATION_LONG},
        {"", 0, DURATION_EXPECTED},
        {"5", 0, DURATION_EXPECTED},
        {"1.5", 0, DURATION_EXPECTED},
        {"0.0", 0, DURATION_EXPECTED},
        {"s", 0, DURATION_EXPECTED},
        {"5 s", 0, DURATION_EXPECTED},
        {" 5s", 0, DURATION_EXPECTED},
        {"5s ", 0, DURATION_EXPECTED},
        {"5S", 0, DURATION_EXPECTED},
        {"5sec", 0, DURATION_EXPECTED},
        {"-5s", 0, DURATION_EXPECTED},
        {"+5s", 0, DURATION_EXPECTED},
        {".5s", 0, DURATION_EXPECTED},
        {"1.s", 0, DURATION_EXPECTED},
        {"1.2.3s", 0, DURATION_EXPECTED},
        {"1,5s", 0, DURATION_EXPECTED},
        {"1e3s", 0, DURATION_EXPECTED},
        {"0x10s", 0, DURATION_EXPECTED},
        {"infinity", 0, DURATION_EXPECTED},
        {"5us", 0, DURATION_EXPECTED},
        {"1.5ms", 0, DURATION_FRACTION},
        {"0.0001s", 0, DURATION_FRACTION},
        {"0.333h", 1198800, NULL},
        {"0.3333333h", 0, DURATION_FRACTION},
        {"0.00000000000000000001d", 0, DURATION_FRACTION},
        {"4611686018427387904ms", 0, DURATION_LONG},
        {"4611686018427387.904s", 0, DURATION_LONG},
        {"4611686018427387.903s", INT64_MAX / 2, NULL},
        {"9223372036854775807d", 0, DURATION_LONG},
        {"20000000000000000000ms", 0, DURATION_LONG},
        {"99999999999999999999999999s", 0, DURATION_LONG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = UNTOUCHED;
        const char *wrong = units_duration(mqk_cstr(cases[i].text), false, &value);
        check(&cases[i], wrong, value);
    }
}

static void reads_bare_milliseconds_where_they_were_usual(void **state) {
    (void)state;
    static const struct expectation cases[] = {
        {"3000", 3000, NULL},
        {"0", 0, NULL},
        {"7.0", 7, NULL},
        {"5s", 5000, NULL},
        {"1.5", 0, DURATION_FRACTION},
        {"", 0, DURATION_EXPECTED},
        {"5x", 0, DURATION_EXPECTED},
        {"-1", 0, DURATION_EXPECTED},
        {"9223372036854775807", 0, DURATION_LONG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = UNTOUCHED;
        const char *wrong = units_duration(mqk_cstr(cases[i].text), true, &value);
        check(&cases[i], wrong, value);
    }
}

static void reads_sizes(void **state) {
    (void)state;
    static const struct expectation cases[] = {
        {"512B", 512, NULL},
        {"512", 512, NULL},
        {"0", 0, NULL},
        {"896KB", 896 * 1024, NULL},
        {"896KiB", 896 * 1024, NULL},
        {"64MB", 64 << 20, NULL},
        {"64MiB", 64 << 20, NULL},
        {"2GB", INT64_C(2) << 30, NULL},
        {"2GiB", INT64_C(2) << 30, NULL},
        {"3TB", INT64_C(3) << 40, NULL},
        {"3TiB", INT64_C(3) << 40, NULL},
        {"64mb", 64 << 20, NULL},
        {"64mIb", 64 << 20, NULL},
        {"1b", 1, NULL},
        {"9223372036854775807", INT64_MAX, NULL},
        {"8388607TB", INT64_C(8388607) << 40, NULL},
        {"", 0, SIZE_EXPECTED},
        {"KB", 0, SIZE_EXPECTED},
        {"64 MB", 0, SIZE_EXPECTED},
        {"64MB ", 0, SIZE_EXPECTED},
        {"64M", 0, SIZE_EXPECTED},
        {"64PB", 0, SIZE_EXPECTED},
        {"64MBB", 0, SIZE_EXPECTED},
        {"1.5MB", 0, SIZE_EXPECTED},
        {"-1", 0, SIZE_EXPECTED},
        {"+1", 0, SIZE_EXPECTED},
        {"0x10", 0, SIZE_EXPECTED},
        {"9223372036854775808", 0, SIZE_LARGE},
        {"8388608TB", 0, SIZE_LARGE},
        {"9007199254740992KB", 0, SIZE_LARGE},
        {"20000000000000000000", 0, SIZE_LARGE},
        {"99999999999999999999999999", 0, SIZE_LARGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = UNTOUCHED;
        const char *wrong = units_size(mqk_cstr(cases[i].text), &value);
        check(&cases[i], wrong, value);
    }
}

static void reads_integers(void **state) {
    (void)state;
    static const struct expectation cases[] = {
        {"0", 0, NULL},
        {"-0", 0, NULL},
        {"42", 42, NULL},
        {"-42", -42, NULL},
        {"0042", 42, NULL},
        {"9223372036854775807", INT64_MAX, NULL},
        {"-9223372036854775808", INT64_MIN, NULL},
        {"", 0, INTEGER_EXPECTED},
        {"-", 0, INTEGER_EXPECTED},
        {"--1", 0, INTEGER_EXPECTED},
        {"+1", 0, INTEGER_EXPECTED},
        {" 1", 0, INTEGER_EXPECTED},
        {"1 ", 0, INTEGER_EXPECTED},
        {"1.0", 0, INTEGER_EXPECTED},
        {"1e3", 0, INTEGER_EXPECTED},
        {"0x1", 0, INTEGER_EXPECTED},
        {"1_000", 0, INTEGER_EXPECTED},
        {"one", 0, INTEGER_EXPECTED},
        {"9223372036854775808", 0, INTEGER_RANGE},
        {"-9223372036854775809", 0, INTEGER_RANGE},
        {"18446744073709551616", 0, INTEGER_RANGE},
        {"20000000000000000000", 0, INTEGER_RANGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = UNTOUCHED;
        const char *wrong = units_integer(mqk_cstr(cases[i].text), &value);
        check(&cases[i], wrong, value);
    }
}

static void refuses_absent_and_binary_text(void **state) {
    (void)state;
    int64_t value = UNTOUCHED;
    mqk_str absent = {NULL, 0};
    mqk_str binary = {"1\0s", 3};
    assert_non_null(units_duration(absent, true, &value));
    assert_non_null(units_size(absent, &value));
    assert_non_null(units_integer(absent, &value));
    assert_non_null(units_duration(binary, true, &value));
    assert_non_null(units_size(binary, &value));
    assert_non_null(units_integer(binary, &value));
    assert_int_equal(value, UNTOUCHED);
}

static void reads_no_byte_behind_the_text(void **state) {
    (void)state;
    int64_t value = 0;
    assert_null(units_duration((mqk_str){"15s9", 3}, false, &value));
    assert_int_equal(value, 15000);
    assert_null(units_size((mqk_str){"15KBx", 4}, &value));
    assert_int_equal(value, 15 * 1024);
    assert_null(units_integer((mqk_str){"159", 2}, &value));
    assert_int_equal(value, 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(reads_bare_milliseconds_where_they_were_usual),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(refuses_absent_and_binary_text),
        cmocka_unit_test(reads_no_byte_behind_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
