/* SPDX-License-Identifier: Apache-2.0 */
/* A text that a configuration is made of: a file, or memory of the caller. */
#ifndef MQK_EDGES_SOURCE_H
#define MQK_EDGES_SOURCE_H

#include "problems.h"
#include "yaml_tree.h"

struct root_yaml;

struct source {
    uint32_t index;               /* among the sources of one load */
    const char *name;             /* in messages */
    mqk_str text;                 /* without byte order mark */
    const struct yaml_node *root; /* NULL until parsed, or empty */
    struct root_yaml *yaml;       /* the same as libcyaml loads it */
};

/* The place of a node, or of the whole file (node == NULL). */
struct place source_place(const struct source *source, const struct yaml_node *node);

/* Takes name and text from the caller's source, reading the file when there is no text, and parses.
 * What is wrong is added to the problems; false then. */
bool source_open(struct source *source, const mqk_config_source *from, struct problems *problems);

/* Loads the text into structs with libcyaml. The tree must have passed config_check(). */
bool source_load(struct source *source, struct problems *problems);

/* Reads a whole file of at most `limit` bytes into the arena, with a NUL behind it. With `regular`
 * only a regular file will do (one that cannot make us wait). Returns MQK_OK, MQK_ERR_IO,
 * MQK_ERR_TOO_LARGE or MQK_ERR_NO_MEMORY, and with the latter three a reason in `reason`. */
#define FILE_REASON_SIZE 128
mqk_status file_read(const char *path, size_t limit, bool regular, struct arena *arena,
                     mqk_str *out, char reason[FILE_REASON_SIZE]);

#endif
