/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From YAML to settings. Loading reports every problem with file, line, column, path and remedy;
 * the result is immutable and reference-counted, because bridges outlive the caller's mqk_config.
 * Any thread. The public mqk_config is struct config.
 */
#ifndef MQK_EDGES_CONFIG_H
#define MQK_EDGES_CONFIG_H

#include "settings.h"

struct mqk_config; /* = struct config; the public name is the struct's tag */

/* Loads and merges the sources; see mqk_config_load() for the contract. */
mqk_status config_load(const mqk_config_source *sources, size_t count, mqk_problem_fn problem,
                       void *user, struct mqk_config **out, mqk_error *err);

struct mqk_config *config_ref(struct mqk_config *config);
void config_unref(struct mqk_config *config); /* NULL allowed */

const struct settings *config_settings(const struct mqk_config *config);

#endif
