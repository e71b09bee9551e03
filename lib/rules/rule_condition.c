/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_compiler.h"

#include <stdlib.h>

#include "error.h"
#include "placeholder.h"

/* What a pattern is matched against unless the rule says. */
#define DEFAULT_FIELD STR("topic")

/* The placeholder that a pattern is matched against, with or without ${ }. */
static mqk_str bare_name(mqk_str field, size_t *at) {
    mqk_str name = str_trim(field);
    if (str_starts_with(name, STR("${")) && name.data[name.len - 1] == '}') {
        name = str_slice(name, 2, name.len - 3);
    }
    *at = (size_t)(name.data - field.data);
    return name;
}

static void compile_field(struct compiler *c, mqk_str field, struct condition *condition) {
    struct draft draft;
    struct piece piece = {.at = 0};
    mqk_error err = {.column = 0};
    size_t at;
    mqk_str name = bare_name(field, &at);
    condition->field_name = compiler_keep(c, name);
    if (name.len == 0) {
        compiler_complain(c, "regex.field", 0, MQK_ERR_CONFIG,
                          "must not be empty; leave it out for the topic");
        return;
    }
    draft_init(&draft, c->words);
    mqk_status status = placeholder_read(&draft, field, at, at + name.len, &piece, &err);
    piece.at = (uint32_t)at;
    buffer_append(&draft.pieces, (const char *)&piece, sizeof(piece));
    if (status == MQK_OK && draft_failure(&draft) == MQK_OK) {
        condition->field = draft_freeze(&draft);
    }
    draft_fini(&draft);
    if (status != MQK_OK) {
        compiler_complain(c, "regex.field", err.column, status, "%s", err.message);
    } else if (!condition->field) {
        c->out_of_memory = true;
    }
}

static void compile_regex(struct compiler *c, const struct condition_source *source,
                          struct condition *condition) {
    mqk_error err = {.column = 0};
    if (!source->regex_pattern.data) {
        compiler_complain(c, "regex", 0, MQK_ERR_CONFIG, "\"pattern\" is missing");
        return;
    }
    mqk_status status =
        regex_compile(source->regex_pattern, &condition->names, &condition->regex, &err);
    if (status == MQK_ERR_NO_MEMORY) {
        c->out_of_memory = true;
    } else if (status != MQK_OK) {
        compiler_complain(c, "regex.pattern", err.column, status, "%s", err.message);
    }
    compile_field(c, source->regex_field.data ? source->regex_field : DEFAULT_FIELD, condition);
}

static void compile_where(struct compiler *c, mqk_str where, struct condition *condition) {
    mqk_error err = {.column = 0}, warning = {.column = 0};
    mqk_status status = predicate_compile_for(c->words, where, &condition->names, &condition->where,
                                              &err, &warning);
    if (status == MQK_ERR_NO_MEMORY) {
        c->out_of_memory = true;
    } else if (status != MQK_OK) {
        compiler_complain(c, "where", err.column, status, "%s", err.message);
    } else if (warning.code != MQK_OK) {
        compiler_tell(c, "where", warning.column, MQK_SEVERITY_WARNING, warning.code,
                      warning.message);
    }
}

/* A group that no pattern of the rule has is a slip of the pen. */
void compiler_check_groups(struct compiler *c, const char *path, const struct template *t) {
    static const struct regex_names none = {.count = 0};
    const struct regex_names *names = c->condition ? &c->condition->names : &none;
    const struct piece *piece;
    for (size_t i = 0; (piece = template_piece(t, i)) && c->patterns_right; i++) {
        if (piece->kind != PIECE_REGEX || regex_name_find(names, piece_name(t, piece)) >= 0) {
            continue;
        }
        const char *known[REGEX_MAX_NAMES + 1] = {NULL};
        for (uint32_t n = 0; n < names->count; n++) {
            known[n] = names->names[n].data;
        }
        char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
        compiler_complain(c, path, piece->at + 1, MQK_ERR_TEMPLATE,
                          "no regular expression of this rule has a group named \"%s\"%s",
                          error_quote(piece_name(t, piece), quoted),
                          error_hint(piece_name(t, piece), known, hint));
        return;
    }
}

size_t compiler_condition_size(const struct condition_source *source) {
    return source->regex_field.data ? source->regex_field.len : DEFAULT_FIELD.len;
}

void compiler_condition(struct compiler *c, const struct condition_source *source,
                        struct condition **out) {
    bool has_regex = source->regex_pattern.data || source->regex_field.data;
    c->patterns_right = !source->incomplete;
    c->condition = NULL;
    if (!source->where.data && !has_regex) {
        return;
    }
    struct condition *condition = *out = calloc(1, sizeof(*condition));
    c->condition = condition;
    if (!condition) {
        c->out_of_memory = true;
        return;
    }
    if (has_regex) {
        compile_regex(c, source, condition);
    }
    if (source->where.data) {
        compile_where(c, source->where, condition);
    }
    c->patterns_right = !source->incomplete && (!has_regex || condition->regex) &&
                        (!source->where.data || condition->where);
    /* Not before all patterns are known. */
    if (condition->field) {
        compiler_check_placeholders(c, "regex.field", condition->field);
    }
    if (condition->where) {
        compiler_check_placeholders(c, "where", predicate_paths(condition->where));
    }
}
