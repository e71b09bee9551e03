/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file mqkafka.h
 * @brief libmqkafka: broker events become Kafka records.
 *
 * The host (an MQTT broker plugin, a gateway, any program) loads a configuration, opens a bridge
 * and calls mqk_on_event() from its own hooks. Rules written in YAML decide which events become
 * Kafka records and what topic, key, value, headers and timestamp those carry.
 *
 * @code
 * mqk_error err;
 * mqk_config *config = NULL;
 * mqk_bridge *bridge = NULL;
 * if (mqk_config_load_file("rules.yaml", &config, &err) != MQK_OK ||
 *     mqk_bridge_open(config, NULL, &bridge, &err) != MQK_OK) {
 *     fprintf(stderr, "%s\n", err.message);
 *     return 1;
 * }
 * mqk_config_free(config);
 *
 * mqk_event event;
 * mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
 * event.clientid = mqk_cstr("sensor-7");
 * event.topic = mqk_cstr("factory/a/line/3/temp");
 * event.payload = mqk_cstr("{\"temp\":31.5}");
 * mqk_on_event(bridge, &event);
 *
 * mqk_bridge_close(bridge, 5000, NULL);
 * @endcode
 *
 * General rules:
 * - Text crosses this interface as pointer and length (::mqk_str). It need not be NUL-terminated
 * nor valid UTF-8. `data == NULL` means "absent", which differs from an empty text.
 * - Functions that can fail return ::mqk_status, 0 for success and a negative number otherwise;
 * those that count return the count (>= 0) or a negative ::mqk_status.
 * - Structs that the caller fills begin with `size_t size`, set to `sizeof` the struct as the
 * caller knows it. The library treats members beyond that size as absent and ignores members it
 * does not know, so that programs and libraries of different age work together.
 * - The library never prints, exits, installs signal handlers or changes process-wide state.
 * - All times are milliseconds unless their name says otherwise (_us: microseconds); points in time
 * count from 1970-01-01 UTC.
 */
#ifndef MQKAFKA_H
#define MQKAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MQK_VERSION_MAJOR 0 /**< first number of the version */
#define MQK_VERSION_MINOR 9 /**< second number */
#define MQK_VERSION_PATCH 0 /**< third number */
/** The version of this header as text. mqk_version() gives the version of the library in use. */
#define MQK_VERSION "0.9.0"

/** Marks what the library exports. */
#if defined(__GNUC__)
#define MQK_API __attribute__((visibility("default")))
#else
#define MQK_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Words ------------------------------------------------------------------------------------
 */

/** A piece of text or bytes: `len` bytes at `data`. `data == NULL` means absent. */
typedef struct mqk_str {
    const char *data; /**< first byte, or NULL when absent */
    size_t len;       /**< number of bytes */
} mqk_str;

/** Makes an ::mqk_str of a NUL-terminated text (or an absent one of NULL). @since 0.9 */
static inline mqk_str mqk_cstr(const char *text) {
    mqk_str s;
    s.data = text;
    s.len = text ? strlen(text) : 0;
    return s;
}

/** A number that the host does not know. @since 0.9 */
#define MQK_UNKNOWN INT64_MIN

/**
 * All status values: X(name, number, sentence). mqk_status_name() and mqk_status_text() read this
 * table. Numbers never change.
 */
#define MQK_STATUSES(X)                                                                            \
    X(MQK_OK, 0, "success")                                                                        \
    X(MQK_ERR_ARGUMENT, -1, "an argument is NULL, out of range or not usable here")                \
    X(MQK_ERR_NO_MEMORY, -2, "out of memory")                                                      \
    X(MQK_ERR_IO, -3, "a file cannot be read")                                                     \
    X(MQK_ERR_SYNTAX, -4, "the text is not well-formed")                                           \
    X(MQK_ERR_CONFIG, -5, "a setting is unknown, missing or has a wrong value")                    \
    X(MQK_ERR_UNAVAILABLE, -6, "not available in this version")                                    \
    X(MQK_ERR_TEMPLATE, -7, "a template is wrong")                                                 \
    X(MQK_ERR_FILTER, -8, "a topic filter is illegal")                                             \
    X(MQK_ERR_FULL, -9, "the buffer is full and the configuration says to refuse")                 \
    X(MQK_ERR_CLOSED, -10, "closed before the record was delivered")                               \
    X(MQK_ERR_FORKED, -11, "the bridge was opened by another process (before a fork)")             \
    X(MQK_ERR_TIMEOUT, -12, "not finished within the time allowed")                                \
    X(MQK_ERR_KAFKA, -13, "Kafka or the connection to it failed")                                  \
    X(MQK_ERR_TOO_LARGE, -14, "larger than the stated limit")                                      \
    X(MQK_ERR_EXPIRED, -15, "older than message_ttl before it could be delivered")                 \
    X(MQK_ERR_TOPIC, -16, "not a legal Kafka topic name, or more topics than max_topics")          \
    X(MQK_ERR_DROPPED, -17, "dropped from a full buffer to make room")                             \
    X(MQK_ERR_TOO_SMALL, -18, "the caller's buffer is too small")                                  \
    X(MQK_ERR_PARTITION, -19, "no number of a partition, or the topic has no such partition")      \
    X(MQK_ERR_SPOOL, -20, "the spool on the disk cannot be used")

/** Result of a call; see ::MQK_STATUSES. */
typedef enum mqk_status {
#define MQK_STATUS_ENUM(name, number, text) name = number,
    MQK_STATUSES(MQK_STATUS_ENUM)
#undef MQK_STATUS_ENUM
} mqk_status;

/** Where and why something failed. Owned by the caller; filled only when a call fails. */
typedef struct mqk_error {
    mqk_status code;    /**< the status that the call also returned */
    uint32_t line;      /**< line in the file, from 1; 0 when there is no place */
    uint32_t column;    /**< column in bytes, from 1; 0 when there is no place */
    char message[1000]; /**< the whole sentence, with file, line, column and path; NUL-terminated */
} mqk_error;

/** Version of the library in use, e.g. "0.9.0". Any thread. @since 0.9 */
MQK_API const char *mqk_version(void);

/** Name of a status, e.g. "MQK_ERR_FULL"; "MQK_ERR_?" for a number that is none. Any thread.
 *  @since 0.9 */
MQK_API const char *mqk_status_name(mqk_status status);

/** What a status means, one sentence. Any thread. @since 0.9 */
MQK_API const char *mqk_status_text(mqk_status status);

/* ---- Topic filters ----------------------------------------------------------------------------
 */

/**
 * Tells whether an MQTT topic filter matches a topic name (MQTT 5, section 4.7).
 *
 * `$share/<group>/` in front of a filter is not taken off. A filter or topic that is illegal
 * matches nothing. Topics that begin with `$` are not matched by filters that begin with a
 * wildcard.
 *
 * @param filter topic filter, 1 to 65,535 bytes
 * @param topic  topic name, 1 to 65,535 bytes
 * Any thread. @since 0.9
 */
MQK_API bool mqk_topic_matches(mqk_str filter, mqk_str topic);

/**
 * Checks a topic filter (MQTT 5, section 4.7.1).
 *
 * @param filter the filter
 * @param err    filled when the filter is illegal, with what is wrong and where; may be NULL
 * @retval MQK_OK          legal
 * @retval MQK_ERR_FILTER  illegal: empty, longer than 65,535 bytes, contains NUL or invalid UTF-8,
 * or has a wildcard that is not a level of its own or a `#` that is not last Any thread. @since 0.9
 */
MQK_API mqk_status mqk_topic_filter_check(mqk_str filter, mqk_error *err);

/* ---- Events -----------------------------------------------------------------------------------
 */

/**
 * All hook points: X(NAME, number, "name", "alias or empty"). Numbers never change; new ones are
 * added at the end.
 */
#define MQK_HOOKS(X)                                                                               \
    X(CUSTOM, 0, "custom", "")                                                                     \
    X(CLIENT_CONNECT, 1, "client.connect", "")                                                     \
    X(CLIENT_CONNACK, 2, "client.connack", "")                                                     \
    X(CLIENT_CONNECTED, 3, "client.connected", "")                                                 \
    X(CLIENT_DISCONNECTED, 4, "client.disconnected", "")                                           \
    X(CLIENT_AUTHENTICATE, 5, "client.authenticate", "")                                           \
    X(CLIENT_AUTHORIZE, 6, "client.authorize", "client.check_acl")                                 \
    X(CLIENT_CHECK_AUTHZ_COMPLETE, 7, "client.check_authz_complete", "")                           \
    X(CLIENT_SUBSCRIBE, 8, "client.subscribe", "")                                                 \
    X(CLIENT_UNSUBSCRIBE, 9, "client.unsubscribe", "")                                             \
    X(SESSION_CREATED, 10, "session.created", "")                                                  \
    X(SESSION_SUBSCRIBED, 11, "session.subscribed", "")                                            \
    X(SESSION_UNSUBSCRIBED, 12, "session.unsubscribed", "")                                        \
    X(SESSION_RESUMED, 13, "session.resumed", "")                                                  \
    X(SESSION_DISCARDED, 14, "session.discarded", "")                                              \
    X(SESSION_TAKENOVER, 15, "session.takenover", "session.takeovered")                            \
    X(SESSION_TERMINATED, 16, "session.terminated", "")                                            \
    X(MESSAGE_PUBLISH, 17, "message.publish", "")                                                  \
    X(MESSAGE_DELIVERED, 18, "message.delivered", "")                                              \
    X(MESSAGE_ACKED, 19, "message.acked", "")                                                      \
    X(MESSAGE_DROPPED, 20, "message.dropped", "")

/** Hook point of an event; see ::MQK_HOOKS. ::MQK_HOOK_CUSTOM goes with `hook_name`. */
typedef enum mqk_hook {
#define MQK_HOOK_ENUM(name, number, text, alias) MQK_HOOK_##name = number,
    MQK_HOOKS(MQK_HOOK_ENUM)
#undef MQK_HOOK_ENUM
        MQK_HOOK_COUNT
} mqk_hook;

/** A name and a value, e.g. an MQTT 5 user property. Names may repeat; order is kept. */
typedef struct mqk_pair {
    mqk_str name;  /**< not empty */
    mqk_str value; /**< any text */
} mqk_pair;

/**
 * An MQTT 5 property other than a user property. Use the names of the MQTT 5 specification with
 * hyphens, as EMQX does: "Message-Expiry-Interval", "Content-Type", "Response-Topic",
 * "Correlation-Data", …
 */
typedef struct mqk_property {
    mqk_str name;   /**< as above */
    mqk_str text;   /**< value of a text or binary property; absent for a numeric one */
    int64_t number; /**< value of a numeric property, used when `text` is absent */
} mqk_property;

/**
 * The fields of an event, in the order of the struct's members. One table for the struct below, the
 * templates' names, `${.}`, predicates and the bindings:
 *
 * - TEXT(name, meaning): ::mqk_str, absent when `data` is NULL
 * - INT(name, meaning), BOOL(name, meaning), TIME(name, meaning): int64_t, absent when
 * ::MQK_UNKNOWN
 *
 * New fields are added at the end only.
 */
#define MQK_EVENT_FIELDS(TEXT, INT, BOOL, TIME)                                                    \
    TEXT(clientid, "client identifier; for delivered and acked: the receiver")                     \
    TEXT(username, "user name; for delivered and acked: the receiver's")                           \
    TEXT(topic, "topic name; on subscription events the topic filter")                             \
    TEXT(payload, "application message, any bytes")                                                \
    TEXT(node, "name of the broker node; absent: the host's (mqk_host.node)")                      \
    TEXT(id, "message identifier given by the broker")                                             \
    TEXT(from_clientid, "delivered and acked: client identifier of the sender")                    \
    TEXT(from_username, "delivered and acked: user name of the sender")                            \
    TEXT(peerhost, "client's address without port")                                                \
    TEXT(peername, "client's address as ip:port")                                                  \
    TEXT(sockname, "broker's address as ip:port")                                                  \
    TEXT(mountpoint, "prefix that the broker puts before the client's topics")                     \
    TEXT(proto_name, "protocol name, e.g. MQTT")                                                   \
    TEXT(reason, "why: disconnected, terminated, dropped")                                         \
    TEXT(reason_code, "client.connack: reason code as a word, e.g. success")                       \
    TEXT(action, "client.authorize: publish or subscribe")                                         \
    TEXT(authz_source, "client.check_authz_complete: what decided")                                \
    TEXT(result, "authenticate, authorize: outcome, e.g. allow, deny, success")                    \
    TEXT(session_id, "session.created: identifier of the session")                                 \
    TEXT(by_node, "message.dropped: node that dropped it")                                         \
    TIME(timestamp, "time of the event, ms; 0 or unknown: the time of the call")                   \
    TIME(connected_at, "client.connected: when, ms")                                               \
    TIME(disconnected_at, "client.disconnected: when, ms")                                         \
    TIME(created_at, "session.created: when, ms")                                                  \
    TIME(publish_received_at, "messages: when the broker received it, ms")                         \
    INT(qos, "quality of service, 0 to 2")                                                         \
    INT(proto_ver, "protocol version: 3, 4 or 5")                                                  \
    INT(keepalive, "keep alive, seconds")                                                          \
    INT(receive_maximum, "MQTT 5 receive maximum")                                                 \
    INT(expiry_interval, "session expiry interval, seconds")                                       \
    BOOL(retain, "RETAIN flag")                                                                    \
    BOOL(dup, "DUP flag")                                                                          \
    BOOL(clean_start, "clean start (clean session)")                                               \
    BOOL(is_bridge, "client is a bridge")

/**
 * One event. Begin with mqk_event_init(), then set what the host knows.
 *
 * Everything that the event points at belongs to the caller and is not used after mqk_on_event()
 * returned. Numbers that a hook does not have (e.g. `qos` on client.connected) are ignored,
 * whatever they hold.
 */
typedef struct mqk_event {
    size_t size;       /**< sizeof(mqk_event) as the caller knows it */
    mqk_hook hook;     /**< which hook point */
    uint32_t reserved; /**< 0 */
    mqk_str hook_name; /**< with ::MQK_HOOK_CUSTOM: the name, beginning with "custom." */
    /** Not 0: the host wants mqk_host.delivered once, when all records of this event are safe. */
    uint64_t token;
    /** MQTT 5 properties: conn_props, disconn_props, sub_props, unsub_props or pub_props, as the
     * hook has it. */
    const mqk_property *props;
    size_t props_count; /**< how many */
    /** User properties of the same packet, in order. */
    const mqk_pair *user_props;
    size_t user_props_count; /**< how many */
    /** message.acked: properties of the acknowledgement (puback_props). */
    const mqk_property *ack_props;
    size_t ack_props_count; /**< how many */
    /** message.acked: user properties of the acknowledgement. */
    const mqk_pair *ack_user_props;
    size_t ack_user_props_count; /**< how many */
    /** Whatever else the host has to say: `${attr.name}`. */
    const mqk_pair *attrs;
    size_t attrs_count; /**< how many */
#define MQK_EVENT_TEXT(name, meaning)   mqk_str name;
#define MQK_EVENT_NUMBER(name, meaning) int64_t name;
    MQK_EVENT_FIELDS(MQK_EVENT_TEXT, MQK_EVENT_NUMBER, MQK_EVENT_NUMBER, MQK_EVENT_NUMBER)
#undef MQK_EVENT_TEXT
#undef MQK_EVENT_NUMBER
} mqk_event;

/**
 * Makes an event with nothing in it: texts absent, numbers ::MQK_UNKNOWN.
 *
 * @param event memory of `size` bytes; NULL is allowed and does nothing
 * @param size  sizeof(mqk_event)
 * @param hook  hook point
 * Any thread. @since 0.9
 */
MQK_API void mqk_event_init(mqk_event *event, size_t size, mqk_hook hook);

/** Name of a hook point, e.g. "message.publish"; NULL for a number that is none. Any thread.
 *  @since 0.9 */
MQK_API const char *mqk_hook_name(mqk_hook hook);

/**
 * Finds a hook point by its name or alias ("client.check_acl", "session.takeovered").
 * @param name the name; one that begins with "custom." gives ::MQK_HOOK_CUSTOM
 * @param hook filled on success
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such hook)
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_hook_by_name(mqk_str name, mqk_hook *hook);

/* ---- Templates --------------------------------------------------------------------------------
 */

/** A compiled template: text with `${…}`. Immutable, usable from any thread at once. */
typedef struct mqk_template mqk_template;

/** How a template's text is read. */
typedef enum mqk_value_format {
    /** JSON when it begins with `{` or `[` and is valid JSON once filled in; else text. */
    MQK_FORMAT_AUTO = 0,
    MQK_FORMAT_TEXT = 1, /**< values are put in as they are */
    MQK_FORMAT_JSON = 2  /**< values are escaped or encoded so that the output is valid JSON */
} mqk_value_format;

/**
 * Compiles a template.
 *
 * @param text   the template, at most 1 MiB; copied
 * @param format how to read it
 * @param out    receives the template, to be freed with mqk_template_free()
 * @param err    filled on failure; `column` is the byte in `text`, from 1; may be NULL
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY
 * @retval MQK_ERR_TEMPLATE unknown field, or ::MQK_FORMAT_JSON and not JSON
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_template_compile(mqk_str text, mqk_value_format format, mqk_template **out,
                                        mqk_error *err);

/**
 * Renders a template for an event into the caller's memory.
 *
 * @param tpl      the template
 * @param event    the event
 * @param buffer   receives the text (not NUL-terminated); may be NULL when `capacity` is 0
 * @param capacity bytes at `buffer`
 * @param out      receives the result: `data == NULL` and `len == 0` when the template is one
 * single placeholder whose field is missing (a NULL key or value in Kafka); on MQK_ERR_TOO_SMALL
 * `len` says how many bytes are needed
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY, MQK_ERR_TOO_SMALL
 * @retval MQK_ERR_TOO_LARGE the output would exceed 64 MiB
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_template_render(const mqk_template *tpl, const mqk_event *event,
                                       char *buffer, size_t capacity, mqk_str *out);

/** Frees a template; NULL is allowed. @since 0.9 */
MQK_API void mqk_template_free(mqk_template *tpl);

/* ---- Configuration ----------------------------------------------------------------------------
 */

/** Parsed and checked settings and rules. Immutable; may be used by several bridges and threads. */
typedef struct mqk_config mqk_config;

/** How bad a problem in a configuration is. */
typedef enum mqk_severity {
    MQK_SEVERITY_ERROR = 0,  /**< the configuration is refused */
    MQK_SEVERITY_WARNING = 1 /**< the configuration is used, but the operator should know */
} mqk_severity;

/** Told of every problem found while loading, in order of place. `error` is valid during the call.
 */
typedef void (*mqk_problem_fn)(void *user, mqk_severity severity, const mqk_error *error);

/** Where a configuration comes from: a file, or text in memory. */
typedef struct mqk_config_source {
    size_t size;      /**< sizeof(mqk_config_source) */
    const char *path; /**< file to read; with `text` present only the name used in messages */
    mqk_str text;     /**< YAML text; absent: read the file at `path` */
} mqk_config_source;

/**
 * Loads a configuration from one YAML file. Everything that a user can get wrong is found here, not
 * later: syntax, unknown settings, units, topic filters, templates, secrets that cannot be read.
 * `certfile` and the like, and `file://` secrets, are relative to the process's working directory.
 *
 * @param path the file, NUL-terminated; at most 16 MiB
 * @param out  receives the configuration, to be freed with mqk_config_free()
 * @param err  filled with the first error; may be NULL
 * @retval MQK_OK
 * @retval MQK_ERR_IO, MQK_ERR_SYNTAX, MQK_ERR_CONFIG, MQK_ERR_UNAVAILABLE, MQK_ERR_TEMPLATE,
 *         MQK_ERR_FILTER, MQK_ERR_TOO_LARGE, MQK_ERR_NO_MEMORY, MQK_ERR_ARGUMENT
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_config_load_file(const char *path, mqk_config **out, mqk_error *err);

/**
 * The same from text in memory.
 * @param text YAML, at most 16 MiB; not used after the call
 * @param name what messages call it, e.g. "rules.yaml"; NULL: "(memory)"
 * @param out  as mqk_config_load_file()
 * @param err  as mqk_config_load_file()
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_config_load_memory(mqk_str text, const char *name, mqk_config **out,
                                          mqk_error *err);

/**
 * Loads several sources, in order, and merges them: a later file's setting replaces an earlier
 * one's, rules and clusters are appended (a cluster with the name of an earlier one is merged into
 * it).
 *
 * @param sources the sources
 * @param count   how many, at least 1
 * @param problem told of every error and warning; may be NULL
 * @param user    handed to `problem`
 * @param out     as mqk_config_load_file()
 * @param err     as mqk_config_load_file()
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_config_load(const mqk_config_source *sources, size_t count,
                                   mqk_problem_fn problem, void *user, mqk_config **out,
                                   mqk_error *err);

/** Frees a configuration; NULL is allowed. Rulesets and bridges made of it live on. @since 0.9 */
MQK_API void mqk_config_free(mqk_config *config);

/* ---- Rulesets ---------------------------------------------------------------------------------
 */

/** Compiled rules, usable without any Kafka. Immutable, usable from any thread at once. */
typedef struct mqk_ruleset mqk_ruleset;

/** A header of a Kafka record; an absent value is Kafka's null. */
typedef mqk_pair mqk_header;

/** A record that a rule makes of an event. Valid during the callback only. */
typedef struct mqk_record {
    size_t size;               /**< sizeof(mqk_record) as the library knows it */
    size_t rule;               /**< index of the rule, from 0 */
    mqk_str rule_name;         /**< its name, or "hook[2]" when it has none */
    mqk_str cluster;           /**< name of the Kafka cluster */
    mqk_str topic;             /**< Kafka topic */
    mqk_str key;               /**< absent: a record without key */
    mqk_str value;             /**< absent: a record without value (a tombstone) */
    const mqk_header *headers; /**< in order */
    size_t header_count;       /**< how many */
    int64_t timestamp_ms;      /**< record timestamp */
    int32_t partition;         /**< partition that the rule chose; -1: the partitioner chooses */
    mqk_status status;   /**< MQK_OK, or why this record cannot be sent (MQK_ERR_TOPIC, …) */
    mqk_str partitioner; /**< what chooses where partition is -1, e.g. "murmur2" */
} mqk_record;

/** What one rule said to an event, or a consumer rule to a record. Valid during the callback only.
 */
typedef struct mqk_verdict {
    size_t size;       /**< sizeof(mqk_verdict) as the library knows it */
    size_t rule;       /**< index of the rule among those of its kind, from 0 */
    mqk_str rule_name; /**< its name, or "hook[2]", "consumer[2]" */
    bool matched;      /**< whether it makes a record, or asks something of the host */
    mqk_str reason;    /**< one sentence for a person */
} mqk_verdict;

/** Receives a record that the rules make; see mqk_ruleset_evaluate(). */
typedef void (*mqk_record_fn)(void *user, const mqk_record *record);
/** Receives what a rule said; see mqk_ruleset_explain(). */
typedef void (*mqk_verdict_fn)(void *user, const mqk_verdict *verdict);

/**
 * Makes a ruleset of a configuration.
 * @param config the configuration; may be freed afterwards
 * @param out    receives the ruleset, to be freed with mqk_ruleset_free()
 * @param err    filled on failure; may be NULL
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_ruleset_compile(const mqk_config *config, mqk_ruleset **out, mqk_error *err);

/**
 * Evaluates an event: calls `record` for each record it would produce, in the rules' order.
 * @return number of records, or MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY
 * Any thread. @since 0.9
 */
MQK_API int mqk_ruleset_evaluate(const mqk_ruleset *ruleset, const mqk_event *event,
                                 mqk_record_fn record, void *user);

/**
 * Explains: calls `verdict` for every rule, matching or not, with the reason.
 * @return number of rules that match, or MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY
 * Any thread. @since 0.9
 */
MQK_API int mqk_ruleset_explain(const mqk_ruleset *ruleset, const mqk_event *event,
                                mqk_verdict_fn verdict, void *user);

/** Number of rules. Any thread. @since 0.9 */
MQK_API size_t mqk_ruleset_size(const mqk_ruleset *ruleset);

/** Frees a ruleset; NULL is allowed. @since 0.9 */
MQK_API void mqk_ruleset_free(mqk_ruleset *ruleset);

/** A built-in envelope: what `envelope:` of a rule may name. */
typedef struct mqk_envelope {
    size_t size;         /**< set by the caller: sizeof(mqk_envelope) */
    const char *name;    /**< e.g. "cloudevents" */
    const char *meaning; /**< one line for a person */
} mqk_envelope;

/**
 * Tells of a built-in envelope. Set `envelope->size` first; the texts are static.
 * @param index    from 0; the order may change between versions
 * @param envelope receives its name and meaning
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such envelope)
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_envelope_at(size_t index, mqk_envelope *envelope);

/**
 * The template of the record's value that an envelope has for a hook, in the language of rules.
 * @param index as in mqk_envelope_at()
 * @param hook  the hook
 * @return static text; NULL when the envelope does not know the hook, or when there is no such
 * envelope or hook
 * Any thread. @since 0.9
 */
MQK_API const char *mqk_envelope_template(size_t index, mqk_hook hook);

/**
 * A header that goes with an envelope's records: its name, and the template of its value.
 * @param index  as in mqk_envelope_at()
 * @param header from 0
 * @param out    receives static texts
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such envelope or header)
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_envelope_header(size_t index, size_t header, mqk_header *out);

/* ---- The reference ----------------------------------------------------------------------------
 */

/** What can be looked up with mqk_reference_at(). */
typedef enum mqk_reference_part {
    MQK_REFERENCE_SETTING = 0,         /**< keys of a configuration file */
    MQK_REFERENCE_HOOK = 1,            /**< hook points */
    MQK_REFERENCE_PLACEHOLDER = 2,     /**< what stands in `${…}`, and in `where` */
    MQK_REFERENCE_TEMPLATE_FILTER = 3, /**< what stands behind a placeholder and a vertical bar */
    MQK_REFERENCE_OPERATOR = 4         /**< signs and words of `where` */
} mqk_reference_part;

/** One entry of the reference: what the library itself goes by. Texts are never NULL. */
typedef struct mqk_reference {
    size_t size;         /**< set by the caller: sizeof(mqk_reference) */
    const char *name;    /**< e.g. "linger"; static */
    const char *type;    /**< e.g. "duration"; static */
    const char *meaning; /**< one line for a person; static */
    char where[64];      /**< of a setting: the mapping that it stands in, e.g. "kafka.producer" */
    char standard[64];   /**< of a setting: the default, in parentheses when it is not a value */
    char aliases[128];   /**< other names, separated by commas */
    /** Accepted words, or a range; members that a hook's event has as JSON; an operator's example.
     */
    char values[512];
} mqk_reference;

/**
 * Looks up an entry of the reference: settings, hooks and the language of rules, as this library
 * knows them. Set `entry->size` first.
 * @param part  what kind
 * @param index from 0; the order may change between versions
 * @param entry receives the entry
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such entry)
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_reference_at(mqk_reference_part part, size_t index, mqk_reference *entry);

/* ---- The bridge -------------------------------------------------------------------------------
 */

/** A running ruleset with its Kafka producers and consumers. */
typedef struct mqk_bridge mqk_bridge;

/** How much a line of the log matters. */
typedef enum mqk_log_level {
    MQK_LOG_ERROR = 0,   /**< something does not work */
    MQK_LOG_WARNING = 1, /**< something may not work */
    MQK_LOG_INFO = 2,    /**< what happens */
    MQK_LOG_DEBUG = 3    /**< for who looks for a mistake */
} mqk_log_level;

/** Bits for mqk_host.flags. */
enum {
    /** Callbacks run on a thread of the library as things happen, instead of in mqk_bridge_poll().
     */
    MQK_HOST_LIBRARY_THREAD = 1,
    /** ::MQK_ACCEPT counts from the next mqk_bridge_poll() or mqk_bridge_flush() on (with
     * MQK_HOST_LIBRARY_THREAD: from the thread's next round on); mqk_bridge_fd() is readable until
     * then. For hosts that need time to make safe what they accepted: they poll again when they
     * have. What they accepted after that comes again when they end without polling once more. */
    MQK_HOST_CONFIRM_BY_POLL = 2
};

/** What the host says to something that Kafka asks of it. */
typedef enum mqk_answer {
    MQK_ACCEPT = 0, /**< done, or safely in the host's hands: the record counts as handled */
    MQK_REFUSE = 1, /**< never possible: the record goes to `dead_letter`, the next one follows */
    /** Not now: the same record is offered again, after 10 ms, then with growing delay up to a
     *  second. Later records of its partition wait behind it; other partitions go on. */
    MQK_LATER = 2
} mqk_answer;

/** Where the time of a Kafka record comes from. */
typedef enum mqk_ts_type {
    MQK_TS_NONE = 0,   /**< it has none */
    MQK_TS_CREATE = 1, /**< set by who sent it */
    MQK_TS_APPEND = 2  /**< set by Kafka when it was written */
} mqk_ts_type;

/**
 * A record that a consumer rule has read from Kafka. All texts are valid during the callback only.
 * With `key_encoding` or `value_encoding: base64`, key and value are decoded.
 */
typedef struct mqk_kafka_record {
    size_t size;               /**< sizeof(mqk_kafka_record) as the library knows it */
    mqk_str rule_name;         /**< the consumer rule's name, or "consumer[2]" when it has none */
    mqk_str cluster;           /**< name of the Kafka cluster */
    mqk_str topic;             /**< Kafka topic */
    int32_t partition;         /**< its partition */
    mqk_ts_type ts_type;       /**< what `timestamp_ms` means */
    int64_t offset;            /**< its place in the partition */
    int64_t timestamp_ms;      /**< its time; MQK_UNKNOWN when it has none */
    mqk_str key;               /**< absent: a record without key */
    mqk_str value;             /**< absent: a record without value (a tombstone) */
    const mqk_header *headers; /**< in order; an absent value is Kafka's null */
    size_t header_count;       /**< how many */
} mqk_kafka_record;

/**
 * A message to publish (`action: publish`). The topic is a legal MQTT topic name: not empty, valid
 * UTF-8, without wildcards and NUL. `$` topics are handed on like others; a host that does not
 * allow them refuses. All texts are valid during the callback only.
 */
typedef struct mqk_publish {
    size_t size;                    /**< sizeof(mqk_publish) as the library knows it */
    const mqk_kafka_record *record; /**< what it was made of */
    mqk_str topic;                  /**< MQTT topic name */
    mqk_str payload;                /**< absent: an empty message */
    uint8_t qos;                    /**< 0 to 2 */
    bool retain;                    /**< RETAIN flag */
    /** MQTT 5 properties, each at most once: Payload-Format-Indicator (number),
     *  Message-Expiry-Interval (number, seconds), Content-Type, Response-Topic, Correlation-Data.
     *  A host that speaks MQTT 3 only leaves them out. */
    const mqk_property *props;
    size_t props_count;         /**< how many */
    const mqk_pair *user_props; /**< user properties, in order; values are never absent */
    size_t user_props_count;    /**< how many */
} mqk_publish;

/**
 * Clients to disconnect (`action: kick`): the one with a client identifier, or all of a user name.
 * Exactly one of the two texts is there, and it is not empty. No such client: accept. All texts are
 * valid during the callback only.
 */
typedef struct mqk_kick {
    size_t size;                    /**< sizeof(mqk_kick) as the library knows it */
    const mqk_kafka_record *record; /**< what it was made of */
    mqk_str clientid;               /**< the client, or absent */
    mqk_str username;               /**< all clients of this user name, or absent */
    mqk_str reason;                 /**< for the log; absent when the rule gives none */
} mqk_kick;

/**
 * Cached permissions to forget (`action: acl_clean`), of one client or of all clients of a user
 * name. Texts as in ::mqk_kick.
 */
typedef struct mqk_acl_clean {
    size_t size;                    /**< sizeof(mqk_acl_clean) as the library knows it */
    const mqk_kafka_record *record; /**< what it was made of */
    mqk_str clientid;               /**< the client, or absent */
    mqk_str username;               /**< all clients of this user name, or absent */
} mqk_acl_clean;

/**
 * What the library knows of its host and how it speaks to it. All members may be left 0.
 *
 * Callbacks run only inside mqk_bridge_poll(), mqk_bridge_flush() and mqk_bridge_close(), on the
 * caller's thread, unless MQK_HOST_LIBRARY_THREAD is set. They may call mqk_on_event() and the
 * functions that read (stats, health), not poll, flush, reload or close.
 *
 * `publish`, `kick`, `acl_clean` and `record` serve the consumer rules of a configuration. They are
 * never called at the same time; records of a partition come in their order, each again until it
 * was accepted or refused. A record that was accepted may come again after a crash, a lost
 * connection or a rebalance of the group (at least once). mqk_bridge_open() and mqk_bridge_reload()
 * fail when a rule needs a callback that is not there. A value that is no ::mqk_answer counts as
 * MQK_LATER.
 */
typedef struct mqk_host {
    size_t size;    /**< sizeof(mqk_host) as the caller knows it */
    void *user;     /**< handed to every callback */
    mqk_str node;   /**< name of this broker node, for `${node}`; absent: the machine's host name */
    uint32_t flags; /**< MQK_HOST_… */
    /** Most verbose level that `log` is called with; 0 gives errors only. */
    mqk_log_level log_level;
    /** A line for the host's log. `message` is NUL-terminated as well. Never contains payloads or
     *  secrets. Repeated lines are limited in rate. */
    void (*log)(void *user, mqk_log_level level, mqk_str message);
    /** All records of the event with this token are safe (`MQK_OK`): acknowledged by Kafka, in its
     * dead letter topic, or in a spool on the disk (with `sync: always`: forced to the disk). Or at
     * least one is not, and why. Called exactly once for each event with a token for which
     * mqk_on_event() returned > 0. */
    void (*delivered)(void *user, uint64_t token, mqk_status status);
    /** `action: publish`: publish a message. @since 0.9 */
    mqk_answer (*publish)(void *user, const mqk_publish *publish);
    /** `action: kick`: disconnect clients. @since 0.9 */
    mqk_answer (*kick)(void *user, const mqk_kick *kick);
    /** `action: acl_clean`: forget cached permissions. @since 0.9 */
    mqk_answer (*acl_clean)(void *user, const mqk_acl_clean *clean);
    /** `action: callback`: a record, for whatever the host makes of it. @since 0.9 */
    mqk_answer (*record)(void *user, const mqk_kafka_record *record);
    /** Records from Kafka that one mqk_bridge_poll() offers at most; 0: 1000. @since 0.9 */
    uint32_t offer_most;
    uint32_t reserved; /**< 0 */
} mqk_host;

/**
 * Tells what the consumer rules of a configuration make of a record, without any Kafka: the way to
 * try rules, and to test them.
 *
 * Each rule is asked, in the order of the configuration. `verdict` hears whether something is to be
 * done, and why. Right after a rule that matches the callback of `host` for its action is called,
 * as mqk_bridge_poll() would; what it answers does not matter. Any thread, several at once.
 *
 * @param config  the rules
 * @param record  the record. `size` as the caller knows it; `rule_name` is not looked at; a rule
 *                reads it when its topics include `topic`, and `cluster` is its cluster or absent.
 *                Key and value are what stands in Kafka, before `key_encoding` and `value_encoding`
 * @param host    `node`, `user` and the four callbacks of consumer rules are used, each of which
 * may be NULL; or NULL
 * @param verdict receives what each rule says; or NULL
 * @param user    handed to `verdict`
 * @return number of rules that match, or a negative ::mqk_status (MQK_ERR_ARGUMENT,
 *         MQK_ERR_NO_MEMORY)
 * @since 0.9
 */
MQK_API int mqk_config_explain_record(const mqk_config *config, const mqk_kafka_record *record,
                                      const mqk_host *host, mqk_verdict_fn verdict, void *user);

/**
 * Opens a bridge: starts the producers and consumers that the configuration names. Does not wait
 * for Kafka: a cluster that is not there yet is connected to when it comes.
 *
 * @param config the configuration; may be freed afterwards
 * @param host   who we run in; may be NULL; copied (the texts it points at too)
 * @param out    receives the bridge, to be closed with mqk_bridge_close()
 * @param err    filled on failure; may be NULL
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY
 * @retval MQK_ERR_CONFIG a consumer rule needs a callback that the host does not have
 * @retval MQK_ERR_KAFKA librdkafka refuses a setting or cannot start
 * @retval MQK_ERR_SPOOL a spool on the disk is in use by another process, made by another version,
 * or cannot be written
 * @retval MQK_ERR_UNAVAILABLE a spool is configured, and the library was built without LMDB
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_open(const mqk_config *config, const mqk_host *host, mqk_bridge **out,
                                   mqk_error *err);

/**
 * Gives the bridge an event. Never waits, does no input or output; except with `produce: sync`, for
 * at most `produce_sync_timeout` per record, and with a buffer of `sync: always` for the disk,
 * unless the event has a token. A record of more than 1 MiB that goes into a spool is written to a
 * file.
 *
 * @param bridge the bridge
 * @param event  the event; not used after the call
 * @return number of records that were accepted, at most one for each rule that matched; 0: no rule
 *         matched, or all its records were dropped from a full buffer as the configuration says
 * @retval MQK_ERR_FULL      a record was refused because the buffer is full (`when_full: refuse`),
 * or its disk is full, gone, or slower than the records
 * @retval MQK_ERR_TOO_LARGE a record is larger than Kafka's message size limit
 * @retval MQK_ERR_TOPIC     a record's Kafka topic is illegal or beyond `max_topics`
 * @retval MQK_ERR_PARTITION a record's `partition` is no number; `produce: sync`: or the topic has
 * no such partition
 * @retval MQK_ERR_TIMEOUT   `produce: sync`: not acknowledged in time (it may still arrive)
 * @retval MQK_ERR_KAFKA     `produce: sync`: Kafka or librdkafka refused a record for good
 * @retval MQK_ERR_EXPIRED   `produce: sync`: `message_ttl` passed
 * @retval MQK_ERR_SPOOL     `sync: always`: the disk could not promise to keep a record (it is on
 * its way to Kafka all the same)
 * @retval MQK_ERR_ARGUMENT  NULL, unknown hook, or a custom hook without its name
 * @retval MQK_ERR_FORKED, MQK_ERR_NO_MEMORY
 * When several rules match and one record fails, the others are still sent and the error is
 * returned. Any thread, several at once; not after mqk_bridge_close() began. @since 0.9
 */
MQK_API int mqk_on_event(mqk_bridge *bridge, const mqk_event *event);

/**
 * Tells whether the rules in use have one for a hook, so that a host need not prepare events that
 * nobody wants. The answer can change with mqk_bridge_reload().
 * @return true also when `bridge` is unusable here (after a fork), so that mqk_on_event() can say
 * so Any thread; costs a few nanoseconds. @since 0.9
 */
MQK_API bool mqk_bridge_wants(const mqk_bridge *bridge, mqk_hook hook);

/**
 * Runs the callbacks that are due.
 * @param bridge     the bridge
 * @param timeout_ms how long to wait for the first one; 0: not at all; -1: until there is one
 * @return number of callbacks that ran, or MQK_ERR_ARGUMENT, MQK_ERR_FORKED
 * One thread at a time. @since 0.9
 */
MQK_API int mqk_bridge_poll(mqk_bridge *bridge, int timeout_ms);

/**
 * A file descriptor for the host's event loop: readable when mqk_bridge_poll() has something to do.
 * Do not read from it or close it.
 * @return the descriptor, or MQK_ERR_ARGUMENT
 * Any thread. @since 0.9
 */
MQK_API int mqk_bridge_fd(const mqk_bridge *bridge);

/**
 * Waits until everything accepted so far is delivered or has failed, also what waits in spools;
 * runs callbacks meanwhile.
 * @param bridge      the bridge
 * @param timeout_ms  longest wait; -1: no limit
 * @param undelivered receives the number of records still waiting; may be NULL
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_FORKED
 * @retval MQK_ERR_TIMEOUT some are still waiting
 * One thread at a time (together with poll). @since 0.9
 */
MQK_API mqk_status mqk_bridge_flush(mqk_bridge *bridge, int timeout_ms, uint64_t *undelivered);

/**
 * Takes a new configuration, atomically: events under way finish with the old rules, later ones
 * meet the new rules. Clusters whose settings did not change keep connection and queue; what waits
 * for others is still delivered. On failure nothing changes.
 *
 * @param bridge the bridge
 * @param config the new configuration; may be freed afterwards
 * @param err    filled on failure; may be NULL
 * @retval as mqk_bridge_open(), and MQK_ERR_FORKED
 * One thread at a time, while others call mqk_on_event(). @since 0.9
 */
MQK_API mqk_status mqk_bridge_reload(mqk_bridge *bridge, const mqk_config *config, mqk_error *err);

/**
 * Flushes and closes. No other call may be under way on this bridge, and the pointer is invalid
 * afterwards, whatever is returned. Open tokens are reported (MQK_ERR_CLOSED) before it returns.
 * What waits in a spool, or can be put into one, is not lost: the next bridge on it sends it.
 *
 * @param bridge      the bridge; NULL is allowed
 * @param timeout_ms  longest wait for deliveries; 0: none; -1: no limit
 * @param undelivered receives the number of records that were lost by closing; may be NULL
 * @retval MQK_OK everything was delivered or had failed before
 * @retval MQK_ERR_TIMEOUT records were lost
 * @retval MQK_ERR_FORKED the bridge belongs to another process; nothing is done
 * @since 0.9
 */
MQK_API mqk_status mqk_bridge_close(mqk_bridge *bridge, int timeout_ms, uint64_t *undelivered);

/**
 * Addresses of a cluster's servers, as clients would use them: for `servers: ["embedded"]` the
 * address of the in-process Kafka.
 * @param bridge   the bridge
 * @param cluster  name of the cluster; absent or empty: the only or first one
 * @param buffer   receives "host:port,host:port", NUL-terminated
 * @param capacity bytes at `buffer`
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such cluster), MQK_ERR_TOO_SMALL
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_servers(mqk_bridge *bridge, mqk_str cluster, char *buffer,
                                      size_t capacity);

/* ---- Watching it ------------------------------------------------------------------------------
 */

/**
 * All counters of a rule: X(name, meaning). The bridge's own sums have the same names. Counters
 * only grow, and go on over a reload for a rule that keeps its name.
 */
#define MQK_RULE_COUNTERS(X)                                                                       \
    X(matched, "events that the rule matched")                                                     \
    X(accepted, "records accepted for delivery")                                                   \
    X(delivered, "records acknowledged by Kafka")                                                  \
    X(failed, "records that Kafka or the client refused for good")                                 \
    X(expired, "records dropped because they were older than message_ttl")                         \
    X(dropped_full, "records dropped from or before a full buffer")                                \
    X(refused_full, "records refused to the host because the buffer was full")                     \
    X(bad_topic, "records whose Kafka topic was illegal or beyond max_topics")                     \
    X(too_large, "records larger than Kafka's message size limit")                                 \
    X(lost_on_close, "records still waiting when the bridge was closed")                           \
    X(utf8_replaced, "records in which invalid UTF-8 was replaced to keep JSON valid")             \
    X(regex_limit, "events not matched because a regular expression took too many steps")          \
    X(dead_lettered, "records that went to the dead letter topic instead")

/** Counters of one rule. */
typedef struct mqk_rule_stats {
    size_t size;  /**< set by the caller: sizeof(mqk_rule_stats) */
    mqk_str name; /**< valid until the bridge is closed */
#define MQK_COUNTER_MEMBER(name, meaning) uint64_t name;
    MQK_RULE_COUNTERS(MQK_COUNTER_MEMBER)
} mqk_rule_stats;

/** State of the connection to a cluster. */
typedef enum mqk_health_state {
    MQK_HEALTH_OK = 0,       /**< connected, deliveries succeed */
    MQK_HEALTH_STARTING = 1, /**< no contact with Kafka yet */
    MQK_HEALTH_DEGRADED = 2, /**< something fails; records wait or are refused */
    MQK_HEALTH_DOWN = 3      /**< no broker can be reached */
} mqk_health_state;

/**
 * All numbers of a cluster: X(name, meaning). Those that end in _us are microseconds. New ones are
 * added at the end.
 */
#define MQK_CLUSTER_NUMBERS(X)                                                                     \
    X(queued, "records waiting or in flight")                                                      \
    X(queued_bytes, "what they weigh in memory: keys, values, headers and 320 bytes each")         \
    X(accepted, "records accepted")                                                                \
    X(delivered, "records acknowledged")                                                           \
    X(failed, "records that did not arrive, whatever the reason")                                  \
    X(dead_lettered, "records that went to the dead letter topic instead")                         \
    X(in_flight, "records that librdkafka has: on their way or about to be")                       \
    X(backlog, "records that wait in memory before it")                                            \
    X(oldest_age_ms, "age of the oldest record that is not done, give or take a few per cent")     \
    X(spool_records, "records on disk")                                                            \
    X(spool_bytes, "what they take of buffer.disk")                                                \
    X(spool_waiting, "records on disk that librdkafka did not get yet")                            \
    X(spool_damaged, "records on disk that were found damaged and left out")                       \
    X(latency_count, "acknowledged records whose time since acceptance was measured")              \
    X(latency_sum_us, "how long those took together")                                              \
    X(latency_p50_us, "half of the recent ones took at most this long, told up to 5 % too high")   \
    X(latency_p95_us, "95 % of the recent ones")                                                   \
    X(latency_p99_us, "99 % of the recent ones")                                                   \
    X(latency_p999_us, "99.9 % of the recent ones")                                                \
    X(latency_max_us, "the slowest of the recent ones")

/** State of a cluster's buffer on disk. */
typedef enum mqk_spool_state {
    MQK_SPOOL_NONE = 0,  /**< there is none: `buffer: { mode: memory }` */
    MQK_SPOOL_OK = 1,    /**< records can be put in */
    MQK_SPOOL_FULL = 2,  /**< it is as large as it may be */
    MQK_SPOOL_BROKEN = 3 /**< the disk is full, or the folder cannot be written or is gone */
} mqk_spool_state;

/**
 * State of one cluster. "Recent" records of the latencies are those of the last one to two minutes,
 * if somebody reads the statistics that often, else those since the last reading but one.
 */
typedef struct mqk_cluster_stats {
    size_t size;            /**< set by the caller: sizeof(mqk_cluster_stats) */
    mqk_str name;           /**< valid until the bridge is closed */
    mqk_health_state state; /**< of the connection */
    uint32_t reserved;      /**< 0 */
#define MQK_NUMBER_MEMBER(name, meaning) uint64_t name;
    MQK_CLUSTER_NUMBERS(MQK_NUMBER_MEMBER)
#undef MQK_NUMBER_MEMBER
    mqk_spool_state spool_state; /**< the worst of its buffers on disk */
    uint32_t reserved2;          /**< 0 */
    char message[256]; /**< what is wrong with it, NUL-terminated; empty when nothing is */
} mqk_cluster_stats;

/** Sums over the bridge. */
typedef struct mqk_stats {
    size_t size;           /**< set by the caller: sizeof(mqk_stats) */
    uint64_t events;       /**< calls of mqk_on_event() */
    uint64_t unmatched;    /**< events that no rule matched */
    uint64_t queued;       /**< records waiting or in flight */
    uint64_t queued_bytes; /**< what they weigh in the buffer: keys, values, headers and 320 bytes
                              each */
    uint64_t log_dropped;  /**< log lines that the host did not fetch in time */
    size_t rules;          /**< number of rules in use */
    size_t clusters;       /**< number of clusters in use */
    MQK_RULE_COUNTERS(MQK_COUNTER_MEMBER)
    size_t consumers; /**< number of consumer rules in use */
} mqk_stats;

/**
 * All counters of a consumer rule: X(name, meaning). Counters only grow, and go on over a reload
 * for a rule that keeps its name.
 */
#define MQK_CONSUMER_COUNTERS(X)                                                                   \
    X(consumed, "records read from Kafka")                                                         \
    X(delivered, "records that the host accepted")                                                 \
    X(refused, "records that the host refused for good")                                           \
    X(retried, "times that the host said later")                                                   \
    X(skipped, "records that where, regex or skip_own left out")                                   \
    X(unusable, "records of which the rule could make nothing: a value is missing or wrong")       \
    X(dead_lettered, "refused and unusable records that arrived in dead_letter")                   \
    X(lost, "refused and unusable records without dead_letter, or that it did not take")

/** What a consumer rule does at the moment. */
typedef enum mqk_consumer_state {
    MQK_CONSUMER_STARTING = 0, /**< not in its group yet */
    MQK_CONSUMER_RUNNING = 1,  /**< reads its partitions */
    MQK_CONSUMER_IDLE = 2,     /**< in its group, without partitions: others have them, or the topic
                                    is not there */
    MQK_CONSUMER_WAITING = 3,  /**< the host said later, or takes its time */
    MQK_CONSUMER_DOWN = 4      /**< no broker can be reached, or Kafka refuses the group */
} mqk_consumer_state;

/** Counters and state of one consumer rule. */
typedef struct mqk_consumer_stats {
    size_t size;              /**< set by the caller: sizeof(mqk_consumer_stats) */
    mqk_str name;             /**< valid until the bridge is closed */
    mqk_consumer_state state; /**< what it does */
    uint32_t partitions;      /**< how many it reads */
    uint64_t in_flight;       /**< records read and not yet answered */
    int64_t lag; /**< records in its partitions that are not yet handled; MQK_UNKNOWN: not known */
    MQK_CONSUMER_COUNTERS(MQK_COUNTER_MEMBER)
#undef MQK_COUNTER_MEMBER
} mqk_consumer_stats;

/**
 * Reads the bridge's counters. Set `stats->size` first.
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_FORKED
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_stats(mqk_bridge *bridge, mqk_stats *stats);

/**
 * Reads the counters of one rule. Set `stats->size` first.
 * @param bridge the bridge
 * @param stats  receives them
 * @param index  from 0, below mqk_stats.rules
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such rule), MQK_ERR_FORKED
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_rule_stats(mqk_bridge *bridge, size_t index, mqk_rule_stats *stats);

/**
 * Reads the state of one cluster. Set `stats->size` first.
 * @param bridge the bridge
 * @param stats  receives it
 * @param index  from 0, below mqk_stats.clusters
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such cluster), MQK_ERR_FORKED
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_cluster_stats(mqk_bridge *bridge, size_t index,
                                            mqk_cluster_stats *stats);

/**
 * Reads counters and state of one consumer rule. Set `stats->size` first.
 * @param bridge the bridge
 * @param stats  receives them
 * @param index  from 0, below mqk_stats.consumers
 * @retval MQK_OK, MQK_ERR_ARGUMENT (no such rule), MQK_ERR_FORKED
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_consumer_stats(mqk_bridge *bridge, size_t index,
                                             mqk_consumer_stats *stats);

/** Name of a consumer's state: "starting", "running", "idle", "waiting", "down". Any thread.
 *  @since 0.9 */
MQK_API const char *mqk_consumer_state_name(mqk_consumer_state state);

/** Health of the whole bridge: the worst of its clusters. */
typedef struct mqk_health {
    size_t size;            /**< set by the caller: sizeof(mqk_health) */
    mqk_health_state state; /**< the worst state of a cluster */
    uint32_t reserved;      /**< 0 */
    char message[256];      /**< what is wrong, NUL-terminated; empty when nothing is */
} mqk_health;

/**
 * Tells how the bridge is. Set `health->size` first.
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_FORKED
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_health(mqk_bridge *bridge, mqk_health *health);

/** Name of a health state: "ok", "starting", "degraded", "down". Any thread. @since 0.9 */
MQK_API const char *mqk_health_name(mqk_health_state state);

/** Name of a state of a buffer on disk: "none", "ok", "full", "broken". Any thread. @since 0.9 */
MQK_API const char *mqk_spool_state_name(mqk_spool_state state);

/**
 * Takes a piece of a text; the pieces one behind another are the text. A piece may begin and end
 * anywhere, is not NUL-terminated and valid during the call only.
 * @return false: no more is wanted
 */
typedef bool (*mqk_write_fn)(void *user, mqk_str piece);

/**
 * Writes all statistics as one JSON object in one line: the members of mqk_stats by their names,
 * `version`, `librdkafka`, `node`, `state` and `message` (as mqk_bridge_health()), and in the
 * arrays `rules` and `clusters` the members of mqk_rule_stats (with the rule's `cluster`) and
 * mqk_cluster_stats. Clusters that are no longer in the configuration are among them as long as
 * records wait for them. Always valid JSON.
 *
 * @param bridge the bridge
 * @param write  takes the text; it runs on the caller's thread, no lock is held
 * @param user   handed to `write`
 * @retval MQK_OK, MQK_ERR_ARGUMENT, MQK_ERR_FORKED, MQK_ERR_NO_MEMORY
 * @retval MQK_ERR_TOO_SMALL `write` returned false
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_stats_json(mqk_bridge *bridge, mqk_write_fn write, void *user);

/**
 * Writes all statistics in Prometheus' text format 0.0.4 (`Content-Type: text/plain;
 * version=0.0.4; charset=utf-8`). All names begin with `mqkafka_`; times are seconds. Parameters
 * and results as mqk_bridge_stats_json(). Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_stats_prometheus(mqk_bridge *bridge, mqk_write_fn write, void *user);

/**
 * The same in the format OpenMetrics 1.0.0 (`Content-Type: application/openmetrics-text;
 * version=1.0.0; charset=utf-8`). Any thread. @since 0.9
 */
MQK_API mqk_status mqk_bridge_stats_openmetrics(mqk_bridge *bridge, mqk_write_fn write, void *user);

/* ---- Spools -----------------------------------------------------------------------------------
 */

/**
 * One spool, opened for reading: the records that wait on the disk, those that were accepted first
 * before the others. Reading changes nothing, takes nothing away from a bridge that is using the
 * spool meanwhile and never makes it wait. One thread at a time.
 *
 * A spool is the folder of one producer: `<buffer.dir>/<cluster>/<producer>`; mqk_spool_find()
 * finds all below a folder.
 */
typedef struct mqk_spool mqk_spool;

/** Which records of a spool are meant. One that is zeroed, but for `size`, means all of them. */
typedef struct mqk_spool_filter {
    size_t size;       /**< set by the caller: sizeof(mqk_spool_filter) */
    mqk_str topic;     /**< Kafka topic; absent: any */
    mqk_str rule;      /**< name of the rule that made them; absent: any */
    int64_t before_ms; /**< accepted before this point in time; 0: at any time */
} mqk_spool_filter;

/** A record that waits in a spool. */
typedef struct mqk_spool_record {
    size_t size;               /**< set by the caller: sizeof(mqk_spool_record) */
    uint64_t seq;              /**< number in the order of acceptance, never used twice */
    int64_t accepted_ms;       /**< when it was accepted */
    mqk_str rule;              /**< name of the rule that made it */
    mqk_str topic;             /**< Kafka topic */
    mqk_str key;               /**< absent: a record without key */
    mqk_str value;             /**< absent: a record without value (a tombstone) */
    const mqk_header *headers; /**< in order */
    size_t header_count;       /**< how many */
    int64_t timestamp_ms;      /**< record timestamp */
    int32_t partition;         /**< partition that the rule chose; -1: the partitioner chooses */
    bool dead_letter;          /**< Kafka refused it: it goes to the dead letter topic */
} mqk_spool_record;

/** What is known of a spool. */
typedef struct mqk_spool_info {
    size_t size;         /**< set by the caller: sizeof(mqk_spool_info) */
    int64_t owner;       /**< number of the process that is using it; 0: none; -1: one that is
                            hidden */
    uint64_t disk_bytes; /**< what the folder's files take of the disk */
    uint64_t damaged;    /**< records that mqk_spool_next() found damaged so far */
} mqk_spool_info;

/** Told of a spool; `dir` is valid during the call. */
typedef void (*mqk_spool_found_fn)(void *user, const char *dir);

/**
 * Finds the spools in a folder: the folder itself and those below it, at most four levels down, in
 * the order of their names. Symbolic links below `dir` are not followed.
 *
 * @param dir   the folder, e.g. the configuration's `buffer.dir`
 * @param found told of each
 * @param user  handed to `found`
 * @param err   filled on failure; may be NULL
 * @return how many spools were found; MQK_ERR_ARGUMENT, MQK_ERR_IO (a folder cannot be read),
 * MQK_ERR_NO_MEMORY
 * Any thread. @since 0.9
 */
MQK_API int mqk_spool_find(const char *dir, mqk_spool_found_fn found, void *user, mqk_error *err);

/**
 * Opens a spool for reading. What is accepted later is not handed out; what is delivered meanwhile
 * may still be. Close it before the bridge of the same process uses this folder, and do not open
 * one that it is using: mqk_bridge_stats() tells about that.
 *
 * @param dir    the spool's folder
 * @param filter which records to hand out; copied, its texts too; NULL: all
 * @param out    receives the spool, to be closed with mqk_spool_close()
 * @param err    filled on failure; may be NULL
 * @retval MQK_OK
 * @retval MQK_ERR_SPOOL the folder is no spool, was made by another version, cannot be read, is
 * damaged as a whole, or is in use by this very process
 * @retval MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY
 * @retval MQK_ERR_UNAVAILABLE the library was built without LMDB
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_spool_open(const char *dir, const mqk_spool_filter *filter, mqk_spool **out,
                                  mqk_error *err);

/**
 * Hands out the next record. Set `record->size` first.
 *
 * @param spool  the spool
 * @param record receives the record; its texts are valid until the next call for this spool
 * @param err    filled on failure; may be NULL
 * @return 1 for a record, 0 at the end; MQK_ERR_SPOOL for one that is damaged, MQK_ERR_NO_MEMORY
 * for one that is too large: call again for the next one; MQK_ERR_ARGUMENT
 * @since 0.9
 */
MQK_API int mqk_spool_next(mqk_spool *spool, mqk_spool_record *record, mqk_error *err);

/**
 * Tells what is known of a spool. Set `info->size` first.
 * @retval MQK_OK, MQK_ERR_ARGUMENT
 * @since 0.9
 */
MQK_API mqk_status mqk_spool_stats(mqk_spool *spool, mqk_spool_info *info);

/** Closes a spool; NULL is allowed. @since 0.9 */
MQK_API void mqk_spool_close(mqk_spool *spool);

/**
 * Removes records from a spool for good. Nobody may be using it, and the calling process needs to
 * run as the user to whom the folder belongs.
 *
 * @param dir     the spool's folder
 * @param filter  which records; NULL: all
 * @param removed receives how many were removed; may be NULL
 * @param err     filled on failure; may be NULL
 * @retval MQK_OK
 * @retval MQK_ERR_SPOOL as mqk_spool_open(); a process is using it (which one, says `err`); the
 * folder cannot be written, or belongs to somebody else
 * @retval MQK_ERR_ARGUMENT, MQK_ERR_NO_MEMORY, MQK_ERR_UNAVAILABLE
 * Any thread. @since 0.9
 */
MQK_API mqk_status mqk_spool_purge(const char *dir, const mqk_spool_filter *filter,
                                   uint64_t *removed, mqk_error *err);

/* ---- For bindings -----------------------------------------------------------------------------
 */

/** Where a member of a public struct lies. This struct itself never changes. */
typedef struct mqk_layout {
    const char *structure; /**< e.g. "mqk_event" */
    const char *member;    /**< e.g. "topic"; NULL: the struct itself, with offset 0 */
    size_t offset;         /**< bytes from the beginning of the struct */
    size_t size;           /**< bytes */
} mqk_layout;

/**
 * The layout of every public struct, as the library was compiled: one row for the struct, then one
 * for each member in order. A binding that declares the structs by hand compares, and says what
 * differs, before it passes one.
 * @param count receives the number of rows; may be NULL
 * @return static rows
 * Any thread. @since 0.9
 */
MQK_API const mqk_layout *mqk_layouts(size_t *count);

/** The way from a Python interpreter to a bridge. */
typedef struct mqk_python mqk_python;

/**
 * Makes mqk_on_event() a function of the Python interpreter (CPython) that the caller runs in, with
 * the hook's name as argument and the fields of ::MQK_EVENT_FIELDS and `token` as keywords. It
 * costs a fraction of a call through ctypes. The interpreter's functions are found in the process;
 * the library is not linked to Python.
 *
 * @param bridge the bridge
 * @param other  Python callable that gets, as they are, the arguments that the function cannot take
 *               itself: other keywords, other types; and all after mqk_python_detach()
 * @param failed Python callable that gets a negative ::mqk_status and raises
 * @param out    receives what mqk_python_detach() wants; valid as long as the function lives
 * @return a new reference to the function (`PyObject *`), or NULL without a Python exception when
 *         there is no interpreter or an argument is NULL, with one when the interpreter failed
 * The caller holds the interpreter's lock, which is released while mqk_on_event() runs. @since 0.9
 */
MQK_API void *mqk_python_attach(mqk_bridge *bridge, void *other, void *failed, mqk_python **out);

/**
 * Takes the bridge away: calls that begin later go to `other`. The bridge may be closed when this
 * returns 0.
 * @param python of mqk_python_attach(); NULL is allowed
 * @return number of calls that are still under way
 * Any thread. @since 0.9
 */
MQK_API unsigned mqk_python_detach(mqk_python *python);

#ifdef __cplusplus
}
#endif

#endif
