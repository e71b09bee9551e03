/* SPDX-License-Identifier: Apache-2.0 */
/* Eight bytes at a time: what the hot loops over text share. Any byte order, any thread. */
#ifndef MQK_BASE_BYTES_H
#define MQK_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A word of eight equal bytes. */
#define BYTES_OF(byte) (UINT64_C(0x0101010101010101) * (uint64_t)(byte))

#define BYTES_HIGH BYTES_OF(0x80)

/* The next eight bytes, from any address. */
static inline uint64_t bytes_load(const char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* memcpy() of what is mostly short, without a call. */
static inline void bytes_copy(char *to, const char *from, size_t len) {
    if (len > 16 || len < 4) {
        if (len > 16) {
            memcpy(to, from, len);
            return;
        }
        for (size_t i = 0; i < len; i++) {
            to[i] = from[i];
        }
    } else if (len >= 8) {
        uint64_t first = bytes_load(from), last = bytes_load(from + len - 8);
        memcpy(to, &first, 8);
        memcpy(to + len - 8, &last, 8);
    } else {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + len - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + len - 4, &last, 4);
    }
}

/* memcmp() == 0 of what is mostly short, without a call. */
static inline bool bytes_same(const char *a, const char *b, size_t len) {
    if (len > 16) {
        return memcmp(a, b, len) == 0;
    }
    if (len >= 8) {
        return ((bytes_load(a) ^ bytes_load(b)) |
                (bytes_load(a + len - 8) ^ bytes_load(b + len - 8))) == 0;
    }
    if (len >= 4) {
        uint32_t first[2], last[2];
        memcpy(&first[0], a, 4);
        memcpy(&first[1], b, 4);
        memcpy(&last[0], a + len - 4, 4);
        memcpy(&last[1], b + len - 4, 4);
        return ((first[0] ^ first[1]) | (last[0] ^ last[1])) == 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
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

#if defined(__SSE2__)
/* Sixteen bytes from any address, and to any. */
static inline __m128i bytes_load_16(const char *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void bytes_store_16(char *to, __m128i bytes) {
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
}

/* A bit for each of sixteen bytes that is a quote or a backslash. */
static inline unsigned bytes_quotes_16(__m128i bytes) {
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
}

/* A bit for each that bytes_json_special() would find. */
static inline unsigned bytes_special_16(__m128i bytes) {
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    /* The high bit of `bytes` itself says that it is not ASCII. */
    return bytes_quotes_16(bytes) | (unsigned)_mm_movemask_epi8(_mm_or_si128(control, bytes));
}

/* A bit for each that is a decimal digit. */
static inline unsigned bytes_digits_16(__m128i bytes) {
    __m128i value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    return (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value));
}
#endif

/* As bytes_json_special() for two words at once. */
static inline bool bytes_json_special_2(uint64_t first, uint64_t second) {
#if defined(__SSE2__)
    return bytes_special_16(_mm_set_epi64x((long long)second, (long long)first)) != 0;
#else
    return (bytes_json_special(first) | bytes_json_special(second)) != 0;
#endif
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

/* Not 0 when one of the bytes is no decimal digit. */
static inline uint64_t bytes_non_digit(uint64_t word) {
    uint64_t value = word ^ BYTES_OF('0'); /* 0 to 9 for digits only */
    return (((value & ~BYTES_HIGH) + BYTES_OF(0x76)) | value) & BYTES_HIGH;
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
