/* SPDX-License-Identifier: Apache-2.0 */
#include "literal.h"

#include "json_scan.h"

#define UNICODE_ESCAPE 6u /* \uXXXX */

static bool is_digit(mqk_str text, size_t pos) {
    return pos < text.len && text.data[pos] >= '0' && text.data[pos] <= '9';
}

static size_t skip_digits(mqk_str text, size_t pos) {
    while (is_digit(text, pos)) {
        pos++;
    }
    return pos;
}

/* The byte that a letter behind a backslash stands for; 0: none. */
static char escaped(char letter) {
    static const char letters[] = "\\'\"/bfnrt", bytes[] = "\\'\"/\b\f\n\r\t";
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    return found ? bytes[found - letters] : '\0';
}

/* One \uXXXX, or two that make a pair; how many bytes they are, 0: wrong. */
static size_t decode_unicode(mqk_str text, size_t pos, struct buffer *out) {
    char json[2 * UNICODE_ESCAPE + 2] = "\"";
    size_t len = UNICODE_ESCAPE;
    if (pos + len > text.len) {
        return 0;
    }
    if (pos + 2 * len <= text.len && text.data[pos + len] == '\\' &&
        text.data[pos + len + 1] == 'u' && (text.data[pos + 2] | 0x20) == 'd') {
        len *= 2;
    }
    memcpy(json + 1, text.data + pos, len);
    json[len + 1] = '"';
    struct json_value value;
    if (!json_valid((mqk_str){json, len + 2}, &value)) {
        return 0;
    }
    json_append_decoded(out, &value);
    return len;
}

bool literal_skip_quoted(mqk_str text, size_t *pos) {
    char quote = text.data[*pos];
    for (size_t i = *pos + 1; i < text.len; i++) {
        if (text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == quote) {
            *pos = i + 1;
            return true;
        }
    }
    return false;
}

const char *literal_decode(mqk_str quoted, struct buffer *out, size_t *at) {
    mqk_str text = {quoted.data, quoted.len - 1};
    for (size_t i = 1; i < text.len;) {
        const char *p = memchr(text.data + i, '\\', text.len - i);
        size_t end = p ? (size_t)(p - text.data) : text.len;
        buffer_append(out, text.data + i, end - i);
        i = end;
        if (i == text.len) {
            break;
        }
        *at = i;
        if (text.data[i + 1] == 'u') {
            size_t len = decode_unicode(text, i, out);
            if (len == 0) {
                return "\\u is followed by four hexadecimal digits";
            }
            i += len;
            continue;
        }
        char byte = escaped(text.data[i + 1]);
        if (byte == '\0') {
            return "unknown escape; a backslash itself is written as \\\\";
        }
        buffer_append_char(out, byte);
        i += 2;
    }
    return NULL;
}

size_t literal_number(mqk_str text, size_t pos, bool sign) {
    size_t from = pos;
    pos += sign && pos < text.len && text.data[pos] == '-';
    size_t whole = pos;
    pos = skip_digits(text, pos);
    if (pos == whole || (text.data[whole] == '0' && pos > whole + 1)) {
        return 0;
    }
    if (pos < text.len && text.data[pos] == '.') {
        if (!is_digit(text, pos + 1)) {
            return 0;
        }
        pos = skip_digits(text, pos + 1);
    }
    if (pos < text.len && (text.data[pos] | 0x20) == 'e') {
        size_t exponent = pos + 1;
        exponent += exponent < text.len && memchr("+-", text.data[exponent], 2) != NULL;
        if (!is_digit(text, exponent)) {
            return 0;
        }
        pos = skip_digits(text, exponent);
    }
    return pos - from;
}
