/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include <stdlib.h>

#include "error.h"
#include "placeholder.h"
#include "template_pieces.h"

/* What stands for a placeholder while a template is tried as JSON. In a string the letter also
 * makes an escape before the placeholder invalid; the spaces keep `12${x}` from being a number. */
#define STAND_IN_STRING "x"
#define STAND_IN_VALUE  " null "

void draft_init(struct draft *draft, const struct vocabulary *words) {
    draft->words = words;
    buffer_init(&draft->pieces, NULL, 0);
    buffer_init(&draft->steps, NULL, 0);
    buffer_init(&draft->filtered, NULL, 0);
    buffer_init(&draft->calls, NULL, 0);
    buffer_init(&draft->pool, NULL, 0);
}

void draft_fini(struct draft *draft) {
    buffer_fini(&draft->pieces);
    buffer_fini(&draft->steps);
    buffer_fini(&draft->filtered);
    buffer_fini(&draft->calls);
    buffer_fini(&draft->pool);
}

mqk_status draft_failure(const struct draft *draft) {
    bool failed = draft->pieces.failure != MQK_OK || draft->steps.failure != MQK_OK ||
                  draft->filtered.failure != MQK_OK || draft->calls.failure != MQK_OK ||
                  draft->pool.failure != MQK_OK;
    return failed ? MQK_ERR_NO_MEMORY : MQK_OK;
}

static struct piece *draft_pieces(const struct draft *draft, size_t *count) {
    *count = draft->pieces.len / sizeof(struct piece);
    return (struct piece *)(void *)draft->pieces.data;
}

static void add_literal(struct draft *draft, mqk_str text, size_t at, size_t len) {
    size_t count;
    struct piece *pieces = draft_pieces(draft, &count);
    if (len == 0) {
        return;
    }
    if (count > 0 && pieces[count - 1].kind == PIECE_LITERAL) {
        pieces[count - 1].name_len += (uint32_t)len;
    } else {
        struct piece piece = {.kind = PIECE_LITERAL,
                              .at = (uint32_t)at,
                              .name_at = (uint32_t)draft->pool.len,
                              .name_len = (uint32_t)len};
        buffer_append(&draft->pieces, (const char *)&piece, sizeof(piece));
    }
    buffer_append(&draft->pool, text.data + at, len);
}

/* Takes the template apart. */
static mqk_status split(struct draft *draft, mqk_str text, mqk_error *err) {
    size_t pos = 0;
    while (pos < text.len) {
        const char *found = memchr(text.data + pos, '$', text.len - pos);
        size_t dollar = found ? (size_t)(found - text.data) : text.len;
        size_t end;
        add_literal(draft, text, pos, dollar - pos);
        if (!found) {
            break;
        }
        if (!placeholder_find_end(text, dollar, &end)) {
            add_literal(draft, text, dollar, 1);
            pos = dollar + 1;
            continue;
        }
        pos = end + 1;
        if (end == dollar + 3 && text.data[dollar + 2] == '$') {
            add_literal(draft, text, dollar, 1);
            continue;
        }
        struct piece piece = {.at = (uint32_t)dollar};
        mqk_status status = placeholder_read(draft, text, dollar + 2, end, &piece, err);
        if (status != MQK_OK) {
            return status;
        }
        buffer_append(&draft->pieces, (const char *)&piece, sizeof(piece));
    }
    return draft_failure(draft);
}

/* Whether the position behind `text` is inside a JSON string, given what was before it. */
static bool inside_string(bool inside, mqk_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (inside && text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == '"') {
            inside = !inside;
        }
    }
    return inside;
}

/* Decides for each placeholder whether it stands in a string or in value position, and writes the
 * template with stand-ins to `filled`. */
static void place_for_json(struct draft *draft, struct buffer *filled) {
    size_t count;
    struct piece *pieces = draft_pieces(draft, &count);
    bool inside = false;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].kind == PIECE_LITERAL) {
            mqk_str text = {draft->pool.data + pieces[i].name_at, pieces[i].name_len};
            inside = inside_string(inside, text);
            buffer_append_str(filled, text);
        } else {
            pieces[i].place = inside ? PLACE_STRING : PLACE_VALUE;
            buffer_append_str(filled, inside ? STR(STAND_IN_STRING) : STR(STAND_IN_VALUE));
        }
    }
}

/* The byte of the template's source, from 1, that stands behind a byte of the filled-in text. */
static size_t source_of(const struct draft *draft, size_t source_len, size_t at) {
    size_t count, filled = 0;
    const struct piece *pieces = draft_pieces(draft, &count);
    for (size_t i = 0; i < count; i++) {
        size_t len = pieces[i].name_len;
        if (pieces[i].kind != PIECE_LITERAL) {
            len = pieces[i].place == PLACE_STRING ? sizeof(STAND_IN_STRING) - 1
                                                  : sizeof(STAND_IN_VALUE) - 1;
        }
        if (at < filled + len) {
            return pieces[i].at + (pieces[i].kind == PIECE_LITERAL ? at - filled : 0) + 1;
        }
        filled += len;
    }
    return source_len + 1;
}

static bool looks_like_json(mqk_str text) {
    mqk_str trimmed = str_trim(text);
    return trimmed.len > 0 && (trimmed.data[0] == '{' || trimmed.data[0] == '[');
}

/* Tries the draft as JSON. `fault` is 0 when it is JSON, else the place where it is not. */
static mqk_status try_json(struct draft *draft, size_t source_len, size_t *fault) {
    struct buffer filled;
    buffer_init(&filled, NULL, 0);
    place_for_json(draft, &filled);
    size_t at = 0;
    *fault = 0;
    if (filled.failure == MQK_OK && !json_valid_at(buffer_since(&filled, 0), NULL, &at)) {
        *fault = source_of(draft, source_len, at);
    }
    mqk_status status = filled.failure == MQK_OK ? MQK_OK : MQK_ERR_NO_MEMORY;
    buffer_fini(&filled);
    return status;
}

static void place_as_text(struct draft *draft) {
    size_t count;
    struct piece *pieces = draft_pieces(draft, &count);
    for (size_t i = 0; i < count; i++) {
        pieces[i].place = PLACE_TEXT;
    }
}

static void copy_part(char **to, const struct buffer *from) {
    if (from->len > 0) {
        memcpy(*to, from->data, from->len);
    }
    *to += from->len;
}

static enum template_shape shape_of(const struct piece *pieces, size_t count) {
    if (count == 0 || (count == 1 && pieces[0].kind == PIECE_LITERAL)) {
        return SHAPE_CONSTANT;
    }
    if (count > 1) {
        return SHAPE_MANY;
    }
    if (pieces[0].place == PLACE_TEXT && pieces[0].kind == PIECE_TEXT_FIELD) {
        return SHAPE_TEXT_FIELD;
    }
    bool payload = pieces[0].kind == PIECE_FIELD && pieces[0].field == FIELD_payload;
    return pieces[0].place == PLACE_TEXT && payload ? SHAPE_PAYLOAD : SHAPE_SINGLE;
}

struct template *draft_freeze(const struct draft *draft) {
    size_t piece_count, step_count = draft->steps.len / sizeof(struct draft_step);
    draft_pieces(draft, &piece_count);
    size_t steps_size = step_count * sizeof(struct json_step);
    size_t size = sizeof(struct template) + steps_size + draft->pieces.len + draft->filtered.len +
                  draft->calls.len + draft->pool.len + POOL_PADDING;
    char *block = calloc(1, size);
    if (!block) {
        return NULL;
    }
    struct json_step *steps = (struct json_step *)(void *)(block + sizeof(struct template));
    char *end = (char *)steps + steps_size;
    struct template *t = (struct template *)(void *)block;
    *t = (struct template){.steps = steps, .piece_count = piece_count};
    t->pieces = (const struct piece *)(const void *)end;
    copy_part(&end, &draft->pieces);
    t->filtered = (const struct filtered_piece *)(const void *)end;
    copy_part(&end, &draft->filtered);
    t->calls = (const struct filter_call *)(const void *)end;
    copy_part(&end, &draft->calls);
    t->pool = end;
    copy_part(&end, &draft->pool);
    t->pool_len = draft->pool.len;
    t->shape = shape_of(t->pieces, piece_count);
    for (size_t i = 0; i < step_count; i++) {
        const struct draft_step *from =
            (const struct draft_step *)(const void *)draft->steps.data + i;
        steps[i] = (struct json_step){.index = from->index};
        if (from->named) {
            steps[i].name = (mqk_str){t->pool + from->name_at, from->name_len};
        }
    }
    t->filtered_count = draft->filtered.len / sizeof(struct filtered_piece);
    const struct piece *inner;
    for (size_t i = 0; (inner = template_piece(t, i)); i++) {
        if (inner->kind == PIECE_CAPTURE && inner->number > t->captures) {
            t->captures = inner->number;
        }
    }
    return t;
}

static mqk_status compile(struct draft *draft, mqk_str text, mqk_value_format format,
                          struct template **out, mqk_error *err) {
    mqk_status status = split(draft, text, err);
    bool try = format == MQK_FORMAT_JSON || (format == MQK_FORMAT_AUTO && looks_like_json(text));
    size_t fault = 0;
    if (status == MQK_OK && try) {
        status = try_json(draft, text.len, &fault);
    }
    if (status != MQK_OK) {
        return status;
    }
    if (fault != 0 && format == MQK_FORMAT_JSON) {
        return error_set(err, MQK_ERR_TEMPLATE, 0, (uint32_t)fault,
                         "the template is not valid JSON once its placeholders are filled in");
    }
    bool json = try && fault == 0;
    if (!json) {
        place_as_text(draft);
    }
    *out = draft_freeze(draft);
    if (!*out) {
        return MQK_ERR_NO_MEMORY;
    }
    (*out)->json = json;
    (*out)->json_fault = fault;
    return MQK_OK;
}

mqk_status template_compile(mqk_str text, mqk_value_format format, struct template **out,
                            mqk_error *err) {
    return template_compile_for(&event_words, text, format, out, err);
}

mqk_status template_compile_for(const struct vocabulary *words, mqk_str text,
                                mqk_value_format format, struct template **out, mqk_error *err) {
    *out = NULL;
    if (text.len > TEMPLATE_MAX_LEN) {
        return error_set(err, MQK_ERR_TEMPLATE, 0, (uint32_t)TEMPLATE_MAX_LEN + 1,
                         "a template is at most 1 MiB long");
    }
    struct draft draft;
    draft_init(&draft, words);
    mqk_status status = compile(&draft, text, format, out, err);
    draft_fini(&draft);
    if (status == MQK_ERR_NO_MEMORY) {
        error_set(err, status, 0, 0, "%s", "out of memory");
    }
    return status;
}

void template_free(struct template *t) {
    free(t);
}

bool template_is_constant(const struct template *t, mqk_str *text) {
    if (t->shape == SHAPE_CONSTANT && text) {
        *text = (mqk_str){t->pool, t->pool_len};
    }
    return t->shape == SHAPE_CONSTANT;
}

unsigned template_captures(const struct template *t) {
    return t->captures;
}
