/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing piece of memory that starts in memory of the caller (usually on the stack), so that a
 * record of ordinary size costs no allocation.
 *
 * Appending never fails visibly at each step: a failure (out of memory, over the limit) is kept in
 * `failure`, later appends do nothing, and the owner looks once at the end. One thread at a time.
 */
#ifndef MQK_BASE_BUFFER_H
#define MQK_BASE_BUFFER_H

#include <stdlib.h>

#include "str.h"

struct buffer {
    char *data;         /* the bytes */
    size_t len;         /* how many are used */
    size_t capacity;    /* how many there are room for */
    size_t limit;       /* appending beyond this many fails with MQK_ERR_TOO_LARGE */
    char *start;        /* memory of the caller; never freed */
    mqk_status failure; /* MQK_OK, MQK_ERR_NO_MEMORY or MQK_ERR_TOO_LARGE */
};

/* Most bytes that any buffer holds: 64 MiB. */
#define BUFFER_LIMIT ((size_t)64 << 20)

/* Starts an empty buffer in `memory` (`capacity` bytes; NULL and 0 are allowed). */
static inline void buffer_init(struct buffer *b, char *memory, size_t capacity) {
    b->data = memory;
    b->len = 0;
    b->capacity = memory ? capacity : 0;
    b->limit = BUFFER_LIMIT;
    b->start = memory;
    b->failure = MQK_OK;
}

/* Frees what was allocated. The buffer may be zeroed memory. */
static inline void buffer_fini(struct buffer *b) {
    if (b->data != b->start) {
        free(b->data);
    }
    buffer_init(b, NULL, 0);
}

/* Makes room for `more` bytes behind `len`; false after a failure. */
bool buffer_reserve(struct buffer *b, size_t more);

/* Out-of-line part of buffer_append(). */
void buffer_append_slow(struct buffer *b, const char *data, size_t len);

static inline void buffer_append(struct buffer *b, const char *data, size_t len) {
    if (len <= b->capacity - b->len && b->failure == MQK_OK) {
        if (len > 0) {
            memcpy(b->data + b->len, data, len);
            b->len += len;
        }
        return;
    }
    buffer_append_slow(b, data, len);
}

static inline void buffer_append_str(struct buffer *b, mqk_str s) {
    buffer_append(b, s.data, s.len);
}

static inline void buffer_append_char(struct buffer *b, char c) {
    buffer_append(b, &c, 1);
}

/* Room for a number in decimal, and for what buffer_write_int() writes behind it. */
#define BUFFER_INT_MAX 32u

/* Writes the decimal digits of a number to `to`, which has room for BUFFER_INT_MAX bytes; returns
 * the end of what was written. */
char *buffer_write_int(char *to, int64_t number);

/* Appends the decimal digits of a number. */
void buffer_append_int(struct buffer *b, int64_t number);

/* printf into the buffer; for messages, not for the hot path. */
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What was appended since `from`; invalid after the next append. */
static inline mqk_str buffer_since(const struct buffer *b, size_t from) {
    mqk_str s = {b->data ? b->data + from : "", b->len - from};
    return s;
}

#endif
