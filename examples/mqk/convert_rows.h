/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that are converted one by one: a table says what becomes of each. */
#ifndef MQK_CONVERT_ROWS_H
#define MQK_CONVERT_ROWS_H

#include "convert.h"

enum convert_kind {
    CONVERT_TEXT,
    CONVERT_FOLDER,
    CONVERT_WORD,
    CONVERT_DURATION,
    CONVERT_SIZE,
    CONVERT_NOTHING
};

/* One setting of theirs. A table ends with a row whose `from` is NULL. */
struct convert_row {
    const char *from;
    const char *to;
    enum convert_kind kind;
    const char *fallback; /* written when theirs is left out; NULL: nothing is */
    const char *words;    /* CONVERT_WORD: " ours theirs=ours " */
    int64_t min, max;     /* CONVERT_DURATION: what ours accepts, ms */
    const char *reason;   /* CONVERT_NOTHING: why there is no counterpart */
};

#define ROW_TEXT(theirs, ours, otherwise)                                                          \
    { .from = theirs, .to = ours, .kind = CONVERT_TEXT, .fallback = otherwise }
#define ROW_FOLDER(theirs, ours)                                                                   \
    { .from = theirs, .to = ours, .kind = CONVERT_FOLDER }
#define ROW_WORD(theirs, ours, otherwise, list)                                                    \
    { .from = theirs, .to = ours, .kind = CONVERT_WORD, .fallback = otherwise, .words = list }
#define ROW_DURATION(theirs, ours, otherwise, least, most)                                         \
    {                                                                                              \
        .from = theirs, .to = ours, .kind = CONVERT_DURATION, .fallback = otherwise, .min = least, \
        .max = most                                                                                \
    }
#define ROW_SIZE(theirs, ours, otherwise)                                                          \
    { .from = theirs, .to = ours, .kind = CONVERT_SIZE, .fallback = otherwise }
#define ROW_NOTHING(theirs, why)                                                                   \
    { .from = theirs, .kind = CONVERT_NOTHING, .reason = why }

/* Writes what the rows say for a mapping (NULL: nothing is set), each key of ours once. Returns how
 * many bytes that is. */
size_t convert_rows(struct conversion *c, struct setting *map, const struct convert_row *rows,
                    unsigned indent);

/* Looks a word of theirs up in " ours theirs=ours "; capitals do not matter. */
bool convert_find_word(const char *words, mqk_str word, mqk_str *ours);

/* Whether it says "not set": null, or Erlang's undefined. */
bool convert_is_unset(const struct setting *node);

/* A duration in one of HOCON's spellings, several parts allowed ("1m30s"), in ms; a bare number is
 * milliseconds. */
bool convert_duration(mqk_str text, int64_t *out_ms);

#endif
