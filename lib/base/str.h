/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers for mqk_str, the library's only kind of text. No memory, any thread. */
#ifndef MQK_BASE_STR_H
#define MQK_BASE_STR_H

#include <mqkafka/mqkafka.h>

/* An mqk_str of a string literal. */
#define STR(literal) ((mqk_str){"" literal, sizeof(literal) - 1})

/* For printf's "%.*s". */
#define STR_ARG(s) (int)((s).len), ((s).data ? (s).data : "")

static inline bool str_equal(mqk_str a, mqk_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool str_starts_with(mqk_str s, mqk_str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}

/* The part of `s` from byte `from` on, of at most `len` bytes. `from` must not be past the end. */
static inline mqk_str str_slice(mqk_str s, size_t from, size_t len) {
    mqk_str part = {s.data + from, s.len - from};
    if (part.len > len) {
        part.len = len;
    }
    return part;
}

/* FNV-1a over 64 bits, folded; for tables whose names nobody hostile chooses by the thousand. */
static inline uint32_t str_hash(mqk_str s) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.data[i]) * 0x100000001b3u;
    }
    return (uint32_t)(h ^ h >> 32);
}

/* Without white space (space, tab, CR, LF) at both ends. */
static inline mqk_str str_trim(mqk_str s) {
    while (s.len > 0 && memchr(" \t\r\n", s.data[0], 4)) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && memchr(" \t\r\n", s.data[s.len - 1], 4)) {
        s.len--;
    }
    return s;
}

#endif
