/* SPDX-License-Identifier: Apache-2.0 */
#include "predicate_parse.h"

#include <stdlib.h>

#include "error.h"

/* Where a jump goes that is not known yet. */
#define NOWHERE UINT32_MAX

static bool parse_or(struct parser *p, struct expression *e);

static struct instruction *program_at(const struct parser *p, size_t index) {
    return (struct instruction *)(void *)p->program.data + index;
}

static size_t program_len(const struct parser *p) {
    return p->program.len / sizeof(struct instruction);
}

/* Jumps of `op` since `first` that go nowhere yet go here. */
static void patch(struct parser *p, size_t first, enum opcode op, const struct expression *e) {
    for (size_t i = first; i < program_len(p); i++) {
        struct instruction *jump = program_at(p, i);
        if (jump->op == op && jump->index == NOWHERE) {
            jump->index = (uint32_t)program_len(p);
            jump->from = (uint32_t)e->from;
            jump->to = (uint32_t)e->to;
        }
    }
}

static bool enter(struct parser *p) {
    parser_advance(p);
    return ++p->nesting <= PREDICATE_NESTING || parser_fail(p, p->before - 1, "too deeply nested");
}

static bool leave(struct parser *p) {
    p->nesting--;
    return parser_expect(p, TOKEN_CLOSE, "expected \")\"");
}

static bool parse_exists(struct parser *p, struct expression *e) {
    struct expression path = {.from = 0};
    parser_advance(p);
    if (!parser_next_is(p, TOKEN_OPEN)) {
        return parser_fail(p, p->token.from, "expected \"(\": exists(payload.a)");
    }
    parser_advance(p);
    path.from = p->token.from;
    path.to = p->token.to;
    if (!parser_next_is(p, TOKEN_PATH)) {
        return parser_expect(p, TOKEN_PATH, "expected the name of a field: exists(payload.a)");
    }
    if (!parse_path(p, &path) || !parser_expect(p, TOKEN_CLOSE, "expected \")\"")) {
        return false;
    }
    *e = (struct expression){TYPE_BOOL, true, e->from, p->before};
    return parser_emit(p, OP_EXISTS, 0, 0, e);
}

static bool parse_primary(struct parser *p, struct expression *e) {
    *e = (struct expression){.from = p->token.from, .to = p->token.to};
    switch (p->token.kind) {
    case TOKEN_PATH:
        return parse_path(p, e);
    case TOKEN_QUOTED:
        return parse_text(p, e);
    case TOKEN_NUMBER:
        return parse_number(p, e, false);
    case TOKEN_NULL:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        return parse_word(p, e);
    case TOKEN_EXISTS:
        return parse_exists(p, e);
    case TOKEN_OPEN: {
        size_t from = p->token.from;
        if (!enter(p) || !parse_or(p, e) || !leave(p)) {
            return false;
        }
        e->from = from;
        e->to = p->before;
        return true;
    }
    default:
        return parser_expect(p, TOKEN_PATH,
                             parser_next_is(p, TOKEN_END) ? "a value is missing at the end"
                                                          : "expected a value");
    }
}

static bool need_number(struct parser *p, const struct expression *e) {
    return e->type == TYPE_NUMBER || e->type == TYPE_ANY ||
           parser_fail_type(p, e, "; arithmetic is for numbers");
}

static bool parse_unary(struct parser *p, struct expression *e) {
    size_t from = p->token.from;
    bool minus = false, negative = false;
    for (; parser_next_is(p, TOKEN_MINUS); parser_advance(p)) {
        minus = true;
        negative = !negative;
    }
    if (minus && parser_next_is(p, TOKEN_NUMBER)) {
        *e = (struct expression){.from = from, .to = p->token.to};
        return parse_number(p, e, negative);
    }
    if (!parse_primary(p, e)) {
        return false;
    }
    if (!minus) {
        return true;
    }
    if (!need_number(p, e)) {
        return false;
    }
    *e = (struct expression){TYPE_NUMBER, false, from, e->to};
    return !negative || parser_emit(p, OP_NEGATE, 0, 0, e);
}

static bool parse_arithmetic(struct parser *p, struct expression *left, enum opcode op,
                             bool (*parse)(struct parser *, struct expression *)) {
    struct expression right;
    parser_advance(p);
    if (!need_number(p, left) || !parse(p, &right) || !need_number(p, &right)) {
        return false;
    }
    *left = (struct expression){TYPE_NUMBER, false, left->from, right.to};
    return parser_emit(p, op, 0, 0, left);
}

static bool parse_product(struct parser *p, struct expression *e) {
    bool right = parse_unary(p, e);
    while (right && (parser_next_is(p, TOKEN_TIMES) || parser_next_is(p, TOKEN_OVER) ||
                     parser_next_is(p, TOKEN_REMAINDER))) {
        enum opcode op = parser_next_is(p, TOKEN_TIMES)  ? OP_MULTIPLY
                         : parser_next_is(p, TOKEN_OVER) ? OP_DIVIDE
                                                         : OP_REMAINDER;
        right = parse_arithmetic(p, e, op, parse_unary);
    }
    return right;
}

static bool parse_sum(struct parser *p, struct expression *e) {
    bool right = parse_product(p, e);
    while (right && (parser_next_is(p, TOKEN_PLUS) || parser_next_is(p, TOKEN_MINUS))) {
        right = parse_arithmetic(p, e, parser_next_is(p, TOKEN_PLUS) ? OP_ADD : OP_SUBTRACT,
                                 parse_product);
    }
    return right;
}

static bool parse_comparison(struct parser *p, struct expression *left) {
    struct expression right;
    enum comparison how = (enum comparison)(p->token.kind - TOKEN_EQUAL);
    size_t at = p->token.from;
    parser_advance(p);
    if (!parse_sum(p, &right)) {
        return false;
    }
    parser_check_types(p, at, left, &right);
    return parser_emit_test(p, left, OP_COMPARE, how, 0);
}

static bool parse_in(struct parser *p, struct expression *left, bool negated) {
    size_t first = program_len(p), at = p->token.from;
    const struct expression value = *left;
    parser_advance(p);
    if (!parser_next_is(p, TOKEN_OPEN)) {
        return parser_expect(p, TOKEN_OPEN, "expected a list: x in (1, 2)");
    }
    if (!enter(p)) {
        return false;
    }
    for (bool more = true; more;) {
        struct expression item;
        if (!parse_sum(p, &item) || !parser_emit(p, OP_IN_ITEM, negated, NOWHERE, &item)) {
            return false;
        }
        parser_check_types(p, at, &value, &item);
        more = parser_next_is(p, TOKEN_COMMA);
        if (more) {
            parser_advance(p);
        }
    }
    if (!leave(p) || !parser_emit_test(p, left, OP_IN_END, negated, 0)) {
        return false;
    }
    patch(p, first, OP_IN_ITEM, left);
    return true;
}

static bool parse_is(struct parser *p, struct expression *left) {
    parser_advance(p);
    bool negated = parser_next_is(p, TOKEN_NOT);
    if (negated) {
        parser_advance(p);
    }
    return parser_expect(p, TOKEN_NULL, "expected \"is null\" or \"is not null\"") &&
           parser_emit_test(p, left, OP_NULL, negated, 0);
}

static bool parse_negated_test(struct parser *p, struct expression *e) {
    parser_advance(p);
    if (parser_next_is(p, TOKEN_IN)) {
        return parse_in(p, e, true);
    }
    if (parser_next_is(p, TOKEN_LIKE)) {
        return parse_like(p, e, true);
    }
    return parser_expect(p, TOKEN_IN, "expected \"in\" or \"like\" behind \"not\"");
}

static bool parse_any_test(struct parser *p, struct expression *e) {
    enum token_kind kind = p->token.kind;
    switch (kind) {
    case TOKEN_IN:
        return parse_in(p, e, false);
    case TOKEN_LIKE:
        return parse_like(p, e, false);
    case TOKEN_MATCHES:
    case TOKEN_MATCHES_NOT:
        return parse_regex(p, e, kind == TOKEN_MATCHES_NOT);
    case TOKEN_IS:
        return parse_is(p, e);
    case TOKEN_NOT:
        return parse_negated_test(p, e);
    default:
        return kind < TOKEN_EQUAL || kind > TOKEN_GREATER_OR_EQUAL || parse_comparison(p, e);
    }
}

static bool parse_test(struct parser *p, struct expression *e) {
    if (!parse_sum(p, e) || !parse_any_test(p, e)) {
        return false;
    }
    return p->token.kind < TOKEN_EQUAL || p->token.kind > TOKEN_MATCHES_NOT ||
           parser_fail(p, p->token.from, "comparisons cannot be chained; write a < b and b < c");
}

/* Makes a condition of an expression: a test is one, a boolean becomes one. */
static bool need_condition(struct parser *p, struct expression *e) {
    if (e->test) {
        return true;
    }
    if (e->type != TYPE_ANY && e->type != TYPE_BOOL) {
        return parser_fail_type(p, e, " and no condition; compare it with something");
    }
    e->type = TYPE_BOOL;
    e->test = true;
    return parser_emit(p, OP_TRUTH, 0, 0, e);
}

static bool parse_not(struct parser *p, struct expression *e) {
    size_t from = p->token.from;
    bool some = false, negated = false;
    for (; parser_next_is(p, TOKEN_NOT); parser_advance(p)) {
        some = true;
        negated = !negated;
    }
    if (!parse_test(p, e)) {
        return false;
    }
    if (!some) {
        return true;
    }
    if (!need_condition(p, e)) {
        return false;
    }
    e->from = from;
    return !negated || parser_emit(p, OP_NOT, 0, 0, e);
}

/* The operands of `and` or of `or`, which are all alike. */
static bool parse_chain(struct parser *p, struct expression *e, enum token_kind word,
                        enum opcode op, bool (*parse)(struct parser *, struct expression *)) {
    size_t first = program_len(p);
    bool right = parse(p, e);
    while (right && parser_next_is(p, word)) {
        struct expression next;
        right = need_condition(p, e) && parser_emit(p, op, p->nesting == 0, NOWHERE, e);
        parser_advance(p);
        right = right && parse(p, &next) && need_condition(p, &next);
        e->to = next.to;
        if (right && !parser_next_is(p, word)) {
            patch(p, first, op, e);
        }
    }
    return right;
}

static bool parse_and(struct parser *p, struct expression *e) {
    return parse_chain(p, e, TOKEN_AND, OP_AND, parse_not);
}

static bool parse_or(struct parser *p, struct expression *e) {
    return parse_chain(p, e, TOKEN_OR, OP_OR, parse_and);
}

/* Parts of an alternative are no parts of the whole. */
static void mark_parts(struct parser *p) {
    bool alternatives = false;
    for (size_t i = 0; i < program_len(p); i++) {
        const struct instruction *at = program_at(p, i);
        alternatives = alternatives || (at->op == OP_OR && at->argument != 0);
    }
    for (size_t i = 0; alternatives && i < program_len(p); i++) {
        struct instruction *at = program_at(p, i);
        at->argument = at->op == OP_AND ? 0 : at->argument;
    }
}

static bool parse_all(struct parser *p) {
    struct expression e;
    p->token = token_next(p->paths.words, p->out->text, 0);
    if (parser_next_is(p, TOKEN_END)) {
        return parser_fail(p, 0, "is empty; leave it out for a rule without a condition");
    }
    if (!parse_or(p, &e) || !need_condition(p, &e)) {
        return false;
    }
    mark_parts(p);
    return parser_expect(p, TOKEN_END,
                         parser_next_is(p, TOKEN_CLOSE) ? "there is no \"(\" for this \")\""
                                                        : "expected \"and\", \"or\" or the end");
}

static void parser_init(struct parser *p, const struct vocabulary *words, struct predicate *out,
                        char *pool, size_t pool_size) {
    *p = (struct parser){.out = out};
    draft_init(&p->paths, words);
    buffer_init(&p->program, NULL, 0);
    buffer_init(&p->literals, NULL, 0);
    buffer_init(&p->likes, NULL, 0);
    buffer_init(&p->regexes, NULL, 0);
    buffer_init(&p->pool, pool, pool_size);
}

static void parser_fini(struct parser *p) {
    draft_fini(&p->paths);
    buffer_fini(&p->program);
    buffer_fini(&p->literals);
    buffer_fini(&p->likes);
    buffer_fini(&p->regexes);
}

/* A copy of an array; NULL: out of memory. */
static void *keep(const struct buffer *array) {
    void *copy = array->failure == MQK_OK ? malloc(array->len + 1) : NULL;
    if (copy && array->len > 0) {
        memcpy(copy, array->data, array->len);
    }
    return copy;
}

static mqk_status finish(struct parser *p) {
    struct predicate *out = p->out;
    out->paths = draft_freeze(&p->paths);
    out->program = keep(&p->program);
    out->program_len = program_len(p);
    out->literals = keep(&p->literals);
    out->likes = keep(&p->likes);
    return out->paths && out->program && out->literals && out->likes ? MQK_OK : MQK_ERR_NO_MEMORY;
}

/* The regular expressions belong to the predicate whether it is right or not. */
static mqk_status take_regexes(struct parser *p) {
    p->out->regexes = keep(&p->regexes);
    if (p->out->regexes) {
        p->out->regex_count = p->regexes.len / sizeof(struct regex *);
        return MQK_OK;
    }
    for (size_t i = 0; i < p->regexes.len / sizeof(struct regex *); i++) {
        regex_free(((struct regex **)(void *)p->regexes.data)[i]);
    }
    return MQK_ERR_NO_MEMORY;
}

static mqk_status compile(struct predicate *out, const struct vocabulary *words, size_t pool_size,
                          struct regex_names *names, mqk_error *err, mqk_error *warning) {
    struct parser p;
    parser_init(&p, words, out, out->pool + out->text.len, pool_size - out->text.len);
    p.names = names;
    p.err = err;
    p.warning = warning;
    bool right = parse_all(&p);
    mqk_status status = take_regexes(&p);
    if (!right) {
        status = p.status;
    } else if (status == MQK_OK) {
        status = finish(&p);
    }
    parser_fini(&p);
    return status;
}

mqk_status predicate_compile(mqk_str text, struct regex_names *names, struct predicate **out,
                             mqk_error *err, mqk_error *warning) {
    return predicate_compile_for(&event_words, text, names, out, err, warning);
}

mqk_status predicate_compile_for(const struct vocabulary *words, mqk_str text,
                                 struct regex_names *names, struct predicate **out, mqk_error *err,
                                 mqk_error *warning) {
    *out = NULL;
    if (warning) {
        warning->code = MQK_OK;
    }
    if (text.len > PREDICATE_MAX_LEN) {
        return error_set(err, MQK_ERR_CONFIG, 0, (uint32_t)PREDICATE_MAX_LEN + 1,
                         "a condition is at most 64 KiB long");
    }
    /* The text, and what its literals stand for, which is never longer; a number may have got a
     * minus from before a space. */
    size_t pool_size = 2 * text.len + 1;
    struct predicate *p = calloc(1, sizeof(*p));
    if (!p || !(p->pool = malloc(pool_size))) {
        free(p);
        return MQK_ERR_NO_MEMORY;
    }
    if (text.len > 0) {
        memcpy(p->pool, text.data, text.len);
    }
    p->text = (mqk_str){p->pool, text.len};
    uint32_t names_before = names->count;
    mqk_status status = compile(p, words, pool_size, names, err, warning);
    if (status != MQK_OK) {
        names->count = names_before;
        predicate_free(p);
        return status;
    }
    *out = p;
    return MQK_OK;
}

void predicate_free(struct predicate *p) {
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->regex_count; i++) {
        regex_free(p->regexes[i]);
    }
    template_free(p->paths);
    free(p->program);
    free(p->literals);
    free(p->likes);
    free(p->regexes);
    free(p->pool);
    free(p);
}

const struct template *predicate_paths(const struct predicate *p) {
    return p->paths;
}
