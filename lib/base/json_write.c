/* SPDX-License-Identifier: Apache-2.0 */
#include "json_write.h"

#include "bytes.h"
#include "utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* What stands behind the backslash for an ASCII character that cannot stand as it is: a letter, `u`
 * for \u00XX; 0 for one that can. */
static const char escapes[128] = {'u', 'u', 'u', 'u', 'u', 'u',         'u',          'u', 'b',
                                  't', 'n', 'u', 'f', 'r', 'u',         'u',          'u', 'u',
                                  'u', 'u', 'u', 'u', 'u', 'u',         'u',          'u', 'u',
                                  'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\'};

#define MOST JSON_WRITE_MOST
#define WIDE JSON_WRITE_WIDE

/* Writes a character that does not stand for itself, as write_char() does. */
static char *write_special(char *to, const char **p, const char *end, bool *replaced) {
    static const char hex[] = "0123456789abcdef";
    uint8_t c = (uint8_t) * *p;
    if (c < 0x80) {
        (*p)++;
        *to++ = '\\';
        *to++ = escapes[c];
        if (escapes[c] == 'u') {
            *to++ = '0';
            *to++ = '0';
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        }
        return to;
    }
    size_t len = utf8_char_len(*p, (size_t)(end - *p));
    if (len > 0) {
        memcpy(to, *p, len);
        *p += len;
        return to + len;
    }
    *replaced = true;
    *p += utf8_invalid_len(*p, (size_t)(end - *p));
    memcpy(to, REPLACEMENT, sizeof(REPLACEMENT) - 1);
    return to + sizeof(REPLACEMENT) - 1;
}

/* Writes the character at `*p` to `to` as it stands inside a JSON string, advances `*p`, returns
 * the end of what was written. Quotes are what JSON payloads are full of. */
static inline char *write_char(char *to, const char **p, const char *end, bool *replaced) {
    uint8_t c = (uint8_t) * *p;
    if (c < 0x80 && !escapes[c]) {
        (*p)++;
        *to = (char)c;
        return to + 1;
    }
    if (c == '"') {
        (*p)++;
        to[0] = '\\';
        to[1] = '"';
        return to + 2;
    }
    return write_special(to, p, end, replaced);
}

#if defined(__SSE2__)
/* Bytes at the end of a text that are written from a copy, behind which more may be read. */
#define TAIL 32u

/* Writes sixteen bytes that hold quotes and backslashes where `mask` says and nothing else that is
 * special; behind them sixteen more may be read. Each is copied again with what follows it, one
 * place further: no copy waits for the one before. */
static inline char *write_quotes(char *to, const char *p, unsigned mask) {
    for (; mask; mask &= mask - 1) {
        unsigned at = (unsigned)__builtin_ctz(mask);
        to[at] = '\\';
        to++;
        bytes_store_16(to + at, bytes_load_16(p + at));
    }
    return to;
}

/* The same where `mask` says what is special in any way: with the characters that begin there. */
static __attribute__((noinline)) char *write_mixed(char *to, const char **p, size_t len,
                                                   unsigned mask, const char *end, bool *replaced) {
    const char *block = *p, *from = block;
    for (; mask; mask &= mask - 1) {
        const char *special = block + __builtin_ctz(mask);
        if (special < from) {
            continue; /* part of a longer character that is written */
        }
        bytes_store_16(to, bytes_load_16(from));
        to = write_char(to + (special - from), &special, end, replaced);
        from = special;
    }
    if (from < block + len) {
        bytes_store_16(to, bytes_load_16(from));
        to += block + len - from;
        from = block + len;
    }
    *p = from;
    return to;
}

/* Writes the characters that begin among the next `len` (up to 16) of the bytes before `end`;
 * thirty-two may be read. All specials of a block are found at once. */
static inline char *write_block(char *to, const char **p, size_t len, const char *end,
                                bool *replaced) {
    __m128i block = bytes_load_16(*p);
    unsigned wanted = (1u << len) - 1;
    unsigned quotes = bytes_quotes_16(block) & wanted;
    unsigned special = bytes_special_16(block) & wanted;
    if (special != quotes) {
        return write_mixed(to, p, len, special, end, replaced);
    }
    bytes_store_16(to, block);
    to = write_quotes(to, *p, quotes) + len;
    *p += len;
    return to;
}

/* Writes [p, end) to `to`, which has room for MOST times as many bytes and WIDE more; returns the
 * end. */
static char *write_escaped(char *to, const char *p, const char *end, bool *replaced) {
    char tail[TAIL + 16] = {0};
    size_t len = (size_t)(end - p);
    /* Copied first, so that it is where it can be read by the time it is needed. */
    size_t kept = len < TAIL ? len : TAIL;
    if (kept >= 16) {
        bytes_store_16(tail, bytes_load_16(end - kept));
        bytes_store_16(tail + kept - 16, bytes_load_16(end - 16));
    } else {
        bytes_copy(tail, p, kept);
    }
    while (end - p >= (ptrdiff_t)TAIL) {
        to = write_block(to, &p, 16, end, replaced);
    }
    p = tail + kept - (end - p);
    end = tail + kept;
    while (p < end) {
        size_t rest = (size_t)(end - p);
        to = write_block(to, &p, rest < 16 ? rest : 16, end, replaced);
    }
    return to;
}
#else
/* Copies eight bytes; returns how many of them, from the first one on, stand for themselves. */
static inline unsigned copy_8(char *to, const char *p) {
    uint64_t word = bytes_load(p);
    uint64_t special = bytes_json_special(word);
    memcpy(to, &word, sizeof(word));
    return special ? (unsigned)bytes_before(special) : 8;
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The last `rest` (1 to 7) of at least eight bytes, and spaces behind them. */
static inline uint64_t load_last(const char *end, size_t rest) {
    uint64_t word = bytes_load(end - 8) >> (64 - 8 * rest);
    return word | BYTES_OF(' ') << (8 * rest);
}
#endif

/* Writes [p, end) to `to`, which has room for MOST times as many bytes and WIDE more; returns the
 * end. What is special among the copied bytes is written over. */
static char *write_escaped(char *to, const char *p, const char *end, bool *replaced) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bool has_word = end - p >= 8;
#endif
    while (end - p >= 8) {
        unsigned plain = copy_8(to, p);
        p += plain;
        to += plain;
        if (plain < 8) {
            to = write_char(to, &p, end, replaced);
        }
    }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (has_word && p < end) {
        size_t rest = (size_t)(end - p);
        uint64_t word = load_last(end, rest);
        uint64_t special = bytes_json_special(word);
        memcpy(to, &word, sizeof(word));
        size_t plain = special ? bytes_before(special) : rest;
        if (plain >= rest) {
            return to + rest;
        }
        p += plain;
        to = write_char(to + plain, &p, end, replaced);
    }
#endif
    while (p < end) {
        to = write_char(to, &p, end, replaced);
    }
    return to;
}

#endif

/* So much input at a time, or as much as there is room for at its worst, but not less than a few
 * bytes: a buffer that is large enough for the text as it is must not grow for the worst case. */
#define CHUNK     1024u
#define MIN_CHUNK 64u

/* How many of the next `left` bytes to write, with room made for them; 0 after a failure. */
static size_t next_chunk(struct buffer *out, size_t left) {
    size_t len = left < CHUNK ? left : CHUNK;
    size_t room = out->capacity - out->len;
    size_t fits = room > WIDE ? (room - WIDE) / MOST : 0;
    if (fits >= len || fits >= MIN_CHUNK) {
        return out->failure != MQK_OK ? 0 : fits < len ? fits : len;
    }
    return buffer_reserve(out, len * MOST + WIDE) ? len : 0;
}

/* A chunk of `len` out of `left` bytes without the character, or piece of one, that its border
 * would cut. What begins more than three bytes before the border ends before it. */
static size_t whole_characters(const char *p, size_t len, size_t left) {
    for (size_t back = 1; len < left && back <= 3 && back < len; back++) {
        const char *c = p + len - back;
        if (((uint8_t)*c & 0xC0) != 0x80) {
            size_t rest = left - (len - back);
            size_t n = utf8_char_len(c, rest);
            n = n > 0 ? n : utf8_invalid_len(c, rest);
            return n > back ? len - back : len;
        }
    }
    return len;
}

/* Near the limit the worst case has no room, but the text may have. */
static void write_near_limit(struct buffer *out, const char *p, const char *end, bool *replaced) {
    while (p < end && out->failure == MQK_OK) {
        char one[MOST];
        char *to = write_char(one, &p, end, replaced);
        buffer_append(out, one, (size_t)(to - one));
    }
}

/* Text for which there may be no room. */
static bool write_long(struct buffer *out, mqk_str text) {
    bool replaced = false;
    const char *p = text.data;
    for (size_t left = text.len, len; left > 0; p += len, left -= len) {
        if (out->limit - out->len < CHUNK * MOST + WIDE) {
            write_near_limit(out, p, p + left, &replaced);
            break;
        }
        len = next_chunk(out, left);
        if (len == 0) {
            break;
        }
        len = whole_characters(p, len, left);
        char *to = out->data + out->len;
        out->len += (size_t)(write_escaped(to, p, p + len, &replaced) - to);
    }
    return replaced;
}

char *json_put_escaped_slow(char *to, mqk_str text, bool *replaced) {
    return write_escaped(to, text.data, text.data + text.len, replaced);
}

bool json_write_escaped_slow(struct buffer *out, mqk_str text) {
    if (text.len > CHUNK || out->capacity - out->len < text.len * MOST + WIDE ||
        out->failure != MQK_OK) {
        return write_long(out, text);
    }
    bool replaced = false;
    char *to = out->data + out->len;
    out->len += (size_t)(write_escaped(to, text.data, text.data + text.len, &replaced) - to);
    return replaced;
}

bool json_write_string(struct buffer *out, mqk_str text) {
    buffer_append_char(out, '"');
    bool replaced = json_write_escaped(out, text);
    buffer_append_char(out, '"');
    return replaced;
}
