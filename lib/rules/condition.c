/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"

#include <stdlib.h>

#include "error.h"

/* For values that are not texts as they stand in the event. */
#define SUBJECT_MEMORY 256u

static void begin(const struct condition *c, struct render_context *ctx,
                  struct condition_state *state) {
    state->captures.names = &c->names;
    for (uint32_t i = 0; i < c->names.count; i++) {
        state->captures.values[i] = (mqk_str){NULL, 0};
    }
    ctx->captures = &state->captures;
    /* Conditions are about what the client sent. */
    ctx->encoding = PAYLOAD_PLAIN;
}

/* A text that had to be made is kept, because groups point into it. */
static mqk_str keep(struct condition_state *state, mqk_str text) {
    char *room = predicate_memory_take(&state->memory, text.len);
    if (!room) {
        return (mqk_str){NULL, 0};
    }
    if (text.len > 0) {
        memcpy(room, text.data, text.len);
    }
    return (mqk_str){room, text.len};
}

static mqk_str find_subject(const struct condition *c, struct render_context *ctx,
                            struct condition_state *state) {
    char memory[SUBJECT_MEMORY];
    struct buffer buffer;
    mqk_str subject;
    buffer_init(&buffer, memory, sizeof(memory));
    template_render(c->field, ctx, &buffer, &subject);
    if (buffer.failure != MQK_OK) {
        subject = (mqk_str){NULL, 0};
    } else if (buffer.len > 0) {
        subject = keep(state, subject);
    } else if (subject.data && subject.len == 0) {
        subject.data = "";
    }
    buffer_fini(&buffer);
    return subject;
}

static enum predicate_result test_regex(const struct condition *c, struct render_context *ctx,
                                        struct condition_state *state, mqk_str *subject) {
    *subject = find_subject(c, ctx, state);
    switch (regex_match(c->regex, *subject, &state->captures)) {
    case REGEX_MATCH:
        return PREDICATE_TRUE;
    case REGEX_LIMIT:
        return PREDICATE_LIMIT;
    default:
        return PREDICATE_FALSE;
    }
}

enum predicate_result condition_test(const struct condition *c, struct render_context *ctx,
                                     struct condition_state *state) {
    enum predicate_result result = PREDICATE_TRUE;
    mqk_str subject;
    begin(c, ctx, state);
    if (c->regex) {
        result = test_regex(c, ctx, state, &subject);
    }
    if (result == PREDICATE_TRUE && c->where) {
        result = predicate_run(c->where, ctx, &state->memory, &state->captures);
    }
    return result;
}

static void say_regex(const struct condition *c, enum predicate_result result, mqk_str subject,
                      struct buffer *out) {
    char name[ERROR_QUOTE_SIZE], value[ERROR_QUOTE_SIZE];
    error_quote(c->field_name, name);
    if (!subject.data) {
        buffer_printf(out, "regex: %s is missing", name);
        return;
    }
    buffer_printf(out, "regex: %s \"%s\" %s", name, error_quote(subject, value),
                  result == PREDICATE_TRUE    ? "matches"
                  : result == PREDICATE_LIMIT ? "was given up: it took too many steps"
                                              : "does not match");
}

enum predicate_result condition_explain(const struct condition *c, struct render_context *ctx,
                                        struct condition_state *state, struct buffer *out) {
    enum predicate_result result = PREDICATE_TRUE;
    mqk_str subject;
    begin(c, ctx, state);
    if (c->regex) {
        result = test_regex(c, ctx, state, &subject);
        say_regex(c, result, subject, out);
    }
    if (result == PREDICATE_TRUE && c->where) {
        buffer_append_str(out, c->regex ? STR("; where: ") : STR("where: "));
        result = predicate_explain(c->where, ctx, &state->memory, &state->captures, out);
    }
    return result;
}

void condition_free(struct condition *c) {
    if (c) {
        regex_free(c->regex);
        template_free(c->field);
        predicate_free(c->where);
        free(c);
    }
}
