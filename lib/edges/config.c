/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "config_preview.h"
#include "config_resolve.h"
#include "error.h"

struct mqk_config {
    atomic_uint references;
    struct arena arena;
    struct settings settings;
};

/* One load under way. */
struct loading {
    struct arena arena;
    struct problems problems;
    struct source *sources;
    size_t count;
};

/* Reads, parses and checks all sources. False when there were errors or no memory. */
static bool read_sources(struct loading *l, const mqk_config_source *from) {
    l->sources = arena_array(&l->arena, l->count, sizeof(*l->sources));
    if (!l->sources) {
        l->problems.no_memory = true;
        return false;
    }
    for (size_t i = 0; i < l->count; i++) {
        l->sources[i].index = (uint32_t)i;
        if (source_open(&l->sources[i], &from[i], &l->problems)) {
            config_check(&l->sources[i], &l->problems);
        }
    }
    if (l->problems.errors > 0) {
        config_preview(l->sources, l->count, &l->problems);
        return false;
    }
    for (size_t i = 0; i < l->count && l->problems.errors == 0; i++) {
        if (source_load(&l->sources[i], &l->problems)) {
            config_fold(&root_table, l->sources[i].yaml);
        }
    }
    return l->problems.errors == 0 && !l->problems.no_memory;
}

static bool resolve(struct loading *l, struct mqk_config *config) {
    struct resolve r = {
        .sources = l->sources,
        .source_count = l->count,
        .problems = &l->problems,
        .arena = &config->arena,
        .settings = &config->settings,
        .kafka = arena_array(&l->arena, l->count, sizeof(*r.kafka)),
    };
    if (!r.kafka) {
        l->problems.no_memory = true;
        return false;
    }
    for (size_t i = 0; i < l->count; i++) {
        struct origin root = {&l->sources[i], l->sources[i].root, ""};
        r.kafka[i] = config_child(&root, &root_table, "kafka");
    }
    resolve_clusters(&r);
    if (!l->problems.no_memory) {
        resolve_consumers(&r);
        resolve_rules(&r);
    }
    return l->problems.errors == 0 && !l->problems.no_memory;
}

/* The warnings stay with the settings, so that the bridge's log can tell them too. */
static bool keep_warnings(const struct problems *problems, struct mqk_config *config) {
    const char **list = arena_array(&config->arena, problems->count, sizeof(*list));
    if (!list) {
        return false;
    }
    for (size_t i = 0; i < problems->count; i++) {
        list[i] = arena_text(&config->arena, mqk_cstr(problems->items[i].message));
        if (!list[i]) {
            return false;
        }
    }
    config->settings.warnings = list;
    config->settings.warning_count = problems->count;
    return true;
}

mqk_status config_load(const mqk_config_source *sources, size_t count, mqk_problem_fn problem,
                       void *user, struct mqk_config **out, mqk_error *err) {
    struct loading l = {.count = count};
    l.problems.arena = &l.arena;
    struct mqk_config *config = calloc(1, sizeof(*config));
    if (!config) {
        return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    atomic_init(&config->references, 1);
    bool good = read_sources(&l, sources) && resolve(&l, config);
    mqk_status status = problems_tell(&l.problems, problem, user, err);
    if (good && status == MQK_OK && !keep_warnings(&l.problems, config)) {
        status = error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    arena_fini(&l.arena);
    if (status != MQK_OK) {
        config_unref(config);
        return status;
    }
    *out = config;
    return MQK_OK;
}

struct mqk_config *config_ref(struct mqk_config *config) {
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void config_unref(struct mqk_config *config) {
    if (config && atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) == 1) {
        ruleset_unref(config->settings.rules);
        downlink_free(config->settings.downlink);
        arena_fini(&config->arena);
        free(config);
    }
}

const struct settings *config_settings(const struct mqk_config *config) {
    return &config->settings;
}
