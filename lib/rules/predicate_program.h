/* SPDX-License-Identifier: Apache-2.0 */
/* What a predicate is made of: private to predicate_*.c. */
#ifndef MQK_RULES_PREDICATE_PROGRAM_H
#define MQK_RULES_PREDICATE_PROGRAM_H

#include "number.h"
#include "predicate.h"
#include "template_pieces.h"

enum operand_kind {
    OPERAND_MISSING,
    OPERAND_NULL,
    OPERAND_BOOL,   /* truth */
    OPERAND_NUMBER, /* number */
    OPERAND_TEXT,   /* text */
    OPERAND_OBJECT  /* objects and arrays: nothing compares with them */
};

struct operand {
    enum operand_kind kind;
    union {
        bool truth;
        mqk_str text;
        struct number number;
    } as;
};

/* A machine with a stack of operands. Tests and arithmetic take their operands from it and leave
 * one result. */
enum opcode {
    OP_LITERAL, /* index: literal */
    OP_PATH,    /* index: piece */
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REMAINDER,
    OP_NEGATE,
    /* Tests. */
    OP_COMPARE, /* argument: enum comparison */
    OP_LIKE,    /* index: pattern; argument: negated */
    OP_REGEX,   /* index: regex; argument: negated */
    OP_NULL,    /* argument: negated */
    OP_EXISTS,
    OP_TRUTH,   /* whether it is the boolean true */
    OP_IN_ITEM, /* item on top, the value below it; index: where the list ends; argument: negated */
    OP_IN_END,  /* argument: negated */
    /* Conditions. */
    OP_NOT,
    OP_AND, /* false: goes to index, else drops the top; argument: joins parts of the whole */
    OP_OR   /* true: goes to index, else drops the top */
};

enum comparison { EQUAL, NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL };

struct instruction {
    uint8_t op;
    uint8_t argument;
    uint32_t index;
    uint32_t from; /* the part of the text that it stands for */
    uint32_t to;
};

/* A pattern of like: the texts between its stars, which are literals. */
struct like {
    uint32_t first;
    uint32_t count; /* n stars: n + 1 */
};

/* Most operands that a program may have on the stack. */
#define STACK_SIZE 64u

struct predicate {
    struct template *paths;
    struct instruction *program;
    size_t program_len;
    struct operand *literals; /* point into the pool */
    struct like *likes;
    struct regex **regexes;
    size_t regex_count;
    char *pool;
    mqk_str text; /* for explaining */
};

/* Whether a text matches a pattern. (predicate_test.c) */
bool like_matches(const struct predicate *p, const struct like *like, mqk_str text);
/* (predicate_test.c) */
bool operand_compare(enum comparison how, const struct operand *a, const struct operand *b);

#endif
