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

/* The eight decimal digits of a number below 10^8, as values from 0 to 9, the first one in the
 * lowest byte: halves of four digits, then of two, then of one, each step for all at once. */
static inline uint64_t eight_digits(uint32_t number) {
    uint64_t fours = number / 10000 | (uint64_t)(number % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & UINT64_C(0x0000007F0000007F);
    uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = (twos * 103 >> 10) & UINT64_C(0x000F000F000F000F);
    return tens | (twos - tens * 10) << 8;
}

/* Writes eight bytes, the lowest one first. */
static inline void put_digits(char *to, uint64_t digits) {
    digits |= UINT64_C(0x3030303030303030);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    digits = __builtin_bswap64(digits);
#endif
    memcpy(to, &digits, sizeof(digits));
}

/* Writes a number below 10^8 without leading zeros; of the eight bytes that are written those
 * behind the returned end are of no meaning. */
static inline char *put_first(char *to, uint32_t number) {
    uint64_t digits = eight_digits(number);
    unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
    put_digits(to, digits >> (8 * zeros));
    return to + 8 - zeros;
}

#define EIGHT UINT64_C(100000000)

char *buffer_write_int(char *to, int64_t number) {
    if (number >= 0 && number < 10) {
        *to = (char)('0' + number);
        return to + 1;
    }
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    *to = '-';
    to += number < 0;
    if (rest < EIGHT) {
        return put_first(to, (uint32_t)rest);
    }
    uint64_t upper = rest / EIGHT;
    if (upper < EIGHT) {
        to = put_first(to, (uint32_t)upper);
    } else {
        to = put_first(to, (uint32_t)(upper / EIGHT));
        put_digits(to, eight_digits((uint32_t)(upper % EIGHT)));
        to += 8;
    }
    put_digits(to, eight_digits((uint32_t)(rest % EIGHT)));
    return to + 8;
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
