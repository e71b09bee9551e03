/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of a record: a rule's own, in order, and among them all user properties of the event
 * where the rule asks for them. First everything is rendered into the common buffer, then the
 * headers are put together, because what is in the buffer moves. One thread.
 */
#ifndef MQK_RULES_RECORD_HEADERS_H
#define MQK_RULES_RECORD_HEADERS_H

#include "rendering.h"
#include "ruleset.h"

/* A header of a compiled rule. */
struct rule_header {
    mqk_str name;
    struct template *value; /* NULL: a NULL header */
    bool optional;          /* left out where the template has no value */
};

/* The headers that a group of `headers_from` or an envelope adds; see ruleset_compile.c. */
#define RULE_MAX_GROUP_HEADERS 16u
#define RULE_ALL_HEADERS       (RULE_MAX_HEADERS + RULE_MAX_GROUP_HEADERS)
#define RULE_NO_USER_HEADERS   UINT32_MAX

struct rule_headers {
    struct rule_header *list;
    uint32_t count;
    uint32_t user_at; /* user properties stand before the header of this number; or none */
};

/* More than this many user properties cost an allocation. */
#define FEW_USER_HEADERS 32u

struct record_headers {
    size_t count;
    const mqk_header *list;
    mqk_header *many; /* NULL, or allocated */
    size_t names_at;  /* in the buffer: names of user properties that had to be changed */
    struct rendered_part parts[RULE_ALL_HEADERS];
    mqk_header few[RULE_ALL_HEADERS + FEW_USER_HEADERS];
};

static inline bool rule_has_headers(const struct rule_headers *rule) {
    return rule->count > 0 || rule->user_at != RULE_NO_USER_HEADERS;
}

/* Renders into the buffer. Initialises `out` as far as needed. */
void record_headers_render(const struct rule_headers *rule, struct render_context *ctx,
                           struct buffer *buffer, struct record_headers *out);

/* Puts `list` together once everything is rendered. MQK_OK, MQK_ERR_TOO_LARGE (more than
 * RULE_MAX_USER_HEADERS user properties), MQK_ERR_NO_MEMORY. */
mqk_status record_headers_finish(const struct rule_headers *rule, const mqk_event *event,
                                 const struct buffer *buffer, struct record_headers *headers);

/* Frees; only after record_headers_render(). */
void record_headers_fini(struct record_headers *headers);

#endif
