/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the paths of templates and conditions may begin with. There are two vocabularies, those of
 * hook rules and of consumer rules; everything else in the language is the same for both. Static,
 * any thread.
 */
#ifndef MQK_RULES_VOCABULARY_H
#define MQK_RULES_VOCABULARY_H

#include "event.h"

enum root_kind {
    ROOT_FIELD,
    ROOT_SENDER, /* ${from} */
    ROOT_USER,   /* user properties, headers */
    ROOT_ATTR,
    ROOT_CAPTURE, /* ${filter.1} */
    ROOT_REGEX,
    ROOT_UUID
};

/* What a name at the start of a path stands for. */
struct root {
    enum root_kind kind;
    enum event_field field; /* of ROOT_FIELD, and of a ROOT_USER that has a value without a name */
    bool whole;             /* of ROOT_USER: has a value without a name */
};

struct vocabulary {
    bool (*find)(mqk_str name, struct root *out);
    /* NULL-terminated, for suggestions: fields, and what else is there. */
    const char *const *fields;
    const char *const *others;
};

/* Events: base/event.h's fields. */
extern const struct vocabulary event_words;
/* Kafka records: key value headers topic partition offset ts ts_type node. */
extern const struct vocabulary record_words;

#endif
