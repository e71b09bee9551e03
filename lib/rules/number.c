/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <stdlib.h>

/* Whole numbers up to here are doubles without loss. */
#define EXACT_REAL (INT64_C(1) << 53)
/* Digits that surely fit into 64 bits without a sign. */
#define SURE_DIGITS 19u
/* Most digits of a decimal text that is kept as an integer with a scale. */
#define FIXED_DIGITS 18u
#define INTEGER_SIZE 24u
/* Exponents beyond are taken for this one. */
#define MAX_EXPONENT INT64_C(1000000000000000)

/* A decimal text, ready to be compared: d.ddd times 10^exponent. */
struct decimal {
    bool negative; /* not for zero */
    bool zero;
    const char *digits; /* first significant one; a point may stand among them */
    const char *end;
    int64_t exponent;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int64_t read_exponent(const char *p, const char *end) {
    int64_t exponent = 0;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    for (; p < end; p++) {
        exponent = exponent < MAX_EXPONENT ? exponent * 10 + (*p - '0') : MAX_EXPONENT;
    }
    return negative ? -exponent : exponent;
}

static struct decimal decimal_of_text(mqk_str text) {
    const char *p = text.data, *end = text.data + text.len;
    struct decimal d = {.negative = *p == '-', .zero = true, .end = p + d.negative};
    d.digits = d.end;
    while (d.end < end && (is_digit(*d.end) || *d.end == '.')) {
        d.end++;
    }
    int64_t scale = d.end < end ? read_exponent(d.end + 1, end) : 0;
    const char *point = memchr(d.digits, '.', (size_t)(d.end - d.digits));
    while (d.digits < d.end && (*d.digits == '0' || *d.digits == '.')) {
        d.digits++;
    }
    d.zero = d.digits == d.end;
    if (d.zero) {
        d.negative = false;
        return d;
    }
    const char *whole_end = point ? point : d.end;
    d.exponent = scale + (whole_end - d.digits) - (d.digits < whole_end);
    return d;
}

/* The digits of an integer, for those cases in which it meets a decimal text. */
static mqk_str write_integer(int64_t integer, char out[INTEGER_SIZE]) {
    uint64_t rest = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    size_t at = INTEGER_SIZE;
    do {
        out[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (integer < 0) {
        out[--at] = '-';
    }
    return (mqk_str){out + at, INTEGER_SIZE - at};
}

static int next_digit(const char **p, const char *end) {
    if (*p < end && **p == '.') {
        ++*p;
    }
    return *p < end ? *(*p)++ - '0' : 0;
}

/* Of two numbers greater than zero. */
static int compare_sizes(const struct decimal *a, const struct decimal *b) {
    if (a->exponent != b->exponent) {
        return a->exponent > b->exponent ? 1 : -1;
    }
    const char *p = a->digits, *q = b->digits;
    while (p < a->end || q < b->end) {
        int left = next_digit(&p, a->end), right = next_digit(&q, b->end);
        if (left != right) {
            return left > right ? 1 : -1;
        }
    }
    return 0;
}

static int compare_decimals(const struct decimal *a, const struct decimal *b) {
    if (a->negative != b->negative) {
        return a->negative ? -1 : 1;
    }
    if (a->zero || b->zero) {
        int order = (int)b->zero - (int)a->zero;
        return a->negative ? -order : order;
    }
    return a->negative ? compare_sizes(b, a) : compare_sizes(a, b);
}

/* 10^n, or infinity. */
static double power_of_ten(uint64_t n) {
    double result = 1, base = 10;
    for (; n > 0 && result < 1e308; n >>= 1, base *= base) {
        result = n & 1 ? result * base : result;
    }
    return result;
}

/* Not strtod(), which reads what the host's locale says. Exact where the digits fit into a double
 * and the power of ten is small, else near. */
static double real_of_text(mqk_str text) {
    struct decimal d = decimal_of_text(text);
    uint64_t digits = 0;
    int64_t exponent = d.exponent + 1;
    unsigned count = 0;
    for (const char *p = d.digits; p < d.end && count < SURE_DIGITS; p++) {
        if (*p != '.') {
            digits = digits * 10 + (uint64_t)(*p - '0');
            count += 1;
            exponent--;
        }
    }
    double real = (double)digits;
    if (exponent < 0) {
        /* Two steps, so that what is small but not zero does not end up as zero. */
        uint64_t down = exponent < -1000 ? 1000 : (uint64_t)-exponent;
        uint64_t first = down > 300 ? 300 : down;
        real = real / power_of_ten(first) / power_of_ten(down - first);
    } else if (exponent > 0 && digits > 0) {
        real *= power_of_ten(exponent > 1000 ? 1000 : (uint64_t)exponent);
    }
    return d.negative ? -real : real;
}

static double to_real(const struct number *n) {
    switch (n->kind) {
    case NUMBER_INTEGER:
        return (double)n->integer;
    case NUMBER_DECIMAL:
        return real_of_text(n->text);
    case NUMBER_REAL:
        break;
    }
    return n->real;
}

/* Whole results become integers again, so that exact arithmetic can go on with them. */
static bool set_real(double real, struct number *out) {
    if (real - real != 0) { /* infinite, or no number */
        return false;
    }
    if (real >= -(double)EXACT_REAL && real <= (double)EXACT_REAL &&
        (double)(int64_t)real == real) {
        *out = number_of_integer((int64_t)real);
        return true;
    }
    *out = (struct number){.kind = NUMBER_REAL, .real = real};
    return true;
}

/* Whether both are integers, a decimal text such as 2.0 included. */
static bool both_integers(const struct number *a, const struct number *b, int64_t *x, int64_t *y) {
    const struct number *numbers[2] = {a, b};
    int64_t *const to[2] = {x, y};
    for (int i = 0; i < 2; i++) {
        struct number whole = *numbers[i];
        if (whole.kind == NUMBER_DECIMAL && !set_real(real_of_text(whole.text), &whole)) {
            return false;
        }
        if (whole.kind != NUMBER_INTEGER ||
            (numbers[i]->kind == NUMBER_DECIMAL && number_compare(&whole, numbers[i]) != 0)) {
            return false;
        }
        *to[i] = whole.integer;
    }
    return true;
}

/* Exactly: a double near the ends of 64 bits is not that integer which converts to it. */
static int compare_real(double real, int64_t integer) {
    const double beyond = 9223372036854775808.0; /* 2^63 */
    if (real >= beyond || real < -beyond) {
        return real > 0 ? 1 : -1;
    }
    int64_t whole = (int64_t)real;
    double rest = real - (double)whole;
    int order = (whole > integer) - (whole < integer);
    return order != 0 ? order : (rest > 0) - (rest < 0);
}

/* Digits, and at most one point, of a text without a sign: what `out` becomes when that is all and
 * it fits. */
static inline bool read_fixed(const char *p, const char *end, struct number *out) {
    uint64_t digits = 0;
    const char *begin = p;
    for (; p < end && is_digit(*p); p++) {
        digits = digits * 10 + (uint64_t)(*p - '0');
    }
    bool point = p < end && *p == '.';
    const char *behind = p + point;
    for (p = behind; p < end && is_digit(*p); p++) {
        digits = digits * 10 + (uint64_t)(*p - '0');
    }
    if (p < end || p - begin - point > (ptrdiff_t)FIXED_DIGITS) {
        return false;
    }
    out->integer = (int64_t)digits;
    out->scale = (uint8_t)(p - behind);
    out->kind = point ? NUMBER_DECIMAL : NUMBER_INTEGER;
    out->fixed = true;
    return true;
}

/* A whole number with so many digits that it may not fit into 64 bits. */
static struct number read_long(mqk_str text) {
    bool negative = text.data[0] == '-';
    size_t digits = text.len - negative;
    uint64_t size = 0;
    bool whole = digits <= SURE_DIGITS;
    for (size_t i = negative; whole && i < text.len; i++) {
        whole = is_digit(text.data[i]);
        size = size * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (negative && whole && size == (uint64_t)INT64_MAX + 1) {
        return number_of_integer(INT64_MIN);
    }
    if (!whole || size > INT64_MAX) {
        return (struct number){.kind = NUMBER_DECIMAL, .text = text};
    }
    return number_of_integer(negative ? -(int64_t)size : (int64_t)size);
}

void number_read(mqk_str text, struct number *out) {
    bool negative = text.data[0] == '-';
    if (!read_fixed(text.data + negative, text.data + text.len, out)) {
        *out = read_long(text);
        return;
    }
    out->integer = negative ? -out->integer : out->integer;
    out->text = text;
}

/* Brings a number to a larger scale; false when it does not fit. */
static bool rescale(int64_t integer, unsigned from, unsigned to, int64_t *out) {
    static const int64_t powers[FIXED_DIGITS + 1] = {1,
                                                     10,
                                                     100,
                                                     1000,
                                                     10000,
                                                     100000,
                                                     1000000,
                                                     10000000,
                                                     100000000,
                                                     1000000000,
                                                     10000000000,
                                                     100000000000,
                                                     1000000000000,
                                                     10000000000000,
                                                     100000000000000,
                                                     1000000000000000,
                                                     10000000000000000,
                                                     100000000000000000,
                                                     1000000000000000000};
    return !__builtin_mul_overflow(integer, powers[to - from], out);
}

/* False: the integers do not fit. */
static inline bool compare_fixed(const struct number *a, const struct number *b, int *order) {
    unsigned scale = a->scale > b->scale ? a->scale : b->scale;
    int64_t x, y;
    if (!rescale(a->integer, a->scale, scale, &x) || !rescale(b->integer, b->scale, scale, &y)) {
        return false;
    }
    *order = (x > y) - (x < y);
    return true;
}

int number_compare_slow(const struct number *a, const struct number *b) {
    int order;
    if (a->fixed && b->fixed && compare_fixed(a, b, &order)) {
        return order;
    }
    if (a->kind == NUMBER_REAL && b->kind == NUMBER_INTEGER) {
        return compare_real(a->real, b->integer);
    }
    if (a->kind == NUMBER_INTEGER && b->kind == NUMBER_REAL) {
        return -compare_real(b->real, a->integer);
    }
    if (a->kind == NUMBER_REAL || b->kind == NUMBER_REAL) {
        double left = to_real(a), right = to_real(b);
        return (left > right) - (left < right);
    }
    char left[INTEGER_SIZE], right[INTEGER_SIZE];
    struct decimal x =
        decimal_of_text(a->kind == NUMBER_DECIMAL ? a->text : write_integer(a->integer, left));
    struct decimal y =
        decimal_of_text(b->kind == NUMBER_DECIMAL ? b->text : write_integer(b->integer, right));
    return compare_decimals(&x, &y);
}

bool number_add(const struct number *a, const struct number *b, struct number *out) {
    int64_t x, y, sum;
    if (both_integers(a, b, &x, &y) && !__builtin_add_overflow(x, y, &sum)) {
        *out = number_of_integer(sum);
        return true;
    }
    return set_real(to_real(a) + to_real(b), out);
}

bool number_subtract(const struct number *a, const struct number *b, struct number *out) {
    int64_t x, y, difference;
    if (both_integers(a, b, &x, &y) && !__builtin_sub_overflow(x, y, &difference)) {
        *out = number_of_integer(difference);
        return true;
    }
    return set_real(to_real(a) - to_real(b), out);
}

bool number_multiply(const struct number *a, const struct number *b, struct number *out) {
    int64_t x, y, product;
    if (both_integers(a, b, &x, &y) && !__builtin_mul_overflow(x, y, &product)) {
        *out = number_of_integer(product);
        return true;
    }
    return set_real(to_real(a) * to_real(b), out);
}

bool number_divide(const struct number *a, const struct number *b, struct number *out) {
    int64_t x, y;
    if (both_integers(a, b, &x, &y) && y != 0 && !(x == INT64_MIN && y == -1) && x % y == 0) {
        *out = number_of_integer(x / y);
        return true;
    }
    double divisor = to_real(b);
    return divisor != 0 && set_real(to_real(a) / divisor, out);
}

bool number_remainder(const struct number *a, const struct number *b, struct number *out) {
    int64_t x, y;
    if (!both_integers(a, b, &x, &y) || y == 0) {
        return false;
    }
    *out = number_of_integer(y == -1 ? 0 : x % y);
    return true;
}

bool number_negate(const struct number *a, struct number *out) {
    const struct number zero = number_of_integer(0);
    return number_subtract(&zero, a, out);
}
