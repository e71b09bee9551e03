/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules in files that have not passed config_check(): what is wrong with their texts (templates,
 * conditions, patterns, filters, hooks) is told together with what is wrong with the settings, so
 * that all of it can be put right in one round.
 */
#ifndef MQK_EDGES_CONFIG_PREVIEW_H
#define MQK_EDGES_CONFIG_PREVIEW_H

#include "source.h"

/* Adds to the problems what the rules of all sources have wrong with them; sources that could not
 * be parsed are passed over, and so is every setting that config_check() has complained of. */
void config_preview(const struct source *sources, size_t count, struct problems *problems);

#endif
