/* SPDX-License-Identifier: Apache-2.0 */
/* The EMQX 5 plugins: both generations of settings. */
#include "convert.h"

#include <stdio.h>

#include "convert_rows.h"

#define END                                                                                        \
    { .from = NULL }
#define BOOLEANS    " true false on=true off=false yes=true no=false "
#define COMPRESSION " none no_compression=none gzip snappy lz4 zstd "
#define PARTITIONER " random roundrobin first_key_dispatch murmur2 consistent "
#define ENCODING    " plain base64 "
#define MECHANISM                                                                                  \
    " plain scram_sha_256 scram_sha_512 scram-sha-256=scram_sha_256 scram-sha-512=scram_sha_512 "
#define MINUTE (INT64_C(60) * 1000)
#define HOUR   (60 * MINUTE)

static const struct convert_row client_first[] = {
    ROW_TEXT("client_id", "client_id", "emqx_kafka"),
    ROW_DURATION("connect_timeout", "connect_timeout", NULL, 1000, HOUR),
    ROW_DURATION("min_metadata_refresh_interval", "min_metadata_refresh_interval", NULL, 1, MINUTE),
    ROW_DURATION("request_timeout", "request_timeout", NULL, 10, 5 * MINUTE),
    ROW_NOTHING("connection_strategy", "librdkafka keeps one connection to each broker"),
    ROW_NOTHING("query_api_versions", "librdkafka always asks the brokers what they can do"),
    END};

static const struct convert_row client_second[] = {
    ROW_TEXT("client_id", "client_id", NULL),
    ROW_DURATION("connect_timeout", "connect_timeout", "5s", 1000, HOUR),
    ROW_DURATION("min_metadata_refresh_interval", "min_metadata_refresh_interval", "5s", 1, MINUTE),
    ROW_DURATION("request_timeout", "request_timeout", "3s", 10, 5 * MINUTE),
    ROW_DURATION("health_check_interval", "health_check_interval", "32s", 1000, HOUR),
    ROW_NOTHING("connection_strategy", "librdkafka keeps one connection to each broker"),
    ROW_NOTHING("query_api_versions", "librdkafka always asks the brokers what they can do"),
    END};

static const struct convert_row sasl_rows[] = {
    ROW_WORD("mechanism", "mechanism", "plain", MECHANISM), ROW_TEXT("username", "username", NULL),
    ROW_TEXT("password", "password", NULL), END};

static const struct convert_row ssl_rows[] = {
    ROW_TEXT("cacertfile", "cacertfile", NULL),
    ROW_TEXT("ca_cert_file", "cacertfile", NULL),
    ROW_TEXT("certfile", "certfile", NULL),
    ROW_TEXT("cert_file", "certfile", NULL),
    ROW_TEXT("keyfile", "keyfile", NULL),
    ROW_TEXT("key_file", "keyfile", NULL),
    ROW_TEXT("password", "key_password", NULL),
    ROW_WORD("verify", "verify", NULL, " verify_peer=true verify_none=false true false "),
    ROW_WORD("server_name_indication", "server_name_indication", NULL, " auto disable "),
    END};

/* A rule's own producer has no defaults: what it leaves out is said by the common one. */
#define PRODUCER_ROWS(produce, timeout, encoding, compressed, chosen, batch)                       \
    ROW_WORD("produce", "produce", produce, " sync async "),                                       \
        ROW_DURATION("produce_sync_timeout", "produce_sync_timeout", timeout, 1, HOUR),            \
        ROW_WORD("encode_payload_type", "encode_payload_type", encoding, ENCODING),                \
        ROW_WORD("compression", "compression", compressed, COMPRESSION),                           \
        ROW_WORD("partition_strategy", "partitioner", NULL, PARTITIONER),                          \
        ROW_WORD("partitioner", "partitioner", chosen, PARTITIONER),                               \
        ROW_SIZE("max_batch_bytes", "max_batch_bytes", batch),                                     \
        ROW_WORD("required_acks", "acks", NULL, " all_isr=all leader_only=leader none "),          \
        ROW_DURATION("max_linger_ms", "linger", NULL, 0, 15 * MINUTE),                             \
        ROW_FOLDER("replayq_dir", "replayq_dir")

static const struct convert_row producer_first[] = {
    PRODUCER_ROWS("sync", "3000ms", "plain", "none", "random", NULL), END};
static const struct convert_row producer_second[] = {
    PRODUCER_ROWS(NULL, NULL, "plain", "none", "random", "896KB"), END};
static const struct convert_row producer_override[] = {
    PRODUCER_ROWS(NULL, NULL, NULL, NULL, NULL, NULL), END};

static void write_sasl(struct conversion *c, struct setting *sasl) {
    const struct setting *mechanism = setting_get(sasl, "mechanism");
    if (!sasl || sasl->kind != SETTING_MAP || sasl->count == 0 ||
        (mechanism && str_equal(mechanism->text, STR("none")))) {
        return;
    }
    buffer_append_str(&c->yaml, STR("    sasl:\n"));
    convert_rows(c, sasl, sasl_rows, 6);
}

static void write_ssl(struct conversion *c, struct setting *ssl, bool first) {
    if (!ssl || ssl->kind != SETTING_MAP || ssl->count == 0) {
        return;
    }
    /* The first generation has no switch: the settings being there is it. */
    struct setting *enable = setting_get(ssl, "enable");
    mqk_str word = first ? STR("true") : STR("false");
    if (enable) {
        enable->used = true;
        if (!convert_find_word(BOOLEANS, enable->text, &word)) {
            convert_note(c, enable, "neither true nor false; TLS is switched on");
            word = STR("true");
        }
    }
    buffer_printf(&c->yaml, "    ssl:\n      enable: %.*s\n", STR_ARG(word));
    convert_rows(c, ssl, ssl_rows, 6);
    if (str_equal(word, STR("true")) && !setting_get(ssl, "verify")) {
        convert_note(c, ssl,
                     "the plugin did not check the server's certificate unless told to; "
                     "here it is checked (ssl.verify: false switches that off)");
    }
}

static void write_client(struct conversion *c, struct setting *client, bool first) {
    buffer_append_str(&c->yaml, STR("  client:\n"));
    convert_servers(c, setting_get(client, first ? "servers" : "bootstrap_hosts"), 4,
                    "localhost:9092");
    convert_rows(c, client, first ? client_first : client_second, 4);
    write_sasl(c, setting_get(client, "sasl"));
    write_ssl(c, setting_get(client, "ssl"), first);
}

static mqk_str take_text(struct setting *map, const char *key) {
    struct setting *node = setting_get(map, key);
    if (!node || convert_is_unset(node) || node->kind != SETTING_TEXT) {
        return (mqk_str){NULL, 0};
    }
    node->used = true;
    return node->text;
}

static void lose(struct conversion *c, struct setting *rule, const char *sentence) {
    convert_note(c, rule, "the rule is left out: %s", sentence);
    c->rules_lost++;
    rule->used = true;
    for (struct setting *node = rule; node; node = setting_next(rule, node)) {
        node->used = true;
    }
}

/* Whether the template is one of ours as well; if not, the rule is lost. */
static bool check_template(struct conversion *c, struct setting *rule, const char *name,
                           mqk_str text) {
    mqk_template *compiled = NULL;
    mqk_error err;
    char sentence[700];
    if (!text.data || mqk_template_compile(text, MQK_FORMAT_AUTO, &compiled, &err) == MQK_OK) {
        mqk_template_free(compiled);
        return true;
    }
    snprintf(sentence, sizeof(sentence), "%s: %.600s", name, err.message);
    lose(c, rule, sentence);
    return false;
}

enum hook_kind { HOOK_MESSAGE, HOOK_TOPIC, HOOK_OTHER };

static enum hook_kind kind_of(mqk_hook hook) {
    switch (hook) {
    case MQK_HOOK_MESSAGE_PUBLISH:
    case MQK_HOOK_MESSAGE_DELIVERED:
    case MQK_HOOK_MESSAGE_ACKED:
    case MQK_HOOK_MESSAGE_DROPPED:
        return HOOK_MESSAGE;
    case MQK_HOOK_CLIENT_AUTHORIZE:
    case MQK_HOOK_CLIENT_CHECK_AUTHZ_COMPLETE:
    case MQK_HOOK_CLIENT_SUBSCRIBE:
    case MQK_HOOK_CLIENT_UNSUBSCRIBE:
    case MQK_HOOK_SESSION_SUBSCRIBED:
    case MQK_HOOK_SESSION_UNSUBSCRIBED:
        return HOOK_TOPIC;
    default:
        return HOOK_OTHER;
    }
}

/* What is written of a rule's filter: they compare it on message events only. */
static void write_filter(struct conversion *c, struct setting *rule, enum hook_kind kind,
                         mqk_str filter) {
    bool any = !filter.data || str_equal(filter, STR("#"));
    if (kind == HOOK_MESSAGE) {
        convert_line(&c->yaml, 6, "filter", filter.data ? filter : STR("#"));
        return;
    }
    if (!any) {
        convert_note(c, setting_get(rule, "filter"),
                     "the plugin did not look at filters on this hook, so it is left out");
    }
    if (kind == HOOK_TOPIC) {
        buffer_printf(&c->yaml, "      filters: %s\n", CONVERT_ANY_SUBSCRIPTION);
    }
}

/* A sentence when the rule can never send anything, or NULL. */
static const char *check_filter(mqk_str filter, bool first) {
    if (filter.data && mqk_topic_filter_check(filter, NULL) != MQK_OK) {
        return "its filter is illegal and matched nothing";
    }
    if (first && filter.data && str_starts_with(filter, STR("$SYS/"))) {
        return "the plugin never forwarded $SYS/ topics";
    }
    return NULL;
}

static void write_message(struct conversion *c, struct setting *rule, bool first) {
    struct setting *message = first ? rule : setting_get(rule, "kafka_message");
    mqk_str key = take_text(message, "key"), value = take_text(message, "value");
    mqk_str timestamp = take_text(message, "timestamp");
    if (!first) {
        key = key.data ? key : STR("${.clientid}");
        timestamp = timestamp.data ? timestamp : STR("${.timestamp}");
    }
    if (key.data) {
        convert_line(&c->yaml, 6, "key", key);
    }
    convert_line(&c->yaml, 6, "value", value.data ? value : STR("${.}"));
    if (timestamp.data) {
        convert_line(&c->yaml, 6, "timestamp", timestamp);
    }
}

static void write_rule(struct conversion *c, struct setting *rule, bool first) {
    if (rule->kind != SETTING_MAP) {
        lose(c, rule, "it is not an object");
        return;
    }
    mqk_str name = take_text(rule, first ? "hook" : "endpoint");
    mqk_str filter = take_text(rule, "filter");
    mqk_str topic = take_text(rule, first ? "topic" : "kafka_topic");
    struct setting *message = first ? rule : setting_get(rule, "kafka_message");
    mqk_hook hook = MQK_HOOK_CUSTOM;
    if (!name.data || mqk_hook_by_name(name, &hook) != MQK_OK || hook == MQK_HOOK_CUSTOM) {
        lose(c, rule, name.data ? "there is no such hook" : "it names no hook");
        return;
    }
    enum hook_kind kind = kind_of(hook);
    const char *wrong = kind == HOOK_MESSAGE ? check_filter(filter, first) : NULL;
    if (!topic.data && first) {
        wrong = wrong ? wrong : "it names no Kafka topic";
    }
    if (wrong) {
        lose(c, rule, wrong);
        return;
    }
    if (!check_template(c, rule, "key", take_text(message, "key")) ||
        !check_template(c, rule, "value", take_text(message, "value")) ||
        !check_template(c, rule, "timestamp", take_text(message, "timestamp"))) {
        return;
    }
    buffer_printf(&c->yaml, "    - hook: %.*s\n", STR_ARG(name));
    write_filter(c, rule, kind, filter);
    convert_line(&c->yaml, 6, "topic", topic.data ? topic : STR("emqx_test"));
    write_message(c, rule, first);
    struct setting *producer = setting_get(rule, "producer");
    size_t at = c->yaml.len;
    buffer_append_str(&c->yaml, STR("      producer:\n"));
    if (convert_rows(c, producer, producer_override, 8) == 0) {
        c->yaml.len = at;
    }
    c->rules++;
}

static bool is_kafka(const struct setting *map) {
    return setting_get(map, "hook") || setting_get(map, "hooks") || setting_get(map, "client") ||
           setting_get(map, "connection");
}

struct setting *convert_rules_root(struct setting *root) {
    if (is_kafka(root)) {
        return root;
    }
    for (struct setting *child = root->first; child; child = child->next) {
        if (child->kind == SETTING_MAP && is_kafka(child)) {
            return child;
        }
    }
    return NULL;
}

void convert_hook_rules(struct conversion *c, struct setting *kafka) {
    bool first = !setting_get(kafka, "connection") && !setting_get(kafka, "hooks");
    struct setting *rules = setting_get(kafka, first ? "hook" : "hooks");
    buffer_append_str(&c->yaml, STR("kafka:\n"));
    write_client(c, setting_get(kafka, first ? "client" : "connection"), first);
    buffer_append_str(&c->yaml, STR("  producer:\n"));
    convert_rows(c, setting_get(kafka, "producer"), first ? producer_first : producer_second, 4);
    buffer_append_str(&c->yaml, STR("  hook:\n"));
    /* `hooks.1 { … }` is a way to write a list, too. */
    for (struct setting *rule = rules ? rules->first : NULL; rule; rule = rule->next) {
        write_rule(c, rule, first);
    }
}
