/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_places.h"

#include <stdio.h>

bool rule_places_init(struct rule_places *places, struct problems *problems, size_t capacity) {
    places->problems = problems;
    places->count = 0;
    places->list = arena_array(problems->arena, capacity, sizeof(*places->list));
    return places->list != NULL;
}

struct origin rule_origin(const struct rule_place *place) {
    struct origin origin = {place->source, place->node, ""};
    snprintf(origin.path, sizeof(origin.path), "%.200s[%u]", place->list, place->index);
    return origin;
}

bool rule_locate(const struct origin *rule, const struct key_table *table, const char *path,
                 struct origin *found) {
    char inner[CONFIG_PATH_SIZE];
    struct origin other;
    if (config_locate(rule, table, path, found)) {
        return true;
    }
    snprintf(inner, sizeof(inner), "kafka_message.%.200s", path);
    if (!config_locate(rule, table, inner, &other)) {
        return false;
    }
    *found = other;
    return true;
}

void rule_report(struct problems *problems, const struct rule_place *place,
                 const struct key_table *table, const char *path, size_t at, mqk_severity severity,
                 mqk_status code, const char *sentence) {
    struct origin origin = rule_origin(place);
    struct origin found;
    if (!rule_locate(&origin, table, path, &found) || at == 0) {
        config_report(problems, &found, severity, code, "%s", sentence);
        return;
    }
    struct place spot = source_place(found.source, found.node);
    if (yaml_place_in(found.source->text, found.node, at, &spot.line, &spot.column)) {
        problems_add(problems, &spot, severity, code, found.path, "%s", sentence);
        return;
    }
    size_t characters = 1;
    for (size_t i = 0; i + 1 < at && i < found.node->text.len; i++) {
        characters += ((unsigned char)found.node->text.data[i] & 0xC0) != 0x80;
    }
    problems_add(problems, &spot, severity, code, found.path, "%s (at character %zu)", sentence,
                 characters);
}

void rule_places_tell(void *user, size_t rule, const char *path, size_t at, mqk_severity severity,
                      mqk_status code, const char *sentence) {
    const struct rule_places *places = user;
    if (code == MQK_ERR_NO_MEMORY || rule >= places->count) {
        places->problems->no_memory = true;
        return;
    }
    rule_report(places->problems, &places->list[rule], &rule_table, path, at, severity, code,
                sentence);
}
