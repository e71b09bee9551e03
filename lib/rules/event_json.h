/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events and their parts as JSON objects, valid whatever the host put into them: text that is not
 * UTF-8 is replaced (and noted in the context), and no object has two members of one name (the
 * first one's place, the last one's value). Any thread; allocates only for lists of more than
 * a few dozen names.
 */
#ifndef MQK_RULES_EVENT_JSON_H
#define MQK_RULES_EVENT_JSON_H

#include "template.h"

/* Name of the event's hook; a custom one's own. */
mqk_str event_name(const mqk_event *event);

/* Whether a field of kind FIELD_OBJECT has something in it. */
bool event_has_object(const mqk_event *event, enum event_field field);

/* Appends a field of kind FIELD_OBJECT: flags, props, ack_props. */
void event_write_object(struct render_context *ctx, enum event_field field, struct buffer *out);

/* Appends user properties: as an object, and as an array of {"key":…,"value":…}. */
void event_write_user(struct render_context *ctx, bool ack, struct buffer *out);
void event_write_user_pairs(struct render_context *ctx, bool ack, struct buffer *out);

/* Appends the payload as a JSON string in the context's encoding. */
void event_write_payload(struct render_context *ctx, struct buffer *out);

#endif
