/* SPDX-License-Identifier: Apache-2.0 */
#include "event_input.h"

#include "error.h"
#include "event.h"

/* What a member's name means. */
enum member { MEMBER_HOOK, MEMBER_USER, MEMBER_ACK_USER, MEMBER_ATTRS, MEMBER_FIELD };

struct member_name {
    const char *name;
    enum member member;
};

static const struct member_name member_names[] = {
    {"hook", MEMBER_HOOK},
    {"event", MEMBER_HOOK},
    {"user_properties", MEMBER_USER},
    {"user", MEMBER_USER},
    {"User-Property", MEMBER_USER},
    {"ack_user_properties", MEMBER_ACK_USER},
    {"attrs", MEMBER_ATTRS},
    {"attr", MEMBER_ATTRS},
};

/* The value of a base64 digit, or -1. */
static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* RFC 4648 section 4; the padding may be missing. */
static bool decode_base64(mqk_str text, struct buffer *out) {
    uint32_t bits = 0;
    unsigned count = 0;
    if (text.len % 4 == 0) {
        for (int i = 0; i < 2 && text.len > 0 && text.data[text.len - 1] == '='; i++) {
            text.len--;
        }
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = digit(text.data[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buffer_append_char(out, (char)(bits >> count));
        }
    }
    return count < 6 && (bits & ((1u << count) - 1)) == 0;
}

/* A JSON string's bytes, kept. */
static mqk_str keep_string(struct event_input *in, const struct json_value *value) {
    struct buffer decoded;
    buffer_init(&decoded, NULL, 0);
    json_append_decoded(&decoded, value);
    mqk_str kept = {NULL, 0};
    if (decoded.failure != MQK_OK) {
        event_input_fail(in, "%s", mqk_status_text(decoded.failure));
    } else {
        kept = event_input_keep(in, buffer_since(&decoded, 0));
    }
    buffer_fini(&decoded);
    return kept;
}

static bool keep_base64(struct event_input *in, mqk_str name, mqk_str encoded, mqk_str *out) {
    struct buffer bytes;
    char quoted[ERROR_QUOTE_SIZE];
    buffer_init(&bytes, NULL, 0);
    bool good = decode_base64(encoded, &bytes) ||
                event_input_fail(in, "%s: not base64", error_quote(name, quoted));
    if (good) {
        *out = event_input_keep(in, buffer_since(&bytes, 0));
    }
    buffer_fini(&bytes);
    return good && out->data;
}

bool event_input_text(struct event_input *in, mqk_str name, const struct json_value *value,
                      mqk_str *out) {
    char quoted[ERROR_QUOTE_SIZE];
    *out = (mqk_str){NULL, 0};
    if (value->kind == JSON_NULL) {
        return true;
    }
    if (value->kind == JSON_STRING) {
        *out = keep_string(in, value);
        return out->data != NULL;
    }
    const struct json_step step = {STR("base64"), 0};
    struct json_value inner = {.kind = JSON_NONE};
    if (value->kind == JSON_OBJECT) {
        inner = json_find(value->text, &step, 1);
    }
    if (inner.kind != JSON_STRING) {
        return event_input_fail(in, "%s: expected a string, {\"base64\":\"…\"} or null",
                                error_quote(name, quoted));
    }
    mqk_str encoded = keep_string(in, &inner);
    return encoded.data && keep_base64(in, name, encoded, out);
}

/* {"key":…,"value":…} of a list of pairs. */
static bool read_pair(struct event_input *in, mqk_str list_name, const struct json_value *pair,
                      struct event_pairs *list) {
    const struct json_step keys[] = {{STR("key"), 0}, {STR("name"), 0}};
    const struct json_step value_step = {STR("value"), 0};
    char quoted[ERROR_QUOTE_SIZE];
    struct json_value key = {.kind = JSON_NONE};
    struct json_value value = {.kind = JSON_NONE};
    for (size_t i = 0; i < 2 && pair->kind == JSON_OBJECT && key.kind == JSON_NONE; i++) {
        key = json_find(pair->text, &keys[i], 1);
        value = json_find(pair->text, &value_step, 1);
    }
    if (key.kind != JSON_STRING || value.kind == JSON_NONE) {
        return event_input_fail(in, "%s: expected {\"key\":\"…\",\"value\":\"…\"}",
                                error_quote(list_name, quoted));
    }
    mqk_str name = keep_string(in, &key), text;
    return name.data && event_input_text(in, name, &value, &text) &&
           event_input_pair(in, list, name, text);
}

bool event_input_pairs(struct event_input *in, mqk_str list_name, const struct json_value *value,
                       struct event_pairs *list) {
    struct json_iter it;
    struct json_value name, item;
    char quoted[ERROR_QUOTE_SIZE];
    if (value->kind == JSON_NULL) {
        return true;
    }
    if (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY) {
        return event_input_fail(in, "%s: expected an object or an array of {\"key\",\"value\"}",
                                error_quote(list_name, quoted));
    }
    json_iter_init(&it, value->text);
    while (json_iter_next(&it, &name, &item)) {
        mqk_str key, text;
        if (value->kind == JSON_ARRAY) {
            if (!read_pair(in, list_name, &item, list)) {
                return false;
            }
            continue;
        }
        key = keep_string(in, &name);
        if (!key.data || !event_input_text(in, key, &item, &text) ||
            !event_input_pair(in, list, key, text)) {
            return false;
        }
    }
    return true;
}

/* One MQTT 5 property; user properties may stand among them, as in `${.}`. */
static bool read_property(struct event_input *in, mqk_str name, const struct json_value *value,
                          bool ack) {
    struct event_props *list = ack ? &in->ack_props : &in->props;
    struct event_pairs *user = ack ? &in->ack_user : &in->user;
    mqk_str text = {NULL, 0};
    int64_t number = MQK_UNKNOWN;
    if (str_equal(name, STR("User-Property"))) {
        return user->count > 0 || event_input_pairs(in, name, value, user);
    }
    if (str_equal(name, STR("User-Property-Pairs"))) {
        user->count = 0; /* says more than User-Property: names may repeat */
        return event_input_pairs(in, name, value, user);
    }
    if (value->kind == JSON_NUMBER) {
        if (!event_input_integer(in, name, value->text, &number)) {
            return false;
        }
    } else if (!event_input_text(in, name, value, &text)) {
        return false;
    }
    return event_input_property(in, list, name, text, number);
}

static bool read_flag(struct event_input *in, mqk_str name, const struct json_value *value,
                      size_t offset) {
    char quoted[ERROR_QUOTE_SIZE];
    switch (value->kind) {
    case JSON_TRUE:
        return event_input_number(in, name, offset, STR("1"));
    case JSON_FALSE:
        return event_input_number(in, name, offset, STR("0"));
    case JSON_NULL:
        return true;
    default:
        if (str_equal(value->text, STR("0")) || str_equal(value->text, STR("1"))) {
            return event_input_number(in, name, offset, value->text);
        }
        return event_input_fail(in, "%s: expected true or false", error_quote(name, quoted));
    }
}

static bool read_object_field(struct event_input *in, mqk_str name, const struct json_value *value,
                              enum event_field field) {
    struct json_iter it;
    struct json_value member, item;
    char quoted[ERROR_QUOTE_SIZE], shown[ERROR_QUOTE_SIZE];
    if (value->kind == JSON_NULL) {
        return true;
    }
    if (value->kind != JSON_OBJECT) {
        return event_input_fail(in, "%s: expected an object", error_quote(name, quoted));
    }
    json_iter_init(&it, value->text);
    while (json_iter_next(&it, &member, &item)) {
        mqk_str key = keep_string(in, &member);
        bool good = key.data != NULL;
        if (good && field != FIELD_flags) {
            good = read_property(in, key, &item, field == FIELD_ack_props);
        } else if (good && str_equal(key, STR("retain"))) {
            good = read_flag(in, key, &item, offsetof(mqk_event, retain));
        } else if (good && str_equal(key, STR("dup"))) {
            good = read_flag(in, key, &item, offsetof(mqk_event, dup));
        } else if (good) {
            good = event_input_fail(in, "%s: unknown flag \"%s\" (known: retain, dup)",
                                    error_quote(name, quoted), error_quote(key, shown));
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool read_field(struct event_input *in, mqk_str name, const struct json_value *value) {
    enum event_field field;
    char quoted[ERROR_QUOTE_SIZE];
    mqk_str text;
    if (!event_field_by_name(name, &field)) {
        return event_input_unknown(in, name);
    }
    size_t offset = event_fields[field].offset;
    switch (event_fields[field].kind) {
    case FIELD_TEXT:
        if (!event_input_text(in, name, value, &text)) {
            return false;
        }
        memcpy((char *)&in->event + offset, &text, sizeof(text));
        return true;
    case FIELD_BOOL:
        return read_flag(in, name, value, offset);
    case FIELD_OBJECT:
        return read_object_field(in, name, value, field);
    default:
        if (value->kind == JSON_NULL) {
            return true;
        }
        if (value->kind != JSON_NUMBER) {
            return event_input_fail(in, "%s: expected a whole number", error_quote(name, quoted));
        }
        return event_input_number(in, name, offset, value->text);
    }
}

static enum member find_member(mqk_str name) {
    for (size_t i = 0; i < sizeof(member_names) / sizeof(member_names[0]); i++) {
        if (str_equal(name, mqk_cstr(member_names[i].name))) {
            return member_names[i].member;
        }
    }
    return MEMBER_FIELD;
}

static bool read_member(struct event_input *in, void *user, mqk_str name,
                        const struct json_value *value) {
    (void)user;
    char quoted[ERROR_QUOTE_SIZE];
    mqk_str text;
    switch (find_member(name)) {
    case MEMBER_HOOK:
        if (value->kind != JSON_STRING) {
            return event_input_fail(in, "%s: expected a string", error_quote(name, quoted));
        }
        text = keep_string(in, value);
        return text.data && event_input_hook(in, text);
    case MEMBER_USER:
        return event_input_pairs(in, name, value, &in->user);
    case MEMBER_ACK_USER:
        return event_input_pairs(in, name, value, &in->ack_user);
    case MEMBER_ATTRS:
        return event_input_pairs(in, name, value, &in->attrs);
    default:
        return read_field(in, name, value);
    }
}

bool event_input_members(struct event_input *in, mqk_str json, const char *what,
                         event_member_fn member, void *user) {
    struct json_value whole, name, value;
    struct json_iter it;
    size_t at = 0;
    if (!json_valid_at(json, &whole, &at)) {
        return event_input_fail(in, "the %s is not JSON (at byte %zu)", what, at + 1);
    }
    if (whole.kind != JSON_OBJECT) {
        return event_input_fail(in, "the %s is not a JSON object", what);
    }
    json_iter_init(&it, whole.text);
    while (json_iter_next(&it, &name, &value)) {
        mqk_str key = keep_string(in, &name);
        if (!key.data || !member(in, user, key, &value)) {
            return false;
        }
    }
    return true;
}

bool event_input_json(struct event_input *in, mqk_str json) {
    return event_input_members(in, json, "event", read_member, NULL);
}
