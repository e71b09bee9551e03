/* SPDX-License-Identifier: Apache-2.0 */
/* Eight bytes at a time: what the hot loops over text share. Any byte order, any thread. */
#ifndef MQK_BASE_BYTES_H
#define MQK_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A word of eight equal bytes. */
#define BYTES_OF(byte) (UINT64_C(0x0101010101010101) * (uint64_t)(byte))

#define BYTES_HIGH BYTES_OF(0x80)

/* The next eight bytes, from any address. */
static inline uint64_t bytes_load(const char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* Not 0 when one of the bytes is not ASCII. */
static inline uint64_t bytes_non_ascii(uint64_t word) {
    return word & BYTES_HIGH;
}

/* Not 0 when one of the bytes cannot stand as it is in a JSON string without a closer look: a
 * quote, a backslash, a control character or a byte of a longer UTF-8 sequence. */
static inline uint64_t bytes_json_special(uint64_t word) {
    uint64_t quote = word ^ BYTES_OF('"');
    uint64_t backslash = word ^ BYTES_OF('\\');
    uint64_t found = (quote - BYTES_OF(1)) & ~quote;
    found |= (backslash - BYTES_OF(1)) & ~backslash;
    found |= (word - BYTES_OF(0x20)) & ~word;
    found |= word;
    return found & BYTES_HIGH;
}

/* How many bytes at the start of a word are certainly not meant by what a function above found in
 * it
 * (`found` is not 0). Byte order decides whether that can be told at all. */
static inline size_t bytes_before(uint64_t found) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(found) / 8;
#else
    (void)found;
    return 0;
#endif
}

/* Not 0 when one of the bytes is `byte`; the lowest bit set in memory order is exact. */
static inline uint64_t bytes_equal(uint64_t word, char byte) {
    uint64_t difference = word ^ BYTES_OF((uint8_t)byte);
    return (difference - BYTES_OF(1)) & ~difference & BYTES_HIGH;
}

/* The first `byte` in [p, end), or `end`. For text that is short: long text is for memchr(). */
static inline const char *bytes_find(const char *p, const char *end, char byte) {
    while (end - p >= 8) {
        uint64_t found = bytes_equal(bytes_load(p), byte);
        if (found) {
            p += bytes_before(found);
            while (*p != byte) {
                p++;
            }
            return p;
        }
        p += 8;
    }
    while (p < end && *p != byte) {
        p++;
    }
    return p;
}

#endif
