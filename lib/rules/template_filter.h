/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template filters: `${timestamp | iso8601}`, `${user.site | default("none") | upper}`. Each makes
 * a value of the one before it:
 *
 *   base64 hex md5   the bytes of the value's text, encoded; md5 is the digest in hex
 *   lower upper      ASCII letters, others stay
 *   trunc(n)         the first n characters
 *   level(n)         the n-th level of a topic, from 1; from the end with -1, -2, …
 *   iso8601          a time in ms as 2023-11-14T22:13:20.123Z
 *   seconds          a time in ms as whole seconds
 *   number           true and false as 1 and 0, a text that is a number as that number
 *   host             an address without its port
 *   uri              percent-encoded for a URI's path
 *   printable        control characters replaced (see text_filter.h)
 *   mediatype        a media type; missing when it is none, or that of a CloudEvent
 *   json             the value as JSON: text in quotes, objects as they are, missing ones as null
 *   default(x)       for what is missing or null: x, a text in quotes, a number, true, false, null
 *                    or another field's value
 *
 * What is missing stays missing, but for json and default; so does what has no result (a level that
 * the topic does not have, the time of what is no number). Of ${payload}, filters see the bytes,
 * whatever the rule's encoding. Any thread.
 */
#ifndef MQK_RULES_TEMPLATE_FILTER_H
#define MQK_RULES_TEMPLATE_FILTER_H

#include "template_value.h"

/* Reads the filters text[from, to), which begins with `|`, of the placeholder `piece`, which
 * becomes a PIECE_FILTERED. MQK_OK, or MQK_ERR_TEMPLATE with sentence and column in `err` (NULL
 * allowed). Out of memory shows in draft's buffers. (template_filter_read.c) */
mqk_status template_filter_read(struct draft *draft, mqk_str text, size_t from, size_t to,
                                struct piece *piece, mqk_error *err);

enum template_filter {
    FILTER_BASE64,
    FILTER_HEX,
    FILTER_MD5,
    FILTER_LOWER,
    FILTER_UPPER,
    FILTER_TRUNC,
    FILTER_LEVEL,
    FILTER_ISO8601,
    FILTER_SECONDS,
    FILTER_NUMBER,
    FILTER_HOST,
    FILTER_URI,
    FILTER_PRINTABLE,
    FILTER_MEDIATYPE,
    FILTER_JSON,
    FILTER_DEFAULT
};

/* Memory for the values between filters and the last one. */
#define FILTER_MEMORY 512u
struct filter_scratch {
    struct buffer buffers[2];
    unsigned last; /* the one in which the value may be */
    char memory[2][FILTER_MEMORY];
};
void filter_scratch_init(struct filter_scratch *s);
void filter_scratch_fini(struct filter_scratch *s);
mqk_status filter_scratch_failure(const struct filter_scratch *s);

/* The value of a PIECE_FILTERED; points into the event, the template or the scratch memory. */
void template_filter_find(const struct template *t, const struct piece *piece,
                          struct render_context *ctx, struct filter_scratch *s, struct value *out);

#endif
