/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: text with `${…}`, compiled once into a flat list of pieces and rendered for each
 * event. Immutable after compiling, any thread.
 *
 * Placeholders:
 *   ${clientid} ${.clientid}    a field (names and aliases of base/event.h)
 *   ${flags.retain}             a member of flags
 *   ${payload.a.b[0]}           a value inside a JSON payload
 *   ${user.name}                a user property (the last one of that name, as in `User-Property`)
 *   ${props.Content-Type}       an MQTT 5 property, also ${pub_props.Content-Type} …;
 *                               ${pub_props.User-Property.name} is the same as ${user.name}
 *   ${attr.name}                an attribute of the host
 *   ${filter.1}                 what the first wildcard of the rule's matching filter stands for
 *   ${regex.name}               what a named group of the rule's regular expressions stands for
 *   ${uuid}                     a random identifier of the event, a UUID
 *   ${.} ${}                    the whole event as a JSON object
 * Templates over Kafka records have other names to begin with: ${key} ${value} ${value.a.b[0]}
 * ${headers} ${headers.name} ${topic} ${partition} ${offset} ${ts} ${ts_type} ${node}, and regex,
 * uuid and ${.} as above.
 *   ${$}                        a literal `$`
 * Behind a path there may be filters: ${clientid | lower | trunc(20)} (template_filter.h).
 * A placeholder whose path is written wrongly (`${a..b}`) or whose first name is no field is an
 * error with its place and the nearest name; an unfinished `${d`, a bare `$a` and `{c}` are literal
 * text. Inside the braces white space around the path is allowed.
 *
 * In text mode a value is put in as it is: text as its bytes, numbers and booleans as JSON
 * literals, objects and arrays as compact JSON, a missing one as `undefined`. In JSON mode a
 * placeholder inside a JSON string is escaped (and a missing one is `undefined`); one in value
 * position is encoded: text as a JSON string, numbers and booleans as literals, objects and arrays
 * as compact JSON, a missing one as null; `${payload}` in value position is put in as it is
 * (compact) when it is valid JSON and as a JSON string when it is not.
 */
#ifndef MQK_RULES_TEMPLATE_H
#define MQK_RULES_TEMPLATE_H

#include "base64.h"
#include "buffer.h"
#include "event.h"
#include "uuid.h"

struct template;
struct regex_captures;
struct payload_cache;
struct vocabulary;

/* What rendering needs beside the template. Owned by the caller of the render functions. */
struct render_context {
    const mqk_event *event;                /* of full size (event_adopt) */
    mqk_str node;                          /* when event->node is absent */
    int64_t now_ms;                        /* when event->timestamp is 0 or unknown */
    mqk_str filter;                        /* the filter that matched, absent when none */
    const struct regex_captures *captures; /* of the rule's regular expressions; NULL: none */
    struct payload_cache *found; /* what was found in the event's payload; NULL: not remembered */
    struct uuid *uuid;           /* memory for ${uuid}; NULL: there is none */
    enum payload_encoding encoding; /* how ${payload} is written */
    bool utf8_replaced;             /* set when invalid UTF-8 was replaced */
    bool missing; /* set when `undefined` or null was written for a value that is not there */
};

/* The wall clock, ms since 1970: what now_ms is for. */
int64_t render_now_ms(void);

/* The event's time: its own when it has one, else now_ms. */
static inline int64_t render_timestamp(const struct render_context *ctx) {
    return ctx->event->timestamp > 0 ? ctx->event->timestamp : ctx->now_ms;
}

/* Compiles a text of at most 1 MiB. On failure returns MQK_ERR_TEMPLATE or MQK_ERR_NO_MEMORY and
 * fills `err` (NULL allowed): `column` is the byte in `text` (from 1) and `message` only the
 * sentence, without place. */
mqk_status template_compile(mqk_str text, mqk_value_format format, struct template **out,
                            mqk_error *err);
/* The same for a template over something else than events (vocabulary.h). */
mqk_status template_compile_for(const struct vocabulary *words, mqk_str text,
                                mqk_value_format format, struct template **out, mqk_error *err);
void template_free(struct template *t);

/* Renders. The result is `*out`, which points into `buffer`, into the event or into the template (a
 * template that is one piece of text, or one text field, is not copied); absent when the template
 * is one single placeholder whose value is missing. After each rendering the caller looks at
 * buffer->failure. A result in `buffer` moves when the buffer
 * grows: callers that render several templates into one buffer use rendering.h. */
void template_render(const struct template *t, struct render_context *ctx, struct buffer *buffer,
                     mqk_str *out);

/* Whether the template has no placeholder; `text` (may be NULL) receives what it always renders. */
bool template_is_constant(const struct template *t, mqk_str *text);

/* Highest N of ${filter.N} in the template, arguments included; 0 when there is none. */
unsigned template_captures(const struct template *t);

/* Renders the whole event, `${.}`, as a JSON object to `out`. */
void template_render_event(struct render_context *ctx, struct buffer *out);

#endif
