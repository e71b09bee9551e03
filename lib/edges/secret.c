/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "source.h"

const char *show_path(const char *path, char out[SHOWN_PATH_SIZE]) {
    size_t len = strlen(path);
    bool plain = len < SHOWN_PATH_SIZE;
    for (size_t i = 0; i < len && plain; i++) {
        plain = (unsigned char)path[i] >= 0x20 && path[i] != 0x7F;
    }
    if (plain) {
        memcpy(out, path, len + 1);
        return out;
    }
    _Static_assert(SHOWN_PATH_SIZE >= ERROR_QUOTE_SIZE, "room for a quote");
    return error_quote(mqk_cstr(path), out);
}

static mqk_status read_file(const char *path, struct arena *arena, mqk_str *secret,
                            char reason[SECRET_REASON_SIZE]) {
    char why[FILE_REASON_SIZE];
    char shown[SHOWN_PATH_SIZE];
    show_path(path, shown);
    mqk_status status = file_read(path, SECRET_MAX_BYTES, true, arena, secret, why);
    if (status != MQK_OK) {
        snprintf(reason, SECRET_REASON_SIZE, "cannot read the secret from \"%s\": %s", shown, why);
        return status;
    }
    if (secret->len > 0 && secret->data[secret->len - 1] == '\n') {
        secret->len--;
        if (secret->len > 0 && secret->data[secret->len - 1] == '\r') {
            secret->len--;
        }
    }
    if (secret->len == 0) {
        snprintf(reason, SECRET_REASON_SIZE, "the file \"%s\" is empty", shown);
        return MQK_ERR_CONFIG;
    }
    if (memchr(secret->data, '\0', secret->len)) {
        snprintf(reason, SECRET_REASON_SIZE, "the file \"%s\" contains a NUL byte", shown);
        return MQK_ERR_CONFIG;
    }
    return MQK_OK;
}

static mqk_status read_variable(const char *name, mqk_str *secret,
                                char reason[SECRET_REASON_SIZE]) {
    char quote[ERROR_QUOTE_SIZE];
    *secret = mqk_cstr(getenv(name));
    if (secret->len == 0) {
        snprintf(reason, SECRET_REASON_SIZE, "the environment variable \"%s\" is %s",
                 error_quote(mqk_cstr(name), quote), secret->data ? "empty" : "not set");
        return MQK_ERR_CONFIG;
    }
    return MQK_OK;
}

mqk_status secret_read(const char *text, struct arena *arena, const char **out,
                       char reason[SECRET_REASON_SIZE]) {
    mqk_str secret = mqk_cstr(text);
    mqk_status status = MQK_OK;
    if (str_starts_with(secret, STR("file://"))) {
        status = read_file(text + strlen("file://"), arena, &secret, reason);
    } else if (str_starts_with(secret, STR("env:"))) {
        status = read_variable(text + strlen("env:"), &secret, reason);
    }
    if (status != MQK_OK) {
        return status;
    }
    *out = arena_text(arena, secret);
    if (!*out) {
        snprintf(reason, SECRET_REASON_SIZE, "out of memory");
        return MQK_ERR_NO_MEMORY;
    }
    return MQK_OK;
}
