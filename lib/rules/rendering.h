/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several templates rendered into one buffer. What is in the buffer moves while it grows, so a part
 * is remembered by its place and becomes a text only when all parts are rendered. One thread.
 */
#ifndef MQK_RULES_RENDERING_H
#define MQK_RULES_RENDERING_H

#include "template.h"

/* A rendered text: a place in the buffer, or memory that does not move. */
struct rendered_part {
    mqk_str text; /* with `inside`, only its length counts */
    size_t at;
    bool inside;
};

static inline void rendered_part_set(struct rendered_part *part, const struct template *t,
                                     struct render_context *ctx, struct buffer *buffer) {
    size_t from = buffer->len;
    template_render(t, ctx, buffer, &part->text);
    part->at = from;
    part->inside = buffer->len > from;
    if (!part->inside && part->text.data && part->text.len == 0) {
        part->text.data = "";
    }
}

/* Once all parts are rendered. */
static inline mqk_str rendered_part_text(const struct rendered_part *part,
                                         const struct buffer *buffer) {
    return part->inside ? (mqk_str){buffer->data + part->at, part->text.len} : part->text;
}

#endif
