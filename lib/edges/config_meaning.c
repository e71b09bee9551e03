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
    {"kafka", "consumer", NULL, "", "from Kafka back to MQTT"},

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
    {"producer", "replayq_dir", "folder", "", "a buffer on disk in this folder"},
    {"producer", "dead_letter", "Kafka topic", "", "where records go that Kafka refuses for good"},

    {"buffer", "mode", NULL, "memory", "where records wait for Kafka"},
    {"buffer", "memory", NULL, "64MB", "most bytes that wait in memory, for each producer"},
    {"buffer", "when_full", NULL, "drop_oldest",
     "what happens to the records that do not fit; refuse tells the host"},
    {"buffer", "dir", "folder", "", "where the records on disk stand"},
    {"buffer", "disk", NULL, "", "most bytes on disk"},
    {"buffer", "sync", NULL, "", "how often what is on disk is forced there"},

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
