/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The problems that were found in a configuration: collected while it is read, then told in order
 * of place. One thread at a time.
 */
#ifndef MQK_EDGES_PROBLEMS_H
#define MQK_EDGES_PROBLEMS_H

#include <stdarg.h>

#include "arena.h"

/* Most problems of one load that are kept; the others are counted. */
#define PROBLEMS_KEPT 1000u

/* Where a problem is. */
struct place {
    uint32_t source;  /* index of the file, for the order */
    const char *file; /* its name in messages */
    uint32_t line;    /* from 1; 0: the whole file */
    uint32_t column;  /* in bytes, from 1 */
};

struct problem {
    struct place place;
    size_t number; /* order of finding */
    mqk_severity severity;
    mqk_status code;
    const char *message; /* whole line */
};

/* Zeroed memory with `arena` set has no problems. The messages belong to the arena. */
struct problems {
    struct arena *arena;
    struct problem *items;
    size_t count;
    size_t errors; /* how many were errors, kept or not */
    size_t left;   /* how many were not kept */
    bool no_memory;
};

/* Adds "file:line:column: path: sentence". `path` may be empty. */
void problems_add(struct problems *p, const struct place *place, mqk_severity severity,
                  mqk_status code, const char *path, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void problems_vadd(struct problems *p, const struct place *place, mqk_severity severity,
                   mqk_status code, const char *path, const char *format, va_list args)
    __attribute__((format(printf, 6, 0)));

/* Sorts, tells each to `fn` (NULL allowed) and fills `err` (NULL allowed) with the first error.
 * Returns the first error's code, or MQK_OK when there was none. When memory ran out that is all
 * that is told. */
mqk_status problems_tell(struct problems *p, mqk_problem_fn fn, void *user, mqk_error *err);

#endif
