/* SPDX-License-Identifier: Apache-2.0 */
#include "rule.h"

#include <stdlib.h>

#include "hook_list.h"

/* Makes the sorted list of all custom hooks that rules name. False: out of memory. */
static bool find_customs(struct ruleset *r) {
    size_t capacity = 0, count = 0;
    for (size_t i = 0; i < r->rule_count; i++) {
        mqk_str item;
        for (size_t pos = 0; hook_list_next(r->rules[i].hooks, &pos, &item);) {
            struct hook_item hooks;
            hook_item_read(item, &hooks);
            if (!hooks.custom.data) {
                continue;
            }
            if (count == capacity) {
                capacity = capacity * 2 + 8;
                struct custom_hook *grown = realloc(r->customs, capacity * sizeof(*grown));
                if (!grown) {
                    return false;
                }
                r->customs = grown;
            }
            r->customs[count++] = (struct custom_hook){.name = hooks.custom};
        }
    }
    if (count == 0) {
        return true;
    }
    qsort(r->customs, count, sizeof(*r->customs), custom_hook_compare);
    r->custom_count = 1;
    for (size_t i = 1; i < count; i++) {
        if (!str_equal(r->customs[i].name, r->customs[r->custom_count - 1].name)) {
            r->customs[r->custom_count++] = r->customs[i];
        }
    }
    return true;
}

static bool add_always(struct hook_rules *hook, uint32_t entry) {
    if (hook->always_count == hook->always_capacity) {
        uint32_t capacity = hook->always_capacity * 2 + 8;
        uint32_t *grown = realloc(hook->always, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        hook->always = grown;
        hook->always_capacity = capacity;
    }
    hook->always[hook->always_count++] = entry;
    return true;
}

static bool add_to_hook(struct ruleset *r, const struct rule *rule, struct hook_rules *hook,
                        bool has_topic) {
    for (uint32_t i = rule->first_entry; i < rule->first_entry + rule->entry_count; i++) {
        mqk_str filter = r->entries[i].filter;
        if (str_equal(filter, STR("#")) && !add_always(hook, i)) {
            return false;
        }
        if (has_topic && !hook->index && !(hook->index = filter_index_new())) {
            return false;
        }
        if (has_topic && !filter_index_add(hook->index, filter, i)) {
            return false;
        }
    }
    return true;
}

static bool index_rule(struct ruleset *r, const struct rule *rule) {
    mqk_str item;
    bool right = true;
    for (size_t pos = 0; right && hook_list_next(rule->hooks, &pos, &item);) {
        struct hook_item hooks;
        hook_item_read(item, &hooks);
        if (hooks.custom.data) {
            right = add_to_hook(r, rule, ruleset_custom(r, hooks.custom),
                                event_hooks[MQK_HOOK_CUSTOM].has_topic);
        }
        for (unsigned i = 0; right && i < MQK_HOOK_COUNT; i++) {
            if ((hooks.hooks >> i & 1) != 0) {
                right = add_to_hook(r, rule, &r->hooks[i], event_hooks[i].has_topic);
            }
        }
    }
    return right;
}

static bool finish_hook(struct hook_rules *hook) {
    return !hook->index || filter_index_finish(hook->index);
}

bool ruleset_index(struct ruleset *r) {
    bool right = find_customs(r);
    for (size_t i = 0; right && i < r->rule_count; i++) {
        right = index_rule(r, &r->rules[i]);
    }
    for (unsigned i = 0; right && i < MQK_HOOK_COUNT; i++) {
        right = finish_hook(&r->hooks[i]);
    }
    for (size_t i = 0; right && i < r->custom_count; i++) {
        right = finish_hook(&r->customs[i].rules);
    }
    return right;
}
