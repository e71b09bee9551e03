/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of event fields and hooks, generated from the public header's X-macros. Everything that
 * asks "which fields are there, which does this hook have, what is it called" asks here. Read-only.
 */
#ifndef MQK_BASE_EVENT_H
#define MQK_BASE_EVENT_H

#include "str.h"

/* One identifier per field: FIELD_clientid, FIELD_qos, … */
enum event_field {
#define EVENT_FIELD_ENUM(name, meaning) FIELD_##name,
    MQK_EVENT_FIELDS(EVENT_FIELD_ENUM, EVENT_FIELD_ENUM, EVENT_FIELD_ENUM, EVENT_FIELD_ENUM)
#undef EVENT_FIELD_ENUM
    /* Not members of the struct, but fields for a template. */
    FIELD_event,     /* name of the hook */
    FIELD_flags,     /* {"retain":…,"dup":…} */
    FIELD_props,     /* conn_props, sub_props, pub_props …: props and user_props */
    FIELD_ack_props, /* puback_props: ack_props and ack_user_props */
    FIELD_COUNT,
    /* Of a Kafka record on its way back (struct record_event), never of an event. */
    FIELD_key = FIELD_COUNT,
    FIELD_ts_type,
    FIELD_partition,
    FIELD_offset,
    FIELD_headers,
    FIELD_COUNT_ALL
};

enum event_field_kind { FIELD_TEXT, FIELD_INT, FIELD_BOOL, FIELD_TIME, FIELD_OBJECT };

struct event_field_info {
    const char *name; /* as in templates */
    enum event_field_kind kind;
    uint32_t offset;     /* in mqk_event; unused for FIELD_OBJECT and FIELD_event */
    const char *meaning; /* for documentation */
};

/* All fields, indexed by enum event_field. */
extern const struct event_field_info event_fields[FIELD_COUNT_ALL];

/*
 * A Kafka record in the clothes of an event, so that conditions and templates are the same for
 * both: `topic` is the Kafka topic, `payload` the value, `timestamp` its time, `user_props` its
 * headers; the rest stands behind the event. Its hook is EVENT_RECORD.
 */
struct record_event {
    mqk_event event; /* first: a pointer to it is one to the record */
    mqk_str key;
    mqk_str ts_type;
    int64_t partition;
    int64_t offset;
};
#define EVENT_RECORD MQK_HOOK_COUNT

/* Names that templates accept for fields: each field's name, and the aliases (`from` for
 * from_clientid … `ts` for timestamp, `conn_props` … for props). NULL-terminated, for suggestions.
 */
extern const char *const event_field_names[];

/* Finds a field by name or alias; false when there is none. */
bool event_field_by_name(mqk_str name, enum event_field *out);

/* A member of `${.}` for a hook: what it is called there and which field it is. */
struct event_member {
    const char *name; /* e.g. "conn_props" */
    enum event_field field;
};

struct event_hook_info {
    const char *name;
    const char *alias;                  /* "" when there is none */
    const struct event_member *members; /* of `${.}` beside event, timestamp and node, in order */
    size_t member_count;
    uint64_t fields; /* bit set of the fields (1 << enum event_field) that this hook has */
    bool has_topic;  /* a topic filter can be compared with the event's topic */
    bool is_message; /* topic is a topic name (message events), not a subscription's filter */
};

/* All hooks, indexed by mqk_hook. MQK_HOOK_CUSTOM has every field. Behind them EVENT_RECORD, whose
 * members are what records have. */
extern const struct event_hook_info event_hooks[MQK_HOOK_COUNT + 1];

/* Names and aliases of all hooks, NULL-terminated, for suggestions. */
extern const char *const event_hook_names[];

/* Whether this names a custom hook: "custom." and something behind it. */
bool event_is_custom_name(mqk_str name);

/* Finds a hook by name or alias; a custom name gives MQK_HOOK_CUSTOM; false when there is none. */
bool event_hook_by_name(mqk_str name, mqk_hook *out);

/* Makes an event with nothing in it; writes exactly `size` bytes (see mqk_event_init()). */
void event_init(mqk_event *event, size_t size, mqk_hook hook);

/* The text field, absent when NULL. `event` has full size. */
static inline mqk_str event_text(const mqk_event *event, enum event_field field) {
    return *(const mqk_str *)(const void *)((const char *)event + event_fields[field].offset);
}

/* The number, or MQK_UNKNOWN when the host does not know it or the hook does not have it. */
static inline int64_t event_number(const mqk_event *event, enum event_field field) {
    if (!(event_hooks[event->hook].fields >> field & 1)) {
        return MQK_UNKNOWN;
    }
    return *(const int64_t *)(const void *)((const char *)event + event_fields[field].offset);
}

/* Out-of-line part of event_adopt(). */
const mqk_event *event_adopt_slow(const mqk_event *event, mqk_event *copy);

/* Brings an event of any size (of an older or newer caller) to full size: returns `event` itself
 * when it is large enough, else a copy in `copy` with the missing members absent; NULL when the
 * event is unusable (smaller than its `hook` member, unknown hook, custom without a "custom." name,
 * or a count without its array). */
static inline const mqk_event *event_adopt(const mqk_event *event, mqk_event *copy) {
    if (event && event->size >= sizeof(*event) && (unsigned)event->hook < MQK_HOOK_COUNT &&
        event->hook != MQK_HOOK_CUSTOM &&
        (event->props_count | event->user_props_count | event->ack_props_count |
         event->ack_user_props_count | event->attrs_count) == 0) {
        return event;
    }
    return event_adopt_slow(event, copy);
}

#endif
