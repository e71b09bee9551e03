/* SPDX-License-Identifier: Apache-2.0 */
/* What bindings are told: where members lie; and that there is no Python here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <mqkafka/mqkafka.h>

static size_t largest_alignment(size_t size) {
    return size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1;
}

/* The rows of a struct leave no member out: between two, and at the end, is only what aligns. */
static void test_no_member_is_left_out(void **state) {
    (void)state;
    size_t count = 0;
    const mqk_layout *rows = mqk_layouts(&count);
    size_t structs = 0;
    for (size_t i = 0; i < count;) {
        const mqk_layout *whole = &rows[i];
        assert_null(whole->member);
        assert_int_equal(whole->offset, 0);
        size_t end = 0;
        for (i++; i < count && rows[i].member; i++) {
            assert_string_equal(rows[i].structure, whole->structure);
            assert_true(rows[i].offset >= end);
            assert_true(rows[i].offset - end < largest_alignment(rows[i].size));
            end = rows[i].offset + rows[i].size;
        }
        if (whole->size < end || whole->size - end >= 8) {
            fail_msg("%s has %zu bytes, its last row ends at %zu", whole->structure, whole->size,
                     end);
        }
        structs++;
    }
    assert_true(structs >= 14);
    assert_ptr_equal(mqk_layouts(NULL), rows);
}

static const mqk_layout *row(const char *structure, const char *member) {
    size_t count;
    const mqk_layout *rows = mqk_layouts(&count);
    for (size_t i = 0; i < count; i++) {
        bool same =
            member ? rows[i].member && strcmp(rows[i].member, member) == 0 : !rows[i].member;
        if (strcmp(rows[i].structure, structure) == 0 && same) {
            return &rows[i];
        }
    }
    fail_msg("no row for %s.%s", structure, member ? member : "");
    return NULL;
}

static void test_rows(void **state) {
    (void)state;
    assert_int_equal(row("mqk_layout", NULL)->size, sizeof(mqk_layout));
    assert_int_equal(row("mqk_event", NULL)->size, sizeof(mqk_event));
    assert_int_equal(row("mqk_event", "topic")->offset, offsetof(mqk_event, topic));
    assert_int_equal(row("mqk_event", "topic")->size, sizeof(mqk_str));
    assert_int_equal(row("mqk_host", "delivered")->offset, offsetof(mqk_host, delivered));
    assert_int_equal(row("mqk_stats", "regex_limit")->offset, offsetof(mqk_stats, regex_limit));
}

static void test_no_python_here(void **state) {
    (void)state;
    mqk_python *python = NULL;
    int something = 0;
    assert_null(mqk_python_attach((mqk_bridge *)&something, &something, &something, &python));
    assert_null(mqk_python_attach(NULL, NULL, NULL, NULL));
    assert_null(python);
    assert_int_equal(mqk_python_detach(NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_member_is_left_out),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_python_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
