/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as a user writes it: JSON with the field names of the templates, or one option a field.
 * The event and all it points at belong to the input. One thread.
 */
#ifndef MQK_EVENT_INPUT_H
#define MQK_EVENT_INPUT_H

#include "json_scan.h"

#define EVENT_MAX_BYTES ((size_t)64 << 20)

struct event_pairs {
    mqk_pair *items;
    size_t count, capacity;
};

struct event_props {
    mqk_property *items;
    size_t count, capacity;
};

struct event_input {
    mqk_event event;
    bool has_hook;
    mqk_error error; /* the first failure, a whole sentence */
    struct event_pairs user, ack_user, attrs;
    struct event_props props, ack_props;
    char **kept; /* texts */
    size_t kept_count, kept_capacity;
};

void event_input_init(struct event_input *in);
void event_input_fini(struct event_input *in);

/* Takes a JSON object. False: in->error says why. (event_json_input.c) */
bool event_input_json(struct event_input *in, mqk_str json);

/* Takes one fact: a field or alias, `hook`, `user.NAME`, `attr.NAME`, `props.NAME`,
 * `ack_props.NAME`, `flags.retain`, `flags.dup`. False: in->error says why. */
bool event_input_field(struct event_input *in, mqk_str name, mqk_str value);

/* The parts of the above that JSON and options share. Each is false when in->error says why. */
bool event_input_hook(struct event_input *in, mqk_str name);
bool event_input_integer(struct event_input *in, mqk_str name, mqk_str digits, int64_t *number);
bool event_input_number(struct event_input *in, mqk_str name, size_t offset, mqk_str digits);
bool event_input_pair(struct event_input *in, struct event_pairs *list, mqk_str name,
                      mqk_str value);
bool event_input_property(struct event_input *in, struct event_props *list, mqk_str name,
                          mqk_str text, int64_t number);

/* A JSON text: a string, {"base64":…}, or null for an absent one. (event_json_input.c) */
bool event_input_text(struct event_input *in, mqk_str name, const struct json_value *value,
                      mqk_str *out);
/* {"k":"v"} or [{"key":"k","value":"v"}]. */
bool event_input_pairs(struct event_input *in, mqk_str list_name, const struct json_value *value,
                       struct event_pairs *list);
/* Calls `member` for each member of a JSON object; `what` it is, for messages. */
typedef bool (*event_member_fn)(struct event_input *in, void *user, mqk_str name,
                                const struct json_value *value);
bool event_input_members(struct event_input *in, mqk_str json, const char *what,
                         event_member_fn member, void *user);

/* A copy that lives as long as the input (never absent); on failure absent, in->error filled. */
mqk_str event_input_keep(struct event_input *in, mqk_str text);

/* Fills in->error; false. */
bool event_input_fail(struct event_input *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says that there is no such field, with the nearest name. */
bool event_input_unknown(struct event_input *in, mqk_str name);

/* Points the event at the lists; the event is complete then. False: it names no hook. */
bool event_input_finish(struct event_input *in);

#endif
