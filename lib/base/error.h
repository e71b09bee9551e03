/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are values with a place and a sentence. Any thread; nothing is allocated. */
#ifndef MQK_BASE_ERROR_H
#define MQK_BASE_ERROR_H

#include "str.h"

/* Fills `err` (NULL allowed) and returns `code`, so that `return error_set(…)` reads well. A
 * message that is too long is cut at a character's border and ends in "…". */
mqk_status error_set(mqk_error *err, mqk_status code, uint32_t line, uint32_t column,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The entry of `words` (NULL-terminated list) that `word` is most likely a misspelling of, or NULL
 * when none is near: Damerau-Levenshtein (optimal string alignment) distance at most 1 for words up
 * to 4 bytes, 2 up to 9, 3 beyond. Case is ignored. Words longer than 64 bytes have no neighbours.
 */
const char *error_nearest(mqk_str word, const char *const *words);

/* Writes `, did you mean "x"?` or "" to `out` for use in a message; returns `out`. */
#define ERROR_HINT_SIZE 100
const char *error_hint(mqk_str word, const char *const *words, char out[ERROR_HINT_SIZE]);

/* Copies text into a message-safe form: at most 60 bytes, control characters and invalid UTF-8 as
 * \xNN, "…" at the end when cut; NUL-terminated; returns `out`. For showing what a user wrote. */
#define ERROR_QUOTE_SIZE 300
const char *error_quote(mqk_str text, char out[ERROR_QUOTE_SIZE]);

#endif
