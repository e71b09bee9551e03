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

/* What is known of the payload of one event, so that a condition and the templates behind it, or
 * several rules, read it once: the members of the object that it is, once a path has asked for one,
 * and what the last few longer paths led to. The paths belong to the templates, which outlive it.
 */
#define PAYLOAD_CACHE_MEMBERS 48u
#define PAYLOAD_CACHE_SIZE    4u
struct payload_cache {
    bool listed;
    size_t member_count; /* more than PAYLOAD_CACHE_MEMBERS: the list is of no use */
    uint32_t used;
    struct json_member members[PAYLOAD_CACHE_MEMBERS];
    struct {
        const struct json_step *steps;
        size_t count;
        struct json_value value;
    } paths[PAYLOAD_CACHE_SIZE];
};
static inline void payload_cache_init(struct payload_cache *cache) {
    cache->listed = false;
    cache->used = 0;
}

/* Finds the value of a placeholder without filters; points into the event, the context or static
 * memory. */
void value_find(const struct template *t, const struct piece *piece,
                const struct render_context *ctx, struct value *out);

/* The same for a path into the payload: what is there, until the next path is asked for; `room` is
 * where it may be put. */
const struct json_value *value_find_path(const struct template *t, const struct piece *piece,
                                         const struct render_context *ctx, struct json_value *room);

/* Appends a value as in a text, and as in value position of a JSON text. The piece is where it
 * comes from. (template_render.c) */
void value_write_text(const struct piece *piece, const struct value *value,
                      struct render_context *ctx, struct buffer *out);
void value_write_json(const struct piece *piece, const struct value *value,
                      struct render_context *ctx, struct buffer *out);

#endif
