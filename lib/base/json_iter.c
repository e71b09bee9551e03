/* SPDX-License-Identifier: Apache-2.0 */
/* The part of json_scan.h that walks over text which is known to be valid: it finds where a value
 * ends without checking it again, and stays within the text even when the promise is broken. */
#include "json_scan.h"

#include "bytes.h"
#include "json_space.h"

const char *json_skip_space_slow(const char *p, const char *end) {
    while (p < end && json_is_space(*p)) {
        p++;
        /* Indented text: mostly runs of blanks. */
        while (end - p >= 8 && bytes_load(p) == BYTES_OF(' ')) {
            p += 8;
        }
    }
    return p;
}

/* Behind the string that begins at `p`. */
static const char *skip_string(const char *p, const char *end, bool *escapes) {
    *escapes = false;
    p++;
    while (p < end && *p != '"') {
        if (end - p >= 8 && !bytes_json_special(bytes_load(p))) {
            p += 8;
        } else if (*p == '\\' && end - p >= 2) {
            *escapes = true;
            p += 2;
        } else {
            p++;
        }
    }
    return p < end ? p + 1 : p;
}

void json_append_compact(struct buffer *out, mqk_str valid_json) {
    const char *p = valid_json.data;
    const char *end = p ? p + valid_json.len : p;
    const char *run = p;
    bool ignored;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end, &ignored);
        } else if (json_is_space(*p)) {
            buffer_append(out, run, (size_t)(p - run));
            p = json_skip_space(p, end);
            run = p;
        } else {
            p++;
        }
    }
    if (run < end) {
        buffer_append(out, run, (size_t)(end - run));
    }
}

static enum json_kind kind_of(char c) {
    switch (c) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

static const char *skip_container(const char *p, const char *end) {
    size_t depth = 0;
    bool ignored;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end, &ignored);
            continue;
        }
        char c = *p++;
        if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            break;
        }
    }
    return p;
}

static bool ends_scalar(char c) {
    return json_is_space(c) || c == ',' || c == '}' || c == ']';
}

/* The value that begins at `p`; returns the place behind it. */
static const char *take_value(const char *p, const char *end, struct json_value *v) {
    const char *start = p;
    *v = (struct json_value){JSON_NONE, {NULL, 0}, false};
    if (p == end) {
        return p;
    }
    v->kind = kind_of(*p);
    if (v->kind == JSON_STRING) {
        p = skip_string(p, end, &v->has_escapes);
    } else if (v->kind == JSON_OBJECT || v->kind == JSON_ARRAY) {
        p = skip_container(p, end);
    } else {
        while (p < end && !ends_scalar(*p)) {
            p++;
        }
    }
    v->text = (mqk_str){start, (size_t)(p - start)};
    return p;
}

void json_iter_init(struct json_iter *it, mqk_str object_or_array) {
    bool container = object_or_array.len > 0 &&
                     (object_or_array.data[0] == '{' || object_or_array.data[0] == '[');
    it->text = object_or_array;
    it->object = container && object_or_array.data[0] == '{';
    it->pos = container ? 1 : object_or_array.len;
}

bool json_iter_next(struct json_iter *it, struct json_value *name, struct json_value *value) {
    *name = (struct json_value){JSON_NONE, {NULL, 0}, false};
    *value = *name;
    if (it->pos >= it->text.len) {
        return false;
    }
    const char *end = it->text.data + it->text.len;
    const char *p = json_skip_space(it->text.data + it->pos, end);
    if (p < end && *p == ',') {
        p = json_skip_space(p + 1, end);
    }
    if (p == end || *p == '}' || *p == ']') {
        it->pos = it->text.len;
        return false;
    }
    if (it->object) {
        p = json_skip_space(take_value(p, end, name), end);
        p = p < end ? json_skip_space(p + 1, end) : end;
    }
    p = take_value(p, end, value);
    it->pos = (size_t)(p - it->text.data);
    return true;
}
