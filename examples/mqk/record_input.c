/* SPDX-License-Identifier: Apache-2.0 */
#include "record_input.h"

#include "error.h"

enum kind { TEXT, VALUE, HEADERS, WHOLE, TS_TYPE };

static const struct member {
    const char *name;
    enum kind kind;
    size_t offset;
} members[] = {
    {"cluster", TEXT, offsetof(mqk_kafka_record, cluster)},
    {"topic", TEXT, offsetof(mqk_kafka_record, topic)},
    {"key", TEXT, offsetof(mqk_kafka_record, key)},
    {"value", VALUE, offsetof(mqk_kafka_record, value)},
    {"headers", HEADERS, 0},
    {"partition", WHOLE, offsetof(mqk_kafka_record, partition)},
    {"offset", WHOLE, offsetof(mqk_kafka_record, offset)},
    {"ts", WHOLE, offsetof(mqk_kafka_record, timestamp_ms)},
    {"timestamp", WHOLE, offsetof(mqk_kafka_record, timestamp_ms)},
    {"ts_type", TS_TYPE, 0},
};
static const char *const names[] = {"cluster",   "topic",  "key", "value",   "headers",
                                    "partition", "offset", "ts",  "ts_type", NULL};

static bool read_whole(struct event_input *in, mqk_str name, const struct json_value *value,
                       mqk_kafka_record *record, size_t offset) {
    char quoted[ERROR_QUOTE_SIZE];
    int64_t number = 0;
    if (value->kind != JSON_NUMBER) {
        return event_input_fail(in, "%s: expected a whole number", error_quote(name, quoted));
    }
    if (!event_input_integer(in, name, value->text, &number)) {
        return false;
    }
    if (offset != offsetof(mqk_kafka_record, partition)) {
        memcpy((char *)record + offset, &number, sizeof(number));
        return true;
    }
    record->partition = (int32_t)number;
    return (number >= 0 && number <= INT32_MAX) ||
           event_input_fail(in, "partition: expected 0 to 2147483647");
}

static bool read_ts_type(struct event_input *in, const struct json_value *value,
                         mqk_kafka_record *record) {
    static const struct {
        const char *name;
        mqk_ts_type type;
    } types[] = {{"none", MQK_TS_NONE}, {"create", MQK_TS_CREATE}, {"append", MQK_TS_APPEND}};
    mqk_str text = {NULL, 0};
    if (value->kind == JSON_STRING && !event_input_text(in, STR("ts_type"), value, &text)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_equal(text, mqk_cstr(types[i].name))) {
            record->ts_type = types[i].type;
            return true;
        }
    }
    return event_input_fail(in, "ts_type: expected none, create or append");
}

/* A value may also be JSON as it stands, which most are; {"base64":…} is what it says. */
static bool read_value(struct event_input *in, mqk_str name, const struct json_value *value,
                       mqk_str *out) {
    const struct json_step step = {STR("base64"), 0};
    bool as_it_stands =
        value->kind != JSON_STRING && value->kind != JSON_NULL &&
        (value->kind != JSON_OBJECT || json_find(value->text, &step, 1).kind != JSON_STRING);
    if (!as_it_stands) {
        return event_input_text(in, name, value, out);
    }
    *out = event_input_keep(in, value->text);
    return out->data != NULL;
}

static bool read_member(struct event_input *in, void *user, mqk_str name,
                        const struct json_value *value) {
    mqk_kafka_record *record = user;
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (!str_equal(name, mqk_cstr(members[i].name))) {
            continue;
        }
        mqk_str *text = (mqk_str *)(void *)((char *)record + members[i].offset);
        switch (members[i].kind) {
        case TEXT:
            return event_input_text(in, name, value, text);
        case VALUE:
            return read_value(in, name, value, text);
        case HEADERS:
            return event_input_pairs(in, name, value, &in->user);
        case WHOLE:
            return read_whole(in, name, value, record, members[i].offset);
        case TS_TYPE:
            return read_ts_type(in, value, record);
        }
    }
    return event_input_fail(in, "a record has no \"%s\"%s", error_quote(name, quoted),
                            error_hint(name, names, hint));
}

bool record_input_json(struct event_input *in, mqk_str json, mqk_kafka_record *record) {
    *record = (mqk_kafka_record){
        .size = sizeof(*record), .ts_type = MQK_TS_CREATE, .timestamp_ms = MQK_UNKNOWN};
    if (!event_input_members(in, json, "record", read_member, record)) {
        return false;
    }
    record->headers = in->user.items;
    record->header_count = in->user.count;
    return record->topic.data ||
           event_input_fail(in, "the record has no topic, e.g. {\"topic\":\"commands\",…}");
}
