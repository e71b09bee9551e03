/* SPDX-License-Identifier: Apache-2.0 */
#include "ruleset.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "hook_list.h"
#include "rule_compiler.h"
#include "template_pieces.h"
#include "topic_filter.h"
#include "units.h"
#include "utf8.h"

#define RULE_NAME_MAX 255u
#define SENTENCE_SIZE 1000u

struct numbered_rule {
    mqk_str name;
    uint32_t number;
};

void compiler_tell(struct compiler *c, const char *path, size_t at, mqk_severity severity,
                   mqk_status code, const char *sentence) {
    if (c->problem) {
        c->problem(c->user, c->rule, path, at, severity, code, sentence);
    }
    c->failed = c->failed || severity == MQK_SEVERITY_ERROR;
}

void compiler_complain(struct compiler *c, const char *path, size_t at, mqk_status code,
                       const char *format, ...) {
    char sentence[SENTENCE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    compiler_tell(c, path, at, MQK_SEVERITY_ERROR, code, sentence);
}

mqk_str compiler_keep(struct compiler *c, mqk_str text) {
    char *to = c->pool + c->pool_len;
    if (text.len > 0) {
        memcpy(to, text.data, text.len);
        c->pool_len += text.len;
    }
    return (mqk_str){to, text.len};
}

static struct condition_source condition_of(const struct rule_source *source) {
    return (struct condition_source){source->where, source->regex_field, source->regex_pattern,
                                     source->incomplete};
}

static size_t pool_size(const struct compiler *c) {
    size_t size = 1;
    for (size_t i = 0; i < c->count; i++) {
        const struct rule_source *source = &c->sources[i];
        const struct condition_source condition = condition_of(source);
        size += source->name.data ? source->name.len : COMPILER_OWN_NAME_SIZE;
        size += source->cluster.len + source->hook.len;
        size += compiler_condition_size(&condition);
        for (size_t f = 0; f < source->filter_count; f++) {
            size += source->filters[f].len;
        }
        for (size_t h = 0; h < source->header_count; h++) {
            size += source->headers[h].name.len;
        }
    }
    return size;
}

/* A rule without filters has one, "#". */
static size_t filters_of(const struct rule_source *source) {
    return source->filter_count > 0 ? source->filter_count : 1;
}

static mqk_str filter_of(const struct rule_source *source, size_t i) {
    return source->filter_count > 0 ? source->filters[i] : STR("#");
}

static bool allocate(struct compiler *c) {
    size_t entries = 0;
    for (size_t i = 0; i < c->count; i++) {
        entries += filters_of(&c->sources[i]);
    }
    struct ruleset *r = calloc(1, sizeof(*r));
    if (!r || entries >= UINT32_MAX) {
        free(r);
        return false;
    }
    c->out = r;
    atomic_init(&r->references, 1);
    r->rules = calloc(c->count + 1, sizeof(*r->rules));
    r->entries = calloc(entries + 1, sizeof(*r->entries));
    r->pool = c->pool = malloc(pool_size(c));
    r->rule_count = c->count;
    return r->rules && r->entries && r->pool;
}

static int compare_names(const void *left, const void *right) {
    const struct numbered_rule *a = left, *b = right;
    size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = shorter > 0 ? memcmp(a->name.data, b->name.data, shorter) : 0;
    if (order == 0) {
        order = (a->name.len > b->name.len) - (a->name.len < b->name.len);
    }
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

uint32_t *compiler_same_names(const mqk_str *names, size_t stride, size_t count) {
    struct numbered_rule *sorted = calloc(count + 1, sizeof(*sorted));
    uint32_t *same = calloc(count + 1, sizeof(*same));
    if (!sorted || !same) {
        free(sorted);
        free(same);
        return NULL;
    }
    size_t named = 0;
    for (uint32_t i = 0; i < count; i++) {
        mqk_str name = *(const mqk_str *)(const void *)((const char *)names + i * stride);
        if (name.data) {
            sorted[named++] = (struct numbered_rule){name, i};
        }
    }
    qsort(sorted, named, sizeof(*sorted), compare_names);
    size_t first = 0;
    for (size_t i = 1; i < named; i++) {
        if (str_equal(sorted[i].name, sorted[first].name)) {
            same[sorted[i].number] = sorted[first].number + 1;
        } else {
            first = i;
        }
    }
    free(sorted);
    return same;
}

mqk_str compiler_name(struct compiler *c, const char *list, mqk_str name) {
    if (!name.data) {
        char own[COMPILER_OWN_NAME_SIZE];
        snprintf(own, sizeof(own), "%.10s[%zu]", list, c->rule);
        return compiler_keep(c, mqk_cstr(own));
    }
    if (name.len == 0) {
        compiler_complain(c, "name", 0, MQK_ERR_CONFIG,
                          "must not be empty; leave it out for a rule without a name");
    } else if (name.len > RULE_NAME_MAX) {
        compiler_complain(c, "name", 0, MQK_ERR_CONFIG, "must not be longer than 255 bytes");
    } else if (c->same_name[c->rule] != 0) {
        char quoted[ERROR_QUOTE_SIZE];
        compiler_complain(c, "name", 0, MQK_ERR_CONFIG, "\"%s\" is already the name of %s[%u]",
                          error_quote(name, quoted), list, (unsigned)c->same_name[c->rule] - 1);
    }
    return compiler_keep(c, name);
}

static bool compile_hooks(struct compiler *c, const struct rule_source *source, struct rule *rule) {
    char message[HOOK_LIST_MESSAGE];
    size_t at = 0;
    if (!source->hook.data) {
        compiler_complain(c, "hook", 0, MQK_ERR_CONFIG,
                          "is missing; name the events of this rule, e.g. message.publish");
        return false;
    }
    rule->hooks = compiler_keep(c, source->hook);
    const char *wrong = hook_list_check(rule->hooks, &at, message);
    if (wrong) {
        compiler_complain(c, "hook", at + 1, MQK_ERR_CONFIG, "%s", wrong);
    }
    return !wrong;
}

/* The first hook of a list whose events have no topic; MQK_HOOK_COUNT when all have one. */
static mqk_hook hook_without_topic(mqk_str list) {
    mqk_str item;
    for (size_t pos = 0; hook_list_next(list, &pos, &item);) {
        struct hook_item hooks;
        hook_item_read(item, &hooks);
        for (unsigned i = 0; i < MQK_HOOK_COUNT; i++) {
            if ((hooks.hooks >> i & 1) != 0 && !event_hooks[i].has_topic) {
                return (mqk_hook)i;
            }
        }
    }
    return MQK_HOOK_COUNT;
}

static void compile_filter(struct compiler *c, const char *path, mqk_str filter,
                           mqk_hook topicless) {
    size_t at = 0;
    const char *wrong = topic_filter_check(filter, &at);
    if (wrong) {
        char quoted[ERROR_QUOTE_SIZE];
        compiler_complain(c, path, at + 1, MQK_ERR_FILTER, "topic filter \"%s\" %s%s",
                          error_quote(filter, quoted),
                          strncmp(wrong, "must", 4) == 0 ? "" : "is wrong: ", wrong);
        return;
    }
    unsigned wildcards = topic_filter_wildcards(filter);
    c->wildcards = wildcards > c->wildcards ? wildcards : c->wildcards;
    if (topicless != MQK_HOOK_COUNT && !str_equal(filter, STR("#"))) {
        compiler_complain(
            c, path, 0, MQK_ERR_FILTER,
            "%s has no topic that a filter could be compared with; leave the filter out, or "
            "give the hooks that have a topic a rule of their own",
            event_hooks[topicless].name);
    }
}

static void compile_filters(struct compiler *c, const struct rule_source *source,
                            struct rule *rule) {
    mqk_hook topicless = c->hooks_right ? hook_without_topic(rule->hooks) : MQK_HOOK_COUNT;
    c->wildcards = 0;
    rule->first_entry = c->out->entry_count;
    rule->entry_count = (uint32_t)filters_of(source);
    for (size_t i = 0; i < filters_of(source); i++) {
        char path[RULE_PATH_SIZE] = "filter";
        if (source->filters_is_list) {
            snprintf(path, sizeof(path), "filters[%zu]", i);
        }
        mqk_str filter = filter_of(source, i);
        compile_filter(c, path, filter, topicless);
        if (source->filter_count > 0) {
            filter = compiler_keep(c, filter);
        }
        c->out->entries[c->out->entry_count++] = (struct rule_entry){filter, (uint32_t)c->rule};
    }
    if (source->incomplete) {
        c->wildcards = UINT_MAX;
    }
}

/* Text that is surely meant to be JSON and is not would be sent without a word. */
static void warn_if_almost_json(struct compiler *c, const char *path, mqk_str text,
                                const struct template *t) {
    if (t->json_fault != 0 && !template_is_constant(t, NULL) && memchr(text.data, '"', text.len)) {
        compiler_tell(
            c, path, t->json_fault, MQK_SEVERITY_WARNING, MQK_ERR_TEMPLATE,
            "looks like JSON but is not, from here on; it is treated as text, in which values are "
            "not escaped");
    }
}

static void check_captures(struct compiler *c, const char *path, const struct template *t) {
    const struct piece *piece;
    for (size_t i = 0; (piece = template_piece(t, i)) && template_captures(t) > c->wildcards; i++) {
        if (piece->kind == PIECE_CAPTURE && piece->number > c->wildcards) {
            compiler_complain(
                c, path, piece->at + 1, MQK_ERR_TEMPLATE,
                "${filter.%u}: no filter of this rule has that many wildcards (at most %u)",
                (unsigned)piece->number, c->wildcards);
            return;
        }
    }
}

void compiler_check_placeholders(struct compiler *c, const char *path, const struct template *t) {
    check_captures(c, path, t);
    compiler_check_groups(c, path, t);
}

struct template *compiler_template(struct compiler *c, const char *path, mqk_str text,
                                   mqk_value_format format) {
    struct template *t = NULL;
    mqk_error err = {.column = 0};
    mqk_status status = template_compile_for(c->words, text, format, &t, &err);
    if (status == MQK_ERR_NO_MEMORY) {
        c->out_of_memory = true;
    } else if (status != MQK_OK) {
        compiler_complain(c, path, err.column, status, "%s", err.message);
    } else {
        warn_if_almost_json(c, path, text, t);
        compiler_check_placeholders(c, path, t);
    }
    return t;
}

static void compile_rule(struct compiler *c) {
    const struct rule_source *source = &c->sources[c->rule];
    struct rule *rule = &c->out->rules[c->rule];
    rule->info.cluster = compiler_keep(c, source->cluster);
    rule->info.partitioner = source->partitioner;
    rule->info.lane = source->lane;
    rule->info.max_topics = source->max_topics;
    rule->encoding = source->encoding;
    rule->stop = source->stop;
    rule->info.name = compiler_name(c, "hook", source->name);
    c->hooks_right = compile_hooks(c, source, rule);
    compile_filters(c, source, rule);
    const struct condition_source condition = condition_of(source);
    compiler_condition(c, &condition, &rule->condition);
    compiler_record(c, source, rule);
    rule->plain = rule->info.constant_topic && !rule_has_headers(&rule->headers) &&
                  !rule->timestamp && !rule->partition;
}

static void compile_all(struct compiler *c) {
    if (allocate(c)) {
        c->same_name = compiler_same_names(&c->sources->name, sizeof(*c->sources), c->count);
    }
    if (!c->same_name) {
        c->out_of_memory = true;
        return;
    }
    for (c->rule = 0; c->rule < c->count && !c->out_of_memory; c->rule++) {
        compile_rule(c);
    }
    if (!c->failed && !c->out_of_memory) {
        c->out_of_memory = !ruleset_index(c->out);
    }
}

struct ruleset *ruleset_compile(const struct rule_source *rules, size_t count,
                                rule_problem_fn problem, void *user) {
    struct compiler c = {
        .words = &event_words, .sources = rules, .count = count, .problem = problem, .user = user};
    if (count > RULESET_MAX_RULES) {
        c.rule = RULESET_MAX_RULES;
        compiler_complain(&c, "", 0, MQK_ERR_TOO_LARGE, "more than %u rules", RULESET_MAX_RULES);
        return NULL;
    }
    compile_all(&c);
    if (c.out_of_memory) {
        c.rule = c.rule < count ? c.rule : 0;
        compiler_complain(&c, "", 0, MQK_ERR_NO_MEMORY, "out of memory");
    }
    free(c.same_name);
    if (c.failed && c.out) {
        ruleset_destroy(c.out);
    }
    return c.failed ? NULL : c.out;
}
