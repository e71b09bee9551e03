/* SPDX-License-Identifier: Apache-2.0 */
/* The ready configurations for those who come from other plugins: each is loaded as it is shipped,
 * and what it makes of each event must be what that plugin sends, byte for byte. The program's
 * argument is their folder. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "config.h"

#define TEXT_SIZE 4000u

static const char *folder;

static void fail_on_problem(void *user, mqk_severity severity, const mqk_error *error) {
    (void)user;
    (void)severity;
    fail_msg("%s", error->message);
}

static struct mqk_config *load(const char *name) {
    char path[1000];
    struct mqk_config *config = NULL;
    snprintf(path, sizeof(path), "%s/%s.yaml", folder, name);
    const mqk_config_source source = {.size = sizeof(source), .path = path};
    assert_int_equal(config_load(&source, 1, fail_on_problem, NULL, &config, NULL), MQK_OK);
    return config;
}

/* An event that has everything. */
static const mqk_property props[] = {{{"Message-Expiry-Interval", 23}, {NULL, 0}, 60}};
static const mqk_pair user_props[] = {{{"a", 1}, {"1", 1}}, {{"a", 1}, {"2", 1}}};
static const mqk_property ack_props[] = {{{"Reason-String", 13}, {"fine", 4}, 0}};

#define T    "1700000000123"
#define NODE "n1@h"

static mqk_event full_event(mqk_hook hook, const char *topic) {
    mqk_event event;
    event_init(&event, sizeof(event), hook);
    event.clientid = STR("c1");
    event.username = STR("u1");
    event.topic = mqk_cstr(topic);
    event.payload = STR("{\"t\": 1.0}");
    event.id = STR("m1");
    event.from_clientid = STR("s1");
    event.from_username = STR("su1");
    event.peerhost = STR("10.0.0.1");
    event.peername = STR("10.0.0.1:5000");
    event.sockname = STR("10.0.0.9:1883");
    event.mountpoint = STR("mp/");
    event.proto_name = STR("MQTT");
    event.reason = STR("normal");
    event.reason_code = STR("success");
    event.action = STR("publish");
    event.authz_source = STR("file");
    event.result = STR("allow");
    event.session_id = STR("sid1");
    event.by_node = STR("n2@h");
    event.timestamp = INT64_C(1700000000123);
    event.connected_at = 11;
    event.disconnected_at = 12;
    event.created_at = 13;
    event.publish_received_at = 14;
    event.qos = 1;
    event.proto_ver = 5;
    event.keepalive = 60;
    event.receive_maximum = 10;
    event.expiry_interval = 300;
    event.retain = 1;
    event.dup = 0;
    event.clean_start = 1;
    event.is_bridge = 0;
    event.props = props;
    event.props_count = 1;
    event.user_props = user_props;
    event.user_props_count = 2;
    event.ack_props = ack_props;
    event.ack_props_count = 1;
    return event;
}

/* "topic|key|value\n" of each record. */
static bool note_record(void *user, const struct rendered_record *record) {
    char *to = user;
    size_t len = strlen(to);
    assert_int_equal(record->status, MQK_OK);
    assert_int_equal(record->timestamp_ms, INT64_C(1700000000123));
    snprintf(to + len, TEXT_SIZE - len, "%.*s|%.*s|%.*s\n", STR_ARG(record->topic),
             STR_ARG(record->key.data ? record->key : STR("NULL")),
             STR_ARG(record->value.data ? record->value : STR("NULL")));
    return true;
}

struct row {
    mqk_hook hook;
    const char *topic;
    const char *records;
};

static void walk(const char *name, const struct row *rows, size_t count) {
    const struct ruleset_host host = {.node = STR(NODE)};
    struct mqk_config *config = load(name);
    for (size_t i = 0; i < count; i++) {
        char records[TEXT_SIZE] = "";
        mqk_event event = full_event(rows[i].hook, rows[i].topic);
        ruleset_evaluate(config_settings(config)->rules, &event, &host, note_record, records);
        if (strcmp(records, rows[i].records) != 0) {
            fail_msg("%s, %s of %s:\n%s\ninstead of\n%s", name, event_hooks[rows[i].hook].name,
                     rows[i].topic, records, rows[i].records);
        }
    }
    config_unref(config);
}

#define WALK(name, rows) walk(name, rows, sizeof(rows) / sizeof((rows)[0]))

static const struct producer_settings *producer(const struct mqk_config *config) {
    return &config_settings(config)->lanes[0].producer;
}

#define PAYLOAD "\"payload\":\"{\\\"t\\\": 1.0}\""

static void emqttd(void **state) {
    (void)state;
#define END "\"cluster_node\":\"" NODE "\",\"ts\":1700000000}\n"
    static const struct row rows[] = {
        {MQK_HOOK_CLIENT_CONNECTED, "x",
         "broker_message|NULL|{\"type\":\"connected\",\"client_id\":\"c1\"," END},
        {MQK_HOOK_CLIENT_DISCONNECTED, "x",
         "broker_message|NULL|{\"type\":\"disconnected\",\"client_id\":\"c1\","
         "\"reason\":\"normal\"," END},
        {MQK_HOOK_SESSION_SUBSCRIBED, "a/#",
         "broker_message|NULL|{\"type\":\"subscribed\",\"client_id\":\"c1\",\"topic\":\"a/"
         "#\"," END},
        {MQK_HOOK_SESSION_UNSUBSCRIBED, "a/+",
         "broker_message|NULL|{\"type\":\"unsubscribed\",\"client_id\":\"c1\","
         "\"topic\":\"a/+\"," END},
        {MQK_HOOK_MESSAGE_PUBLISH, "a/b",
         "broker_message|NULL|{\"type\":\"published\",\"client_id\":\"c1\",\"topic\":\"a/"
         "b\"," PAYLOAD ",\"qos\":1," END},
        {MQK_HOOK_MESSAGE_DELIVERED, "a/b",
         "broker_message|NULL|{\"type\":\"delivered\",\"client_id\":\"c1\",\"from\":\"s1\","
         "\"topic\":\"a/b\"," PAYLOAD ",\"qos\":1," END},
        {MQK_HOOK_MESSAGE_ACKED, "a/b",
         "broker_message|NULL|{\"type\":\"acked\",\"client_id\":\"c1\",\"from\":\"s1\","
         "\"topic\":\"a/b\"," PAYLOAD ",\"qos\":1," END},
        {MQK_HOOK_MESSAGE_PUBLISH, "$SYS/brokers", ""},
        {MQK_HOOK_MESSAGE_DROPPED, "a/b", ""},
        {MQK_HOOK_SESSION_CREATED, "x", ""},
    };
#undef END
    WALK("emqttd", rows);
    struct mqk_config *config = load("emqttd");
    assert_int_equal(producer(config)->produce, PRODUCE_ASYNC);
    assert_int_equal(producer(config)->partitioner, PARTITIONER_ROUNDROBIN);
    config_unref(config);
}

static void emq2(void **state) {
    (void)state;
#define END "\"cluster_node\":\"" NODE "\",\"ts\":" T "}\n"
#define SUBSCRIPTION(type)                                                                         \
    "test|NULL|{\"type\":\"" type "\",\"client_id\":\"c1\",\"cluster_node\":\"" NODE "\","         \
    "\"message\":{\"topic\":\"a/#\",\"opts\":{\"qos\":1}},\"ts\":" T "}\n"
    static const struct row rows[] = {
        {MQK_HOOK_CLIENT_CONNECTED, "x",
         "test|NULL|{\"type\":\"connected\",\"client_id\":\"c1\",\"message\":{}," END},
        {MQK_HOOK_CLIENT_DISCONNECTED, "x",
         "test|NULL|{\"type\":\"disconnected\",\"client_id\":\"c1\",\"message\":{}," END},
        {MQK_HOOK_SESSION_SUBSCRIBED, "a/#", SUBSCRIPTION("subscribed")},
        {MQK_HOOK_SESSION_UNSUBSCRIBED, "a/#", SUBSCRIPTION("unsubscribed")},
        {MQK_HOOK_MESSAGE_PUBLISH, "a/b",
         "test|NULL|{\"type\":\"public\",\"client_id\":\"c1\",\"message\":{\"username\":\"u1\","
         "\"topic\":\"a/b\"," PAYLOAD ",\"qos\":1,\"dup\":0,\"retain\":1}," END},
        {MQK_HOOK_MESSAGE_PUBLISH, "$SYS/brokers", ""},
        {MQK_HOOK_MESSAGE_DELIVERED, "a/b", ""},
        {MQK_HOOK_MESSAGE_ACKED, "a/b", ""},
    };
#undef SUBSCRIPTION
#undef END
    WALK("emq2", rows);
    struct mqk_config *config = load("emq2");
    assert_int_equal(producer(config)->produce, PRODUCE_SYNC);
    assert_string_equal(config_settings(config)->clusters[0].servers, "localhost:9092");
    config_unref(config);
}

static void emqx4(void **state) {
    (void)state;
#define DELIVERY(action)                                                                           \
    "emqx-topic|c1|{\"action\":\"" action                                                          \
    "\",\"from\":\"s1\",\"to\":\"c1\",\"topic\":\"a/b\"," PAYLOAD                                  \
    ",\"qos\":1,\"cluster_node\":\"" NODE "\",\"ts\":" T "}\n"
    static const struct row rows[] = {
        {MQK_HOOK_CLIENT_CONNECTED, "x",
         "emqx-topic|c1|{\"action\":\"connected\",\"device_id\":\"c1\",\"username\":\"u1\","
         "\"keepalive\":60,\"ipaddress\":\"10.0.0.1\",\"proto_name\":\"MQTT\",\"proto_ver\":5,"
         "\"ts\":" T ",\"online\":1}\n"},
        {MQK_HOOK_CLIENT_DISCONNECTED, "x",
         "emqx-topic|c1|{\"action\":\"disconnected\",\"device_id\":\"c1\",\"username\":\"u1\","
         "\"reason\":\"normal\",\"ts\":" T ",\"online\":0}\n"},
        {MQK_HOOK_CLIENT_SUBSCRIBE, "a/#",
         "emqx-topic|c1|{\"device_id\":\"c1\",\"action\":\"subscribe\",\"topic\":\"a/#\",\"qos\":1,"
         "\"ts\":" T "}\n"},
        {MQK_HOOK_CLIENT_UNSUBSCRIBE, "a/#",
         "emqx-topic|c1|{\"device_id\":\"c1\",\"action\":\"unsubscribe\",\"topic\":\"a/#\","
         "\"ts\":" T "}\n"},
        {MQK_HOOK_MESSAGE_PUBLISH, "a/b",
         "emqx-topic|c1|{\"action\":\"message_publish\",\"device_id\":\"c1\",\"username\":\"u1\","
         "\"topic\":\"a/b\"," PAYLOAD ",\"ts\":" T "}\n"},
        {MQK_HOOK_MESSAGE_DELIVERED, "a/b", DELIVERY("message_delivered")},
        {MQK_HOOK_MESSAGE_ACKED, "a/b", DELIVERY("message_acked")},
        {MQK_HOOK_MESSAGE_PUBLISH, "$SYS/brokers", ""},
        {MQK_HOOK_SESSION_SUBSCRIBED, "a/#", ""},
    };
#undef DELIVERY
    WALK("emqx4", rows);
    struct mqk_config *config = load("emqx4");
    assert_int_equal(producer(config)->partitioner, PARTITIONER_PHASH2);
    config_unref(config);
}

static void tlink(void **state) {
    (void)state;
#define TO(kafka, topic) "tlink_device_" kafka "|" topic "|{\"t\": 1.0}\n"
#define BOTH(topic, records)                                                                       \
    {MQK_HOOK_MESSAGE_DELIVERED, topic, records}, {                                                \
        MQK_HOOK_MESSAGE_ACKED, topic, records                                                     \
    }
    static const struct row rows[] = {
        BOTH("tlink/p/d/ota/up", TO("ota", "tlink/p/d/ota/up")),
        BOTH("tlink/total", TO("ota", "tlink/total")),
        BOTH("tlink/ota", TO("ota", "tlink/ota")),
        BOTH("tlink/p/sub/register", TO("sub_register", "tlink/p/sub/register")),
        BOTH("tlink/sub/register_reply", TO("sub_register", "tlink/sub/register_reply")),
        BOTH("tlink/p/sub/login", TO("sub_status", "tlink/p/sub/login")),
        BOTH("tlink/p/sub/logins/x", TO("sub_status", "tlink/p/sub/logins/x")),
        BOTH("tlink/p/sub/logout", TO("msg", "tlink/p/sub/logout")),
        BOTH("tlink/p/d/OTA", TO("msg", "tlink/p/d/OTA")),
        BOTH("tlink/", TO("msg", "tlink/")),
        /* The first one that applies decides. */
        BOTH("tlink/ota/sub/register/sub/login", TO("ota", "tlink/ota/sub/register/sub/login")),
        BOTH("tlink/sub/login/sub/register", TO("sub_register", "tlink/sub/login/sub/register")),
        /* What does not begin with tlink/ is not forwarded. */
        BOTH("tlink", ""),
        BOTH("tlinks/ota", ""),
        BOTH("x/tlink/ota", ""),
        BOTH("/tlink/ota", ""),
        BOTH("Tlink/ota", ""),
        BOTH("ota", ""),
        BOTH("$SYS/tlink/ota", ""),
        {MQK_HOOK_MESSAGE_PUBLISH, "tlink/ota", ""},
        {MQK_HOOK_MESSAGE_DROPPED, "tlink/ota", ""},
        {MQK_HOOK_CLIENT_CONNECTED, "x",
         "tlink_device_status|connected|{\"action\":\"connected\",\"clientid\":\"c1\","
         "\"username\":\"u1\",\"keepalive\":60,\"ipaddress\":\"10.0.0.1\",\"proto_name\":\"MQTT\","
         "\"proto_ver\":5,\"timestamp\":" T ",\"online\":1}\n"},
        {MQK_HOOK_CLIENT_DISCONNECTED, "x",
         "tlink_device_status|disconnected|{\"action\":\"disconnected\",\"clientid\":\"c1\","
         "\"username\":\"u1\",\"reason\":\"normal\",\"timestamp\":" T ",\"online\":0}\n"},
    };
#undef BOTH
#undef TO
    WALK("tlink", rows);
    struct mqk_config *config = load("tlink");
    assert_int_equal(producer(config)->partitioner, PARTITIONER_MD5);
    config_unref(config);
}

/* One record on its way back. */
struct record_row {
    const char *rule, *key, *value;
    const char *command; /* NULL: an error in the log and nothing else */
};

static void write_command(const struct downlink_command *c, enum downlink_action action,
                          char text[TEXT_SIZE]) {
    const mqk_publish *p = &c->as.publish;
    const mqk_str username = action == DOWNLINK_KICK ? c->as.kick.username : c->as.clean.username;
    if (action == DOWNLINK_PUBLISH) {
        snprintf(text, TEXT_SIZE, "publish %.*s %.*s q%d r%d", STR_ARG(p->topic),
                 STR_ARG(p->payload), p->qos, p->retain);
    } else {
        snprintf(text, TEXT_SIZE, "%s %.*s", action == DOWNLINK_KICK ? "kick" : "clean",
                 STR_ARG(username));
    }
}

static void check_record(const struct settings *settings, const struct record_row *row) {
    size_t rule = 0;
    while (!str_equal(downlink_name(settings->downlink, rule), mqk_cstr(row->rule))) {
        rule++;
    }
    struct downlink_host host;
    struct downlink_command command;
    char text[TEXT_SIZE] = "";
    downlink_host_init(&host, STR(NODE));
    downlink_command_init(&command);
    command.record = (mqk_kafka_record){.size = sizeof(command.record),
                                        .topic = mqk_cstr(settings->consumers[rule].topics[0]),
                                        .timestamp_ms = 1700000000123,
                                        .ts_type = MQK_TS_CREATE,
                                        .key = mqk_cstr(row->key),
                                        .value = mqk_cstr(row->value)};
    enum downlink_verdict verdict = downlink_evaluate(settings->downlink, rule, &host, &command);
    if (verdict == DOWNLINK_COMMAND) {
        write_command(&command, downlink_action(settings->downlink, rule), text);
    }
    assert_string_equal(text, row->command ? row->command : "");
    assert_int_equal(verdict, row->command ? DOWNLINK_COMMAND : DOWNLINK_UNUSABLE);
    downlink_command_fini(&command);
}

static void tlink_downlink(void **state) {
    (void)state;
    static const struct record_row rows[] = {
        {"msg_down", "a/b", "\x01 any bytes", "publish a/b \x01 any bytes q0 r0"},
        {"msg_down", "a/b", NULL, "publish a/b  q0 r0"},
        {"msg_down", NULL, "x", NULL},
        {"msg_down", "a/#", "x", NULL},
        {"kick_out", NULL, "{\"username\":\"u1\"}", "kick u1"},
        {"kick_out", "k", "{\"username\":\"u1\",\"deviceName\":\"d\",\"productKey\":\"p\"}",
         "kick u1"},
        {"kick_out", NULL, "{\"username\":\"\",\"deviceName\":\"d\",\"productKey\":\"p\"}",
         "kick d&p"},
        {"kick_out", NULL, "{\"deviceName\":\"d\",\"productKey\":\"p\"}", "kick d&p"},
        {"kick_out", NULL, "{\"username\":null,\"deviceName\":\"d\",\"productKey\":\"p\"}",
         "kick d&p"},
        {"kick_out", NULL, "{\"deviceName\":\"d\"}", NULL},
        {"kick_out", NULL, "{\"productKey\":\"p\"}", NULL},
        {"kick_out", NULL, "{}", NULL},
        {"kick_out", NULL, "u1", NULL},
        {"kick_out", NULL, NULL, NULL},
        {"acl_clean", NULL, "{\"username\":\"u1\"}", "clean u1"},
        {"acl_clean", NULL, "{\"deviceName\":\"d\",\"productKey\":\"p\"}", "clean d&p"},
        {"acl_clean", NULL, "{\"username\":\"\"}", NULL},
    };
    struct mqk_config *config = load("tlink");
    const struct settings *settings = config_settings(config);
    assert_int_equal(settings->consumer_count, 3);
    for (size_t i = 0; i < settings->consumer_count; i++) {
        assert_string_equal(settings->consumers[i].group_id, "emqx_cluster");
        assert_int_equal(settings->consumers[i].offset_reset, OFFSET_RESET_EARLIEST);
        assert_int_equal(settings->consumers[i].commit_interval_ms, 5000);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_record(settings, &rows[i]);
    }
    config_unref(config);
}

static void emqx5_gen1(void **state) {
    (void)state;
    static const struct row rows[] = {
        {MQK_HOOK_MESSAGE_PUBLISH, "a/b",
         "mqtt_publish|c1|{\"clientid\":\"c1\",\"from\":\"s1\",\"username\":\"u1\","
         "\"topic\":\"a/b\"," PAYLOAD ",\"qos\":1,\"node\":\"" NODE "\",\"ts\":" T "}\n"},
        {MQK_HOOK_MESSAGE_PUBLISH, "raw/1",
         "mqtt_publish|c1|{\"clientid\":\"c1\",\"from\":\"s1\",\"username\":\"u1\","
         "\"topic\":\"raw/1\"," PAYLOAD ",\"qos\":1,\"node\":\"" NODE "\",\"ts\":" T "}\n"
         "mqtt_raw|NULL|eyJ0IjogMS4wfQ==\n"},
        {MQK_HOOK_MESSAGE_PUBLISH, "$SYS/brokers", ""},
        {MQK_HOOK_MESSAGE_DELIVERED, "device/1",
         "mqtt_delivered|s1|{\"clientid\":\"c1\",\"from\":\"s1\",\"topic\":\"device/1\",\"qos\":1,"
         "\"ts\":" T "}\n"},
        {MQK_HOOK_MESSAGE_DELIVERED, "devices/1", ""},
        {MQK_HOOK_CLIENT_CONNECTED, "x", "mqtt_status|c1|c1 of u1 is connected to " NODE "\n"},
    };
    WALK("emqx5-gen1", rows);
    struct mqk_config *config = load("emqx5-gen1");
    assert_string_equal(config_settings(config)->clusters[0].client_id, "emqx_kafka");
    assert_int_equal(config_settings(config)->lane_count, 2);
    assert_int_equal(producer(config)->produce, PRODUCE_SYNC);
    assert_int_equal(producer(config)->sync_timeout_ms, 3000);
    assert_int_equal(producer(config)->partitioner, PARTITIONER_RANDOM);
    assert_int_equal(config_settings(config)->lanes[1].producer.produce, PRODUCE_ASYNC);
    config_unref(config);
}

/* Each event of the table, with its members in their order. */
static void emqx5_gen2(void **state) {
    (void)state;
#define EVENT(kafka, event, members)                                                               \
    "mqtt_" kafka "|c1|{\"event\":\"" event "\",\"timestamp\":" T ",\"node\":\"" NODE              \
    "\"," members "}\n"
#define PROPS                                                                                      \
    "{\"Message-Expiry-Interval\":60,\"User-Property\":{\"a\":\"2\"},"                             \
    "\"User-Property-Pairs\":[{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"a\",\"value\":\"2\"}]}"
#define CLIENT   "\"clientid\":\"c1\",\"username\":\"u1\""
#define PEERHOST "\"peerhost\":\"10.0.0.1\""
#define PEER     "\"peername\":\"10.0.0.1:5000\",\"sockname\":\"10.0.0.9:1883\""
#define PROTO    "\"proto_name\":\"MQTT\",\"proto_ver\":5"
#define MESSAGE                                                                                    \
    PAYLOAD "," PEERHOST ",\"topic\":\"a/b\",\"qos\":1,\"flags\":{\"retain\":true,\"dup\":false}," \
            "\"pub_props\":" PROPS ",\"publish_received_at\":14"
#define DELIVERY                                                                                   \
    "\"id\":\"m1\",\"from_clientid\":\"s1\",\"from_username\":\"su1\"," CLIENT "," MESSAGE
    static const struct row rows[] = {
        {MQK_HOOK_CLIENT_CONNECT, "x",
         EVENT("clients", "client.connect",
               PEER "," PROTO ",\"keepalive\":60,\"clean_start\":true,\"receive_maximum\":10,"
                    "\"expiry_interval\":300,\"conn_props\":" PROPS)},
        {MQK_HOOK_CLIENT_CONNACK, "x",
         EVENT("clients", "client.connack",
               "\"reason_code\":\"success\",\"clientid\":\"c1\",\"clean_start\":true,"
               "\"username\":\"u1\"," PEER "," PROTO ",\"keepalive\":60,\"expiry_interval\":300,"
               "\"conn_props\":" PROPS)},
        {MQK_HOOK_CLIENT_CONNECTED, "x",
         EVENT("clients", "client.connected",
               CLIENT ",\"mountpoint\":\"mp/\"," PEER "," PROTO ",\"keepalive\":60,"
                      "\"clean_start\":true,\"receive_maximum\":10,\"expiry_interval\":300,"
                      "\"is_bridge\":false,\"conn_props\":" PROPS ",\"connected_at\":11")},
        {MQK_HOOK_CLIENT_DISCONNECTED, "x",
         EVENT("clients", "client.disconnected",
               "\"reason\":\"normal\"," CLIENT "," PEER "," PROTO ",\"disconn_props\":" PROPS
               ",\"disconnected_at\":12")},
        {MQK_HOOK_CLIENT_AUTHENTICATE, "x",
         EVENT("clients", "client.authenticate", CLIENT "," PEERHOST ",\"result\":\"allow\"")},
        {MQK_HOOK_CLIENT_AUTHORIZE, "a/b",
         EVENT("clients", "client.authorize",
               CLIENT "," PEERHOST
                      ",\"topic\":\"a/b\",\"action\":\"publish\",\"result\":\"allow\"")},
        {MQK_HOOK_CLIENT_CHECK_AUTHZ_COMPLETE, "a/b",
         EVENT("clients", "client.check_authz_complete",
               CLIENT "," PEERHOST ",\"topic\":\"a/b\",\"action\":\"publish\","
                      "\"authz_source\":\"file\",\"result\":\"allow\"")},
        {MQK_HOOK_SESSION_CREATED, "x",
         EVENT("sessions", "session.created",
               CLIENT "," PEERHOST ",\"session_id\":\"sid1\",\"created_at\":13")},
        {MQK_HOOK_SESSION_SUBSCRIBED, "a/#",
         EVENT("sessions", "session.subscribed",
               CLIENT "," PEERHOST ",\"sub_props\":" PROPS ",\"topic\":\"a/#\",\"qos\":1")},
        {MQK_HOOK_SESSION_UNSUBSCRIBED, "a/#",
         EVENT("sessions", "session.unsubscribed",
               CLIENT "," PEERHOST ",\"unsub_props\":" PROPS ",\"topic\":\"a/#\",\"qos\":1")},
        {MQK_HOOK_SESSION_RESUMED, "x", EVENT("sessions", "session.resumed", CLIENT "," PEERHOST)},
        {MQK_HOOK_SESSION_DISCARDED, "x",
         EVENT("sessions", "session.discarded", CLIENT "," PEERHOST)},
        {MQK_HOOK_SESSION_TAKENOVER, "x",
         EVENT("sessions", "session.takenover", CLIENT "," PEERHOST)},
        {MQK_HOOK_SESSION_TERMINATED, "x",
         EVENT("sessions", "session.terminated", CLIENT "," PEERHOST ",\"reason\":\"normal\"")},
        {MQK_HOOK_MESSAGE_PUBLISH, "a/b",
         EVENT("messages", "message.publish", "\"id\":\"m1\"," CLIENT "," MESSAGE)},
        {MQK_HOOK_MESSAGE_DROPPED, "a/b",
         EVENT("messages", "message.dropped",
               "\"id\":\"m1\"," CLIENT "," MESSAGE ",\"by_node\":\"n2@h\",\"reason\":\"normal\"")},
        {MQK_HOOK_MESSAGE_DELIVERED, "a/b", EVENT("messages", "message.delivered", DELIVERY)},
        {MQK_HOOK_MESSAGE_ACKED, "a/b",
         EVENT("messages", "message.acked",
               DELIVERY ",\"puback_props\":{\"Reason-String\":\"fine\"}")},
        {MQK_HOOK_MESSAGE_PUBLISH, "$SYS/brokers", ""},
    };
    WALK("emqx5-gen2", rows);
    struct mqk_config *config = load("emqx5-gen2");
    assert_int_equal(producer(config)->partitioner, PARTITIONER_RANDOM);
    assert_int_equal(producer(config)->max_batch_bytes, 896 * 1024);
    config_unref(config);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emqttd),         cmocka_unit_test(emq2),
        cmocka_unit_test(emqx4),          cmocka_unit_test(tlink),
        cmocka_unit_test(tlink_downlink), cmocka_unit_test(emqx5_gen1),
        cmocka_unit_test(emqx5_gen2),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
