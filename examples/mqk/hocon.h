/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the part of HOCON that the plugins' configuration files use: nested objects, dotted keys,
 * `=` and `:` (or nothing before an object), lists, comments with # and //, quoted, triple-quoted
 * and unquoted texts. Keys given twice: objects are merged, anything else replaces. Sizes and
 * durations stay the texts that they are. Refused, with a sentence: `include`, `${…}` outside
 * quotes, `+=`, values put together of lists or objects.
 */
#ifndef MQK_HOCON_H
#define MQK_HOCON_H

#include "settings.h"

/* Fills a tree just initialised. MQK_OK, MQK_ERR_SYNTAX, MQK_ERR_UNAVAILABLE (refused),
 * MQK_ERR_TOO_LARGE, MQK_ERR_NO_MEMORY; s->err says what is wrong, with the line. */
mqk_status hocon_read(struct settings *s, mqk_str text);

#endif
