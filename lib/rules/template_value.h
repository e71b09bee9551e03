/* SPDX-License-Identifier: Apache-2.0 */
/* What a placeholder stands for in an event, before it is written anywhere. Any thread; nothing is
 * allocated or copied. */
#ifndef MQK_RULES_TEMPLATE_VALUE_H
#define MQK_RULES_TEMPLATE_VALUE_H

#include "template_pieces.h"

enum value_kind {
    VALUE_MISSING,
    VALUE_TEXT,    /* text */
    VALUE_NUMBER,  /* number */
    VALUE_BOOL,    /* number: 0 or 1 */
    VALUE_PAYLOAD, /* text: the whole payload, to be written in the rule's encoding */
    VALUE_JSON,    /* json: a slice of the payload */
    VALUE_ENCODED, /* text: JSON already */
    VALUE_OBJECT   /* the piece says which one; see object_write() */
};

struct value {
    enum value_kind kind;
    mqk_str text;
    int64_t number;
    struct json_value json;
};

/* What the last few different paths led to in the payload of one event, so that a condition and the
 * templates behind it, or several rules, scan it once for each path. Begins with used = 0. The
 * paths belong to the templates, which outlive it. */
#define PAYLOAD_CACHE_SIZE 4u
struct payload_cache {
    uint32_t used;
    struct {
        const struct json_step *steps;
        size_t count;
        struct json_value value;
    } paths[PAYLOAD_CACHE_SIZE];
};

/* Finds the value of a placeholder without filters; points into the event, the context or static
 * memory. */
void value_find(const struct template *t, const struct piece *piece,
                const struct render_context *ctx, struct value *out);

/* Appends a value as in a text, and as in value position of a JSON text. The piece is where it
 * comes from. (template_render.c) */
void value_write_text(const struct piece *piece, const struct value *value,
                      struct render_context *ctx, struct buffer *out);
void value_write_json(const struct piece *piece, const struct value *value,
                      struct render_context *ctx, struct buffer *out);

#endif
