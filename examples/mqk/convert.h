/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the settings of an earlier plugin to our YAML. A conversion collects two texts: the YAML,
 * and notes, one line for each setting that has no counterpart or means something else here. One
 * thread at a time; buffers keep their own failures, looked at at the end.
 */
#ifndef MQK_CONVERT_H
#define MQK_CONVERT_H

#include "settings.h"

struct conversion {
    struct buffer yaml;
    struct buffer notes; /* lines */
    size_t rules;        /* rules written */
    size_t rules_lost;   /* rules that could not be taken over */
};

/* The plugins whose files have no rules in them: the envelope and its fixed rules. */
enum convert_plugin { PLUGIN_UNKNOWN, PLUGIN_EMQTTD, PLUGIN_EMQ2, PLUGIN_EMQX4 };

/* Adds a note about a setting (`at` NULL: about the whole file): "line N: path: sentence". Values
 * are never shown: they may be secrets. */
void convert_note(struct conversion *c, const struct setting *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes every text and empty list or mapping below `root` that nobody has taken. */
void convert_note_unused(struct conversion *c, const struct setting *root);

/* Appends a text as a YAML scalar in double quotes. */
void convert_quote(struct buffer *out, mqk_str text);

/* Appends `indent` spaces, the key, a colon and the text in double quotes, and a line end. */
void convert_line(struct buffer *out, unsigned indent, const char *key, mqk_str value);

/* Takes what names Kafka servers ("h:p", "h:p,h:p" or a list of them) and writes the key `servers`;
 * without any, `fallback`. */
void convert_servers(struct conversion *c, struct setting *servers, unsigned indent,
                     const char *fallback);

/* The mapping that holds `client`/`hook` or `connection`/`hooks`: the root or a member of it; NULL
 * when there is none. */
struct setting *convert_rules_root(struct setting *root);

/* Converts a configuration of the EMQX 5 plugins, of either generation. */
void convert_hook_rules(struct conversion *c, struct setting *kafka);

/* Guesses which plugin a file without rules belongs to, from its keys and its name. */
enum convert_plugin convert_guess(const struct setting *root, const char *file_name);

/* Converts a configuration of a plugin with fixed rules. */
void convert_fixed_rules(struct conversion *c, struct setting *root, enum convert_plugin plugin);

/* Filters that match whatever a client subscribes to: `#` leaves out those that begin with `$`. */
#define CONVERT_ANY_SUBSCRIPTION                                                                   \
    "[\"#\", \"$SYS/#\", \"$share/#\", \"$queue/#\", \"$exclusive/#\", \"$delayed/#\"]"

#endif
