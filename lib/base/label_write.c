/* SPDX-License-Identifier: Apache-2.0 */
#include "label_write.h"

#include "utf8.h"

static const mqk_str replacement = {"\xEF\xBF\xBD", 3};

/* Appends what stands at the start of `text`, which is not plain; returns how many bytes it was. */
static size_t write_special(struct buffer *out, mqk_str text) {
    switch (text.data[0]) {
    case '"':
        buffer_append_str(out, STR("\\\""));
        return 1;
    case '\\':
        buffer_append_str(out, STR("\\\\"));
        return 1;
    case '\n':
        buffer_append_str(out, STR("\\n"));
        return 1;
    case '\0':
        buffer_append_str(out, replacement);
        return 1;
    default: {
        size_t len = utf8_char_len(text.data, text.len);
        if (len > 0) {
            buffer_append(out, text.data, len);
            return len;
        }
        buffer_append_str(out, replacement);
        return utf8_invalid_len(text.data, text.len);
    }
    }
}

void label_write(struct buffer *out, const char *name, mqk_str value) {
    buffer_append_str(out, mqk_cstr(name));
    buffer_append_str(out, STR("=\""));
    for (size_t at = 0; at < value.len;) {
        at += write_special(out, str_slice(value, at, value.len));
    }
    buffer_append_char(out, '"');
}
