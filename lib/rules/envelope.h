/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built-in templates of record values (`envelope:` of a rule): for each envelope and hook, the
 * template that makes the value, and the headers that go with it. They are written in the language
 * of the rules themselves, so that a user can copy one and change it. The table is read-only; a set
 * holds what a ruleset has compiled of it. Any thread once compiled.
 */
#ifndef MQK_RULES_ENVELOPE_H
#define MQK_RULES_ENVELOPE_H

#include "template.h"

/* All envelopes: X(NAME, "name", meaning). */
#define ENVELOPES(X)                                                                               \
    X(EVENT, "event", "the whole event as JSON; what a rule has that names nothing")               \
    X(RAW, "raw", "the payload's bytes")                                                           \
    X(EMQTTD, "emqttd", "JSON of emqttd_plugin_kafka_bridge (times in seconds)")                   \
    X(EMQ2, "emq2", "JSON of emq_plugin_kafka and emq_plugin_wunaozai")                            \
    X(EMQX4, "emqx4", "JSON of emqx_plugin_kafka for EMQX 4")                                      \
    X(CLOUDEVENTS, "cloudevents", "CloudEvents 1.0, structured: a JSON object")                    \
    X(CLOUDEVENTS_BINARY, "cloudevents_binary",                                                    \
      "CloudEvents 1.0, binary: attributes in headers, the payload's bytes")

enum envelope {
#define ENVELOPE_ENUM(id, name, meaning) ENVELOPE_##id,
    ENVELOPES(ENVELOPE_ENUM)
#undef ENVELOPE_ENUM
    /* What CLOUDEVENTS is where payloads are written as base64: another member of the object. */
    ENVELOPE_CLOUDEVENTS_BASE64,
    ENVELOPE_COUNT
};

/* Names of all envelopes, NULL-terminated, for suggestions. */
extern const char *const envelope_names[];

/* Finds an envelope by its name; false when there is none. */
bool envelope_by_name(mqk_str name, enum envelope *out);

/* The one to use where payloads are written in this encoding. */
enum envelope envelope_encoded(enum envelope envelope, enum payload_encoding encoding);

/* Hooks that an envelope knows (1 << mqk_hook). */
uint32_t envelope_hooks(enum envelope envelope);

/* The template of a value, as text; NULL for a hook that the envelope does not know. */
const char *envelope_template(enum envelope envelope, mqk_hook hook);

/* The headers that go with an envelope; an optional one is left out where its template has no
 * value. The list ends with a NULL name; NULL: no headers. */
struct envelope_header {
    const char *name;
    const char *value;
    bool optional;
};
const struct envelope_header *envelope_headers(enum envelope envelope);

/* Compiled templates; zeroed memory is an empty set. */
struct envelope_set {
    struct template *templates[ENVELOPE_COUNT][MQK_HOOK_COUNT];
};

/* Compiles an envelope's templates if that has not been done yet. False: out of memory. */
bool envelope_set_add(struct envelope_set *set, enum envelope envelope);
void envelope_set_fini(struct envelope_set *set);

#endif
