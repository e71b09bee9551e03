/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include <stdarg.h>
#include <stdio.h>

#include "error.h"
#include "utf8.h"

void convert_note(struct conversion *c, const struct setting *at, const char *format, ...) {
    char sentence[700];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (at) {
        buffer_printf(&c->notes, "line %u: ", (unsigned)at->line);
        setting_path(at, &c->notes);
        buffer_append_str(&c->notes, STR(": "));
    }
    buffer_append_str(&c->notes, mqk_cstr(sentence));
    buffer_append_char(&c->notes, '\n');
}

/* Of a list, only the first entry is worth a line. */
static bool is_further_entry(const struct setting *node) {
    return node->parent && node->parent->kind == SETTING_LIST && node->parent->first != node;
}

void convert_note_unused(struct conversion *c, const struct setting *root) {
    for (const struct setting *node = root; node; node = setting_next(root, node)) {
        if (node->kind == SETTING_TEXT && !node->used && !is_further_entry(node)) {
            convert_note(c, node, "no counterpart");
        }
    }
}

/* Whether YAML refuses the character, or reads it as a line end. */
static bool must_escape(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           c == 0xFFFE || c == 0xFFFF;
}

static uint32_t code_point(const char *text, size_t len) {
    const uint8_t *b = (const uint8_t *)text;
    switch (len) {
    case 2:
        return (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
    case 3:
        return (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
    case 4:
        return 0x10000;
    default:
        return b[0];
    }
}

void convert_quote(struct buffer *out, mqk_str text) {
    buffer_append_char(out, '"');
    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_char_len(text.data + i, text.len - i);
        size_t taken = len > 0 ? len : 1;
        uint32_t c = code_point(text.data + i, taken);
        if (c == '"' || c == '\\') {
            buffer_append_char(out, '\\');
            buffer_append_char(out, (char)c);
        } else if (c == '\n') {
            buffer_append_str(out, STR("\\n"));
        } else if (c == '\t') {
            buffer_append_str(out, STR("\\t"));
        } else if (must_escape(c)) {
            buffer_printf(out, "\\u%04X", (unsigned)c);
        } else {
            buffer_append(out, text.data + i, taken);
        }
        i += taken;
    }
    buffer_append_char(out, '"');
}

void convert_line(struct buffer *out, unsigned indent, const char *key, mqk_str value) {
    buffer_printf(out, "%*s%s: ", (int)indent, "", key);
    convert_quote(out, value);
    buffer_append_char(out, '\n');
}

/* Writes the servers of "h:p, h:p" as entries of a list. Returns how many. */
static size_t write_servers(struct buffer *out, unsigned indent, mqk_str list) {
    size_t count = 0;
    for (size_t pos = 0; pos <= list.len;) {
        mqk_str rest = str_slice(list, pos, list.len);
        const char *comma = rest.len > 0 ? memchr(rest.data, ',', rest.len) : NULL;
        size_t len = comma ? (size_t)(comma - rest.data) : rest.len;
        mqk_str server = str_trim(str_slice(rest, 0, len));
        if (server.len > 0) {
            buffer_printf(out, "%*s- ", (int)indent, "");
            convert_quote(out, server);
            buffer_append_char(out, '\n');
            count++;
        }
        pos += len + 1;
    }
    return count;
}

void convert_servers(struct conversion *c, struct setting *servers, unsigned indent,
                     const char *fallback) {
    size_t count = 0;
    buffer_printf(&c->yaml, "%*sservers:\n", (int)indent, "");
    if (servers && servers->kind == SETTING_TEXT) {
        servers->used = true;
        count = write_servers(&c->yaml, indent + 2, servers->text);
    } else if (servers && servers->kind == SETTING_LIST) {
        for (struct setting *one = servers->first; one; one = one->next) {
            one->used = one->kind == SETTING_TEXT;
            count += one->used ? write_servers(&c->yaml, indent + 2, one->text) : 0;
        }
    }
    if (count == 0) {
        write_servers(&c->yaml, indent + 2, mqk_cstr(fallback));
        convert_note(c, servers, "no Kafka server is named; %s is taken", fallback);
    }
}
