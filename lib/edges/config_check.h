/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a YAML tree along the schema and reports everything that is wrong with it by itself:
 * unknown keys, keys given twice, wrong kinds of values, unknown words, values out of range, what
 * is not available in this version.
 */
#ifndef MQK_EDGES_CONFIG_CHECK_H
#define MQK_EDGES_CONFIG_CHECK_H

#include "config_schema.h"
#include "source.h"

#define CONFIG_PATH_SIZE 256

/* A walk under way. */
struct check {
    struct problems *problems;
    const struct source *source;
    char path[CONFIG_PATH_SIZE]; /* of the value looked at, e.g. "kafka.hook[2].key" */
    size_t path_len;
};

/* Checks a whole source. */
void config_check(const struct source *source, struct problems *problems);

/* Reports something about the value looked at. */
void check_report(struct check *c, mqk_severity severity, mqk_status code,
                  const struct yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Makes the path longer by ".key" or "[index]"; returns what to restore `path_len` to with
 * check_leave(). */
size_t check_enter_key(struct check *c, const char *key);
size_t check_enter_index(struct check *c, size_t index);
void check_leave(struct check *c, size_t path_len);

#endif
