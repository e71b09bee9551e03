/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template filters: `${timestamp | iso8601}`, `${user.site | default("none") | upper}`. Each makes
 * a value of the one before it, as TEMPLATE_FILTERS says. What is missing stays missing, but for
 * json and default; so does what has no result (a level that the topic does not have, the time of
 * what is no number). Of ${payload}, filters see the bytes, whatever the rule's encoding. Any
 * thread.
 */
#ifndef MQK_RULES_TEMPLATE_FILTER_H
#define MQK_RULES_TEMPLATE_FILTER_H

#include "template_value.h"

/* Reads the filters text[from, to), which begins with `|`, of the placeholder `piece`, which
 * becomes a PIECE_FILTERED. MQK_OK, or MQK_ERR_TEMPLATE with sentence and column in `err` (NULL
 * allowed). Out of memory shows in draft's buffers. (template_filter_read.c) */
mqk_status template_filter_read(struct draft *draft, mqk_str text, size_t from, size_t to,
                                struct piece *piece, mqk_error *err);

/* All of them: X(NAME, "name", argument, "as it is written", "what it makes of a value"). */
#define TEMPLATE_FILTERS(X)                                                                        \
    X(BASE64, "base64", NONE, "base64", "the bytes of the text as base64, with padding")           \
    X(HEX, "hex", NONE, "hex", "the bytes of the text as lower-case hex digits")                   \
    X(MD5, "md5", NONE, "md5", "the MD5 of the bytes, as lower-case hex digits")                   \
    X(LOWER, "lower", NONE, "lower", "ASCII letters in lower case; other characters stay")         \
    X(UPPER, "upper", NONE, "upper", "ASCII letters in upper case; other characters stay")         \
    X(TRUNC, "trunc", COUNT, "trunc(n)", "the first n characters")                                 \
    X(LEVEL, "level", LEVEL, "level(n)",                                                           \
      "the n-th level of a topic, from 1; from the end with -1, -2, …; missing when there is "   \
      "none")                                                                                      \
    X(ISO8601, "iso8601", NONE, "iso8601", "a time in ms as 2023-11-14T22:13:20.123Z")             \
    X(SECONDS, "seconds", NONE, "seconds", "a time in ms as whole seconds")                        \
    X(NUMBER, "number", NONE, "number",                                                            \
      "true and false as 1 and 0, a text that is a number as that number; else missing")           \
    X(HOST, "host", NONE, "host", "an address without its port")                                   \
    X(URI, "uri", NONE, "uri", "percent-encoded for the path of a URI")                            \
    X(PRINTABLE, "printable", NONE, "printable",                                                   \
      "control characters and what is not UTF-8 replaced by U+FFFD")                               \
    X(MEDIATYPE, "mediatype", NONE, "mediatype",                                                   \
      "a media type; missing when it is none, or that of a CloudEvent")                            \
    X(JSON, "json", NONE, "json",                                                                  \
      "the value as JSON: text in quotes, objects as they are, what is missing as null")           \
    X(DEFAULT, "default", LITERAL, "default(x)",                                                   \
      "for what is missing or null: x, a text in quotes, a number, true, false, null or the "      \
      "value "                                                                                     \
      "of another field")

enum template_filter {
#define TEMPLATE_FILTER_ENUM(id, name, argument, shown, meaning) FILTER_##id,
    TEMPLATE_FILTERS(TEMPLATE_FILTER_ENUM)
#undef TEMPLATE_FILTER_ENUM
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
