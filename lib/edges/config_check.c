/* SPDX-License-Identifier: Apache-2.0 */
#include "config_check.h"

#include <stdio.h>

#include "error.h"

#define ACCEPTED_SIZE 500

void check_report(struct check *c, mqk_severity severity, mqk_status code,
                  const struct yaml_node *at, const char *format, ...) {
    struct place place = source_place(c->source, at);
    va_list args;
    va_start(args, format);
    problems_vadd(c->problems, &place, severity, code, c->path, format, args);
    va_end(args);
}

static void report(struct check *c, const struct yaml_node *at, const char *sentence) {
    check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, at, "%s", sentence);
}

size_t check_enter_key(struct check *c, const char *key) {
    size_t before = c->path_len;
    int n =
        snprintf(c->path + before, sizeof(c->path) - before, "%s%s", before > 0 ? "." : "", key);
    c->path_len += (size_t)n < sizeof(c->path) - before ? (size_t)n : 0;
    return before;
}

size_t check_enter_index(struct check *c, size_t index) {
    size_t before = c->path_len;
    int n = snprintf(c->path + before, sizeof(c->path) - before, "[%zu]", index);
    c->path_len += (size_t)n < sizeof(c->path) - before ? (size_t)n : 0;
    return before;
}

void check_leave(struct check *c, size_t path_len) {
    c->path[path_len] = '\0';
    c->path_len = path_len;
}

static const char *kind_name(const struct yaml_node *node) {
    static const char *const names[] = {"a text", "a list", "a mapping"};
    return yaml_is_null(node) ? "nothing" : names[node->kind];
}

/* `a, b, c` */
static void add_accepted(char list[ACCEPTED_SIZE], const char *name) {
    size_t len = strlen(list);
    snprintf(list + len, ACCEPTED_SIZE - len, "%s%s", len > 0 ? ", " : "", name);
}

/* The name at the start of a key. What follows it may be a secret, as in `{password:secret}`, and
 * is not shown. */
static mqk_str leading_word(mqk_str key) {
    size_t len = 0;
    while (len < key.len && !memchr(" \t\n:=,;\"'", key.data[len], 9)) {
        len++;
    }
    return str_slice(key, 0, len);
}

static void report_unknown_key(struct check *c, const struct yaml_node *key,
                               const struct key_table *table) {
    const char *names[CONFIG_MAX_KEYS + 1];
    char quote[ERROR_QUOTE_SIZE];
    char hint[ERROR_HINT_SIZE];
    char accepted[ACCEPTED_SIZE] = "";
    mqk_str word = leading_word(key->text);
    const char *more = word.len < key->text.len ? "\xE2\x80\xA6" : "";
    error_quote(word, quote);
    if (more[0] && config_key_find(table, word) != SIZE_MAX) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, key,
                     "write a colon and a space behind \"%s\"", quote);
        return;
    }
    config_key_names(table, true, names);
    if (c->problems->count < PROBLEMS_KEPT && error_hint(word, names, hint)[0]) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, key, "unknown key \"%s%s\"%s", quote,
                     more, hint);
        return;
    }
    config_key_names(table, false, names);
    for (size_t i = 0; names[i]; i++) {
        add_accepted(accepted, names[i]);
    }
    check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, key, "unknown key \"%s%s\" (accepted: %s)",
                 quote, more, accepted);
}

/* Nothing at all behind the colon: often a text that YAML takes for a comment. */
static void report_nothing(struct check *c, const struct yaml_node *value) {
    mqk_str rest = str_slice(c->source->text, value->offset, SIZE_MAX);
    while (value->text.len == 0 && rest.len > 0 && rest.data[0] == ' ') {
        rest = str_slice(rest, 1, SIZE_MAX);
    }
    if (value->text.len == 0 && rest.len > 0 && rest.data[0] == '#') {
        report(c, value, "there is no value: a text that begins with # must stand in quotes");
        return;
    }
    report(c, value, "there is no value; leave it out for the default");
}

static bool is_text(struct check *c, const struct yaml_node *value) {
    if (yaml_is_null(value)) {
        report_nothing(c, value);
        return false;
    }
    if (value->kind != YAML_TEXT) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, value, "expected a text, not %s%s",
                     kind_name(value),
                     value->kind == YAML_MAP ? "; put a text that begins with { in quotes" : "");
        return false;
    }
    return true;
}

static bool check_word(struct check *c, const struct yaml_node *value,
                       const cyaml_schema_value_t *schema) {
    const char *words[32];
    size_t count = 0;
    char accepted[ACCEPTED_SIZE] = "";
    char quote[ERROR_QUOTE_SIZE];
    char hint[ERROR_HINT_SIZE];
    if (!is_text(c, value)) {
        return false;
    }
    const cyaml_strval_t *found = NULL;
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const cyaml_strval_t *word = &schema->enumeration.strings[i];
        bool alias = false;
        for (uint32_t j = 0; j < i; j++) {
            alias = alias || schema->enumeration.strings[j].val == word->val;
        }
        if (!alias && word->val != WORD_UNAVAILABLE) {
            add_accepted(accepted, word->str);
        }
        if (count + 1 < sizeof(words) / sizeof(words[0])) {
            words[count++] = word->str;
        }
        if (str_equal(value->text, mqk_cstr(word->str))) {
            found = word;
        }
    }
    words[count] = NULL;
    if (found && found->val == WORD_UNAVAILABLE) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_UNAVAILABLE, value,
                     "\"%s\" is not available in this version (available: %s)", found->str,
                     accepted);
        return false;
    }
    if (!found) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, value,
                     "\"%s\" is not accepted (accepted: %s)%s", error_quote(value->text, quote),
                     accepted, error_hint(value->text, words, hint));
    }
    return found != NULL;
}

static void check_map(struct check *c, const struct yaml_node *map, const struct key_table *table);

static void check_list(struct check *c, const struct yaml_node *list,
                       const cyaml_schema_value_t *entry, const struct key_rule *rule) {
    if (list->kind != YAML_LIST) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, list,
                     "expected a list, not %s; write \"- \" before each entry, or [ ] around them",
                     kind_name(list));
        return;
    }
    size_t index = 0;
    bool good = true;
    for (const struct yaml_node *node = list->first; node; node = node->next) {
        size_t before = check_enter_index(c, index++);
        if (entry->type == CYAML_MAPPING) {
            check_map(c, node, rule->table);
        } else {
            good = is_text(c, node) && good;
        }
        check_leave(c, before);
    }
    if (good && rule->check) {
        rule->check(c, list, rule);
    }
}

static void check_value(struct check *c, const struct yaml_node *value,
                        const cyaml_schema_value_t *schema, const struct key_rule *rule) {
    switch (schema->type) {
    case CYAML_STRING:
        if (is_text(c, value) && rule->check) {
            rule->check(c, value, rule);
        }
        return;
    case CYAML_ENUM:
        if (check_word(c, value, schema) && rule->check) {
            rule->check(c, value, rule);
        }
        return;
    case CYAML_MAPPING:
        check_map(c, value, rule->table);
        return;
    case CYAML_SEQUENCE:
        check_list(c, value, schema->sequence.entry, rule);
        return;
    default:
        /* Nothing is asked for by an empty list. */
        if (value->kind != YAML_LIST || value->count > 0) {
            check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_UNAVAILABLE, value,
                         "not available in this version");
        }
    }
}

/* Whether the setting was given before, under this name or another. */
static bool given_before(struct check *c, const struct yaml_node *key,
                         const struct key_table *table, size_t index,
                         const struct yaml_node *const seen[CONFIG_MAX_KEYS]) {
    const char *name = config_key_name(table, index);
    for (size_t i = 0; table->fields[i].key; i++) {
        if (!seen[i] || strcmp(config_key_name(table, i), name) != 0) {
            continue;
        }
        if (i == index) {
            check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, key,
                         "\"%s\" is given twice, first at line %u", table->fields[i].key,
                         seen[i]->line);
        } else {
            check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, key,
                         "\"%s\" means the same as \"%s\", which is given at line %u",
                         table->fields[index].key, table->fields[i].key, seen[i]->line);
        }
        return true;
    }
    return false;
}

static void check_required(struct check *c, const struct yaml_node *map,
                           const struct key_table *table,
                           const struct yaml_node *const seen[CONFIG_MAX_KEYS]) {
    for (size_t i = 0; table->fields[i].key; i++) {
        bool given = !table->rules[i].required;
        for (size_t j = 0; table->fields[j].key && !given; j++) {
            given = seen[j] && strcmp(config_key_name(table, j), table->fields[i].key) == 0;
        }
        if (!given) {
            check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, map, "\"%s\" is missing",
                         table->fields[i].key);
        }
    }
}

/* Recursion ends with the schema, which is a few levels deep, whatever the file contains. */
static void check_map(struct check *c, const struct yaml_node *map, const struct key_table *table) {
    const struct yaml_node *seen[CONFIG_MAX_KEYS] = {NULL};
    if (map->kind != YAML_MAP) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, map,
                     "expected a mapping (\"key: value\"), not %s", kind_name(map));
        return;
    }
    for (const struct yaml_node *key = map->first; key; key = key->next->next) {
        size_t index = config_key_find(table, key->text);
        if (index == SIZE_MAX) {
            report_unknown_key(c, key, table);
            continue;
        }
        if (given_before(c, key, table, index, seen)) {
            continue;
        }
        seen[index] = key;
        size_t before = check_enter_key(c, table->fields[index].key);
        check_value(c, key->next, &table->fields[index].value, &table->rules[index]);
        check_leave(c, before);
    }
    check_required(c, map, table, seen);
}

void config_check(const struct source *source, struct problems *problems) {
    struct check c = {.problems = problems, .source = source};
    if (!source->root || yaml_is_null(source->root)) {
        struct place place = {source->index, source->name, 1, 1};
        problems_add(problems, &place, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, "",
                     "the configuration is empty; it begins with \"kafka:\"");
        return;
    }
    check_map(&c, source->root, &root_table);
}
