/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads `a.b.c = value` lines (the .conf files of EMQ 2 to 4): comments begin with # in the first
 * column that is not white space, a value goes to the end of its line. Of a key given twice the
 * last one counts. Returns as hocon_read().
 */
#ifndef MQK_CONF_H
#define MQK_CONF_H

#include "settings.h"

mqk_status conf_read(struct settings *s, mqk_str text);

/* Whether the text has such lines only. */
bool conf_looks_like(mqk_str text);

#endif
