/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled rules: immutable, reference-counted, usable from any thread, knowing neither Kafka
 * nor YAML. What a rule's records have to do with Kafka is to the ruleset a number, the rule's
 * `lane`, which the floors above give and read back.
 */
#ifndef MQK_RULES_RULESET_H
#define MQK_RULES_RULESET_H

#include "kafka_topic.h"
#include "template.h"

struct ruleset;

/* A header of a rule, as written. */
struct rule_header_source {
    mqk_str name;
    mqk_str value; /* template; absent: a NULL header */
};

/* One rule as written; absent texts are settings that were not given. All texts are copied. */
struct rule_source {
    mqk_str name;
    mqk_str hook; /* "message.publish", "client.connected, client.disconnected", "client.*" */
    const mqk_str *filters; /* none: "#" */
    size_t filter_count;
    bool filters_is_list;    /* for paths in messages: `filters[0]` instead of `filter` */
    mqk_str where;           /* predicate; absent: none */
    mqk_str regex_pattern;   /* regular expression; absent: none */
    mqk_str regex_field;     /* placeholder that it is matched against; absent: the topic */
    mqk_str topic;           /* template; must be there */
    mqk_str key;             /* template; absent: NULL key */
    mqk_str value;           /* template; absent: the envelope, or `${.}` */
    mqk_str envelope;        /* "raw", "event", …; only without value */
    mqk_value_format format; /* of value */
    /* Groups of headers, "user_properties" and "event", in order; they stand before `headers`. */
    const mqk_str *headers_from;
    size_t headers_from_count;
    const struct rule_header_source *headers;
    size_t header_count;
    mqk_str partition; /* template; absent: the partitioner chooses */
    mqk_str timestamp; /* template; absent: the event's time */
    enum payload_encoding encoding;
    bool stop;
    bool origin_header;  /* the record says which node it came from (downlink.h, ORIGIN_HEADER) */
    uint32_t max_topics; /* most different topics that a topic template may make */
    bool incomplete;     /* not all settings are known: what its filters and patterns offer to
                            templates is not checked */
    mqk_str cluster;     /* name of the cluster, for records and explain */
    mqk_str partitioner; /* what chooses partitions, for records; static text, not copied */
    uint32_t lane;       /* opaque */
};

/* Told of each problem: which rule, the setting's path inside the rule ("key", "filters[1]",
 * "headers[0].value"), the byte in its text (from 1, 0: the whole), status and sentence. */
typedef void (*rule_problem_fn)(void *user, size_t rule, const char *path, size_t at,
                                mqk_severity severity, mqk_status code, const char *sentence);

/* Compiles. NULL when there was an error (each was told) or no memory (told as MQK_ERR_NO_MEMORY).
 * The result has one reference. */
struct ruleset *ruleset_compile(const struct rule_source *rules, size_t count,
                                rule_problem_fn problem, void *user);

struct ruleset *ruleset_ref(struct ruleset *r);
void ruleset_unref(struct ruleset *r); /* NULL allowed */

/* What the floors above may know of a rule. */
struct rule_info {
    mqk_str name; /* given, or "hook[N]" */
    mqk_str cluster;
    mqk_str partitioner;
    uint32_t lane;
    uint32_t max_topics;
    bool constant_topic;
    mqk_str topic; /* with constant_topic: the topic */
};
size_t ruleset_size(const struct ruleset *r);
/* Bit set (1 << mqk_hook) of the hooks that have at least one rule. */
uint64_t ruleset_hooks(const struct ruleset *r);
const struct rule_info *ruleset_rule(const struct ruleset *r, size_t index);

/* Most headers a rule may have; more is a load error. */
#define RULE_MAX_HEADERS 64u
/* Most user properties that become headers; more makes the record MQK_ERR_TOO_LARGE. */
#define RULE_MAX_USER_HEADERS 1024u
/* Most rules in a ruleset. */
#define RULESET_MAX_RULES 1000000u

/* A record just rendered; everything points into the event, the ruleset or the caller's buffer,
 * valid until the callback returns. */
struct rendered_record {
    uint32_t rule;
    const struct rule_info *info;
    mqk_str topic;
    mqk_str key;
    mqk_str value;
    const mqk_header *headers;
    size_t header_count;
    int64_t timestamp_ms;
    int32_t partition; /* -1: the partitioner chooses, as where the rule's template has no value */
    /* MQK_OK, MQK_ERR_TOPIC (illegal topic), MQK_ERR_PARTITION (the rule's partition is no number),
     * MQK_ERR_TOO_LARGE, MQK_ERR_NO_MEMORY */
    mqk_status status;
    bool utf8_replaced;
};

/* Receives each record; returns false to stop (later rules are not tried). */
typedef bool (*rendered_record_fn)(void *user, const struct rendered_record *record);

/* What the host contributes to rendering. */
struct ruleset_host {
    mqk_str node;
    /* Told of an event that a rule did not match because a regular expression was given up; `user`
     * is that of ruleset_evaluate(). NULL: nobody. */
    void (*regex_limit)(void *user, uint32_t rule);
};

/* Evaluates an event (of full size, event_adopt): for each matching rule, in order, renders its
 * record and calls `fn`. Returns the number of rules that matched, or MQK_ERR_NO_MEMORY. Allocates
 * only when a record is larger than a few KiB or more than 64 filters match. */
int ruleset_evaluate(const struct ruleset *r, const mqk_event *event,
                     const struct ruleset_host *host, rendered_record_fn fn, void *user);

/* Tells for every rule whether it matches and why (one sentence). Returns as ruleset_evaluate(). */
typedef void (*rule_verdict_fn)(void *user, size_t rule, bool matched, mqk_str reason);
int ruleset_explain(const struct ruleset *r, const mqk_event *event,
                    const struct ruleset_host *host, rule_verdict_fn fn, void *user);

#endif
