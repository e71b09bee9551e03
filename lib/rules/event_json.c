/* SPDX-License-Identifier: Apache-2.0 */
#include "event_json.h"

#include <stdlib.h>

#include "json_write.h"

#define FEW_NAMES 32u
#define NOT_FIRST SIZE_MAX

/* A list of structs that begin with their name. */
struct name_list {
    const char *first;
    size_t stride, count;
};

/* For each entry of a list of names: the last entry of that name, or NOT_FIRST when an earlier one
 * has the name already. */
struct unique {
    size_t *last;
    size_t few[FEW_NAMES];
};

struct numbered_name {
    mqk_str name;
    size_t number;
};

static mqk_str name_at(struct name_list list, size_t i) {
    return *(const mqk_str *)(const void *)(list.first + i * list.stride);
}

static int compare_names(const void *left, const void *right) {
    const struct numbered_name *a = left, *b = right;
    if (a->name.len != b->name.len) {
        return a->name.len < b->name.len ? -1 : 1;
    }
    int order = a->name.len > 0 ? memcmp(a->name.data, b->name.data, a->name.len) : 0;
    if (order != 0) {
        return order;
    }
    return a->number < b->number ? -1 : 1;
}

static void pair_few(struct name_list list, size_t *last) {
    for (size_t i = 0; i < list.count; i++) {
        mqk_str name = name_at(list, i);
        last[i] = i;
        for (size_t before = 0; before < i; before++) {
            if (last[before] != NOT_FIRST && str_equal(name_at(list, before), name)) {
                last[before] = i;
                last[i] = NOT_FIRST;
                break;
            }
        }
    }
}

/* Sorts, because the number of names is the client's choice: comparing all with all would let it
 * burn the broker's time. */
static bool pair_many(struct name_list list, size_t *last) {
    struct numbered_name *sorted = calloc(list.count, sizeof(*sorted));
    if (!sorted) {
        return false;
    }
    for (size_t i = 0; i < list.count; i++) {
        sorted[i] = (struct numbered_name){name_at(list, i), i};
    }
    qsort(sorted, list.count, sizeof(*sorted), compare_names);
    size_t first = 0;
    for (size_t i = 0; i < list.count; i++) {
        if (i == 0 || !str_equal(sorted[i].name, sorted[first].name)) {
            first = i;
        } else {
            last[sorted[i].number] = NOT_FIRST;
        }
        last[sorted[first].number] = sorted[i].number;
    }
    free(sorted);
    return true;
}

/* False: out of memory, noted in `out`. */
static bool unique_init(struct unique *u, struct name_list list, struct buffer *out) {
    u->last = u->few;
    if (list.count <= FEW_NAMES) {
        pair_few(list, u->last);
        return true;
    }
    u->last = calloc(list.count, sizeof(*u->last));
    if (!u->last || !pair_many(list, u->last)) {
        free(u->last);
        u->last = u->few;
        out->failure = out->failure == MQK_OK ? MQK_ERR_NO_MEMORY : out->failure;
        return false;
    }
    return true;
}

static void unique_fini(struct unique *u) {
    if (u->last != u->few) {
        free(u->last);
    }
}

/* Text as a JSON string, or null. */
static void write_text(struct render_context *ctx, mqk_str text, struct buffer *out) {
    if (!text.data) {
        buffer_append_str(out, STR("null"));
        return;
    }
    ctx->utf8_replaced |= json_write_string(out, text);
}

static void write_bool(bool value, struct buffer *out) {
    buffer_append_str(out, value ? STR("true") : STR("false"));
}

/* Comma (unless it is the first one), name, colon. */
static void begin_member(struct render_context *ctx, bool *first, mqk_str name,
                         struct buffer *out) {
    if (!*first) {
        buffer_append_char(out, ',');
    }
    *first = false;
    ctx->utf8_replaced |= json_write_string(out, name);
    buffer_append_char(out, ':');
}

/* The same for names of ours, which need no escapes. */
static void begin_own(bool *first, const char *name, struct buffer *out) {
    buffer_append_str(out, *first ? STR("\"") : STR(",\""));
    *first = false;
    buffer_append_str(out, mqk_cstr(name));
    buffer_append_str(out, STR("\":"));
}

static void write_pairs_object(struct render_context *ctx, const mqk_pair *pairs, size_t count,
                               struct buffer *out) {
    struct unique u;
    struct name_list list = {(const char *)pairs, sizeof(*pairs), count};
    bool first = true;
    if (!unique_init(&u, list, out)) {
        return;
    }
    buffer_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (u.last[i] != NOT_FIRST) {
            begin_member(ctx, &first, pairs[i].name, out);
            write_text(ctx, pairs[u.last[i]].value, out);
        }
    }
    buffer_append_char(out, '}');
    unique_fini(&u);
}

static bool is_user_property(mqk_str name) {
    return str_equal(name, STR("User-Property")) || str_equal(name, STR("User-Property-Pairs"));
}

static void write_property_value(struct render_context *ctx, const mqk_property *property,
                                 struct buffer *out) {
    if (property->text.data || property->number == MQK_UNKNOWN) {
        write_text(ctx, property->text, out);
    } else {
        buffer_append_int(out, property->number);
    }
}

static void write_properties(struct render_context *ctx, bool ack, struct buffer *out) {
    const mqk_event *event = ctx->event;
    const mqk_property *props = ack ? event->ack_props : event->props;
    size_t count = ack ? event->ack_props_count : event->props_count;
    size_t user_count = ack ? event->ack_user_props_count : event->user_props_count;
    struct name_list list = {(const char *)props, sizeof(*props), count};
    struct unique u;
    bool first = true;
    if (!unique_init(&u, list, out)) {
        return;
    }
    buffer_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (u.last[i] != NOT_FIRST && !is_user_property(props[i].name)) {
            begin_member(ctx, &first, props[i].name, out);
            write_property_value(ctx, &props[u.last[i]], out);
        }
    }
    if (user_count > 0) {
        begin_own(&first, "User-Property", out);
        event_write_user(ctx, ack, out);
        begin_own(&first, "User-Property-Pairs", out);
        event_write_user_pairs(ctx, ack, out);
    }
    buffer_append_char(out, '}');
    unique_fini(&u);
}

static void write_flags(const mqk_event *event, struct buffer *out) {
    static const enum event_field flags[] = {FIELD_retain, FIELD_dup};
    bool first = true;
    buffer_append_char(out, '{');
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        int64_t value = event_number(event, flags[i]);
        if (value != MQK_UNKNOWN) {
            begin_own(&first, event_fields[flags[i]].name, out);
            write_bool(value != 0, out);
        }
    }
    buffer_append_char(out, '}');
}

static void write_text_member(struct render_context *ctx, bool *first, const char *name,
                              mqk_str text, struct buffer *out) {
    if (text.data) {
        begin_own(first, name, out);
        write_text(ctx, text, out);
    }
}

static void write_member(struct render_context *ctx, bool *first, const struct event_member *member,
                         struct buffer *out) {
    const mqk_event *event = ctx->event;
    enum event_field field = member->field;
    if (field == FIELD_payload) {
        if (event->payload.data) {
            begin_own(first, member->name, out);
            event_write_payload(ctx, out);
        }
        return;
    }
    if (field == FIELD_node) {
        write_text_member(ctx, first, member->name, event->node.data ? event->node : ctx->node,
                          out);
        return;
    }
    if (event_fields[field].kind == FIELD_TEXT) {
        write_text_member(ctx, first, member->name, event_text(event, field), out);
        return;
    }
    if (event_fields[field].kind == FIELD_OBJECT) {
        if (event_has_object(event, field)) {
            begin_own(first, member->name, out);
            event_write_object(ctx, field, out);
        }
        return;
    }
    int64_t number = field == FIELD_timestamp ? render_timestamp(ctx) : event_number(event, field);
    if (number == MQK_UNKNOWN) {
        return;
    }
    begin_own(first, member->name, out);
    if (event_fields[field].kind == FIELD_BOOL) {
        write_bool(number != 0, out);
    } else {
        buffer_append_int(out, number);
    }
}

mqk_str event_name(const mqk_event *event) {
    return event->hook == MQK_HOOK_CUSTOM ? event->hook_name
                                          : mqk_cstr(event_hooks[event->hook].name);
}

bool event_has_object(const mqk_event *event, enum event_field field) {
    switch (field) {
    case FIELD_flags:
        return event_number(event, FIELD_retain) != MQK_UNKNOWN ||
               event_number(event, FIELD_dup) != MQK_UNKNOWN;
    case FIELD_props:
        return event->props || event->user_props;
    case FIELD_ack_props:
        return event->ack_props || event->ack_user_props;
    case FIELD_headers:
        return event->user_props_count > 0;
    default:
        return false;
    }
}

void event_write_object(struct render_context *ctx, enum event_field field, struct buffer *out) {
    if (field == FIELD_flags) {
        write_flags(ctx->event, out);
    } else if (field == FIELD_headers) {
        event_write_user(ctx, false, out);
    } else {
        write_properties(ctx, field == FIELD_ack_props, out);
    }
}

void event_write_user(struct render_context *ctx, bool ack, struct buffer *out) {
    const mqk_event *event = ctx->event;
    write_pairs_object(ctx, ack ? event->ack_user_props : event->user_props,
                       ack ? event->ack_user_props_count : event->user_props_count, out);
}

void event_write_user_pairs(struct render_context *ctx, bool ack, struct buffer *out) {
    const mqk_event *event = ctx->event;
    const mqk_pair *pairs = ack ? event->ack_user_props : event->user_props;
    size_t count = ack ? event->ack_user_props_count : event->user_props_count;
    buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        buffer_append_str(out, i == 0 ? STR("{\"key\":") : STR(",{\"key\":"));
        ctx->utf8_replaced |= json_write_string(out, pairs[i].name);
        buffer_append_str(out, STR(",\"value\":"));
        write_text(ctx, pairs[i].value, out);
        buffer_append_char(out, '}');
    }
    buffer_append_char(out, ']');
}

void event_write_payload(struct render_context *ctx, struct buffer *out) {
    if (ctx->encoding == PAYLOAD_PLAIN) {
        ctx->utf8_replaced |= json_write_string(out, ctx->event->payload);
        return;
    }
    buffer_append_char(out, '"');
    payload_append(out, ctx->event->payload, ctx->encoding);
    buffer_append_char(out, '"');
}

void template_render_event(struct render_context *ctx, struct buffer *out) {
    const mqk_event *event = ctx->event;
    const struct event_hook_info *hook = &event_hooks[event->hook];
    bool first = true;
    buffer_append_char(out, '{');
    if (event->hook != EVENT_RECORD) {
        const struct event_member node = {"node", FIELD_node};
        write_text_member(ctx, &first, "event", event_name(event), out);
        begin_own(&first, "timestamp", out);
        buffer_append_int(out, render_timestamp(ctx));
        write_member(ctx, &first, &node, out);
    }
    for (size_t i = 0; i < hook->member_count; i++) {
        write_member(ctx, &first, &hook->members[i], out);
    }
    if (event->attrs_count > 0) {
        begin_own(&first, "attrs", out);
        write_pairs_object(ctx, event->attrs, event->attrs_count, out);
    }
    buffer_append_char(out, '}');
}
