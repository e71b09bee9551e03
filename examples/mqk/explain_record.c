/* SPDX-License-Identifier: Apache-2.0 */
/* What consumer rules make of a record, and what they ask of the broker. */
#include <inttypes.h>

#include "explain.h"
#include "json_member.h"

static mqk_host host_of(void *user, mqk_str node) {
    return (mqk_host){.size = sizeof(mqk_host), .user = user, .node = node};
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_command(struct text_output *o, const mqk_kafka_record *record,
                          const char *action) {
    printf("\nCommand %zu, of rule %.*s\n", ++o->records, STR_ARG(record->rule_name));
    text_print_part("action", mqk_cstr(action));
}

static void print_if_there(const char *name, mqk_str bytes) {
    if (bytes.data) {
        text_print_part(name, bytes);
    }
}

static mqk_answer print_publish(void *user, const mqk_publish *p) {
    char number[24];
    print_command(user, p->record, "publish");
    text_print_part("topic", p->topic);
    text_print_part("payload", p->payload);
    text_print_part("qos", mqk_cstr(p->qos == 0 ? "0" : p->qos == 1 ? "1" : "2"));
    text_print_part("retain", mqk_cstr(p->retain ? "true" : "false"));
    for (size_t i = 0; i < p->props_count; i++) {
        const mqk_property *prop = &p->props[i];
        snprintf(number, sizeof(number), "%" PRId64, prop->number);
        const mqk_pair pair = {prop->name, prop->text.data ? prop->text : mqk_cstr(number)};
        text_print_named(i == 0 ? "properties" : "", &pair, 1);
    }
    text_print_named("user", p->user_props, p->user_props_count);
    return MQK_ACCEPT;
}

static mqk_answer print_kick(void *user, const mqk_kick *k) {
    print_command(user, k->record, "kick");
    print_if_there("clientid", k->clientid);
    print_if_there("username", k->username);
    print_if_there("reason", k->reason);
    return MQK_ACCEPT;
}

static mqk_answer print_acl_clean(void *user, const mqk_acl_clean *a) {
    print_command(user, a->record, "acl_clean");
    print_if_there("clientid", a->clientid);
    print_if_there("username", a->username);
    return MQK_ACCEPT;
}

static mqk_answer print_callback(void *user, const mqk_kafka_record *r) {
    print_command(user, r, "callback");
    text_print_part("key", r->key);
    text_print_part("value", r->value);
    text_print_named("headers", r->headers, r->header_count);
    return MQK_ACCEPT;
}

mqk_status explain_record_text(const mqk_config *config, const mqk_kafka_record *record,
                               mqk_str node) {
    struct text_output o = {.name_width = 0};
    mqk_host host = host_of(&o, node);
    int result = mqk_config_explain_record(config, record, &host, text_measure_verdict, &o);
    if (result < 0) {
        return (mqk_status)result;
    }
    text_print_head(&o);
    result = mqk_config_explain_record(config, record, &host, text_print_verdict, &o);
    host.publish = print_publish;
    host.kick = print_kick;
    host.acl_clean = print_acl_clean;
    host.record = print_callback;
    if (result >= 0) {
        result = mqk_config_explain_record(config, record, &host, NULL, NULL);
    }
    if (result == 0) {
        puts("\nNo command.");
    }
    return result < 0 ? (mqk_status)result : MQK_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static struct buffer *write_command(struct json_output *o, const mqk_kafka_record *record,
                                    const char *action) {
    json_begin_entry(o);
    buffer_append_char(&o->piece, '{');
    json_member(&o->piece, "rule", record->rule_name);
    json_member(&o->piece, "cluster", record->cluster);
    json_member(&o->piece, "action", mqk_cstr(action));
    return &o->piece;
}

static mqk_answer end_command(struct json_output *o) {
    buffer_append_char(&o->piece, '}');
    json_end_entry(o);
    return MQK_ACCEPT;
}

static mqk_answer write_publish(void *user, const mqk_publish *p) {
    struct buffer *out = write_command(user, p->record, "publish");
    json_member(out, "topic", p->topic);
    json_member(out, "payload", p->payload);
    buffer_printf(out, ",\"qos\":%d,\"retain\":%s,\"properties\":{", p->qos,
                  p->retain ? "true" : "false");
    for (size_t i = 0; i < p->props_count; i++) {
        const mqk_property *prop = &p->props[i];
        buffer_printf(out, "%s\"%.*s\":", i > 0 ? "," : "", STR_ARG(prop->name));
        if (prop->text.data) {
            json_bytes(out, prop->text);
        } else {
            buffer_printf(out, "%" PRId64, prop->number);
        }
    }
    buffer_append_str(out, STR("},\"user_properties\":"));
    json_headers(out, p->user_props, p->user_props_count);
    return end_command(user);
}

static mqk_answer write_kick(void *user, const mqk_kick *k) {
    struct buffer *out = write_command(user, k->record, "kick");
    json_member(out, "clientid", k->clientid);
    json_member(out, "username", k->username);
    json_member(out, "reason", k->reason);
    return end_command(user);
}

static mqk_answer write_acl_clean(void *user, const mqk_acl_clean *a) {
    struct buffer *out = write_command(user, a->record, "acl_clean");
    json_member(out, "clientid", a->clientid);
    json_member(out, "username", a->username);
    return end_command(user);
}

static mqk_answer write_callback(void *user, const mqk_kafka_record *r) {
    struct buffer *out = write_command(user, r, "callback");
    json_member(out, "key", r->key);
    json_member(out, "value", r->value);
    buffer_append_str(out, STR(",\"headers\":"));
    json_headers(out, r->headers, r->header_count);
    return end_command(user);
}

mqk_status explain_record_json(const mqk_config *config, const mqk_kafka_record *record,
                               mqk_str node) {
    struct json_output o;
    json_output_init(&o);
    mqk_host host = host_of(&o, node);
    put(STR("{\"rules\":["));
    int result = mqk_config_explain_record(config, record, &host, json_write_verdict, &o);
    put(STR("],\"commands\":["));
    o.count = 0;
    host.publish = write_publish;
    host.kick = write_kick;
    host.acl_clean = write_acl_clean;
    host.record = write_callback;
    if (result >= 0) {
        result = mqk_config_explain_record(config, record, &host, NULL, NULL);
    }
    put(STR("]}\n"));
    buffer_fini(&o.piece);
    return result < 0 ? (mqk_status)result : o.failure;
}
