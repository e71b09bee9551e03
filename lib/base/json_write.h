/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON text that is valid whatever the input. Any thread. */
#ifndef MQK_BASE_JSON_WRITE_H
#define MQK_BASE_JSON_WRITE_H

#include "buffer.h"
#include "bytes.h"

/* What one byte of text becomes at most (\u00XX), and how many bytes may be written beyond the end.
 */
#define JSON_WRITE_MOST 6u
#define JSON_WRITE_WIDE 16u

/* Out-of-line parts of json_put_escaped() and json_write_escaped(). */
char *json_put_escaped_slow(char *to, mqk_str text, bool *replaced);
bool json_write_escaped_slow(struct buffer *out, mqk_str text);

/* Identifiers and topics are mostly this long and need no escape: two words that overlap. Returns
 * the end, or NULL when the text is another one. `to` has room for 16 bytes. */
static inline char *json_put_short(char *to, mqk_str text) {
    if (text.len >= 8 && text.len <= 16) {
        uint64_t first = bytes_load(text.data);
        uint64_t last = bytes_load(text.data + text.len - 8);
        if (bytes_json_special_2(first, last)) {
            return NULL;
        }
        memcpy(to, &first, sizeof(first));
        memcpy(to + text.len - 8, &last, sizeof(last));
        return to + text.len;
    }
    if (text.len >= 4 && text.len < 8) {
        uint32_t first, last;
        memcpy(&first, text.data, sizeof(first));
        memcpy(&last, text.data + text.len - 4, sizeof(last));
        if (bytes_json_special(first | (uint64_t)last << 32)) {
            return NULL;
        }
        memcpy(to, &first, sizeof(first));
        memcpy(to + text.len - 4, &last, sizeof(last));
        return to + text.len;
    }
    return NULL;
}

/* Writes the inside of a JSON string, as json_write_escaped() does, to `to`, which has room for
 * JSON_WRITE_MOST times as many bytes and JSON_WRITE_WIDE more; returns the end. Sets `replaced`
 * when something was. */
static inline char *json_put_escaped(char *to, mqk_str text, bool *replaced) {
    char *end = json_put_short(to, text);
    return end ? end : json_put_escaped_slow(to, text, replaced);
}

/* Appends the inside of a JSON string (no quotes): quote, backslash and control characters (below
 * 0x20) escaped (\b \f \n \r \t, else \u00XX), everything else as it is; invalid UTF-8 replaced by
 * U+FFFD. Returns whether something was replaced. Fast for text that needs nothing. */
static inline bool json_write_escaped(struct buffer *out, mqk_str text) {
    if (out->capacity - out->len >= 16 && out->failure == MQK_OK) {
        char *end = json_put_short(out->data + out->len, text);
        if (end) {
            out->len = (size_t)(end - out->data);
            return false;
        }
    }
    return json_write_escaped_slow(out, text);
}

/* The same with quotes around. */
bool json_write_string(struct buffer *out, mqk_str text);

#endif
