/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings one by one, as the schema has them and with what config_meaning.h says of them: for
 * the reference. Any thread.
 */
#ifndef MQK_EDGES_CONFIG_REFERENCE_H
#define MQK_EDGES_CONFIG_REFERENCE_H

#include "config_meaning.h"
#include "config_schema.h"

/* Most mappings in a configuration file. A test counts them. */
#define REFERENCE_MAX_SECTIONS 32u

/* A mapping: where its keys stand, at the first place where it is used. */
struct reference_section {
    const struct key_table *table;
    const char *key; /* that it stands at; "" for the root */
    char path[64];   /* "kafka.hook[].headers[]"; "" for the root */
};

/* All mappings, each behind the one that it stands in. Returns their number. */
size_t reference_sections(struct reference_section sections[REFERENCE_MAX_SECTIONS]);

/* A key in its own name. */
struct reference_setting {
    const struct reference_section *section;
    const struct setting_meaning *meaning; /* NULL: there is none */
    const char *key;
    const char *kind;
    char values[400];  /* accepted words or range; "" when there is nothing to say */
    char aliases[100]; /* "a, b" */
};

/* Describes the `index`-th key of a section that is neither an alias nor described elsewhere
 * ("*"); false when there are no more. The row "*" of a section comes last. */
bool reference_setting(const struct reference_section *section, size_t index,
                       struct reference_setting *out);

#endif
