/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"

#define BLOCK_BYTES ((size_t)64 << 10)

struct settings_block {
    struct settings_block *next;
    size_t used, capacity;
    _Alignas(max_align_t) char bytes[];
};

static void *take(struct settings *s, size_t size) {
    size_t rounded = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct settings_block *block = s->blocks;
    if (!block || block->capacity - block->used < rounded) {
        size_t capacity = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        block = malloc(sizeof(*block) + capacity);
        if (!block) {
            return settings_fail(s, MQK_ERR_NO_MEMORY, 0, "out of memory");
        }
        *block = (struct settings_block){.next = s->blocks, .capacity = capacity};
        s->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += rounded;
    return memset(memory, 0, size);
}

bool settings_init(struct settings *s, mqk_error *err) {
    *s = (struct settings){.err = err};
    s->root = take(s, sizeof(*s->root));
    if (s->root) {
        s->root->kind = SETTING_MAP;
        s->root->line = 1;
    }
    return s->root != NULL;
}

void settings_fini(struct settings *s) {
    while (s->blocks) {
        struct settings_block *next = s->blocks->next;
        free(s->blocks);
        s->blocks = next;
    }
    s->root = NULL;
}

void *settings_fail(struct settings *s, mqk_status code, uint32_t line, const char *format, ...) {
    char sentence[700];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (line > 0) {
        error_set(s->err, code, line, 0, "line %u: %s", (unsigned)line, sentence);
    } else {
        error_set(s->err, code, 0, 0, "%s", sentence);
    }
    return NULL;
}

mqk_str settings_keep(struct settings *s, mqk_str text) {
    char *copy = take(s, text.len + 1);
    if (copy && text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    return (mqk_str){copy, copy ? text.len : 0};
}

struct setting *settings_append(struct settings *s, struct setting *parent, mqk_str key,
                                uint32_t line) {
    if (s->node_count >= SETTINGS_MAX_NODES) {
        return settings_fail(s, MQK_ERR_TOO_LARGE, line, "more than %u settings",
                             SETTINGS_MAX_NODES);
    }
    if (parent->depth >= SETTINGS_MAX_DEPTH) {
        return settings_fail(s, MQK_ERR_TOO_LARGE, line, "nested deeper than %u levels",
                             SETTINGS_MAX_DEPTH);
    }
    if (parent->kind == SETTING_MAP && parent->count >= SETTINGS_MAX_KEYS) {
        return settings_fail(s, MQK_ERR_TOO_LARGE, line, "more than %u keys in one object",
                             SETTINGS_MAX_KEYS);
    }
    struct setting *node = take(s, sizeof(*node));
    if (!node) {
        return NULL;
    }
    node->line = line;
    node->depth = parent->depth + 1;
    node->parent = parent;
    node->key = key;
    if (parent->last) {
        parent->last->next = node;
    } else {
        parent->first = node;
    }
    parent->last = node;
    parent->count++;
    s->node_count++;
    return node;
}

static struct setting *find(const struct setting *map, mqk_str key) {
    for (struct setting *child = map->first; child; child = child->next) {
        if (str_equal(child->key, key)) {
            return child;
        }
    }
    return NULL;
}

struct setting *settings_entry(struct settings *s, struct setting *map, mqk_str key,
                               uint32_t line) {
    struct setting *found = find(map, key);
    if (found) {
        return found;
    }
    mqk_str kept = settings_keep(s, key);
    return kept.data ? settings_append(s, map, kept, line) : NULL;
}

void setting_clear(struct setting *node, enum setting_kind kind) {
    node->kind = kind;
    node->text = (mqk_str){NULL, 0};
    node->quoted = false;
    node->first = node->last = NULL;
    node->count = 0;
}

struct setting *setting_get(const struct setting *map, const char *key) {
    return map && map->kind == SETTING_MAP ? find(map, mqk_cstr(key)) : NULL;
}

struct setting *setting_next(const struct setting *root, const struct setting *node) {
    if (node->first) {
        return node->first;
    }
    while (node != root && !node->next) {
        node = node->parent;
    }
    return node == root ? NULL : node->next;
}

static size_t index_of(const struct setting *node) {
    size_t index = 0;
    for (const struct setting *child = node->parent->first; child != node; child = child->next) {
        index++;
    }
    return index;
}

void setting_path(const struct setting *node, struct buffer *out) {
    const struct setting *way[SETTINGS_MAX_DEPTH + 1];
    size_t count = 0;
    for (; node->parent; node = node->parent) {
        way[count++] = node;
    }
    for (size_t i = count; i-- > 0;) {
        char quoted[ERROR_QUOTE_SIZE];
        if (way[i]->parent->kind == SETTING_LIST) {
            buffer_printf(out, "[%zu]", index_of(way[i]));
            continue;
        }
        const char *key = way[i]->key.len > 0 ? error_quote(way[i]->key, quoted) : "\"\"";
        buffer_printf(out, "%s%s", i + 1 < count ? "." : "", key);
    }
}
