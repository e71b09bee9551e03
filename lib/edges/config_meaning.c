/* SPDX-License-Identifier: Apache-2.0 */
#include "config_meaning.h"

#include <string.h>

/* clang-format off */
const struct setting_meaning setting_meanings[] = {
    {"", "kafka", NULL, "(required)", "everything stands in it"},

    {"kafka", "client", NULL, "(required)",
     "the Kafka cluster, where there is only one; instead of clusters"},
    {"kafka", "clusters", NULL, "", "several Kafka clusters, at most 1000; instead of client"},
    {"kafka", "producer", NULL, "", "how records are produced, unless a cluster or rule says otherwise"},
    {"kafka", "hook", NULL, "(required)", "the rules, tried in order, at most 1,000,000"},
    {"kafka", "consumer", NULL, "", "rules for the way back, from Kafka to MQTT"},

    {"client", "client_id", NULL, "mqkafka", "the client's name in Kafka's logs and quotas"},
    {"client", "servers", "list of addresses", "(required)",
     "host, host:port or [IPv6]:port, port 9092 where left out; embedded alone starts an in-process "
     "Kafka for trials"},
    {"client", "connect_timeout", NULL, "(librdkafka's)", "how long a connection may take, TLS and login included"},
    {"client", "connection_strategy", NULL, "per_broker",
     "accepted for old files; per_partition has no effect and gives a warning"},
    {"client", "min_metadata_refresh_interval", NULL, "(librdkafka's)",
     "how often it asks for topics and leaders that are not known"},
    {"client", "query_api_versions", NULL, "true",
     "accepted for old files; false has no effect and gives a warning"},
    {"client", "request_timeout", NULL, "(librdkafka's)", "how long a request to Kafka may take"},
    {"client", "health_check_interval", NULL, "(librdkafka's)",
     "how often it asks for topics and leaders that are known"},
    {"client", "sasl", NULL, "(no login)", "how to log in"},
    {"client", "ssl", NULL, "(no TLS)", "encryption"},
    {"client", "properties", "list of name=value", "",
     "properties of librdkafka, applied last, at most 500"},

    {"sasl", "mechanism", NULL, "(required)", "how the password is proved"},
    {"sasl", "username", NULL, "(required)", "the user's name"},
    {"sasl", "password", "secret", "(required)",
     "the password, or env:NAME, or file:///path of a file that holds it; never logged"},

    {"ssl", "enable", NULL, "(required)", "whether to use TLS"},
    {"ssl", "cacertfile", "file", "(the system's)", "certificates of the authorities, PEM"},
    {"ssl", "certfile", "file", "(none)", "the client's certificate, PEM; with keyfile"},
    {"ssl", "keyfile", "file", "(none)", "the certificate's key, PEM"},
    {"ssl", "key_password", "secret", "(none)", "of the key: a text, env:NAME or file:///path"},
    {"ssl", "verify", NULL, "true", "check the server's certificate"},
    {"ssl", "server_name_indication", "auto or disable", "auto",
     "auto: the certificate must be for the server's name; disable: for any"},

    {"clusters", "name", NULL, "(required)", "what rules call it"},
    {"clusters", "producer", NULL, "", "settings for this cluster only"},
    {"clusters", "*", "kafka.client", "", "and every key of kafka.client"},

    {"producer", "produce", NULL, "async", "sync: mqk_on_event waits for Kafka's acknowledgement"},
    {"producer", "produce_sync_timeout", NULL, "3s", "with sync, the longest wait for a record"},
    {"producer", "acks", NULL, "all",
     "who must have the record; leader and none also switch idempotence off"},
    {"producer", "compression", NULL, "none", "of batches"},
    {"producer", "partitioner", NULL, "murmur2",
     "how the key chooses the partition: murmur2 as Java clients, consistent (CRC32) as librdkafka, "
     "phash2 as brod and wolff, md5 by the last byte; or random, roundrobin, sticky"},
    {"producer", "encode_payload_type", NULL, "plain", "how ${payload} is written"},
    {"producer", "linger", NULL, "20ms",
     "how long a batch waits for more records; 0ms with produce: sync"},
    {"producer", "message_ttl", NULL, "(none)", "what is older is dropped; longer than linger"},
    {"producer", "max_batch_bytes", NULL, "(librdkafka's)", "largest batch, at most buffer.memory"},
    {"producer", "buffer", NULL, "", "where records wait"},
    {"producer", "replayq_dir", "folder", "",
     "as buffer: mode disk, with a folder for each node in this one"},
    {"producer", "dead_letter", "Kafka topic", "", "where records go that Kafka refuses for good"},

    {"buffer", "mode", NULL, "memory",
     "where records wait for Kafka: disk keeps them over a kill -9, hybrid when memory is full or the "
     "bridge is closed"},
    {"buffer", "memory", NULL, "64MB", "most bytes that wait in memory, for each producer"},
    {"buffer", "records", NULL, "(no limit)", "most records that wait, for each producer"},
    {"buffer", "when_full", NULL, "drop_oldest",
     "what happens to the records that do not fit; refuse tells the host"},
    {"buffer", "dir", "folder", "(required for disk and hybrid)",
     "where spools stand: <dir>/<cluster>/<producer>; ${node} in it is the node's name"},
    {"buffer", "disk", NULL, "2GB", "most bytes on disk, for each producer"},
    {"buffer", "sync", "always, or a duration, 1ms to 1m", "10ms",
     "how often what came in is forced to the disk; always: before it counts as accepted"},

    {"hook", "name", NULL, "(hook[N])", "in statistics, messages and explanations, at most 255 bytes"},
    {"hook", "cluster", NULL, "(the only one)", "required with several clusters"},
    {"hook", "hook", "hooks", "(required)",
     "a hook, or several with commas; groups client.*, session.*, message.*, custom.*, *"},
    {"hook", "filter", "topic filter", "#",
     "of MQTT; topics under $ only match filters that name them"},
    {"hook", "filters", "list of topic filters", "", "several, one of which must match"},
    {"hook", "topic", "template", "(required)", "the Kafka topic, 1 to 249 of a-z A-Z 0-9 . _ -"},
    {"hook", "key", "template", "(no key)", "the record's key"},
    {"hook", "value", "template", "(the envelope)", "the record's value"},
    {"hook", "kafka_message", NULL, "", "another place of key, value and timestamp"},
    {"hook", "value_format", NULL, "auto",
     "how value is read: auto takes it for JSON when it is"},
    {"hook", "envelope", "envelope", "event", "a built-in value, instead of value"},
    {"hook", "headers_from", "list of user_properties, event", "",
     "groups of headers, before those of headers"},
    {"hook", "headers", NULL, "", "the record's headers, in order, at most 64; names may repeat"},
    {"hook", "timestamp", "template", "(the event's time)",
     "the record's time in ms; what is no number: the event's time"},
    {"hook", "partition", "template", "(the partitioner's)", "the partition's number"},
    {"hook", "producer", NULL, "", "settings for this rule only"},
    {"hook", "stop", NULL, "false", "when it matches, later rules are not tried"},
    {"hook", "max_topics", NULL, "1000", "most different topics that the template may make"},
    {"hook", "where", "condition", "", "what must hold besides hook and filter"},
    {"hook", "regex", NULL, "", "a regular expression that must match; its groups are ${regex.NAME}"},

    {"hook", "origin_header", NULL, "false",
     "adds the header mqk-origin with the node's name, for skip_own of consumer rules"},

    {"consumer", "name", NULL, "(consumer[N])", "in statistics and messages, at most 255 bytes"},
    {"consumer", "topics", "list of Kafka topics", "(required)",
     "names, and patterns (POSIX extended regular expressions) that begin with ^"},
    {"consumer", "cluster", NULL, "(the only one)", "required with several clusters"},
    {"consumer", "group_id", "consumer group", "(required)", "those that share the records"},
    {"consumer", "scope", NULL, "group",
     "group: each record to one node; every_node: to each, the group is <group_id>-<node>"},
    {"consumer", "offset_reset", NULL, "latest", "where a new group begins"},
    {"consumer", "commit_interval", NULL, "5s", "how often offsets of what the host accepted are committed"},
    {"consumer", "action", NULL, "(required)", "what the host is asked for"},
    {"consumer", "where", "condition", "", "what must hold; other records are skipped"},
    {"consumer", "regex", NULL, "", "a regular expression that must match; its groups are ${regex.NAME}"},
    {"consumer", "mqtt_topic", "template", "(required to publish)", "the topic that is published to"},
    {"consumer", "payload", "template", "${value}", "what is published"},
    {"consumer", "payload_format", NULL, "auto",
     "how payload is read: auto takes it for JSON when it is"},
    {"consumer", "qos", "template", "0", "quality of service, 0 to 2"},
    {"consumer", "retain", "template", "false", "whether the broker keeps it"},
    {"consumer", "properties", NULL, "",
     "MQTT 5 properties: Payload-Format-Indicator, Message-Expiry-Interval, Content-Type, "
     "Response-Topic, Correlation-Data"},
    {"consumer", "user_properties", NULL, "", "in order; one without a value is left out"},
    {"consumer", "user_properties_from", NULL, "", "headers: all headers of the record that are text"},
    {"consumer", "clientid", "list of templates", "",
     "whom to kick or acl_clean: the first in which nothing is missing"},
    {"consumer", "username", "list of templates", "", "the same by user name, where no clientid was found"},
    {"consumer", "reason", "template", "(none)", "why, for the host; Mosquitto logs it"},
    {"consumer", "key_encoding", NULL, "plain", "base64: the key is decoded first"},
    {"consumer", "value_encoding", NULL, "plain", "base64: the value is decoded first"},
    {"consumer", "max_in_flight", NULL, "1000", "most records that are read and not yet answered, beside one of each partition that waits "
     "because the host said later"},
    {"consumer", "dead_letter", "Kafka topic", "(none)", "where records go that are refused or unusable"},
    {"consumer", "skip_own", NULL, "false",
     "true skips records with the header mqk-origin, node only this node's"},
    {"consumer", "librdkafka", "list of name=value", "", "properties of this rule's consumer"},

    {"headers", "name", NULL, "(required)", "at most 255 bytes"},
    {"headers", "value", "template", "(NULL)", "the header's value"},

    {"regex", "field", "placeholder", "topic", "what is looked at, without ${}"},
    {"regex", "pattern", "PCRE2 pattern", "(required)", "as in Perl; bytes, unless it begins with (*UTF)"},

    {"kafka_message", "key", "template", "(no key)", "as key of the rule"},
    {"kafka_message", "value", "template", "(the envelope)", "as value of the rule"},
    {"kafka_message", "timestamp", "template", "(the event's time)", "as timestamp of the rule"},

    {NULL, NULL, NULL, NULL, NULL}};
/* clang-format on */

const struct setting_meaning *setting_meaning(const char *section, const char *key) {
    for (const struct setting_meaning *row = setting_meanings; row->section; row++) {
        if (strcmp(row->section, section) == 0 && strcmp(row->key, key) == 0) {
            return row;
        }
    }
    return NULL;
}
