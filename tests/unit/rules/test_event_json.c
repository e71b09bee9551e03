/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "json_scan.h"
#include "rules_fixture.h"

/* The event as a JSON value, by itself and by way of `${.}`. */
static void assert_event(struct render_context *ctx, const char *expected) {
    static const char *const texts[] = {"${.}", "${}"};
    for (size_t i = 0; i < 2; i++) {
        struct template *t = NULL;
        struct buffer buffer;
        mqk_str out;
        buffer_init(&buffer, NULL, 0);
        assert_int_equal(template_compile(mqk_cstr(texts[i]), MQK_FORMAT_AUTO, &t, NULL), MQK_OK);
        template_render(t, ctx, &buffer, &out);
        assert_int_equal(buffer.failure, MQK_OK);
        if (!str_equal(out, mqk_cstr(expected))) {
            fail_msg("%.*s\ninstead of\n%s", STR_ARG(out), expected);
        }
        assert_true(json_valid(out, NULL));
        buffer_fini(&buffer);
        template_free(t);
    }
}

#define HEAD(name)  "{\"event\":\"" name "\",\"timestamp\":1700000000123,\"node\":\"node-1\""
#define WHO         ",\"clientid\":\"c1\",\"username\":\"u\""
#define PEER        ",\"peername\":\"1.2.3.4:5\",\"sockname\":\"9.9.9.9:1883\""
#define PROTO       ",\"proto_name\":\"MQTT\",\"proto_ver\":5"
#define PROPS(name) ",\"" name "\":{\"Message-Expiry-Interval\":60}"
#define MESSAGE_END                                                                                \
    WHO ",\"payload\":\"{}\",\"peerhost\":\"1.2.3.4\",\"topic\":\"t\",\"qos\":1,"                  \
        "\"flags\":{\"retain\":true,\"dup\":false}" PROPS(                                         \
            "pub_props") ",\"publish_received_at\":8"

/* The rows of compat.md for an event of which everything is known. */
static void renders_every_hook_as_its_row_says(void **state) {
    (void)state;
    static const struct {
        mqk_hook hook;
        const char *expected;
    } cases[] = {
        {MQK_HOOK_CLIENT_CONNECT, HEAD("client.connect") PEER PROTO
         ",\"keepalive\":30,\"clean_start\":true,"
         "\"receive_maximum\":32,\"expiry_interval\":7" PROPS("conn_props") "}"},
        {MQK_HOOK_CLIENT_CONNACK,
         HEAD("client.connack") ",\"reason_code\":\"success\",\"clientid\":\"c1\",\"clean_start\":"
                                "true,\"username\":\"u\"" PEER PROTO
                                ",\"keepalive\":30,\"expiry_interval\":7" PROPS("conn_props") "}"},
        {MQK_HOOK_CLIENT_CONNECTED, HEAD("client.connected") WHO
         ",\"mountpoint\":\"m/\"" PEER PROTO
         ",\"keepalive\":30,\"clean_start\":true,\"receive_maximum\":"
         "32,\"expiry_interval\":7,\"is_bridge\":false" PROPS("conn_props") ",\"connected_at\":5}"},
        {MQK_HOOK_CLIENT_DISCONNECTED, HEAD("client.disconnected") ",\"reason\":\"kicked\"" WHO PEER
                                           PROTO PROPS("disconn_props") ",\"disconnected_at\":6}"},
        {MQK_HOOK_CLIENT_AUTHENTICATE,
         HEAD("client.authenticate") WHO ",\"peerhost\":\"1.2.3.4\",\"result\":\"allow\"}"},
        {MQK_HOOK_CLIENT_CHECK_AUTHZ_COMPLETE, HEAD("client.check_authz_complete") WHO
         ",\"peerhost\":\"1.2.3.4\",\"topic\":\"t\",\"action\":\"publish\","
         "\"authz_source\":\"file\",\"result\":\"allow\"}"},
        {MQK_HOOK_SESSION_CREATED, HEAD("session.created") WHO
         ",\"peerhost\":\"1.2.3.4\",\"session_id\":\"s\",\"created_at\":7}"},
        {MQK_HOOK_SESSION_SUBSCRIBED, HEAD("session.subscribed") WHO
         ",\"peerhost\":\"1.2.3.4\"" PROPS("sub_props") ",\"topic\":\"t\",\"qos\":1}"},
        {MQK_HOOK_SESSION_TERMINATED,
         HEAD("session.terminated") WHO ",\"peerhost\":\"1.2.3.4\",\"reason\":\"kicked\"}"},
        {MQK_HOOK_MESSAGE_PUBLISH, HEAD("message.publish") ",\"id\":\"i\"" MESSAGE_END "}"},
        {MQK_HOOK_MESSAGE_ACKED,
         HEAD("message.acked") ",\"id\":\"i\",\"from_clientid\":\"f\",\"from_username\":"
                               "\"fu\"" MESSAGE_END
                               ",\"puback_props\":{\"Reason-String\":\"fine\"}}"},
        {MQK_HOOK_MESSAGE_DROPPED,
         HEAD("message.dropped") ",\"id\":\"i\"" MESSAGE_END
                                 ",\"by_node\":\"b\",\"reason\":\"kicked\"}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_event event = fixture_event(cases[i].hook);
        event.username = STR("u");
        event.topic = STR("t");
        event.payload = STR("{}");
        event.id = STR("i");
        event.from_clientid = STR("f");
        event.from_username = STR("fu");
        event.peerhost = STR("1.2.3.4");
        event.peername = STR("1.2.3.4:5");
        event.sockname = STR("9.9.9.9:1883");
        event.mountpoint = STR("m/");
        event.proto_name = STR("MQTT");
        event.reason = STR("kicked");
        event.reason_code = STR("success");
        event.action = STR("publish");
        event.authz_source = STR("file");
        event.result = STR("allow");
        event.session_id = STR("s");
        event.by_node = STR("b");
        event.proto_ver = 5;
        event.keepalive = 30;
        event.clean_start = 1;
        event.is_bridge = 0;
        event.receive_maximum = 32;
        event.expiry_interval = 7;
        event.connected_at = 5;
        event.disconnected_at = 6;
        event.created_at = 7;
        event.publish_received_at = 8;
        event.props_count = 1;
        event.user_props = NULL;
        event.user_props_count = 0;
        event.attrs_count = 0;
        struct render_context ctx = fixture_context(&event);
        assert_event(&ctx, cases[i].expected);
    }
}

static void leaves_out_what_is_absent(void **state) {
    (void)state;
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = {.event = &event, .now_ms = 5};
    assert_event(&ctx, "{\"event\":\"message.publish\",\"timestamp\":5}");
    event.payload = STR("\xff\x01");
    ctx.encoding = PAYLOAD_BASE64;
    assert_event(&ctx, "{\"event\":\"message.publish\",\"timestamp\":5,\"payload\":\"/wE=\"}");
    event.hook = MQK_HOOK_CUSTOM;
    event.hook_name = STR("custom.\"x\"");
    event.payload = (mqk_str){NULL, 0};
    event.keepalive = 3;
    assert_event(&ctx, "{\"event\":\"custom.\\\"x\\\"\",\"timestamp\":5,\"keepalive\":3}");
}

static void shows_properties_and_attributes(void **state) {
    (void)state;
    mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
    struct render_context ctx = fixture_context(&event);
    event.payload = event.topic = event.clientid = (mqk_str){NULL, 0};
    event.qos = event.retain = event.dup = MQK_UNKNOWN;
    assert_event(
        &ctx,
        HEAD("message.publish") ",\"pub_props\":{\"Message-Expiry-Interval\":60,"
                                "\"Content-Type\":\"text/"
                                "\\\"x\\\"\",\"User-Property\":{\"trace.id\":\"last\","
                                "\"b\":\"two\"},\"User-Property-Pairs\":[{\"key\":\"trace.id\","
                                "\"value\":"
                                "\"first\"},{\"key\":\"b\",\"value\":\"two\"},{\"key\":\"trace."
                                "id\",\"value\":"
                                "\"last\"}]},\"attrs\":{\"site\":\"north\",\"odd.name\":\"\"}}");
    event.props_count = event.user_props_count = event.attrs_count = 0;
    assert_event(&ctx, HEAD("message.publish") ",\"pub_props\":{}}");
    event.props = NULL;
    event.user_props = NULL;
    assert_event(&ctx, HEAD("message.publish") "}");
}

/* Names may repeat; an object has each of them once, whether they are few or many. */
static void no_object_has_a_name_twice(void **state) {
    (void)state;
    static const size_t counts[] = {2, 31, 32, 33, 34, 100, 5000};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        size_t count = counts[c], different = count / 2;
        mqk_pair *pairs = calloc(count, sizeof(*pairs));
        char(*texts)[16] = calloc(count, sizeof(*texts));
        for (size_t i = 0; i < count; i++) {
            int len = snprintf(texts[i], sizeof(texts[i]), "n%zu", i % different);
            pairs[i].name = (mqk_str){texts[i], (size_t)len};
            pairs[i].value = i < different ? STR("old") : STR("new");
        }
        mqk_event event = fixture_event(MQK_HOOK_MESSAGE_PUBLISH);
        event.attrs = event.user_props = pairs;
        event.attrs_count = event.user_props_count = count;
        struct render_context ctx = fixture_context(&event);
        struct buffer buffer;
        buffer_init(&buffer, NULL, 0);
        template_render_event(&ctx, &buffer);
        struct json_value attrs =
            json_find(buffer_since(&buffer, 0), &(struct json_step){.name = STR("attrs")}, 1);
        assert_int_equal(attrs.kind, JSON_OBJECT);
        struct json_iter it;
        struct json_value name, value;
        size_t seen = 0;
        for (json_iter_init(&it, attrs.text); json_iter_next(&it, &name, &value); seen++) {
            char expected[20];
            snprintf(expected, sizeof(expected), "\"n%zu\"", seen);
            assert_true(str_equal(name.text, mqk_cstr(expected)));
            assert_true(str_equal(value.text, STR("\"new\"")));
        }
        assert_int_equal(seen, different);
        buffer_fini(&buffer);
        free(texts);
        free(pairs);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_every_hook_as_its_row_says),
        cmocka_unit_test(leaves_out_what_is_absent),
        cmocka_unit_test(shows_properties_and_attributes),
        cmocka_unit_test(no_object_has_a_name_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
