/* SPDX-License-Identifier: Apache-2.0 */
/* White space of JSON, for the two rooms that read it. */
#ifndef MQK_BASE_JSON_SPACE_H
#define MQK_BASE_JSON_SPACE_H

#include <stdbool.h>

#include "bytes.h"

static inline bool json_is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *json_skip_space(const char *p, const char *end) {
    if (p < end && (unsigned char)*p > ' ') {
        return p; /* most often there is none */
    }
    while (p < end && json_is_space(*p)) {
        p++;
        /* Indented text: mostly runs of blanks. */
        while (end - p >= 8 && bytes_load(p) == BYTES_OF(' ')) {
            p += 8;
        }
    }
    return p;
}

#endif
