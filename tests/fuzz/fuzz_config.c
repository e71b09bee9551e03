/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target for the configuration. Whatever the text is, it is either loaded or refused with
 * a sentence that names the file.
 */
#include <stdlib.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
    if (!truth) {
        abort();
    }
}

static void count_problem(void *user, mqk_severity severity, const mqk_error *error) {
    size_t *errors = user;
    *errors += severity == MQK_SEVERITY_ERROR;
    require(error->message[0] != '\0' && strlen(error->message) < sizeof(error->message));
}

/* Not one that would have us open something like a device. */
static bool is_harmless(const uint8_t *data, size_t size) {
    return !memmem(data, size, "/dev", 4) && !memmem(data, size, "/proc", 5) &&
           !memmem(data, size, "/sys", 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!is_harmless(data, size)) {
        return 0;
    }
    const mqk_config_source source = {
        sizeof(source), "fuzz.yaml", {size > 0 ? (const char *)data : "", size}};
    struct mqk_config *config = NULL;
    mqk_error err = {.code = MQK_OK};
    size_t errors = 0;
    mqk_status status = config_load(&source, 1, count_problem, &errors, &config, &err);
    require((status == MQK_OK) == (config != NULL));
    require((status == MQK_OK) == (errors == 0));
    require(status == err.code);
    if (config) {
        const struct settings *settings = config_settings(config);
        require(settings->cluster_count > 0 && settings->lane_count > 0);
        require(ruleset_size(settings->rules) > 0);
        for (size_t i = 0; i < ruleset_size(settings->rules); i++) {
            require(ruleset_rule(settings->rules, i)->lane < settings->lane_count);
        }
    } else {
        require(strncmp(err.message, "fuzz.yaml:", 10) == 0);
    }
    config_unref(config);
    return 0;
}
