/* SPDX-License-Identifier: Apache-2.0 */
/* What the envelopes make of events, byte for byte. Events are full in the first table and as empty
 * as a host may leave them in the second. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "envelope.h"
#include "json_scan.h"
#include "ruleset_fixture.h"

#define VALUE_SIZE 4000u

/* A value as the rule's only record has it, "NULL" for none. */
static bool note_value(void *user, const struct rendered_record *record) {
    char *to = user;
    assert_int_equal(record->status, MQK_OK);
    assert_true(record->value.len < VALUE_SIZE);
    snprintf(to, VALUE_SIZE, "%.*s", STR_ARG(record->value.data ? record->value : STR("NULL")));
    return true;
}

static void render(const char *envelope, mqk_hook hook, enum payload_encoding encoding,
                   const mqk_event *event, char value[VALUE_SIZE]) {
    const struct ruleset_host host = {.node = STR("n1@host")};
    const struct rule_source rule = {.hook = mqk_cstr(event_hooks[hook].name),
                                     .topic = STR("t"),
                                     .envelope = mqk_cstr(envelope),
                                     .encoding = encoding};
    struct ruleset *r = compiled(&rule, 1);
    assert_int_equal(ruleset_evaluate(r, event, &host, note_value, value), 1);
    ruleset_unref(r);
}

static mqk_event full_event(mqk_hook hook) {
    mqk_event event;
    event_init(&event, sizeof(event), hook);
    event.clientid = STR("c\"1");
    event.username = STR("u1");
    event.topic = STR("a/b");
    event.payload = STR("{\"x\": 1}");
    event.from_clientid = STR("s1");
    event.peerhost = STR("10.0.0.1");
    event.peername = STR("10.0.0.1:5000");
    event.proto_name = STR("MQTT");
    event.reason = STR("normal");
    event.timestamp = INT64_C(1700000000999);
    event.qos = 1;
    event.proto_ver = 5;
    event.keepalive = 60;
    event.retain = 1;
    event.dup = 0;
    return event;
}

struct envelope_case {
    const char *envelope;
    mqk_hook hook;
    const char *value;
};

#define P "{\\\"x\\\": 1}"

static const struct envelope_case full_cases[] = {
    {"emqttd", MQK_HOOK_CLIENT_CONNECTED,
     "{\"type\":\"connected\",\"client_id\":\"c\\\"1\",\"cluster_node\":\"n1@host\","
     "\"ts\":1700000000}"},
    {"emqttd", MQK_HOOK_CLIENT_DISCONNECTED,
     "{\"type\":\"disconnected\",\"client_id\":\"c\\\"1\",\"reason\":\"normal\","
     "\"cluster_node\":\"n1@host\",\"ts\":1700000000}"},
    {"emqttd", MQK_HOOK_SESSION_SUBSCRIBED,
     "{\"type\":\"subscribed\",\"client_id\":\"c\\\"1\",\"topic\":\"a/b\","
     "\"cluster_node\":\"n1@host\",\"ts\":1700000000}"},
    {"emqttd", MQK_HOOK_SESSION_UNSUBSCRIBED,
     "{\"type\":\"unsubscribed\",\"client_id\":\"c\\\"1\",\"topic\":\"a/b\","
     "\"cluster_node\":\"n1@host\",\"ts\":1700000000}"},
    {"emqttd", MQK_HOOK_MESSAGE_PUBLISH,
     "{\"type\":\"published\",\"client_id\":\"c\\\"1\",\"topic\":\"a/b\",\"payload\":\"" P "\","
     "\"qos\":1,\"cluster_node\":\"n1@host\",\"ts\":1700000000}"},
    {"emqttd", MQK_HOOK_MESSAGE_DELIVERED,
     "{\"type\":\"delivered\",\"client_id\":\"c\\\"1\",\"from\":\"s1\",\"topic\":\"a/b\","
     "\"payload\":\"" P "\",\"qos\":1,\"cluster_node\":\"n1@host\",\"ts\":1700000000}"},
    {"emqttd", MQK_HOOK_MESSAGE_ACKED,
     "{\"type\":\"acked\",\"client_id\":\"c\\\"1\",\"from\":\"s1\",\"topic\":\"a/b\","
     "\"payload\":\"" P "\",\"qos\":1,\"cluster_node\":\"n1@host\",\"ts\":1700000000}"},
    {"emq2", MQK_HOOK_CLIENT_CONNECTED,
     "{\"type\":\"connected\",\"client_id\":\"c\\\"1\",\"message\":{},"
     "\"cluster_node\":\"n1@host\",\"ts\":1700000000999}"},
    {"emq2", MQK_HOOK_CLIENT_DISCONNECTED,
     "{\"type\":\"disconnected\",\"client_id\":\"c\\\"1\",\"message\":{},"
     "\"cluster_node\":\"n1@host\",\"ts\":1700000000999}"},
    {"emq2", MQK_HOOK_SESSION_SUBSCRIBED,
     "{\"type\":\"subscribed\",\"client_id\":\"c\\\"1\",\"cluster_node\":\"n1@host\","
     "\"message\":{\"topic\":\"a/b\",\"opts\":{\"qos\":1}},\"ts\":1700000000999}"},
    {"emq2", MQK_HOOK_SESSION_UNSUBSCRIBED,
     "{\"type\":\"unsubscribed\",\"client_id\":\"c\\\"1\",\"cluster_node\":\"n1@host\","
     "\"message\":{\"topic\":\"a/b\",\"opts\":{\"qos\":1}},\"ts\":1700000000999}"},
    {"emq2", MQK_HOOK_MESSAGE_PUBLISH,
     "{\"type\":\"public\",\"client_id\":\"c\\\"1\",\"message\":{\"username\":\"u1\","
     "\"topic\":\"a/b\",\"payload\":\"" P "\",\"qos\":1,\"dup\":0,\"retain\":1},"
     "\"cluster_node\":\"n1@host\",\"ts\":1700000000999}"},
    {"emqx4", MQK_HOOK_CLIENT_CONNECTED,
     "{\"action\":\"connected\",\"device_id\":\"c\\\"1\",\"username\":\"u1\",\"keepalive\":60,"
     "\"ipaddress\":\"10.0.0.1\",\"proto_name\":\"MQTT\",\"proto_ver\":5,\"ts\":1700000000999,"
     "\"online\":1}"},
    {"emqx4", MQK_HOOK_CLIENT_DISCONNECTED,
     "{\"action\":\"disconnected\",\"device_id\":\"c\\\"1\",\"username\":\"u1\","
     "\"reason\":\"normal\",\"ts\":1700000000999,\"online\":0}"},
    {"emqx4", MQK_HOOK_CLIENT_SUBSCRIBE,
     "{\"device_id\":\"c\\\"1\",\"action\":\"subscribe\",\"topic\":\"a/b\",\"qos\":1,"
     "\"ts\":1700000000999}"},
    {"emqx4", MQK_HOOK_CLIENT_UNSUBSCRIBE,
     "{\"device_id\":\"c\\\"1\",\"action\":\"unsubscribe\",\"topic\":\"a/b\","
     "\"ts\":1700000000999}"},
    {"emqx4", MQK_HOOK_MESSAGE_PUBLISH,
     "{\"action\":\"message_publish\",\"device_id\":\"c\\\"1\",\"username\":\"u1\","
     "\"topic\":\"a/b\",\"payload\":\"" P "\",\"ts\":1700000000999}"},
    {"emqx4", MQK_HOOK_MESSAGE_DELIVERED,
     "{\"action\":\"message_delivered\",\"from\":\"s1\",\"to\":\"c\\\"1\",\"topic\":\"a/b\","
     "\"payload\":\"" P "\",\"qos\":1,\"cluster_node\":\"n1@host\",\"ts\":1700000000999}"},
    {"emqx4", MQK_HOOK_MESSAGE_ACKED,
     "{\"action\":\"message_acked\",\"from\":\"s1\",\"to\":\"c\\\"1\",\"topic\":\"a/b\","
     "\"payload\":\"" P "\",\"qos\":1,\"cluster_node\":\"n1@host\",\"ts\":1700000000999}"},
    {"raw", MQK_HOOK_MESSAGE_PUBLISH, "{\"x\": 1}"},
    {"event", MQK_HOOK_SESSION_RESUMED,
     "{\"event\":\"session.resumed\",\"timestamp\":1700000000999,\"node\":\"n1@host\","
     "\"clientid\":\"c\\\"1\",\"username\":\"u1\",\"peerhost\":\"10.0.0.1\"}"},
};

/* Texts and numbers that the host does not know are null, a payload that it does not know is empty,
 * flags are 0. */
static const struct envelope_case empty_cases[] = {
    {"emqttd", MQK_HOOK_MESSAGE_DELIVERED,
     "{\"type\":\"delivered\",\"client_id\":null,\"from\":null,\"topic\":null,\"payload\":\"\","
     "\"qos\":null,\"cluster_node\":\"n1@host\",\"ts\":1}"},
    {"emq2", MQK_HOOK_SESSION_UNSUBSCRIBED,
     "{\"type\":\"unsubscribed\",\"client_id\":null,\"cluster_node\":\"n1@host\","
     "\"message\":{\"topic\":null,\"opts\":{\"qos\":0}},\"ts\":1000}"},
    {"emq2", MQK_HOOK_MESSAGE_PUBLISH,
     "{\"type\":\"public\",\"client_id\":null,\"message\":{\"username\":null,\"topic\":null,"
     "\"payload\":\"\",\"qos\":null,\"dup\":0,\"retain\":0},\"cluster_node\":\"n1@host\","
     "\"ts\":1000}"},
    {"emqx4", MQK_HOOK_CLIENT_CONNECTED,
     "{\"action\":\"connected\",\"device_id\":null,\"username\":null,\"keepalive\":null,"
     "\"ipaddress\":null,\"proto_name\":\"MQTT\",\"proto_ver\":null,\"ts\":1000,\"online\":1}"},
    {"raw", MQK_HOOK_MESSAGE_PUBLISH, "NULL"},
};

static void assert_value(const struct envelope_case *c, enum payload_encoding encoding,
                         const mqk_event *event) {
    char value[VALUE_SIZE];
    render(c->envelope, c->hook, encoding, event, value);
    if (strcmp(value, c->value) != 0) {
        fail_msg("%s, %s:\n%s\ninstead of\n%s", c->envelope, event_hooks[c->hook].name, value,
                 c->value);
    }
}

static void makes_what_the_table_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(full_cases) / sizeof(full_cases[0]); i++) {
        mqk_event event = full_event(full_cases[i].hook);
        assert_value(&full_cases[i], PAYLOAD_PLAIN, &event);
    }
}

static void has_words_for_what_is_missing(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(empty_cases) / sizeof(empty_cases[0]); i++) {
        mqk_event event;
        event_init(&event, sizeof(event), empty_cases[i].hook);
        event.timestamp = 1000;
        assert_value(&empty_cases[i], PAYLOAD_PLAIN, &event);
    }
}

/* emq2: with no user name, it repeats the client's identifier. emqx4: the address without port. */
static void takes_the_next_best(void **state) {
    (void)state;
    mqk_event event = full_event(MQK_HOOK_MESSAGE_PUBLISH);
    char value[VALUE_SIZE];
    event.username = (mqk_str){NULL, 0};
    render("emq2", event.hook, PAYLOAD_PLAIN, &event, value);
    assert_non_null(strstr(value, "\"username\":\"c\\\"1\","));
    event = full_event(MQK_HOOK_CLIENT_CONNECTED);
    event.peerhost = (mqk_str){NULL, 0};
    render("emqx4", event.hook, PAYLOAD_PLAIN, &event, value);
    assert_non_null(strstr(value, "\"ipaddress\":\"10.0.0.1\","));
}

static void writes_payloads_in_the_encoding_asked_for(void **state) {
    (void)state;
    static const struct {
        const char *envelope;
        enum payload_encoding encoding;
        const char *part;
    } cases[] = {
        {"emqttd", PAYLOAD_BASE64, "\"payload\":\"AP9x\""},
        {"emqttd", PAYLOAD_HEX, "\"payload\":\"00ff71\""},
        {"emqttd", PAYLOAD_PLAIN, "\"payload\":\"\\u0000\xEF\xBF\xBDq\""},
        {"emq2", PAYLOAD_BASE64, "\"payload\":\"AP9x\""},
        {"emqx4", PAYLOAD_BASE64, "\"payload\":\"AP9x\""},
        {"emqx4", PAYLOAD_HEX, "\"payload\":\"00ff71\""},
        {"event", PAYLOAD_BASE64, "\"payload\":\"AP9x\""},
        {"raw", PAYLOAD_BASE64, "AP9x"},
        {"cloudevents", PAYLOAD_BASE64,
         "\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"AP9x\"}"},
        {"cloudevents", PAYLOAD_HEX,
         "\"datacontenttype\":\"application/json\",\"data\":\"00ff71\"}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_event event = full_event(MQK_HOOK_MESSAGE_PUBLISH);
        char value[VALUE_SIZE];
        event.payload = STR("\0\377q");
        render(cases[i].envelope, event.hook, cases[i].encoding, &event, value);
        if (!strstr(value, cases[i].part)) {
            fail_msg("%s: %s", cases[i].envelope, value);
        }
    }
}

/* Every template of the table compiles, as JSON where it is one, for every hook it is for. */
static void the_table_is_sound(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned hooks;
    } known[] = {{"event", MQK_HOOK_COUNT},
                 {"raw", MQK_HOOK_COUNT},
                 {"emqttd", 7},
                 {"emq2", 5},
                 {"emqx4", 7},
                 {"cloudevents", MQK_HOOK_COUNT},
                 {"cloudevents_binary", 4}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        enum envelope envelope;
        assert_string_equal(envelope_names[i], known[i].name);
        assert_true(envelope_by_name(mqk_cstr(known[i].name), &envelope));
        assert_int_equal(__builtin_popcount(envelope_hooks(envelope)), known[i].hooks);
        for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
            const char *text = envelope_template(envelope, (mqk_hook)hook);
            assert_int_equal(text != NULL, envelope_hooks(envelope) >> hook & 1);
            if (!text || text[0] != '{') {
                continue;
            }
            struct template *t = NULL;
            assert_int_equal(template_compile(mqk_cstr(text), MQK_FORMAT_JSON, &t, NULL), MQK_OK);
            template_free(t);
        }
    }
    enum envelope none;
    assert_null(envelope_names[sizeof(known) / sizeof(known[0])]);
    assert_false(envelope_by_name(STR("emqx5"), &none));
    assert_false(envelope_by_name(STR(""), &none));
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* Bytes that like to break things, or nothing at all. */
static mqk_str random_text(uint32_t *state, char *memory) {
    static const char bytes[] = "\"\\{}[]$,:\0\x1F\x7F\x80\xC2\xE2\xEF\xF0\xFFna/";
    size_t len = next_random(state) % 12;
    for (size_t i = 0; i < len; i++) {
        memory[i] = bytes[next_random(state) % (sizeof(bytes) - 1)];
    }
    return next_random(state) % 8 == 0 ? (mqk_str){NULL, 0} : (mqk_str){memory, len};
}

static bool check_json(void *user, const struct rendered_record *record) {
    (void)user;
    if (!json_valid(record->value, NULL)) {
        fail_msg("%s: %.*s", record->info->name.data, STR_ARG(record->value));
    }
    return true;
}

#define ROUNDS 3000

/* Whatever a client chooses, the value is JSON. */
static void nothing_breaks_out(void **state) {
    (void)state;
    uint32_t random = 20240229;
    for (unsigned e = 0; envelope_names[e]; e++) {
        for (unsigned hook = 1; hook < MQK_HOOK_COUNT; hook++) {
            const char *text = envelope_template((enum envelope)e, (mqk_hook)hook);
            if (!text || e == ENVELOPE_RAW || e == ENVELOPE_CLOUDEVENTS_BINARY) {
                continue;
            }
            const struct rule_source rule = {.hook = mqk_cstr(event_hooks[hook].name),
                                             .topic = STR("t"),
                                             .envelope = mqk_cstr(envelope_names[e]),
                                             .encoding =
                                                 (enum payload_encoding)(next_random(&random) % 3)};
            struct ruleset *r = compiled(&rule, 1);
            for (unsigned i = 0; i < ROUNDS / MQK_HOOK_COUNT; i++) {
                char memory[8][12];
                mqk_event event;
                event_init(&event, sizeof(event), (mqk_hook)hook);
                mqk_str *const texts[] = {&event.clientid, &event.username,      &event.payload,
                                          &event.node,     &event.from_clientid, &event.peerhost,
                                          &event.peername, &event.reason};
                for (size_t n = 0; n < 8; n++) {
                    *texts[n] = random_text(&random, memory[n]);
                }
                event.topic = STR("a/\"b\\\x01");
                event.qos = next_random(&random) % 2 ? MQK_UNKNOWN : 1;
                event.dup = next_random(&random) % 2 ? MQK_UNKNOWN : 1;
                event.timestamp = (int64_t)((uint64_t)next_random(&random) << 31);
                const mqk_property type = {STR("Content-Type"), event.reason, 0};
                event.props = &type;
                event.props_count = 1;
                assert_int_equal(ruleset_evaluate(r, &event, NULL, check_json, NULL), 1);
            }
            ruleset_unref(r);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_what_the_table_says),
        cmocka_unit_test(has_words_for_what_is_missing),
        cmocka_unit_test(takes_the_next_best),
        cmocka_unit_test(writes_payloads_in_the_encoding_asked_for),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(nothing_breaks_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
