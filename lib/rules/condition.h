/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule asks of an event beyond its hook and its topic filters: `regex`, a pattern over the
 * topic or another placeholder, and `where`, a predicate. Both must hold. Compiled by
 * rule_condition.c, then immutable; any thread.
 */
#ifndef MQK_RULES_CONDITION_H
#define MQK_RULES_CONDITION_H

#include "predicate.h"

struct condition {
    struct regex *regex;      /* NULL: none */
    struct template *field;   /* one placeholder: what the pattern is matched against */
    mqk_str field_name;       /* as written */
    struct predicate *where;  /* NULL: none */
    struct regex_names names; /* of the groups of all patterns */
};

/* What an evaluation leaves behind for the templates of the rule: ${regex.name}. */
struct condition_state {
    struct predicate_memory memory;
    struct regex_captures captures;
};
static inline void condition_state_init(struct condition_state *state) {
    predicate_memory_init(&state->memory);
}
static inline void condition_state_fini(struct condition_state *state) {
    predicate_memory_fini(&state->memory);
}

/* Whether the condition holds. Sets ctx->captures to the state's, which must stay until everything
 * is rendered, and the encoding to plain. PREDICATE_LIMIT: a pattern was given up, and the
 * condition does not hold. */
enum predicate_result condition_test(const struct condition *c, struct render_context *ctx,
                                     struct condition_state *state);

/* The same, and appends why. */
enum predicate_result condition_explain(const struct condition *c, struct render_context *ctx,
                                        struct condition_state *state, struct buffer *out);

void condition_free(struct condition *c); /* NULL allowed */

#endif
