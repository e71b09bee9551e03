/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in quotes and numbers, as predicates and template filters have them. Any thread. */
#ifndef MQK_RULES_LITERAL_H
#define MQK_RULES_LITERAL_H

#include "buffer.h"

/* Moves *pos from an opening quote (' or ") to behind the closing one, over backslashes and what
 * they stand before. False: there is none. */
bool literal_skip_quoted(mqk_str text, size_t *pos);

/* Appends what a text in quotes stands for. Escapes: \\ \' \" \/ \b \f \n \r \t \uXXXX. NULL, or a
 * sentence and in `at` the byte of `quoted` where it is wrong. */
const char *literal_decode(mqk_str quoted, struct buffer *out, size_t *at);

/* How many bytes at `pos` are a number as JSON has them, with a minus if `sign`; 0: none. */
size_t literal_number(mqk_str text, size_t pos, bool sign);

#endif
