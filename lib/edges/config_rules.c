/* SPDX-License-Identifier: Apache-2.0 */
#include "config_resolve.h"

#include <stdio.h>

#include "error.h"
#include "rule_places.h"
#include "units.h"

#define DEFAULT_MAX_TOPICS 1000

struct rules_draft {
    struct resolve *r;
    struct rule_source *rules;
    struct rule_places places;
};

/* Takes kafka_message apart. */
static void fold_message(struct resolve *r, struct rule_yaml *yaml, const struct origin *origin) {
    const struct message_yaml *message = yaml->kafka_message;
    if (!message) {
        return;
    }
    struct {
        const char *name;
        char *const inner;
        char **outer;
    } const members[] = {
        {"timestamp", message->timestamp, &yaml->timestamp},
        {"value", message->value, &yaml->value},
        {"key", message->key, &yaml->key},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].inner && *members[i].outer) {
            char path[40];
            struct origin at;
            snprintf(path, sizeof(path), "kafka_message.%s", members[i].name);
            config_locate(origin, &rule_table, path, &at);
            config_report(r->problems, &at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                          "the rule has another \"%s\" beside kafka_message", members[i].name);
        } else if (members[i].inner) {
            *members[i].outer = members[i].inner;
        }
    }
}

static void report_cluster(struct resolve *r, const char *name, const struct key_table *table,
                           const struct origin *origin) {
    const char *names[64];
    size_t count = 0;
    char list[300] = "";
    for (; count < r->cluster_count && count + 1 < sizeof(names) / sizeof(names[0]); count++) {
        size_t len = strlen(list);
        names[count] = r->clusters[count].name;
        snprintf(list + len, sizeof(list) - len, "%s%s", len > 0 ? ", " : "", names[count]);
    }
    names[count] = NULL;
    if (!name) {
        config_report(r->problems, origin, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "\"cluster\" is missing; there are several: %s", list);
        return;
    }
    struct origin at;
    char quote[ERROR_QUOTE_SIZE];
    char hint[ERROR_HINT_SIZE];
    config_locate(origin, table, "cluster", &at);
    config_report(r->problems, &at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                  "there is no cluster \"%s\" (there is: %s)%s", error_quote(mqk_cstr(name), quote),
                  list, error_hint(mqk_cstr(name), names, hint));
}

uint32_t rule_cluster(struct resolve *r, const char *name, const struct key_table *table,
                      const struct origin *origin) {
    for (size_t i = 0; name && i < r->cluster_count; i++) {
        if (strcmp(r->clusters[i].name, name) == 0) {
            return (uint32_t)i;
        }
    }
    if (r->cluster_count > 1 || (name && r->cluster_count == 1)) {
        report_cluster(r, name, table, origin);
    }
    return 0;
}

uint32_t cluster_lane(struct resolve *r, uint32_t cluster) {
    struct cluster_draft *c = &r->clusters[cluster];
    struct origin nowhere = {.node = NULL};
    if (c->lane == UINT32_MAX) {
        c->lane = lane_find(r, cluster, c->producer, &nowhere);
    }
    return c->lane;
}

/* The lane, and the encoding that its producer settings ask for. */
static void take_producer(struct resolve *r, const struct rule_yaml *yaml, uint32_t cluster,
                          const struct origin *origin, struct rule_source *out) {
    if (cluster >= r->settings->cluster_count) {
        return;
    }
    struct cluster_draft *c = &r->clusters[cluster];
    struct producer_yaml merged = *c->producer;
    struct origin own = config_child(origin, &rule_table, "producer");
    if (!config_overlay(&producer_table, &merged, yaml->producer, r->problems->arena)) {
        r->problems->no_memory = true;
    }
    out->partitioner = mqk_cstr(config_partitioner_name(merged.partitioner));
    out->encoding = merged.encode_payload_type
                        ? (enum payload_encoding) * merged.encode_payload_type
                        : PAYLOAD_PLAIN;
    if (yaml->producer) {
        out->lane = lane_find(r, cluster, &merged, &own);
        return;
    }
    out->lane = cluster_lane(r, cluster);
}

static void take_filters(struct resolve *r, const struct rule_yaml *yaml,
                         const struct origin *origin, struct rule_source *out) {
    if (yaml->filter && yaml->filters) {
        struct origin at;
        config_locate(origin, &rule_table, "filters", &at);
        config_report(r->problems, &at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "the rule has a \"filter\" as well; put it into this list");
    }
    size_t count = yaml->filters ? yaml->filters_count : yaml->filter ? 1 : 0;
    mqk_str *filters = arena_array(r->problems->arena, count, sizeof(*filters));
    if (!filters) {
        r->problems->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        filters[i] = mqk_cstr(yaml->filters ? yaml->filters[i] : yaml->filter);
    }
    out->filters = filters;
    out->filter_count = count;
    out->filters_is_list = yaml->filters != NULL;
}

static void take_header_groups(struct resolve *r, const struct rule_yaml *yaml,
                               struct rule_source *out) {
    mqk_str *groups = arena_array(r->problems->arena, yaml->headers_from_count, sizeof(*groups));
    if (!groups) {
        r->problems->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < yaml->headers_from_count; i++) {
        groups[i] = mqk_cstr(yaml->headers_from[i]);
    }
    out->headers_from = groups;
    out->headers_from_count = yaml->headers_from_count;
}

static void take_headers(struct resolve *r, const struct rule_yaml *yaml, struct rule_source *out) {
    struct rule_header_source *headers =
        arena_array(r->problems->arena, yaml->headers_count, sizeof(*headers));
    if (!headers) {
        r->problems->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < yaml->headers_count; i++) {
        headers[i].name = mqk_cstr(yaml->headers[i].name);
        headers[i].value = mqk_cstr(yaml->headers[i].value);
    }
    out->headers = headers;
    out->header_count = yaml->headers_count;
}

static void take_rule(struct rules_draft *draft, struct rule_yaml *yaml) {
    struct resolve *r = draft->r;
    struct origin origin = rule_origin(&draft->places.list[draft->places.count]);
    struct rule_source *out = &draft->rules[draft->places.count++];
    int64_t max_topics = DEFAULT_MAX_TOPICS;
    fold_message(r, yaml, &origin);
    if (yaml->max_topics) {
        units_integer(mqk_cstr(yaml->max_topics), &max_topics);
    }
    uint32_t cluster = rule_cluster(r, yaml->cluster, &rule_table, &origin);
    *out = (struct rule_source){
        .name = mqk_cstr(yaml->name),
        .hook = mqk_cstr(yaml->hook),
        .where = mqk_cstr(yaml->where),
        .regex_field = mqk_cstr(yaml->regex ? yaml->regex->field : NULL),
        .regex_pattern = mqk_cstr(yaml->regex ? yaml->regex->pattern : NULL),
        .topic = mqk_cstr(yaml->topic),
        .key = mqk_cstr(yaml->key),
        .value = mqk_cstr(yaml->value),
        .envelope = mqk_cstr(yaml->envelope),
        .format = yaml->value_format ? (mqk_value_format)*yaml->value_format : MQK_FORMAT_AUTO,
        .timestamp = mqk_cstr(yaml->timestamp),
        .partition = mqk_cstr(yaml->partition),
        .stop = yaml->stop && *yaml->stop,
        .origin_header = yaml->origin_header && *yaml->origin_header,
        .max_topics = (uint32_t)max_topics,
        .cluster = mqk_cstr(cluster < r->cluster_count ? r->clusters[cluster].name : NULL),
    };
    take_filters(r, yaml, &origin, out);
    take_header_groups(r, yaml, out);
    take_headers(r, yaml, out);
    take_producer(r, yaml, cluster, &origin, out);
}

static bool gather(struct rules_draft *draft) {
    struct resolve *r = draft->r;
    struct arena *scratch = r->problems->arena;
    size_t total = 0;
    for (size_t i = 0; i < r->source_count; i++) {
        total += r->sources[i].yaml->kafka->hook_count;
    }
    draft->rules = arena_array(scratch, total, sizeof(*draft->rules));
    if (!draft->rules || !rule_places_init(&draft->places, r->problems, total)) {
        r->problems->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < r->source_count; i++) {
        const struct kafka_yaml *kafka = r->sources[i].yaml->kafka;
        struct origin list = config_child(&r->kafka[i], &kafka_table, "hook");
        const struct yaml_node *node = list.node ? list.node->first : NULL;
        const char *path = arena_text(scratch, mqk_cstr(list.path));
        if (!path) {
            r->problems->no_memory = true;
            return false;
        }
        for (uint32_t n = 0; n < kafka->hook_count && node; n++, node = node->next) {
            draft->places.list[draft->places.count] =
                (struct rule_place){&r->sources[i], node, path, n};
            take_rule(draft, &kafka->hook[n]);
        }
    }
    return true;
}

static void check_use(struct resolve *r) {
    for (size_t i = 0; i < r->cluster_count; i++) {
        bool used = false;
        for (size_t n = 0; n < r->lane_count && !used; n++) {
            used = r->lanes[n].cluster == i;
        }
        for (size_t n = 0; n < r->settings->consumer_count && !used; n++) {
            used = r->settings->consumers[n].cluster == i;
        }
        if (!used) {
            config_report(r->problems, &r->clusters[i].origins[0], MQK_SEVERITY_WARNING, MQK_OK,
                          "no rule uses this cluster");
        }
    }
}

void resolve_rules(struct resolve *r) {
    struct rules_draft draft = {.r = r};
    if (!gather(&draft)) {
        return;
    }
    if (draft.places.count == 0 && r->settings->consumer_count == 0) {
        config_report(r->problems, &r->kafka[0], MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "\"hook\" is missing; without rules nothing would be sent");
        return;
    }
    size_t errors = r->problems->errors;
    r->settings->rules =
        ruleset_compile(draft.rules, draft.places.count, rule_places_tell, &draft.places);
    if (!r->settings->rules && r->problems->errors == errors) {
        r->problems->no_memory = true;
    }
    r->settings->lanes = r->lanes;
    r->settings->lane_count = r->lane_count;
    if (r->problems->errors == 0) {
        check_use(r);
    }
}
