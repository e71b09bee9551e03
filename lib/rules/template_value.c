/* SPDX-License-Identifier: Apache-2.0 */
#include "template_value.h"

#include "event_json.h"
#include "regex.h"
#include "topic_filter.h"

static void set_text(struct value *out, mqk_str text) {
    out->kind = text.data ? VALUE_TEXT : VALUE_MISSING;
    out->text = text;
}

static void set_number(struct value *out, int64_t number, enum value_kind kind) {
    out->kind = number == MQK_UNKNOWN ? VALUE_MISSING : kind;
    out->number = kind == VALUE_BOOL ? number != 0 : number;
}

static void set_object(struct value *out, bool present) {
    out->kind = present ? VALUE_OBJECT : VALUE_MISSING;
}

static void find_field(const struct render_context *ctx, enum event_field field,
                       struct value *out) {
    const mqk_event *event = ctx->event;
    switch (field) {
    case FIELD_event:
        set_text(out, event_name(event));
        return;
    case FIELD_node:
        set_text(out, event->node.data ? event->node : ctx->node);
        return;
    case FIELD_timestamp:
        set_number(out, render_timestamp(ctx), VALUE_NUMBER);
        return;
    case FIELD_payload:
        set_text(out, event->payload);
        out->kind = event->payload.data ? VALUE_PAYLOAD : VALUE_MISSING;
        return;
    default:
        break;
    }
    switch (event_fields[field].kind) {
    case FIELD_TEXT:
        set_text(out, event_text(event, field));
        break;
    case FIELD_INT:
    case FIELD_TIME:
        set_number(out, event_number(event, field), VALUE_NUMBER);
        break;
    case FIELD_BOOL:
        set_number(out, event_number(event, field), VALUE_BOOL);
        break;
    case FIELD_OBJECT:
        set_object(out, event_has_object(event, field));
        break;
    }
}

static void find_property(const struct render_context *ctx, bool ack, mqk_str name,
                          struct value *out) {
    const mqk_property *props = ack ? ctx->event->ack_props : ctx->event->props;
    size_t count = ack ? ctx->event->ack_props_count : ctx->event->props_count;
    out->kind = VALUE_MISSING;
    for (size_t i = count; i > 0; i--) {
        const mqk_property *property = &props[i - 1];
        if (str_equal(property->name, name)) {
            set_number(out, property->number, VALUE_NUMBER);
            if (property->text.data) {
                set_text(out, property->text);
            }
            return;
        }
    }
}

/* The last one counts, as in the object of all of them. */
static void find_pair(const mqk_pair *pairs, size_t count, mqk_str name, struct value *out) {
    out->kind = VALUE_MISSING;
    for (size_t i = count; i > 0; i--) {
        if (str_equal(pairs[i - 1].name, name)) {
            set_text(out, pairs[i - 1].value);
            return;
        }
    }
}

/* Only messages have topics in which no wildcard can stand. */
static void find_capture(const struct render_context *ctx, unsigned number, struct value *out) {
    bool subscription = !event_hooks[ctx->event->hook].is_message;
    mqk_str text = {NULL, 0};
    topic_filter_capture(ctx->filter, ctx->event->topic, subscription, number, &text);
    set_text(out, text);
}

static void find_group(const struct render_context *ctx, mqk_str name, struct value *out) {
    const struct regex_captures *captures = ctx->captures;
    int number = captures && captures->names ? regex_name_find(captures->names, name) : -1;
    set_text(out, number >= 0 ? captures->values[number] : (mqk_str){NULL, 0});
}

static bool same_path(const struct json_step *a, const struct json_step *b, size_t count) {
    for (size_t i = 0; i < count && a != b; i++) {
        if (a[i].index != b[i].index || !a[i].name.data != !b[i].name.data ||
            !str_equal(a[i].name, b[i].name)) {
            return false;
        }
    }
    return true;
}

/* Whether the payload's members are known; a payload with too many of them is read for each path.
 */
static inline bool list_members(struct payload_cache *cache, mqk_str payload) {
    if (!cache->listed) {
        cache->member_count = json_members(payload, cache->members, PAYLOAD_CACHE_MEMBERS);
        cache->listed = true;
    }
    return cache->member_count <= PAYLOAD_CACHE_MEMBERS;
}

/* The last one of that name counts; NULL: none. */
static inline const struct json_member *find_member(const struct payload_cache *cache,
                                                    mqk_str name) {
    for (size_t i = cache->member_count; i > 0; i--) {
        if (json_member_is(&cache->members[i - 1], name)) {
            return &cache->members[i - 1];
        }
    }
    return NULL;
}

/* A path of which the first `known` steps led to `text`. */
static __attribute__((noinline)) const struct json_value *find_rest(struct payload_cache *cache,
                                                                    mqk_str text, size_t known,
                                                                    const struct json_step *steps,
                                                                    size_t count) {
    for (uint32_t i = 0; i < cache->used && i < PAYLOAD_CACHE_SIZE; i++) {
        if (cache->paths[i].count == count && same_path(cache->paths[i].steps, steps, count)) {
            return &cache->paths[i].value;
        }
    }
    uint32_t slot = cache->used++ % PAYLOAD_CACHE_SIZE;
    cache->paths[slot].steps = steps;
    cache->paths[slot].count = count;
    cache->paths[slot].value = json_find(text, steps + known, count - known);
    return &cache->paths[slot].value;
}

const struct json_value *value_find_path(const struct template *t, const struct piece *piece,
                                         const struct render_context *ctx,
                                         struct json_value *room) {
    static const struct json_value nothing = {JSON_NONE, {NULL, 0}, false};
    const struct json_step *steps = t->steps + piece->steps_at;
    size_t count = piece->step_count;
    struct payload_cache *cache = ctx->found;
    mqk_str payload = ctx->event->payload;
    if (!payload.data) {
        return &nothing;
    }
    if (!cache) {
        *room = json_find(payload, steps, count);
        return room;
    }
    if (!steps[0].name.data || !list_members(cache, payload)) {
        return find_rest(cache, payload, 0, steps, count);
    }
    const struct json_member *member = find_member(cache, steps[0].name);
    if (!member || count == 1) {
        return member ? &member->value : &nothing;
    }
    return find_rest(cache, member->value.text, 1, steps, count);
}

static void find_in_payload(const struct template *t, const struct piece *piece,
                            const struct render_context *ctx, struct value *out) {
    const struct json_value *found = value_find_path(t, piece, ctx, &out->json);
    if (found != &out->json) {
        out->json = *found;
    }
    out->kind = found->kind == JSON_NONE ? VALUE_MISSING : VALUE_JSON;
}

void value_find(const struct template *t, const struct piece *piece,
                const struct render_context *ctx, struct value *out) {
    const mqk_event *event = ctx->event;
    switch ((enum piece_kind)piece->kind) {
    case PIECE_LITERAL:
        set_text(out, piece_name(t, piece));
        break;
    case PIECE_EVENT:
        set_object(out, true);
        break;
    case PIECE_FIELD:
        find_field(ctx, (enum event_field)piece->field, out);
        break;
    case PIECE_TEXT_FIELD:
        set_text(out, piece_text(piece, event));
        break;
    case PIECE_SENDER:
        set_text(out, event->from_clientid.data ? event->from_clientid : event->clientid);
        break;
    case PIECE_PAYLOAD_PATH:
        find_in_payload(t, piece, ctx, out);
        break;
    case PIECE_PROPERTY:
        find_property(ctx, piece->ack, piece_name(t, piece), out);
        break;
    case PIECE_USER:
        find_pair(piece->ack ? event->ack_user_props : event->user_props,
                  piece->ack ? event->ack_user_props_count : event->user_props_count,
                  piece_name(t, piece), out);
        break;
    case PIECE_USER_OBJECT:
    case PIECE_USER_PAIRS:
        set_object(out, (piece->ack ? event->ack_user_props_count : event->user_props_count) > 0);
        break;
    case PIECE_ATTR:
        find_pair(event->attrs, event->attrs_count, piece_name(t, piece), out);
        break;
    case PIECE_CAPTURE:
        find_capture(ctx, piece->number, out);
        break;
    case PIECE_REGEX:
        find_group(ctx, piece_name(t, piece), out);
        break;
    case PIECE_UUID:
        set_text(out, ctx->uuid ? uuid_text(ctx->uuid) : (mqk_str){NULL, 0});
        break;
    case PIECE_FILTERED: /* has memory of its own: template_filter_find() */
        out->kind = VALUE_MISSING;
        break;
    }
}
