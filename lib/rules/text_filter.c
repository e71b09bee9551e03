/* SPDX-License-Identifier: Apache-2.0 */
#include "text_filter.h"

#include <strings.h>

#include "utf8.h"

#define REPLACEMENT  STR("\xEF\xBF\xBD")
#define STRUCTURED   "application/cloudevents"
#define TOKEN_PUNCTS "!#$%&'*+-.^_`{|}~"

static bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

void text_to_uri(mqk_str text, struct buffer *out) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (is_letter_or_digit(c) || (c != '\0' && strchr("-._~/", c))) {
            buffer_append_char(out, c);
        } else {
            const char encoded[] = {'%', digits[(uint8_t)c >> 4], digits[c & 15]};
            buffer_append(out, encoded, sizeof(encoded));
        }
    }
}

/* Of a valid character of `len` bytes. */
static bool is_printable(const char *at, size_t len) {
    const uint8_t *p = (const uint8_t *)at;
    if (len == 1) {
        return p[0] >= 0x20 && p[0] != 0x7F;
    }
    if (len == 2) {
        return p[0] != 0xC2 || p[1] >= 0xA0;
    }
    if (len == 3) {
        /* U+FDD0 to U+FDEF, U+FFFE, U+FFFF */
        return p[0] != 0xEF ||
               !((p[1] == 0xB7 && p[2] >= 0x90 && p[2] <= 0xAF) || (p[1] == 0xBF && p[2] >= 0xBE));
    }
    /* The last two of every plane. */
    return (p[1] & 0x0F) != 0x0F || p[2] != 0xBF || p[3] < 0xBE;
}

/* How many bytes at the start are printable ASCII, as most texts are to their end. */
static size_t plain_prefix(mqk_str text) {
    size_t len = 0;
    while (len < text.len && text.data[len] >= 0x20 && text.data[len] < 0x7F) {
        len++;
    }
    return len;
}

void text_to_printable(mqk_str text, struct buffer *out) {
    for (size_t i = 0; i < text.len;) {
        const char *at = text.data + i;
        size_t plain = plain_prefix((mqk_str){at, text.len - i});
        if (plain > 0) {
            buffer_append(out, at, plain);
            i += plain;
            continue;
        }
        size_t len = utf8_char_len(at, text.len - i);
        if (len > 0 && is_printable(at, len)) {
            buffer_append(out, at, len);
        } else {
            buffer_append_str(out, REPLACEMENT);
        }
        i += len > 0 ? len : utf8_invalid_len(at, text.len - i);
    }
}

static size_t token_len(mqk_str text) {
    size_t len = 0;
    while (len < text.len && (is_letter_or_digit(text.data[len]) ||
                              (text.data[len] != '\0' && strchr(TOKEN_PUNCTS, text.data[len])))) {
        len++;
    }
    return len;
}

bool text_is_mediatype(mqk_str text) {
    size_t type = token_len(text);
    if (type == 0 || type == text.len || text.data[type] != '/') {
        return false;
    }
    mqk_str rest = str_slice(text, type + 1, text.len);
    size_t subtype = token_len(rest);
    if (subtype == 0 || (subtype < rest.len && !memchr("; ", rest.data[subtype], 2))) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7E) {
            return false;
        }
    }
    return text.len < sizeof(STRUCTURED) - 1 ||
           strncasecmp(text.data, STRUCTURED, sizeof(STRUCTURED) - 1) != 0;
}

mqk_str text_host(mqk_str address) {
    if (address.len > 0 && address.data[0] == '[') {
        const char *end = memchr(address.data, ']', address.len);
        return end ? (mqk_str){address.data + 1, (size_t)(end - address.data - 1)} : address;
    }
    const char *colon = address.len > 0 ? memchr(address.data, ':', address.len) : NULL;
    size_t host = colon ? (size_t)(colon - address.data) : address.len;
    /* Two colons: a bare IPv6 address. */
    bool bare = colon && memchr(colon + 1, ':', address.len - host - 1);
    return bare ? address : (mqk_str){address.data, host};
}
