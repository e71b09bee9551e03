/* SPDX-License-Identifier: Apache-2.0 */
#include "hook_list.h"

#include <stdio.h>

#include "error.h"

#define ALL_HOOKS ((UINT32_C(1) << MQK_HOOK_COUNT) - 1)

_Static_assert(MQK_HOOK_COUNT < 32, "hook_item.hooks has a bit for each hook");

static const char *const groups[] = {"client.*", "session.*", "message.*", "custom.*", "*", NULL};

static uint32_t group_hooks(mqk_str group) {
    if (str_equal(group, STR("*"))) {
        return ALL_HOOKS;
    }
    if (str_equal(group, STR("custom.*"))) {
        return UINT32_C(1) << MQK_HOOK_CUSTOM;
    }
    uint32_t hooks = 0;
    mqk_str prefix = str_slice(group, 0, group.len - 1);
    for (unsigned i = 0; i < MQK_HOOK_COUNT; i++) {
        if (prefix.len > 1 && str_starts_with(mqk_cstr(event_hooks[i].name), prefix)) {
            hooks |= UINT32_C(1) << i;
        }
    }
    return hooks;
}

static const char *describe_unknown(mqk_str item, char message[HOOK_LIST_MESSAGE]) {
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    if (item.len == 0) {
        return "the name of a hook is missing";
    }
    if (str_equal(item, STR("custom")) || str_equal(item, STR("custom."))) {
        return "a custom hook needs a name, as in \"custom.name\"";
    }
    error_hint(item, item.data[item.len - 1] == '*' ? groups : event_hook_names, hint);
    snprintf(message, HOOK_LIST_MESSAGE, "unknown hook \"%s\"%s", error_quote(item, quoted), hint);
    return message;
}

/* Whether an earlier item of the list is the same custom hook. */
static bool custom_before(mqk_str list, mqk_str item) {
    mqk_str other;
    for (size_t pos = 0; hook_list_next(list, &pos, &other) && other.data < item.data;) {
        if (str_equal(other, item)) {
            return true;
        }
    }
    return false;
}

bool hook_list_next(mqk_str list, size_t *pos, mqk_str *item) {
    if (*pos > list.len || !list.data) {
        return false;
    }
    mqk_str rest = str_slice(list, *pos, list.len);
    const char *comma = rest.len > 0 ? memchr(rest.data, ',', rest.len) : NULL;
    size_t len = comma ? (size_t)(comma - rest.data) : rest.len;
    *item = str_trim(str_slice(rest, 0, len));
    *pos += len + 1;
    return true;
}

bool hook_item_read(mqk_str item, struct hook_item *out) {
    *out = (struct hook_item){0};
    if (item.len > 0 && item.data[item.len - 1] == '*') {
        out->hooks = group_hooks(item);
        return out->hooks != 0;
    }
    mqk_hook hook;
    if (!event_hook_by_name(item, &hook)) {
        return false;
    }
    if (hook == MQK_HOOK_CUSTOM) {
        out->custom = item;
    } else {
        out->hooks = UINT32_C(1) << hook;
    }
    return true;
}

const char *hook_list_check(mqk_str list, size_t *at, char message[HOOK_LIST_MESSAGE]) {
    uint32_t seen = 0;
    unsigned count = 0;
    mqk_str item;
    *at = 0;
    for (size_t pos = 0; hook_list_next(list, &pos, &item); count++) {
        struct hook_item hooks;
        *at = (size_t)(item.data - list.data);
        if (count == HOOK_LIST_MAX) {
            return "more than 256 hooks in one list";
        }
        if (!hook_item_read(item, &hooks)) {
            return describe_unknown(item, message);
        }
        bool twice = hooks.custom.data
                         ? (seen & 1u << MQK_HOOK_CUSTOM) != 0 || custom_before(list, item)
                         : (seen & hooks.hooks) != 0;
        if (twice) {
            char quoted[ERROR_QUOTE_SIZE];
            snprintf(message, HOOK_LIST_MESSAGE, "\"%s\" names a hook that the list has already",
                     error_quote(item, quoted));
            return message;
        }
        seen |= hooks.hooks;
    }
    return count == 0 ? "the name of a hook is missing" : NULL;
}

bool hook_list_wants(mqk_str list, const mqk_event *event) {
    mqk_str item;
    for (size_t pos = 0; hook_list_next(list, &pos, &item);) {
        struct hook_item hooks;
        if (!hook_item_read(item, &hooks)) {
            continue;
        }
        if ((hooks.hooks >> event->hook & 1) != 0) {
            return true;
        }
        if (hooks.custom.data && event->hook == MQK_HOOK_CUSTOM &&
            str_equal(hooks.custom, event->hook_name)) {
            return true;
        }
    }
    return false;
}
