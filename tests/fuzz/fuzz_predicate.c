/* SPDX-License-Identifier: Apache-2.0 */
/* A predicate and an event out of any bytes: the predicate up to a NUL, then client id, topic and
 * payload, separated by NULs. What compiles runs; its explanation comes to the same result; and
 * its negation to the opposite. */
#include <stdlib.h>

#include "predicate.h"

#define MAX_TEXT 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mqk_str next_part(mqk_str *rest) {
    const char *nul = rest->len > 0 ? memchr(rest->data, '\0', rest->len) : NULL;
    mqk_str part = {rest->data, nul ? (size_t)(nul - rest->data) : rest->len};
    size_t skip = nul ? part.len + 1 : part.len;
    *rest = (mqk_str){rest->data + skip, rest->len - skip};
    return part;
}

static enum predicate_result run(const struct predicate *p, const struct regex_names *names,
                                 const mqk_event *event, struct buffer *explanation) {
    struct regex_captures captures = {.names = names};
    struct predicate_memory memory;
    struct render_context ctx = {
        .event = event, .now_ms = 1, .filter = STR("+/#"), .captures = &captures};
    predicate_memory_init(&memory);
    enum predicate_result result = explanation
                                       ? predicate_explain(p, &ctx, &memory, &captures, explanation)
                                       : predicate_run(p, &ctx, &memory, &captures);
    predicate_memory_fini(&memory);
    return result;
}

/* Nesting goes one deeper, which may be too deep. */
static void check_negation(mqk_str text, const mqk_event *event, enum predicate_result result) {
    struct regex_names names = {.count = 0};
    struct predicate *p = NULL;
    char memory[MAX_TEXT + 16];
    struct buffer negated;
    buffer_init(&negated, memory, sizeof(memory));
    buffer_append_str(&negated, STR("not ("));
    buffer_append_str(&negated, text);
    buffer_append_str(&negated, STR(")"));
    if (predicate_compile(buffer_since(&negated, 0), &names, &p, NULL, NULL) == MQK_OK) {
        enum predicate_result opposite = run(p, &names, event, NULL);
        if (result != PREDICATE_LIMIT && opposite != PREDICATE_LIMIT && opposite == result) {
            abort();
        }
    }
    predicate_free(p);
    buffer_fini(&negated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mqk_str rest = {(const char *)data, size};
    mqk_str text = next_part(&rest);
    struct regex_names names = {.count = 0};
    struct predicate *p = NULL;
    mqk_error err = {.code = MQK_OK}, warning;
    mqk_status status = predicate_compile(text, &names, &p, &err, &warning);
    if (status != MQK_OK) {
        if (p || err.column == 0 || err.column > text.len + 1 || err.message[0] == '\0') {
            abort();
        }
        return 0;
    }
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = next_part(&rest);
    event.topic = next_part(&rest);
    event.payload = rest;
    event.qos = 1;
    event.retain = 0;
    mqk_property prop = {event.clientid, event.topic, 0};
    mqk_pair pairs[2] = {{event.topic, event.clientid}, {event.clientid, event.payload}};
    event.props = &prop;
    event.props_count = 1;
    event.user_props = event.attrs = pairs;
    event.user_props_count = event.attrs_count = 2;

    struct buffer explanation;
    buffer_init(&explanation, NULL, 0);
    enum predicate_result result = run(p, &names, &event, NULL);
    enum predicate_result again = run(p, &names, &event, &explanation);
    if ((result != again && result != PREDICATE_LIMIT && again != PREDICATE_LIMIT) ||
        explanation.failure != MQK_OK || explanation.len == 0) {
        abort();
    }
    buffer_fini(&explanation);
    predicate_free(p);
    if (text.len <= MAX_TEXT) {
        check_negation(text, &event, result);
    }
    return 0;
}
