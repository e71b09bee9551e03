/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of bad configurations, word for word: rules and how they produce. */
#include "config_testing.h"

static void producer(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(IN_PRODUCER("prodce: sync")),
         "CONFIG r.yaml:6:5: kafka.producer: unknown key \"prodce\", did you mean \"produce\"?"},
        {TEXT(IN_PRODUCER("produce: synchronous")),
         "CONFIG r.yaml:6:14: kafka.producer.produce: \"synchronous\" is not accepted (accepted: "
         "async, sync)"},
        {TEXT(IN_PRODUCER("produce_sync_timeout: 0")),
         "CONFIG r.yaml:6:27: kafka.producer.produce_sync_timeout: \"0\" is out of range: 1ms to "
         "1h"},
        {TEXT(IN_PRODUCER("produce_sync_timeout: 3601s")),
         "CONFIG r.yaml:6:27: kafka.producer.produce_sync_timeout: \"3601s\" is out of range: 1ms "
         "to 1h"},
        {TEXT(IN_PRODUCER("acks: 1")), "CONFIG r.yaml:6:11: kafka.producer.acks: \"1\" is not "
                                       "accepted (accepted: all, leader, none)"},
        {TEXT(IN_PRODUCER("compression: lz5")),
         "CONFIG r.yaml:6:18: kafka.producer.compression: \"lz5\" is not accepted (accepted: none, "
         "gzip, snappy, lz4, zstd), did you mean \"lz4\"?"},
        {TEXT(IN_PRODUCER("compression: {codec: lz4}")),
         "CONFIG r.yaml:6:18: kafka.producer.compression: expected a text, not a mapping; put a "
         "text that begins with { in quotes"},
        {TEXT(IN_PRODUCER("partitioner: murmur")),
         "CONFIG r.yaml:6:18: kafka.producer.partitioner: \"murmur\" is not accepted (accepted: "
         "murmur2, sticky, random, roundrobin, consistent, phash2, md5), did you mean "
         "\"murmur2\"?"},
        {TEXT(IN_PRODUCER("partition_strategy: first_key")),
         "CONFIG r.yaml:6:25: kafka.producer.partition_strategy: \"first_key\" is not accepted "
         "(accepted: murmur2, sticky, random, roundrobin, consistent, phash2, md5)"},
        {TEXT(IN_PRODUCER("encode_payload_type: base32")),
         "CONFIG r.yaml:6:26: kafka.producer.encode_payload_type: \"base32\" is not accepted "
         "(accepted: plain, base64, hex), did you mean \"base64\"?"},
        {TEXT(IN_PRODUCER("linger: 16m")),
         "CONFIG r.yaml:6:13: kafka.producer.linger: \"16m\" is out of range: 0 to 15m"},
        {TEXT(IN_PRODUCER("linger: soon")), "CONFIG r.yaml:6:13: kafka.producer.linger: \"soon\": "
                                            "expected a duration such as 500ms, 10s, 5m, 1h or 2d"},
        {TEXT(IN_PRODUCER("linger: 1.0005s")),
         "CONFIG r.yaml:6:13: kafka.producer.linger: \"1.0005s\": a duration must be a whole "
         "number of milliseconds"},
        {TEXT(IN_PRODUCER("message_ttl: 25d")), "CONFIG r.yaml:6:18: kafka.producer.message_ttl: "
                                                "\"25d\" is out of range: 0 to 2147483647ms"},
        {TEXT(IN_PRODUCER("message_ttl: 600")),
         "CONFIG r.yaml:6:18: kafka.producer.message_ttl: \"600\": expected a duration such as "
         "500ms, 10s, 5m, 1h or 2d"},
        {TEXT(IN_PRODUCER("message_ttl: 5ms")),
         "CONFIG r.yaml:6:18: kafka.producer.message_ttl: records would expire while they linger; "
         "message_ttl must be longer than linger (20ms)"},
        {TEXT(IN_PRODUCER("max_batch_bytes: 0")),
         "CONFIG r.yaml:6:22: kafka.producer.max_batch_bytes: \"0\" is out of range: 1B to "
         "2147483647B"},
        {TEXT(IN_PRODUCER("max_batch_bytes: 3GB")),
         "CONFIG r.yaml:6:22: kafka.producer.max_batch_bytes: \"3GB\" is out of range: 1B to "
         "2147483647B"},
        {TEXT(IN_PRODUCER("max_batch_bytes: 65MB")),
         "CONFIG r.yaml:6:22: kafka.producer.max_batch_bytes: a batch must fit into buffer.memory "
         "(67108864 bytes)"},
        {TEXT(IN_PRODUCER("max_batch_bytes: big")),
         "CONFIG r.yaml:6:22: kafka.producer.max_batch_bytes: \"big\": expected a size such as "
         "512B, 896KB, 64MB or 2GB"},
        {TEXT(IN_PRODUCER("replayq_dir: ''")),
         "CONFIG r.yaml:6:18: kafka.producer.replayq_dir: must not be empty"},
        {TEXT(IN_PRODUCER("dead_letter: mqtt dead")),
         "CONFIG r.yaml:6:18: kafka.producer.dead_letter: a Kafka topic name consists of a-z, "
         "A-Z, 0-9, \".\", \"_\" and \"-\""},
        {TEXT(IN_PRODUCER("buffer: 64MB")), "CONFIG r.yaml:6:13: kafka.producer.buffer: expected a "
                                            "mapping (\"key: value\"), not a text"},
        {TEXT(IN_PRODUCER("buffer: {mode: disk}")),
         "CONFIG r.yaml:6:20: kafka.producer.buffer.mode: mode disk needs \"dir\", the folder for "
         "what waits, e.g. dir: /var/lib/mqkafka"},
        {TEXT(IN_PRODUCER("buffer: {mode: tape, dir: '', disk: 1KB, sync: never, records: 0}")),
         "CONFIG r.yaml:6:20: kafka.producer.buffer.mode: \"tape\" is not accepted (accepted: "
         "memory, disk, hybrid)\n"
         "CONFIG r.yaml:6:31: kafka.producer.buffer.dir: must not be empty\n"
         "CONFIG r.yaml:6:41: kafka.producer.buffer.disk: \"1KB\" is out of range: 1MB to 16TB\n"
         "CONFIG r.yaml:6:52: kafka.producer.buffer.sync: \"never\": expected always, or a "
         "duration such as 10ms or 1s\n"
         "CONFIG r.yaml:6:68: kafka.producer.buffer.records: \"0\" is out of range: 1 to "
         "2147483647"},
        {TEXT(IN_PRODUCER("buffer: {memory: 1KB}")),
         "CONFIG r.yaml:6:22: kafka.producer.buffer.memory: \"1KB\" is out of range: 64KB to 32GB"},
        {TEXT(IN_PRODUCER("buffer: {memory: 2TB}")),
         "CONFIG r.yaml:6:22: kafka.producer.buffer.memory: \"2TB\" is out of range: 64KB to 32GB"},
        {TEXT(IN_PRODUCER("buffer: {when_full: drop_old}")),
         "CONFIG r.yaml:6:25: kafka.producer.buffer.when_full: \"drop_old\" is not accepted "
         "(accepted: drop_oldest, drop_newest, refuse)"},
        {TEXT(IN_PRODUCER("buffer: {segment: 1MB}")),
         "CONFIG r.yaml:6:14: kafka.producer.buffer: unknown key \"segment\" (accepted: mode, "
         "memory, records, when_full, dir, disk, sync)"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

static void rules(void **state) {
    static const struct bad_config cases[] = {
        {TEXT(AS_RULE("message.publish")),
         "CONFIG r.yaml:4:7: kafka.hook[0]: expected a mapping (\"key: value\"), not a text"},
        {TEXT(AS_RULE("{topic: t}")), "CONFIG r.yaml:4:7: kafka.hook[0]: \"hook\" is missing"},
        {TEXT(AS_RULE("{hook: message.publish}")),
         "CONFIG r.yaml:4:7: kafka.hook[0]: \"topic\" is missing"},
        {TEXT(AS_RULE(
             "{hook: message.publish, endpoint: message.publish, topic: t, kafka_topic: t}")),
         "CONFIG r.yaml:4:31: kafka.hook[0]: \"endpoint\" means the same as \"hook\", which is "
         "given at line 4\n"
         "CONFIG r.yaml:4:68: kafka.hook[0]: \"kafka_topic\" means the same as \"topic\", which is "
         "given at line 4"},
        {TEXT(AS_RULE("{hook: message.published, topic: t}")),
         "CONFIG r.yaml:4:14: kafka.hook[0].hook: unknown hook \"message.published\", did you mean "
         "\"message.publish\"?"},
        {TEXT(AS_RULE("{hook: \"message.publish, client.conect\", topic: t}")),
         "CONFIG r.yaml:4:32: kafka.hook[0].hook: unknown hook \"client.conect\", did you mean "
         "\"client.connect\"?"},
        {TEXT(IN_RULE("filtr: a")),
         "CONFIG r.yaml:6:7: kafka.hook[0]: unknown key \"filtr\", did you mean \"filter\"?"},
        {TEXT(IN_RULE("filter: #")), "CONFIG r.yaml:6:14: kafka.hook[0].filter: there is no value: "
                                     "a text that begins with # must stand in quotes"},
        {TEXT(IN_RULE("filter: a/#/b")), "FILTER r.yaml:6:17: kafka.hook[0].filter: topic filter "
                                         "\"a/#/b\" is wrong: \"#\" must be the last level"},
        {TEXT(IN_RULE("filters: []")), "CONFIG r.yaml:6:16: kafka.hook[0].filters: the list is "
                                       "empty; leave it out to match every topic"},
        {TEXT(IN_RULE("filters: a")),
         "CONFIG r.yaml:6:16: kafka.hook[0].filters: expected a list, not a text; write \"- \" "
         "before each entry, or [ ] around them"},
        {TEXT(IN_RULE("filters: [a, b+]")),
         "FILTER r.yaml:6:21: kafka.hook[0].filters[1]: topic filter \"b+\" is wrong: \"+\" must "
         "be a whole level, as in \"a/+/b\""},
        {TEXT(IN_RULE("filter: a\n      filters: [b]")),
         "CONFIG r.yaml:7:16: kafka.hook[0].filters: the rule has a \"filter\" as well; put it "
         "into this list"},
        {TEXT(IN_RULE("cluster: eu")), "CONFIG r.yaml:6:16: kafka.hook[0].cluster: there is no "
                                       "cluster \"eu\" (there is: default)"},
        {TEXT(IN_RULE("key: \"${clintid}\"")), "TEMPLATE r.yaml:6:15: kafka.hook[0].key: unknown "
                                               "field \"clintid\", did you mean \"clientid\"?"},
        {TEXT(IN_RULE("key: ${clientid} and ${pyload.x}")),
         "TEMPLATE r.yaml:6:30: kafka.hook[0].key: unknown field \"pyload\", did you mean "
         "\"payload\"?"},
        {TEXT(IN_RULE("key: \"\\t\\u00e4${clintid}\"")),
         "TEMPLATE r.yaml:6:12: kafka.hook[0].key: unknown field \"clintid\", did you mean "
         "\"clientid\"? (at character 5)"},
        {TEXT(IN_RULE("key: 'it''s ${clintid}'")),
         "TEMPLATE r.yaml:6:12: kafka.hook[0].key: unknown field \"clintid\", did you mean "
         "\"clientid\"? (at character 8)"},
        {TEXT(IN_RULE("value: |\n        {\n          \"id\": \"${clintid}\"\n        }")),
         "TEMPLATE r.yaml:8:20: kafka.hook[0].value: unknown field \"clintid\", did you mean "
         "\"clientid\"?"},
        {TEXT(IN_RULE("value: >\n        a\n        ${clintid}")),
         "TEMPLATE r.yaml:6:14: kafka.hook[0].value: unknown field \"clintid\", did you mean "
         "\"clientid\"? (at character 5)"},
        {TEXT(IN_RULE("value: {a: b}")),
         "CONFIG r.yaml:6:14: kafka.hook[0].value: expected a text, not a mapping; put a text that "
         "begins with { in quotes"},
        {TEXT(IN_RULE("value_format: xml")),
         "CONFIG r.yaml:6:21: kafka.hook[0].value_format: \"xml\" is not accepted (accepted: auto, "
         "text, json)"},
        {TEXT(IN_RULE("value: \"{${payload}\"\n      value_format: json")),
         "TEMPLATE r.yaml:6:16: kafka.hook[0].value: the template is not valid JSON once its "
         "placeholders are filled in"},
        {TEXT(IN_RULE("envelope: own")),
         "CONFIG r.yaml:6:17: kafka.hook[0].envelope: unknown envelope \"own\""},
        {TEXT(IN_RULE("value: x\n      envelope: raw")),
         "CONFIG r.yaml:7:17: kafka.hook[0].envelope: a rule has either a value or an envelope, "
         "not both; leave one of them out"},
        {TEXT(IN_RULE("timestamp: \"${now}\"")),
         "TEMPLATE r.yaml:6:21: kafka.hook[0].timestamp: unknown field \"now\""},
        {TEXT(IN_RULE("headers: {a: b}")),
         "CONFIG r.yaml:6:16: kafka.hook[0].headers: expected a list, not a mapping; write \"- \" "
         "before each entry, or [ ] around them"},
        {TEXT(IN_RULE("headers: [{value: x}]")),
         "CONFIG r.yaml:6:17: kafka.hook[0].headers[0]: \"name\" is missing"},
        {TEXT(IN_RULE("headers: [{name: a, value: \"${from}\"}, {name: b, value: \"${form}\"}]")),
         "TEMPLATE r.yaml:6:66: kafka.hook[0].headers[1].value: unknown field \"form\", did you "
         "mean \"from\"?"},
        {TEXT(IN_RULE("headers: [{name: a, vlaue: x}]")),
         "CONFIG r.yaml:6:27: kafka.hook[0].headers[0]: unknown key \"vlaue\", did you mean "
         "\"value\"?"},
        {TEXT(IN_RULE("stop: 1")),
         "CONFIG r.yaml:6:13: kafka.hook[0].stop: \"1\" is not accepted (accepted: true, false)"},
        {TEXT(IN_RULE("max_topics: 0")),
         "CONFIG r.yaml:6:19: kafka.hook[0].max_topics: \"0\" is out of range: 1 to 1000000"},
        {TEXT(IN_RULE("max_topics: many")),
         "CONFIG r.yaml:6:19: kafka.hook[0].max_topics: \"many\": expected a whole number"},
        {TEXT(IN_RULE("max_topics: 99999999999999999999")),
         "CONFIG r.yaml:6:19: kafka.hook[0].max_topics: \"99999999999999999999\": this number is "
         "out of range"},
        {TEXT(IN_RULE("where: \"qos >=\"")),
         "CONFIG r.yaml:6:21: kafka.hook[0].where: a value is missing at the end"},
        {TEXT(IN_RULE("where: qos = 1 and clintid = 'a'")),
         "TEMPLATE r.yaml:6:26: kafka.hook[0].where: unknown field \"clintid\", did you mean "
         "\"clientid\"?"},
        {TEXT(IN_RULE("where: [a]")),
         "CONFIG r.yaml:6:14: kafka.hook[0].where: expected a text, not a list"},
        {TEXT(IN_RULE("regex: x")),
         "CONFIG r.yaml:6:14: kafka.hook[0].regex: expected a mapping (\"key: value\"), not a "
         "text"},
        {TEXT(IN_RULE("regex: {field: clientid}")),
         "CONFIG r.yaml:6:14: kafka.hook[0].regex: \"pattern\" is missing"},
        {TEXT(IN_RULE("regex: {field: clintid, pattern: 'a(b'}")),
         "TEMPLATE r.yaml:6:22: kafka.hook[0].regex.field: unknown field \"clintid\", did you mean "
         "\"clientid\"?\n"
         "CONFIG r.yaml:6:44: kafka.hook[0].regex.pattern: regular expression: missing closing "
         "parenthesis"},
        {TEXT(IN_RULE("regex: {patern: a}")),
         "CONFIG r.yaml:6:14: kafka.hook[0].regex: \"pattern\" is missing\n"
         "CONFIG r.yaml:6:15: kafka.hook[0].regex: unknown key \"patern\", did you mean "
         "\"pattern\"?"},
        {TEXT(IN_RULE("value: '${regex.x}'")), "TEMPLATE r.yaml:6:15: kafka.hook[0].value: no "
                                               "regular expression of this rule has a group "
                                               "named \"x\""},
        {TEXT(IN_RULE("headers_from: event")),
         "CONFIG r.yaml:6:21: kafka.hook[0].headers_from: expected a list, not a text; write "
         "\"- \" before each entry, or [ ] around them"},
        {TEXT(IN_RULE("headers_from: [event, user]")),
         "CONFIG r.yaml:6:29: kafka.hook[0].headers_from[1]: unknown group of headers \"user\" "
         "(accepted: user_properties, event)"},
        {TEXT(IN_RULE("partition: -1")),
         "CONFIG r.yaml:6:18: kafka.hook[0].partition: must be the number of a partition, 0 to "
         "2147483647, or a template that makes one"},
        {TEXT(IN_RULE("partition: \"${clientid}-${qso}\"")),
         "TEMPLATE r.yaml:6:33: kafka.hook[0].partition: unknown field \"qso\", did you mean "
         "\"qos\"?"},
        {TEXT(IN_RULE("envelope: emq2\n      filter: \"#\"\n    - hook: session.created\n      "
                      "topic: t\n      envelope: emq2")),
         "CONFIG r.yaml:10:17: kafka.hook[1].envelope: envelope \"emq2\" has nothing for "
         "session.created; the hooks that it knows: client.connected, client.disconnected, "
         "session.subscribed, session.unsubscribed, message.publish"},
        {TEXT(IN_RULE("producer: {linger: x}")),
         "CONFIG r.yaml:6:26: kafka.hook[0].producer.linger: \"x\": expected a duration such as "
         "500ms, 10s, 5m, 1h or 2d"},
        {TEXT(IN_RULE("producer: {linger: 1s, message_ttl: 1s}")),
         "CONFIG r.yaml:6:43: kafka.hook[0].producer.message_ttl: records would expire while they "
         "linger; message_ttl must be longer than linger (1000ms)"},
        {TEXT(IN_RULE("kafka_message: \"${.}\"")),
         "CONFIG r.yaml:6:22: kafka.hook[0].kafka_message: expected a mapping (\"key: value\"), "
         "not a text"},
        {TEXT(IN_RULE("kafka_message: {key: a, value: \"${clintid}\"}\n      key: b")),
         "CONFIG r.yaml:6:28: kafka.hook[0].kafka_message.key: the rule has another \"key\" beside "
         "kafka_message\n"
         "TEMPLATE r.yaml:6:41: kafka.hook[0].kafka_message.value: unknown field \"clintid\", did "
         "you mean \"clientid\"?"},
        {TEXT(IN_RULE("kafka_message: {topic: a}")),
         "CONFIG r.yaml:6:23: kafka.hook[0].kafka_message: unknown key \"topic\" (accepted: "
         "timestamp, value, key)"},
        {TEXT(IN_RULE("name: \"\"")), "CONFIG r.yaml:6:13: kafka.hook[0].name: must not be empty"},
    };
    (void)state;
    CHECK_BAD_CONFIGS(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(producer),
        cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
