/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the Erlang terms of a .config file, as far as such files use them: lists, tuples, atoms,
 * strings, <<"binaries">>, numbers, comments with %. In the tree a list of {atom, Value} is a
 * mapping, {"host", 9092} is the text host:9092, any other tuple a list. Returns as hocon_read().
 */
#ifndef MQK_ERLANG_H
#define MQK_ERLANG_H

#include "settings.h"

mqk_status erlang_read(struct settings *s, mqk_str text);

/* Whether the text begins as such a file: `[`, then `{atom`, `]` or nothing. */
bool erlang_looks_like(mqk_str text);

#endif
