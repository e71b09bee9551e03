/* SPDX-License-Identifier: Apache-2.0 */
#include "config_resolve.h"
#include "config_value.h"
#include "error.h"
#include "kafka_topic.h"
#include "topic_pattern.h"
#include "units.h"

#define DEFAULT_COMMIT_MS  5000
#define DEFAULT_IN_FLIGHT  1000
#define MAX_TOPICS         1000u
#define MAX_GROUP_ID       200u
#define MAX_CONSUMERS      1000u
#define FINGERPRINT_ABSENT STR("-")

#define ERROR(c, at, ...) check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, at, __VA_ARGS__)

struct consumers_draft {
    struct resolve *r;
    struct downlink_source *sources;
    struct consumer_settings *settings;
    struct rule_place *places;
    size_t count;
};

static void check_pattern(struct check *c, const struct yaml_node *node) {
    char sentence[200];
    if (!topic_pattern_check(node->text.data, sentence, sizeof(sentence))) {
        ERROR(c, node, "the pattern is wrong: %s", sentence);
    }
}

void check_topic(struct check *c, const struct yaml_node *value, const struct key_rule *rule) {
    (void)rule;
    const char *wrong = kafka_topic_check(value->text);
    if (wrong) {
        ERROR(c, value, "%s", wrong);
    }
}

void check_topics(struct check *c, const struct yaml_node *list, const struct key_rule *rule) {
    size_t index = 0;
    if (list->count == 0) {
        ERROR(c, list, "the list is empty; name at least one Kafka topic");
    }
    if (list->count > MAX_TOPICS) {
        ERROR(c, list, "more than %u topics; use a pattern, e.g. \"^commands[.].*\"", MAX_TOPICS);
        return;
    }
    for (const struct yaml_node *node = list->first; node; node = node->next) {
        size_t before = check_enter_index(c, index++);
        const struct yaml_node *other = list->first;
        while (other != node && !str_equal(other->text, node->text)) {
            other = other->next;
        }
        if (other != node) {
            char quote[ERROR_QUOTE_SIZE];
            ERROR(c, node, "\"%s\" is given twice", error_quote(node->text, quote));
        } else if (node->text.len > 0 && node->text.data[0] == '^') {
            check_pattern(c, node);
        } else {
            check_topic(c, node, rule);
        }
        check_leave(c, before);
    }
}

void check_group_id(struct check *c, const struct yaml_node *value, const struct key_rule *rule) {
    (void)rule;
    if (value->text.len == 0 || value->text.len > MAX_GROUP_ID) {
        ERROR(c, value, "must have 1 to %u bytes", MAX_GROUP_ID);
    }
}

void check_fallbacks(struct check *c, const struct yaml_node *list, const struct key_rule *rule) {
    (void)rule;
    if (list->count == 0) {
        ERROR(c, list, "the list is empty; name at least one template, e.g. \"${value.username}\"");
    }
}

/* Everything that the user wrote of a rule, along the schema, each value with its length so that no
 * two rules look the same. Recursion ends with the schema, which is a few levels deep. */
static void fingerprint(const struct key_table *table, const void *settings, struct buffer *out);

static void fingerprint_text(const char *text, struct buffer *out) {
    mqk_str s = text ? mqk_cstr(text) : FINGERPRINT_ABSENT;
    buffer_append_int(out, text ? (int64_t)s.len : -1);
    buffer_append_char(out, ':');
    buffer_append_str(out, s);
}

static void fingerprint_list(const char *first, uint32_t count, const cyaml_schema_value_t *entry,
                             const struct key_table *table, struct buffer *out) {
    buffer_append_int(out, count);
    for (uint32_t i = 0; i < count; i++) {
        if (entry->type == CYAML_MAPPING) {
            fingerprint(table, first + i * table->size, out);
        } else {
            const char *text;
            memcpy(&text, first + i * sizeof(text), sizeof(text));
            fingerprint_text(text, out);
        }
    }
}

static void fingerprint(const struct key_table *table, const void *settings, struct buffer *out) {
    for (size_t i = 0; table->fields[i].key; i++) {
        const cyaml_schema_field_t *field = &table->fields[i];
        const char *value;
        uint32_t count = 0;
        memcpy(&value, (const char *)settings + field->data_offset, sizeof(value));
        switch (field->value.type) {
        case CYAML_ENUM:
            buffer_append_int(out, value ? *(const int *)(const void *)value : -1);
            break;
        case CYAML_MAPPING:
            buffer_append_char(out, value ? '{' : '-');
            if (value) {
                fingerprint(table->rules[i].table, value, out);
            }
            break;
        case CYAML_SEQUENCE:
            memcpy(&count, (const char *)settings + field->count_offset, sizeof(count));
            fingerprint_list(value, value ? count : 0, field->value.sequence.entry,
                             table->rules[i].table, out);
            break;
        default:
            fingerprint_text(value, out);
        }
        buffer_append_char(out, ';');
    }
}

static mqk_str keep_fingerprint(struct resolve *r, const struct consumer_yaml *yaml) {
    struct buffer buffer;
    buffer_init(&buffer, NULL, 0);
    fingerprint(&consumer_table, yaml, &buffer);
    mqk_str all = buffer_since(&buffer, 0);
    char *copy = buffer.failure == MQK_OK ? arena_text(r->arena, all) : NULL;
    if (!copy) {
        r->problems->no_memory = true;
    }
    all.data = copy;
    buffer_fini(&buffer);
    return all;
}

static const char *const *keep_topics(struct resolve *r, const struct consumer_yaml *yaml) {
    const char **topics = arena_array(r->arena, yaml->topics_count, sizeof(*topics));
    for (uint32_t i = 0; topics && i < yaml->topics_count; i++) {
        topics[i] = resolve_keep(r, yaml->topics[i]);
    }
    if (!topics) {
        r->problems->no_memory = true;
    }
    return topics;
}

static const struct property *keep_properties(struct resolve *r, const struct consumer_yaml *yaml) {
    struct property *properties =
        arena_array(r->arena, yaml->librdkafka_count, sizeof(*properties));
    for (uint32_t i = 0; properties && i < yaml->librdkafka_count; i++) {
        mqk_str name;
        const char *value;
        property_split(yaml->librdkafka[i], &name, &value);
        properties[i].name = arena_text(r->arena, name);
        properties[i].value = resolve_keep(r, value);
    }
    if (!properties) {
        r->problems->no_memory = true;
    }
    return properties;
}

static const struct rule_header_source *
take_pairs(struct resolve *r, const struct header_yaml *pairs, uint32_t count) {
    struct rule_header_source *out = arena_array(r->problems->arena, count, sizeof(*out));
    for (uint32_t i = 0; out && i < count; i++) {
        out[i].name = mqk_cstr(pairs[i].name);
        out[i].value = mqk_cstr(pairs[i].value);
    }
    if (!out) {
        r->problems->no_memory = true;
    }
    return out;
}

static struct text_list take_texts(struct resolve *r, char **texts, uint32_t count) {
    mqk_str *out = arena_array(r->problems->arena, count, sizeof(*out));
    for (uint32_t i = 0; out && i < count; i++) {
        out[i] = mqk_cstr(texts[i]);
    }
    if (!out) {
        r->problems->no_memory = true;
    }
    return (struct text_list){out, out ? count : 0};
}

/* What cannot be read again and again: dead letters that the rule itself reads. */
static void check_dead_letter(struct resolve *r, const struct consumer_yaml *yaml,
                              const struct origin *origin) {
    for (uint32_t i = 0; yaml->dead_letter && i < yaml->topics_count; i++) {
        if (topic_pattern_matches(yaml->topics[i], yaml->dead_letter)) {
            struct origin at;
            config_locate(origin, &consumer_table, "dead_letter", &at);
            config_report(r->problems, &at, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                          "the rule reads this topic itself (topics[%u]); dead letters would go "
                          "round in circles",
                          i);
            return;
        }
    }
}

static int word_or(const int *word, int fallback) {
    return word ? *word : fallback;
}

static void take_settings(struct resolve *r, const struct consumer_yaml *yaml,
                          const struct origin *origin, struct consumer_settings *out) {
    int64_t in_flight = DEFAULT_IN_FLIGHT;
    if (yaml->max_in_flight) {
        units_integer(mqk_cstr(yaml->max_in_flight), &in_flight);
    }
    *out = (struct consumer_settings){
        .cluster = rule_cluster(r, yaml->cluster, &consumer_table, origin),
        .topics = keep_topics(r, yaml),
        .topic_count = yaml->topics_count,
        .group_id = resolve_keep(r, yaml->group_id),
        .scope = (enum consumer_scope)word_or(yaml->scope, SCOPE_GROUP),
        .offset_reset = (enum offset_reset)word_or(yaml->offset_reset, OFFSET_RESET_LATEST),
        .commit_interval_ms = duration_or(yaml->commit_interval, DEFAULT_COMMIT_MS),
        .max_in_flight = (uint32_t)in_flight,
        .dead_letter = resolve_keep(r, yaml->dead_letter),
        .lane = UINT32_MAX,
        .properties = keep_properties(r, yaml),
        .property_count = yaml->librdkafka_count,
        .fingerprint = keep_fingerprint(r, yaml),
    };
    check_dead_letter(r, yaml, origin);
    if (yaml->dead_letter && out->cluster < r->cluster_count) {
        out->lane = cluster_lane(r, out->cluster);
    }
}

static void take_consumer(struct consumers_draft *draft, const struct consumer_yaml *yaml) {
    struct resolve *r = draft->r;
    struct origin origin = rule_origin(&draft->places[draft->count]);
    take_settings(r, yaml, &origin, &draft->settings[draft->count]);
    draft->sources[draft->count++] = (struct downlink_source){
        .name = mqk_cstr(yaml->name),
        .action = (enum downlink_action)word_or(yaml->action, DOWNLINK_CALLBACK),
        .where = mqk_cstr(yaml->where),
        .regex_field = mqk_cstr(yaml->regex ? yaml->regex->field : NULL),
        .regex_pattern = mqk_cstr(yaml->regex ? yaml->regex->pattern : NULL),
        .mqtt_topic = mqk_cstr(yaml->mqtt_topic),
        .payload = mqk_cstr(yaml->payload),
        .payload_format = (mqk_value_format)word_or(yaml->payload_format, MQK_FORMAT_AUTO),
        .qos = mqk_cstr(yaml->qos),
        .retain = mqk_cstr(yaml->retain),
        .properties = take_pairs(r, yaml->properties, yaml->properties_count),
        .property_count = yaml->properties_count,
        .user_properties = take_pairs(r, yaml->user_properties, yaml->user_properties_count),
        .user_property_count = yaml->user_properties_count,
        .user_properties_from_headers = yaml->user_properties_from != NULL,
        .clientid = take_texts(r, yaml->clientid, yaml->clientid_count),
        .username = take_texts(r, yaml->username, yaml->username_count),
        .reason = mqk_cstr(yaml->reason),
        .key_encoding = (enum payload_encoding)word_or(yaml->key_encoding, PAYLOAD_PLAIN),
        .value_encoding = (enum payload_encoding)word_or(yaml->value_encoding, PAYLOAD_PLAIN),
        .skip_own = (enum skip_own)word_or(yaml->skip_own, SKIP_OWN_NONE),
    };
}

static bool gather(struct consumers_draft *draft) {
    struct resolve *r = draft->r;
    struct arena *scratch = r->problems->arena;
    size_t total = 0;
    for (size_t i = 0; i < r->source_count; i++) {
        total += r->sources[i].yaml->kafka->consumer_count;
    }
    if (total > MAX_CONSUMERS) {
        config_report(r->problems, &r->kafka[0], MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "more than %u consumer rules", MAX_CONSUMERS);
        return false;
    }
    draft->sources = arena_array(scratch, total, sizeof(*draft->sources));
    draft->places = arena_array(scratch, total, sizeof(*draft->places));
    draft->settings = arena_array(r->arena, total, sizeof(*draft->settings));
    if (!draft->sources || !draft->places || !draft->settings) {
        r->problems->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < r->source_count; i++) {
        const struct kafka_yaml *kafka = r->sources[i].yaml->kafka;
        struct origin list = config_child(&r->kafka[i], &kafka_table, "consumer");
        const struct yaml_node *node = list.node ? list.node->first : NULL;
        for (uint32_t n = 0; n < kafka->consumer_count && node; n++, node = node->next) {
            draft->places[draft->count] =
                (struct rule_place){&r->sources[i], node, "kafka.consumer", n};
            take_consumer(draft, &kafka->consumer[n]);
        }
    }
    return true;
}

static void tell_problem(void *user, size_t rule, const char *path, size_t at,
                         mqk_severity severity, mqk_status code, const char *sentence) {
    struct consumers_draft *draft = user;
    if (code == MQK_ERR_NO_MEMORY || rule >= draft->count) {
        draft->r->problems->no_memory = true;
        return;
    }
    rule_report(draft->r->problems, &draft->places[rule], &consumer_table, path, at, severity, code,
                sentence);
}

void resolve_consumers(struct resolve *r) {
    struct consumers_draft draft = {.r = r};
    if (!gather(&draft) || r->problems->no_memory) {
        return;
    }
    r->settings->consumers = draft.settings;
    r->settings->consumer_count = draft.count;
    size_t errors = r->problems->errors;
    r->settings->downlink = downlink_compile(draft.sources, draft.count, tell_problem, &draft);
    if (!r->settings->downlink && r->problems->errors == errors) {
        r->problems->no_memory = true;
    }
}
