/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML text as a tree in which every value knows its place. A subset of YAML, as a configuration
 * needs it: one document; keys are single texts; no anchors, aliases and tags. Bounded in depth and
 * number of values, built without recursion. The tree belongs to the arena and points into the
 * text.
 */
#ifndef MQK_EDGES_YAML_TREE_H
#define MQK_EDGES_YAML_TREE_H

#include "arena.h"

#define YAML_MAX_BYTES  ((size_t)16 << 20)
#define YAML_MAX_DEPTH  32u
#define YAML_MAX_VALUES 2000000u

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool plain;                    /* YAML_TEXT: without quotes */
    bool literal;                  /* YAML_TEXT: after a `|` */
    uint32_t line;                 /* from 1 */
    uint32_t column;               /* in bytes, from 1 */
    size_t offset;                 /* of its first byte in the text */
    mqk_str text;                  /* YAML_TEXT: its value, with a NUL behind it and none in it */
    size_t count;                  /* YAML_LIST: entries, YAML_MAP: pairs */
    const struct yaml_node *first; /* YAML_LIST: entry; YAML_MAP: key, value, key, value … */
    const struct yaml_node *next;  /* in the list or mapping that this one stands in */
};

/* Parses a text of at most YAML_MAX_BYTES, without byte order mark. `root` becomes NULL when there
 * is nothing but white space and comments. On failure returns MQK_ERR_SYNTAX, MQK_ERR_TOO_LARGE or
 * MQK_ERR_NO_MEMORY and fills `err` with the place and the sentence alone. */
mqk_status yaml_parse(mqk_str text, struct arena *arena, const struct yaml_node **root,
                      mqk_error *err);

/* Whether this stands for "nothing": an empty plain text, `~` or `null`. */
bool yaml_is_null(const struct yaml_node *node);

/* The value of a key in a mapping; NULL when `map` is none or has no such key. */
const struct yaml_node *yaml_get(const struct yaml_node *map, mqk_str key);

/* The place of a byte (from 1) of a node's text. True when it is exact; otherwise it is the node's
 * own place, because the text is not written as it reads (escapes, folded lines). */
bool yaml_place_in(mqk_str source, const struct yaml_node *node, size_t at, uint32_t *line,
                   uint32_t *column);

#endif
