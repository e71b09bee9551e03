/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY 256u

/* At least doubles, so that a buffer filled byte by byte is copied a bounded number of times. */
static size_t grown_capacity(const struct buffer *b, size_t needed) {
    size_t capacity = b->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : b->capacity;
    if (capacity <= b->limit / 2) {
        capacity *= 2;
    } else {
        capacity = b->limit;
    }
    return capacity < needed ? needed : capacity;
}

bool buffer_reserve(struct buffer *b, size_t more) {
    if (b->failure != MQK_OK) {
        return false;
    }
    if (more <= b->capacity - b->len) {
        return true;
    }
    if (b->len > b->limit || more > b->limit - b->len) {
        b->failure = MQK_ERR_TOO_LARGE;
        return false;
    }
    size_t capacity = grown_capacity(b, b->len + more);
    bool borrowed = b->data == b->start;
    char *data = realloc(borrowed ? NULL : b->data, capacity);
    if (!data) {
        b->failure = MQK_ERR_NO_MEMORY;
        return false;
    }
    if (borrowed && b->len > 0) {
        memcpy(data, b->data, b->len);
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

void buffer_append_slow(struct buffer *b, const char *data, size_t len) {
    if (len == 0 || !buffer_reserve(b, len)) {
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

/* How many decimal digits; 1 for 0. */
static unsigned count_digits(uint64_t number) {
    static const uint64_t powers[] = {0,
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
                                      1000000000000000000,
                                      UINT64_C(10000000000000000000)};
    /* 1233 / 4096 is a little more than log10(2). */
    unsigned about = (64 - (unsigned)__builtin_clzll(number | 1)) * 1233 >> 12;
    return about + (number >= powers[about]);
}

char *buffer_write_int(char *to, int64_t number) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    *to = '-';
    to += number < 0;
    char *end = to + count_digits(rest);
    char *first = end;
    while (rest >= 10000) {
        unsigned four = (unsigned)(rest % 10000);
        first -= 4;
        memcpy(first, pairs + four / 100 * 2, 2);
        memcpy(first + 2, pairs + four % 100 * 2, 2);
        rest /= 10000;
    }
    while (rest >= 10) {
        first -= 2;
        memcpy(first, pairs + rest % 100 * 2, 2);
        rest /= 100;
    }
    if (first > to) {
        *to = (char)('0' + rest);
    }
    return end;
}

void buffer_append_int(struct buffer *b, int64_t number) {
    char text[BUFFER_INT_MAX];
    buffer_append(b, text, (size_t)(buffer_write_int(text, number) - text));
}

void buffer_printf(struct buffer *b, const char *format, ...) {
    if (b->failure != MQK_OK) {
        return;
    }
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        b->failure = MQK_ERR_NO_MEMORY;
        return;
    }
    buffer_append(b, text, (size_t)len);
    free(text);
}
