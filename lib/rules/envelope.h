/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built-in templates of record values (`envelope:` of a rule): for each envelope and hook, the
 * template that makes the value. The table is read-only; a set holds what a ruleset has compiled of
 * it. Any thread once compiled.
 */
#ifndef MQK_RULES_ENVELOPE_H
#define MQK_RULES_ENVELOPE_H

#include "template.h"

enum envelope {
    ENVELOPE_EVENT, /* the whole event; what a rule has that names neither value nor envelope */
    ENVELOPE_RAW,   /* the payload's bytes */
    ENVELOPE_COUNT
};

/* Names of all envelopes, NULL-terminated, for suggestions. */
extern const char *const envelope_names[];

/* Finds an envelope by its name. MQK_OK, MQK_ERR_UNAVAILABLE (a name that a later version will
 * have), MQK_ERR_CONFIG (no such name). */
mqk_status envelope_by_name(mqk_str name, enum envelope *out);

/* Compiled templates; zeroed memory is an empty set. */
struct envelope_set {
    struct template *templates[ENVELOPE_COUNT][MQK_HOOK_COUNT];
};

/* Compiles an envelope's templates if that has not been done yet. False: out of memory. */
bool envelope_set_add(struct envelope_set *set, enum envelope envelope);
void envelope_set_fini(struct envelope_set *set);

#endif
