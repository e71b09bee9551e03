/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "downlink_rule.h"
#include "error.h"
#include "rule_compiler.h"
#include "template_pieces.h"
#include "topic_filter.h"

const struct publish_property_info publish_properties[PROPERTY_COUNT] = {
    [PROPERTY_PAYLOAD_FORMAT] = {"Payload-Format-Indicator", KIND_NUMBER, 1},
    [PROPERTY_MESSAGE_EXPIRY] = {"Message-Expiry-Interval", KIND_NUMBER, UINT32_MAX},
    [PROPERTY_CONTENT_TYPE] = {"Content-Type", KIND_TEXT, 0},
    [PROPERTY_RESPONSE_TOPIC] = {"Response-Topic", KIND_TOPIC, 0},
    [PROPERTY_CORRELATION_DATA] = {"Correlation-Data", KIND_BYTES, 0},
};

static const char *const action_names[] = {[DOWNLINK_PUBLISH] = "publish",
                                           [DOWNLINK_KICK] = "kick",
                                           [DOWNLINK_ACL_CLEAN] = "acl_clean",
                                           [DOWNLINK_CALLBACK] = "callback"};

static struct condition_source condition_of(const struct downlink_source *source) {
    return (struct condition_source){source->where, source->regex_field, source->regex_pattern,
                                     false};
}

static size_t pool_size(const struct downlink_source *sources, size_t count) {
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        const struct condition_source condition = condition_of(&sources[i]);
        size += sources[i].name.data ? sources[i].name.len : COMPILER_OWN_NAME_SIZE;
        size += compiler_condition_size(&condition);
        for (size_t p = 0; p < sources[i].user_property_count; p++) {
            size += sources[i].user_properties[p].name.len;
        }
    }
    return size;
}

static struct template *compile_text(struct compiler *c, const char *path, mqk_str text) {
    return text.data ? compiler_template(c, path, text, MQK_FORMAT_TEXT) : NULL;
}

/* A setting that means nothing to the rule's action. */
static void check_unused(struct compiler *c, const struct downlink_source *source) {
    const bool publishes = source->action == DOWNLINK_PUBLISH;
    const bool names = source->action == DOWNLINK_KICK || source->action == DOWNLINK_ACL_CLEAN;
    const struct {
        const char *name;
        bool given, used;
    } settings[] = {
        {"mqtt_topic", source->mqtt_topic.data, publishes},
        {"payload", source->payload.data, publishes},
        {"qos", source->qos.data, publishes},
        {"retain", source->retain.data, publishes},
        {"properties", source->property_count > 0, publishes},
        {"user_properties", source->user_property_count > 0, publishes},
        {"user_properties_from", source->user_properties_from_headers, publishes},
        {"clientid", source->clientid.count > 0, names},
        {"username", source->username.count > 0, names},
        {"reason", source->reason.data, source->action == DOWNLINK_KICK},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (settings[i].given && !settings[i].used) {
            compiler_complain(c, settings[i].name, 0, MQK_ERR_CONFIG,
                              "means nothing with action: %s; leave it out",
                              action_names[source->action]);
        }
    }
}

/* What no record can make a legal name of is refused now. */
static void check_topic(struct compiler *c, const struct template *t) {
    mqk_str text;
    for (size_t i = 0; i < t->piece_count; i++) {
        const struct piece *piece = &t->pieces[i];
        mqk_str literal = piece_name(t, piece);
        for (size_t at = 0; piece->kind == PIECE_LITERAL && at < literal.len; at++) {
            if (literal.data[at] == '+' || literal.data[at] == '#') {
                compiler_complain(c, "mqtt_topic", piece->at + at + 1, MQK_ERR_CONFIG,
                                  "messages are published to a topic; it has no wildcards");
                return;
            }
        }
    }
    const char *wrong = template_is_constant(t, &text) ? topic_name_check(text) : NULL;
    if (wrong) {
        compiler_complain(c, "mqtt_topic", 0, MQK_ERR_CONFIG, "%s", wrong);
    }
}

static void compile_topic(struct compiler *c, const struct downlink_source *source,
                          struct downlink_rule *rule) {
    if (!source->mqtt_topic.data) {
        compiler_complain(c, "mqtt_topic", 0, MQK_ERR_CONFIG,
                          "is missing; name the MQTT topic of the messages, e.g. \"${key}\"");
        return;
    }
    rule->topic = compile_text(c, "mqtt_topic", source->mqtt_topic);
    if (rule->topic) {
        check_topic(c, rule->topic);
    }
}

static void compile_flags(struct compiler *c, const struct downlink_source *source,
                          struct downlink_rule *rule) {
    mqk_str text;
    rule->qos = compile_text(c, "qos", source->qos);
    if (rule->qos && template_is_constant(rule->qos, &text) && downlink_number(text, 2) < 0) {
        compiler_complain(c, "qos", 0, MQK_ERR_CONFIG,
                          "must be 0, 1 or 2, or a template that makes one");
    }
    rule->retain = compile_text(c, "retain", source->retain);
    if (rule->retain && template_is_constant(rule->retain, &text) && downlink_bool(text) < 0) {
        compiler_complain(c, "retain", 0, MQK_ERR_CONFIG,
                          "must be true or false, or a template that makes one");
    }
}

/* The list's memory; false when there is none or the list is too long. */
static bool begin_list(struct compiler *c, const char *path, size_t count, size_t size,
                       void **out) {
    if (count > DOWNLINK_MAX_LIST) {
        compiler_complain(c, path, 0, MQK_ERR_CONFIG, "%zu entries; there are at most %u", count,
                          DOWNLINK_MAX_LIST);
        return false;
    }
    *out = calloc(count + 1, size);
    c->out_of_memory = c->out_of_memory || !*out;
    return *out != NULL;
}

static void check_property(struct compiler *c, const char *path, const struct downlink_pair *pair) {
    const struct publish_property_info *info = &publish_properties[pair->property];
    mqk_str text;
    if (info->kind == KIND_NUMBER && template_is_constant(pair->value, &text) &&
        downlink_number(text, info->max) < 0) {
        compiler_complain(c, path, 0, MQK_ERR_CONFIG, "must be a number from 0 to %lld",
                          (long long)info->max);
    }
}

static bool find_property(struct compiler *c, const char *path, mqk_str name, uint8_t *out) {
    const char *names[PROPERTY_COUNT + 1] = {NULL};
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    for (uint8_t i = 0; i < PROPERTY_COUNT; i++) {
        names[i] = publish_properties[i].name;
        if (str_equal(name, mqk_cstr(names[i]))) {
            *out = i;
            return true;
        }
    }
    compiler_complain(c, path, 0, MQK_ERR_CONFIG,
                      "unknown property \"%s\" (accepted: Payload-Format-Indicator, "
                      "Message-Expiry-Interval, Content-Type, Response-Topic, Correlation-Data)%s",
                      error_quote(name, quoted), error_hint(name, names, hint));
    return false;
}

static void compile_properties(struct compiler *c, const struct downlink_source *source,
                               struct downlink_rule *rule) {
    void *memory;
    bool seen[PROPERTY_COUNT] = {false};
    if (!begin_list(c, "properties", source->property_count, sizeof(*rule->properties.pairs),
                    &memory)) {
        return;
    }
    rule->properties.pairs = memory;
    for (size_t i = 0; i < source->property_count; i++) {
        const struct rule_header_source *from = &source->properties[i];
        struct downlink_pair *pair = &rule->properties.pairs[rule->properties.count];
        char path[RULE_PATH_SIZE];
        snprintf(path, sizeof(path), "properties[%zu].name", i);
        if (!from->name.data || !find_property(c, path, from->name, &pair->property)) {
            continue;
        }
        if (seen[pair->property]) {
            compiler_complain(c, path, 0, MQK_ERR_CONFIG, "\"%s\" is given twice",
                              publish_properties[pair->property].name);
            continue;
        }
        seen[pair->property] = true;
        pair->name = mqk_cstr(publish_properties[pair->property].name);
        snprintf(path, sizeof(path), "properties[%zu].value", i);
        if (!from->value.data) {
            compiler_complain(c, path, 0, MQK_ERR_CONFIG, "\"value\" is missing");
            continue;
        }
        pair->value = compile_text(c, path, from->value);
        if (pair->value) {
            rule->properties.count++;
            check_property(c, path, pair);
        }
    }
}

static void compile_user_properties(struct compiler *c, const struct downlink_source *source,
                                    struct downlink_rule *rule) {
    void *memory;
    if (!begin_list(c, "user_properties", source->user_property_count,
                    sizeof(*rule->user_properties.pairs), &memory)) {
        return;
    }
    rule->user_properties.pairs = memory;
    for (size_t i = 0; i < source->user_property_count; i++) {
        const struct rule_header_source *from = &source->user_properties[i];
        struct downlink_pair *pair = &rule->user_properties.pairs[rule->user_properties.count];
        char path[RULE_PATH_SIZE];
        snprintf(path, sizeof(path), "user_properties[%zu].name", i);
        if (!downlink_is_mqtt_text(from->name)) {
            compiler_complain(c, path, 0, MQK_ERR_CONFIG,
                              "must be at most 65535 bytes of UTF-8 without NUL characters");
        }
        pair->name = compiler_keep(c, from->name);
        snprintf(path, sizeof(path), "user_properties[%zu].value", i);
        if (!from->value.data) {
            compiler_complain(c, path, 0, MQK_ERR_CONFIG, "\"value\" is missing");
            continue;
        }
        pair->value = compiler_template(c, path, from->value, MQK_FORMAT_AUTO);
        rule->user_properties.count += pair->value != NULL;
    }
    rule->user_properties_from_headers = source->user_properties_from_headers;
}

static void compile_fallbacks(struct compiler *c, const char *name, const struct text_list *from,
                              struct template_list *out) {
    void *memory;
    if (!begin_list(c, name, from->count, sizeof(*out->templates), &memory)) {
        return;
    }
    out->templates = memory;
    for (size_t i = 0; i < from->count; i++) {
        char path[RULE_PATH_SIZE];
        snprintf(path, sizeof(path), "%s[%zu]", name, i);
        out->templates[out->count] = compile_text(c, path, from->texts[i]);
        out->count += out->templates[out->count] != NULL;
    }
}

static void compile_clients(struct compiler *c, const struct downlink_source *source,
                            struct downlink_rule *rule) {
    if (source->clientid.count == 0 && source->username.count == 0) {
        compiler_complain(c, "action", 0, MQK_ERR_CONFIG,
                          "the rule needs a \"username\" or a \"clientid\", e.g. "
                          "[\"${value.username}\"]");
    }
    compile_fallbacks(c, "clientid", &source->clientid, &rule->clientid);
    compile_fallbacks(c, "username", &source->username, &rule->username);
    rule->reason = compile_text(c, "reason", source->reason);
}

static void compile_rule(struct compiler *c, const struct downlink_source *source,
                         struct downlink_rule *rule) {
    const struct condition_source condition = condition_of(source);
    rule->name = compiler_name(c, "consumer", source->name);
    rule->action = source->action;
    rule->decode_key = source->key_encoding == PAYLOAD_BASE64;
    rule->decode_value = source->value_encoding == PAYLOAD_BASE64;
    rule->skip_own = source->skip_own;
    compiler_condition(c, &condition, &rule->condition);
    check_unused(c, source);
    if (source->action == DOWNLINK_PUBLISH) {
        compile_topic(c, source, rule);
        if (source->payload.data) {
            rule->payload =
                compiler_template(c, "payload", source->payload, source->payload_format);
        }
        compile_flags(c, source, rule);
        compile_properties(c, source, rule);
        compile_user_properties(c, source, rule);
    } else if (source->action != DOWNLINK_CALLBACK) {
        compile_clients(c, source, rule);
    }
}

static void compile_all(struct compiler *c, const struct downlink_source *sources,
                        struct downlink *d) {
    c->pool = d->pool = malloc(pool_size(sources, c->count));
    d->rules = calloc(c->count + 1, sizeof(*d->rules));
    if (c->pool && d->rules) {
        c->same_name = compiler_same_names(&sources->name, sizeof(*sources), c->count);
    }
    if (!c->same_name) {
        c->out_of_memory = true;
        return;
    }
    d->count = c->count;
    for (c->rule = 0; c->rule < c->count && !c->out_of_memory; c->rule++) {
        compile_rule(c, &sources[c->rule], &d->rules[c->rule]);
    }
}

struct downlink *downlink_compile(const struct downlink_source *rules, size_t count,
                                  rule_problem_fn problem, void *user) {
    struct compiler c = {.words = &record_words, .count = count, .problem = problem, .user = user};
    struct downlink *d = calloc(1, sizeof(*d));
    if (d) {
        compile_all(&c, rules, d);
    }
    if (!d || c.out_of_memory) {
        c.rule = c.rule < count ? c.rule : 0;
        compiler_complain(&c, "", 0, MQK_ERR_NO_MEMORY, "out of memory");
    }
    free(c.same_name);
    if (c.failed) {
        downlink_free(d);
        return NULL;
    }
    return d;
}

static void free_pairs(struct pair_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        template_free(list->pairs[i].value);
    }
    free(list->pairs);
}

static void free_templates(struct template_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        template_free(list->templates[i]);
    }
    free(list->templates);
}

void downlink_free(struct downlink *d) {
    if (!d) {
        return;
    }
    for (size_t i = 0; i < d->count; i++) {
        struct downlink_rule *rule = &d->rules[i];
        condition_free(rule->condition);
        template_free(rule->topic);
        template_free(rule->payload);
        template_free(rule->qos);
        template_free(rule->retain);
        template_free(rule->reason);
        free_pairs(&rule->properties);
        free_pairs(&rule->user_properties);
        free_templates(&rule->clientid);
        free_templates(&rule->username);
    }
    free(d->rules);
    free(d->pool);
    free(d);
}

size_t downlink_size(const struct downlink *d) {
    return d ? d->count : 0;
}

mqk_str downlink_name(const struct downlink *d, size_t rule) {
    return d->rules[rule].name;
}

enum downlink_action downlink_action(const struct downlink *d, size_t rule) {
    return d->rules[rule].action;
}
