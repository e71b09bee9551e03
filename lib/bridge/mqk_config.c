/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>

#include "error.h"

/* The least that a source of an older caller can be: everything up to `text`. */
#define SOURCE_MIN_SIZE (offsetof(mqk_config_source, text) + sizeof(mqk_str))

static mqk_status bad_argument(mqk_error *err, const char *sentence) {
    return error_set(err, MQK_ERR_ARGUMENT, 0, 0, "%s", sentence);
}

/* The caller's array, whose entries are as large as the caller knows them, in our size. */
static mqk_status adopt(const mqk_config_source *sources, size_t count, mqk_config_source *own,
                        mqk_error *err) {
    const size_t stride = sources->size;
    for (size_t i = 0; i < count; i++) {
        const char *from = (const char *)sources + i * stride;
        memcpy(&own[i], from, stride < sizeof(*own) ? stride : sizeof(*own));
        if (own[i].size != stride) {
            return bad_argument(err, "the sources differ in size");
        }
        if (!own[i].path && !own[i].text.data) {
            return bad_argument(err, "a source has neither path nor text");
        }
    }
    return MQK_OK;
}

mqk_status mqk_config_load(const mqk_config_source *sources, size_t count, mqk_problem_fn problem,
                           void *user, mqk_config **out, mqk_error *err) {
    if (out) {
        *out = NULL;
    }
    if (!out || !sources || count == 0) {
        return bad_argument(err, "sources or out is NULL, or count is 0");
    }
    if (sources->size < SOURCE_MIN_SIZE || sources->size % _Alignof(mqk_config_source) != 0) {
        return bad_argument(err, "the size of a source is not set");
    }
    mqk_config_source *own = calloc(count, sizeof(*own));
    if (!own) {
        return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    mqk_status status = adopt(sources, count, own, err);
    if (status == MQK_OK) {
        status = config_load(own, count, problem, user, out, err);
    }
    free(own);
    return status;
}

mqk_status mqk_config_load_file(const char *path, mqk_config **out, mqk_error *err) {
    const mqk_config_source source = {.size = sizeof(source), .path = path};
    return mqk_config_load(&source, 1, NULL, NULL, out, err);
}

mqk_status mqk_config_load_memory(mqk_str text, const char *name, mqk_config **out,
                                  mqk_error *err) {
    const mqk_config_source source = {.size = sizeof(source), .path = name, .text = text};
    if (!text.data) {
        if (out) {
            *out = NULL;
        }
        return bad_argument(err, "text is NULL");
    }
    return mqk_config_load(&source, 1, NULL, NULL, out, err);
}

void mqk_config_free(mqk_config *config) {
    config_unref(config);
}
