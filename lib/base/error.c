/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "utf8.h"

#define ELLIPSIS      "\xE2\x80\xA6"
#define MAX_WORD      64u
#define MAX_QUOTED    60u
#define ESCAPED_WIDTH 4u

/* Ends a text that filled all of `message` with "…", at a character's border. */
static void end_with_ellipsis(char *message, size_t size) {
    size_t end = size - sizeof(ELLIPSIS);
    for (int i = 0; i < 3 && end > 0 && ((uint8_t)message[end] & 0xC0) == 0x80; i++) {
        end--;
    }
    memcpy(message + end, ELLIPSIS, sizeof(ELLIPSIS));
}

mqk_status error_set(mqk_error *err, mqk_status code, uint32_t line, uint32_t column,
                     const char *format, ...) {
    if (!err) {
        return code;
    }
    /* Not straight into err->message: callers wrap one message in another. */
    char message[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (len < 0) {
        message[0] = '\0';
    } else if ((size_t)len >= sizeof(message)) {
        end_with_ellipsis(message, sizeof(message));
    }
    err->code = code;
    err->line = line;
    err->column = column;
    memcpy(err->message, message, strlen(message) + 1);
    return code;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c) {
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment: insertions, deletions, replacements, and swaps of neighbours. Both
 * words at most MAX_WORD bytes. */
static unsigned distance(mqk_str a, mqk_str b) {
    unsigned rows[3][MAX_WORD + 1];
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *above2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            char ca = lower(a.data[i - 1]);
            char cb = lower(b.data[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == lower(b.data[j - 2]) && lower(a.data[i - 2]) == cb &&
                above2[j - 2] + 1 < row[j]) {
                row[j] = above2[j - 2] + 1;
            }
        }
    }
    return rows[a.len % 3][b.len];
}

static unsigned tolerated(size_t len) {
    if (len <= 4) {
        return 1;
    }
    return len <= 9 ? 2 : 3;
}

const char *error_nearest(mqk_str word, const char *const *words) {
    if (word.len == 0 || word.len > MAX_WORD) {
        return NULL;
    }
    const char *nearest = NULL;
    unsigned least = tolerated(word.len) + 1;
    for (; *words; words++) {
        mqk_str candidate = mqk_cstr(*words);
        if (candidate.len == 0 || candidate.len > MAX_WORD) {
            continue;
        }
        unsigned d = distance(word, candidate);
        if (d < least) {
            least = d;
            nearest = *words;
        }
    }
    return nearest;
}

const char *error_hint(mqk_str word, const char *const *words, char out[ERROR_HINT_SIZE]) {
    const char *nearest = error_nearest(word, words);
    out[0] = '\0';
    if (nearest) {
        snprintf(out, ERROR_HINT_SIZE, ", did you mean \"%s\"?", nearest);
    }
    return out;
}

/* Length of the printable character at `text`, 0 when it has to be shown as \xNN. */
static size_t printable_len(const char *text, size_t len) {
    size_t n = utf8_char_len(text, len);
    uint8_t first = (uint8_t)text[0];
    bool control = first < 0x20 || first == 0x7F;
    bool control_c1 = n == 2 && first == 0xC2 && (uint8_t)text[1] < 0xA0;
    return control || control_c1 ? 0 : n;
}

const char *error_quote(mqk_str text, char out[ERROR_QUOTE_SIZE]) {
    _Static_assert(MAX_QUOTED * ESCAPED_WIDTH + sizeof(ELLIPSIS) <= ERROR_QUOTE_SIZE, "fits");
    char *to = out;
    size_t pos = 0;
    while (pos < text.len && pos < MAX_QUOTED) {
        size_t n = printable_len(text.data + pos, text.len - pos);
        if (n == 0) {
            to += snprintf(to, ESCAPED_WIDTH + 1, "\\x%02x", (unsigned)(uint8_t)text.data[pos++]);
        } else if (pos + n > MAX_QUOTED) {
            break;
        } else {
            memcpy(to, text.data + pos, n);
            to += n;
            pos += n;
        }
    }
    strcpy(to, pos < text.len ? ELLIPSIS : "");
    return out;
}
