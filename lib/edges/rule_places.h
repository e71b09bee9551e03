/* SPDX-License-Identifier: Apache-2.0 */
/* Where the rules of a ruleset stand in the files, so that what the ruleset's compiler finds wrong
 * is told with its place. One thread. */
#ifndef MQK_EDGES_RULE_PLACES_H
#define MQK_EDGES_RULE_PLACES_H

#include "config_merge.h"
#include "ruleset.h"

struct rule_place {
    const struct source *source;
    const struct yaml_node *node;
    const char *list; /* "kafka.hook", "kafka.hooks" or "kafka.consumer" */
    uint32_t index;   /* in its list */
};

struct rule_places {
    struct problems *problems;
    struct rule_place *list;
    size_t count;
};

/* Room for `capacity` rules, in the arena of the problems. False: out of memory. */
bool rule_places_init(struct rule_places *places, struct problems *problems, size_t capacity);

struct origin rule_origin(const struct rule_place *place);

/* As config_locate() in a rule of `table`; `timestamp`, `value` and `key` of a hook rule may also
 * stand in `kafka_message`. */
bool rule_locate(const struct origin *rule, const struct key_table *table, const char *path,
                 struct origin *found);

/* A problem that a rule compiler found, at its place in the file. */
void rule_report(struct problems *problems, const struct rule_place *place,
                 const struct key_table *table, const char *path, size_t at, mqk_severity severity,
                 mqk_status code, const char *sentence);

/* The same for a hook rule (a rule_problem_fn); `user` is the struct rule_places. */
void rule_places_tell(void *user, size_t rule, const char *path, size_t at, mqk_severity severity,
                      mqk_status code, const char *sentence);

#endif
