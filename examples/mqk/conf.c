/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include "utf8.h"

/* The next line without white space around it; false behind the last. */
static bool next_line(mqk_str text, size_t *pos, mqk_str *line) {
    if (*pos >= text.len) {
        return false;
    }
    mqk_str rest = str_slice(text, *pos, text.len);
    const char *end = memchr(rest.data, '\n', rest.len);
    size_t len = end ? (size_t)(end - rest.data) : rest.len;
    *line = str_trim(str_slice(rest, 0, len));
    *pos += len + 1;
    return true;
}

static bool is_key(mqk_str key) {
    for (size_t i = 0; i < key.len; i++) {
        char c = key.data[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.' || c == '$';
        if (!word) {
            return false;
        }
    }
    return key.len > 0;
}

/* `key = value`; false when the line is something else. */
static bool split(mqk_str line, mqk_str *key, mqk_str *value) {
    const char *equals = line.len > 0 ? memchr(line.data, '=', line.len) : NULL;
    if (!equals) {
        return false;
    }
    size_t at = (size_t)(equals - line.data);
    *key = str_trim(str_slice(line, 0, at));
    *value = str_trim(str_slice(line, at + 1, line.len));
    return is_key(*key);
}

static bool is_nothing(mqk_str line) {
    return line.len == 0 || line.data[0] == '#';
}

static mqk_str unquote(mqk_str value) {
    bool quoted = value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"';
    return quoted ? str_slice(value, 1, value.len - 2) : value;
}

/* The entry at a dotted key. */
static struct setting *find(struct settings *s, mqk_str key, uint32_t line) {
    struct setting *node = s->root;
    for (size_t pos = 0; node && pos <= key.len;) {
        mqk_str rest = str_slice(key, pos, key.len);
        const char *dot = rest.len > 0 ? memchr(rest.data, '.', rest.len) : NULL;
        mqk_str part = str_slice(rest, 0, dot ? (size_t)(dot - rest.data) : rest.len);
        if (part.len == 0) {
            return settings_fail(s, MQK_ERR_SYNTAX, line, "a part of the key is missing");
        }
        if (node->kind != SETTING_MAP) {
            setting_clear(node, SETTING_MAP);
        }
        node = settings_entry(s, node, part, line);
        pos += part.len + 1;
    }
    return node;
}

mqk_status conf_read(struct settings *s, mqk_str text) {
    mqk_str line, key, value;
    uint32_t number = 0;
    if (text.len > SETTINGS_MAX_BYTES) {
        settings_fail(s, MQK_ERR_TOO_LARGE, 0, "the file is larger than 4 MiB");
        return MQK_ERR_TOO_LARGE;
    }
    if (utf8_valid_prefix(text) < text.len || (text.len > 0 && memchr(text.data, '\0', text.len))) {
        settings_fail(s, MQK_ERR_SYNTAX, 0, "the file is not UTF-8 text");
        return MQK_ERR_SYNTAX;
    }
    for (size_t pos = 0; next_line(text, &pos, &line);) {
        number++;
        if (is_nothing(line)) {
            continue;
        }
        if (!split(line, &key, &value)) {
            settings_fail(s, MQK_ERR_SYNTAX, number, "expected \"key = value\"");
            return MQK_ERR_SYNTAX;
        }
        struct setting *node = find(s, key, number);
        if (!node) {
            return s->err->code;
        }
        setting_clear(node, SETTING_TEXT);
        node->line = number;
        node->text = settings_keep(s, unquote(value));
        if (!node->text.data) {
            return MQK_ERR_NO_MEMORY;
        }
    }
    return MQK_OK;
}

bool conf_looks_like(mqk_str text) {
    mqk_str line, key, value;
    for (size_t pos = 0; next_line(text, &pos, &line);) {
        if (is_nothing(line)) {
            continue;
        }
        bool one = split(line, &key, &value);
        if (!one || (value.len > 0 && memchr("{[", value.data[0], 2))) {
            return false;
        }
    }
    return true;
}
