/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "number.h"

static struct number number_of(const char *text) {
    struct number number;
    number_read(mqk_cstr(text), &number);
    return number;
}

static int compare(const char *a, const char *b) {
    struct number x = number_of(a), y = number_of(b);
    return number_compare(&x, &y);
}

/* Each is less than the next; those of one line are equal. */
static void orders_decimal_texts(void **state) {
    (void)state;
    static const char *const lines[][4] = {
        {"-1e999999999999999999999"},
        {"-1e400", "-10e399"},
        {"-9223372036854775809"},
        {"-9223372036854775808", "-9.223372036854775808e18"},
        {"-9223372036854775807"},
        {"-12.5", "-1.25e1", "-0.125E+2", "-12.500"},
        {"-12"},
        {"-0.1"},
        {"-1e-400"},
        {"0", "-0", "0.000", "0e99999999999"},
        {"1e-999999999999999999"},
        {"1e-400", "0.1e-399"},
        {"0.1", "1e-1", "0.1000", "100e-3"},
        {"0.10000000000000000000000000000000001"},
        {"0.12345678901234567", "0.123456789012345670"},
        {"0.123456789012345671"},
        {"1", "1.0", "0.01e2", "100e-2"},
        {"9.99"},
        {"10", "1e1", "10.0"},
        {"99999999999999.9999", "99999999999999.99990"},
        {"9007199254740992"},
        {"9007199254740993", "9007199254740.993e3"},
        {"922337203685477580.7", "922337203685477580.700"},
        {"999999999999999999", "999999999999999999.0"},
        {"1000000000000000000", "1000000000000000000.000"},
        {"9223372036854775807"},
        {"9223372036854775808", "9223372036854775808.0"},
        {"18446744073709551616"},
        {"1e400"},
        {"1e999999999999999999999"},
    };
    const size_t count = sizeof(lines) / sizeof(lines[0]);
    for (size_t a = 0; a < count * 4; a++) {
        for (size_t b = 0; b < count * 4; b++) {
            const char *x = lines[a / 4][a % 4], *y = lines[b / 4][b % 4];
            int expected = (a / 4 > b / 4) - (a / 4 < b / 4);
            if (x && y && compare(x, y) != expected) {
                fail_msg("%s, %s: %d", x, y, compare(x, y));
            }
        }
    }
}

static struct number integer(int64_t n) {
    return number_of_integer(n);
}

typedef bool (*operation)(const struct number *a, const struct number *b, struct number *out);

static bool calculate(operation op, const char *a, const char *b, struct number *out) {
    struct number x = number_of(a), y = number_of(b);
    return op(&x, &y, out);
}

static void calculates(void **state) {
    (void)state;
    static const struct {
        operation op;
        const char *a, *b;
        const char *result; /* NULL: none */
    } cases[] = {
        {number_add, "1", "2", "3"},
        {number_add, "9007199254740993", "0", "9007199254740993"},
        {number_add, "0.5", "0.25", "0.75"},
        {number_add, "1e300", "1e300", "2e300"},
        {number_add, "1e308", "1e308", NULL},
        {number_add, "1e400", "1", NULL},
        {number_add, "1e-400", "1", "1"},
        {number_subtract, "1", "2", "-1"},
        {number_subtract, "9223372036854775807", "-1", "9223372036854775808"},
        {number_multiply, "3037000500", "3037000500", "9223372037000250000"},
        {number_multiply, "2.50", "4", "10"},
        {number_divide, "6", "3", "2"},
        {number_divide, "1", "4", "0.25"},
        {number_divide, "1", "0", NULL},
        {number_divide, "1", "0.0", NULL},
        {number_divide, "-9223372036854775808", "-1", "9223372036854775808"},
        {number_remainder, "7", "-3", "1"},
        {number_remainder, "4.0", "3e0", "1"},
        {number_remainder, "1.5", "1", NULL},
        {number_remainder, "1", "0", NULL},
        {number_remainder, "-9223372036854775808", "-1", "0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct number result;
        bool right = calculate(cases[i].op, cases[i].a, cases[i].b, &result);
        struct number expected = number_of(cases[i].result ? cases[i].result : "0");
        if (right != (cases[i].result != NULL) ||
            (right && number_compare(&result, &expected) != 0)) {
            fail_msg("%s, %s: line %zu", cases[i].a, cases[i].b, i);
        }
    }
}

/* Decimal texts as doubles, against the C library in the C locale. */
static void reads_decimal_texts_nearly(void **state) {
    (void)state;
    static const char *const texts[] = {"0.1",     "31.5",     "1e22",     "123456.789e3", "2.5e-7",
                                        "1.7e308", "4.9e-324", "2.2e-308", "1e-310",       "0.3"};
    const struct number one = integer(1);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct number n = number_of(texts[i]), result;
        double expected = strtod(texts[i], NULL);
        assert_true(number_multiply(&n, &one, &result));
        double real = result.kind == NUMBER_INTEGER ? (double)result.integer : result.real;
        double error = real > expected ? real - expected : expected - real;
        if (error > expected * 1e-15 && error > 5e-324) {
            fail_msg("%s: %.17g instead of %.17g", texts[i], real, expected);
        }
    }
}

/* A result near the ends of 64 bits is compared as what it is. */
static void compares_results_exactly(void **state) {
    (void)state;
    const struct number most = integer(INT64_MAX), least = integer(INT64_MIN), one = integer(1);
    struct number more, less;
    assert_true(number_add(&most, &one, &more));
    assert_true(number_subtract(&least, &one, &less));
    assert_int_equal(more.kind, NUMBER_REAL);
    assert_int_equal(number_compare(&more, &most), 1);
    assert_int_equal(number_compare(&most, &more), -1);
    assert_int_equal(number_compare(&less, &most), -1);
    assert_int_equal(number_compare(&more, &less), 1);
    assert_true(number_negate(&least, &more));
    assert_int_equal(number_compare(&more, &most), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_decimal_texts),
        cmocka_unit_test(calculates),
        cmocka_unit_test(reads_decimal_texts_nearly),
        cmocka_unit_test(compares_results_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
