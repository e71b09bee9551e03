/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one `${…}` of a template. Any thread. */
#ifndef MQK_RULES_PLACEHOLDER_H
#define MQK_RULES_PLACEHOLDER_H

#include "template_pieces.h"

/* Whether a placeholder begins at `at` (where a `$` stands) and is finished: fills `end` with the
 * place of its `}`. An unfinished one ends at the next `${`, a quote where none can be, a control
 * character or the end of the text, so that each byte of a template is looked at a few times only.
 */
bool placeholder_find_end(mqk_str text, size_t at, size_t *end);

/* Reads the path and the filters between the braces, text[from, to): fills `piece` (kind and what
 * it needs; steps and names go into `draft`). Not for `${$}`. MQK_OK, or MQK_ERR_TEMPLATE with
 * sentence and column in `err` (NULL allowed). Out of memory shows in draft's buffers. */
mqk_status placeholder_read(struct draft *draft, mqk_str text, size_t from, size_t to,
                            struct piece *piece, mqk_error *err);

#endif
