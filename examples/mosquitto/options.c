/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PACE_MS 10

struct word {
    const char *text;
    int value;
};

static const struct word log_levels[] = {{"error", MQK_LOG_ERROR},
                                         {"warning", MQK_LOG_WARNING},
                                         {"info", MQK_LOG_INFO},
                                         {"debug", MQK_LOG_DEBUG}};
static const struct word auth_words[] = {
    {"auto", AUTH_EVENTS_AUTO}, {"true", AUTH_EVENTS_TRUE}, {"false", AUTH_EVENTS_FALSE}};
static const struct word acl_words[] = {{"ignore", ACL_CLEAN_IGNORE}, {"kick", ACL_CLEAN_KICK}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool word_find(const struct word *words, size_t count, const char *text, int *value) {
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i].text, text) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

static bool number_read(const char *text, int *value) {
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || end == text || *end != '\0' || number < 0 || number > INT_MAX) {
        return false;
    }
    *value = (int)number;
    return true;
}

uint32_t options_offer_most(const struct options *options) {
    uint32_t each = (uint32_t)options->consume_rate / (1000 / PACE_MS);
    return options->consume_rate > 0 && each == 0 ? 1 : each;
}

int options_pace_ms(const struct options *options) {
    if (options->consume_rate == 0) {
        return 0;
    }
    return options->consume_rate < 1000 / PACE_MS ? 1000 / options->consume_rate : PACE_MS;
}

static bool option_read(struct options *options, const char *key, const char *value, char *error,
                        size_t error_size) {
    int word = 0;
    if (strcmp(key, "mqk_config") == 0) {
        options->config = value;
        return true;
    }
    if (strcmp(key, "mqk_node") == 0) {
        options->node = value;
        return true;
    }
    if (strcmp(key, "mqk_metrics_file") == 0) {
        options->metrics_file = value;
        return true;
    }
    if (strcmp(key, "mqk_metrics_interval") == 0) {
        if (number_read(value, &options->metrics_interval_ms)) {
            return true;
        }
        snprintf(error, error_size,
                 "plugin_opt_mqk_metrics_interval: \"%s\" is not a number of milliseconds", value);
        return false;
    }
    if (strcmp(key, "mqk_log_level") == 0) {
        if (word_find(log_levels, COUNT(log_levels), value, &word)) {
            options->log_level = (mqk_log_level)word;
            return true;
        }
        snprintf(error, error_size,
                 "plugin_opt_mqk_log_level: \"%s\" is not error, warning, info or debug", value);
        return false;
    }
    if (strcmp(key, "mqk_close_timeout") == 0) {
        if (number_read(value, &options->close_timeout_ms)) {
            return true;
        }
        snprintf(error, error_size,
                 "plugin_opt_mqk_close_timeout: \"%s\" is not a number of milliseconds", value);
        return false;
    }
    if (strcmp(key, "mqk_auth_events") == 0) {
        if (word_find(auth_words, COUNT(auth_words), value, &word)) {
            options->auth_events = (enum auth_events)word;
            return true;
        }
        snprintf(error, error_size, "plugin_opt_mqk_auth_events: \"%s\" is not auto, true or false",
                 value);
        return false;
    }
    if (strcmp(key, "mqk_acl_clean") == 0) {
        if (word_find(acl_words, COUNT(acl_words), value, &word)) {
            options->acl_clean = (enum acl_clean)word;
            return true;
        }
        snprintf(error, error_size, "plugin_opt_mqk_acl_clean: \"%s\" is not ignore or kick",
                 value);
        return false;
    }
    if (strcmp(key, "mqk_consume_rate") == 0) {
        if (number_read(value, &options->consume_rate)) {
            return true;
        }
        snprintf(error, error_size,
                 "plugin_opt_mqk_consume_rate: \"%s\" is not a number of records a second", value);
        return false;
    }
    snprintf(error, error_size,
             "plugin_opt_%s: unknown option (there are mqk_config, mqk_node, mqk_log_level, "
             "mqk_close_timeout, mqk_auth_events, mqk_acl_clean, mqk_consume_rate, "
             "mqk_metrics_file and mqk_metrics_interval)",
             key);
    return false;
}

bool options_read(struct options *options, const struct mosquitto_opt *given, int count,
                  char *error, size_t error_size) {
    *options = (struct options){.log_level = MQK_LOG_INFO,
                                .close_timeout_ms = 5000,
                                .consume_rate = 1000,
                                .metrics_interval_ms = 15000};
    for (int i = 0; i < count; i++) {
        const char *value = given[i].value ? given[i].value : "";
        if (!option_read(options, given[i].key, value, error, error_size)) {
            return false;
        }
    }
    if (!options->config || options->config[0] == '\0') {
        snprintf(error, error_size,
                 "no rules: add the line `plugin_opt_mqk_config /path/to/rules.yaml` below the "
                 "`plugin` line of mosquitto.conf");
        return false;
    }
    return true;
}
