/* SPDX-License-Identifier: Apache-2.0 */
/* Where things stand in a YAML text. That bad YAML is refused: test_config_syntax.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "yaml_tree.h"

static const struct yaml_node *parse(mqk_str text, struct arena *arena) {
    const struct yaml_node *root = NULL;
    mqk_error err;
    if (yaml_parse(text, arena, &root, &err) != MQK_OK) {
        fail_msg("%u:%u: %s", err.line, err.column, err.message);
    }
    return root;
}

/* The value of "x" in a mapping. */
static const struct yaml_node *parse_x(mqk_str text, struct arena *arena) {
    const struct yaml_node *x = yaml_get(parse(text, arena), STR("x"));
    assert_non_null(x);
    return x;
}

static void places_of_values(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        uint32_t column;
    } cases[] = {
        {"x: v", 1, 4},
        {"a: 1\nx: v", 2, 4},
        {"a: 1\r\nx: v\r\n", 2, 4},
        {"a: 1\rx: v\r", 2, 4},
        {"\n\n# comment\nx:\n    v\n", 5, 5},
        {"x: \"v\"", 1, 4},
        {"x: [v]", 1, 4},
        {"x:\n  - v", 2, 3},
        {"x:\n  k: v", 2, 3},
        {"{\xC3\xA4: \xE2\x82\xAC, x: v}", 1, 14}, /* bytes, not characters */
        {"a: \"\xF0\x9F\x98\x80\"\nb: \xC3\xA4\nx:   v", 3, 6},
        {"x: |\n  v", 1, 4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        const struct yaml_node *x = parse_x(mqk_cstr(cases[i].text), &arena);
        assert_int_equal(x->line, cases[i].line);
        assert_int_equal(x->column, cases[i].column);
        arena_fini(&arena);
    }
}

static void places_inside_texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t at; /* in the value of x */
        bool exact;
        uint32_t line;
        uint32_t column;
    } cases[] = {
        {"x: abc", 1, true, 1, 4},
        {"x: abc", 3, true, 1, 6},
        {"x: abc", 4, true, 1, 7}, /* just behind it */
        {"x: abc", 5, false, 1, 4},
        {"x: abc", 0, false, 1, 4},
        {"x: \"abc\"", 3, true, 1, 7},
        {"x: 'abc'", 3, true, 1, 7},
        {"x: \xC3\xA4"
         "c",
         3, true, 1, 6},
        {"x: \"a\\tc\"", 2, true, 1, 6},
        {"x: \"a\\tc\"", 3, false, 1, 4},
        {"x: \"a\\\\c\"", 3, false, 1, 4},
        {"x: 'a''c'", 3, false, 1, 4},
        {"x: a\n  b", 2, true, 1, 5},
        {"x: a\n  b", 3, false, 1, 4},
        {"x: >\n  abc\n", 2, false, 1, 4},
        {"x: |\n  abc\n", 1, true, 2, 3},
        {"x: |\n  abc\n  def\n", 5, true, 3, 3},
        {"x: |\n  abc\n\n    def\n", 8, true, 4, 5},
        {"x: |-\r\n  abc\r\n  def\r\n", 6, true, 3, 4},
        {"x: |2\n    abc\n", 3, true, 2, 5},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        uint32_t line;
        uint32_t column;
        mqk_str text = mqk_cstr(cases[i].text);
        const struct yaml_node *x = parse_x(text, &arena);
        bool exact = yaml_place_in(text, x, cases[i].at, &line, &column);
        if (exact != cases[i].exact || line != cases[i].line || column != cases[i].column) {
            print_error("case %zu: %s\n", i, cases[i].text);
        }
        assert_int_equal(exact, cases[i].exact);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
        arena_fini(&arena);
    }
}

static void what_is_nothing(void **state) {
    (void)state;
    static const char *const nothing[] = {"x:", "x: ~", "x: null", "x: NULL", "x: # comment"};
    static const char *const something[] = {"x: ''", "x: \"null\"", "x: '~'", "x: none", "x: []"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        struct arena arena = {0};
        assert_true(yaml_is_null(parse_x(mqk_cstr(nothing[i]), &arena)));
        arena_fini(&arena);
    }
    for (size_t i = 0; i < sizeof(something) / sizeof(something[0]); i++) {
        struct arena arena = {0};
        assert_false(yaml_is_null(parse_x(mqk_cstr(something[i]), &arena)));
        arena_fini(&arena);
    }
}

static void shape_of_the_tree(void **state) {
    (void)state;
    struct arena arena = {0};
    const struct yaml_node *root = parse(STR("{a: [1, {b: c}, []], d: {}}"), &arena);
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->count, 2);
    const struct yaml_node *a = yaml_get(root, STR("a"));
    assert_int_equal(a->kind, YAML_LIST);
    assert_int_equal(a->count, 3);
    assert_string_equal(a->first->text.data, "1");
    assert_string_equal(yaml_get(a->first->next, STR("b"))->text.data, "c");
    assert_int_equal(a->first->next->next->count, 0);
    assert_null(a->first->next->next->next);
    assert_int_equal(yaml_get(root, STR("d"))->count, 0);
    assert_null(yaml_get(root, STR("e")));
    assert_null(yaml_get(a, STR("a")));
    arena_fini(&arena);
}

/* 32 levels are good, 33 are not. */
static void depth(void **state) {
    (void)state;
    for (size_t levels = 31; levels <= 33; levels++) {
        char text[100] = "";
        memset(text, '[', levels);
        memset(text + levels, ']', levels);
        struct arena arena = {0};
        const struct yaml_node *root;
        mqk_error err;
        mqk_status status = yaml_parse(mqk_cstr(text), &arena, &root, &err);
        assert_int_equal(status, levels <= YAML_MAX_DEPTH ? MQK_OK : MQK_ERR_TOO_LARGE);
        assert_true((root != NULL) == (status == MQK_OK));
        arena_fini(&arena);
    }
}

static void growing_memory(void **state) {
    (void)state;
    struct arena arena = {0};
    uint32_t *numbers = NULL;
    for (uint32_t i = 0; i < 5000; i++) {
        numbers = arena_resize(&arena, numbers, (i + 1) * sizeof(*numbers));
        assert_int_equal(numbers[i], 0);
        numbers[i] = i;
        assert_string_equal(arena_text(&arena, STR("other")), "other");
    }
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(numbers[i], i);
    }
    assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    assert_string_equal(arena_text(&arena, (mqk_str){NULL, 0}), "");
    arena_fini(&arena);
    assert_null(arena.blocks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_of_values),
        cmocka_unit_test(places_inside_texts),
        cmocka_unit_test(what_is_nothing),
        cmocka_unit_test(shape_of_the_tree),
        cmocka_unit_test(depth),
        cmocka_unit_test(growing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
