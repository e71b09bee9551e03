/* SPDX-License-Identifier: Apache-2.0 */
/* Templates that must compile, and what they must make of the event of rules_fixture.h. Comes after
 * cmocka's header. */
#ifndef TEMPLATE_FIXTURE_H
#define TEMPLATE_FIXTURE_H

#include "rules_fixture.h"

static inline struct template *compiled(mqk_str text, mqk_value_format format) {
    struct template *t = NULL;
    mqk_error err = {.column = 0};
    if (template_compile(text, format, &t, &err) != MQK_OK) {
        fail_msg("%.*s: column %u: %s", STR_ARG(text), (unsigned)err.column, err.message);
    }
    return t;
}

/* `expected` NULL: absent. */
static inline void assert_renders_as(const char *text, mqk_value_format format,
                                     const struct render_context *context, const char *expected) {
    struct template *t = compiled(mqk_cstr(text), format);
    struct render_context ctx = *context;
    struct buffer buffer;
    mqk_str out = {NULL, 1};
    buffer_init(&buffer, NULL, 0);
    template_render(t, &ctx, &buffer, &out);
    assert_int_equal(buffer.failure, MQK_OK);
    if (expected ? !out.data || !str_equal(out, mqk_cstr(expected)) : out.data != NULL) {
        fail_msg("%s: \"%.*s\" instead of \"%s\"", text, STR_ARG(out),
                 expected ? expected : "(absent)");
    }
    buffer_fini(&buffer);
    template_free(t);
}

static inline void assert_renders_text(const char *text, const struct render_context *context,
                                       const char *expected) {
    assert_renders_as(text, MQK_FORMAT_TEXT, context, expected);
}

#endif
