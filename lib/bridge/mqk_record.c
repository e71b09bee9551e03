/* SPDX-License-Identifier: Apache-2.0 */
/* What consumer rules make of a record that nobody has read from Kafka. */
#include "config.h"
#include "downlink.h"
#include "error.h"
#include "topic_pattern.h"

struct question {
    const struct settings *settings;
    const mqk_kafka_record *record;
    const mqk_host *host;
    mqk_verdict_fn verdict;
    void *user;
};

/* A struct of the caller's, as large as we know it. */
static void adopt(void *ours, size_t our_size, const void *theirs, size_t their_size) {
    memset(ours, 0, our_size);
    memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
}

/* Whether the rule reads the record's topic, whose name is NUL-terminated as well; `reason`
 * receives why not. */
static bool reads(const struct question *q, const struct consumer_settings *rule, const char *topic,
                  struct buffer *reason) {
    char quoted[ERROR_QUOTE_SIZE], named[ERROR_QUOTE_SIZE];
    mqk_str cluster = mqk_cstr(q->settings->clusters[rule->cluster].name);
    if (q->record->cluster.data && !str_equal(q->record->cluster, cluster)) {
        buffer_printf(reason, "the record is of cluster \"%s\", the rule reads \"%s\"",
                      error_quote(q->record->cluster, quoted), error_quote(cluster, named));
        return false;
    }
    for (size_t i = 0; i < rule->topic_count; i++) {
        if (topic_pattern_matches(rule->topics[i], topic)) {
            return true;
        }
    }
    buffer_printf(reason,
                  "topic \"%s\" is not among its topics: ", error_quote(mqk_cstr(topic), quoted));
    for (size_t i = 0; i < rule->topic_count; i++) {
        buffer_printf(reason, "%s%s", i > 0 ? ", " : "",
                      error_quote(mqk_cstr(rule->topics[i]), quoted));
    }
    return false;
}

static void command(const mqk_host *host, enum downlink_action action,
                    const struct downlink_command *c) {
    switch (action) {
    case DOWNLINK_PUBLISH:
        if (host->publish) {
            host->publish(host->user, &c->as.publish);
        }
        break;
    case DOWNLINK_KICK:
        if (host->kick) {
            host->kick(host->user, &c->as.kick);
        }
        break;
    case DOWNLINK_ACL_CLEAN:
        if (host->acl_clean) {
            host->acl_clean(host->user, &c->as.clean);
        }
        break;
    case DOWNLINK_CALLBACK:
        if (host->record) {
            host->record(host->user, &c->record);
        }
        break;
    }
}

/* 1 when the rule matches, 0 when not, or a negative status. */
static int ask(const struct question *q, size_t number, const char *topic, struct buffer *reason) {
    const struct downlink *rules = q->settings->downlink;
    const struct consumer_settings *rule = &q->settings->consumers[number];
    struct downlink_host host;
    struct downlink_command c;
    enum downlink_verdict verdict = DOWNLINK_SKIPPED;
    reason->len = 0;
    downlink_host_init(&host, q->host->node);
    downlink_command_init(&c);
    c.record = *q->record;
    c.record.cluster = mqk_cstr(q->settings->clusters[rule->cluster].name);
    if (reads(q, rule, topic, reason)) {
        verdict = downlink_explain(rules, number, &host, &c, reason);
    }
    if (verdict == DOWNLINK_UNUSABLE) {
        buffer_append_str(reason, rule->dead_letter ? STR("; it goes to the dead letter topic")
                                                    : STR("; it is counted and left out"));
    }
    bool matched = verdict == DOWNLINK_COMMAND;
    bool good = reason->failure == MQK_OK;
    if (good && q->verdict) {
        const mqk_verdict said = {.size = sizeof(said),
                                  .rule = number,
                                  .rule_name = downlink_name(rules, number),
                                  .matched = matched,
                                  .reason = buffer_since(reason, 0)};
        q->verdict(q->user, &said);
    }
    if (good && matched) {
        command(q->host, downlink_action(rules, number), &c);
    }
    downlink_command_fini(&c);
    return good ? matched : (int)reason->failure;
}

int mqk_config_explain_record(const mqk_config *config, const mqk_kafka_record *record,
                              const mqk_host *host, mqk_verdict_fn verdict, void *user) {
    mqk_kafka_record full;
    mqk_host complete = {.size = sizeof(complete)};
    if (!config || !record || record->size == 0) {
        return MQK_ERR_ARGUMENT;
    }
    adopt(&full, sizeof(full), record, record->size);
    full.size = sizeof(full);
    if (host) {
        adopt(&complete, sizeof(complete), host, host->size);
    }
    const struct question q = {config_settings(config), &full, &complete, verdict, user};
    struct buffer reason, topic;
    int matched = 0;
    buffer_init(&reason, NULL, 0);
    buffer_init(&topic, NULL, 0);
    buffer_append_str(&topic, full.topic);
    buffer_append_char(&topic, '\0');
    int status = topic.failure;
    for (size_t i = 0; status >= 0 && i < q.settings->consumer_count; i++) {
        status = ask(&q, i, topic.data, &reason);
        matched += status == 1;
    }
    buffer_fini(&topic);
    buffer_fini(&reason);
    return status < 0 ? status : matched;
}
