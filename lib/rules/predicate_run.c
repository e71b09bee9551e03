/* SPDX-License-Identifier: Apache-2.0 */
#include "predicate_program.h"

#include <stdlib.h>

#include "error.h"
#include "template_filter.h"

/* Values that are shown with a test, and bytes of explanation. */
#define MAX_SEEN    6u
#define MAX_EXPLAIN 2000u

struct predicate_chunk {
    struct predicate_chunk *next;
    char data[];
};

/* A value that a test has looked at. */
struct seen {
    const struct instruction *path;
    struct operand value;
};

/* What a run tells of itself; the hot path has none. */
struct trace {
    struct buffer *out;
    size_t start;   /* where its text begins */
    bool only_last; /* of the parts that must all hold, only the one that decided */
    unsigned seen_count;
    struct seen seen[MAX_SEEN];
};

struct run {
    const struct predicate *p;
    struct render_context *ctx;
    struct predicate_memory *memory;
    struct regex_captures *captures;
    struct trace *trace;
    bool limit;
};

static void set_text(struct operand *out, mqk_str text) {
    out->kind = text.data ? OPERAND_TEXT : OPERAND_MISSING;
    out->as.text = text;
}

static void set_integer(struct operand *out, int64_t number) {
    out->kind = number == MQK_UNKNOWN ? OPERAND_MISSING : OPERAND_NUMBER;
    number_set_integer(&out->as.number, number);
}

static void set_bool(struct operand *out, bool truth) {
    out->kind = OPERAND_BOOL;
    out->as.truth = truth;
}

/* What the string stands for is not longer than itself. */
static void decode(struct predicate_memory *m, const struct json_value *json, struct operand *out) {
    char *room = predicate_memory_take(m, json->text.len);
    struct buffer buffer;
    out->kind = OPERAND_MISSING;
    if (room) {
        buffer_init(&buffer, room, json->text.len);
        json_append_decoded(&buffer, json);
        set_text(out, buffer_since(&buffer, 0));
    }
}

static void load_json(struct run *run, const struct json_value *json, struct operand *out) {
    switch (json->kind) {
    case JSON_NONE:
        out->kind = OPERAND_MISSING;
        break;
    case JSON_NULL:
        out->kind = OPERAND_NULL;
        break;
    case JSON_FALSE:
    case JSON_TRUE:
        set_bool(out, json->kind == JSON_TRUE);
        break;
    case JSON_NUMBER:
        out->kind = OPERAND_NUMBER;
        number_read(json->text, &out->as.number);
        break;
    case JSON_STRING:
        if (json->has_escapes) {
            decode(run->memory, json, out);
        } else {
            set_text(out, str_slice(json->text, 1, json->text.len - 2));
        }
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        out->kind = OPERAND_OBJECT;
        break;
    }
}

static void load_value(struct run *run, const struct value *value, struct operand *out) {
    switch (value->kind) {
    case VALUE_MISSING:
        out->kind = OPERAND_MISSING;
        break;
    case VALUE_TEXT:
    case VALUE_PAYLOAD:
    case VALUE_ENCODED:
        set_text(out, value->text);
        break;
    case VALUE_NUMBER:
        out->kind = OPERAND_NUMBER;
        number_set_integer(&out->as.number, value->number);
        break;
    case VALUE_BOOL:
        set_bool(out, value->number != 0);
        break;
    case VALUE_JSON:
        load_json(run, &value->json, out);
        break;
    case VALUE_OBJECT:
        out->kind = OPERAND_OBJECT;
        break;
    }
}

/* A text that may stand in memory which is about to go. */
static void keep_text(struct run *run, struct operand *operand) {
    if (operand->kind != OPERAND_TEXT || operand->as.text.len == 0) {
        return;
    }
    char *room = predicate_memory_take(run->memory, operand->as.text.len);
    if (room) {
        memcpy(room, operand->as.text.data, operand->as.text.len);
        operand->as.text.data = room;
    } else {
        operand->kind = OPERAND_MISSING;
    }
}

static void load_filtered(struct run *run, const struct piece *piece, struct operand *out) {
    struct filter_scratch scratch;
    struct value value;
    filter_scratch_init(&scratch);
    template_filter_find(run->p->paths, piece, run->ctx, &scratch, &value);
    load_value(run, &value, out);
    keep_text(run, out);
    filter_scratch_fini(&scratch);
}

static __attribute__((noinline)) void load_other(struct run *run, const struct piece *piece,
                                                 struct operand *out) {
    struct value value;
    if (piece->kind == PIECE_FILTERED) {
        load_filtered(run, piece, out);
    } else {
        value_find(run->p->paths, piece, run->ctx, &value);
        load_value(run, &value, out);
    }
}

static void load_path(struct run *run, const struct instruction *i, struct operand *out) {
    const struct piece *piece = &run->p->paths->pieces[i->index];
    const mqk_event *event = run->ctx->event;
    struct json_value room;
    if (piece->kind == PIECE_PAYLOAD_PATH) {
        load_json(run, value_find_path(run->p->paths, piece, run->ctx, &room), out);
    } else if (piece->kind == PIECE_TEXT_FIELD) {
        set_text(out, piece_text(piece, event));
    } else if (piece->kind == PIECE_FIELD && event_fields[piece->field].kind == FIELD_INT) {
        set_integer(out, event_number(event, (enum event_field)piece->field));
    } else {
        load_other(run, piece, out);
    }
    struct trace *trace = run->trace;
    if (trace && trace->seen_count < MAX_SEEN) {
        trace->seen[trace->seen_count++] = (struct seen){i, *out};
    }
}

static bool calculate(enum opcode op, const struct number *a, const struct number *b,
                      struct number *out) {
    switch (op) {
    case OP_ADD:
        return number_add(a, b, out);
    case OP_SUBTRACT:
        return number_subtract(a, b, out);
    case OP_MULTIPLY:
        return number_multiply(a, b, out);
    case OP_DIVIDE:
        return number_divide(a, b, out);
    default:
        return number_remainder(a, b, out);
    }
}

static void arithmetic(enum opcode op, struct operand *a, const struct operand *b) {
    struct number result;
    if (a->kind == OPERAND_NUMBER && b->kind == OPERAND_NUMBER &&
        calculate(op, &a->as.number, &b->as.number, &result)) {
        a->as.number = result;
    } else {
        a->kind = OPERAND_MISSING;
    }
}

static void negate(struct operand *a) {
    struct number result;
    if (a->kind == OPERAND_NUMBER && number_negate(&a->as.number, &result)) {
        a->as.number = result;
    } else {
        a->kind = OPERAND_MISSING;
    }
}

/* A test that can be negated: never true of what is missing. */
static bool unless(bool negated, const struct operand *value, bool found) {
    return value->kind != OPERAND_MISSING && found != negated;
}

static bool test_regex(struct run *run, const struct instruction *i, const struct operand *value) {
    enum regex_result found = REGEX_NO_MATCH;
    if (value->kind == OPERAND_TEXT) {
        found = regex_match(run->p->regexes[i->index], value->as.text, run->captures);
    }
    run->limit = run->limit || found == REGEX_LIMIT;
    return unless(i->argument != 0, value, found == REGEX_MATCH);
}

static void say_value(struct buffer *out, const struct operand *value) {
    char quoted[ERROR_QUOTE_SIZE];
    switch (value->kind) {
    case OPERAND_MISSING:
        buffer_append_str(out, STR("missing"));
        break;
    case OPERAND_NULL:
        buffer_append_str(out, STR("null"));
        break;
    case OPERAND_BOOL:
        buffer_append_str(out, value->as.truth ? STR("true") : STR("false"));
        break;
    case OPERAND_NUMBER:
        if (value->as.number.kind == NUMBER_INTEGER) {
            buffer_append_int(out, value->as.number.integer);
        } else {
            buffer_printf(out, "%s", error_quote(value->as.number.text, quoted));
        }
        break;
    case OPERAND_TEXT:
        buffer_printf(out, "\"%s\"", error_quote(value->as.text, quoted));
        break;
    case OPERAND_OBJECT:
        buffer_append_str(out, STR("an object or array"));
        break;
    }
}

static void say_part(const struct predicate *p, const struct instruction *i, struct buffer *out) {
    char quoted[ERROR_QUOTE_SIZE];
    buffer_printf(out, "%s", error_quote(str_slice(p->text, i->from, i->to - i->from), quoted));
}

/* Tells of a test that has been made: what it is, its result and the values in it. */
static void note_test(const struct run *run, const struct instruction *i, const char *result) {
    struct trace *t = run->trace;
    if (t->out->len - t->start < MAX_EXPLAIN) {
        buffer_append_str(t->out, t->out->len > t->start ? STR(", ") : STR(""));
        say_part(run->p, i, t->out);
        buffer_printf(t->out, " %s", result);
        for (unsigned n = 0; n < t->seen_count; n++) {
            buffer_append_str(t->out, n == 0 ? STR(" (") : STR(", "));
            say_part(run->p, t->seen[n].path, t->out);
            buffer_append_str(t->out, STR(" is "));
            say_value(t->out, &t->seen[n].value);
        }
        buffer_append_str(t->out, t->seen_count > 0 ? STR(")") : STR(""));
    }
    t->seen_count = 0;
}

/* The result of a test takes the place of its value. */
static inline void finish_test(const struct run *run, const struct instruction *i,
                               struct operand *at, bool truth) {
    set_bool(at, truth);
    if (run->trace) {
        note_test(run, i,
                  run->limit ? "was given up: it took too many steps"
                  : truth    ? "is true"
                             : "is false");
    }
}

/* Whether the value that `path` loads is compared with a literal, which then need not be copied. */
static inline bool is_comparison(const struct instruction *path, const struct instruction *end) {
    return end - path > 2 && path[1].op == OP_LITERAL && path[2].op == OP_COMPARE;
}

/* Always inlined, so that the run without a trace has no traces of it. */
static inline __attribute__((always_inline)) bool run_program(struct run *run) {
    const struct predicate *p = run->p;
    struct operand stack[STACK_SIZE + 1]; /* the first one is below all that is pushed */
    struct operand *top = stack;
    for (size_t at = 0; at < p->program_len && !run->limit; at++) {
        const struct instruction *i = &p->program[at];
        switch ((enum opcode)i->op) {
        case OP_LITERAL:
            *++top = p->literals[i->index];
            break;
        case OP_PATH:
            load_path(run, i, ++top);
            if (!run->trace && is_comparison(i, p->program + p->program_len)) {
                set_bool(top, operand_compare((enum comparison)i[2].argument, top,
                                              &p->literals[i[1].index]));
                at += 2;
            }
            break;
        case OP_ADD:
        case OP_SUBTRACT:
        case OP_MULTIPLY:
        case OP_DIVIDE:
        case OP_REMAINDER:
            top--;
            arithmetic((enum opcode)i->op, top, top + 1);
            break;
        case OP_NEGATE:
            negate(top);
            break;
        case OP_COMPARE:
            top--;
            finish_test(run, i, top, operand_compare((enum comparison)i->argument, top, top + 1));
            break;
        case OP_LIKE:
            finish_test(run, i, top,
                        unless(i->argument != 0, top,
                               top->kind == OPERAND_TEXT &&
                                   like_matches(p, &p->likes[i->index], top->as.text)));
            break;
        case OP_REGEX: {
            bool found = test_regex(run, i, top);
            finish_test(run, i, top, found);
            break;
        }
        case OP_NULL:
            finish_test(run, i, top,
                        (top->kind == OPERAND_MISSING || top->kind == OPERAND_NULL) !=
                            (i->argument != 0));
            break;
        case OP_EXISTS:
            finish_test(run, i, top, top->kind != OPERAND_MISSING);
            break;
        case OP_TRUTH:
            finish_test(run, i, top, top->kind == OPERAND_BOOL && top->as.truth);
            break;
        case OP_IN_ITEM:
            top--;
            if (operand_compare(EQUAL, top, top + 1)) {
                finish_test(run, i, top, i->argument == 0);
                at = i->index - 1;
            }
            break;
        case OP_IN_END:
            finish_test(run, i, top, unless(i->argument != 0, top, false));
            break;
        case OP_NOT:
            top->as.truth = !top->as.truth;
            break;
        case OP_AND:
            if (!top->as.truth) {
                at = i->index - 1;
            } else {
                top--;
                if (run->trace && run->trace->only_last && i->argument != 0) {
                    run->trace->out->len = run->trace->start;
                }
            }
            break;
        case OP_OR:
            if (top->as.truth) {
                at = i->index - 1;
            } else {
                top--;
            }
            break;
        }
    }
    return !run->limit && top->as.truth;
}

static enum predicate_result result_of(const struct run *run, bool truth) {
    return run->limit ? PREDICATE_LIMIT : truth ? PREDICATE_TRUE : PREDICATE_FALSE;
}

char *predicate_memory_take(struct predicate_memory *m, size_t len) {
    if (len <= sizeof(m->first) - m->used) {
        char *room = m->first + m->used;
        m->used += len;
        return room;
    }
    struct predicate_chunk *chunk = malloc(sizeof(*chunk) + len);
    if (!chunk) {
        return NULL;
    }
    chunk->next = m->chunks;
    m->chunks = chunk;
    return chunk->data;
}

void predicate_memory_fini(struct predicate_memory *m) {
    while (m->chunks) {
        struct predicate_chunk *next = m->chunks->next;
        free(m->chunks);
        m->chunks = next;
    }
}

enum predicate_result predicate_run(const struct predicate *p, struct render_context *ctx,
                                    struct predicate_memory *memory,
                                    struct regex_captures *captures) {
    struct run run = {p, ctx, memory, captures, NULL, false};
    bool truth = run_program(&run);
    return result_of(&run, truth);
}

enum predicate_result predicate_explain(const struct predicate *p, struct render_context *ctx,
                                        struct predicate_memory *memory,
                                        struct regex_captures *captures, struct buffer *out) {
    enum predicate_result result = predicate_run(p, ctx, memory, captures);
    struct trace trace = {
        .out = out, .start = out->len, .only_last = result != PREDICATE_TRUE, .seen_count = 0};
    struct run run = {p, ctx, memory, captures, &trace, false};
    bool truth = run_program(&run);
    return result_of(&run, truth);
}
