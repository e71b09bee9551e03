/* SPDX-License-Identifier: Apache-2.0 */
/* The words of predicates. No memory, any thread. */
#ifndef MQK_RULES_PREDICATE_TOKEN_H
#define MQK_RULES_PREDICATE_TOKEN_H

#include "vocabulary.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WRONG, /* `wrong` says why */
    TOKEN_PATH,  /* a placeholder, its template filters included */
    TOKEN_NUMBER,
    TOKEN_QUOTED,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_TIMES,
    TOKEN_OVER,
    TOKEN_REMAINDER,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_OR_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_OR_EQUAL,
    TOKEN_MATCHES,
    TOKEN_MATCHES_NOT,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_IN,
    TOKEN_LIKE,
    TOKEN_IS,
    TOKEN_NULL,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_EXISTS
};

struct token {
    enum token_kind kind;
    size_t from, to;
    const char *wrong;
};

/* The token at or behind `pos`. */
struct token token_next(const struct vocabulary *words, mqk_str text, size_t pos);

/* Every sign and keyword; NULL behind the last one. */
const char *token_word(size_t index);

#endif
