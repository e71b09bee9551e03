/* SPDX-License-Identifier: Apache-2.0 */
/* CloudEvents 1.0: whether what the two envelopes make keeps the rules for attributes, whatever a
 * client chose as its id, topic, payload and properties. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "json_scan.h"
#include "ruleset_fixture.h"
#include "utf8.h"

#define TEXT_SIZE 4000u

/* A record, kept. */
struct kept {
    size_t count;
    char value[TEXT_SIZE];
    size_t value_len;
    bool has_value;
    char headers[TEXT_SIZE]; /* "name=value\n" */
};

static bool keep_record(void *user, const struct rendered_record *record) {
    struct kept *kept = user;
    size_t len = 0;
    assert_int_equal(record->status, MQK_OK);
    assert_true(record->value.len < sizeof(kept->value));
    kept->has_value = record->value.data != NULL;
    kept->value_len = record->value.len;
    if (record->value.len > 0) {
        memcpy(kept->value, record->value.data, record->value.len);
    }
    kept->value[record->value.len] = '\0';
    for (size_t i = 0; i < record->header_count; i++) {
        const mqk_header *header = &record->headers[i];
        assert_non_null(header->value.data);
        len += (size_t)snprintf(kept->headers + len, sizeof(kept->headers) - len, "%.*s=%.*s\n",
                                STR_ARG(header->name), STR_ARG(header->value));
    }
    kept->headers[len] = '\0';
    kept->count++;
    return true;
}

static void evaluate(const char *envelope, const char *hooks, enum payload_encoding encoding,
                     const mqk_event *event, struct kept *kept) {
    const struct ruleset_host host = {.node = STR("n1@10.0.0.1")};
    const struct rule_source rule = {.hook = mqk_cstr(hooks),
                                     .topic = STR("t"),
                                     .envelope = mqk_cstr(envelope),
                                     .encoding = encoding};
    struct ruleset *r = compiled(&rule, 1);
    kept->count = 0;
    assert_int_equal(ruleset_evaluate(r, event, &host, keep_record, kept), 1);
    assert_int_equal(kept->count, 1);
    ruleset_unref(r);
}

/* A member of the structured object: its text, decoded; "(none)" when it is null or not there. */
static void attribute(const struct kept *kept, const char *name, char text[TEXT_SIZE]) {
    const struct json_step step = {.name = mqk_cstr(name)};
    struct json_value value = json_find((mqk_str){kept->value, kept->value_len}, &step, 1);
    struct buffer out;
    buffer_init(&out, NULL, 0);
    if (value.kind == JSON_STRING) {
        json_append_decoded(&out, &value);
    } else {
        buffer_append_str(&out, value.kind == JSON_NONE || value.kind == JSON_NULL ? STR("(none)")
                                                                                   : value.text);
    }
    assert_true(out.len < TEXT_SIZE);
    snprintf(text, TEXT_SIZE, "%.*s", STR_ARG(buffer_since(&out, 0)));
    buffer_fini(&out);
}

static void assert_attribute(const struct kept *kept, const char *name, const char *expected) {
    char text[TEXT_SIZE];
    attribute(kept, name, text);
    assert_string_equal(text, expected);
}

/* RFC 3339, as far as what we write needs. */
static bool is_time(const char *text) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    if (strlen(text) != sizeof(shape) - 1) {
        return false;
    }
    for (size_t i = 0; shape[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i]) {
            return false;
        }
    }
    return true;
}

/* Characters that a URI reference may have. */
static bool is_uri(const char *text) {
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "-._~:/?#[]@!$&'()*+,;=%");
    return len > 0 && text[len] == '\0';
}

/* No control characters, valid UTF-8. */
static bool is_string(const char *text) {
    for (const char *c = text; *c; c++) {
        if ((uint8_t)*c < 0x20 || *c == 0x7F || ((uint8_t)*c == 0xC2 && (uint8_t)c[1] < 0xA0)) {
            return false;
        }
    }
    return text[0] != '\0' && utf8_valid_prefix(mqk_cstr(text)) == strlen(text);
}

static mqk_event client_event(mqk_hook hook) {
    mqk_event event;
    event_init(&event, sizeof(event), hook);
    event.clientid = STR("c1");
    event.topic = STR("a/b");
    event.payload = STR("{\"x\": 1.50}");
    event.timestamp = INT64_C(1700000000999);
    return event;
}

static void structured_messages(void **state) {
    (void)state;
    mqk_event event = client_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct kept kept;
    char id[TEXT_SIZE];
    evaluate("cloudevents", "message.*", PAYLOAD_PLAIN, &event, &kept);
    attribute(&kept, "id", id);
    char expected[TEXT_SIZE];
    snprintf(expected, sizeof(expected),
             "{\"specversion\":\"1.0\",\"id\":\"%.36s\",\"source\":\"/mqkafka/n1%%4010.0.0.1\","
             "\"type\":\"mqkafka.message.publish\",\"time\":\"2023-11-14T22:13:20.999Z\","
             "\"subject\":\"a/b\",\"clientid\":\"c1\",\"datacontenttype\":\"application/json\","
             "\"data\":{\"x\":1.50}}",
             id);
    assert_string_equal(kept.value, expected);
    assert_string_equal(kept.headers, "content-type=application/cloudevents+json; charset=UTF-8\n");

    event.payload = STR("hello \"you\"");
    evaluate("cloudevents", "message.*", PAYLOAD_PLAIN, &event, &kept);
    assert_attribute(&kept, "data", "hello \"you\"");
    event.payload = STR("\0\377");
    evaluate("cloudevents", "message.*", PAYLOAD_BASE64, &event, &kept);
    assert_attribute(&kept, "data", "(none)");
    assert_attribute(&kept, "data_base64", "AP8=");
    assert_attribute(&kept, "datacontenttype", "application/octet-stream");
    const mqk_property type = {STR("Content-Type"), STR("image/png"), 0};
    event.props = &type;
    event.props_count = 1;
    evaluate("cloudevents", "message.*", PAYLOAD_BASE64, &event, &kept);
    assert_attribute(&kept, "datacontenttype", "image/png");
}

static void structured_other_events(void **state) {
    (void)state;
    mqk_event event = client_event(MQK_HOOK_SESSION_SUBSCRIBED);
    struct kept kept;
    event.qos = 2;
    for (enum payload_encoding e = PAYLOAD_PLAIN; e <= PAYLOAD_HEX; e++) {
        evaluate("cloudevents", "*", e, &event, &kept);
        assert_attribute(&kept, "type", "mqkafka.session.subscribed");
        assert_attribute(&kept, "subject", "c1");
        assert_attribute(&kept, "datacontenttype", "application/json");
        assert_attribute(&kept, "data",
                         "{\"event\":\"session.subscribed\",\"timestamp\":1700000000999,"
                         "\"node\":\"n1@10.0.0.1\",\"clientid\":\"c1\",\"topic\":\"a/b\","
                         "\"qos\":2}");
    }
    event = client_event(MQK_HOOK_CUSTOM);
    event.hook_name = STR("custom.thing");
    evaluate("cloudevents", "custom.thing", PAYLOAD_PLAIN, &event, &kept);
    assert_attribute(&kept, "type", "mqkafka.custom.thing");
    assert_attribute(&kept, "subject", "c1");
}

/* What is not known is null, which in CloudEvents' JSON is "not set", or left out. */
static void unknown_attributes_are_not_set(void **state) {
    (void)state;
    mqk_event event;
    struct kept kept;
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    evaluate("cloudevents", "message.publish", PAYLOAD_PLAIN, &event, &kept);
    assert_attribute(&kept, "subject", "(none)");
    assert_attribute(&kept, "clientid", "(none)");
    assert_attribute(&kept, "data", "(none)");
    evaluate("cloudevents_binary", "message.publish", PAYLOAD_PLAIN, &event, &kept);
    assert_null(strstr(kept.headers, "ce_subject"));
    assert_null(strstr(kept.headers, "ce_clientid"));
    assert_null(strstr(kept.headers, "content-type"));
    assert_false(kept.has_value);
}

static void binary_messages(void **state) {
    (void)state;
    mqk_event event = client_event(MQK_HOOK_MESSAGE_DELIVERED);
    const mqk_property type = {STR("Content-Type"), STR("image/png"), 0};
    struct kept kept;
    event.payload = STR("\0\377\r\n");
    event.props = &type;
    event.props_count = 1;
    evaluate("cloudevents_binary", "message.*", PAYLOAD_PLAIN, &event, &kept);
    assert_int_equal(kept.value_len, 4);
    assert_memory_equal(kept.value, "\0\377\r\n", 4);
    const char *id = strstr(kept.headers, "ce_id=");
    assert_non_null(id);
    char expected[TEXT_SIZE];
    snprintf(expected, sizeof(expected),
             "ce_specversion=1.0\nce_id=%.36s\nce_source=/mqkafka/n1%%4010.0.0.1\n"
             "ce_type=mqkafka.message.delivered\nce_time=2023-11-14T22:13:20.999Z\n"
             "ce_subject=a/b\nce_clientid=c1\ncontent-type=image/png\n",
             id + strlen("ce_id="));
    assert_string_equal(kept.headers, expected);
}

/* A payload must not become a structured event because its sender calls it one. */
static void clients_cannot_forge_structured_events(void **state) {
    (void)state;
    static const char *const types[] = {"application/cloudevents+json", "APPLICATION/CLOUDEVENTS",
                                        "text/plain\r\nce_id: 1", "nonsense"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        mqk_event event = client_event(MQK_HOOK_MESSAGE_PUBLISH);
        const mqk_property type = {STR("Content-Type"), mqk_cstr(types[i]), 0};
        struct kept kept;
        event.props = &type;
        event.props_count = 1;
        evaluate("cloudevents_binary", "message.publish", PAYLOAD_PLAIN, &event, &kept);
        assert_null(strstr(kept.headers, "content-type"));
    }
}

/* Hostile ids, topics and nodes. */
static void attributes_keep_the_rules(void **state) {
    (void)state;
    static const mqk_str texts[] = {{"a\0b", 3},       {"\x1F\x7F", 2},    {"\"}],\\", 5},
                                    {"\xFF\xFE", 2},   {"\xC2\x85", 2},    {"\xEF\xBF\xBE", 3},
                                    {"a b%2F?#\n", 9}, {"${clientid}", 11}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        mqk_event event = client_event(MQK_HOOK_MESSAGE_PUBLISH);
        struct kept kept;
        char text[TEXT_SIZE];
        event.clientid = texts[i];
        /* No filter matches a topic that is none. */
        bool topic = utf8_valid_prefix(texts[i]) == texts[i].len &&
                     !memchr(texts[i].data, '\0', texts[i].len) && texts[i].data[0] != '$' &&
                     !memchr(texts[i].data, '#', texts[i].len);
        event.topic = topic ? texts[i] : event.topic;
        event.node = texts[i];
        event.payload = texts[i];
        evaluate("cloudevents", "message.publish", PAYLOAD_PLAIN, &event, &kept);
        assert_true(json_valid((mqk_str){kept.value, kept.value_len}, NULL));
        assert_attribute(&kept, "specversion", "1.0");
        assert_attribute(&kept, "type", "mqkafka.message.publish");
        attribute(&kept, "source", text);
        assert_true(is_uri(text));
        attribute(&kept, "time", text);
        assert_true(is_time(text));
        static const char *const strings[] = {"id", "subject", "clientid"};
        for (size_t n = 0; n < sizeof(strings) / sizeof(strings[0]); n++) {
            attribute(&kept, strings[n], text);
            assert_true(is_string(text));
        }
    }
}

static bool keep_same(void *user, const struct rendered_record *record) {
    struct kept *kept = user;
    if (kept->count == 1) {
        assert_true(str_equal(record->value, mqk_cstr(kept->value)));
        return true;
    }
    return keep_record(user, record);
}

/* All records of an event are the same event, two events never are. */
static void ids_are_unique(void **state) {
    (void)state;
    const struct rule_source rule = {
        .hook = STR("message.publish"), .topic = STR("t"), .value = STR("${uuid}")};
    const struct rule_source rules[] = {rule, rule};
    struct ruleset *r = compiled(rules, 2);
    mqk_event event = client_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct kept first = {.count = 0}, second = {.count = 0};
    assert_int_equal(ruleset_evaluate(r, &event, NULL, keep_same, &first), 2);
    assert_int_equal(ruleset_evaluate(r, &event, NULL, keep_same, &second), 2);
    assert_string_not_equal(first.value, second.value);
    ruleset_unref(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structured_messages),
        cmocka_unit_test(structured_other_events),
        cmocka_unit_test(unknown_attributes_are_not_set),
        cmocka_unit_test(binary_messages),
        cmocka_unit_test(clients_cannot_forge_structured_events),
        cmocka_unit_test(attributes_keep_the_rules),
        cmocka_unit_test(ids_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
