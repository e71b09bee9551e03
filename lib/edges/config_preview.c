/* SPDX-License-Identifier: Apache-2.0 */
#include "config_preview.h"

#include <stdio.h>

#include "rule_places.h"

struct preview {
    struct rule_source *rules;
    struct rule_places places;
};

static bool is_text(const struct yaml_node *node) {
    return node && node->kind == YAML_TEXT && !yaml_is_null(node);
}

/* The text of a setting; absent when it is not given. `*unsure` is set when what is given is no
 * text. */
static mqk_str text_of(const struct origin *rule, const char *path, bool *unsure) {
    struct origin found;
    if (!rule_locate(rule, &rule_table, path, &found)) {
        return (mqk_str){NULL, 0};
    }
    if (!is_text(found.node)) {
        *unsure = true;
        return (mqk_str){NULL, 0};
    }
    return found.node->text;
}

/* The entries of a list that are texts, in their places. */
static mqk_str *texts_of(const struct preview *p, const struct origin *rule, const char *path,
                         size_t *count, bool *unsure) {
    struct origin found;
    *count = 0;
    if (!config_locate(rule, &rule_table, path, &found)) {
        return NULL;
    }
    if (found.node->kind != YAML_LIST || found.node->count == 0) {
        *unsure = true;
        return NULL;
    }
    mqk_str *texts = arena_array(p->places.problems->arena, found.node->count, sizeof(*texts));
    for (const struct yaml_node *node = found.node->first; texts && node; node = node->next) {
        if (!is_text(node)) {
            *unsure = true;
            *count = 0;
            return NULL;
        }
        texts[(*count)++] = node->text;
    }
    return texts;
}

/* A header that is no header keeps its place. */
static void take_headers(const struct preview *p, const struct origin *rule,
                         struct rule_source *out) {
    struct origin found;
    if (!config_locate(rule, &rule_table, "headers", &found) || found.node->kind != YAML_LIST) {
        return;
    }
    struct rule_header_source *headers =
        arena_array(p->places.problems->arena, found.node->count, sizeof(*headers));
    for (const struct yaml_node *node = found.node->first; headers && node; node = node->next) {
        const struct yaml_node *name = yaml_get(node, STR("name"));
        const struct yaml_node *value = yaml_get(node, STR("value"));
        struct rule_header_source *header = &headers[out->header_count++];
        header->name = is_text(name) ? name->text : STR("name");
        header->value = is_text(value) ? value->text : (mqk_str){NULL, 0};
    }
    out->headers = headers;
}

static bool has_unknown_key(const struct yaml_node *map) {
    for (const struct yaml_node *key = map->first; key; key = key->next->next) {
        if (config_key_find(&rule_table, key->text) == SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static mqk_value_format format_of(mqk_str word) {
    return str_equal(word, STR("json"))   ? MQK_FORMAT_JSON
           : str_equal(word, STR("text")) ? MQK_FORMAT_TEXT
                                          : MQK_FORMAT_AUTO;
}

/* What is missing although it must be there has been told: something that is right takes its place.
 */
static void take_rule(struct preview *p) {
    struct origin rule = rule_origin(&p->places.list[p->places.count]);
    struct rule_source *out = &p->rules[p->places.count++];
    bool ignored = false, unsure = has_unknown_key(rule.node);
    *out = (struct rule_source){
        .name = text_of(&rule, "name", &ignored),
        .hook = text_of(&rule, "hook", &ignored),
        .where = text_of(&rule, "where", &unsure),
        .topic = text_of(&rule, "topic", &ignored),
        .key = text_of(&rule, "key", &ignored),
        .value = text_of(&rule, "value", &ignored),
        .envelope = text_of(&rule, "envelope", &ignored),
        .format = format_of(text_of(&rule, "value_format", &ignored)),
        .timestamp = text_of(&rule, "timestamp", &ignored),
        .partition = text_of(&rule, "partition", &ignored),
        .max_topics = 1,
    };
    struct origin found;
    bool has_regex = config_locate(&rule, &rule_table, "regex", &found);
    mqk_str pattern = text_of(&rule, "regex.pattern", &unsure);
    if (pattern.data) {
        out->regex_pattern = pattern;
        out->regex_field = text_of(&rule, "regex.field", &ignored);
    }
    out->filters = texts_of(p, &rule, "filters", &out->filter_count, &unsure);
    out->filters_is_list = out->filters != NULL;
    struct origin filter;
    if (!out->filters && config_locate(&rule, &rule_table, "filter", &filter)) {
        unsure = unsure || !is_text(filter.node);
        out->filters = is_text(filter.node) ? &filter.node->text : NULL;
        out->filter_count = out->filters ? 1 : 0;
    }
    out->headers_from = texts_of(p, &rule, "headers_from", &out->headers_from_count, &ignored);
    take_headers(p, &rule, out);
    out->incomplete = unsure || (has_regex && !pattern.data);
    if (out->name.len == 0) {
        out->name.data = NULL;
    }
    if (!out->topic.data) {
        out->topic = STR("topic");
    }
    if (!out->hook.data) {
        out->hook = STR("message.publish");
        out->envelope.data = NULL;
    }
}

static struct origin list_of(const struct source *source) {
    struct origin root = {source, source->root, ""};
    struct origin kafka = config_child(&root, &root_table, "kafka");
    struct origin list = config_child(&kafka, &kafka_table, "hook");
    if (list.node && list.node->kind != YAML_LIST) {
        list.node = NULL;
    }
    return list;
}

void config_preview(const struct source *sources, size_t count, struct problems *problems) {
    struct preview p;
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct origin list = list_of(&sources[i]);
        total += list.node ? list.node->count : 0;
    }
    p.rules = arena_array(problems->arena, total, sizeof(*p.rules));
    if (!p.rules || !rule_places_init(&p.places, problems, total)) {
        problems->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct origin list = list_of(&sources[i]);
        const char *path = arena_text(problems->arena, mqk_cstr(list.path));
        uint32_t index = 0;
        for (const struct yaml_node *node = list.node ? list.node->first : NULL; path && node;
             node = node->next, index++) {
            if (node->kind == YAML_MAP) {
                p.places.list[p.places.count] = (struct rule_place){&sources[i], node, path, index};
                take_rule(&p);
            }
        }
    }
    ruleset_unref(ruleset_compile(p.rules, p.places.count, rule_places_tell, &p.places));
}
