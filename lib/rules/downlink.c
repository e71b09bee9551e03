/* SPDX-License-Identifier: Apache-2.0 */
#include "downlink.h"

#include <stdlib.h>

#include "downlink_rule.h"
#include "rendering.h"
#include "template_pieces.h"
#include "template_value.h"
#include "topic_filter.h"
#include "units.h"
#include "utf8.h"

#define MQTT_TEXT_MAX 65535u

/* One record on its way to a command. */
struct work {
    const struct downlink_rule *rule;
    struct downlink_command *c;
    struct render_context ctx;
    struct payload_cache found;
    struct uuid uuid;
};

int64_t downlink_number(mqk_str text, int64_t max) {
    int64_t number;
    return text.data && !units_integer(text, &number) && number >= 0 && number <= max ? number : -1;
}

int downlink_bool(mqk_str text) {
    if (str_equal(text, STR("true")) || str_equal(text, STR("1"))) {
        return 1;
    }
    return str_equal(text, STR("false")) || str_equal(text, STR("0")) ? 0 : -1;
}

bool downlink_is_mqtt_text(mqk_str text) {
    return text.len <= MQTT_TEXT_MAX && utf8_valid_prefix(text) == text.len &&
           (text.len == 0 || !memchr(text.data, '\0', text.len));
}

void downlink_command_init(struct downlink_command *c) {
    c->reason = NULL;
    c->user_properties = NULL;
    c->decoded = NULL;
    buffer_init(&c->text, c->memory, sizeof(c->memory));
}

void downlink_command_fini(struct downlink_command *c) {
    free(c->user_properties);
    free(c->decoded);
    buffer_fini(&c->text);
}

void downlink_host_init(struct downlink_host *host, mqk_str node) {
    memset(host, 0, sizeof(*host));
    host->node = node;
    event_init(&host->event.event, sizeof(host->event.event), EVENT_RECORD);
}

/* Base64 in Kafka becomes what it stands for. False: it is none, or no memory. */
static bool decode(struct downlink_command *c, const struct downlink_rule *rule) {
    mqk_str *texts[] = {rule->decode_key ? &c->record.key : NULL,
                        rule->decode_value ? &c->record.value : NULL};
    size_t room = 1;
    for (size_t i = 0; i < 2; i++) {
        room += texts[i] ? texts[i]->len / 4 * 3 : 0;
    }
    char *to = c->decoded = malloc(room);
    if (!to) {
        c->reason = "out of memory";
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        if (!texts[i] || !texts[i]->data) {
            continue;
        }
        if (!base64_decode(*texts[i], to, &len)) {
            c->reason = i == 0 ? "the key is not base64" : "the value is not base64";
            return false;
        }
        *texts[i] = (mqk_str){to, len};
        to += len;
    }
    return true;
}

static bool is_own(const struct downlink_rule *rule, const mqk_kafka_record *record, mqk_str node) {
    for (size_t i = 0; rule->skip_own != SKIP_OWN_NONE && i < record->header_count; i++) {
        const mqk_header *header = &record->headers[i];
        if (str_equal(header->name, STR(ORIGIN_HEADER)) &&
            (rule->skip_own == SKIP_OWN_ANY || str_equal(header->value, node))) {
            return true;
        }
    }
    return false;
}

static void dress(struct downlink_host *host, const mqk_kafka_record *record) {
    static const mqk_str types[] = {
        [MQK_TS_CREATE] = {"create", 6}, [MQK_TS_APPEND] = {"append", 6}};
    struct record_event *to = &host->event;
    to->event.topic = record->topic;
    to->event.payload = record->value;
    to->event.timestamp = record->timestamp_ms;
    to->event.user_props = record->headers;
    to->event.user_props_count = record->header_count;
    to->key = record->key;
    to->ts_type = types[record->ts_type];
    to->partition = record->partition;
    to->offset = record->offset;
}

static void work_init(struct work *w, const struct downlink_rule *rule, struct downlink_host *host,
                      struct downlink_command *c) {
    w->rule = rule;
    w->c = c;
    payload_cache_init(&w->found);
    w->uuid.made = false;
    w->ctx = (struct render_context){.event = &host->event.event,
                                     .node = host->node,
                                     .now_ms = MQK_UNKNOWN,
                                     .found = &w->found,
                                     .uuid = &w->uuid};
}

/* Whether a lone placeholder's text stands in memory that is gone after the evaluation. */
static bool is_fleeting(const struct template *t) {
    return t->piece_count == 1 &&
           (t->pieces[0].kind == PIECE_REGEX || t->pieces[0].kind == PIECE_UUID);
}

static void render(struct work *w, const struct template *t, struct rendered_part *part) {
    struct buffer *buffer = &w->c->text;
    w->ctx.missing = false;
    rendered_part_set(part, t, &w->ctx, buffer);
    if (t->piece_count == 1 && w->ctx.missing) {
        /* A lone null is as good as missing. */
        part->inside = false;
        part->text = (mqk_str){NULL, 0};
    }
    if (!part->inside && part->text.len > 0 && is_fleeting(t)) {
        part->at = buffer->len;
        part->inside = true;
        buffer_append_str(buffer, part->text);
    }
}

/* A text in which no value is missing, and which is not empty: what topics and names must be. */
static bool render_whole(struct work *w, const struct template *t, struct rendered_part *part) {
    render(w, t, part);
    return part->text.data && part->text.len > 0 && !w->ctx.missing;
}

/* The first of some templates that renders whole. */
static bool render_first(struct work *w, const struct template_list *list,
                         struct rendered_part *part) {
    for (size_t i = 0; i < list->count; i++) {
        if (render_whole(w, list->templates[i], part)) {
            return true;
        }
    }
    return false;
}

static mqk_str text_of(const struct work *w, const struct rendered_part *part) {
    return rendered_part_text(part, &w->c->text);
}

static bool fail(struct work *w, const char *reason) {
    w->c->reason = reason;
    return false;
}

/* After the last part was rendered, before any is read. */
static bool check_memory(struct work *w) {
    switch (w->c->text.failure) {
    case MQK_OK:
        return true;
    case MQK_ERR_TOO_LARGE:
        return fail(w, "what the templates make is larger than 64 MiB");
    default:
        return fail(w, "out of memory");
    }
}

static bool set_property(struct work *w, const struct downlink_pair *pair, mqk_str text) {
    const struct publish_property_info *info = &publish_properties[pair->property];
    mqk_publish *p = &w->c->as.publish;
    mqk_property *property = &w->c->properties[p->props_count];
    *property = (mqk_property){.name = pair->name, .text = text};
    switch (info->kind) {
    case KIND_NUMBER:
        property->number = downlink_number(text, info->max);
        property->text = (mqk_str){NULL, 0};
        if (property->number < 0) {
            return fail(w, "properties: a value is not the number that it must be");
        }
        break;
    case KIND_TOPIC:
        if (topic_name_check(text)) {
            return fail(w, "properties: Response-Topic is not a legal MQTT topic name");
        }
        break;
    case KIND_TEXT:
        if (!downlink_is_mqtt_text(text)) {
            return fail(w, "properties: a value is not UTF-8 of at most 65535 bytes");
        }
        break;
    case KIND_BYTES:
        if (text.len > MQTT_TEXT_MAX) {
            return fail(w, "properties: Correlation-Data is larger than 65535 bytes");
        }
        break;
    }
    p->props_count++;
    return true;
}

static bool add_user_property(struct work *w, mqk_str name, mqk_str value) {
    mqk_publish *p = &w->c->as.publish;
    if (!value.data) {
        value.data = "";
    }
    if (!downlink_is_mqtt_text(name) || !downlink_is_mqtt_text(value)) {
        return false;
    }
    w->c->user_properties[p->user_props_count++] = (mqk_pair){name, value};
    return true;
}

/* Headers that MQTT has no form for, which knows text only, are left out. */
static bool set_user_properties(struct work *w, const struct rendered_part *parts) {
    const struct pair_list *own = &w->rule->user_properties;
    const mqk_kafka_record *record = &w->c->record;
    size_t from_headers = w->rule->user_properties_from_headers ? record->header_count : 0;
    if (own->count + from_headers == 0) {
        return true;
    }
    w->c->user_properties = calloc(own->count + from_headers, sizeof(mqk_pair));
    if (!w->c->user_properties) {
        return fail(w, "out of memory");
    }
    w->c->as.publish.user_props = w->c->user_properties;
    for (size_t i = 0; i < from_headers; i++) {
        add_user_property(w, record->headers[i].name, record->headers[i].value);
    }
    for (size_t i = 0; i < own->count; i++) {
        mqk_str text = text_of(w, &parts[i]);
        if (text.data && !add_user_property(w, own->pairs[i].name, text)) {
            return fail(w, "user_properties: a value is not UTF-8 of at most 65535 bytes");
        }
    }
    return true;
}

static bool make_publish(struct work *w) {
    const struct downlink_rule *rule = w->rule;
    struct rendered_part topic, payload, qos, retain;
    struct rendered_part properties[DOWNLINK_MAX_PROPERTIES], user[DOWNLINK_MAX_LIST];
    mqk_publish *p = &w->c->as.publish;
    *p = (mqk_publish){.size = sizeof(*p), .record = &w->c->record, .props = w->c->properties};
    if (!render_whole(w, rule->topic, &topic)) {
        return fail(w, "mqtt_topic: a value is missing, or all is empty");
    }
    if (rule->payload) {
        render(w, rule->payload, &payload);
    }
    if (rule->qos) {
        render(w, rule->qos, &qos);
    }
    if (rule->retain) {
        render(w, rule->retain, &retain);
    }
    for (size_t i = 0; i < rule->properties.count; i++) {
        render(w, rule->properties.pairs[i].value, &properties[i]);
    }
    for (size_t i = 0; i < rule->user_properties.count; i++) {
        render(w, rule->user_properties.pairs[i].value, &user[i]);
    }
    if (!check_memory(w)) {
        return false;
    }
    p->topic = text_of(w, &topic);
    if (topic_name_check(p->topic)) {
        return fail(w, "mqtt_topic: what it makes is not a legal MQTT topic name");
    }
    p->payload = rule->payload ? text_of(w, &payload) : w->c->record.value;
    int64_t level = rule->qos ? downlink_number(text_of(w, &qos), 2) : 0;
    if (level < 0) {
        return fail(w, "qos: what it makes is not 0, 1 or 2");
    }
    p->qos = (uint8_t)level;
    int keep = rule->retain ? downlink_bool(text_of(w, &retain)) : 0;
    if (keep < 0) {
        return fail(w, "retain: what it makes is not true or false");
    }
    p->retain = keep == 1;
    for (size_t i = 0; i < rule->properties.count; i++) {
        mqk_str text = text_of(w, &properties[i]);
        if (text.data && !set_property(w, &rule->properties.pairs[i], text)) {
            return false;
        }
    }
    return set_user_properties(w, user);
}

static bool make_clients(struct work *w) {
    const struct downlink_rule *rule = w->rule;
    struct rendered_part who, reason;
    bool by_clientid = render_first(w, &rule->clientid, &who);
    if (!by_clientid && !render_first(w, &rule->username, &who)) {
        return fail(w, rule->username.count == 0 ? "clientid: a value is missing, or all is empty"
                       : rule->clientid.count == 0
                           ? "username: a value is missing, or all is empty"
                           : "clientid, username: a value is missing, or all is empty");
    }
    if (rule->reason) {
        render(w, rule->reason, &reason);
    }
    if (!check_memory(w)) {
        return false;
    }
    const mqk_str nobody = {NULL, 0};
    mqk_str clientid = by_clientid ? text_of(w, &who) : nobody;
    mqk_str username = by_clientid ? nobody : text_of(w, &who);
    if (rule->action == DOWNLINK_KICK) {
        w->c->as.kick = (mqk_kick){.size = sizeof(mqk_kick),
                                   .record = &w->c->record,
                                   .clientid = clientid,
                                   .username = username,
                                   .reason = rule->reason ? text_of(w, &reason) : nobody};
    } else {
        w->c->as.clean = (mqk_acl_clean){.size = sizeof(mqk_acl_clean),
                                         .record = &w->c->record,
                                         .clientid = clientid,
                                         .username = username};
    }
    return true;
}

static bool make(struct work *w) {
    switch (w->rule->action) {
    case DOWNLINK_PUBLISH:
        return make_publish(w);
    case DOWNLINK_KICK:
    case DOWNLINK_ACL_CLEAN:
        return make_clients(w);
    case DOWNLINK_CALLBACK:
        break;
    }
    return true;
}

/* `out` (NULL allowed) receives why. */
static enum downlink_verdict evaluate(const struct downlink *d, size_t number,
                                      struct downlink_host *host, struct downlink_command *c,
                                      struct buffer *out) {
    const struct downlink_rule *rule = &d->rules[number];
    struct work w;
    c->record.rule_name = rule->name;
    if ((rule->decode_key || rule->decode_value) && !decode(c, rule)) {
        return DOWNLINK_UNUSABLE;
    }
    if (is_own(rule, &c->record, host->node)) {
        if (out) {
            buffer_append_str(out, STR("skip_own: the record has the header " ORIGIN_HEADER));
        }
        return DOWNLINK_SKIPPED;
    }
    dress(host, &c->record);
    work_init(&w, rule, host, c);
    if (!rule->condition) {
        return make(&w) ? DOWNLINK_COMMAND : DOWNLINK_UNUSABLE;
    }
    struct condition_state state;
    enum downlink_verdict verdict = DOWNLINK_SKIPPED;
    condition_state_init(&state);
    enum predicate_result result = out ? condition_explain(rule->condition, &w.ctx, &state, out)
                                       : condition_test(rule->condition, &w.ctx, &state);
    if (result == PREDICATE_TRUE) {
        verdict = make(&w) ? DOWNLINK_COMMAND : DOWNLINK_UNUSABLE;
    }
    condition_state_fini(&state);
    return verdict;
}

enum downlink_verdict downlink_evaluate(const struct downlink *d, size_t rule,
                                        struct downlink_host *host, struct downlink_command *c) {
    return evaluate(d, rule, host, c, NULL);
}

enum downlink_verdict downlink_explain(const struct downlink *d, size_t rule,
                                       struct downlink_host *host, struct downlink_command *c,
                                       struct buffer *out) {
    enum downlink_verdict verdict = evaluate(d, rule, host, c, out);
    if (verdict == DOWNLINK_UNUSABLE) {
        buffer_append_str(out, out->len > 0 ? STR("; ") : STR(""));
        buffer_append_str(out, mqk_cstr(c->reason));
    } else if (out->len == 0) {
        buffer_append_str(out, STR("wanted: the rule has no condition"));
    }
    return verdict;
}
