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
    VALUE_OBJECT   /* the piece says which one; see object_write() */
};

struct value {
    enum value_kind kind;
    mqk_str text;
    int64_t number;
    struct json_value json;
};

/* Finds the value of a placeholder; points into the event, the context or static memory. */
void value_find(const struct template *t, const struct piece *piece,
                const struct render_context *ctx, struct value *out);

#endif
