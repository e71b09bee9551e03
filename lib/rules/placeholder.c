/* SPDX-License-Identifier: Apache-2.0 */
#include "placeholder.h"

#include "error.h"
#include "template_filter.h"

_Static_assert(sizeof(struct record_event) <= UINT16_MAX, "piece.number holds an offset in it");

/* A field's name, `User-Property`, and a payload's path. */
#define MAX_STEPS (JSON_MAX_STEPS + 1)

struct path_step {
    struct draft_step step;
    size_t at;   /* first byte in the template's text */
    bool quoted; /* written as ["name"] */
};

struct path {
    struct path_step steps[MAX_STEPS];
    size_t count;
    size_t end; /* behind the last step */
};

struct reader {
    struct draft *draft;
    mqk_str text;
    size_t pos, to;
    mqk_error *err;
};

static mqk_status fail(const struct reader *r, size_t at, const char *sentence) {
    return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)at + 1, "%s", sentence);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static void skip_space(struct reader *r) {
    while (r->pos < r->to && is_space(r->text.data[r->pos])) {
        r->pos++;
    }
}

static char peek(const struct reader *r) {
    return r->pos < r->to ? r->text.data[r->pos] : '\0';
}

static mqk_str step_name(const struct reader *r, const struct path_step *step) {
    const struct buffer *pool = &r->draft->pool;
    if (!step->step.named || pool->failure != MQK_OK || step->step.name_len == 0) {
        return (mqk_str){"", 0};
    }
    return (mqk_str){pool->data + step->step.name_at, step->step.name_len};
}

static mqk_status read_index(struct reader *r, struct path_step *step) {
    uint64_t index = 0;
    size_t from = r->pos;
    for (char c; (c = peek(r)) >= '0' && c <= '9'; r->pos++) {
        index = index * 10 + (uint64_t)(c - '0');
        if (index > UINT32_MAX) {
            return fail(r, from, "an array index is at most 4294967295");
        }
    }
    step->step.index = (uint32_t)index;
    return MQK_OK;
}

static mqk_status read_quoted(struct reader *r, struct path_step *step) {
    size_t from = r->pos++;
    for (char c; (c = peek(r)) != '"' && r->pos < r->to; r->pos++) {
        r->pos += c == '\\';
    }
    r->pos++;
    struct json_value value;
    if (r->pos > r->to || !json_valid((mqk_str){r->text.data + from, r->pos - from}, &value)) {
        return fail(r, from, "a quoted name must be a JSON string");
    }
    step->quoted = true;
    step->step.named = true;
    step->step.name_at = (uint32_t)r->draft->pool.len;
    json_append_decoded(&r->draft->pool, &value);
    step->step.name_len = (uint32_t)(r->draft->pool.len - step->step.name_at);
    return MQK_OK;
}

static mqk_status read_bracket(struct reader *r, struct path_step *step) {
    r->pos++;
    skip_space(r);
    char c = peek(r);
    mqk_status status;
    if (c == '"') {
        status = read_quoted(r, step);
    } else if (c >= '0' && c <= '9') {
        status = read_index(r, step);
    } else {
        return fail(r, r->pos, "expected a number or a quoted name in brackets");
    }
    if (status != MQK_OK) {
        return status;
    }
    skip_space(r);
    if (peek(r) != ']') {
        return fail(r, r->pos, "expected \"]\"");
    }
    r->pos++;
    return MQK_OK;
}

static mqk_status read_name(struct reader *r, struct path_step *step) {
    size_t from = r->pos;
    while (r->pos < r->to && !memchr(".[]\"|{ \t", r->text.data[r->pos], 8)) {
        r->pos++;
    }
    if (r->pos == from) {
        return fail(r, from,
                    peek(r) == '.' || r->pos == r->to ? "a name is missing in the path"
                                                      : "expected a name");
    }
    step->step.named = true;
    step->step.name_at = (uint32_t)r->draft->pool.len;
    step->step.name_len = (uint32_t)(r->pos - from);
    buffer_append(&r->draft->pool, r->text.data + from, r->pos - from);
    return MQK_OK;
}

/* After a step: a dot or a bracket goes on, the end ends, and whatever else is wrong. */
static mqk_status after_step(struct reader *r, bool *more) {
    size_t end = r->pos;
    skip_space(r);
    char c = peek(r);
    *more = r->pos < r->to && c != '|';
    if (!*more || (r->pos == end && (c == '.' || c == '['))) {
        r->pos += c == '.';
        return MQK_OK;
    }
    return fail(r, end,
                "unexpected character in a path; a name with such characters is written "
                "as [\"name\"]");
}

static mqk_status read_path(struct reader *r, struct path *path) {
    path->count = 0;
    if (peek(r) == '.') {
        r->pos++;
    }
    for (bool more = true; more;) {
        if (path->count == MAX_STEPS) {
            return fail(r, r->pos, "a path has at most 32 steps");
        }
        struct path_step *step = &path->steps[path->count++];
        *step = (struct path_step){.at = r->pos};
        mqk_status status = MQK_OK;
        if (peek(r) == '[') {
            status = read_bracket(r, step);
        } else {
            status = read_name(r, step);
        }
        path->end = r->pos;
        if (status == MQK_OK) {
            status = after_step(r, &more);
        }
        if (status != MQK_OK) {
            return status;
        }
    }
    return MQK_OK;
}

/* A name of user properties and the like is the whole rest of the path, dots included. */
static mqk_status flat_name(const struct reader *r, const struct path *path, size_t first,
                            struct piece *piece) {
    bool plain = first < path->count;
    for (size_t i = first; i < path->count; i++) {
        plain = plain && path->steps[i].step.named && !path->steps[i].quoted;
    }
    if (plain) {
        const struct path_step *step = &path->steps[first];
        piece->name_at = (uint32_t)r->draft->pool.len;
        piece->name_len = (uint32_t)(path->end - step->at);
        buffer_append(&r->draft->pool, r->text.data + step->at, path->end - step->at);
        return MQK_OK;
    }
    if (first + 1 == path->count && path->steps[first].quoted) {
        piece->name_at = path->steps[first].step.name_at;
        piece->name_len = path->steps[first].step.name_len;
        return MQK_OK;
    }
    size_t at = first < path->count ? path->steps[first].at : path->steps[0].at;
    mqk_str root = step_name(r, &path->steps[0]);
    return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)at + 1,
                     "say which: ${%.*s.name} or ${%.*s[\"name\"]}", STR_ARG(root), STR_ARG(root));
}

static mqk_status read_capture(const struct reader *r, const struct path *path,
                               struct piece *piece) {
    uint64_t number = 0;
    if (path->count == 2 && path->steps[1].step.named) {
        mqk_str digits = step_name(r, &path->steps[1]);
        for (size_t i = 0; i < digits.len; i++) {
            bool digit = digits.data[i] >= '0' && digits.data[i] <= '9';
            number = digit && number <= TEMPLATE_MAX_CAPTURE
                         ? number * 10 + (uint64_t)(digits.data[i] - '0')
                         : TEMPLATE_MAX_CAPTURE + 1;
        }
    }
    if (number == 0 || number > TEMPLATE_MAX_CAPTURE) {
        return fail(r, path->steps[0].at,
                    "expected the number of a wildcard, from 1, as in ${filter.1}");
    }
    piece->kind = PIECE_CAPTURE;
    piece->number = (uint16_t)number;
    return MQK_OK;
}

static mqk_status read_payload_path(const struct reader *r, const struct path *path,
                                    struct piece *piece) {
    piece->kind = PIECE_PAYLOAD_PATH;
    piece->steps_at = (uint32_t)(r->draft->steps.len / sizeof(struct draft_step));
    piece->step_count = (uint16_t)(path->count - 1);
    for (size_t i = 1; i < path->count; i++) {
        buffer_append(&r->draft->steps, (const char *)&path->steps[i].step,
                      sizeof(struct draft_step));
    }
    return MQK_OK;
}

static mqk_status no_members(const struct reader *r, const struct path *path, size_t step) {
    char quoted[ERROR_QUOTE_SIZE];
    return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)path->steps[step].at + 1,
                     "\"%s\" has no members",
                     error_quote(step_name(r, &path->steps[step - 1]), quoted));
}

static mqk_status read_property(const struct reader *r, const struct path *path,
                                struct piece *piece) {
    mqk_str name = step_name(r, &path->steps[1]);
    if (str_equal(name, STR("User-Property"))) {
        piece->kind = PIECE_USER_OBJECT;
        if (path->count == 2) {
            return MQK_OK;
        }
        piece->kind = PIECE_USER;
        return flat_name(r, path, 2, piece);
    }
    if (str_equal(name, STR("User-Property-Pairs"))) {
        piece->kind = PIECE_USER_PAIRS;
        return path->count == 2 ? MQK_OK : no_members(r, path, 2);
    }
    piece->kind = PIECE_PROPERTY;
    return flat_name(r, path, 1, piece);
}

static mqk_status read_flag(const struct reader *r, const struct path *path, struct piece *piece) {
    static const char *const flags[] = {"retain", "dup", NULL};
    mqk_str name = step_name(r, &path->steps[1]);
    if (path->count > 2) {
        return no_members(r, path, 2);
    }
    if (str_equal(name, STR("retain"))) {
        piece->field = FIELD_retain;
        return MQK_OK;
    }
    if (str_equal(name, STR("dup"))) {
        piece->field = FIELD_dup;
        return MQK_OK;
    }
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)path->steps[1].at + 1,
                     "unknown flag \"%s\"%s", error_quote(name, quoted),
                     error_hint(name, flags, hint));
}

/* Text fields that are found and written without further thought. */
static bool is_plain_text(enum event_field field) {
    return event_fields[field].kind == FIELD_TEXT && field != FIELD_event && field != FIELD_node &&
           field != FIELD_payload;
}

static mqk_status unknown_field(const struct reader *r, const struct path *path, mqk_str name) {
    const struct vocabulary *words = r->draft->words;
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    error_hint(name, words->fields, hint);
    return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)path->steps[0].at + 1,
                     "unknown field \"%s\"%s", error_quote(name, quoted),
                     hint[0] ? hint : error_hint(name, words->others, hint));
}

static mqk_status read_field(const struct reader *r, const struct path *path,
                             const struct root *root, struct piece *piece) {
    enum event_field field = root->field;
    piece->kind = root->kind == ROOT_SENDER ? PIECE_SENDER : PIECE_FIELD;
    piece->field = (uint8_t)field;
    piece->ack = field == FIELD_ack_props;
    if (piece->kind == PIECE_FIELD && is_plain_text(field)) {
        piece->kind = PIECE_TEXT_FIELD;
        piece->number = (uint16_t)event_fields[field].offset;
    }
    if (path->count == 1) {
        return MQK_OK;
    }
    switch (field) {
    case FIELD_payload:
        return read_payload_path(r, path, piece);
    case FIELD_props:
    case FIELD_ack_props:
        return read_property(r, path, piece);
    case FIELD_flags:
        return read_flag(r, path, piece);
    default:
        return no_members(r, path, 1);
    }
}

bool placeholder_find_end(mqk_str text, size_t at, size_t *end) {
    if (at + 2 > text.len || text.data[at + 1] != '{') {
        return false;
    }
    char quote = '\0'; /* of the quoted text that we are in */
    char before = '{'; /* last character that is not white space */
    bool filters = false;
    for (size_t i = at + 2; i < text.len; i++) {
        char c = text.data[i];
        char next = i + 1 < text.len ? text.data[i + 1] : '\0';
        if (((uint8_t)c < ' ' && c != '\t') || (c == '$' && next == '{')) {
            return false;
        }
        if (quote != '\0') {
            i += c == '\\' && next != '$';
            quote = c == quote ? '\0' : quote;
        } else if ((c == '"' && before == '[') ||
                   ((c == '"' || c == '\'') && filters && before == '(')) {
            quote = c;
        } else if (c == '"') {
            return false;
        } else if (c == '}') {
            *end = i;
            return true;
        } else {
            filters = filters || c == '|';
        }
        before = is_space(c) ? before : c;
    }
    return false;
}

/* What the path stands for. */
static mqk_status read_piece(const struct reader *r, const struct path *path, struct piece *piece) {
    mqk_str name = step_name(r, &path->steps[0]);
    struct root root;
    if (!path->steps[0].step.named) {
        return fail(r, path->steps[0].at, "a path begins with the name of a field");
    }
    if (!r->draft->words->find(name, &root)) {
        return unknown_field(r, path, name);
    }
    switch (root.kind) {
    case ROOT_FIELD:
    case ROOT_SENDER:
        return read_field(r, path, &root, piece);
    case ROOT_USER:
        if (root.whole && path->count == 1) {
            return read_field(r, path, &root, piece);
        }
        piece->kind = PIECE_USER;
        return flat_name(r, path, 1, piece);
    case ROOT_ATTR:
        piece->kind = PIECE_ATTR;
        return flat_name(r, path, 1, piece);
    case ROOT_REGEX:
        piece->kind = PIECE_REGEX;
        return flat_name(r, path, 1, piece);
    case ROOT_CAPTURE:
        return read_capture(r, path, piece);
    case ROOT_UUID:
        break;
    }
    piece->kind = PIECE_UUID;
    return path->count == 1 ? MQK_OK : no_members(r, path, 1);
}

/* Whether the whole event is meant, `${}` or `${.}`; moves behind the dot and white space. */
static bool read_event(struct reader *r) {
    size_t from = r->pos;
    r->pos += peek(r) == '.';
    skip_space(r);
    if (r->pos == r->to || peek(r) == '|') {
        return true;
    }
    r->pos = from;
    return false;
}

mqk_status placeholder_read(struct draft *draft, mqk_str text, size_t from, size_t to,
                            struct piece *piece, mqk_error *err) {
    struct reader r = {draft, text, from, to, err};
    skip_space(&r);
    while (r.to > r.pos && is_space(text.data[r.to - 1])) {
        r.to--;
    }
    mqk_status status = MQK_OK;
    if (read_event(&r)) {
        piece->kind = PIECE_EVENT;
    } else {
        struct path path;
        status = read_path(&r, &path);
        if (draft->pool.failure == MQK_ERR_NO_MEMORY) {
            /* Without its names the path would look like a wrong one. */
            return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        }
        if (status == MQK_OK) {
            status = read_piece(&r, &path, piece);
        }
    }
    if (status == MQK_OK && r.pos < r.to) {
        status = template_filter_read(draft, text, r.pos, r.to, piece, err);
    }
    return status;
}
