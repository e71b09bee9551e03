/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: files, several sources, secrets, the order of problems, limits. */
#include "config_testing.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int make_dir(void **state) {
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/mqk-config-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state) {
    char command[100];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static const char *write_file(const char *name, const char *data, size_t len) {
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void merging(void **state) {
    (void)state;
    const mqk_str texts[] = {
        TEXT("kafka:\n"
             "  client:\n"
             "    client_id: one\n"
             "    servers: [a, b]\n"
             "    request_timeout: 1s\n"
             "    ssl: {enable: true, verify: false}\n"
             "    properties: [client.rack=a]\n"
             "  producer: {linger: 1ms, buffer: {memory: 1MB, when_full: refuse}}\n"
             "  hook: [{hook: message.publish, topic: first}]\n"),
        TEXT("kafka:\n"
             "  connection:\n"
             "    client_id: two\n"
             "    bootstrap_hosts: [c]\n"
             "    ssl: {verify: true}\n"
             "  producer: {acks: leader, buffer: {memory: 2MB}}\n"),
        TEXT("kafka:\n"
             "  hooks:\n"
             "    - {hook: message.publish, topic: second, name: named}\n"
             "    - {hook: message.publish, topic: third}\n"),
    };
    struct told told;
    struct mqk_config *config;
    assert_int_equal(load_texts(texts, 3, &told, &config), MQK_OK);
    const struct settings *s = config_settings(config);
    assert_int_equal(s->cluster_count, 1);
    assert_string_equal(s->clusters[0].client_id, "two");
    assert_string_equal(s->clusters[0].servers, "c:9092");
    assert_int_equal(s->clusters[0].request_timeout_ms, 1000);
    assert_true(s->clusters[0].tls);
    assert_true(s->clusters[0].verify);
    assert_int_equal(s->clusters[0].property_count, 1);
    assert_int_equal(s->lane_count, 1);
    assert_int_equal(s->lanes[0].producer.linger_ms, 1);
    assert_int_equal(s->lanes[0].producer.acks, ACKS_LEADER);
    assert_int_equal(s->lanes[0].producer.buffer_bytes, 2 << 20);
    assert_int_equal(s->lanes[0].producer.when_full, WHEN_FULL_REFUSE);
    static const char *const names[] = {"hook[0]", "named", "hook[2]"};
    assert_int_equal(ruleset_size(s->rules), 3);
    for (size_t i = 0; i < 3; i++) {
        mqk_str name = ruleset_rule(s->rules, i)->name;
        assert_int_equal(name.len, strlen(names[i]));
        assert_memory_equal(name.data, names[i], name.len);
    }
    config_unref(config);
}

static void merging_clusters(void **state) {
    (void)state;
    const mqk_str texts[] = {
        TEXT("kafka:\n"
             "  clusters: [{name: eu, servers: [a], producer: {linger: 1ms, acks: none}}]\n"
             "  hook: [{hook: message.publish, topic: t, cluster: eu}]\n"),
        TEXT("kafka:\n"
             "  clusters:\n"
             "    - {name: us, servers: [b]}\n"
             "    - {name: eu, client_id: e, producer: {linger: 2ms}}\n"
             "  hook: [{hook: message.publish, topic: t, cluster: us}]\n"),
    };
    struct told told;
    struct mqk_config *config;
    assert_int_equal(load_texts(texts, 2, &told, &config), MQK_OK);
    const struct settings *s = config_settings(config);
    assert_int_equal(s->cluster_count, 2);
    assert_string_equal(s->clusters[0].name, "eu");
    assert_string_equal(s->clusters[0].servers, "a:9092");
    assert_string_equal(s->clusters[0].client_id, "e");
    assert_string_equal(s->clusters[1].name, "us");
    assert_int_equal(s->lanes[0].producer.linger_ms, 2);
    assert_int_equal(s->lanes[0].producer.acks, ACKS_NONE);
    config_unref(config);
}

/* Problems say which file, and where in that file the setting stands that counts. */
static void problems_of_several_sources(void **state) {
    (void)state;
    const mqk_str texts[] = {
        TEXT("kafka:\n"
             "  client: {servers: [a], ssl: {enable: true, cacertfile: /nonexistent/1}}\n"
             "  producer: {message_ttl: 10ms}\n"
             "  hook: [{hook: message.publish, topic: t}]\n"),
        TEXT("kafka:\n"
             "  client: {ssl: {cacertfile: /nonexistent/2}}\n"
             "  producer: {linger: 10ms}\n"
             "  hook:\n"
             "    - {hook: message.publish, topic: t}\n"
             "    - {hook: message.publish, topic: \"${\", key: \"${nix}\"}\n"),
    };
    struct told told;
    struct mqk_config *config;
    load_texts(texts, 2, &told, &config);
    assert_string_equal(
        told.text,
        "CONFIG r.yaml:3:27: kafka.producer.message_ttl: records would expire while they linger; "
        "message_ttl must be longer than linger (10ms)\n"
        "IO s.yaml:2:30: kafka.client.ssl.cacertfile: cannot read \"/nonexistent/2\": No such "
        "file or directory\n"
        "CONFIG s.yaml:6:39: kafka.hook[1].topic: a Kafka topic name consists of a-z, A-Z, 0-9, "
        "\".\", \"_\" and \"-\"\n"
        "TEMPLATE s.yaml:6:52: kafka.hook[1].key: unknown field \"nix\"");
}

static void syntax_errors_of_all_sources(void **state) {
    (void)state;
    const mqk_str texts[] = {TEXT("kafka: [\n"), TEXT("kafka: {a: 1}\n"), TEXT("kafka: \"\n")};
    struct told told;
    struct mqk_config *config;
    assert_int_equal(load_texts(texts, 3, &told, &config), MQK_ERR_SYNTAX);
    assert_int_equal(told.count, 3);
    assert_non_null(strstr(told.text, "\nCONFIG s.yaml:1:9: kafka: unknown key \"a\""));
    assert_non_null(strstr(told.text, "\nSYNTAX t.yaml:"));
}

static void all_problems_in_order(void **state) {
    (void)state;
    const mqk_str text = TEXT("kafka:\n"
                              "  producer:\n"
                              "    acks: some\n"
                              "    linger: long\n"
                              "  hook:\n"
                              "    - hook: message.publish\n"
                              "      where: x\n"
                              "    - topic: t\n"
                              "  consumer: [x]\n"
                              "  client: {servers: []}\n");
    struct told told;
    struct mqk_config *config;
    load_texts(&text, 1, &told, &config);
    assert_string_equal(
        told.text,
        "CONFIG r.yaml:3:11: kafka.producer.acks: \"some\" is not accepted (accepted: all, leader, "
        "none)\n"
        "CONFIG r.yaml:4:13: kafka.producer.linger: \"long\": expected a duration such as 500ms, "
        "10s, 5m, 1h or 2d\n"
        "CONFIG r.yaml:6:7: kafka.hook[0]: \"topic\" is missing\n"
        "TEMPLATE r.yaml:7:14: kafka.hook[0].where: unknown field \"x\"; a text is written in "
        "quotes\n"
        "CONFIG r.yaml:8:7: kafka.hook[1]: \"hook\" is missing\n"
        "CONFIG r.yaml:9:14: kafka.consumer[0]: expected a mapping (\"key: value\"), not a text\n"
        "CONFIG r.yaml:10:21: kafka.client.servers: the list is empty; name at least one server, "
        "e.g. \"kafka-1:9092\"");
}

static void thousands_of_problems(void **state) {
    (void)state;
    enum { LINES = 5000 };
    char *text = malloc(LINES * 8);
    size_t len = (size_t)sprintf(text, "kafka:\n");
    for (int i = 0; i < LINES; i++) {
        len += (size_t)sprintf(text + len, " %04d:\n", i);
    }
    struct told told;
    struct mqk_config *config;
    mqk_str source = {text, len};
    assert_int_equal(load_texts(&source, 1, &told, &config), MQK_ERR_CONFIG);
    assert_int_equal(told.count, 1001);
    assert_int_equal(told.first.line, 2);
    free(text);
}

static void assert_password(const char *setting, const char *expected, const char *expected_error) {
    char text[600];
    struct told told;
    struct mqk_config *config;
    snprintf(text, sizeof(text),
             IN_CLIENT("sasl: {mechanism: plain, username: u, password: \"%s\"}\n"
                       "    ssl: {enable: true, certfile: /dev/null, keyfile: /dev/null, "
                       "key_password: \"%s\"}"),
             setting, setting);
    mqk_str source = mqk_cstr(text);
    mqk_status status = load_texts(&source, 1, &told, &config);
    if (expected) {
        assert_int_equal(status, MQK_OK);
        assert_string_equal(config_settings(config)->clusters[0].password, expected);
        assert_string_equal(config_settings(config)->clusters[0].key_password, expected);
        config_unref(config);
    } else {
        assert_int_not_equal(status, MQK_OK);
        assert_int_equal(told.first.line, 6);
        assert_int_equal(told.first.column, 53);
        const char *sentence = strstr(told.first.message, "password: ");
        assert_non_null(sentence);
        assert_string_equal(sentence + strlen("password: "), expected_error);
    }
    assert_null(strstr(told.text, "hunter2"));
}

static void assert_secret_file(const char *content, size_t len, const char *expected,
                               const char *expected_error) {
    char setting[200];
    char error[300];
    snprintf(setting, sizeof(setting), "file://%s", write_file("secret", content, len));
    snprintf(error, sizeof(error), expected_error ? expected_error : "%s",
             setting + strlen("file://"));
    assert_password(setting, expected, error);
}

static void secrets_in_files(void **state) {
    (void)state;
    static char large[(64 << 10) + 1];
    memset(large, 'x', sizeof(large));
    assert_secret_file("hunter2", 7, "hunter2", NULL);
    assert_secret_file("hunter2\n", 8, "hunter2", NULL);
    assert_secret_file("hunter2\r\n", 9, "hunter2", NULL);
    assert_secret_file("hunter2\n\n", 9, "hunter2\n", NULL);
    assert_secret_file(" p\xFF w ", 6, " p\xFF w ", NULL);
    assert_secret_file("", 0, NULL, "the file \"%s\" is empty");
    assert_secret_file("\n", 1, NULL, "the file \"%s\" is empty");
    assert_secret_file("hunter2\0x", 9, NULL, "the file \"%s\" contains a NUL byte");
    assert_secret_file(large, sizeof(large), NULL,
                       "cannot read the secret from \"%s\": larger than 65536 bytes");
}

/* Nobody writes into it: opening must not wait for one. */
static void secret_in_a_pipe(void **state) {
    (void)state;
    char setting[200];
    char error[300];
    snprintf(setting, sizeof(setting), "file://%s/pipe", dir);
    assert_int_equal(mkfifo(setting + strlen("file://"), 0600), 0);
    snprintf(error, sizeof(error), "cannot read the secret from \"%s\": not a regular file",
             setting + strlen("file://"));
    assert_password(setting, NULL, error);
}

static void secrets_in_variables(void **state) {
    (void)state;
    setenv("MQK_TEST_SECRET", "hunter2", 1);
    setenv("MQK_TEST_EMPTY", "", 1);
    assert_password("env:MQK_TEST_SECRET", "hunter2", NULL);
    assert_password("env:MQK_TEST_EMPTY", NULL,
                    "the environment variable \"MQK_TEST_EMPTY\" is empty");
    assert_password("env:", NULL, "the environment variable \"\" is not set");
    assert_password("plain env:MQK_TEST_SECRET", "plain env:MQK_TEST_SECRET", NULL);
    unsetenv("MQK_TEST_SECRET");
    unsetenv("MQK_TEST_EMPTY");
}

/* The file that a later source names is the only one that is read. */
static void overridden_secret(void **state) {
    (void)state;
    const mqk_str texts[] = {
        TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, password: \"file:///nonexistent\"}")),
        TEXT("kafka: {client: {sasl: {password: p}}}")};
    struct told told;
    struct mqk_config *config;
    assert_int_equal(load_texts(texts, 2, &told, &config), MQK_OK);
    assert_string_equal(config_settings(config)->clusters[0].password, "p");
    config_unref(config);
}

static void warnings(void **state) {
    (void)state;
    static const struct bad_config cases[] = {
        {TEXT(IN_CLIENT("connection_strategy: per_partition")),
         "WARNING r.yaml:6:26: kafka.client.connection_strategy: \"per_partition\" has no effect: "
         "librdkafka keeps one connection to each broker"},
        {TEXT(IN_CLIENT("query_api_versions: false")),
         "WARNING r.yaml:6:25: kafka.client.query_api_versions: \"false\" has no effect: API "
         "versions are always asked for, as every Kafka since 0.10 expects"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, password: p}")),
         "WARNING r.yaml:6:23: kafka.client.sasl.mechanism: without ssl the password travels in "
         "the clear; enable ssl or use scram_sha_512"},
        {TEXT(IN_CLIENT("ssl: {enable: true, verify: verify_none}")),
         "WARNING r.yaml:6:33: kafka.client.ssl.verify: the server's certificate is not checked: "
         "anyone can pretend to be it"},
        {TEXT(CLUSTERS("{name: us, servers: [j]}")),
         "WARNING r.yaml:5:7: kafka.clusters[1]: no rule uses this cluster"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told told;
        struct mqk_config *config;
        assert_int_equal(load_texts(&cases[i].text, 1, &told, &config), MQK_OK);
        assert_string_equal(told.text, cases[i].told);
        assert_int_equal(config_settings(config)->warning_count, 1);
        assert_string_equal(config_settings(config)->warnings[0],
                            cases[i].told + strlen("WARNING "));
        config_unref(config);
    }
}

/* Told with the versions that have the trouble, and not with others. */
static void scram_with_an_old_librdkafka(void **state) {
    (void)state;
    char expected[400] = "";
    struct told told;
    struct mqk_config *config;
    const mqk_str text =
        TEXT(IN_CLIENT("sasl: {mechanism: scram_sha_256, username: u, password: p}"));
    if (rd_kafka_version() < 0x020601ff) {
        snprintf(expected, sizeof(expected),
                 "WARNING r.yaml:6:23: kafka.client.sasl.mechanism: SCRAM with librdkafka %s works "
                 "with Kafka up to 3.x only: Kafka 4 refuses it (librdkafka before 2.6.1 repeats "
                 "the client nonce); use librdkafka 2.6.1 or newer, or PLAIN over TLS",
                 rd_kafka_version_str());
    }
    assert_int_equal(load_texts(&text, 1, &told, &config), MQK_OK);
    assert_string_equal(told.text, expected);
    assert_int_equal(config_settings(config)->clusters[0].mechanism, SASL_SCRAM_SHA_256);
    config_unref(config);
}

static mqk_status load_path(const char *path, mqk_error *err) {
    const mqk_config_source source = {.size = sizeof(source), .path = path};
    struct mqk_config *config = NULL;
    mqk_status status = config_load(&source, 1, NULL, NULL, &config, err);
    config_unref(config);
    return status;
}

static void files(void **state) {
    (void)state;
    const char good[] = IN_CLIENT("client_id: a");
    char expected[300];
    mqk_error err;
    const char *path = write_file("good.yaml", good, strlen(good));
    assert_int_equal(load_path(path, &err), MQK_OK);
    assert_int_equal(load_path("/nonexistent/r.yaml", &err), MQK_ERR_IO);
    assert_string_equal(err.message,
                        "/nonexistent/r.yaml: cannot read this file: No such file or directory");
    assert_int_equal(load_path(dir, &err), MQK_ERR_IO);
    snprintf(expected, sizeof(expected), "%s: cannot read this file: Is a directory", dir);
    assert_string_equal(err.message, expected);
    path = write_file("bad.yaml", "kafka: {}", 9);
    assert_int_equal(load_path(path, NULL), MQK_ERR_CONFIG);
}

static void too_large(void **state) {
    (void)state;
    const size_t limit = (size_t)16 << 20;
    char *text = malloc(limit + 1);
    const char good[] = IN_CLIENT("client_id: a");
    struct told told;
    struct mqk_config *config;
    mqk_error err;
    memset(text, '#', limit + 1);
    memcpy(text, good, strlen(good));
    assert_int_equal(load_texts(&(mqk_str){text, limit}, 1, &told, &config), MQK_OK);
    config_unref(config);
    assert_int_equal(load_texts(&(mqk_str){text, limit + 1}, 1, &told, &config), MQK_ERR_TOO_LARGE);
    assert_string_equal(told.text, "TOO_LARGE r.yaml: the configuration is larger than 16 MiB");
    assert_int_equal(load_path(write_file("large.yaml", text, limit + 1), &err), MQK_ERR_TOO_LARGE);
    memset(text, '[', limit);
    assert_int_equal(load_texts(&(mqk_str){text, limit}, 1, &told, &config), MQK_ERR_TOO_LARGE);
    for (size_t i = 0; i < limit; i++) {
        text[i] = ",a"[i % 2];
    }
    text[0] = '[';
    assert_int_equal(load_texts(&(mqk_str){text, limit}, 1, &told, &config), MQK_ERR_TOO_LARGE);
    assert_string_equal(told.text, "TOO_LARGE r.yaml:1:4000000: more than 2,000,000 values");
    free(text);
}

static void too_many_producers(void **state) {
    (void)state;
    char *text = malloc(200000);
    size_t len = (size_t)sprintf(text, "kafka:\n  client: {servers: [k]}\n  hook:\n");
    for (int i = 0; i <= 1000; i++) {
        len += (size_t)sprintf(
            text + len, "  - {hook: message.publish, topic: t, producer: {linger: %d}}\n", i);
    }
    struct told told;
    struct mqk_config *config;
    assert_int_equal(load_texts(&(mqk_str){text, len}, 1, &told, &config), MQK_ERR_CONFIG);
    assert_string_equal(told.text, "CONFIG r.yaml:1004:49: kafka.hook[1000].producer: more than "
                                   "1000 different producers; let rules share their settings");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging),
        cmocka_unit_test(merging_clusters),
        cmocka_unit_test(problems_of_several_sources),
        cmocka_unit_test(syntax_errors_of_all_sources),
        cmocka_unit_test(all_problems_in_order),
        cmocka_unit_test(thousands_of_problems),
        cmocka_unit_test(secrets_in_files),
        cmocka_unit_test(secret_in_a_pipe),
        cmocka_unit_test(secrets_in_variables),
        cmocka_unit_test(overridden_secret),
        cmocka_unit_test(warnings),
        cmocka_unit_test(scram_with_an_old_librdkafka),
        cmocka_unit_test(files),
        cmocka_unit_test(too_large),
        cmocka_unit_test(too_many_producers),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
