/* SPDX-License-Identifier: Apache-2.0 */
/* A predicate under way from text to program: private to predicate_parse.c, the grammar, and
 * predicate_operand.c, the values and patterns in it. */
#ifndef MQK_RULES_PREDICATE_PARSE_H
#define MQK_RULES_PREDICATE_PARSE_H

#include "predicate_program.h"
#include "predicate_token.h"

/* What is known of an expression before it runs. */
enum type { TYPE_ANY, TYPE_NUMBER, TYPE_TEXT, TYPE_BOOL, TYPE_NULL, TYPE_OBJECT };

struct expression {
    enum type type;
    bool test; /* leaves a boolean that a test or condition made */
    size_t from, to;
};

struct parser {
    struct predicate *out;
    struct token token;
    struct draft paths;
    struct buffer program, literals, likes, regexes; /* arrays */
    struct buffer pool;                              /* never grows: texts stay where they are */
    struct regex_names *names;
    mqk_error *err, *warning;
    mqk_status status;
    size_t before; /* end of the token before */
    unsigned nesting;
    unsigned stack;
};

/* What goes wrong is in `status` and `err`; functions return false then. */
bool parser_fail(struct parser *p, size_t at, const char *sentence);
/* Fails with what an expression is: "%s is %s" and `sentence`. */
bool parser_fail_type(struct parser *p, const struct expression *e, const char *sentence);

static inline bool parser_next_is(const struct parser *p, enum token_kind kind) {
    return p->token.kind == kind;
}

/* Moves on; what is wrong with the next token is told when somebody wants it. */
void parser_advance(struct parser *p);
bool parser_expect(struct parser *p, enum token_kind kind, const char *sentence);

bool parser_emit(struct parser *p, enum opcode op, unsigned argument, size_t index,
                 const struct expression *e);
/* A test: makes a boolean of the expression, which now ends before the next token. */
bool parser_emit_test(struct parser *p, struct expression *e, enum opcode op, unsigned argument,
                      size_t index);

/* Warns when the types of two values that are compared are known and not the same. */
void parser_check_types(struct parser *p, size_t at, const struct expression *a,
                        const struct expression *b);

/* The value or pattern that is next. */
bool parse_path(struct parser *p, struct expression *e);
bool parse_text(struct parser *p, struct expression *e);
bool parse_number(struct parser *p, struct expression *e, bool negative);
bool parse_word(struct parser *p, struct expression *e); /* true, false, null */
/* The test whose word or sign is next, of the value in `left`. */
bool parse_like(struct parser *p, struct expression *left, bool negated);
bool parse_regex(struct parser *p, struct expression *left, bool negated);

#endif
