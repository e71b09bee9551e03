/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions (PCRE2, 8 bit, JIT where it is available), compiled once, matched by any
 * thread. Bytes, not characters, unless the pattern begins with (*UTF).
 *
 * No pattern costs more than a bounded time, whatever it meets: a text is searched in windows of
 * places where a match may begin, with few steps for each, and where those are not enough place by
 * place with REGEX_STEPS; depth and memory are limited too, and the search ends when the thread has
 * spent REGEX_TIME_MS on it. What ends so is no match, and is told as REGEX_LIMIT. Steps are those
 * of PCRE2's interpreter, some tens of nanoseconds each; the JIT is given ten times as many.
 *
 * No allocation but for the first few matches of a pattern and for those that need much memory: a
 * pattern keeps what a match needs for the next one.
 */
#ifndef MQK_RULES_REGEX_H
#define MQK_RULES_REGEX_H

#include "str.h"

#define REGEX_MAX_PATTERN 65535u
#define REGEX_MAX_NAMES   32u
#define REGEX_STEPS       100000u /* between two looks at the clock */
#define REGEX_TIME_MS     10u

struct regex;

/* The named groups of the patterns of a rule. The names belong to the patterns. */
struct regex_names {
    mqk_str names[REGEX_MAX_NAMES];
    uint32_t count;
};

/* What the named groups stand for: values[i] for names[i], absent where there is nothing. Points
 * into the text that was matched. */
struct regex_captures {
    const struct regex_names *names; /* NULL: no groups */
    mqk_str values[REGEX_MAX_NAMES]; /* the first names->count of them */
};

enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_LIMIT };

/* Compiles; adds the pattern's named groups to `names` (one of the same name shares its place).
 * MQK_OK; MQK_ERR_CONFIG with sentence and column (the byte in `pattern`, from 1) in `err` (NULL
 * allowed); MQK_ERR_NO_MEMORY. */
mqk_status regex_compile(mqk_str pattern, struct regex_names *names, struct regex **out,
                         mqk_error *err);
void regex_free(struct regex *r); /* NULL allowed */

/* Searches `subject` (absent: no match) and, when it matches, sets the values of the pattern's
 * groups in `captures` (NULL allowed). */
enum regex_result regex_match(const struct regex *r, mqk_str subject,
                              struct regex_captures *captures);

/* Number of a name, or -1. */
int regex_name_find(const struct regex_names *names, mqk_str name);

#endif
