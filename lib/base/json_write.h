/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON text that is valid whatever the input. Any thread. */
#ifndef MQK_BASE_JSON_WRITE_H
#define MQK_BASE_JSON_WRITE_H

#include "buffer.h"

/* Appends the inside of a JSON string (no quotes): quote, backslash and control characters (below
 * 0x20) escaped (\b \f \n \r \t, else \u00XX), everything else as it is; invalid UTF-8 replaced by
 * U+FFFD. Returns whether something was replaced. Fast for text that needs nothing. */
bool json_write_escaped(struct buffer *out, mqk_str text);

/* The same with quotes around. */
bool json_write_string(struct buffer *out, mqk_str text);

#endif
