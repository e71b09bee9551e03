/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <inttypes.h>

#include "json_member.h"

void json_output_init(struct json_output *o) {
    *o = (struct json_output){.count = 0};
    buffer_init(&o->piece, NULL, 0);
    o->piece.limit = SIZE_MAX / 2; /* escapes make a large value larger */
}

void json_begin_entry(struct json_output *o) {
    o->piece.len = 0;
    buffer_append_str(&o->piece, o->count++ > 0 ? STR(",") : STR(""));
}

void json_end_entry(struct json_output *o) {
    if (o->piece.failure != MQK_OK) {
        o->failure = o->piece.failure;
        return;
    }
    put(buffer_since(&o->piece, 0));
}

void json_write_verdict(void *user, const mqk_verdict *verdict) {
    struct json_output *o = user;
    json_begin_entry(o);
    buffer_append_char(&o->piece, '{');
    json_member(&o->piece, "name", verdict->rule_name);
    buffer_printf(&o->piece, ",\"matched\":%s", verdict->matched ? "true" : "false");
    json_member(&o->piece, "reason", verdict->reason);
    buffer_append_char(&o->piece, '}');
    json_end_entry(o);
}

static void write_record(void *user, const mqk_record *record) {
    struct json_output *o = user;
    struct buffer *out = &o->piece;
    json_begin_entry(o);
    buffer_append_char(out, '{');
    json_member(out, "rule", record->rule_name);
    json_member(out, "cluster", record->cluster);
    json_member(out, "topic", record->topic);
    buffer_printf(out, ",\"partition\":%" PRId32, record->partition);
    json_member(out, "key", record->key);
    json_member(out, "value", record->value);
    buffer_append_str(out, STR(",\"headers\":"));
    json_headers(out, record->headers, record->header_count);
    buffer_printf(out, ",\"timestamp\":%" PRId64 "}", record->timestamp_ms);
    json_end_entry(o);
    if (record->status != MQK_OK) {
        complain(EXIT_BAD, "a record of rule %.*s cannot be sent: %s", (int)record->rule_name.len,
                 record->rule_name.data, mqk_status_text(record->status));
    }
}

mqk_status explain_json(const mqk_ruleset *rules, const mqk_event *event) {
    struct json_output o;
    json_output_init(&o);
    put(STR("{\"rules\":["));
    int result = mqk_ruleset_explain(rules, event, json_write_verdict, &o);
    put(STR("],\"records\":["));
    o.count = 0;
    if (result >= 0) {
        result = mqk_ruleset_evaluate(rules, event, write_record, &o);
    }
    put(STR("]}\n"));
    buffer_fini(&o.piece);
    return result < 0 ? (mqk_status)result : o.failure;
}
