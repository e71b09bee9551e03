/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in a configuration: "file:///run/secrets/kafka" (or "file://relative"), "env:NAME", or
 * the secret itself. What is in them stands in no message.
 */
#ifndef MQK_EDGES_SECRET_H
#define MQK_EDGES_SECRET_H

#include "arena.h"

#define SECRET_MAX_BYTES   ((size_t)64 << 10)
#define SECRET_REASON_SIZE 800

/* Reads the secret that `text` stands for into the arena. A file must be a regular one; one line
 * end at its end does not belong to the secret. Returns MQK_OK, MQK_ERR_IO, MQK_ERR_TOO_LARGE,
 * MQK_ERR_CONFIG (empty, NUL inside, variable not set) or MQK_ERR_NO_MEMORY, and with the latter
 * ones a sentence in `reason`. */
mqk_status secret_read(const char *text, struct arena *arena, const char **out,
                       char reason[SECRET_REASON_SIZE]);

/* A path for a message: whole unless it is very long or has control characters. */
#define SHOWN_PATH_SIZE 520
const char *show_path(const char *path, char out[SHOWN_PATH_SIZE]);

#endif
