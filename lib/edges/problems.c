/* SPDX-License-Identifier: Apache-2.0 */
#include "problems.h"

#include <stdio.h>
#include <stdlib.h>

#include "error.h"

void problems_vadd(struct problems *p, const struct place *place, mqk_severity severity,
                   mqk_status code, const char *path, const char *format, va_list args) {
    if (severity == MQK_SEVERITY_ERROR) {
        p->errors++;
    }
    /* Warnings do not take the errors' room. */
    if (p->count >= (severity == MQK_SEVERITY_ERROR ? PROBLEMS_KEPT : PROBLEMS_KEPT / 2)) {
        p->left++;
        return;
    }
    char sentence[1200];
    vsnprintf(sentence, sizeof(sentence), format, args);
    char where[64] = "";
    if (place->line > 0) {
        snprintf(where, sizeof(where), "%u:%u:", place->line, place->column);
    }
    const char *colon = path[0] ? ": " : "";
    size_t size = strlen(place->file) + strlen(where) + strlen(path) + strlen(sentence) + 8;
    char *message = arena_alloc(p->arena, size);
    struct problem *items = arena_resize(p->arena, p->items, (p->count + 1) * sizeof(*p->items));
    if (items) {
        p->items = items;
    }
    if (!message || !items) {
        p->no_memory = true;
        return;
    }
    snprintf(message, size, "%s:%s %s%s%s", place->file, where, path, colon, sentence);
    p->items[p->count] = (struct problem){*place, p->count, severity, code, message};
    p->count++;
}

void problems_add(struct problems *p, const struct place *place, mqk_severity severity,
                  mqk_status code, const char *path, const char *format, ...) {
    va_list args;
    va_start(args, format);
    problems_vadd(p, place, severity, code, path, format, args);
    va_end(args);
}

static int by_place(const void *one, const void *other) {
    const struct problem *a = one;
    const struct problem *b = other;
    if (a->place.source != b->place.source) {
        return a->place.source < b->place.source ? -1 : 1;
    }
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    if (a->place.column != b->place.column) {
        return a->place.column < b->place.column ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static void fill(mqk_error *err, const struct problem *problem) {
    error_set(err, problem->code, problem->place.line, problem->place.column, "%s",
              problem->message);
}

/* Nothing else is told: what was found may only be what is missing because of it. */
static mqk_status tell_no_memory(mqk_problem_fn fn, void *user, mqk_error *err) {
    mqk_error told;
    error_set(&told, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    if (fn) {
        fn(user, MQK_SEVERITY_ERROR, &told);
    }
    return error_set(err, told.code, 0, 0, "%s", told.message);
}

mqk_status problems_tell(struct problems *p, mqk_problem_fn fn, void *user, mqk_error *err) {
    if (p->no_memory) {
        return tell_no_memory(fn, user, err);
    }
    if (p->count > 0) {
        qsort(p->items, p->count, sizeof(*p->items), by_place);
    }
    const struct problem *first = NULL;
    for (size_t i = 0; i < p->count; i++) {
        const struct problem *problem = &p->items[i];
        if (!first && problem->severity == MQK_SEVERITY_ERROR) {
            first = problem;
        }
        if (fn) {
            mqk_error told;
            fill(&told, problem);
            fn(user, problem->severity, &told);
        }
    }
    if (fn && p->left > 0) {
        mqk_error told;
        error_set(&told, MQK_ERR_CONFIG, 0, 0, "%zu more problems are not shown", p->left);
        fn(user, p->errors > 0 ? MQK_SEVERITY_ERROR : MQK_SEVERITY_WARNING, &told);
    }
    if (first) {
        fill(err, first);
        return first->code;
    }
    return p->errors > 0 ? tell_no_memory(fn, user, err) : MQK_OK;
}
