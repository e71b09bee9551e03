/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumer rules: what a Kafka record asks of the broker. Compiled once, immutable, any thread; in
 * the language of hook rules, over the words of records (vocabulary.h). Knows neither Kafka nor the
 * host.
 */
#ifndef MQK_RULES_DOWNLINK_H
#define MQK_RULES_DOWNLINK_H

#include "base64.h"
#include "event.h"
#include "ruleset.h"
#include "uuid.h"

/* The header that marks what came from a broker by rules of ours: `origin_header: true`. Its value
 * is the node. */
#define ORIGIN_HEADER "mqk-origin"

enum downlink_action { DOWNLINK_PUBLISH, DOWNLINK_KICK, DOWNLINK_ACL_CLEAN, DOWNLINK_CALLBACK };

/* Which records that bear ORIGIN_HEADER are skipped. */
enum skip_own { SKIP_OWN_NONE, SKIP_OWN_ANY, SKIP_OWN_NODE };

/* Most properties, user properties and fallbacks that a rule may list. */
#define DOWNLINK_MAX_LIST 64u

struct text_list {
    const mqk_str *texts;
    size_t count;
};

/* A rule as read from the configuration; texts that are absent are not given. */
struct downlink_source {
    mqk_str name;
    enum downlink_action action;
    mqk_str where;
    mqk_str regex_field;
    mqk_str regex_pattern;
    mqk_str mqtt_topic;
    mqk_str payload; /* absent: "${value}" */
    mqk_value_format payload_format;
    mqk_str qos;    /* absent: 0 */
    mqk_str retain; /* absent: false */
    const struct rule_header_source *properties;
    size_t property_count;
    const struct rule_header_source *user_properties;
    size_t user_property_count;
    bool user_properties_from_headers;
    struct text_list clientid; /* templates, of which the first that renders fully wins */
    struct text_list username;
    mqk_str reason;
    enum payload_encoding key_encoding; /* what stands in Kafka: plain or base64 */
    enum payload_encoding value_encoding;
    enum skip_own skip_own;
};

struct downlink;

/* Compiles; as ruleset_compile(). Free with downlink_free(). `count` may be 0. */
struct downlink *downlink_compile(const struct downlink_source *rules, size_t count,
                                  rule_problem_fn problem, void *user);
void downlink_free(struct downlink *d); /* NULL allowed */

size_t downlink_size(const struct downlink *d); /* NULL: 0 */
mqk_str downlink_name(const struct downlink *d, size_t rule);
enum downlink_action downlink_action(const struct downlink *d, size_t rule);

/* What becomes of a record. */
enum downlink_verdict {
    DOWNLINK_COMMAND, /* something for the host */
    DOWNLINK_SKIPPED, /* the rule does not want it */
    DOWNLINK_UNUSABLE /* nothing can be made of it; `reason` says why */
};

#define DOWNLINK_MEMORY         192u
#define DOWNLINK_MAX_PROPERTIES 5u

/* What a record asks for. Texts point into the record, the rule, or memory of the command, which
 * therefore must not be moved. */
struct downlink_command {
    mqk_kafka_record record; /* filled by the caller, before; then key and value are decoded */
    union {
        mqk_publish publish;
        mqk_kick kick;
        mqk_acl_clean clean;
    } as;
    const char *reason; /* static */
    mqk_property properties[DOWNLINK_MAX_PROPERTIES];
    mqk_pair *user_properties; /* allocated, or NULL */
    char *decoded;             /* allocated, or NULL */
    struct buffer text;
    char memory[DOWNLINK_MEMORY];
};

/* A command without anything; its record is still to be filled. */
void downlink_command_init(struct downlink_command *c);
void downlink_command_fini(struct downlink_command *c);

/* What evaluating needs beside the rule, from one record to the next. */
struct downlink_host {
    mqk_str node;
    struct record_event event; /* downlink_host_init() */
};
void downlink_host_init(struct downlink_host *host, mqk_str node);

/* Makes the command of a record. */
enum downlink_verdict downlink_evaluate(const struct downlink *d, size_t rule,
                                        struct downlink_host *host, struct downlink_command *c);

/* Tells whether the rule wants the record and why (appended to `out`, one sentence). */
enum downlink_verdict downlink_explain(const struct downlink *d, size_t rule,
                                       struct downlink_host *host, struct downlink_command *c,
                                       struct buffer *out);

#endif
