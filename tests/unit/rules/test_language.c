/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "language.h"
#include "predicate.h"
#include "predicate_token.h"
#include "template_filter.h"

static const struct language_word *find(const struct language_word *words, const char *name) {
    for (; words->name; words++) {
        if (strcmp(words->name, name) == 0) {
            return words;
        }
    }
    return NULL;
}

static void assert_template(const char *text) {
    struct template *t = NULL;
    mqk_error err = {.column = 0};
    if (template_compile(mqk_cstr(text), MQK_FORMAT_AUTO, &t, &err) != MQK_OK) {
        fail_msg("%s: column %u: %s", text, (unsigned)err.column, err.message);
    }
    template_free(t);
}

/* The second spellings of =, != . */
static bool is_other_spelling(const char *word) {
    return strcmp(word, "==") == 0 || strcmp(word, "<>") == 0;
}

static void every_operator_has_a_row(void **state) {
    (void)state;
    size_t count = 0;
    for (const char *word; (word = token_word(count)) != NULL; count++) {
        if (!is_other_spelling(word) && !find(language_operators, word)) {
            fail_msg("language.c: no row for \"%s\"", word);
        }
    }
    assert_true(count > 20);
}

static void every_row_is_an_operator_whose_example_compiles(void **state) {
    (void)state;
    for (const struct language_word *row = language_operators; row->name; row++) {
        struct regex_names names = {.count = 0};
        struct predicate *p = NULL;
        mqk_error err = {.column = 0}, warning;
        size_t i = 0;
        while (token_word(i) && strcmp(token_word(i), row->name) != 0) {
            i++;
        }
        if (!token_word(i)) {
            fail_msg("language.c: \"%s\" is no word of conditions", row->name);
        }
        if (!strstr(row->example, row->name)) {
            fail_msg("\"%s\" is not in its example: %s", row->name, row->example);
        }
        if (predicate_compile(mqk_cstr(row->example), &names, &p, &err, &warning) != MQK_OK) {
            fail_msg("%s: column %u: %s", row->example, (unsigned)err.column, err.message);
        }
        assert_int_equal(warning.code, MQK_OK);
        assert_true(row->meaning[0] != '\0');
        predicate_free(p);
    }
}

static void every_root_compiles(void **state) {
    (void)state;
    for (const struct language_word *row = language_roots; row->name; row++) {
        assert_template(row->example);
        assert_true(row->type[0] != '\0' && row->meaning[0] != '\0');
    }
    for (const char *const *name = event_field_names; *name; name++) {
        char text[100];
        snprintf(text, sizeof(text), "${%s}", *name);
        assert_template(text);
    }
}

static void every_template_filter_compiles(void **state) {
    (void)state;
    static const struct {
        const char *name, *shown, *meaning;
    } rows[] = {
#define ROW(id, name, argument, shown, meaning) {name, shown, meaning},
        TEMPLATE_FILTERS(ROW)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[100];
        const char *argument = strchr(rows[i].shown, '(');
        snprintf(text, sizeof(text), "${topic | %s%s}", rows[i].name, argument ? "(1)" : "");
        assert_template(text);
        assert_memory_equal(rows[i].shown, rows[i].name, strlen(rows[i].name));
        assert_true(rows[i].meaning[0] != '\0');
    }
}

static void every_hook_has_a_meaning(void **state) {
    (void)state;
    for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
        if (!language_hook_meaning((mqk_hook)hook)) {
            fail_msg("language.c: no meaning of %s", event_hooks[hook].name);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_a_row),
        cmocka_unit_test(every_row_is_an_operator_whose_example_compiles),
        cmocka_unit_test(every_root_compiles),
        cmocka_unit_test(every_template_filter_compiles),
        cmocka_unit_test(every_hook_has_a_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
