/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of bad configurations, word for word: clusters and the connection to them. */
#include "config_testing.h"

static void client(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(IN_CLIENT("clientid: a")),
         "CONFIG r.yaml:6:5: kafka.client: unknown key \"clientid\", did you mean \"client_id\"?"},
        {TEXT(IN_CLIENT("client_id:")), "CONFIG r.yaml:6:15: kafka.client.client_id: there is no "
                                        "value; leave it out for the default"},
        {TEXT(IN_CLIENT("client_id: \"\"")),
         "CONFIG r.yaml:6:16: kafka.client.client_id: must not be empty"},
        {TEXT(IN_CLIENT("client_id: [a]")),
         "CONFIG r.yaml:6:16: kafka.client.client_id: expected a text, not a list"},
        {TEXT(IN_CLIENT("client_id: {a: b}")),
         "CONFIG r.yaml:6:16: kafka.client.client_id: expected a text, not a mapping; put a text "
         "that begins with { in quotes"},
        {TEXT(IN_CLIENT("client_id: ~")), "CONFIG r.yaml:6:16: kafka.client.client_id: there is no "
                                          "value; leave it out for the default"},
        {TEXT(IN_CLIENT("servers: [j]")),
         "CONFIG r.yaml:6:5: kafka.client: \"servers\" is given twice, first at line 5"},
        {TEXT(IN_CLIENT("bootstrap_hosts: [j]")),
         "CONFIG r.yaml:6:5: kafka.client: \"bootstrap_hosts\" means the same as \"servers\", "
         "which is given at line 5"},
        {TEXT(IN_CLIENT("name: x")),
         "CONFIG r.yaml:6:5: kafka.client: unknown key \"name\" (accepted: client_id, servers, "
         "connect_timeout, connection_strategy, min_metadata_refresh_interval, query_api_versions, "
         "request_timeout, health_check_interval, sasl, ssl, properties)"},
        {TEXT(IN_CLIENT("connect_timeout: 5")),
         "CONFIG r.yaml:6:22: kafka.client.connect_timeout: \"5\": expected a duration such as "
         "500ms, 10s, 5m, 1h or 2d"},
        {TEXT(IN_CLIENT("connect_timeout: 10ms")),
         "CONFIG r.yaml:6:22: kafka.client.connect_timeout: \"10ms\" is out of range: 1s to 1h"},
        {TEXT(IN_CLIENT("connect_timeout: 2h")),
         "CONFIG r.yaml:6:22: kafka.client.connect_timeout: \"2h\" is out of range: 1s to 1h"},
        {TEXT(IN_CLIENT("request_timeout: 10m")),
         "CONFIG r.yaml:6:22: kafka.client.request_timeout: \"10m\" is out of range: 10ms to 5m"},
        {TEXT(IN_CLIENT("request_timeout: -3s")),
         "CONFIG r.yaml:6:22: kafka.client.request_timeout: \"-3s\": expected a duration such as "
         "500ms, 10s, 5m, 1h or 2d"},
        {TEXT(IN_CLIENT("request_timeout: 99999999999999999999s")),
         "CONFIG r.yaml:6:22: kafka.client.request_timeout: \"99999999999999999999s\": this "
         "duration is too long"},
        {TEXT(IN_CLIENT("request_timeout: 3 sec")),
         "CONFIG r.yaml:6:22: kafka.client.request_timeout: \"3 sec\": expected a duration such as "
         "500ms, 10s, 5m, 1h or 2d"},
        {TEXT(IN_CLIENT("min_metadata_refresh_interval: 61s")),
         "CONFIG r.yaml:6:36: kafka.client.min_metadata_refresh_interval: \"61s\" is out of range: "
         "1ms to 1m"},
        {TEXT(IN_CLIENT("health_check_interval: 0")),
         "CONFIG r.yaml:6:28: kafka.client.health_check_interval: \"0\" is out of range: 1s to 1h"},
        {TEXT(IN_CLIENT("connection_strategy: per_topic")),
         "CONFIG r.yaml:6:26: kafka.client.connection_strategy: \"per_topic\" is not accepted "
         "(accepted: per_broker, per_partition)"},
        {TEXT(IN_CLIENT("query_api_versions: maybe")),
         "CONFIG r.yaml:6:25: kafka.client.query_api_versions: \"maybe\" is not accepted "
         "(accepted: true, false)"},
        {TEXT(IN_CLIENT("query_api_versions: \"no\"")),
         "CONFIG r.yaml:6:25: kafka.client.query_api_versions: \"no\" is not accepted (accepted: "
         "true, false)"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

static void servers(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(AS_SERVERS("k:9092")),
         "CONFIG r.yaml:5:14: kafka.client.servers: expected a list, not a text; write \"- \" "
         "before each entry, or [ ] around them"},
        {TEXT(AS_SERVERS("[]")), "CONFIG r.yaml:5:14: kafka.client.servers: the list is empty; "
                                 "name at least one server, e.g. \"kafka-1:9092\""},
        {TEXT(AS_SERVERS("{a: b}")),
         "CONFIG r.yaml:5:14: kafka.client.servers: expected a list, not a mapping; write \"- \" "
         "before each entry, or [ ] around them"},
        {TEXT(AS_SERVERS("[[a]]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: expected a text, not a list"},
        {TEXT(AS_SERVERS("[\"\"]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"\": must not be empty"},
        {TEXT(AS_SERVERS("[~]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: there is no value; "
                                  "leave it out for the default"},
        {TEXT(AS_SERVERS("[\"a:1,b:2\"]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"a:1,b:2\": write each server as an entry "
         "of its own"},
        {TEXT(AS_SERVERS("[\"k:0\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"k:0\": the "
                                        "port must be a number from 1 to 65535"},
        {TEXT(AS_SERVERS("[\"k:65536\"]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"k:65536\": the port must be a number from "
         "1 to 65535"},
        {TEXT(AS_SERVERS("[\"k:\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"k:\": the "
                                       "port must be a number from 1 to 65535"},
        {TEXT(AS_SERVERS("[\"k:x\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"k:x\": the "
                                        "port must be a number from 1 to 65535"},
        {TEXT(AS_SERVERS("[\":9092\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \":9092\": "
                                          "the host name must have 1 to 253 characters"},
        {TEXT(AS_SERVERS("[\"k 1\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"k 1\": the "
                                        "host name contains a character that cannot stand in it"},
        {TEXT(AS_SERVERS("[k, j, \"K:9092\"]")),
         "CONFIG r.yaml:5:21: kafka.client.servers[2]: \"K:9092\" is given twice"},
        {TEXT(AS_SERVERS("[\"::1\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"::1\": "
                                        "write an IPv6 address in brackets: \"[::1]:9092\""},
        {TEXT(AS_SERVERS("[\"[::1\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"[::1\": a "
                                         "] is missing behind the IPv6 address"},
        {TEXT(AS_SERVERS("[\"[::1]9092\"]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"[::1]9092\": the port must be a number "
         "from 1 to 65535"},
        {TEXT(AS_SERVERS("[\"[k]\"]")), "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"[k]\": "
                                        "what stands in the brackets is not an IPv6 address"},
        {TEXT(AS_SERVERS("[\"[fe80::1%eth0]:9092\"]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"[fe80::1%eth0]:9092\": what stands in the "
         "brackets is not an IPv6 address"},
        {TEXT(AS_SERVERS("[\"SSL://k:9093\"]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"SSL://k:9093\": write host:port without a "
         "scheme"},
        {TEXT(AS_SERVERS("[embedded, k]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"embedded\" (an in-process Kafka for "
         "trials) must be the only server"},
        {TEXT(AS_SERVERS("[\"k\\u00e4se\"]")),
         "CONFIG r.yaml:5:15: kafka.client.servers[0]: \"k\303\244se\": the host name contains a "
         "character that cannot stand in it"},
        {TEXT(AS_SERVERS("[embedded]\n    sasl: {mechanism: plain, username: u, password: p}\n    "
                         "ssl: {enable: true}")),
         "CONFIG r.yaml:6:11: kafka.client.sasl: the embedded Kafka knows no SASL; leave it out\n"
         "CONFIG r.yaml:7:10: kafka.client.ssl: the embedded Kafka knows no TLS; leave it out"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

static void sasl_and_ssl(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, password:hunter2}")),
         "CONFIG r.yaml:6:43: kafka.client.sasl: write a colon and a space behind \"password\""},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, pasword hunter2}")),
         "CONFIG r.yaml:6:43: kafka.client.sasl: unknown key \"pasword\342\200\246\", did you mean "
         "\"password\"?"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, secret=hunter2}")),
         "CONFIG r.yaml:6:43: kafka.client.sasl: unknown key \"secret\342\200\246\" (accepted: "
         "mechanism, username, password)"},
        {TEXT(IN_CLIENT("sasl: plain")),
         "CONFIG r.yaml:6:11: kafka.client.sasl: expected a mapping (\"key: value\"), not a text"},
        {TEXT(IN_CLIENT("sasl: {}")),
         "CONFIG r.yaml:6:11: kafka.client.sasl: \"mechanism\" is missing (accepted: plain, "
         "scram_sha_256, scram_sha_512)\n"
         "CONFIG r.yaml:6:11: kafka.client.sasl: \"username\" is missing\n"
         "CONFIG r.yaml:6:11: kafka.client.sasl: \"password\" is missing (the password, "
         "file:///its/file or env:VARIABLE)"},
        {TEXT(IN_CLIENT("sasl: {mechanism: gssapi, username: u, password: p}")),
         "CONFIG r.yaml:6:23: kafka.client.sasl.mechanism: \"gssapi\" is not accepted (accepted: "
         "plain, scram_sha_256, scram_sha_512)"},
        {TEXT(IN_CLIENT("sasl: {mechanism: scram_sha_513, username: u, password: p}")),
         "CONFIG r.yaml:6:23: kafka.client.sasl.mechanism: \"scram_sha_513\" is not accepted "
         "(accepted: plain, scram_sha_256, scram_sha_512), did you mean \"scram_sha_512\"?"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, user: u, password: p}")),
         "CONFIG r.yaml:6:30: kafka.client.sasl: unknown key \"user\" (accepted: mechanism, "
         "username, password)"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u}")),
         "CONFIG r.yaml:6:11: kafka.client.sasl: \"password\" is missing (the password, "
         "file:///its/file or env:VARIABLE)\n"
         "WARNING r.yaml:6:23: kafka.client.sasl.mechanism: without ssl the password travels in "
         "the clear; enable ssl or use scram_sha_512"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: \"\", password: \"\"}")),
         "CONFIG r.yaml:6:40: kafka.client.sasl.username: must not be empty\n"
         "CONFIG r.yaml:6:54: kafka.client.sasl.password: must not be empty"},
        {TEXT(IN_CLIENT(
             "sasl: {mechanism: plain, username: u, password: \"file:///nonexistent/secret\"}")),
         "WARNING r.yaml:6:23: kafka.client.sasl.mechanism: without ssl the password travels in "
         "the clear; enable ssl or use scram_sha_512\n"
         "IO r.yaml:6:53: kafka.client.sasl.password: cannot read the secret from "
         "\"/nonexistent/secret\": No such file or directory"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, password: \"file:///\"}")),
         "WARNING r.yaml:6:23: kafka.client.sasl.mechanism: without ssl the password travels in "
         "the clear; enable ssl or use scram_sha_512\n"
         "IO r.yaml:6:53: kafka.client.sasl.password: cannot read the secret from \"/\": Is a "
         "directory"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, password: \"file:///dev/null\"}")),
         "WARNING r.yaml:6:23: kafka.client.sasl.mechanism: without ssl the password travels in "
         "the clear; enable ssl or use scram_sha_512\n"
         "IO r.yaml:6:53: kafka.client.sasl.password: cannot read the secret from \"/dev/null\": "
         "not a regular file"},
        {TEXT(IN_CLIENT(
             "sasl: {mechanism: plain, username: u, password: \"env:MQK_NO_SUCH_VARIABLE\"}")),
         "WARNING r.yaml:6:23: kafka.client.sasl.mechanism: without ssl the password travels in "
         "the clear; enable ssl or use scram_sha_512\n"
         "CONFIG r.yaml:6:53: kafka.client.sasl.password: the environment variable "
         "\"MQK_NO_SUCH_VARIABLE\" is not set"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, password: {hunter2: 1}}")),
         "CONFIG r.yaml:6:53: kafka.client.sasl.password: expected a text, not a mapping; put a "
         "text that begins with { in quotes"},
        {TEXT(IN_CLIENT("sasl: {mechanism: plain, username: u, password: [hunter2]}")),
         "CONFIG r.yaml:6:53: kafka.client.sasl.password: expected a text, not a list"},
        {TEXT(IN_CLIENT("ssl: {enable: yes}")), "CONFIG r.yaml:6:19: kafka.client.ssl.enable: "
                                                "\"yes\" is not accepted (accepted: true, false)"},
        {TEXT(IN_CLIENT("ssl: true")),
         "CONFIG r.yaml:6:10: kafka.client.ssl: expected a mapping (\"key: value\"), not a text"},
        {TEXT(IN_CLIENT("ssl: {cacertfile: ca.pem}")),
         "CONFIG r.yaml:6:10: kafka.client.ssl: \"enable\" is missing (accepted: true, false)"},
        {TEXT(IN_CLIENT("ssl: {enable: true, cacertfile: /nonexistent/ca.pem}")),
         "IO r.yaml:6:37: kafka.client.ssl.cacertfile: cannot read \"/nonexistent/ca.pem\": No "
         "such file or directory"},
        {TEXT(IN_CLIENT("ssl: {enable: true, cacertfile: /}")),
         "IO r.yaml:6:37: kafka.client.ssl.cacertfile: cannot read \"/\": Is a directory"},
        {TEXT(IN_CLIENT("ssl: {enable: true, certfile: /dev/null}")),
         "CONFIG r.yaml:6:10: kafka.client.ssl: \"keyfile\" is missing: \"certfile\" needs its "
         "private key"},
        {TEXT(IN_CLIENT("ssl: {enable: true, keyfile: /dev/null}")),
         "CONFIG r.yaml:6:10: kafka.client.ssl: \"certfile\" is missing: \"keyfile\" is the key of "
         "it"},
        {TEXT(IN_CLIENT("ssl: {enable: true, key_password: hunter2}")),
         "CONFIG r.yaml:6:39: kafka.client.ssl.key_password: there is no \"keyfile\" that it would "
         "be for"},
        {TEXT(IN_CLIENT("ssl: {enable: true, key_password: hunter2, password: hunter2}")),
         "CONFIG r.yaml:6:48: kafka.client.ssl: \"password\" means the same as \"key_password\", "
         "which is given at line 6"},
        {TEXT(IN_CLIENT("ssl: {enable: true, verify: verify_pear}")),
         "CONFIG r.yaml:6:33: kafka.client.ssl.verify: \"verify_pear\" is not accepted (accepted: "
         "true, false), did you mean \"verify_peer\"?"},
        {TEXT(IN_CLIENT("ssl: {enable: true, server_name_indication: kafka.example}")),
         "UNAVAILABLE r.yaml:6:49: kafka.client.ssl.server_name_indication: a name other than the "
         "server's own is not available in this version (available: auto, disable)"},
        {TEXT(IN_CLIENT("ssl: {enabled: true}")),
         "CONFIG r.yaml:6:11: kafka.client.ssl: unknown key \"enabled\", did you mean \"enable\"?"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

static void properties(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(IN_CLIENT("properties: {a: b}")),
         "CONFIG r.yaml:6:17: kafka.client.properties: expected a list, not a mapping; write \"- "
         "\" before each entry, or [ ] around them"},
        {TEXT(IN_CLIENT("properties: [{a: b}]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: expected a text, not a mapping; put a "
         "text that begins with { in quotes"},
        {TEXT(IN_CLIENT("properties: [socket]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: expected \"name=value\", e.g. "
         "\"socket.keepalive.enable=true\""},
        {TEXT(IN_CLIENT("properties: [\"=1\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: expected \"name=value\", e.g. "
         "\"socket.keepalive.enable=true\""},
        {TEXT(IN_CLIENT("properties: [\"sockt.keepalive.enable=true\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: librdkafka {rdkafka} has no property "
         "\"sockt.keepalive.enable\""},
        {TEXT(IN_CLIENT("properties: [\"socket.keepalive.enable=hunter2\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: librdkafka {rdkafka} does not accept "
         "this value for \"socket.keepalive.enable\""},
        {TEXT(IN_CLIENT("properties: [\"message.max.bytes=1\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: librdkafka {rdkafka} does not accept "
         "this value for \"message.max.bytes\" (allowed range 1000..1000000000)"},
        {TEXT(IN_CLIENT("properties: [\"bootstrap.servers=j\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: the property \"bootstrap.servers\" "
         "cannot be set here: use \"servers\""},
        {TEXT(IN_CLIENT("properties: [\"sasl.password=hunter2\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: the property \"sasl.password\" cannot be "
         "set here: use \"sasl.password\" of the cluster"},
        {TEXT(IN_CLIENT("properties: [\" linger.ms = 5\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: the property \"linger.ms\" cannot be set "
         "here: use \"linger\" of the producer"},
        {TEXT(IN_CLIENT("properties: [\"enable.gapless.guarantee=true\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: the property "
         "\"enable.gapless.guarantee\" cannot be set here: it would stop the producer at the first "
         "lost record"},
        {TEXT(IN_CLIENT("properties: [\"client.rack=a\", \"client.rack=b\"]")),
         "CONFIG r.yaml:6:35: kafka.client.properties[1]: the property \"client.rack\" is given "
         "twice"},
        {TEXT(IN_CLIENT("properties: [\"plugin.library.paths=evil\"]")),
         "CONFIG r.yaml:6:18: kafka.client.properties[0]: the property \"plugin.library.paths\" "
         "cannot be set here: it would load other code into the host"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

static void several_clusters(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(CLUSTERS("{servers: [j]}")),
         "CONFIG r.yaml:5:7: kafka.clusters[1]: \"name\" is missing"},
        {TEXT(CLUSTERS("{name: us}")), "CONFIG r.yaml:5:7: kafka.clusters[1]: \"servers\" is "
                                       "missing, e.g. servers: [\"kafka-1:9092\"]"},
        {TEXT(CLUSTERS("{name: eu, servers: [j]}")),
         "CONFIG r.yaml:5:7: kafka.clusters[1]: the name \"eu\" is already used at line 4"},
        {TEXT(CLUSTERS("{name: \"\", servers: [j]}")),
         "CONFIG r.yaml:5:14: kafka.clusters[1].name: must not be empty"},
        {TEXT(CLUSTERS("us")),
         "CONFIG r.yaml:5:7: kafka.clusters[1]: expected a mapping (\"key: value\"), not a text"},
        {TEXT("kafka:\n  hook:\n    - {hook: message.publish, topic: t}\n    - {hook: "
              "message.publish, topic: t, cluster: us-1}\n  clusters:\n    - {name: eu-1, servers: "
              "[k]}\n    - {name: us-2, servers: [j]}\n"),
         "CONFIG r.yaml:3:7: kafka.hook[0]: \"cluster\" is missing; there are several: eu-1, us-2\n"
         "CONFIG r.yaml:4:50: kafka.hook[1].cluster: there is no cluster \"us-1\" (there is: eu-1, "
         "us-2), did you mean \"us-2\"?"},
        {TEXT("kafka:\n  clusters: [{name: eu, servers: [k]}]\n  client: {servers: [k]}\n  hook: "
              "[{hook: message.publish, topic: t, cluster: eu}]\n"),
         "CONFIG r.yaml:3:11: kafka.client: \"client\" (one cluster) and \"clusters\" (several) "
         "cannot stand together"},
        {TEXT("kafka:\n  clusters:\n    - name: eu\n      servers: [k]\n      producer: "
              "{message_ttl: 1ms}\n  hook: [{hook: message.publish, topic: t}]\n"),
         "CONFIG r.yaml:5:31: kafka.clusters[0].producer.message_ttl: records would expire while "
         "they linger; message_ttl must be longer than linger (20ms)"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client),           cmocka_unit_test(servers),
        cmocka_unit_test(sasl_and_ssl),     cmocka_unit_test(properties),
        cmocka_unit_test(several_clusters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
