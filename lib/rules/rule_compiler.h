/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling rules: what ruleset_compile.c (rules, hooks, filters) and rule_record.c (what a record
 * is made of) share. One thread. */
#ifndef MQK_RULES_RULE_COMPILER_H
#define MQK_RULES_RULE_COMPILER_H

#include "rule.h"

/* Room for a setting's path inside its rule. */
#define RULE_PATH_SIZE 64u

struct compiler {
    const struct rule_source *sources;
    size_t count;
    rule_problem_fn problem;
    void *user;
    struct ruleset *out;
    uint32_t *same_name; /* per rule: an earlier rule of the same name, plus 1; 0: none */
    size_t rule;         /* the one at hand */
    bool hooks_right;    /* of the one at hand */
    unsigned wildcards;  /* most wildcards in one of its filters */
    bool patterns_right; /* its regular expressions are all there */
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

/* `regex` and `where`; compiler_check_groups() is the part of compiler_check_placeholders() that
 * asks them. (rule_condition.c) */
void compiler_condition(struct compiler *c, const struct rule_source *source, struct rule *rule);
void compiler_check_groups(struct compiler *c, const char *path, const struct template *t);

/* Topic, key, value, headers, timestamp, partition. */
void compiler_record(struct compiler *c, const struct rule_source *source, struct rule *rule);

#endif
