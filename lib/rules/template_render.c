/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include <time.h>

#include "event_json.h"
#include "json_write.h"
#include "template_filter.h"
#include "template_pieces.h"
#include "template_value.h"

#define MISSING    STR("undefined")
#define SMALL_JSON 1024u

static void write_object(const struct piece *piece, struct render_context *ctx,
                         struct buffer *out) {
    switch ((enum piece_kind)piece->kind) {
    case PIECE_EVENT:
        template_render_event(ctx, out);
        break;
    case PIECE_USER_OBJECT:
        event_write_user(ctx, piece->ack, out);
        break;
    case PIECE_USER_PAIRS:
        event_write_user_pairs(ctx, piece->ack, out);
        break;
    default:
        event_write_object(ctx, (enum event_field)piece->field, out);
        break;
    }
}

static bool is_container(const struct value *value) {
    return value->json.kind == JSON_OBJECT || value->json.kind == JSON_ARRAY;
}

static mqk_str without_quotes(mqk_str json_string) {
    return str_slice(json_string, 1, json_string.len - 2);
}

static void write_bool(const struct value *value, struct buffer *out) {
    buffer_append_str(out, value->number ? STR("true") : STR("false"));
}

void value_write_text(const struct piece *piece, const struct value *value,
                      struct render_context *ctx, struct buffer *out) {
    switch (value->kind) {
    case VALUE_MISSING:
        ctx->missing = true;
        buffer_append_str(out, MISSING);
        break;
    case VALUE_TEXT:
    case VALUE_ENCODED:
        buffer_append_str(out, value->text);
        break;
    case VALUE_NUMBER:
        buffer_append_int(out, value->number);
        break;
    case VALUE_BOOL:
        write_bool(value, out);
        break;
    case VALUE_PAYLOAD:
        payload_append(out, value->text, ctx->encoding);
        break;
    case VALUE_JSON:
        if (value->json.kind == JSON_NULL) {
            ctx->missing = true;
        }
        if (value->json.kind == JSON_STRING) {
            json_append_decoded(out, &value->json);
        } else {
            json_append_compact(out, value->json.text);
        }
        break;
    case VALUE_OBJECT:
        write_object(piece, ctx, out);
        break;
    }
}

/* JSON text inside a JSON string: written aside first, because it has to be escaped again. */
static void write_nested(const struct piece *piece, const struct value *value,
                         struct render_context *ctx, struct buffer *out) {
    char small[SMALL_JSON];
    struct buffer nested;
    buffer_init(&nested, small, sizeof(small));
    value_write_text(piece, value, ctx, &nested);
    if (nested.failure == MQK_OK) {
        json_write_escaped(out, buffer_since(&nested, 0));
    } else if (out->failure == MQK_OK) {
        out->failure = nested.failure;
    }
    buffer_fini(&nested);
}

static void write_in_string(const struct piece *piece, const struct value *value,
                            struct render_context *ctx, struct buffer *out) {
    if (value->kind == VALUE_TEXT || value->kind == VALUE_ENCODED ||
        (value->kind == VALUE_PAYLOAD && ctx->encoding == PAYLOAD_PLAIN)) {
        ctx->utf8_replaced |= json_write_escaped(out, value->text);
    } else if (value->kind == VALUE_JSON && value->json.kind == JSON_STRING) {
        /* Already the inside of a JSON string, escapes included. */
        buffer_append_str(out, without_quotes(value->json.text));
    } else if (value->kind == VALUE_OBJECT || (value->kind == VALUE_JSON && is_container(value))) {
        write_nested(piece, value, ctx, out);
    } else {
        value_write_text(piece, value, ctx, out);
    }
}

void value_write_json(const struct piece *piece, const struct value *value,
                      struct render_context *ctx, struct buffer *out) {
    struct json_value whole;
    switch (value->kind) {
    case VALUE_MISSING:
        ctx->missing = true;
        buffer_append_str(out, STR("null"));
        break;
    case VALUE_TEXT:
        ctx->utf8_replaced |= json_write_string(out, value->text);
        break;
    case VALUE_PAYLOAD:
        if (ctx->encoding == PAYLOAD_PLAIN && json_valid(value->text, &whole)) {
            json_append_compact(out, whole.text);
        } else {
            event_write_payload(ctx, out);
        }
        break;
    case VALUE_JSON:
        json_append_compact(out, value->json.text);
        break;
    case VALUE_NUMBER:
    case VALUE_BOOL:
    case VALUE_ENCODED:
    case VALUE_OBJECT:
        value_write_text(piece, value, ctx, out);
        break;
    }
}

static void write_piece(const struct piece *piece, const struct value *value,
                        struct render_context *ctx, struct buffer *out) {
    switch ((enum piece_place)piece->place) {
    case PLACE_TEXT:
        value_write_text(piece, value, ctx, out);
        break;
    case PLACE_STRING:
        write_in_string(piece, value, ctx, out);
        break;
    case PLACE_VALUE:
        value_write_json(piece, value, ctx, out);
        break;
    }
}

/* Whether a value in text mode is a slice of memory that needs no copy. */
static bool is_slice(const struct value *value, const struct render_context *ctx, mqk_str *slice) {
    switch (value->kind) {
    case VALUE_TEXT:
        *slice = value->text;
        return true;
    case VALUE_PAYLOAD:
        *slice = value->text;
        return ctx->encoding == PAYLOAD_PLAIN;
    case VALUE_JSON:
        *slice =
            value->json.kind == JSON_STRING ? without_quotes(value->json.text) : value->json.text;
        return !is_container(value) && !value->json.has_escapes;
    default:
        return false;
    }
}

/* A placeholder with filters: the value lives in memory of its own until it is written. Returns
 * whether there is a value; a missing one is written like any other unless it stands alone. */
static bool render_filtered(const struct template *t, const struct piece *piece,
                            struct render_context *ctx, struct buffer *out, bool alone) {
    struct filter_scratch scratch;
    struct value value;
    filter_scratch_init(&scratch);
    template_filter_find(t, piece, ctx, &scratch, &value);
    struct piece written = *piece_inner(t, piece);
    written.place = piece->place;
    bool found = value.kind != VALUE_MISSING;
    if (filter_scratch_failure(&scratch) != MQK_OK) {
        out->failure = out->failure == MQK_OK ? filter_scratch_failure(&scratch) : out->failure;
    } else if (found || !alone) {
        write_piece(&written, &value, ctx, out);
    }
    filter_scratch_fini(&scratch);
    return found;
}

static __attribute__((noinline)) void render_single(const struct template *t,
                                                    struct render_context *ctx,
                                                    struct buffer *buffer, mqk_str *out) {
    const struct piece *piece = &t->pieces[0];
    size_t from = buffer->len;
    if (piece->kind == PIECE_FILTERED) {
        bool found = render_filtered(t, piece, ctx, buffer, true);
        *out = found ? buffer_since(buffer, from) : (mqk_str){NULL, 0};
        return;
    }
    struct value value;
    value_find(t, piece, ctx, &value);
    if (value.kind == VALUE_MISSING) {
        ctx->missing = true;
        *out = (mqk_str){NULL, 0};
        return;
    }
    if (value.kind == VALUE_JSON && value.json.kind == JSON_NULL) {
        ctx->missing = true; /* set only: callers that do not ask do not clear it */
    }
    if (piece->place == PLACE_TEXT && is_slice(&value, ctx, out)) {
        return;
    }
    write_piece(piece, &value, ctx, buffer);
    *out = buffer_since(buffer, from);
}

int64_t render_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Copies a literal in steps of a fixed size, which need no call; the pool is padded for it. NULL:
 * there is no room for the last step. */
static inline char *put_literal(char *to, size_t room, mqk_str text) {
    if (text.len + POOL_PADDING > room) {
        return NULL;
    }
    for (size_t at = 0; at < text.len; at += POOL_PADDING) {
        memcpy(to + at, text.data + at, POOL_PADDING);
    }
    return to + text.len;
}

/* NULL: there may be no room. */
static inline char *put_in_string(char *to, size_t room, mqk_str text, bool *replaced) {
    /* The first test keeps the second from running over. */
    if (text.len >= room || text.len * JSON_WRITE_MOST + JSON_WRITE_WIDE > room) {
        return NULL;
    }
    return json_put_escaped(to, text, replaced);
}

static inline char *put_number(char *to, size_t room, int64_t number) {
    return number == MQK_UNKNOWN || room < BUFFER_INT_MAX ? NULL : buffer_write_int(to, number);
}

/* Numbers and booleans of JSON are written as they stand there. A null may count as missing. */
static char *put_path(const struct template *t, const struct piece *piece,
                      const struct render_context *ctx, char *to, size_t room) {
    struct json_value memory;
    const struct json_value *value = value_find_path(t, piece, ctx, &memory);
    if (value->kind > JSON_NUMBER || value->kind < JSON_FALSE || value->text.len > room) {
        return NULL;
    }
    bytes_copy(to, value->text.data, value->text.len);
    return to + value->text.len;
}

static inline char *put_field(const struct piece *piece, const struct render_context *ctx, char *to,
                              size_t room, bool *replaced) {
    const mqk_event *event = ctx->event;
    switch ((enum event_field)piece->field) {
    case FIELD_timestamp:
        return put_number(to, room, render_timestamp(ctx));
    case FIELD_node: {
        mqk_str node = event->node.data ? event->node : ctx->node;
        return piece->place == PLACE_STRING && node.data ? put_in_string(to, room, node, replaced)
                                                         : NULL;
    }
    case FIELD_payload:
        return piece->place == PLACE_STRING && ctx->encoding == PAYLOAD_PLAIN && event->payload.data
                   ? put_in_string(to, room, event->payload, replaced)
                   : NULL;
    default:
        return event_fields[piece->field].kind == FIELD_INT
                   ? put_number(to, room, event_number(event, (enum event_field)piece->field))
                   : NULL;
    }
}

/* Writes a piece of one of the frequent kinds to `to`; returns the end, or NULL when the piece is
 * of another kind or there may be no room. */
static inline char *put_piece(const struct template *t, const struct piece *piece,
                              const struct render_context *ctx, char *to, size_t room,
                              bool *replaced) {
    switch ((enum piece_kind)piece->kind) {
    case PIECE_LITERAL:
        return put_literal(to, room, piece_name(t, piece));
    case PIECE_TEXT_FIELD: {
        mqk_str text = piece_text(piece, ctx->event);
        return piece->place == PLACE_STRING && text.data ? put_in_string(to, room, text, replaced)
                                                         : NULL;
    }
    case PIECE_FIELD:
        return put_field(piece, ctx, to, room, replaced);
    case PIECE_PAYLOAD_PATH:
        return put_path(t, piece, ctx, to, room);
    default:
        return NULL;
    }
}

/* Writes pieces until there is one that put_piece() does not write; returns that one, or the end.
 * The end of what is written stays in a register: kept in the buffer, each piece would wait for the
 * one before to be stored and loaded again. */
static const struct piece *put_pieces(const struct template *t, const struct piece *piece,
                                      const struct piece *end, struct render_context *ctx,
                                      struct buffer *out) {
    bool replaced = false;
    char *to = out->data + out->len;
    const char *limit = out->data + out->capacity;
    for (; piece < end; piece++) {
        char *behind = put_piece(t, piece, ctx, to, (size_t)(limit - to), &replaced);
        if (!behind) {
            break;
        }
        to = behind;
    }
    out->len = (size_t)(to - out->data);
    ctx->utf8_replaced |= replaced;
    return piece;
}

static void append_piece(const struct template *t, const struct piece *piece,
                         struct render_context *ctx, struct buffer *out) {
    if (piece->kind == PIECE_FILTERED) {
        render_filtered(t, piece, ctx, out, false);
        return;
    }
    struct value value;
    value_find(t, piece, ctx, &value);
    write_piece(piece, &value, ctx, out);
}

static __attribute__((noinline)) void render_many(const struct template *t,
                                                  struct render_context *ctx, struct buffer *buffer,
                                                  mqk_str *out) {
    const struct piece *piece = t->pieces, *end = piece + t->piece_count;
    size_t from = buffer->len;
    while (piece < end) {
        if (buffer->failure == MQK_OK && buffer->data) {
            piece = put_pieces(t, piece, end, ctx, buffer);
        }
        if (piece < end) {
            append_piece(t, piece++, ctx, buffer);
        }
    }
    *out = buffer_since(buffer, from);
}

/* Has no variables of its own and ends in calls, so that what is not copied costs next to nothing.
 */
void template_render(const struct template *t, struct render_context *ctx, struct buffer *buffer,
                     mqk_str *out) {
    switch (t->shape) {
    case SHAPE_CONSTANT:
        *out = (mqk_str){t->pool, t->pool_len};
        return;
    case SHAPE_TEXT_FIELD:
        *out = piece_text(&t->pieces[0], ctx->event);
        out->len = out->data ? out->len : 0;
        if (!out->data) {
            ctx->missing = true;
        }
        return;
    case SHAPE_PAYLOAD:
        if (ctx->encoding == PAYLOAD_PLAIN) {
            *out = ctx->event->payload;
            out->len = out->data ? out->len : 0;
            if (!out->data) {
                ctx->missing = true;
            }
            return;
        }
        break;
    case SHAPE_SINGLE:
        break;
    case SHAPE_MANY:
        render_many(t, ctx, buffer, out);
        return;
    }
    render_single(t, ctx, buffer, out);
}
