/* SPDX-License-Identifier: Apache-2.0 */
#include "predicate_parse.h"

#include "error.h"
#include "literal.h"
#include "placeholder.h"
#include "template_filter.h"

static const char *const type_names[] = {
    [TYPE_ANY] = "any value",  [TYPE_NUMBER] = "a number", [TYPE_TEXT] = "a text",
    [TYPE_BOOL] = "a boolean", [TYPE_NULL] = "null",       [TYPE_OBJECT] = "an object"};

static mqk_str source(const struct parser *p, size_t from, size_t to) {
    return str_slice(p->out->text, from, to - from);
}

bool parser_fail(struct parser *p, size_t at, const char *sentence) {
    p->status = error_set(p->err, MQK_ERR_CONFIG, 0, (uint32_t)at + 1, "%s", sentence);
    return false;
}

bool parser_fail_type(struct parser *p, const struct expression *e, const char *sentence) {
    char quoted[ERROR_QUOTE_SIZE];
    p->status =
        error_set(p->err, MQK_ERR_CONFIG, 0, (uint32_t)e->from + 1, "%s is %s%s",
                  error_quote(source(p, e->from, e->to), quoted), type_names[e->type], sentence);
    return false;
}

void parser_advance(struct parser *p) {
    p->before = p->token.to;
    p->token = token_next(p->paths.words, p->out->text, p->token.to);
}

bool parser_expect(struct parser *p, enum token_kind kind, const char *sentence) {
    if (p->token.kind == kind) {
        parser_advance(p);
        return true;
    }
    return parser_fail(p, p->token.from,
                       parser_next_is(p, TOKEN_WRONG) ? p->token.wrong : sentence);
}

/* How much deeper the stack is behind an instruction. */
static int stack_effect(enum opcode op) {
    switch (op) {
    case OP_LITERAL:
    case OP_PATH:
        return 1;
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REMAINDER:
    case OP_COMPARE:
    case OP_IN_ITEM:
    case OP_AND:
    case OP_OR:
        return -1;
    default:
        return 0;
    }
}

bool parser_emit(struct parser *p, enum opcode op, unsigned argument, size_t index,
                 const struct expression *e) {
    struct instruction i = {(uint8_t)op, (uint8_t)argument, (uint32_t)index, (uint32_t)e->from,
                            (uint32_t)e->to};
    p->stack += (unsigned)stack_effect(op);
    if (p->stack > STACK_SIZE) {
        return parser_fail(p, e->from, "too deeply nested");
    }
    buffer_append(&p->program, (const char *)&i, sizeof(i));
    if (p->program.failure != MQK_OK) {
        p->status = MQK_ERR_NO_MEMORY;
    }
    return p->status == MQK_OK;
}

bool parser_emit_test(struct parser *p, struct expression *e, enum opcode op, unsigned argument,
                      size_t index) {
    e->type = TYPE_BOOL;
    e->test = true;
    e->to = p->before;
    return parser_emit(p, op, argument, index, e);
}

static void warn(struct parser *p, size_t at, const struct expression *a,
                 const struct expression *b) {
    char first[ERROR_QUOTE_SIZE], second[ERROR_QUOTE_SIZE];
    if (p->warning && p->warning->code == MQK_OK) {
        error_set(p->warning, MQK_ERR_CONFIG, 0, (uint32_t)at + 1,
                  "%s is %s and %s is %s; such values are never equal and nothing is converted",
                  error_quote(source(p, a->from, a->to), first), type_names[a->type],
                  error_quote(source(p, b->from, b->to), second), type_names[b->type]);
    }
}

void parser_check_types(struct parser *p, size_t at, const struct expression *a,
                        const struct expression *b) {
    if (a->type != TYPE_ANY && b->type != TYPE_ANY && a->type != b->type) {
        warn(p, at, a, b);
    }
}

static bool add_literal(struct parser *p, const struct operand *literal,
                        const struct expression *e) {
    size_t index = p->literals.len / sizeof(*literal);
    buffer_append(&p->literals, (const char *)literal, sizeof(*literal));
    return parser_emit(p, OP_LITERAL, 0, index, e);
}

/* The text in quotes that is next. */
static bool read_quoted(struct parser *p, mqk_str *out) {
    size_t from = p->pool.len, at = 0;
    const char *wrong = literal_decode(source(p, p->token.from, p->token.to), &p->pool, &at);
    if (wrong) {
        return parser_fail(p, p->token.from + at, wrong);
    }
    *out = buffer_since(&p->pool, from);
    return true;
}

bool parse_text(struct parser *p, struct expression *e) {
    struct operand literal = {.kind = OPERAND_TEXT};
    e->type = TYPE_TEXT;
    if (!read_quoted(p, &literal.as.text)) {
        return false;
    }
    parser_advance(p);
    return add_literal(p, &literal, e);
}

bool parse_number(struct parser *p, struct expression *e, bool negative) {
    struct operand literal = {.kind = OPERAND_NUMBER};
    size_t from = p->pool.len;
    e->type = TYPE_NUMBER;
    buffer_append_str(&p->pool, negative ? STR("-") : STR(""));
    buffer_append_str(&p->pool, source(p, p->token.from, p->token.to));
    number_read(buffer_since(&p->pool, from), &literal.as.number);
    parser_advance(p);
    return add_literal(p, &literal, e);
}

static enum type type_of_field(enum event_field field) {
    switch (event_fields[field].kind) {
    case FIELD_TEXT:
        return TYPE_TEXT;
    case FIELD_INT:
    case FIELD_TIME:
        return TYPE_NUMBER;
    case FIELD_BOOL:
        return TYPE_BOOL;
    case FIELD_OBJECT:
        break;
    }
    return TYPE_OBJECT;
}

static enum type type_of_filtered(const struct parser *p, const struct piece *piece) {
    const struct filtered_piece *filtered =
        (const struct filtered_piece *)(const void *)p->paths.filtered.data + piece->steps_at;
    const struct filter_call *call = (const struct filter_call *)(const void *)p->paths.calls.data +
                                     filtered->first_call + filtered->call_count - 1;
    switch ((enum template_filter)call->filter) {
    case FILTER_DEFAULT:
        return TYPE_ANY;
    case FILTER_SECONDS:
    case FILTER_NUMBER:
        return TYPE_NUMBER;
    default:
        return TYPE_TEXT;
    }
}

static enum type type_of_piece(const struct parser *p, const struct piece *piece) {
    switch ((enum piece_kind)piece->kind) {
    case PIECE_FIELD:
        return type_of_field((enum event_field)piece->field);
    case PIECE_PAYLOAD_PATH:
    case PIECE_PROPERTY:
        return TYPE_ANY;
    case PIECE_EVENT:
    case PIECE_USER_OBJECT:
    case PIECE_USER_PAIRS:
        return TYPE_OBJECT;
    case PIECE_FILTERED:
        return type_of_filtered(p, piece);
    default:
        return TYPE_TEXT;
    }
}

/* The placeholder's reader does not know that a bare word may have been meant as a text. */
static bool fail_path(struct parser *p, mqk_status status, const mqk_error *err) {
    static const char unknown[] = "unknown field";
    bool bare = !memchr(p->out->text.data + p->token.from, '.', p->token.to - p->token.from);
    bool hint = bare && strncmp(err->message, unknown, sizeof(unknown) - 1) == 0 &&
                !strstr(err->message, "did you mean");
    p->status = error_set(p->err, status, 0, err->column, "%s%s", err->message,
                          hint ? "; a text is written in quotes" : "");
    return false;
}

bool parse_path(struct parser *p, struct expression *e) {
    struct piece piece = {.at = (uint32_t)p->token.from};
    mqk_error err = {.column = 0};
    mqk_status status =
        placeholder_read(&p->paths, p->out->text, p->token.from, p->token.to, &piece, &err);
    if (status == MQK_OK) {
        status = draft_failure(&p->paths);
    }
    if (status != MQK_OK) {
        return fail_path(p, status, &err);
    }
    size_t index = p->paths.pieces.len / sizeof(piece);
    buffer_append(&p->paths.pieces, (const char *)&piece, sizeof(piece));
    e->type = type_of_piece(p, &piece);
    parser_advance(p);
    return parser_emit(p, OP_PATH, 0, index, e);
}

bool parse_word(struct parser *p, struct expression *e) {
    struct operand literal = {.kind = parser_next_is(p, TOKEN_NULL) ? OPERAND_NULL : OPERAND_BOOL,
                              .as.truth = parser_next_is(p, TOKEN_TRUE)};
    e->type = literal.kind == OPERAND_NULL ? TYPE_NULL : TYPE_BOOL;
    parser_advance(p);
    return add_literal(p, &literal, e);
}

/* One text between two stars; in it, `\*` is a star. */
static bool add_segment(struct parser *p, size_t from, size_t to) {
    struct operand literal = {.kind = OPERAND_TEXT};
    size_t start = p->pool.len, at = 0;
    for (size_t i = from; i <= to; i++) {
        bool star = i + 1 < to && memcmp(p->out->text.data + i, "\\*", 2) == 0;
        if (!star && i < to) {
            i += p->out->text.data[i] == '\\';
            continue;
        }
        const char *wrong = literal_decode(source(p, from - 1, i + 1), &p->pool, &at);
        if (wrong) {
            return parser_fail(p, from - 1 + at, wrong);
        }
        buffer_append_str(&p->pool, star ? STR("*") : STR(""));
        from = i + 2;
        i += star;
    }
    literal.as.text = buffer_since(&p->pool, start);
    buffer_append(&p->literals, (const char *)&literal, sizeof(literal));
    return true;
}

bool parse_like(struct parser *p, struct expression *left, bool negated) {
    const struct expression pattern = {.type = TYPE_TEXT};
    size_t at = p->token.from;
    parser_advance(p);
    if (!parser_next_is(p, TOKEN_QUOTED)) {
        return parser_expect(p, TOKEN_QUOTED, "expected a pattern in quotes: topic like 'a/*/b'");
    }
    struct like like = {.first = (uint32_t)(p->literals.len / sizeof(struct operand))};
    size_t from = p->token.from + 1, end = p->token.to - 1;
    for (size_t i = from; i <= end; i++) {
        if (i == end || p->out->text.data[i] == '*') {
            if (!add_segment(p, from, i)) {
                return false;
            }
            like.count++;
            from = i + 1;
        } else {
            i += p->out->text.data[i] == '\\';
        }
    }
    struct expression shown = pattern;
    shown.from = p->token.from;
    shown.to = p->token.to;
    parser_check_types(p, at, left, &shown);
    parser_advance(p);
    size_t index = p->likes.len / sizeof(like);
    buffer_append(&p->likes, (const char *)&like, sizeof(like));
    return parser_emit_test(p, left, OP_LIKE, negated, index);
}

bool parse_regex(struct parser *p, struct expression *left, bool negated) {
    struct regex *regex = NULL;
    mqk_error err = {.column = 0};
    size_t at = p->token.from;
    parser_advance(p);
    if (!parser_next_is(p, TOKEN_QUOTED)) {
        return parser_expect(p, TOKEN_QUOTED, "expected a regular expression in quotes");
    }
    mqk_str pattern = source(p, p->token.from + 1, p->token.to - 1);
    mqk_status status = regex_compile(pattern, p->names, &regex, &err);
    if (status != MQK_OK) {
        p->status = error_set(p->err, status, 0,
                              (uint32_t)p->token.from + 1 + (err.column > 0 ? err.column : 0), "%s",
                              err.message);
        return false;
    }
    struct expression shown = {TYPE_TEXT, false, p->token.from, p->token.to};
    parser_check_types(p, at, left, &shown);
    size_t index = p->regexes.len / sizeof(regex);
    buffer_append(&p->regexes, (const char *)&regex, sizeof(regex));
    if (p->regexes.failure != MQK_OK) {
        regex_free(regex);
        p->status = MQK_ERR_NO_MEMORY;
        return false;
    }
    parser_advance(p);
    return parser_emit_test(p, left, OP_REGEX, negated, index);
}
