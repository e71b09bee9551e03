/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "error.h"

/* A mqk_ruleset is a struct ruleset by its public name. */
static const struct ruleset *inside(const mqk_ruleset *ruleset) {
    return (const struct ruleset *)ruleset;
}

struct evaluation {
    mqk_record_fn record;
    void *user;
};

struct explanation {
    const struct ruleset *rules;
    mqk_verdict_fn verdict;
    void *user;
};

mqk_status mqk_ruleset_compile(const mqk_config *config, mqk_ruleset **out, mqk_error *err) {
    if (out) {
        *out = NULL;
    }
    if (!config || !out) {
        return error_set(err, MQK_ERR_ARGUMENT, 0, 0, "config or out is NULL");
    }
    *out = (mqk_ruleset *)ruleset_ref(config_settings(config)->rules);
    return MQK_OK;
}

static bool hand_record(void *user, const struct rendered_record *rendered) {
    const struct evaluation *e = user;
    const mqk_record record = {
        .size = sizeof(record),
        .rule = rendered->rule,
        .rule_name = rendered->info->name,
        .cluster = rendered->info->cluster,
        .topic = rendered->topic,
        .key = rendered->key,
        .value = rendered->value,
        .headers = rendered->headers,
        .header_count = rendered->header_count,
        .timestamp_ms = rendered->timestamp_ms,
        .partition = rendered->partition,
        .status = rendered->status,
        .partitioner = rendered->info->partitioner,
    };
    if (e->record) {
        e->record(e->user, &record);
    }
    return true;
}

int mqk_ruleset_evaluate(const mqk_ruleset *ruleset, const mqk_event *event, mqk_record_fn record,
                         void *user) {
    mqk_event copy;
    const mqk_event *adopted = event_adopt(event, &copy);
    if (!ruleset || !adopted) {
        return MQK_ERR_ARGUMENT;
    }
    const struct ruleset_host nobody = {.node = {NULL, 0}};
    struct evaluation e = {record, user};
    return ruleset_evaluate(inside(ruleset), adopted, &nobody, hand_record, &e);
}

static void hand_verdict(void *user, size_t rule, bool matched, mqk_str reason) {
    const struct explanation *e = user;
    const mqk_verdict verdict = {
        .size = sizeof(verdict),
        .rule = rule,
        .rule_name = ruleset_rule(e->rules, rule)->name,
        .matched = matched,
        .reason = reason,
    };
    if (e->verdict) {
        e->verdict(e->user, &verdict);
    }
}

int mqk_ruleset_explain(const mqk_ruleset *ruleset, const mqk_event *event, mqk_verdict_fn verdict,
                        void *user) {
    mqk_event copy;
    const mqk_event *adopted = event_adopt(event, &copy);
    if (!ruleset || !adopted) {
        return MQK_ERR_ARGUMENT;
    }
    const struct ruleset_host nobody = {.node = {NULL, 0}};
    struct explanation e = {inside(ruleset), verdict, user};
    return ruleset_explain(inside(ruleset), adopted, &nobody, hand_verdict, &e);
}

size_t mqk_ruleset_size(const mqk_ruleset *ruleset) {
    return ruleset ? ruleset_size(inside(ruleset)) : 0;
}

void mqk_ruleset_free(mqk_ruleset *ruleset) {
    ruleset_unref((struct ruleset *)ruleset);
}
