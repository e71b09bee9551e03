/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY 256u
#define INT64_DIGITS   20u

void buffer_init(struct buffer *b, char *memory, size_t capacity) {
    b->data = memory;
    b->len = 0;
    b->capacity = memory ? capacity : 0;
    b->limit = BUFFER_LIMIT;
    b->start = memory;
    b->failure = MQK_OK;
}

void buffer_fini(struct buffer *b) {
    if (b->data != b->start) {
        free(b->data);
    }
    buffer_init(b, NULL, 0);
}

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

void buffer_append_int(struct buffer *b, int64_t number) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char text[INT64_DIGITS];
    char *first = text + sizeof(text);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
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
    if (rest > 0 || first == text + sizeof(text)) {
        *--first = (char)('0' + rest);
    }
    if (number < 0) {
        *--first = '-';
    }
    buffer_append(b, first, (size_t)(text + sizeof(text) - first));
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
