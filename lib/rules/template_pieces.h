/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a template is made of: private to the template's own files (template_*.c, placeholder.c)
 * and to ruleset_compile.c, which looks into the pieces for better messages.
 */
#ifndef MQK_RULES_TEMPLATE_PIECES_H
#define MQK_RULES_TEMPLATE_PIECES_H

#include "json_scan.h"
#include "template.h"
#include "vocabulary.h"

enum piece_kind {
    PIECE_LITERAL,      /* name: the text */
    PIECE_EVENT,        /* ${.} */
    PIECE_FIELD,        /* field */
    PIECE_TEXT_FIELD,   /* field, a text that is nothing but that; number: its offset in mqk_event,
                           or in the record_event that the event begins */
    PIECE_SENDER,       /* ${from}: from_clientid, or clientid where there is no other sender */
    PIECE_PAYLOAD_PATH, /* steps */
    PIECE_PROPERTY,     /* name, ack */
    PIECE_USER,         /* name, ack */
    PIECE_USER_OBJECT,  /* ${pub_props.User-Property}, ack */
    PIECE_USER_PAIRS,   /* ${pub_props.User-Property-Pairs}, ack */
    PIECE_ATTR,         /* name */
    PIECE_CAPTURE,      /* number */
    PIECE_REGEX,        /* name */
    PIECE_UUID,         /* ${uuid} */
    PIECE_FILTERED      /* steps_at: index of its filtered_piece */
};

/* Where a placeholder stands, and so how its value is written. */
enum piece_place {
    PLACE_TEXT,   /* in a text template: as it is */
    PLACE_STRING, /* inside a JSON string: escaped */
    PLACE_VALUE   /* where a JSON value is expected: encoded */
};

struct piece {
    uint8_t kind;     /* enum piece_kind */
    uint8_t place;    /* enum piece_place */
    uint8_t field;    /* enum event_field */
    bool ack;         /* of the acknowledgement's properties */
    uint32_t at;      /* byte in the template's source, from 0 */
    uint32_t name_at; /* in the pool */
    uint32_t name_len;
    uint32_t steps_at; /* first of its steps */
    uint16_t step_count;
    uint16_t number;
};

/* A template filter with its argument (template_filter.h). */
struct filter_call {
    uint8_t filter;        /* enum template_filter */
    uint8_t argument_kind; /* enum json_kind */
    int32_t number;
    uint32_t text_at; /* in the pool; of a text, decoded */
    uint32_t text_len;
};

/* A placeholder with filters: what they begin with, and the filters. */
struct filtered_piece {
    struct piece inner;
    uint32_t first_call;
    uint16_t call_count;
};

/* Bytes behind the pool that may be read, so that a short literal is copied by a fixed number. */
#define POOL_PADDING 16u

/* What decides how a template is rendered. */
enum template_shape {
    SHAPE_CONSTANT,   /* no placeholder: the pool */
    SHAPE_TEXT_FIELD, /* a text, one field */
    SHAPE_PAYLOAD,    /* a text, the payload */
    SHAPE_SINGLE,     /* any other single placeholder */
    SHAPE_MANY
};

/* One block of memory: this, the steps, the pieces, the filtered pieces, the calls, the pool and
 * its padding. */
struct template {
    const struct json_step *steps;
    const struct piece *pieces;
    const struct filtered_piece *filtered; /* fields in arguments are among them */
    const struct filter_call *calls;
    const char *pool;
    size_t piece_count;
    size_t filtered_count;
    size_t pool_len;
    enum template_shape shape;
    size_t json_fault; /* with format auto and a text that looks like JSON and is not: the byte in
                          the source, from 1, where it stops being JSON; else 0 */
    unsigned captures;
    bool json;
};

/* A template being compiled; the buffers are arrays of struct piece, struct draft_step, struct
 * filtered_piece, struct filter_call, char. */
struct draft {
    const struct vocabulary *words;
    struct buffer pieces;
    struct buffer steps;
    struct buffer filtered;
    struct buffer calls;
    struct buffer pool;
};

struct draft_step {
    uint32_t name_at;
    uint32_t name_len;
    uint32_t index;
    bool named;
};

/* Largest source of a template. */
#define TEMPLATE_MAX_LEN ((size_t)1 << 20)
/* Largest N of ${filter.N}: a filter cannot have more levels. */
#define TEMPLATE_MAX_CAPTURE 32768u

void draft_init(struct draft *draft, const struct vocabulary *words);
void draft_fini(struct draft *draft);
/* MQK_OK or MQK_ERR_NO_MEMORY. */
mqk_status draft_failure(const struct draft *draft);
/* The template of a draft, as text; NULL: out of memory. (template_compile.c) */
struct template *draft_freeze(const struct draft *draft);

/* What a piece is before its filters. */
static inline const struct piece *piece_inner(const struct template *t, const struct piece *piece) {
    return piece->kind == PIECE_FILTERED ? &t->filtered[piece->steps_at].inner : piece;
}

/* All that a template is made of, fields in arguments of filters included: the piece of number i
 * without its filters, NULL behind the last. */
static inline const struct piece *template_piece(const struct template *t, size_t i) {
    if (i < t->piece_count) {
        return piece_inner(t, &t->pieces[i]);
    }
    i -= t->piece_count;
    return i < t->filtered_count ? &t->filtered[i].inner : NULL;
}

static inline mqk_str piece_text(const struct piece *piece, const mqk_event *event) {
    return *(const mqk_str *)(const void *)((const char *)event + piece->number);
}

static inline mqk_str piece_name(const struct template *t, const struct piece *piece) {
    return (mqk_str){t->pool + piece->name_at, piece->name_len};
}

#endif
