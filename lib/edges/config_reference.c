/* SPDX-License-Identifier: Apache-2.0 */
#include "config_reference.h"

#include <stdarg.h>
#include <stdio.h>

#include "config_value.h"

#define EVERY_OTHER "*"

/* Where a mapping that was found goes: behind those that were found in the same one before it. */
static void insert(struct reference_section *sections, size_t count, size_t at,
                   const struct reference_section *section) {
    memmove(&sections[at + 1], &sections[at], (count - at) * sizeof(*sections));
    sections[at] = *section;
}

static bool is_known(const struct reference_section *sections, size_t count,
                     const struct key_table *table) {
    for (size_t i = 0; i < count; i++) {
        if (sections[i].table == table) {
            return true;
        }
    }
    return false;
}

static size_t depth_of(const struct reference_section *section) {
    size_t depth = section->path[0] != '\0';
    for (const char *c = section->path; *c; c++) {
        depth += *c == '.';
    }
    return depth;
}

/* Adds the mappings that stand in the one at `at`; returns the new count. */
static size_t add_inner(struct reference_section *sections, size_t count, size_t at) {
    const struct key_table *table = sections[at].table;
    size_t end = at + 1;
    for (size_t i = 0; table->fields[i].key; i++) {
        const struct key_table *inner = table->rules[i].table;
        if (!inner || table->rules[i].alias_of || is_known(sections, count, inner) ||
            count == REFERENCE_MAX_SECTIONS) {
            continue;
        }
        struct reference_section section = {.table = inner, .key = table->fields[i].key};
        const char *path = sections[at].path;
        bool list = table->fields[i].value.type == CYAML_SEQUENCE;
        snprintf(section.path, sizeof(section.path), "%s%s%s%s", path, path[0] ? "." : "",
                 section.key, list ? "[]" : "");
        insert(sections, count++, end++, &section);
    }
    return count;
}

/* Mappings that stand in several others are described at the least deep place. */
size_t reference_sections(struct reference_section sections[REFERENCE_MAX_SECTIONS]) {
    size_t count = 1;
    sections[0] = (struct reference_section){.table = &root_table, .key = ""};
    for (size_t depth = 0, before = 0; before < count; depth++) {
        before = count;
        for (size_t i = 0; i < count; i++) {
            if (depth_of(&sections[i]) == depth) {
                count = add_inner(sections, count, i);
            }
        }
    }
    return count;
}

static void add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *format, ...) {
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, size - len, format, args);
    va_end(args);
}

static void add_words(const cyaml_schema_value_t *schema, struct reference_setting *out) {
    const cyaml_strval_t *words = schema->enumeration.strings;
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        bool alias = false;
        for (uint32_t j = 0; j < i; j++) {
            alias = alias || (words[j].val == words[i].val && words[i].val != WORD_UNAVAILABLE);
        }
        if (alias) {
            continue;
        }
        add(out->values, sizeof(out->values), "%s%s", i > 0 ? ", " : "", words[i].str);
        if (words[i].val == WORD_UNAVAILABLE) {
            add(out->values, sizeof(out->values), " (not available in this version)");
            continue;
        }
        const char *before = " (or ";
        for (uint32_t j = i + 1; j < schema->enumeration.count; j++) {
            if (words[j].val == words[i].val) {
                add(out->values, sizeof(out->values), "%s%s", before, words[j].str);
                before = ", ";
            }
        }
        add(out->values, sizeof(out->values), "%s", before[0] == ',' ? ")" : "");
    }
}

static const char *describe(const cyaml_schema_field_t *field, const struct key_rule *rule,
                            struct reference_setting *out) {
    char min[VALUE_SHOWN_SIZE], max[VALUE_SHOWN_SIZE];
    const char *number = value_range(rule, min, max);
    switch (field->value.type) {
    case CYAML_ENUM:
        add_words(&field->value, out);
        return strcmp(field->value.enumeration.strings[0].str, "true") == 0 ? "boolean" : "word";
    case CYAML_MAPPING:
        return "mapping";
    case CYAML_SEQUENCE:
        return rule->table ? "list of mappings" : "list of texts";
    case CYAML_STRING:
        if (number) {
            snprintf(out->values, sizeof(out->values), "%s to %s", min, max);
        }
        return number ? number : "text";
    default:
        return "not available in this version";
    }
}

static void add_aliases(const struct key_table *table, const char *key,
                        struct reference_setting *out) {
    for (size_t i = 0; table->fields[i].key; i++) {
        const char *alias_of = table->rules[i].alias_of;
        if (alias_of && strcmp(alias_of, key) == 0) {
            add(out->aliases, sizeof(out->aliases), "%s%s", out->aliases[0] ? ", " : "",
                table->fields[i].key);
        }
    }
}

bool reference_setting(const struct reference_section *section, size_t index,
                       struct reference_setting *out) {
    const struct key_table *table = section->table;
    const struct setting_meaning *others = setting_meaning(section->key, EVERY_OTHER);
    *out = (struct reference_setting){.section = section};
    for (size_t i = 0; table->fields[i].key; i++) {
        const char *key = table->fields[i].key;
        out->meaning = setting_meaning(section->key, key);
        if (table->rules[i].alias_of || (others && !out->meaning) || index-- > 0) {
            continue;
        }
        out->key = key;
        out->kind = describe(&table->fields[i], &table->rules[i], out);
        if (out->meaning && out->meaning->kind && table->fields[i].value.type != CYAML_IGNORE) {
            out->kind = out->meaning->kind;
        }
        add_aliases(table, key, out);
        return true;
    }
    out->meaning = others;
    out->key = others ? others->key : NULL;
    out->kind = others ? others->kind : NULL;
    return others && index == 0;
}
