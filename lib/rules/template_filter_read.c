/* SPDX-License-Identifier: Apache-2.0 */
#include "template_filter.h"

#include "error.h"
#include "literal.h"
#include "placeholder.h"
#include "units.h"

enum argument { ARGUMENT_NONE, ARGUMENT_LITERAL, ARGUMENT_COUNT, ARGUMENT_LEVEL };

static const char *const filter_names[] = {
#define FILTER_NAME(id, name, argument, shown, meaning) [FILTER_##id] = name,
    TEMPLATE_FILTERS(FILTER_NAME) NULL};

static const enum argument filter_arguments[] = {
#define FILTER_ARGUMENT(id, name, argument, shown, meaning) [FILTER_##id] = ARGUMENT_##argument,
    TEMPLATE_FILTERS(FILTER_ARGUMENT)};

#define MAX_CALLS 16u

struct reader {
    struct draft *draft;
    mqk_str text; /* up to the end of the filters */
    size_t pos;
    mqk_error *err;
};

static mqk_status fail(const struct reader *r, size_t at, const char *sentence) {
    return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)at + 1, "%s", sentence);
}

static char peek(const struct reader *r) {
    return r->pos < r->text.len ? r->text.data[r->pos] : '\0';
}

static void skip_space(struct reader *r) {
    while (peek(r) == ' ' || peek(r) == '\t') {
        r->pos++;
    }
}

static mqk_str read_word(struct reader *r) {
    size_t from = r->pos;
    for (char c; (c = peek(r)) == '_' || (c >= '0' && c <= '9') ||
                 ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');) {
        r->pos++;
    }
    return (mqk_str){r->text.data + from, r->pos - from};
}

static void keep(struct reader *r, struct filter_call *call, enum json_kind kind, mqk_str text) {
    call->argument_kind = (uint8_t)kind;
    call->text_at = (uint32_t)r->draft->pool.len;
    buffer_append_str(&r->draft->pool, text);
    call->text_len = (uint32_t)(r->draft->pool.len - call->text_at);
}

static mqk_status read_quoted(struct reader *r, struct filter_call *call) {
    size_t from = r->pos, at = 0;
    if (!literal_skip_quoted(r->text, &r->pos)) {
        return fail(r, from, "the closing quote is missing");
    }
    mqk_str quoted = str_slice(r->text, from, r->pos - from);
    keep(r, call, JSON_STRING, STR(""));
    const char *wrong = literal_decode(quoted, &r->draft->pool, &at);
    call->text_len = (uint32_t)(r->draft->pool.len - call->text_at);
    return wrong ? fail(r, from + at, wrong) : MQK_OK;
}

/* Whether a value is one that the writers of values know without the placeholder it came from. */
static bool is_plain(const struct piece *piece) {
    switch ((enum piece_kind)piece->kind) {
    case PIECE_FIELD:
        return event_fields[piece->field].kind != FIELD_OBJECT;
    case PIECE_TEXT_FIELD:
    case PIECE_SENDER:
    case PIECE_PAYLOAD_PATH:
    case PIECE_PROPERTY:
    case PIECE_USER:
    case PIECE_ATTR:
    case PIECE_CAPTURE:
    case PIECE_REGEX:
    case PIECE_UUID:
        return true;
    default:
        return false;
    }
}

static mqk_status read_field(struct reader *r, struct filter_call *call) {
    size_t from = r->pos, to = from;
    struct filtered_piece argument = {.inner.at = (uint32_t)from, .call_count = 0};
    while (to < r->text.len && !memchr(")|", r->text.data[to], 2)) {
        to++;
    }
    r->pos = to;
    mqk_status status = placeholder_read(r->draft, r->text, from, to, &argument.inner, r->err);
    if (status == MQK_OK && !is_plain(&argument.inner)) {
        status = fail(r, from, "expected a text in quotes, a number, true, false, null or a field");
    }
    call->argument_kind = JSON_NONE;
    call->number = (int32_t)(r->draft->filtered.len / sizeof(argument));
    buffer_append(&r->draft->filtered, (const char *)&argument, sizeof(argument));
    return status;
}

static mqk_status read_literal(struct reader *r, struct filter_call *call) {
    static const char *const words[] = {"null", "false", "true"};
    static const enum json_kind kinds[] = {JSON_NULL, JSON_FALSE, JSON_TRUE};
    if (peek(r) == '"' || peek(r) == '\'') {
        return read_quoted(r, call);
    }
    size_t from = r->pos, len = literal_number(r->text, from, true);
    if (len > 0) {
        r->pos += len;
        keep(r, call, JSON_NUMBER, str_slice(r->text, from, len));
        return MQK_OK;
    }
    mqk_str word = read_word(r);
    for (size_t i = 0; i < 3; i++) {
        if (str_equal(word, mqk_cstr(words[i]))) {
            keep(r, call, kinds[i], word);
            return MQK_OK;
        }
    }
    r->pos = from;
    return read_field(r, call);
}

static mqk_status read_number(struct reader *r, struct filter_call *call, bool level) {
    size_t from = r->pos;
    r->pos += peek(r) == '-';
    while (peek(r) >= '0' && peek(r) <= '9') {
        r->pos++;
    }
    int64_t number = 0;
    if (units_integer(str_slice(r->text, from, r->pos - from), &number) || number > INT32_MAX ||
        (level ? number == 0 || number < -INT32_MAX : number < 0)) {
        return fail(r, from,
                    level ? "expected the number of a level, from 1 (or from the end, from -1)"
                          : "expected a number of characters");
    }
    call->number = (int32_t)number;
    return MQK_OK;
}

static mqk_status read_argument(struct reader *r, struct filter_call *call) {
    static const char *const missing[] = {[ARGUMENT_LITERAL] = "needs a value: default(\"none\")",
                                          [ARGUMENT_COUNT] = "needs a number: trunc(20)",
                                          [ARGUMENT_LEVEL] = "needs a number: level(2)"};
    bool wanted = filter_arguments[call->filter] != ARGUMENT_NONE;
    if (peek(r) != '(') {
        return !wanted
                   ? MQK_OK
                   : error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)r->pos + 1, "\"%s\" %s",
                               filter_names[call->filter], missing[filter_arguments[call->filter]]);
    }
    r->pos++;
    skip_space(r);
    if (!wanted) {
        if (peek(r) != ')') {
            return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)r->pos + 1,
                             "\"%s\" takes no value", filter_names[call->filter]);
        }
    } else {
        mqk_status status =
            filter_arguments[call->filter] == ARGUMENT_LITERAL
                ? read_literal(r, call)
                : read_number(r, call, filter_arguments[call->filter] == ARGUMENT_LEVEL);
        if (status != MQK_OK) {
            return status;
        }
    }
    skip_space(r);
    if (peek(r) != ')') {
        return fail(r, r->pos, "expected \")\"");
    }
    r->pos++;
    return MQK_OK;
}

static mqk_status read_call(struct reader *r, struct filter_call *call) {
    size_t from = r->pos;
    mqk_str name = read_word(r);
    if (name.len == 0) {
        return fail(r, from, "expected the name of a template filter, as in ${clientid | lower}");
    }
    for (unsigned i = 0; filter_names[i]; i++) {
        if (str_equal(name, mqk_cstr(filter_names[i]))) {
            call->filter = (uint8_t)i;
            skip_space(r);
            return read_argument(r, call);
        }
    }
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    return error_set(r->err, MQK_ERR_TEMPLATE, 0, (uint32_t)from + 1,
                     "unknown template filter \"%s\"%s", error_quote(name, quoted),
                     error_hint(name, filter_names, hint));
}

mqk_status template_filter_read(struct draft *draft, mqk_str text, size_t from, size_t to,
                                struct piece *piece, mqk_error *err) {
    struct reader r = {draft, {text.data, to}, from, err};
    struct filtered_piece filtered = {
        .inner = *piece, .first_call = (uint32_t)(draft->calls.len / sizeof(struct filter_call))};
    while (r.pos < to) {
        if (peek(&r) != '|') {
            return fail(&r, r.pos, "expected \"|\" before the next template filter");
        }
        if (filtered.call_count == MAX_CALLS) {
            return fail(&r, r.pos, "a placeholder has at most 16 template filters");
        }
        r.pos++;
        skip_space(&r);
        struct filter_call call = {.filter = 0};
        mqk_status status = read_call(&r, &call);
        if (status != MQK_OK) {
            return status;
        }
        buffer_append(&draft->calls, (const char *)&call, sizeof(call));
        filtered.call_count++;
        skip_space(&r);
    }
    *piece = (struct piece){.kind = PIECE_FILTERED,
                            .at = piece->at,
                            .steps_at = (uint32_t)(draft->filtered.len / sizeof(filtered))};
    buffer_append(&draft->filtered, (const char *)&filtered, sizeof(filtered));
    return MQK_OK;
}
