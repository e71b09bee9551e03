/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON text that is valid whatever the input. Any thread. */
#ifndef MQK_BASE_JSON_WRITE_H
#define MQK_BASE_JSON_WRITE_H

#include "buffer.h"
#include "bytes.h"

/* Out-of-line part of json_write_escaped(). */
bool json_write_escaped_slow(struct buffer *out, mqk_str text);

/* Appends the inside of a JSON string (no quotes): quote, backslash and control characters (below
 * 0x20) escaped (\b \f \n \r \t, else \u00XX), everything else as it is; invalid UTF-8 replaced by
 * U+FFFD. Returns whether something was replaced. Fast for text that needs nothing. */
static inline bool json_write_escaped(struct buffer *out, mqk_str text) {
    /* Identifiers and topics are mostly this long and need no escape: two words that overlap. */
    if (text.len >= 8 && text.len <= 16 && out->capacity - out->len >= 16 &&
        out->failure == MQK_OK) {
        uint64_t first = bytes_load(text.data);
        uint64_t last = bytes_load(text.data + text.len - 8);
        if (!(bytes_json_special(first) | bytes_json_special(last))) {
            char *to = out->data + out->len;
            memcpy(to, &first, sizeof(first));
            memcpy(to + text.len - 8, &last, sizeof(last));
            out->len += text.len;
            return false;
        }
    }
    return json_write_escaped_slow(out, text);
}

/* The same with quotes around. */
bool json_write_string(struct buffer *out, mqk_str text);

#endif
