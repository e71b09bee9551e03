/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the configuration share: loading a text and writing down all that is told. */
#ifndef MQK_TESTS_CONFIG_TESTING_H
#define MQK_TESTS_CONFIG_TESTING_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "config.h"

/* A text that may contain NUL. */
#define TEXT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }

/* Configurations that are good but for the one line that a test puts in. */
#define IN_KAFKA(line)                                                                             \
    "kafka:\n"                                                                                     \
    "  client: {servers: [k]}\n"                                                                   \
    "  hook: [{hook: message.publish, topic: t}]\n"                                                \
    "  " line "\n"
#define WITH_RULE(line)                                                                            \
    "kafka:\n"                                                                                     \
    "  hook: [{hook: message.publish, topic: t}]\n"                                                \
    "  " line "\n"
#define IN_CLIENT(line)                                                                            \
    "kafka:\n"                                                                                     \
    "  hook:\n"                                                                                    \
    "    - {hook: message.publish, topic: t}\n"                                                    \
    "  client:\n"                                                                                  \
    "    servers: [k]\n"                                                                           \
    "    " line "\n"
#define AS_SERVERS(value)                                                                          \
    "kafka:\n"                                                                                     \
    "  hook:\n"                                                                                    \
    "    - {hook: message.publish, topic: t}\n"                                                    \
    "  client:\n"                                                                                  \
    "    servers: " value "\n"
#define IN_PRODUCER(line)                                                                          \
    "kafka:\n"                                                                                     \
    "  client: {servers: [k]}\n"                                                                   \
    "  hook:\n"                                                                                    \
    "    - {hook: message.publish, topic: t}\n"                                                    \
    "  producer:\n"                                                                                \
    "    " line "\n"
#define CLUSTERS(entry)                                                                            \
    "kafka:\n"                                                                                     \
    "  hook: [{hook: message.publish, topic: t, cluster: eu}]\n"                                   \
    "  clusters:\n"                                                                                \
    "    - {name: eu, servers: [k]}\n"                                                             \
    "    - " entry "\n"
#define AS_RULE(rule)                                                                              \
    "kafka:\n"                                                                                     \
    "  client: {servers: [k]}\n"                                                                   \
    "  hook:\n"                                                                                    \
    "    - " rule "\n"
#define IN_RULE(line)                                                                              \
    "kafka:\n"                                                                                     \
    "  client: {servers: [k]}\n"                                                                   \
    "  hook:\n"                                                                                    \
    "    - hook: message.publish\n"                                                                \
    "      topic: t\n"                                                                             \
    "      " line "\n"

/* All that was told of one load, a line each: "CONFIG r.yaml:1:2: …" or "WARNING …". */
struct told {
    char text[16000];
    size_t count;
    mqk_error first; /* error */
};

static inline const char *code_name(mqk_status code) {
    switch (code) {
#define CODE_NAME(name, number, text)                                                              \
    case name:                                                                                     \
        return #name;
        MQK_STATUSES(CODE_NAME)
#undef CODE_NAME
    default:
        return "MQK_ERR_?";
    }
}

static inline void write_down(void *user, mqk_severity severity, const mqk_error *error) {
    struct told *told = user;
    const size_t len = strlen(told->text);
    const char *code =
        severity == MQK_SEVERITY_WARNING ? "WARNING" : code_name(error->code) + strlen("MQK_ERR_");
    snprintf(told->text + len, sizeof(told->text) - len, "%s%s %s", len > 0 ? "\n" : "", code,
             error->message);
    if (severity == MQK_SEVERITY_ERROR && told->first.code == MQK_OK) {
        told->first = *error;
    }
    told->count++;
}

/* Loads several texts, called r.yaml, s.yaml, t.yaml. */
static inline mqk_status load_texts(const mqk_str *texts, size_t count, struct told *told,
                                    struct mqk_config **config) {
    static const char *const names[] = {"r.yaml", "s.yaml", "t.yaml"};
    mqk_config_source sources[3];
    mqk_error err = {.code = MQK_OK};
    memset(told, 0, sizeof(*told));
    for (size_t i = 0; i < count; i++) {
        sources[i] = (mqk_config_source){sizeof(sources[i]), names[i], texts[i]};
    }
    *config = NULL;
    mqk_status status = config_load(sources, count, write_down, told, config, &err);
    /* The error that is returned is the first one told. */
    assert_int_equal(status, told->first.code);
    assert_int_equal(err.code, told->first.code);
    assert_int_equal(err.line, told->first.line);
    assert_int_equal(err.column, told->first.column);
    assert_string_equal(err.message, told->first.message);
    assert_true((status == MQK_OK) == (*config != NULL));
    return status;
}

/* Loads a good text. Free with config_unref(). */
static inline struct mqk_config *load_good(const char *text) {
    struct told told;
    struct mqk_config *config;
    mqk_str source = mqk_cstr(text);
    if (load_texts(&source, 1, &told, &config) != MQK_OK) {
        fail_msg("%s", told.text);
    }
    return config;
}

/* A text and all that is told of it. "{rdkafka}" stands for librdkafka's version. */
struct bad_config {
    mqk_str text;
    const char *told;
};

static inline void check_bad_configs(const struct bad_config *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct told told;
        struct mqk_config *config;
        char expected[4000];
        const char *mark = strstr(cases[i].told, "{rdkafka}");
        int before = (int)(mark ? mark - cases[i].told : (ptrdiff_t)strlen(cases[i].told));
        snprintf(expected, sizeof(expected), "%.*s%s%s", before, cases[i].told,
                 mark ? rd_kafka_version_str() : "", mark ? mark + strlen("{rdkafka}") : "");
        load_texts(&cases[i].text, 1, &told, &config);
        config_unref(config);
        if (strcmp(told.text, expected) != 0) {
            print_error("case %zu:\n%.*s\n", i, (int)cases[i].text.len, cases[i].text.data);
        }
        assert_string_equal(told.text, expected);
        assert_int_not_equal(told.first.code, MQK_OK);
        assert_null(strstr(told.text, "hunter2"));
    }
}

#define CHECK_BAD_CONFIGS(cases) check_bad_configs(cases, sizeof(cases) / sizeof((cases)[0]))

#endif
