/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of floor 1: versions, names, topics, events. Any thread. */
#include <mqkafka/mqkafka.h>

#include "error.h"
#include "event.h"
#include "topic_filter.h"

struct status_info {
    mqk_status status;
    const char *name;
    const char *text;
};

static const struct status_info statuses[] = {
#define STATUS_ROW(name, number, text) {name, #name, text},
    MQK_STATUSES(STATUS_ROW)};

static const char *const health_names[] = {
    [MQK_HEALTH_OK] = "ok",
    [MQK_HEALTH_STARTING] = "starting",
    [MQK_HEALTH_DEGRADED] = "degraded",
    [MQK_HEALTH_DOWN] = "down",
};

static const char *const spool_names[] = {
    [MQK_SPOOL_NONE] = "none",
    [MQK_SPOOL_OK] = "ok",
    [MQK_SPOOL_FULL] = "full",
    [MQK_SPOOL_BROKEN] = "broken",
};

static const struct status_info *find_status(mqk_status status) {
    static const struct status_info unknown = {MQK_OK, "MQK_ERR_?", "unknown status"};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status) {
            return &statuses[i];
        }
    }
    return &unknown;
}

const char *mqk_version(void) {
    return MQK_VERSION;
}

const char *mqk_status_name(mqk_status status) {
    return find_status(status)->name;
}

const char *mqk_status_text(mqk_status status) {
    return find_status(status)->text;
}

bool mqk_topic_matches(mqk_str filter, mqk_str topic) {
    return !topic_filter_check(filter, NULL) && !topic_name_check(topic) &&
           topic_filter_matches(filter, topic);
}

mqk_status mqk_topic_filter_check(mqk_str filter, mqk_error *err) {
    size_t at = 0;
    const char *wrong = topic_filter_check(filter, &at);
    if (!wrong) {
        return MQK_OK;
    }
    mqk_str shown = filter.data ? filter : STR("");
    char quoted[ERROR_QUOTE_SIZE];
    return error_set(err, MQK_ERR_FILTER, 0, (uint32_t)(at + 1),
                     "topic filter \"%s\": %s (at byte %zu)", error_quote(shown, quoted), wrong,
                     at + 1);
}

void mqk_event_init(mqk_event *event, size_t size, mqk_hook hook) {
    if (event) {
        event_init(event, size, hook);
    }
}

const char *mqk_hook_name(mqk_hook hook) {
    return (unsigned)hook < MQK_HOOK_COUNT ? event_hooks[hook].name : NULL;
}

mqk_status mqk_hook_by_name(mqk_str name, mqk_hook *hook) {
    if (!name.data || !hook || !event_hook_by_name(name, hook)) {
        return MQK_ERR_ARGUMENT;
    }
    return MQK_OK;
}

const char *mqk_spool_state_name(mqk_spool_state state) {
    size_t count = sizeof(spool_names) / sizeof(spool_names[0]);
    return (size_t)state < count ? spool_names[state] : "?";
}

const char *mqk_health_name(mqk_health_state state) {
    size_t count = sizeof(health_names) / sizeof(health_names[0]);
    return (size_t)state < count ? health_names[state] : "?";
}
