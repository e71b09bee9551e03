/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings in their final form: units resolved, defaults filled in, secrets read, everything
 * checked. Written by config.c, read by producer.c and the bridge; immutable afterwards. All texts
 * are NUL-terminated and belong to the config they stand in.
 */
#ifndef MQK_EDGES_SETTINGS_H
#define MQK_EDGES_SETTINGS_H

#include "base64.h"
#include "downlink.h"
#include "ruleset.h"

enum produce_mode { PRODUCE_ASYNC, PRODUCE_SYNC };
enum acks { ACKS_ALL, ACKS_LEADER, ACKS_NONE };
enum compression {
    COMPRESSION_NONE,
    COMPRESSION_GZIP,
    COMPRESSION_SNAPPY,
    COMPRESSION_LZ4,
    COMPRESSION_ZSTD
};
enum partitioner {
    PARTITIONER_MURMUR2,
    PARTITIONER_STICKY,
    PARTITIONER_RANDOM,
    PARTITIONER_ROUNDROBIN,
    PARTITIONER_CONSISTENT,
    PARTITIONER_PHASH2,
    PARTITIONER_MD5
};
enum buffer_mode { BUFFER_MEMORY, BUFFER_DISK, BUFFER_HYBRID };
enum when_full { WHEN_FULL_DROP_OLDEST, WHEN_FULL_DROP_NEWEST, WHEN_FULL_REFUSE };
enum sasl_mechanism { SASL_NONE, SASL_PLAIN, SASL_SCRAM_SHA_256, SASL_SCRAM_SHA_512 };

/* The largest buffer_bytes. */
#define SETTINGS_MAX_BUFFER (INT64_C(32) << 30)

/* How records are produced. Two rules with equal settings for the same cluster share a producer. */
struct producer_settings {
    enum produce_mode produce;    /* async */
    int64_t sync_timeout_ms;      /* 3000 */
    enum acks acks;               /* all */
    enum compression compression; /* none */
    enum partitioner partitioner; /* murmur2 */
    int64_t linger_ms;            /* 20, with sync 0; 0 to 900,000 */
    int64_t message_ttl_ms;       /* 0: no limit; else 1 to 2^31-1 */
    enum buffer_mode mode;        /* memory; with disk and hybrid spool_dir is set */
    int64_t buffer_bytes;         /* in memory: 64 MiB; 64 KiB to 32 GiB */
    int64_t buffer_records;       /* 0: no limit but the bytes */
    enum when_full when_full;     /* drop_oldest */
    const char *spool_dir;        /* NULL: none; `${node}` stands for the node's name */
    int64_t disk_bytes;           /* 2 GiB; 1 MiB to 16 TiB */
    int64_t sync_ms;              /* 10; 0: always */
    int64_t max_batch_bytes;      /* 0: librdkafka's own; 1 to 2^31-1 */
    const char *dead_letter;      /* topic of records that Kafka refuses for good; NULL: none */
};

/* A librdkafka property of the user's, applied last. */
struct property {
    const char *name;
    const char *value; /* may be a secret: never logged */
};

/* A Kafka cluster. */
struct cluster_settings {
    const char *name;            /* "default" when the configuration has only `client` */
    const char *client_id;       /* "mqkafka" */
    const char *servers;         /* "host:port,host:port"; port 9092 where left out */
    bool embedded;               /* servers: ["embedded"] */
    int64_t connect_timeout_ms;  /* 0: librdkafka's own */
    int64_t request_timeout_ms;  /* 0: librdkafka's own */
    int64_t metadata_fast_ms;    /* min_metadata_refresh_interval; 0: librdkafka's own */
    int64_t metadata_refresh_ms; /* health_check_interval; 0: librdkafka's own */
    enum sasl_mechanism mechanism;
    const char *username; /* NULL without SASL */
    const char *password; /* NULL without SASL; secret */
    bool tls;
    const char *cacertfile; /* NULL: the system's */
    const char *certfile;   /* NULL: no client certificate */
    const char *keyfile;
    const char *key_password; /* NULL: none; secret */
    bool verify;              /* check the server's certificate: true */
    bool verify_hostname;     /* and that it is for this host: true */
    const struct property *properties;
    size_t property_count;
};

/* A lane: the cluster and the way that the records of some rules go. Equal ones are one lane. */
struct lane_settings {
    uint32_t cluster; /* index into settings.clusters */
    /* "main" for the settings that the cluster's rules share, else a word made of what differs: the
     * same settings have the same name after a restart. Names the spool's folder. */
    char name[24];
    struct producer_settings producer;
};

enum consumer_scope { SCOPE_GROUP, SCOPE_EVERY_NODE };
enum offset_reset { OFFSET_RESET_LATEST, OFFSET_RESET_EARLIEST };

/* How a consumer rule reads; what it makes of records stands in settings.downlink under the same
 * number. */
struct consumer_settings {
    uint32_t cluster;          /* index into settings.clusters */
    const char *const *topics; /* names, and patterns that begin with ^ */
    size_t topic_count;        /* at least 1 */
    const char *group_id;
    enum consumer_scope scope;
    enum offset_reset offset_reset;
    int64_t commit_interval_ms; /* 5000 */
    uint32_t max_in_flight;     /* 1000: records read and not answered */
    const char *dead_letter;    /* NULL: none */
    uint32_t lane;              /* of the dead letters; UINT32_MAX: none */
    const struct property *properties;
    size_t property_count;
    mqk_str fingerprint; /* all that the user wrote of the rule, to be compared */
};

struct settings {
    const struct cluster_settings *clusters;
    size_t cluster_count; /* at least 1 */
    const struct lane_settings *lanes;
    size_t lane_count;     /* 0 when nothing is sent */
    struct ruleset *rules; /* compiled; rule_info.lane is an index into lanes */
    const struct consumer_settings *consumers;
    size_t consumer_count;
    struct downlink *downlink; /* the consumer rules, compiled; NULL: none */
    /* What the operator should know although the configuration is good, each a whole line with its
     * place: for the log. */
    const char *const *warnings;
    size_t warning_count;
};

/* Whether two of them mean the same connection and the same production, so that a running producer
 * can be kept over a reload. (config.c) */
bool cluster_settings_equal(const struct cluster_settings *a, const struct cluster_settings *b);
bool producer_settings_equal(const struct producer_settings *a, const struct producer_settings *b);

#endif
