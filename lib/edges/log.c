/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

#define BUCKETS 64u

struct bucket {
    int64_t window_start_ms;
    uint32_t passed;
    uint32_t suppressed;
};

struct log {
    mqk_log_level level;
    log_sink_fn sink;
    void *user;
    pthread_mutex_t lock;
    struct bucket buckets[BUCKETS]; /* by hash of kind and level; a collision only limits earlier */
};

struct log *log_new(mqk_log_level level, log_sink_fn sink, void *user) {
    struct log *log = calloc(1, sizeof(*log));
    if (!log) {
        return NULL;
    }
    log->level = level;
    log->sink = sink;
    log->user = user;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void log_free(struct log *log) {
    if (log) {
        pthread_mutex_destroy(&log->lock);
        free(log);
    }
}

bool log_wants(const struct log *log, mqk_log_level level) {
    return log->sink && level <= log->level;
}

/* Whether a line may pass; `left_out` receives how many before it did not. */
static bool pass(struct log *log, mqk_log_level level, const char *kind, uint32_t *left_out) {
    uint32_t hash = str_hash(mqk_cstr(kind)) + (uint32_t)level;
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&log->lock);
    struct bucket *bucket = &log->buckets[hash % BUCKETS];
    *left_out = 0;
    if (bucket->passed == 0 || now - bucket->window_start_ms >= LOG_WINDOW_MS) {
        *left_out = bucket->suppressed;
        *bucket = (struct bucket){.window_start_ms = now};
    }
    bool passes = bucket->passed < LOG_BURST;
    if (passes) {
        bucket->passed++;
    } else {
        bucket->suppressed++;
    }
    pthread_mutex_unlock(&log->lock);
    return passes;
}

void log_write(struct log *log, mqk_log_level level, const char *kind, const char *format, ...) {
    uint32_t left_out = 0;
    if (!log_wants(log, level) || (kind && !pass(log, level, kind, &left_out))) {
        return;
    }
    char line[LOG_LINE_SIZE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0) {
        return;
    }
    if (left_out > 0 && (size_t)len < sizeof(line)) {
        int more = snprintf(line + len, sizeof(line) - (size_t)len, " (%u similar lines left out)",
                            left_out);
        len += more > 0 ? more : 0;
    }
    mqk_str message = {line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1};
    log->sink(log->user, level, message);
}
