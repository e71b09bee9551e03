/* SPDX-License-Identifier: Apache-2.0 */
#include "config_merge.h"

#include <stdio.h>
#include <stdlib.h>

/* Every member is a pointer, and a list's has a count beside it. */
static void *get_pointer(const void *settings, const cyaml_schema_field_t *field) {
    void *pointer;
    memcpy(&pointer, (const char *)settings + field->data_offset, sizeof(pointer));
    return pointer;
}

static void set_pointer(void *settings, const cyaml_schema_field_t *field, void *pointer) {
    memcpy((char *)settings + field->data_offset, &pointer, sizeof(pointer));
}

static uint32_t get_count(const void *settings, const cyaml_schema_field_t *field) {
    uint32_t count;
    memcpy(&count, (const char *)settings + field->count_offset, sizeof(count));
    return count;
}

static void set_count(void *settings, const cyaml_schema_field_t *field, uint32_t count) {
    memcpy((char *)settings + field->count_offset, &count, sizeof(count));
}

static void copy_field(void *to, const cyaml_schema_field_t *to_field, const void *from,
                       const cyaml_schema_field_t *from_field) {
    set_pointer(to, to_field, get_pointer(from, from_field));
    if (to_field->value.type == CYAML_SEQUENCE) {
        set_count(to, to_field, get_count(from, from_field));
    }
}

/* Recursion ends with the schema, which is a few levels deep. */
void config_fold(const struct key_table *table, void *settings) {
    for (size_t i = 0; table->fields[i].key; i++) {
        const cyaml_schema_field_t *field = &table->fields[i];
        const struct key_rule *rule = &table->rules[i];
        char *value = field->value.type == CYAML_IGNORE ? NULL : get_pointer(settings, field);
        if (!value) {
            continue;
        }
        if (field->value.type == CYAML_MAPPING) {
            config_fold(rule->table, value);
        } else if (field->value.type == CYAML_SEQUENCE && rule->table) {
            for (uint32_t n = get_count(settings, field); n > 0; n--) {
                config_fold(rule->table, value + (n - 1) * rule->table->size);
            }
        }
        if (rule->alias_of) {
            size_t name = config_key_find(table, mqk_cstr(rule->alias_of));
            copy_field(settings, &table->fields[name], settings, field);
            set_pointer(settings, field, NULL);
        }
    }
}

bool config_overlay(const struct key_table *table, void *under, const void *over,
                    struct arena *arena) {
    for (size_t i = 0; over && table->fields[i].key; i++) {
        const cyaml_schema_field_t *field = &table->fields[i];
        const void *value = field->value.type == CYAML_IGNORE ? NULL : get_pointer(over, field);
        if (!value) {
            continue;
        }
        if (field->value.type != CYAML_MAPPING) {
            copy_field(under, field, over, field);
            continue;
        }
        /* Never into the mapping of another: what lies under may be laid under several. */
        const struct key_table *inner = table->rules[i].table;
        void *merged = arena_alloc(arena, inner->size);
        if (!merged || !config_overlay(inner, merged, get_pointer(under, field), arena) ||
            !config_overlay(inner, merged, value, arena)) {
            return false;
        }
        set_pointer(under, field, merged);
    }
    return true;
}

static void path_add(char path[CONFIG_PATH_SIZE], const char *separator, mqk_str key,
                     const char *end) {
    size_t len = strlen(path);
    snprintf(path + len, CONFIG_PATH_SIZE - len, "%s%.*s%s", len > 0 ? separator : "", STR_ARG(key),
             end);
}

/* Moves to the value of `key`, of that name or an alias; `*table` follows. */
static bool enter_key(struct origin *at, const struct key_table **table, mqk_str key) {
    if (at->node->kind != YAML_MAP || !*table) {
        return false;
    }
    for (const struct yaml_node *node = at->node->first; node; node = node->next->next) {
        size_t index = config_key_find(*table, node->text);
        if (index != SIZE_MAX && str_equal(mqk_cstr(config_key_name(*table, index)), key)) {
            path_add(at->path, ".", node->text, "");
            at->node = node->next;
            *table = (*table)->rules[index].table;
            return true;
        }
    }
    return false;
}

static bool enter_index(struct origin *at, mqk_str digits) {
    size_t index = 0;
    if (at->node->kind != YAML_LIST) {
        return false;
    }
    for (size_t i = 0; i < digits.len; i++) {
        index = index * 10 + (size_t)(digits.data[i] - '0');
    }
    const struct yaml_node *node = at->node->first;
    for (; node && index > 0; index--) {
        node = node->next;
    }
    if (!node) {
        return false;
    }
    path_add(at->path, "[", digits, "]");
    at->node = node;
    return true;
}

bool config_locate(const struct origin *origin, const struct key_table *table, const char *path,
                   struct origin *found) {
    *found = *origin;
    if (!origin->node) {
        return false;
    }
    while (path[0]) {
        bool entered;
        if (path[0] == '[') {
            size_t len = strspn(path + 1, "0123456789");
            entered = enter_index(found, (mqk_str){path + 1, len});
            path += len + 2;
        } else {
            size_t len = strcspn(path, ".[");
            entered = enter_key(found, &table, (mqk_str){path, len});
            path += len;
        }
        if (!entered) {
            return false;
        }
        path += path[0] == '.';
    }
    return true;
}

bool config_locate_last(const struct origin *origins, size_t count, const struct key_table *table,
                        const char *path, struct origin *found) {
    for (size_t i = count; i > 0; i--) {
        if (config_locate(&origins[i - 1], table, path, found)) {
            return true;
        }
    }
    for (size_t i = count; i > 0; i--) {
        config_locate(&origins[i - 1], table, path, found);
        if (found->node) {
            return false;
        }
    }
    return false;
}

struct origin config_child(const struct origin *origin, const struct key_table *table,
                           const char *name) {
    struct origin child = *origin;
    if (!child.node || !enter_key(&child, &table, mqk_cstr(name))) {
        child.node = NULL;
    }
    return child;
}

void config_report(struct problems *problems, const struct origin *at, mqk_severity severity,
                   mqk_status code, const char *format, ...) {
    struct place place = source_place(at->source, at->node);
    va_list args;
    va_start(args, format);
    problems_vadd(problems, &place, severity, code, at->path, format, args);
    va_end(args);
}
