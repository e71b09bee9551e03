/* SPDX-License-Identifier: Apache-2.0 */
#include "vocabulary.h"

/* Roots that both vocabularies have. */
static const struct {
    const char *name;
    enum root_kind kind;
} common_roots[] = {{"regex", ROOT_REGEX}, {"uuid", ROOT_UUID}};

/* Roots of events that are no fields. */
static const struct {
    const char *name;
    enum root_kind kind;
} event_roots[] = {
    {"user", ROOT_USER}, {"attr", ROOT_ATTR}, {"attrs", ROOT_ATTR}, {"filter", ROOT_CAPTURE}};

static const char *const event_others[] = {"user", "attr", "filter", "regex", "uuid", NULL};
static const char *const record_fields[] = {"key",       "value",  "headers", "topic",
                                            "partition", "offset", "ts",      "ts_type",
                                            "timestamp", "node",   NULL};
static const char *const record_others[] = {"regex", "uuid", NULL};

static bool find_common(mqk_str name, struct root *out) {
    for (size_t i = 0; i < sizeof(common_roots) / sizeof(common_roots[0]); i++) {
        if (str_equal(name, mqk_cstr(common_roots[i].name))) {
            *out = (struct root){.kind = common_roots[i].kind};
            return true;
        }
    }
    return false;
}

static bool find_in_event(mqk_str name, struct root *out) {
    for (size_t i = 0; i < sizeof(event_roots) / sizeof(event_roots[0]); i++) {
        if (str_equal(name, mqk_cstr(event_roots[i].name))) {
            *out = (struct root){.kind = event_roots[i].kind};
            return true;
        }
    }
    if (find_common(name, out)) {
        return true;
    }
    *out = (struct root){.kind = str_equal(name, STR("from")) ? ROOT_SENDER : ROOT_FIELD};
    return event_field_by_name(name, &out->field);
}

static bool find_in_record(mqk_str name, struct root *out) {
    const struct event_hook_info *record = &event_hooks[EVENT_RECORD];
    if (find_common(name, out)) {
        return true;
    }
    if (str_equal(name, STR("timestamp"))) {
        name = STR("ts");
    }
    for (size_t i = 0; i < record->member_count; i++) {
        enum event_field field = record->members[i].field;
        if (str_equal(name, mqk_cstr(record->members[i].name))) {
            bool headers = field == FIELD_headers;
            *out = (struct root){headers ? ROOT_USER : ROOT_FIELD, field, headers};
            return true;
        }
    }
    return false;
}

const struct vocabulary event_words = {find_in_event, event_field_names, event_others};
const struct vocabulary record_words = {find_in_record, record_fields, record_others};
