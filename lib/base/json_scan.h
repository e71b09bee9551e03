/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads JSON (RFC 8259) without building a tree and without changing what it passes on: a value is
 * found as the slice of text that it is, so numbers keep their very digits.
 *
 * Strict: exactly the grammar of RFC 8259; text must be valid UTF-8; a byte order mark is refused.
 * No recursion, no allocation. Lone surrogates in escapes (\ud800) are accepted by the grammar and
 * decode to U+FFFD. Any thread.
 */
#ifndef MQK_BASE_JSON_SCAN_H
#define MQK_BASE_JSON_SCAN_H

#include "buffer.h"
#include "bytes.h"

#define JSON_MAX_DEPTH 256u /* arrays and objects nested deeper are refused */
#define JSON_MAX_STEPS 32u  /* steps of a path */

enum json_kind {
    JSON_NONE, /* not found, or the text is not JSON */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_OBJECT,
    JSON_ARRAY
};

/* A value inside a JSON text: its kind and its slice, quotes and brackets included, no white space
 * around. */
struct json_value {
    enum json_kind kind;
    mqk_str text;
    bool has_escapes; /* JSON_STRING: contains a backslash */
};

/* A step of a path: a member's name (name.data != NULL) or an array index. */
struct json_step {
    mqk_str name; /* decoded bytes; absent: use `index` */
    uint32_t index;
};

/* Whether the whole text is one valid JSON value (white space around is allowed). `value` (may be
 * NULL) receives it. */
bool json_valid(mqk_str text, struct json_value *value);

/* As json_valid(); `at` receives the byte at which the text stops being JSON. */
bool json_valid_at(mqk_str text, struct json_value *value, size_t *at);

/* Finds the value at a path. The whole text is checked first to last; if it is not JSON the result
 * is JSON_NONE, whatever the path. Of members with the same name the last one counts, at each step.
 * A member's name is compared after decoding its escapes. With no steps: the whole value. */
struct json_value json_find(mqk_str text, const struct json_step *steps, size_t count);

/* A member of an object: its name as it stands between the quotes, and its value. */
struct json_member {
    mqk_str name;
    bool name_has_escapes;
    struct json_value value;
};

/* Checks the whole text as json_valid() does and lists the members of the object that it is, in
 * their order. Returns how many there are, of which at most `capacity` are written; 0 when the text
 * is not JSON or is another value. */
size_t json_members(mqk_str text, struct json_member *members, size_t capacity);

/* Whether the inside of a valid string with escapes decodes to `name`. */
bool json_decodes_to(mqk_str inside, mqk_str name);

/* Whether the inside of a string, decoded, is `name`. */
static inline bool json_name_is(mqk_str inside, bool has_escapes, mqk_str name) {
    return has_escapes ? json_decodes_to(inside, name)
                       : inside.len == name.len && bytes_same(inside.data, name.data, name.len);
}

static inline bool json_member_is(const struct json_member *member, mqk_str name) {
    return json_name_is(member->name, member->name_has_escapes, name);
}

/* Appends the decoded bytes of a JSON_STRING value (UTF-8; lone surrogates become U+FFFD). */
void json_append_decoded(struct buffer *out, const struct json_value *value);

/* Appends a valid JSON value without the white space between its tokens; strings and numbers keep
 * their very bytes. */
void json_append_compact(struct buffer *out, mqk_str valid_json);

/* An iterator over the members of an object or the elements of an array that is known to be valid
 * JSON: `for (json_iter_init(&it, v.text); json_iter_next(&it, &name, &v);)`. For an array `name`
 * is an absent value (JSON_NONE). */
struct json_iter {
    mqk_str text;
    size_t pos;
    bool object;
};
void json_iter_init(struct json_iter *it, mqk_str object_or_array);
bool json_iter_next(struct json_iter *it, struct json_value *name, struct json_value *value);

#endif
