/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"

/* Every bucket begins where the one before it ends. */
static void buckets_follow_one_another(void **state) {
    (void)state;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t bound = histogram_bound_us(i);
        assert_int_equal(histogram_bucket(bound), i);
        assert_int_equal(histogram_bucket(bound + 1), i + 1 < HISTOGRAM_BUCKETS ? i + 1 : i);
        uint64_t first = i > 0 ? histogram_bound_us(i - 1) + 1 : 1;
        assert_int_equal(histogram_bucket(first), i);
        assert_true(bound <= first + first / 20);
    }
    assert_int_equal(histogram_bound_us(HISTOGRAM_BUCKETS - 1), HISTOGRAM_MAX_US);
}

static void extremes_have_a_bucket(void **state) {
    (void)state;
    assert_int_equal(histogram_bucket(0), 0);
    assert_int_equal(histogram_bucket(1), 0);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket(HISTOGRAM_MAX_US + 1), HISTOGRAM_BUCKETS - 1);
}

static void round_numbers_are_bounds(void **state) {
    (void)state;
    for (uint64_t unit = 1; unit <= HISTOGRAM_MAX_US; unit *= 10) {
        static const uint64_t round[] = {10, 25, 50, 60, 30};
        for (size_t i = 0; i < sizeof(round) / sizeof(round[0]); i++) {
            uint64_t us = round[i] * unit;
            if (us <= HISTOGRAM_MAX_US) {
                assert_int_equal(histogram_bound_us(histogram_bucket(us)), us);
            }
        }
    }
}

static int compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Pseudo-random durations over many decades, against the sorted list of them. */
static void quantiles_are_those_of_a_sorted_list(void **state) {
    (void)state;
    enum { COUNT = 20011 };
    uint64_t *values = calloc(COUNT, sizeof(*values));
    struct histogram *h = calloc(1, sizeof(*h));
    struct histogram_counts *counts = calloc(1, sizeof(*counts));
    uint64_t random = 1;
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        values[i] = (random >> 20) >> (random >> 58 & 31) >> 10;
        sum += values[i];
        histogram_add(h, values[i]);
    }
    qsort(values, COUNT, sizeof(*values), compare);
    histogram_read(h, counts);
    assert_int_equal(counts->total, COUNT);
    assert_int_equal(counts->sum_us, sum);
    for (unsigned permille = 1; permille <= 1000; permille++) {
        uint64_t exact = values[((uint64_t)COUNT * permille + 999) / 1000 - 1];
        uint64_t told = histogram_quantile_us(counts, permille);
        assert_true(told >= exact);
        assert_true(told <= (exact > 0 ? exact + exact / 20 : 1));
        if (exact <= 100) {
            assert_int_equal(told, exact > 0 ? exact : 1);
        }
    }
    for (uint64_t us = 1; us < UINT64_C(10000000000); us *= 10) {
        uint64_t exact = 0;
        while (exact < COUNT && values[exact] <= us) {
            exact++;
        }
        assert_int_equal(histogram_at_most(counts, us), exact);
    }
    free(values);
    free(h);
    free(counts);
}

static void small_ones(void **state) {
    (void)state;
    struct histogram *h = calloc(1, sizeof(*h));
    struct histogram_counts *before = calloc(1, sizeof(*before));
    struct histogram_counts *now = calloc(1, sizeof(*now));
    histogram_read(h, before);
    assert_int_equal(histogram_quantile_us(before, 500), 0);
    assert_int_equal(histogram_quantile_us(before, 1000), 0);
    histogram_add(h, 7);
    histogram_read(h, before);
    assert_int_equal(histogram_quantile_us(before, 1), 7);
    assert_int_equal(histogram_quantile_us(before, 500), 7);
    assert_int_equal(histogram_quantile_us(before, 1000), 7);
    histogram_add(h, 1000);
    histogram_add(h, 20);
    histogram_read(h, now);
    assert_int_equal(histogram_quantile_us(now, 500), 20);
    histogram_subtract(now, before);
    assert_int_equal(now->total, 2);
    assert_int_equal(now->sum_us, 1020);
    assert_int_equal(histogram_quantile_us(now, 500), 20);
    assert_int_equal(histogram_quantile_us(now, 501), 1000);
    assert_int_equal(histogram_at_most(now, 999), 1);
    free(h);
    free(before);
    free(now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_follow_one_another),
        cmocka_unit_test(extremes_have_a_bucket),
        cmocka_unit_test(round_numbers_are_bounds),
        cmocka_unit_test(quantiles_are_those_of_a_sorted_list),
        cmocka_unit_test(small_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
