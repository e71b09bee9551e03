/* SPDX-License-Identifier: Apache-2.0 */
/* Writes values of labels, as Prometheus and OpenMetrics read them. Any thread. */
#ifndef MQK_BASE_LABEL_WRITE_H
#define MQK_BASE_LABEL_WRITE_H

#include "buffer.h"

/* Appends `name="value"`: quote, backslash and line feed are escaped, NUL and invalid UTF-8
 * replaced by U+FFFD, everything else stays as it is. `name` is a legal name. */
void label_write(struct buffer *out, const char *name, mqk_str value);

#endif
