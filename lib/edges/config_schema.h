/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of all settings: their names and aliases, what kind of value each takes and where
 * it goes. libcyaml loads by it, config_check.c checks by it, overlays merge by it.
 *
 * Everything in these structs is a pointer, NULL when the setting was not given. Words are `int`s
 * of the enums in settings.h. Each alias has its own member, which config_fold() empties.
 */
#ifndef MQK_EDGES_CONFIG_SCHEMA_H
#define MQK_EDGES_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

#include "yaml_tree.h"

struct sasl_yaml {
    int *mechanism;
    char *username;
    char *password;
};

struct ssl_yaml {
    int *enable;
    char *cacertfile;
    char *certfile;
    char *keyfile;
    char *key_password;
    char *password; /* alias of key_password */
    int *verify;
    char *server_name_indication;
};

struct buffer_yaml {
    int *mode;
    char *memory;
    char *records;
    int *when_full;
    char *dir;
    char *disk;
    char *sync;
};

struct producer_yaml {
    int *produce;
    char *produce_sync_timeout;
    int *acks;
    int *compression;
    int *partitioner;
    int *partition_strategy; /* alias of partitioner */
    int *encode_payload_type;
    char *linger;
    char *message_ttl;
    char *max_batch_bytes;
    struct buffer_yaml *buffer;
    char *replayq_dir; /* another place of buffer.mode disk and buffer.dir */
    char *dead_letter;
};

/* `client`, and an entry of `clusters`. */
struct client_yaml {
    char *name; /* in `clusters` only */
    char *client_id;
    char **servers;
    uint32_t servers_count;
    char **bootstrap_hosts; /* alias of servers */
    uint32_t bootstrap_hosts_count;
    char *connect_timeout;
    int *connection_strategy;
    char *min_metadata_refresh_interval;
    int *query_api_versions;
    char *request_timeout;
    char *health_check_interval;
    struct sasl_yaml *sasl;
    struct ssl_yaml *ssl;
    char **properties;
    uint32_t properties_count;
    struct producer_yaml *producer; /* in `clusters` only */
};

struct header_yaml {
    char *name;
    char *value;
};

struct regex_yaml {
    char *field;
    char *pattern;
};

struct message_yaml {
    char *timestamp;
    char *value;
    char *key;
};

struct rule_yaml {
    char *name;
    char *cluster;
    char *hook;
    char *endpoint; /* alias of hook */
    char *filter;
    char **filters;
    uint32_t filters_count;
    char *where;
    struct regex_yaml *regex;
    char *topic;
    char *kafka_topic; /* alias of topic */
    char *key;
    char *value;
    struct message_yaml *kafka_message; /* other places of timestamp, value, key */
    int *value_format;
    char *envelope;
    char **headers_from;
    uint32_t headers_from_count;
    struct header_yaml *headers;
    uint32_t headers_count;
    char *partition;
    char *timestamp;
    struct producer_yaml *producer;
    int *stop;
    char *max_topics;
    int *origin_header;
};

struct consumer_yaml {
    char *name;
    char *cluster;
    char **topics;
    uint32_t topics_count;
    char *group_id;
    int *scope;
    int *offset_reset;
    char *commit_interval;
    int *action;
    char *where;
    struct regex_yaml *regex;
    char *mqtt_topic;
    char *payload;
    int *payload_format;
    char *qos;
    char *retain;
    struct header_yaml *properties;
    uint32_t properties_count;
    struct header_yaml *user_properties;
    uint32_t user_properties_count;
    int *user_properties_from;
    char **clientid;
    uint32_t clientid_count;
    char **username;
    uint32_t username_count;
    char *reason;
    int *key_encoding;
    int *value_encoding;
    char *max_in_flight;
    char *dead_letter;
    int *skip_own;
    char **librdkafka;
    uint32_t librdkafka_count;
};

struct kafka_yaml {
    struct client_yaml *client;
    struct client_yaml *connection; /* alias of client */
    struct client_yaml *clusters;
    uint32_t clusters_count;
    struct producer_yaml *producer;
    struct rule_yaml *hook;
    uint32_t hook_count;
    struct rule_yaml *hooks; /* alias of hook */
    uint32_t hooks_count;
    struct consumer_yaml *consumer;
    uint32_t consumer_count;
};

struct root_yaml {
    struct kafka_yaml *kafka;
};

/* A word that is known, but stands for something that this version does not have. */
#define WORD_UNAVAILABLE (-1)

struct check;
struct key_rule;

/* Looks at a setting's value, which has the right type. */
typedef void (*key_check_fn)(struct check *c, const struct yaml_node *value,
                             const struct key_rule *rule);

/* What libcyaml's schema does not say of a key. */
struct key_rule {
    const char *alias_of; /* NULL: this is the name itself */
    bool required;        /* under its own name or an alias */
    key_check_fn check;   /* NULL: nothing to check */
    int64_t min;          /* for check: ms, bytes or number */
    int64_t max;
    const struct key_table *table; /* of a mapping, or of the mappings in a list */
};

/* The keys of a mapping: libcyaml's fields, which end with a NULL key, and our rules beside them.
 */
struct key_table {
    const cyaml_schema_field_t *fields;
    const struct key_rule *rules;
    size_t size; /* of the struct */
};

extern const struct key_table root_table;
extern const struct key_table kafka_table;
extern const struct key_table client_table;
extern const struct key_table cluster_table;
extern const struct key_table producer_table;
extern const struct key_table rule_table;
extern const struct key_table consumer_table;

/* The schema of the whole file, for libcyaml. */
extern const cyaml_schema_value_t root_schema;

/* Index of a key in a table, or SIZE_MAX. */
size_t config_key_find(const struct key_table *table, mqk_str key);

/* The name that a key goes by: its own, or that of which it is an alias. */
const char *config_key_name(const struct key_table *table, size_t index);

/* Name of a partitioner; of the default one for NULL. */
const char *config_partitioner_name(const int *partitioner);

/* Most keys in a table. config_key_names() lists them, NULL-terminated: all, or without aliases and
 * what is not available. */
#define CONFIG_MAX_KEYS 40u
void config_key_names(const struct key_table *table, bool all,
                      const char *names[CONFIG_MAX_KEYS + 1]);

#endif
