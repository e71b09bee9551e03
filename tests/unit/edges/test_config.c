/* SPDX-License-Identifier: Apache-2.0 */
/* What good configurations mean. */
#include "config_testing.h"

static const struct cluster_settings *only_cluster(const struct mqk_config *config) {
    assert_int_equal(config_settings(config)->cluster_count, 1);
    return &config_settings(config)->clusters[0];
}

static const struct producer_settings *lane_of(const struct mqk_config *config, size_t rule) {
    const struct settings *s = config_settings(config);
    return &s->lanes[ruleset_rule(s->rules, rule)->lane].producer;
}

static void assert_text(mqk_str text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

/* One record of a message.publish, as "topic|key|value|name=value,…|timestamp". */
static bool show_record(void *user, const struct rendered_record *r) {
    struct buffer *out = user;
    buffer_printf(out, "%.*s|%.*s|%.*s|", STR_ARG(r->topic), STR_ARG(r->key), STR_ARG(r->value));
    for (size_t i = 0; i < r->header_count; i++) {
        buffer_printf(out, "%.*s=%.*s,", STR_ARG(r->headers[i].name),
                      r->headers[i].value.data ? (int)r->headers[i].value.len : 4,
                      r->headers[i].value.data ? r->headers[i].value.data : "null");
    }
    buffer_printf(out, "|%lld\n", (long long)r->timestamp_ms);
    return true;
}

static void assert_records(const struct mqk_config *config, mqk_hook hook, const char *expected) {
    mqk_event event;
    const struct ruleset_host host = {.node = STR("node-1")};
    char memory[2000];
    struct buffer out;
    buffer_init(&out, memory, sizeof(memory));
    event_init(&event, sizeof(event), hook);
    event.clientid = STR("c1");
    event.topic = STR("a/b");
    event.payload = STR("hi");
    event.timestamp = 1700000000123;
    assert_true(
        ruleset_evaluate(config_settings(config)->rules, &event, &host, show_record, &out) >= 0);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_fini(&out);
}

static void defaults(void **state) {
    (void)state;
    struct mqk_config *config = load_good("kafka:\n"
                                          "  client: {servers: [k]}\n"
                                          "  hook: [{hook: message.publish, topic: t}]\n");
    const struct cluster_settings *c = only_cluster(config);
    assert_string_equal(c->name, "default");
    assert_string_equal(c->client_id, "mqkafka");
    assert_string_equal(c->servers, "k:9092");
    assert_false(c->embedded);
    assert_int_equal(c->connect_timeout_ms, 0);
    assert_int_equal(c->request_timeout_ms, 0);
    assert_int_equal(c->metadata_fast_ms, 0);
    assert_int_equal(c->metadata_refresh_ms, 0);
    assert_int_equal(c->mechanism, SASL_NONE);
    assert_null(c->username);
    assert_null(c->password);
    assert_false(c->tls);
    assert_int_equal(c->property_count, 0);
    const struct settings *s = config_settings(config);
    assert_int_equal(s->lane_count, 1);
    assert_int_equal(s->lanes[0].cluster, 0);
    assert_int_equal(s->warning_count, 0);
    const struct producer_settings expected = {.produce = PRODUCE_ASYNC,
                                               .sync_timeout_ms = 3000,
                                               .acks = ACKS_ALL,
                                               .compression = COMPRESSION_NONE,
                                               .partitioner = PARTITIONER_MURMUR2,
                                               .linger_ms = 20,
                                               .message_ttl_ms = 0,
                                               .mode = BUFFER_MEMORY,
                                               .buffer_bytes = 64 << 20,
                                               .when_full = WHEN_FULL_DROP_OLDEST,
                                               .disk_bytes = INT64_C(2) << 30,
                                               .sync_ms = 10,
                                               .max_batch_bytes = 0};
    assert_string_equal(s->lanes[0].name, "main");
    assert_true(producer_settings_equal(&s->lanes[0].producer, &expected));
    assert_int_equal(ruleset_size(s->rules), 1);
    const struct rule_info *rule = ruleset_rule(s->rules, 0);
    assert_text(rule->name, "hook[0]");
    assert_text(rule->cluster, "default");
    assert_int_equal(rule->max_topics, 1000);
    config_unref(config);
}

static void every_setting(void **state) {
    (void)state;
    struct mqk_config *config =
        load_good("kafka:\n"
                  "  client:\n"
                  "    client_id: gw-1\n"
                  "    servers: [\"kafka-1\", 'kafka_2.example:9093', \"10.0.0.1:1\", \"[::1]\"]\n"
                  "    connect_timeout: 5s\n"
                  "    connection_strategy: per_broker\n"
                  "    min_metadata_refresh_interval: 3s\n"
                  "    query_api_versions: true\n"
                  "    request_timeout: 1.5s\n"
                  "    health_check_interval: 32s\n"
                  "    sasl: {mechanism: plain, username: mq, password: \"p w\"}\n"
                  "    ssl: {enable: true, verify: true, server_name_indication: disable}\n"
                  "    properties: [\"socket.keepalive.enable=true\", \"client.rack = r=1\"]\n"
                  "  producer:\n"
                  "    produce: sync\n"
                  "    produce_sync_timeout: 2500\n"
                  "    acks: leader\n"
                  "    compression: zstd\n"
                  "    partitioner: roundrobin\n"
                  "    encode_payload_type: base64\n"
                  "    linger: 7\n"
                  "    message_ttl: 10m\n"
                  "    max_batch_bytes: 896KB\n"
                  "    buffer: {mode: hybrid, memory: 1MB, records: 5000, when_full: refuse,\n"
                  "             dir: \"/var/spool/${node}\", disk: 3GB, sync: always}\n"
                  "    dead_letter: mqtt.dead\n"
                  "  hook:\n"
                  "    - name: all\n"
                  "      cluster: default\n"
                  "      hook: \"message.publish\"\n"
                  "      filters: [\"x/#\", \"a/+\"]\n"
                  "      topic: \"t.${clientid}\"\n"
                  "      key: \"${clientid}\"\n"
                  "      value: '{\"p\":\"${payload}\"}'\n"
                  "      value_format: json\n"
                  "      headers:\n"
                  "        - {name: node, value: \"${node}\"}\n"
                  "        - {name: node}\n"
                  "      timestamp: \"42\"\n"
                  "      stop: true\n"
                  "      max_topics: 7\n"
                  "    - {hook: message.publish, topic: never}\n"
                  "  consumer: []\n");
    const struct cluster_settings *c = only_cluster(config);
    assert_string_equal(c->client_id, "gw-1");
    assert_string_equal(c->servers, "kafka-1:9092,kafka_2.example:9093,10.0.0.1:1,[::1]:9092");
    assert_int_equal(c->connect_timeout_ms, 5000);
    assert_int_equal(c->request_timeout_ms, 1500);
    assert_int_equal(c->metadata_fast_ms, 3000);
    assert_int_equal(c->metadata_refresh_ms, 32000);
    assert_int_equal(c->mechanism, SASL_PLAIN);
    assert_string_equal(c->username, "mq");
    assert_string_equal(c->password, "p w");
    assert_true(c->tls);
    assert_null(c->cacertfile);
    assert_true(c->verify);
    assert_false(c->verify_hostname);
    assert_int_equal(c->property_count, 2);
    assert_string_equal(c->properties[0].name, "socket.keepalive.enable");
    assert_string_equal(c->properties[0].value, "true");
    assert_string_equal(c->properties[1].name, "client.rack");
    assert_string_equal(c->properties[1].value, "r=1");
    const struct producer_settings expected = {.produce = PRODUCE_SYNC,
                                               .sync_timeout_ms = 2500,
                                               .acks = ACKS_LEADER,
                                               .compression = COMPRESSION_ZSTD,
                                               .partitioner = PARTITIONER_ROUNDROBIN,
                                               .linger_ms = 7,
                                               .message_ttl_ms = 600000,
                                               .mode = BUFFER_HYBRID,
                                               .buffer_bytes = 1 << 20,
                                               .buffer_records = 5000,
                                               .when_full = WHEN_FULL_REFUSE,
                                               .spool_dir = "/var/spool/${node}",
                                               .disk_bytes = INT64_C(3) << 30,
                                               .sync_ms = 0,
                                               .max_batch_bytes = 896 << 10,
                                               .dead_letter = "mqtt.dead"};
    assert_true(producer_settings_equal(lane_of(config, 0), &expected));
    const struct rule_info *rule = ruleset_rule(config_settings(config)->rules, 0);
    assert_text(rule->name, "all");
    assert_int_equal(rule->max_topics, 7);
    assert_records(config, MQK_HOOK_MESSAGE_PUBLISH,
                   "t.c1|c1|{\"p\":\"aGk=\"}|node=node-1,node=null,|42\n");
    config_unref(config);
}

/* Where what waits stands on the disk, and what names a lane there. */
static void spools(void **state) {
    (void)state;
    static const char rule[] = "  hook:\n"
                               "    - {hook: message.publish, topic: a}\n"
                               "    - {hook: message.publish, topic: b, producer: {linger: 1ms}}\n"
                               "    - {hook: message.publish, topic: c, producer: {acks: all}}\n";
    static const struct {
        const char *producer;
        enum buffer_mode mode;
        const char *dir;
        int64_t sync_ms;
    } cases[] = {
        {"replayq_dir: /q", BUFFER_DISK, "/q/${node}", 10},
        {"replayq_dir: /q, buffer: {mode: hybrid}", BUFFER_HYBRID, "/q/${node}", 10},
        {"replayq_dir: /q, buffer: {dir: /d, sync: 1s}", BUFFER_DISK, "/d", 1000},
        {"buffer: {mode: disk, dir: /d, sync: 5ms}", BUFFER_DISK, "/d", 5},
        {"buffer: {mode: memory, dir: /d}", BUFFER_MEMORY, "/d", 10},
    };
    char other[24] = "";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char yaml[1024];
        snprintf(yaml, sizeof(yaml), "kafka:\n  client: {servers: [\"k\"]}\n  producer: {%s}\n%s",
                 cases[i].producer, rule);
        struct mqk_config *config = load_good(yaml);
        const struct settings *s = config_settings(config);
        const struct producer_settings *p = &s->lanes[0].producer;
        assert_int_equal(p->mode, cases[i].mode);
        assert_string_equal(p->spool_dir, cases[i].dir);
        assert_int_equal(p->sync_ms, cases[i].sync_ms);
        /* The third rule says nothing that is not so anyway. */
        assert_int_equal(s->lane_count, 2);
        assert_string_equal(s->lanes[0].name, "main");
        assert_int_equal(s->lanes[1].name[0], 'p');
        assert_string_not_equal(s->lanes[1].name, other);
        strcpy(other, s->lanes[1].name);
        config_unref(config);
        config = load_good(yaml);
        assert_string_equal(config_settings(config)->lanes[1].name, other);
        config_unref(config);
    }
}

/* The example of the first generation of the plugins that we take over, line by line. */
static void first_generation(void **state) {
    (void)state;
    struct mqk_config *config =
        load_good("kafka:\n"
                  "  client:\n"
                  "    client_id: emqx_kafka\n"
                  "    servers: [\"10.3.64.223:9092\", \"10.3.64.223:9192\"]\n"
                  "    connection_strategy: per_partition\n"
                  "    min_metadata_refresh_interval: 5s\n"
                  "    query_api_versions: true\n"
                  "    request_timeout: 3s\n"
                  "    ssl: {enable: false, verify: verify_none}\n"
                  "  producer:\n"
                  "    produce: sync\n"
                  "    produce_sync_timeout: 3000\n"
                  "    encode_payload_type: plain\n"
                  "    partitioner: random\n"
                  "    compression: no_compression\n"
                  "  hook:\n"
                  "    - hook: client.connected\n"
                  "      topic: emqx_connected\n"
                  "    - hook: message.publish\n"
                  "      filter: \"a/#\"\n"
                  "      topic: emqx_publish\n"
                  "      key: \"${clientid}\"\n"
                  "      value: \"${payload} ${ts}\"\n"
                  "      producer: {encode_payload_type: base64, compression: gzip}\n"
                  "    - {hook: session.takeovered, topic: s}\n"
                  "    - {hook: client.check_acl, topic: c}\n");
    const struct cluster_settings *c = only_cluster(config);
    assert_string_equal(c->client_id, "emqx_kafka");
    assert_string_equal(c->servers, "10.3.64.223:9092,10.3.64.223:9192");
    assert_false(c->tls);
    assert_int_equal(config_settings(config)->lane_count, 2);
    assert_int_equal(lane_of(config, 0)->produce, PRODUCE_SYNC);
    assert_int_equal(lane_of(config, 0)->partitioner, PARTITIONER_RANDOM);
    assert_int_equal(lane_of(config, 0)->compression, COMPRESSION_NONE);
    assert_int_equal(lane_of(config, 1)->produce, PRODUCE_SYNC);
    assert_int_equal(lane_of(config, 1)->compression, COMPRESSION_GZIP);
    assert_ptr_equal(lane_of(config, 2), lane_of(config, 0));
    assert_records(config, MQK_HOOK_MESSAGE_PUBLISH,
                   "emqx_publish|c1|aGk= 1700000000123||1700000000123\n");
    assert_int_equal(config_settings(config)->warning_count, 1);
    assert_string_equal(config_settings(config)->warnings[0],
                        "r.yaml:5:26: kafka.client.connection_strategy: \"per_partition\" has no "
                        "effect: librdkafka keeps one connection to each broker");
    config_unref(config);
}

static void second_generation(void **state) {
    (void)state;
    struct mqk_config *config =
        load_good("kafka:\n"
                  "  connection:\n"
                  "    client_id: kafka_client\n"
                  "    bootstrap_hosts: [\"10.3.64.223:9092\", \"10.3.64.223:9192\"]\n"
                  "    connect_timeout: 5s\n"
                  "    connection_strategy: per_broker\n"
                  "    min_metadata_refresh_interval: 5s\n"
                  "    query_api_versions: true\n"
                  "    request_timeout: 3s\n"
                  "    sasl: {mechanism: plain, username: user, password: secret}\n"
                  "    ssl: {enable: false}\n"
                  "    health_check_interval: 32s\n"
                  "  producer:\n"
                  "    max_batch_bytes: 896KB\n"
                  "    compression: no_compression\n"
                  "    partition_strategy: random\n"
                  "    encode_payload_type: plain\n"
                  "  hooks:\n"
                  "    - endpoint: message.publish\n"
                  "      filter: \"a/#\"\n"
                  "      kafka_topic: telemetry\n"
                  "      kafka_message:\n"
                  "        timestamp: \"${.timestamp}\"\n"
                  "        value: \"${.payload}\"\n"
                  "        key: \"${.clientid}\"\n"
                  "    - {endpoint: client.connected, kafka_topic: presence}\n");
    const struct cluster_settings *c = only_cluster(config);
    assert_string_equal(c->servers, "10.3.64.223:9092,10.3.64.223:9192");
    assert_int_equal(c->connect_timeout_ms, 5000);
    assert_int_equal(c->metadata_refresh_ms, 32000);
    assert_int_equal(c->mechanism, SASL_PLAIN);
    assert_int_equal(lane_of(config, 0)->max_batch_bytes, 896 << 10);
    assert_int_equal(lane_of(config, 0)->partitioner, PARTITIONER_RANDOM);
    assert_int_equal(config_settings(config)->lane_count, 1);
    assert_records(config, MQK_HOOK_MESSAGE_PUBLISH, "telemetry|c1|hi||1700000000123\n");
    config_unref(config);
}

static void other_names_of_words(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum acks acks;
    } cases[] = {
        {IN_PRODUCER("acks: all"), ACKS_ALL},
        {IN_PRODUCER("acks: all_isr"), ACKS_ALL},
        {IN_PRODUCER("acks: leader_only"), ACKS_LEADER},
        {IN_PRODUCER("acks: \"none\""), ACKS_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mqk_config *config = load_good(cases[i].text);
        assert_int_equal(lane_of(config, 0)->acks, cases[i].acks);
        config_unref(config);
    }
}

/* A rule goes by its own settings, then its cluster's, then the common ones; rules that end up with
 * the same settings for the same cluster share a lane. */
static void lanes(void **state) {
    (void)state;
    struct mqk_config *config =
        load_good("kafka:\n"
                  "  producer: {compression: gzip, linger: 1ms, buffer: {memory: 1MB}}\n"
                  "  clusters:\n"
                  "    - name: eu\n"
                  "      servers: [k]\n"
                  "    - name: us\n"
                  "      servers: [j]\n"
                  "      producer: {compression: lz4, buffer: {when_full: refuse}}\n"
                  "  hook:\n"
                  "    - {hook: message.publish, topic: t, cluster: eu}\n"
                  "    - {hook: message.publish, topic: t, cluster: us}\n"
                  "    - {hook: message.publish, topic: t, cluster: us, producer: {linger: 2ms}}\n"
                  "    - {hook: message.publish, topic: t, cluster: eu, producer: {linger: 1ms}}\n"
                  "    - {hook: message.publish, topic: t, cluster: us, producer: {acks: none}}\n"
                  "    - {hook: message.publish, topic: t, cluster: us, producer: {linger: 2}}\n");
    const struct settings *s = config_settings(config);
    assert_int_equal(s->lane_count, 4);
    static const uint32_t expected[] = {0, 1, 2, 0, 3, 2};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(ruleset_rule(s->rules, i)->lane, expected[i]);
    }
    assert_int_equal(s->lanes[0].cluster, 0);
    assert_int_equal(s->lanes[0].producer.compression, COMPRESSION_GZIP);
    assert_int_equal(s->lanes[0].producer.when_full, WHEN_FULL_DROP_OLDEST);
    assert_int_equal(s->lanes[1].cluster, 1);
    assert_int_equal(s->lanes[1].producer.compression, COMPRESSION_LZ4);
    assert_int_equal(s->lanes[1].producer.linger_ms, 1);
    assert_int_equal(s->lanes[1].producer.buffer_bytes, 1 << 20);
    assert_int_equal(s->lanes[1].producer.when_full, WHEN_FULL_REFUSE);
    assert_int_equal(s->lanes[2].producer.linger_ms, 2);
    assert_int_equal(s->lanes[2].producer.compression, COMPRESSION_LZ4);
    assert_int_equal(s->lanes[2].producer.buffer_bytes, 1 << 20);
    assert_int_equal(s->lanes[3].producer.acks, ACKS_NONE);
    assert_text(ruleset_rule(s->rules, 1)->cluster, "us");
    config_unref(config);
}

static void embedded_kafka(void **state) {
    (void)state;
    struct mqk_config *config = load_good("kafka:\n"
                                          "  client: {servers: [embedded]}\n"
                                          "  hook: [{hook: message.publish, topic: t}]\n");
    assert_true(only_cluster(config)->embedded);
    assert_string_equal(only_cluster(config)->servers, "embedded");
    config_unref(config);
}

static void byte_order_mark_and_crlf(void **state) {
    (void)state;
    struct mqk_config *config = load_good("\xEF\xBB\xBFkafka:\r\n  client: {servers: [k]}\r\n"
                                          "  hook: [{hook: message.publish, topic: t}]\r\n");
    assert_string_equal(only_cluster(config)->servers, "k:9092");
    config_unref(config);
}

/* Each changes one thing of the first. */
static void which_clusters_are_equal(void **state) {
    (void)state;
    static const char *const others[] = {
        IN_CLIENT("client_id: a"),
        IN_CLIENT("request_timeout: 1s"),
        IN_CLIENT("connect_timeout: 1s"),
        IN_CLIENT("health_check_interval: 1s"),
        IN_CLIENT("min_metadata_refresh_interval: 1s"),
        IN_CLIENT("sasl: {mechanism: plain, username: u, password: p}"),
        IN_CLIENT("sasl: {mechanism: plain, username: u, password: q}"),
        IN_CLIENT("ssl: {enable: true}"),
        IN_CLIENT("ssl: {enable: true, verify: false}"),
        IN_CLIENT("ssl: {enable: true, server_name_indication: disable}"),
        IN_CLIENT("properties: [client.rack=a]"),
        IN_CLIENT("properties: [client.rack=b]"),
        AS_SERVERS("[j]"),
        AS_SERVERS("[embedded]"),
    };
    enum { COUNT = sizeof(others) / sizeof(others[0]) };
    struct mqk_config *configs[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        configs[i] = load_good(others[i]);
        struct mqk_config *again = load_good(others[i]);
        assert_true(cluster_settings_equal(only_cluster(configs[i]), only_cluster(again)));
        config_unref(again);
        for (size_t j = 0; j < i; j++) {
            assert_false(
                cluster_settings_equal(only_cluster(configs[i]), only_cluster(configs[j])));
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        config_unref(configs[i]);
    }
}

static void references(void **state) {
    (void)state;
    struct mqk_config *config = load_good(IN_CLIENT("client_id: a"));
    assert_ptr_equal(config_ref(config), config);
    config_unref(config);
    assert_string_equal(only_cluster(config)->client_id, "a");
    config_unref(config);
    config_unref(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_setting),
        cmocka_unit_test(spools),
        cmocka_unit_test(first_generation),
        cmocka_unit_test(second_generation),
        cmocka_unit_test(other_names_of_words),
        cmocka_unit_test(lanes),
        cmocka_unit_test(embedded_kafka),
        cmocka_unit_test(byte_order_mark_and_crlf),
        cmocka_unit_test(which_clusters_are_equal),
        cmocka_unit_test(references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
