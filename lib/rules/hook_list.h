/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of hooks of a rule as written: "client.connected, session.*". Names, aliases, groups
 * (`client.*`, `session.*`, `message.*`, `custom.*`), everything (`*`) and `custom.<name>`. No
 * memory, any thread.
 */
#ifndef MQK_RULES_HOOK_LIST_H
#define MQK_RULES_HOOK_LIST_H

#include "event.h"

/* Most items of a list. */
#define HOOK_LIST_MAX 256u

/* What one item of the list means: a set of hooks (1 << mqk_hook; the bit of MQK_HOOK_CUSTOM means
 * all custom hooks), or one custom hook. */
struct hook_item {
    uint32_t hooks;
    mqk_str custom; /* absent: none */
};

/* Next item of a list, without white space around it; false at the end. Start with *pos = 0. */
bool hook_list_next(mqk_str list, size_t *pos, mqk_str *item);

/* Reads an item; false when it names no hook. */
bool hook_item_read(mqk_str item, struct hook_item *out);

/* Checks a list. NULL when it is right, else a sentence in `message`; `at` receives the byte, from
 * 0, where the wrong item begins. */
#define HOOK_LIST_MESSAGE 600
const char *hook_list_check(mqk_str list, size_t *at, char message[HOOK_LIST_MESSAGE]);

/* Whether a list that is right asks for this event. */
bool hook_list_wants(mqk_str list, const mqk_event *event);

#endif
