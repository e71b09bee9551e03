/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are right, and a message for them. Include after cmocka.h. */
#ifndef RULESET_FIXTURE_H
#define RULESET_FIXTURE_H

#include "ruleset.h"

static inline void no_problem(void *user, size_t rule, const char *path, size_t at,
                              mqk_severity severity, mqk_status code, const char *sentence) {
    (void)user;
    (void)severity;
    fail_msg("rule %zu, %s:%zu: %d %s", rule, path, at, (int)code, sentence);
}

static inline struct ruleset *compiled(const struct rule_source *rules, size_t count) {
    struct ruleset *r = ruleset_compile(rules, count, no_problem, NULL);
    assert_non_null(r);
    return r;
}

static inline mqk_event message(const char *topic) {
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = STR("c1");
    event.topic = mqk_cstr(topic);
    event.payload = STR("{\"id\":7,\"t\":1.50}");
    event.timestamp = 1000;
    return event;
}

#endif
