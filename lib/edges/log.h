/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's log: levels, a limit on repeated lines, and a sink that takes what is left. Any
 * thread. Messages never contain payloads or secrets; who writes one sees to that.
 */
#ifndef MQK_EDGES_LOG_H
#define MQK_EDGES_LOG_H

#include "str.h"

struct log;

typedef void (*log_sink_fn)(void *user, mqk_log_level level, mqk_str message);

/* `level`: the most verbose that passes. A NULL sink swallows everything. NULL when out of memory.
 */
struct log *log_new(mqk_log_level level, log_sink_fn sink, void *user);
void log_free(struct log *log); /* NULL allowed */

/* Writes a line. Of lines with the same `kind` (a short word, e.g. "FAIL") and level, at most
 * LOG_BURST pass within LOG_WINDOW_MS; the first one after that says how many were left out. A NULL
 * kind is never limited. A line is cut at LOG_LINE_SIZE - 1 bytes. */
#define LOG_BURST     5u
#define LOG_WINDOW_MS 10000
#define LOG_LINE_SIZE 1024u
void log_write(struct log *log, mqk_log_level level, const char *kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether lines of this level pass. */
bool log_wants(const struct log *log, mqk_log_level level);

#endif
