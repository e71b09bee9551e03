/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration file of an earlier plugin says, whatever its notation: a tree of mappings,
 * lists and texts. Readers (hocon.h, conf.h, erlang.h) build it, the converters look things up.
 * Memory belongs to the tree. One thread at a time.
 */
#ifndef MQK_SETTINGS_H
#define MQK_SETTINGS_H

#include "buffer.h"

#define SETTINGS_MAX_BYTES ((size_t)4 << 20) /* of a file */
#define SETTINGS_MAX_NODES 100000u
#define SETTINGS_MAX_KEYS  1000u /* in one mapping */
#define SETTINGS_MAX_DEPTH 64u

enum setting_kind { SETTING_NULL, SETTING_TEXT, SETTING_LIST, SETTING_MAP };

struct setting {
    enum setting_kind kind;
    bool quoted;   /* SETTING_TEXT: stood in quotes */
    bool used;     /* a converter has taken it */
    uint32_t line; /* from 1 */
    uint32_t depth;
    uint32_t count; /* children */
    mqk_str key;    /* of a mapping's entry */
    mqk_str text;
    struct setting *parent;
    struct setting *first, *last, *next; /* children in order; next sibling */
};

struct settings {
    struct setting *root; /* a mapping */
    uint32_t node_count;
    mqk_error *err;
    struct settings_block *blocks;
};

/* Starts a tree with an empty mapping; `err` receives the first failure. False: no memory. */
bool settings_init(struct settings *s, mqk_error *err);

/* Frees it. Zeroed memory is allowed. */
void settings_fini(struct settings *s);

/* Fills s->err with "line N: sentence" and returns NULL, so that `return settings_fail(…)` reads
 * well. */
void *settings_fail(struct settings *s, mqk_status code, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A copy that lives as long as the tree, NUL-terminated; absent: no memory (s->err is filled). */
mqk_str settings_keep(struct settings *s, mqk_str text);

/* Appends a child to a list or mapping; NULL: a limit or no memory. */
struct setting *settings_append(struct settings *s, struct setting *parent, mqk_str key,
                                uint32_t line);

/* The entry of a mapping under a key: the one that is there, or a new SETTING_NULL. */
struct setting *settings_entry(struct settings *s, struct setting *map, mqk_str key, uint32_t line);

/* Takes a node's children and text away; what it was is forgotten. */
void setting_clear(struct setting *node, enum setting_kind kind);

/* Entry of a mapping, NULL when there is none (or `map` is NULL or no mapping). */
struct setting *setting_get(const struct setting *map, const char *key);

/* The next node of the tree in order of text, depth first; NULL behind the last. */
struct setting *setting_next(const struct setting *root, const struct setting *node);

/* Appends the dotted path of a node: `kafka.hook[2].filter`. */
void setting_path(const struct setting *node, struct buffer *out);

#endif
