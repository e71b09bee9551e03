/* SPDX-License-Identifier: Apache-2.0 */
#include "config_value.h"

#include <librdkafka/rdkafka.h>

#include "config_check.h"
#include "error.h"

#define MAX_PROPERTIES 500u
#define MAX_NAME       200u

/* Properties that would work against our own settings, and what to do instead. */
struct refused_property {
    const char *name;
    const char *instead;
};
static const struct refused_property refused[] = {
    {"bootstrap.servers", "use \"servers\""},
    {"metadata.broker.list", "use \"servers\""},
    {"client.id", "use \"client_id\""},
    {"security.protocol", "use \"sasl\" and \"ssl\""},
    {"sasl.mechanism", "use \"sasl.mechanism\" of the cluster"},
    {"sasl.mechanisms", "use \"sasl.mechanism\" of the cluster"},
    {"sasl.username", "use \"sasl.username\" of the cluster"},
    {"sasl.password", "use \"sasl.password\" of the cluster"},
    {"ssl.ca.location", "use \"ssl.cacertfile\""},
    {"ssl.certificate.location", "use \"ssl.certfile\""},
    {"ssl.key.location", "use \"ssl.keyfile\""},
    {"ssl.key.password", "use \"ssl.key_password\""},
    {"enable.ssl.certificate.verification", "use \"ssl.verify\""},
    {"ssl.endpoint.identification.algorithm", "use \"ssl.server_name_indication\""},
    {"socket.connection.setup.timeout.ms", "use \"connect_timeout\""},
    {"request.timeout.ms", "use \"request_timeout\""},
    {"socket.timeout.ms", "use \"request_timeout\""},
    {"topic.metadata.refresh.fast.interval.ms", "use \"min_metadata_refresh_interval\""},
    {"topic.metadata.refresh.interval.ms", "use \"health_check_interval\""},
    {"acks", "use \"acks\" of the producer"},
    {"request.required.acks", "use \"acks\" of the producer"},
    {"compression.codec", "use \"compression\" of the producer"},
    {"compression.type", "use \"compression\" of the producer"},
    {"linger.ms", "use \"linger\" of the producer"},
    {"queue.buffering.max.ms", "use \"linger\" of the producer"},
    {"partitioner", "use \"partitioner\" of the producer"},
    {"message.timeout.ms", "use \"message_ttl\" of the producer"},
    {"delivery.timeout.ms", "use \"message_ttl\" of the producer"},
    {"batch.size", "use \"max_batch_bytes\" of the producer"},
    {"queue.buffering.max.kbytes", "use \"buffer.memory\" of the producer"},
    {"queue.buffering.max.messages", "use \"buffer.memory\" of the producer"},
    {"test.mock.num.brokers", "use servers: [\"embedded\"]"},
    {"delivery.report.only.error", "it would hide what was delivered"},
    {"enable.gapless.guarantee", "it would stop the producer at the first lost record"},
    {"transactional.id", "transactions are not available in this version"},
    {"enabled_events", "it would hide what was delivered"},
    {"log.queue", "the log goes to the host"},
    {"plugin.library.paths", "it would load other code into the host"},
    {"ssl.engine.location", "it would load other code into the host"},
};

/* The same for the consumer of a rule. */
static const struct refused_property refused_by_consumers[] = {
    {"group.id", "use \"group_id\""},
    {"enable.auto.commit", "offsets are committed when the host has accepted the records"},
    {"enable.auto.offset.store", "offsets are committed when the host has accepted the records"},
    {"auto.commit.enable", "offsets are committed when the host has accepted the records"},
    {"auto.commit.interval.ms", "use \"commit_interval\""},
    {"auto.offset.reset", "use \"offset_reset\""},
    {"enable.partition.eof", "the ends of partitions are of no use here"},
};

static const char *find_refusal(const struct refused_property *list, size_t count, mqk_str name) {
    for (size_t i = 0; i < count; i++) {
        if (str_equal(name, mqk_cstr(list[i].name))) {
            return list[i].instead;
        }
    }
    return NULL;
}

static const char *refusal(mqk_str name, bool consumer) {
    const char *instead = find_refusal(refused, sizeof(refused) / sizeof(refused[0]), name);
    if (!instead && consumer) {
        instead =
            find_refusal(refused_by_consumers,
                         sizeof(refused_by_consumers) / sizeof(refused_by_consumers[0]), name);
    }
    return instead;
}

/* Kafka's new group protocol, by the properties that it came with. */
static bool is_of_new_groups(const char *name) {
    return strcmp(name, "group.protocol") == 0 || strcmp(name, "group.remote.assignor") == 0;
}

/* "outside allowed range 1..9" of librdkafka's sentence: the only part that cannot contain the
 * value, which may be a secret. */
static const char *allowed_range(const char *sentence) {
    const char *range = strstr(sentence, "allowed range ");
    return range && strlen(range) < 80 ? range : NULL;
}

static void try_property(struct check *c, const struct yaml_node *at, rd_kafka_conf_t *conf,
                         const char *name, const char *value) {
    char sentence[512] = "";
    char quote[ERROR_QUOTE_SIZE];
    error_quote(mqk_cstr(name), quote);
    switch (rd_kafka_conf_set(conf, name, value, sentence, sizeof(sentence))) {
    case RD_KAFKA_CONF_OK:
        return;
    case RD_KAFKA_CONF_UNKNOWN:
        if (is_of_new_groups(name)) {
            check_report(
                c, MQK_SEVERITY_ERROR, MQK_ERR_UNAVAILABLE, at,
                "librdkafka %s does not know Kafka's new group protocol; leave \"%s\" out, "
                "or use librdkafka 2.4 or newer",
                rd_kafka_version_str(), name);
            return;
        }
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, at,
                     "librdkafka %s has no property \"%s\"", rd_kafka_version_str(), quote);
        return;
    default:
        break;
    }
    const char *range = allowed_range(sentence);
    mqk_str rest = str_trim(mqk_cstr(range));
    check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, at,
                 "librdkafka %s does not accept this value for \"%s\"%s%.*s%s",
                 rd_kafka_version_str(), quote, range ? " (" : "", STR_ARG(rest), range ? ")" : "");
}

bool property_split(const char *text, mqk_str *name, const char **value) {
    const char *equals = strchr(text, '=');
    if (!equals) {
        return false;
    }
    *name = str_trim((mqk_str){text, (size_t)(equals - text)});
    *value = equals + 1 + strspn(equals + 1, " \t");
    return name->len > 0 && name->len <= MAX_NAME;
}

static bool same_name(const char *text, mqk_str name) {
    mqk_str other;
    const char *value;
    return property_split(text, &other, &value) && str_equal(other, name);
}

static void check_property(struct check *c, const struct yaml_node *list,
                           const struct yaml_node *node, rd_kafka_conf_t *conf, bool consumer) {
    mqk_str name;
    const char *value;
    if (!property_split(node->text.data, &name, &value)) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, node,
                     "expected \"name=value\", e.g. \"socket.keepalive.enable=true\"");
        return;
    }
    const char *instead = refusal(name, consumer);
    if (instead) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, node,
                     "the property \"%.*s\" cannot be set here: %s", STR_ARG(name), instead);
        return;
    }
    for (const struct yaml_node *other = list->first; other != node; other = other->next) {
        if (same_name(other->text.data, name)) {
            char quote[ERROR_QUOTE_SIZE];
            check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, node,
                         "the property \"%s\" is given twice", error_quote(name, quote));
            return;
        }
    }
    char copy[MAX_NAME + 1];
    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';
    try_property(c, node, conf, copy, value);
}

static void check_all(struct check *c, const struct yaml_node *list, bool consumer) {
    if (list->count > MAX_PROPERTIES) {
        check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, list, "more than %u properties",
                     MAX_PROPERTIES);
        return;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    size_t index = 0;
    for (const struct yaml_node *node = list->first; node; node = node->next) {
        size_t before = check_enter_index(c, index++);
        check_property(c, list, node, conf, consumer);
        check_leave(c, before);
    }
    rd_kafka_conf_destroy(conf);
}

void check_properties(struct check *c, const struct yaml_node *list, const struct key_rule *rule) {
    (void)rule;
    check_all(c, list, false);
}

void check_consumer_properties(struct check *c, const struct yaml_node *list,
                               const struct key_rule *rule) {
    (void)rule;
    check_all(c, list, true);
}
