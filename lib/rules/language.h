/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What templates and conditions are written with, each with its meaning, for the reference: names
 * that are no fields of the event, operators of conditions, hooks. The fields stand in event.h, the
 * template filters in template_filter.h. Read-only tables that end with a NULL name.
 */
#ifndef MQK_RULES_LANGUAGE_H
#define MQK_RULES_LANGUAGE_H

#include "event.h"

struct language_word {
    const char *name; /* as it is written */
    const char *type; /* of what it gives */
    const char *meaning;
    const char *example; /* compiles: a template or a condition */
};

extern const struct language_word language_roots[];
extern const struct language_word language_operators[];

/* When a hook runs. */
const char *language_hook_meaning(mqk_hook hook);

#endif
