/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>

#include "buffer.h"

/* The linker sends the room's allocations here (--wrap), so that memory can run out. */
static bool memory_is_out;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size) {
    return memory_is_out ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return memory_is_out ? NULL : __real_realloc(memory, size);
}

static void assert_holds(const struct buffer *b, const char *text) {
    assert_int_equal(b->failure, MQK_OK);
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->data ? b->data : "", text, b->len);
}

static void stays_in_the_callers_memory_while_it_fits(void **state) {
    (void)state;
    char memory[8];
    struct buffer b;
    buffer_init(&b, memory, sizeof(memory));
    buffer_append(&b, "1234", 4);
    buffer_append_str(&b, STR("567"));
    buffer_append_char(&b, '8');
    assert_holds(&b, "12345678");
    assert_ptr_equal(b.data, memory);
    buffer_fini(&b);
}

static void moves_out_of_the_callers_memory_when_it_does_not(void **state) {
    (void)state;
    char memory[8];
    struct buffer b;
    buffer_init(&b, memory, sizeof(memory));
    buffer_append(&b, "1234567", 7);
    buffer_append(&b, "89", 2);
    assert_holds(&b, "123456789");
    assert_ptr_not_equal(b.data, memory);
    buffer_fini(&b);
}

static void needs_no_memory_of_the_caller(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, NULL, 0);
    assert_holds(&b, "");
    buffer_append(&b, "", 0);
    buffer_append_str(&b, (mqk_str){NULL, 0});
    assert_null(b.data);
    assert_non_null(buffer_since(&b, 0).data);
    buffer_append_char(&b, 'x');
    assert_holds(&b, "x");
    buffer_fini(&b);
}

static void can_be_finished_when_zeroed_and_twice(void **state) {
    (void)state;
    struct buffer zeroed = {0};
    buffer_fini(&zeroed);
    struct buffer b;
    buffer_init(&b, NULL, 0);
    buffer_append(&b, "abc", 3);
    buffer_fini(&b);
    buffer_fini(&b);
    assert_holds(&b, "");
}

static void keeps_every_byte_while_growing(void **state) {
    (void)state;
    char memory[3];
    struct buffer b;
    buffer_init(&b, memory, sizeof(memory));
    for (size_t i = 0; i < 100000; i++) {
        buffer_append_char(&b, (char)(i % 251));
    }
    assert_int_equal(b.failure, MQK_OK);
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal((uint8_t)b.data[i], i % 251);
    }
    buffer_fini(&b);
}

static void reserves_room_without_using_it(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, NULL, 0);
    buffer_append(&b, "ab", 2);
    assert_true(buffer_reserve(&b, 5000));
    assert_true(b.capacity - b.len >= 5000);
    assert_holds(&b, "ab");
    const char *data = b.data;
    assert_true(buffer_reserve(&b, 5000));
    assert_ptr_equal(b.data, data);
    buffer_fini(&b);
}

static void takes_exactly_as_much_as_its_limit(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, NULL, 0);
    b.limit = 1000;
    for (int i = 0; i < 1000; i++) {
        buffer_append_char(&b, 'x');
    }
    assert_int_equal(b.failure, MQK_OK);
    assert_true(b.capacity <= 1000);
    buffer_append_char(&b, 'x');
    assert_int_equal(b.failure, MQK_ERR_TOO_LARGE);
    assert_int_equal(b.len, 1000);
    buffer_fini(&b);
}

static void has_a_limit_of_its_own(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, NULL, 0);
    assert_false(buffer_reserve(&b, BUFFER_LIMIT + 1));
    assert_int_equal(b.failure, MQK_ERR_TOO_LARGE);
    buffer_fini(&b);
    assert_false(buffer_reserve(&b, SIZE_MAX));
    assert_int_equal(b.failure, MQK_ERR_TOO_LARGE);
    buffer_fini(&b);
}

static void does_nothing_after_a_failure(void **state) {
    (void)state;
    char memory[64];
    struct buffer b;
    buffer_init(&b, memory, sizeof(memory));
    buffer_append(&b, "kept", 4);
    assert_false(buffer_reserve(&b, SIZE_MAX));
    buffer_append(&b, "x", 1);
    buffer_append_str(&b, STR("y"));
    buffer_append_char(&b, 'z');
    buffer_append_int(&b, 1);
    buffer_printf(&b, "%d", 2);
    assert_false(buffer_reserve(&b, 1));
    assert_false(buffer_reserve(&b, 0));
    assert_int_equal(b.failure, MQK_ERR_TOO_LARGE);
    assert_int_equal(b.len, 4);
    buffer_fini(&b);
}

static void tells_when_memory_is_out(void **state) {
    (void)state;
    char memory[4];
    struct buffer b;
    buffer_init(&b, memory, sizeof(memory));
    buffer_append(&b, "1234", 4);
    memory_is_out = true;
    buffer_append(&b, "5", 1);
    memory_is_out = false;
    assert_int_equal(b.failure, MQK_ERR_NO_MEMORY);
    assert_int_equal(b.len, 4);
    buffer_append(&b, "5", 1);
    assert_int_equal(b.failure, MQK_ERR_NO_MEMORY);
    buffer_fini(&b);

    buffer_init(&b, NULL, 0);
    buffer_append(&b, "1234", 4);
    memory_is_out = true;
    assert_false(buffer_reserve(&b, 100000));
    memory_is_out = false;
    assert_int_equal(b.failure, MQK_ERR_NO_MEMORY);
    assert_memory_equal(b.data, "1234", 4);
    buffer_fini(&b);
}

static void appends_numbers(void **state) {
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {7, "7"},
        {-1, "-1"},
        {10, "10"},
        {1700000000123, "1700000000123"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer b;
        buffer_init(&b, NULL, 0);
        buffer_append_int(&b, cases[i].number);
        assert_holds(&b, cases[i].text);
        buffer_fini(&b);
    }
}

static void check_number(int64_t number) {
    char expected[32];
    struct buffer b;
    snprintf(expected, sizeof(expected), "%lld", (long long)number);
    buffer_init(&b, NULL, 0);
    buffer_append_int(&b, number);
    assert_holds(&b, expected);
    buffer_fini(&b);
}

static void appends_numbers_of_any_length(void **state) {
    (void)state;
    uint64_t random = 1;
    for (unsigned i = 0; i < 200000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t number = (int64_t)(random >> random % 64);
        if (i % 3 == 0) {
            number = number < 0 ? number : -number;
        }
        check_number(number);
    }
    int64_t power = 1;
    for (unsigned digits = 1; digits < 19; digits++, power *= 10) {
        for (int64_t number = power - 1; number <= power + 1; number++) {
            check_number(number);
        }
    }
}

static void prints(void **state) {
    (void)state;
    char memory[4];
    struct buffer b;
    buffer_init(&b, memory, sizeof(memory));
    buffer_printf(&b, "%s", "");
    buffer_printf(&b, "%s", "1234");
    assert_holds(&b, "1234");
    assert_ptr_equal(b.data, memory);
    buffer_printf(&b, "-%d-%s", 56, "789");
    assert_holds(&b, "1234-56-789");
    b.limit = b.len + 2;
    buffer_printf(&b, "%s", "ab");
    assert_holds(&b, "1234-56-789ab");
    buffer_printf(&b, "%s", "cd");
    buffer_fini(&b);
}

static void shows_what_was_appended_since(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, NULL, 0);
    buffer_append(&b, "before", 6);
    size_t from = b.len;
    assert_int_equal(buffer_since(&b, from).len, 0);
    buffer_append(&b, "after", 5);
    assert_true(str_equal(buffer_since(&b, from), STR("after")));
    buffer_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_in_the_callers_memory_while_it_fits),
        cmocka_unit_test(moves_out_of_the_callers_memory_when_it_does_not),
        cmocka_unit_test(needs_no_memory_of_the_caller),
        cmocka_unit_test(can_be_finished_when_zeroed_and_twice),
        cmocka_unit_test(keeps_every_byte_while_growing),
        cmocka_unit_test(reserves_room_without_using_it),
        cmocka_unit_test(takes_exactly_as_much_as_its_limit),
        cmocka_unit_test(has_a_limit_of_its_own),
        cmocka_unit_test(does_nothing_after_a_failure),
        cmocka_unit_test(tells_when_memory_is_out),
        cmocka_unit_test(appends_numbers),
        cmocka_unit_test(appends_numbers_of_any_length),
        cmocka_unit_test(prints),
        cmocka_unit_test(shows_what_was_appended_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
