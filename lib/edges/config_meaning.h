/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the schema does not know of a setting: its meaning, the default in words, the kind of text.
 * One row for each key of config_schema.c (aliases have none); a test names the keys without a row
 * and the rows without a key, and loads each default to see that it is the one.
 */
#ifndef MQK_EDGES_CONFIG_MEANING_H
#define MQK_EDGES_CONFIG_MEANING_H

struct setting_meaning {
    const char *section; /* the key that the mapping stands at: "client", "hook", "" for the root */
    const char *key;     /* "*": the keys that `like` has and this section does not describe */
    const char *kind;    /* NULL: what the schema says, "text", "duration", "size" … */
    /* As it would be written; "" when there is none, in parentheses when it is no value. */
    const char *standard;
    const char *meaning;
};

/* Ends with a NULL section. */
extern const struct setting_meaning setting_meanings[];

/* The row of a key, or NULL. */
const struct setting_meaning *setting_meaning(const char *section, const char *key);

#endif
