/* SPDX-License-Identifier: Apache-2.0 */
/* What a ruleset is made of: private to ruleset*.c. */
#ifndef MQK_RULES_RULE_H
#define MQK_RULES_RULE_H

#include <stdatomic.h>

#include "condition.h"
#include "envelope.h"
#include "filter_index.h"
#include "record_headers.h"
#include "ruleset.h"

struct rule {
    struct rule_info info;
    mqk_str hooks;               /* the list as written */
    struct condition *condition; /* NULL: none */
    struct template *topic;
    struct template *key;   /* NULL: none */
    struct template *value; /* NULL: the envelope's */
    struct template *timestamp;
    struct template *partition; /* NULL: the partitioner chooses */
    struct rule_headers headers;
    uint32_t first_entry; /* its filters */
    uint32_t entry_count;
    enum envelope envelope;
    enum payload_encoding encoding;
    bool stop;
    bool plain; /* a constant topic; no headers, timestamp or partition */
};

/* A filter of a rule. Entries stand in the order of rules and, in a rule, of its filters; what the
 * indexes give back are numbers of entries, so that sorting them brings the rules in order and
 * tells which filter matched. */
struct rule_entry {
    mqk_str filter;
    uint32_t rule;
};

/* The entries that want a hook. */
struct hook_rules {
    struct filter_index *index; /* for hooks with a topic; NULL: none */
    uint32_t *always;           /* entries with filter "#", for events without a topic */
    uint32_t always_count;
    uint32_t always_capacity;
};

struct custom_hook {
    mqk_str name;
    struct hook_rules rules;
};

struct ruleset {
    atomic_uint references;
    size_t rule_count;
    struct rule *rules;
    struct rule_entry *entries;
    uint32_t entry_count;
    struct hook_rules hooks[MQK_HOOK_COUNT]; /* [MQK_HOOK_CUSTOM]: for all custom hooks */
    struct custom_hook *customs;             /* sorted by name */
    size_t custom_count;
    struct envelope_set envelopes;
    char *pool; /* the texts */
};

/* Builds the indexes of a ruleset whose rules have no errors. False: out of memory.
 * (ruleset_index.c) */
bool ruleset_index(struct ruleset *r);

/* The rules for a custom hook by name, NULL when none names it. */
struct hook_rules *ruleset_custom(const struct ruleset *r, mqk_str name);

/* Order of custom hooks. */
int custom_hook_compare(const void *left, const void *right);

/* Frees a ruleset that may be half built. */
void ruleset_destroy(struct ruleset *r);

#endif
