/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling rules: what ruleset_compile.c (rules, hooks, filters), rule_record.c (what a record is
 * made of) and downlink_compile.c (consumer rules) share. One thread. */
#ifndef MQK_RULES_RULE_COMPILER_H
#define MQK_RULES_RULE_COMPILER_H

#include "rule.h"
#include "vocabulary.h"

/* Room for a setting's path inside its rule. */
#define RULE_PATH_SIZE 64u

struct compiler {
    const struct vocabulary *words;
    const struct rule_source *sources; /* of hook rules */
    size_t count;
    rule_problem_fn problem;
    void *user;
    struct ruleset *out; /* of hook rules */
    uint32_t *same_name; /* per rule: an earlier rule of the same name, plus 1; 0: none */
    size_t rule;         /* the one at hand */
    bool hooks_right;    /* of the one at hand */
    unsigned wildcards;  /* most wildcards in one of its filters */
    const struct condition *condition; /* of the one at hand; NULL: none */
    bool patterns_right;               /* its regular expressions are all there */
    char *pool;                        /* for compiler_keep() */
    size_t pool_len;
    bool failed;
    bool out_of_memory;
};

/* Tells of a problem of the rule at hand. */
void compiler_tell(struct compiler *c, const char *path, size_t at, mqk_severity severity,
                   mqk_status code, const char *sentence);

/* Tells of an error. */
void compiler_complain(struct compiler *c, const char *path, size_t at, mqk_status code,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A copy of a text that pool_size() has counted. */
mqk_str compiler_keep(struct compiler *c, mqk_str text);

/* NULL after an error, which has been told. */
struct template *compiler_template(struct compiler *c, const char *path, mqk_str text,
                                   mqk_value_format format);

/* Checks that the captures and groups that a template names are there. */
void compiler_check_placeholders(struct compiler *c, const char *path, const struct template *t);

/* What a rule asks of an event: absent texts are not given. */
struct condition_source {
    mqk_str where;
    mqk_str regex_field;
    mqk_str regex_pattern;
    bool incomplete; /* not all is known: groups may be named that a pattern would have */
};

/* `regex` and `where`, into `out`, which also becomes the compiler's; compiler_check_groups() is
 * the part of compiler_check_placeholders() that asks them. compiler_condition_size() is what they
 * need of the pool. (rule_condition.c) */
void compiler_condition(struct compiler *c, const struct condition_source *source,
                        struct condition **out);
size_t compiler_condition_size(const struct condition_source *source);
void compiler_check_groups(struct compiler *c, const char *path, const struct template *t);

/* For each rule of `names` (absent: none) an earlier one of the same name, plus 1, or 0; to be
 * freed with free(). NULL: out of memory. */
uint32_t *compiler_same_names(const mqk_str *names, size_t stride, size_t count);

/* Checks the name of the rule at hand and keeps it; without one it is "<list>[N]". */
mqk_str compiler_name(struct compiler *c, const char *list, mqk_str name);
#define COMPILER_OWN_NAME_SIZE 32u /* of the pool, for one without a name */

/* Topic, key, value, headers, timestamp, partition. */
void compiler_record(struct compiler *c, const struct rule_source *source, struct rule *rule);

#endif
