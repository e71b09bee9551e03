/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of the reference: the tables of settings, fields, hooks and words. Any thread. */
#include <mqkafka/mqkafka.h>

#include <stdio.h>

#include "config_reference.h"
#include "language.h"
#include "template_filter.h"

static const struct {
    const char *shown, *meaning;
} template_filters[] = {
#define TEMPLATE_FILTER_ROW(id, name, argument, shown, meaning) {shown, meaning},
    TEMPLATE_FILTERS(TEMPLATE_FILTER_ROW)};

#define COPY(to, text) snprintf(to, sizeof(to), "%s", text)

static void add_name(char *list, size_t size, const char *name) {
    size_t len = strlen(list);
    snprintf(list + len, size - len, "%s%s", len > 0 ? ", " : "", name);
}

static bool setting_at(size_t index, mqk_reference *entry) {
    struct reference_section sections[REFERENCE_MAX_SECTIONS];
    struct reference_setting setting;
    size_t count = reference_sections(sections), at = 0;
    while (at < count && !reference_setting(&sections[at], index, &setting)) {
        for (size_t i = 0; reference_setting(&sections[at], i, &setting); i++) {
            index--;
        }
        at++;
    }
    if (at == count) {
        return false;
    }
    entry->name = setting.key;
    entry->type = setting.kind;
    entry->meaning = setting.meaning ? setting.meaning->meaning : "";
    COPY(entry->where, setting.section->path);
    COPY(entry->standard, setting.meaning ? setting.meaning->standard : "");
    COPY(entry->aliases, setting.aliases);
    COPY(entry->values, setting.values);
    return true;
}

static bool hook_at(size_t index, mqk_reference *entry) {
    if (index >= MQK_HOOK_COUNT) {
        return false;
    }
    /* Custom hooks, number 0, come last. */
    mqk_hook hook = (mqk_hook)((index + 1) % MQK_HOOK_COUNT);
    const struct event_hook_info *info = &event_hooks[hook];
    entry->name = info->name;
    entry->type = info->is_message ? "message" : info->has_topic ? "topic" : "no topic";
    entry->meaning = language_hook_meaning(hook);
    COPY(entry->aliases, info->alias);
    for (size_t i = 0; i < info->member_count; i++) {
        add_name(entry->values, sizeof(entry->values), info->members[i].name);
    }
    return true;
}

static void describe_field(enum event_field field, mqk_reference *entry) {
    static const char *const kinds[] = {[FIELD_TEXT] = "text",
                                        [FIELD_INT] = "number",
                                        [FIELD_BOOL] = "boolean",
                                        [FIELD_TIME] = "time",
                                        [FIELD_OBJECT] = "object"};
    enum event_field other;
    entry->name = event_fields[field].name;
    entry->type = kinds[event_fields[field].kind];
    entry->meaning = event_fields[field].meaning;
    for (const char *const *name = event_field_names; *name; name++) {
        if (event_field_by_name(mqk_cstr(*name), &other) && other == field &&
            strcmp(*name, entry->name) != 0) {
            add_name(entry->aliases, sizeof(entry->aliases), *name);
        }
    }
}

static bool placeholder_at(size_t index, mqk_reference *entry) {
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        enum event_field field;
        if (event_field_by_name(mqk_cstr(event_fields[i].name), &field) && index-- == 0) {
            describe_field(field, entry);
            return true;
        }
    }
    const struct language_word *word = language_roots;
    while (word->name && index > 0) {
        word++;
        index--;
    }
    if (!word->name) {
        return false;
    }
    entry->name = word->name;
    entry->type = word->type;
    entry->meaning = word->meaning;
    COPY(entry->values, word->example);
    return true;
}

static bool template_filter_at(size_t index, mqk_reference *entry) {
    if (index >= sizeof(template_filters) / sizeof(template_filters[0])) {
        return false;
    }
    entry->name = template_filters[index].shown;
    entry->meaning = template_filters[index].meaning;
    return true;
}

static bool operator_at(size_t index, mqk_reference *entry) {
    for (const struct language_word *word = language_operators; word->name; word++) {
        if (index-- == 0) {
            entry->name = word->name;
            entry->type = word->type;
            entry->meaning = word->meaning;
            COPY(entry->values, word->example);
            return true;
        }
    }
    return false;
}

mqk_status mqk_reference_at(mqk_reference_part part, size_t index, mqk_reference *entry) {
    static bool (*const parts[])(size_t index, mqk_reference * entry) = {
        [MQK_REFERENCE_SETTING] = setting_at,
        [MQK_REFERENCE_HOOK] = hook_at,
        [MQK_REFERENCE_PLACEHOLDER] = placeholder_at,
        [MQK_REFERENCE_TEMPLATE_FILTER] = template_filter_at,
        [MQK_REFERENCE_OPERATOR] = operator_at};
    if (!entry || entry->size < sizeof(*entry) ||
        (size_t)part >= sizeof(parts) / sizeof(parts[0])) {
        return MQK_ERR_ARGUMENT;
    }
    mqk_reference found = {.size = entry->size, .name = "", .type = "", .meaning = ""};
    if (!parts[part](index, &found)) {
        return MQK_ERR_ARGUMENT;
    }
    *entry = found;
    return MQK_OK;
}
