/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as predicates see them: whole numbers, decimal texts and the results of arithmetic. What
 * was written in decimal compares exactly, however many digits it has. Arithmetic is exact while
 * whole numbers stay within 64 bits, else it is that of doubles. No memory, any thread.
 */
#ifndef MQK_RULES_NUMBER_H
#define MQK_RULES_NUMBER_H

#include "str.h"

enum number_kind {
    NUMBER_INTEGER, /* integer */
    NUMBER_DECIMAL, /* text: a JSON number that is no 64-bit integer */
    NUMBER_REAL     /* real: a result of arithmetic, never infinite or NaN */
};

struct number {
    enum number_kind kind;
    bool fixed; /* it is integer / 10^scale: a whole number, or a decimal text that is short */
    uint8_t scale;
    int64_t integer;
    double real;
    mqk_str text;
};

/* Sets only what an integer has. */
static inline void number_set_integer(struct number *out, int64_t integer) {
    out->kind = NUMBER_INTEGER;
    out->fixed = true;
    out->scale = 0;
    out->integer = integer;
}

static inline struct number number_of_integer(int64_t integer) {
    return (struct number){.kind = NUMBER_INTEGER, .fixed = true, .integer = integer};
}

/* Reads a valid JSON number, to which the result may point. */
void number_read(mqk_str text, struct number *out);

/* Out-of-line part of number_compare(). */
int number_compare_slow(const struct number *a, const struct number *b);

/* -1, 0, 1. */
static inline int number_compare(const struct number *a, const struct number *b) {
    if (a->fixed && b->fixed && a->scale == b->scale) {
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
    return number_compare_slow(a, b);
}

/* The results of arithmetic; false when there is none (division by zero, too large, the remainder
 * of what is not whole). */
bool number_add(const struct number *a, const struct number *b, struct number *out);
bool number_subtract(const struct number *a, const struct number *b, struct number *out);
bool number_multiply(const struct number *a, const struct number *b, struct number *out);
bool number_divide(const struct number *a, const struct number *b, struct number *out);
bool number_remainder(const struct number *a, const struct number *b, struct number *out);
bool number_negate(const struct number *a, struct number *out);

#endif
