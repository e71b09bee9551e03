/* SPDX-License-Identifier: Apache-2.0 */
/* White space of JSON, for the two rooms that read it. */
#ifndef MQK_BASE_JSON_SPACE_H
#define MQK_BASE_JSON_SPACE_H

#include <stdbool.h>

#include "bytes.h"

static inline bool json_is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Out-of-line part of json_skip_space(). (json_iter.c) */
const char *json_skip_space_slow(const char *p, const char *end);

static inline const char *json_skip_space(const char *p, const char *end) {
    if (p < end && (unsigned char)*p > ' ') {
        return p; /* most often there is none */
    }
    if (end - p > 1 && *p == ' ' && (unsigned char)p[1] > ' ') {
        return p + 1; /* or one blank */
    }
    return json_skip_space_slow(p, end);
}

#endif
