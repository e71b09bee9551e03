/* SPDX-License-Identifier: Apache-2.0 */
#include "config_schema.h"

#include "config_value.h"
#include "settings.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define KB     (INT64_C(1) << 10)
#define MB     (INT64_C(1) << 20)
#define TB     (INT64_C(1) << 40)

/* The words that a setting accepts. The first one with a number is its name, later ones are
 * aliases. */
static const cyaml_strval_t bool_words[] = {{"true", 1}, {"false", 0}};
static const cyaml_strval_t verify_words[] = {
    {"true", 1}, {"false", 0}, {"verify_peer", 1}, {"verify_none", 0}};
static const cyaml_strval_t mechanism_words[] = {{"plain", SASL_PLAIN},
                                                 {"scram_sha_256", SASL_SCRAM_SHA_256},
                                                 {"scram_sha_512", SASL_SCRAM_SHA_512}};
static const cyaml_strval_t strategy_words[] = {{"per_broker", 0}, {"per_partition", 1}};
static const cyaml_strval_t produce_words[] = {{"async", PRODUCE_ASYNC}, {"sync", PRODUCE_SYNC}};
static const cyaml_strval_t acks_words[] = {{"all", ACKS_ALL},
                                            {"leader", ACKS_LEADER},
                                            {"none", ACKS_NONE},
                                            {"all_isr", ACKS_ALL},
                                            {"leader_only", ACKS_LEADER}};
static const cyaml_strval_t compression_words[] = {
    {"none", COMPRESSION_NONE}, {"gzip", COMPRESSION_GZIP}, {"snappy", COMPRESSION_SNAPPY},
    {"lz4", COMPRESSION_LZ4},   {"zstd", COMPRESSION_ZSTD}, {"no_compression", COMPRESSION_NONE}};
static const cyaml_strval_t partitioner_words[] = {{"murmur2", PARTITIONER_MURMUR2},
                                                   {"sticky", PARTITIONER_STICKY},
                                                   {"random", PARTITIONER_RANDOM},
                                                   {"roundrobin", PARTITIONER_ROUNDROBIN},
                                                   {"consistent", PARTITIONER_CONSISTENT},
                                                   {"phash2", PARTITIONER_PHASH2},
                                                   {"md5", PARTITIONER_MD5},
                                                   {"first_key_dispatch", PARTITIONER_PHASH2},
                                                   {"hash", PARTITIONER_PHASH2}};
static const cyaml_strval_t encoding_words[] = {
    {"plain", PAYLOAD_PLAIN}, {"base64", PAYLOAD_BASE64}, {"hex", PAYLOAD_HEX}};
static const cyaml_strval_t mode_words[] = {
    {"memory", BUFFER_MEMORY}, {"disk", BUFFER_DISK}, {"hybrid", BUFFER_HYBRID}};
static const cyaml_strval_t when_full_words[] = {{"drop_oldest", WHEN_FULL_DROP_OLDEST},
                                                 {"drop_newest", WHEN_FULL_DROP_NEWEST},
                                                 {"refuse", WHEN_FULL_REFUSE}};
static const cyaml_strval_t format_words[] = {
    {"auto", MQK_FORMAT_AUTO}, {"text", MQK_FORMAT_TEXT}, {"json", MQK_FORMAT_JSON}};
static const cyaml_strval_t scope_words[] = {{"group", SCOPE_GROUP},
                                             {"every_node", SCOPE_EVERY_NODE}};
static const cyaml_strval_t reset_words[] = {{"latest", OFFSET_RESET_LATEST},
                                             {"earliest", OFFSET_RESET_EARLIEST}};
static const cyaml_strval_t action_words[] = {{"publish", DOWNLINK_PUBLISH},
                                              {"kick", DOWNLINK_KICK},
                                              {"acl_clean", DOWNLINK_ACL_CLEAN},
                                              {"callback", DOWNLINK_CALLBACK}};
static const cyaml_strval_t record_encoding_words[] = {
    {"plain", PAYLOAD_PLAIN}, {"none", PAYLOAD_PLAIN}, {"base64", PAYLOAD_BASE64}};
static const cyaml_strval_t source_words[] = {{"headers", 1}};
static const cyaml_strval_t skip_own_words[] = {
    {"false", SKIP_OWN_NONE}, {"true", SKIP_OWN_ANY}, {"node", SKIP_OWN_NODE}};

/*
 * The keys. Kinds of rows:
 *   TEXT(struct, "key", member, …)         one text
 *   WORD(struct, "key", member, words, …)  one of some words
 *   MAP(struct, "key", member, name, …)    a mapping: name_table
 *   TEXTS(struct, "key", member, …)        a list of texts
 *   MAPS(struct, "key", member, name, …)   a list of mappings: name_table
 *   NONE("key", …)                         known, but not available in this version
 * At the end: what struct key_rule says of the key.
 */
#define NAME        .alias_of = NULL
#define ALIAS(name) .alias_of = name
#define REQUIRED    .required = true

#define SASL_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                           \
    WORD(S, "mechanism", mechanism, mechanism_words, NAME)                                         \
    TEXT(S, "username", username, .check = check_not_empty)                                        \
    TEXT(S, "password", password, .check = check_not_empty)

#define SSL_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                            \
    WORD(S, "enable", enable, bool_words, NAME)                                                    \
    TEXT(S, "cacertfile", cacertfile, .check = check_not_empty)                                    \
    TEXT(S, "certfile", certfile, .check = check_not_empty)                                        \
    TEXT(S, "keyfile", keyfile, .check = check_not_empty)                                          \
    TEXT(S, "key_password", key_password, .check = check_not_empty)                                \
    TEXT(S, "password", password, ALIAS("key_password"), .check = check_not_empty)                 \
    WORD(S, "verify", verify, verify_words, NAME)                                                  \
    TEXT(S, "server_name_indication", server_name_indication, .check = check_server_name)

#define BUFFER_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                         \
    WORD(S, "mode", mode, mode_words, NAME)                                                        \
    TEXT(S, "memory", memory, .check = check_size, .min = 64 * KB, .max = SETTINGS_MAX_BUFFER)     \
    TEXT(S, "records", records, .check = check_number, .min = 1, .max = INT32_MAX)                 \
    WORD(S, "when_full", when_full, when_full_words, NAME)                                         \
    TEXT(S, "dir", dir, .check = check_not_empty)                                                  \
    TEXT(S, "disk", disk, .check = check_size, .min = MB, .max = 16 * TB)                          \
    TEXT(S, "sync", sync, .check = check_sync, .min = 1, .max = MINUTE)

#define PRODUCER_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                       \
    WORD(S, "produce", produce, produce_words, NAME)                                               \
    TEXT(S, "produce_sync_timeout", produce_sync_timeout, .check = check_duration_ms, .min = 1,    \
         .max = HOUR)                                                                              \
    WORD(S, "acks", acks, acks_words, NAME)                                                        \
    WORD(S, "compression", compression, compression_words, NAME)                                   \
    WORD(S, "partitioner", partitioner, partitioner_words, NAME)                                   \
    WORD(S, "partition_strategy", partition_strategy, partitioner_words, ALIAS("partitioner"))     \
    WORD(S, "encode_payload_type", encode_payload_type, encoding_words, NAME)                      \
    TEXT(S, "linger", linger, .check = check_duration_ms, .min = 0, .max = 15 * MINUTE)            \
    TEXT(S, "message_ttl", message_ttl, .check = check_duration, .min = 0, .max = INT32_MAX)       \
    TEXT(S, "max_batch_bytes", max_batch_bytes, .check = check_size, .min = 1, .max = INT32_MAX)   \
    MAP(S, "buffer", buffer, buffer, NAME)                                                         \
    TEXT(S, "replayq_dir", replayq_dir, .check = check_not_empty)                                  \
    TEXT(S, "dead_letter", dead_letter, .check = check_topic)

#define CLIENT_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                         \
    TEXT(S, "client_id", client_id, .check = check_not_empty)                                      \
    TEXTS(S, "servers", servers, .check = check_servers)                                           \
    TEXTS(S, "bootstrap_hosts", bootstrap_hosts, ALIAS("servers"), .check = check_servers)         \
    TEXT(S, "connect_timeout", connect_timeout, .check = check_duration, .min = SECOND,            \
         .max = HOUR)                                                                              \
    WORD(S, "connection_strategy", connection_strategy, strategy_words,                            \
         .check = check_connection_strategy)                                                       \
    TEXT(S, "min_metadata_refresh_interval", min_metadata_refresh_interval,                        \
         .check = check_duration, .min = 1, .max = MINUTE)                                         \
    WORD(S, "query_api_versions", query_api_versions, bool_words, .check = check_api_versions)     \
    TEXT(S, "request_timeout", request_timeout, .check = check_duration, .min = 10,                \
         .max = 5 * MINUTE)                                                                        \
    TEXT(S, "health_check_interval", health_check_interval, .check = check_duration,               \
         .min = SECOND, .max = HOUR)                                                               \
    MAP(S, "sasl", sasl, sasl, NAME)                                                               \
    MAP(S, "ssl", ssl, ssl, NAME)                                                                  \
    TEXTS(S, "properties", properties, .check = check_properties)

#define CLUSTER_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                        \
    TEXT(S, "name", name, REQUIRED, .check = check_not_empty)                                      \
    CLIENT_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                             \
    MAP(S, "producer", producer, producer, NAME)

#define HEADER_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                         \
    TEXT(S, "name", name, REQUIRED)                                                                \
    TEXT(S, "value", value, NAME)

#define REGEX_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                          \
    TEXT(S, "field", field, NAME)                                                                  \
    TEXT(S, "pattern", pattern, REQUIRED)

#define MESSAGE_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                        \
    TEXT(S, "timestamp", timestamp, NAME)                                                          \
    TEXT(S, "value", value, NAME)                                                                  \
    TEXT(S, "key", key, NAME)

#define RULE_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                           \
    TEXT(S, "name", name, .check = check_not_empty)                                                \
    TEXT(S, "cluster", cluster, .check = check_not_empty)                                          \
    TEXT(S, "hook", hook, REQUIRED)                                                                \
    TEXT(S, "endpoint", endpoint, ALIAS("hook"))                                                   \
    TEXT(S, "filter", filter, NAME)                                                                \
    TEXTS(S, "filters", filters, .check = check_filters)                                           \
    TEXT(S, "topic", topic, REQUIRED)                                                              \
    TEXT(S, "kafka_topic", kafka_topic, ALIAS("topic"))                                            \
    TEXT(S, "key", key, NAME)                                                                      \
    TEXT(S, "value", value, NAME)                                                                  \
    MAP(S, "kafka_message", kafka_message, message, NAME)                                          \
    WORD(S, "value_format", value_format, format_words, NAME)                                      \
    TEXT(S, "envelope", envelope, NAME)                                                            \
    TEXTS(S, "headers_from", headers_from, NAME)                                                   \
    MAPS(S, "headers", headers, header, NAME)                                                      \
    TEXT(S, "timestamp", timestamp, NAME)                                                          \
    TEXT(S, "partition", partition, NAME)                                                          \
    MAP(S, "producer", producer, producer, NAME)                                                   \
    WORD(S, "stop", stop, bool_words, NAME)                                                        \
    TEXT(S, "max_topics", max_topics, .check = check_number, .min = 1, .max = 1000000)             \
    TEXT(S, "where", where, NAME)                                                                  \
    MAP(S, "regex", regex, regex, NAME)                                                            \
    WORD(S, "origin_header", origin_header, bool_words, NAME)

#define CONSUMER_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                       \
    TEXT(S, "name", name, .check = check_not_empty)                                                \
    TEXTS(S, "topics", topics, REQUIRED, .check = check_topics)                                    \
    TEXT(S, "cluster", cluster, .check = check_not_empty)                                          \
    TEXT(S, "group_id", group_id, REQUIRED, .check = check_group_id)                               \
    WORD(S, "scope", scope, scope_words, NAME)                                                     \
    WORD(S, "offset_reset", offset_reset, reset_words, NAME)                                       \
    TEXT(S, "commit_interval", commit_interval, .check = check_duration, .min = 10, .max = HOUR)   \
    WORD(S, "action", action, action_words, REQUIRED)                                              \
    TEXT(S, "where", where, NAME)                                                                  \
    MAP(S, "regex", regex, regex, NAME)                                                            \
    TEXT(S, "mqtt_topic", mqtt_topic, NAME)                                                        \
    TEXT(S, "payload", payload, NAME)                                                              \
    WORD(S, "payload_format", payload_format, format_words, NAME)                                  \
    TEXT(S, "qos", qos, NAME)                                                                      \
    TEXT(S, "retain", retain, NAME)                                                                \
    MAPS(S, "properties", properties, header, NAME)                                                \
    MAPS(S, "user_properties", user_properties, header, NAME)                                      \
    WORD(S, "user_properties_from", user_properties_from, source_words, NAME)                      \
    TEXTS(S, "clientid", clientid, .check = check_fallbacks)                                       \
    TEXTS(S, "username", username, .check = check_fallbacks)                                       \
    TEXT(S, "reason", reason, NAME)                                                                \
    WORD(S, "key_encoding", key_encoding, record_encoding_words, NAME)                             \
    WORD(S, "value_encoding", value_encoding, record_encoding_words, NAME)                         \
    TEXT(S, "max_in_flight", max_in_flight, .check = check_number, .min = 1, .max = 1000000)       \
    TEXT(S, "dead_letter", dead_letter, .check = check_topic)                                      \
    WORD(S, "skip_own", skip_own, skip_own_words, NAME)                                            \
    TEXTS(S, "librdkafka", librdkafka, .check = check_consumer_properties)

#define KAFKA_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE)                                          \
    MAP(S, "client", client, client, NAME)                                                         \
    MAP(S, "connection", connection, client, ALIAS("client"))                                      \
    MAPS(S, "clusters", clusters, cluster, .check = check_clusters)                                \
    MAP(S, "producer", producer, producer, NAME)                                                   \
    MAPS(S, "hook", hook, rule, NAME)                                                              \
    MAPS(S, "hooks", hooks, rule, ALIAS("hook"))                                                   \
    MAPS(S, "consumer", consumer, consumer, NAME)

#define ROOT_KEYS(S, TEXT, WORD, MAP, TEXTS, MAPS, NONE) MAP(S, "kafka", kafka, kafka, REQUIRED)

/* The rows as libcyaml's fields … */
#define OPTIONAL CYAML_FLAG_OPTIONAL
#define FIELD_TEXT(S, key, member, ...)                                                            \
    CYAML_FIELD_STRING_PTR(key, OPTIONAL, struct S, member, 0, CYAML_UNLIMITED),
#define FIELD_WORD(S, key, member, words, ...)                                                     \
    CYAML_FIELD_ENUM_PTR(key, OPTIONAL | CYAML_FLAG_STRICT, struct S, member, words,               \
                         sizeof(words) / sizeof((words)[0])),
#define FIELD_MAP(S, key, member, name, ...)                                                       \
    CYAML_FIELD_MAPPING_PTR(key, OPTIONAL, struct S, member, name##_fields),
#define FIELD_TEXTS(S, key, member, ...)                                                           \
    CYAML_FIELD_SEQUENCE(key, OPTIONAL | CYAML_FLAG_POINTER, struct S, member, &text_schema, 0,    \
                         CYAML_UNLIMITED),
#define FIELD_MAPS(S, key, member, name, ...)                                                      \
    CYAML_FIELD_SEQUENCE(key, OPTIONAL | CYAML_FLAG_POINTER, struct S, member, &name##_schema, 0,  \
                         CYAML_UNLIMITED),
#define FIELD_NONE(key, ...) CYAML_FIELD_IGNORE(key, OPTIONAL),

/* … and as our rules. */
#define RULE_TEXT(S, key, member, ...)        {__VA_ARGS__},
#define RULE_WORD(S, key, member, words, ...) {__VA_ARGS__},
#define RULE_MAP(S, key, member, name, ...)   {.table = &name##_table, __VA_ARGS__},
#define RULE_TEXTS(S, key, member, ...)       {__VA_ARGS__},
#define RULE_MAPS(S, key, member, name, ...)  {.table = &name##_table, __VA_ARGS__},
#define RULE_NONE(key, ...)                   {__VA_ARGS__},

#define TABLE(linkage, name, S, KEYS)                                                              \
    static const cyaml_schema_field_t name##_fields[] = {                                          \
        KEYS(S, FIELD_TEXT, FIELD_WORD, FIELD_MAP, FIELD_TEXTS, FIELD_MAPS, FIELD_NONE)            \
            CYAML_FIELD_END};                                                                      \
    static const struct key_rule name##_rules[] = {                                                \
        KEYS(S, RULE_TEXT, RULE_WORD, RULE_MAP, RULE_TEXTS, RULE_MAPS, RULE_NONE){0}};             \
    _Static_assert(sizeof(name##_rules) / sizeof(name##_rules[0]) <= CONFIG_MAX_KEYS + 1,          \
                   "room for the names");                                                          \
    linkage const struct key_table name##_table = {name##_fields, name##_rules, sizeof(struct S)};

#define ENTRY(name, S)                                                                             \
    static const cyaml_schema_value_t name##_schema = {                                            \
        CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct S, name##_fields)};

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED)};

TABLE(static, sasl, sasl_yaml, SASL_KEYS)
TABLE(static, ssl, ssl_yaml, SSL_KEYS)
TABLE(static, buffer, buffer_yaml, BUFFER_KEYS)
TABLE(, producer, producer_yaml, PRODUCER_KEYS)
TABLE(, client, client_yaml, CLIENT_KEYS)
TABLE(, cluster, client_yaml, CLUSTER_KEYS)
ENTRY(cluster, client_yaml)
TABLE(static, header, header_yaml, HEADER_KEYS)
ENTRY(header, header_yaml)
TABLE(static, regex, regex_yaml, REGEX_KEYS)
TABLE(static, message, message_yaml, MESSAGE_KEYS)
TABLE(, rule, rule_yaml, RULE_KEYS)
ENTRY(rule, rule_yaml)
TABLE(, consumer, consumer_yaml, CONSUMER_KEYS)
ENTRY(consumer, consumer_yaml)
TABLE(, kafka, kafka_yaml, KAFKA_KEYS)
TABLE(, root, root_yaml, ROOT_KEYS)

const cyaml_schema_value_t root_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct root_yaml, root_fields)};

size_t config_key_find(const struct key_table *table, mqk_str key) {
    for (size_t i = 0; table->fields[i].key; i++) {
        if (str_equal(key, mqk_cstr(table->fields[i].key))) {
            return i;
        }
    }
    return SIZE_MAX;
}

const char *config_key_name(const struct key_table *table, size_t index) {
    const char *alias_of = table->rules[index].alias_of;
    return alias_of ? alias_of : table->fields[index].key;
}

const char *config_partitioner_name(const int *partitioner) {
    int64_t wanted = partitioner ? *partitioner : PARTITIONER_MURMUR2;
    for (size_t i = 0; i < sizeof(partitioner_words) / sizeof(partitioner_words[0]); i++) {
        if (partitioner_words[i].val == wanted) {
            return partitioner_words[i].str;
        }
    }
    return NULL;
}

void config_key_names(const struct key_table *table, bool all,
                      const char *names[CONFIG_MAX_KEYS + 1]) {
    size_t count = 0;
    for (size_t i = 0; table->fields[i].key; i++) {
        bool own = !table->rules[i].alias_of && table->fields[i].value.type != CYAML_IGNORE;
        if (all || own) {
            names[count++] = table->fields[i].key;
        }
    }
    names[count] = NULL;
}
