/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_compiler.h"

#include <stdio.h>
#include <stdlib.h>

#include "downlink.h"
#include "error.h"
#include "hook_list.h"
#include "kafka_topic.h"
#include "template_pieces.h"
#include "units.h"
#include "utf8.h"

#define HEADER_NAME_MAX 255u

/* What no event can make a legal name of is refused now. */
static void check_topic(struct compiler *c, struct rule *rule) {
    const struct template *t = rule->topic;
    for (size_t i = 0; i < t->piece_count; i++) {
        const struct piece *piece = &t->pieces[i];
        size_t good = piece->kind == PIECE_LITERAL ? kafka_topic_prefix(piece_name(t, piece)) : 0;
        if (piece->kind == PIECE_LITERAL && good < piece->name_len) {
            compiler_complain(
                c, "topic", piece->at + good + 1, MQK_ERR_CONFIG,
                "a Kafka topic name consists of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"");
            return;
        }
    }
    rule->info.constant_topic = template_is_constant(t, &rule->info.topic);
    const char *wrong = rule->info.constant_topic ? kafka_topic_check(rule->info.topic) : NULL;
    if (wrong) {
        compiler_complain(c, "topic", 0, MQK_ERR_CONFIG, "%s", wrong);
    }
}

static void compile_topic(struct compiler *c, const struct rule_source *source, struct rule *rule) {
    if (!source->topic.data) {
        compiler_complain(c, "topic", 0, MQK_ERR_CONFIG,
                          "is missing; name the Kafka topic of the records");
        return;
    }
    rule->topic = compiler_template(c, "topic", source->topic, MQK_FORMAT_TEXT);
    if (rule->topic) {
        check_topic(c, rule);
    }
}

/* Hooks that a list, which is right, names; a custom one of any name as MQK_HOOK_CUSTOM. */
static uint32_t hooks_of(mqk_str list) {
    uint32_t hooks = 0;
    mqk_str item;
    for (size_t pos = 0; hook_list_next(list, &pos, &item);) {
        struct hook_item one;
        hook_item_read(item, &one);
        hooks |= one.hooks | (uint32_t)(one.custom.data != NULL) << MQK_HOOK_CUSTOM;
    }
    return hooks;
}

static void complain_of_hooks(struct compiler *c, mqk_str envelope, uint32_t unknown,
                              uint32_t known) {
    char names[500] = "";
    unsigned first = (unsigned)__builtin_ctz(unknown);
    for (unsigned i = 0; i < MQK_HOOK_COUNT; i++) {
        size_t len = strlen(names);
        if ((known >> i & 1) != 0) {
            snprintf(names + len, sizeof(names) - len, "%s%s", len > 0 ? ", " : "",
                     event_hooks[i].name);
        }
    }
    compiler_complain(c, "envelope", 0, MQK_ERR_CONFIG,
                      "envelope \"%.*s\" has nothing for %s%s; the hooks that it knows: %s",
                      STR_ARG(envelope), event_hooks[first].name,
                      first == MQK_HOOK_CUSTOM ? " hooks" : "", names);
}

static void compile_envelope(struct compiler *c, const struct rule_source *source,
                             struct rule *rule) {
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    if (!envelope_by_name(source->envelope, &rule->envelope)) {
        compiler_complain(c, "envelope", 0, MQK_ERR_CONFIG, "unknown envelope \"%s\"%s",
                          error_quote(source->envelope, quoted),
                          error_hint(source->envelope, envelope_names, hint));
        return;
    }
    if (source->value.data) {
        compiler_complain(
            c, "envelope", 0, MQK_ERR_CONFIG,
            "a rule has either a value or an envelope, not both; leave one of them out");
        return;
    }
    uint32_t known = envelope_hooks(rule->envelope);
    uint32_t unknown = c->hooks_right ? hooks_of(rule->hooks) & ~known : 0;
    if (unknown != 0) {
        complain_of_hooks(c, source->envelope, unknown, known);
    }
    if (rule->envelope == ENVELOPE_CLOUDEVENTS_BINARY && source->encoding != PAYLOAD_PLAIN) {
        compiler_complain(
            c, "envelope", 0, MQK_ERR_CONFIG,
            "envelope \"cloudevents_binary\" sends the payload as it is; give the rule "
            "producer: {encode_payload_type: plain}, or take \"cloudevents\"");
    }
    rule->envelope = envelope_encoded(rule->envelope, source->encoding);
}

static void compile_value(struct compiler *c, const struct rule_source *source, struct rule *rule) {
    if (source->value.data) {
        rule->value = compiler_template(c, "value", source->value, source->format);
    }
    if (source->envelope.data) {
        compile_envelope(c, source, rule);
    }
    if (!source->value.data && !envelope_set_add(&c->out->envelopes, rule->envelope)) {
        c->out_of_memory = true;
    }
}

static void check_header_name(struct compiler *c, size_t number, mqk_str name) {
    char path[RULE_PATH_SIZE];
    snprintf(path, sizeof(path), "headers[%zu].name", number);
    if (!name.data || name.len == 0) {
        compiler_complain(c, path, 0, MQK_ERR_CONFIG, "a header needs a name");
    } else if (name.len > HEADER_NAME_MAX) {
        compiler_complain(c, path, 0, MQK_ERR_CONFIG, "must not be longer than 255 bytes");
    } else if (utf8_valid_prefix(name) < name.len || memchr(name.data, '\0', name.len)) {
        compiler_complain(c, path, 0, MQK_ERR_CONFIG, "must be valid UTF-8 without NUL characters");
    }
}

static void add_header(struct compiler *c, struct rule *rule, const char *path, mqk_str name,
                       mqk_str value, bool optional) {
    struct rule_header *header = &rule->headers.list[rule->headers.count++];
    *header = (struct rule_header){.name = name, .optional = optional};
    if (value.data) {
        header->value = compiler_template(c, path, value, MQK_FORMAT_AUTO);
    }
}

/* Headers that the library brings; their texts are static. */
static void add_group(struct compiler *c, struct rule *rule, const char *path,
                      const struct envelope_header *group) {
    for (; group && group->name; group++) {
        add_header(c, rule, path, mqk_cstr(group->name), mqk_cstr(group->value), group->optional);
    }
}

/* What `headers_from: [event]` adds: facts that the event does not have are left out. */
static const struct envelope_header event_headers[] = {
    {"clientid", "${clientid}", true},
    {"username", "${username}", true},
    {"topic", "${topic}", true},
    {"qos", "${qos}", true},
    {"retain", "${retain}", true},
    {"node", "${node}", true},
    {"timestamp", "${timestamp}", true},
    {"event", "${event}", true},
    {NULL, NULL, false},
};

/* What `origin_header: true` adds. */
static const struct envelope_header origin_headers[] = {{ORIGIN_HEADER, "${node}", true},
                                                        {NULL, NULL, false}};

static void add_groups(struct compiler *c, const struct rule_source *source, struct rule *rule) {
    static const char *const groups[] = {"user_properties", "event", NULL};
    bool seen[2] = {false, false};
    for (size_t i = 0; i < source->headers_from_count; i++) {
        char path[RULE_PATH_SIZE], quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
        mqk_str group = source->headers_from[i];
        unsigned which = str_equal(group, mqk_cstr(groups[0])) ? 0 : 1;
        snprintf(path, sizeof(path), "headers_from[%zu]", i);
        error_quote(group, quoted);
        if (!str_equal(group, mqk_cstr(groups[which]))) {
            compiler_complain(
                c, path, 0, MQK_ERR_CONFIG,
                "unknown group of headers \"%s\" (accepted: user_properties, event)%s", quoted,
                error_hint(group, groups, hint));
        } else if (seen[which]) {
            compiler_complain(c, path, 0, MQK_ERR_CONFIG, "\"%s\" is given twice", quoted);
        } else if (which == 0) {
            rule->headers.user_at = rule->headers.count;
            seen[which] = true;
        } else {
            add_group(c, rule, path, event_headers);
            seen[which] = true;
        }
    }
}

/* In the order of the record: the envelope's, the groups, the rule's own. */
static void compile_headers(struct compiler *c, const struct rule_source *source,
                            struct rule *rule) {
    const struct envelope_header *own =
        source->value.data ? NULL : envelope_headers(rule->envelope);
    rule->headers.user_at = RULE_NO_USER_HEADERS;
    if (source->header_count > RULE_MAX_HEADERS) {
        compiler_complain(c, "headers", 0, MQK_ERR_CONFIG, "%zu headers; a rule has at most %u",
                          source->header_count, RULE_MAX_HEADERS);
        return;
    }
    if (source->header_count == 0 && source->headers_from_count == 0 && !own &&
        !source->origin_header) {
        return;
    }
    rule->headers.list =
        calloc(source->header_count + RULE_MAX_GROUP_HEADERS, sizeof(*rule->headers.list));
    if (!rule->headers.list) {
        c->out_of_memory = true;
        return;
    }
    add_group(c, rule, "envelope", own);
    add_groups(c, source, rule);
    add_group(c, rule, "origin_header", source->origin_header ? origin_headers : NULL);
    for (size_t i = 0; i < source->header_count; i++) {
        const struct rule_header_source *header = &source->headers[i];
        char path[RULE_PATH_SIZE];
        check_header_name(c, i, header->name);
        snprintf(path, sizeof(path), "headers[%zu].value", i);
        add_header(c, rule, path, compiler_keep(c, header->name), header->value, false);
    }
}

static bool is_number(mqk_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

static void compile_timestamp(struct compiler *c, const struct rule_source *source,
                              struct rule *rule) {
    mqk_str text;
    if (!source->timestamp.data) {
        return;
    }
    rule->timestamp = compiler_template(c, "timestamp", source->timestamp, MQK_FORMAT_TEXT);
    if (rule->timestamp && template_is_constant(rule->timestamp, &text) && !is_number(text)) {
        compiler_tell(
            c, "timestamp", 0, MQK_SEVERITY_WARNING, MQK_ERR_CONFIG,
            "is no number of milliseconds; records will have the time at which they are made");
    }
}

static void compile_partition(struct compiler *c, const struct rule_source *source,
                              struct rule *rule) {
    mqk_str text;
    int64_t number;
    if (!source->partition.data) {
        return;
    }
    rule->partition = compiler_template(c, "partition", source->partition, MQK_FORMAT_TEXT);
    if (rule->partition && template_is_constant(rule->partition, &text) &&
        (!is_number(text) || units_integer(text, &number) || number > INT32_MAX)) {
        compiler_complain(
            c, "partition", 0, MQK_ERR_CONFIG,
            "must be the number of a partition, 0 to 2147483647, or a template that makes one");
    }
}

void compiler_record(struct compiler *c, const struct rule_source *source, struct rule *rule) {
    compile_topic(c, source, rule);
    if (source->key.data) {
        rule->key = compiler_template(c, "key", source->key, MQK_FORMAT_AUTO);
    }
    compile_value(c, source, rule);
    compile_headers(c, source, rule);
    compile_timestamp(c, source, rule);
    compile_partition(c, source, rule);
}
