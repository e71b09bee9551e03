/* SPDX-License-Identifier: Apache-2.0 */
#include "ruleset.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "hook_list.h"
#include "rendering.h"
#include "rule.h"
#include "template_value.h"
#include "topic_filter.h"

#define RECORD_MEMORY  4096u
#define FEW_CANDIDATES 64u

/* The entries that match an event, in order. */
struct candidates {
    uint32_t *entries;
    size_t count;
    uint32_t few[FEW_CANDIDATES];
};

/* The texts of one record. */
struct rendered_rule {
    struct rendered_part topic, key, value, timestamp, partition;
    struct record_headers headers;
};

/* What is needed to render the records of one event. */
struct evaluation {
    const struct ruleset *ruleset;
    struct render_context ctx;
    struct buffer buffer;
};

static inline size_t match(const struct hook_rules *hook, const mqk_event *event, uint32_t *entries,
                           size_t capacity) {
    if (event_hooks[event->hook].has_topic && event->topic.data) {
        return hook->index ? filter_index_match(hook->index, event->topic, entries, capacity) : 0;
    }
    size_t fit = hook->always_count < capacity ? hook->always_count : capacity;
    if (fit > 0) {
        memcpy(entries, hook->always, fit * sizeof(*entries));
    }
    return hook->always_count;
}

/* Adds what stands under the custom hook's own name. */
static __attribute__((noinline)) size_t match_custom(const struct ruleset *r,
                                                     const mqk_event *event, uint32_t *entries,
                                                     size_t capacity, size_t count) {
    const struct hook_rules *custom = ruleset_custom(r, event->hook_name);
    size_t used = count < capacity ? count : capacity;
    return custom ? count + match(custom, event, entries + used, capacity - used) : count;
}

/* As match(), for the two places where the rules of a custom hook may stand. */
static inline size_t match_all(const struct ruleset *r, const mqk_event *event, uint32_t *entries,
                               size_t capacity) {
    size_t count = match(&r->hooks[event->hook], event, entries, capacity);
    return event->hook == MQK_HOOK_CUSTOM ? match_custom(r, event, entries, capacity, count)
                                          : count;
}

static bool is_wildcard(mqk_str level) {
    return level.len == 1 && (level.data[0] == '+' || level.data[0] == '#');
}

/* Not 0 when one of the bytes is `+` or `#`, which differ in one bit. */
static inline uint64_t bytes_wildcard(uint64_t word) {
    _Static_assert(('+' & 0xF7) == '#', "they do not");
    return bytes_equal(word & BYTES_OF(0xF7), '#');
}

/* Whether there is a `+` or `#` at all. */
static inline bool has_wildcard_byte(mqk_str topic) {
    const char *p = topic.data, *end = p + topic.len;
    if (topic.len < 8) {
        for (; p < end; p++) {
            if (*p == '+' || *p == '#') {
                return true;
            }
        }
        return false;
    }
    uint64_t found = bytes_wildcard(bytes_load(end - 8));
    for (; end - p > 8; p += 8) {
        found |= bytes_wildcard(bytes_load(p));
    }
    return found != 0;
}

static __attribute__((noinline)) bool has_wildcard_level(mqk_str topic) {
    mqk_str level;
    for (size_t pos = 0; topic_next_level(topic, &pos, &level);) {
        if (is_wildcard(level)) {
            return true;
        }
    }
    return false;
}

/* A message with such a topic is none that a client may send; looked for only when something
 * matched, because it costs a pass over the topic. */
static inline bool is_illegal_message(const mqk_event *event) {
    return event_hooks[event->hook].is_message && event->topic.len > 0 &&
           has_wildcard_byte(event->topic) && has_wildcard_level(event->topic);
}

static int compare_numbers(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void sort(uint32_t *entries, size_t count) {
    if (count > FEW_CANDIDATES) {
        qsort(entries, count, sizeof(*entries), compare_numbers);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        uint32_t entry = entries[i];
        size_t to = i;
        for (; to > 0 && entries[to - 1] > entry; to--) {
            entries[to] = entries[to - 1];
        }
        entries[to] = entry;
    }
}

/* Several candidates: all of them, in order. False: out of memory. */
static __attribute__((noinline)) bool
candidates_order(struct candidates *c, const struct ruleset *r, const mqk_event *event) {
    if (c->count > FEW_CANDIDATES) {
        c->entries = malloc(c->count * sizeof(*c->entries));
        if (!c->entries) {
            return false;
        }
        match_all(r, event, c->entries, c->count);
    }
    sort(c->entries, c->count);
    return true;
}

/* False: out of memory. */
static inline bool candidates_init(struct candidates *c, const struct ruleset *r,
                                   const mqk_event *event) {
    c->entries = c->few;
    c->count = match_all(r, event, c->few, FEW_CANDIDATES);
    if (c->count == 0 || is_illegal_message(event)) {
        c->count = 0;
        return true;
    }
    return c->count == 1 || candidates_order(c, r, event);
}

static inline void candidates_fini(struct candidates *c) {
    if (c->entries != c->few) {
        free(c->entries);
    }
}

/* A whole number from 0 on, or -1. */
static int64_t read_number(mqk_str text) {
    int64_t time = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || time > (INT64_MAX - digit) / 10) {
            return -1;
        }
        time = time * 10 + digit;
    }
    return text.len > 0 ? time : -1;
}

static inline void render_value(struct evaluation *e, const struct rule *rule,
                                struct rendered_part *part) {
    const struct template *value = rule->value;
    if (!value) {
        value = e->ruleset->envelopes.templates[rule->envelope][e->ctx.event->hook];
    }
    rendered_part_set(part, value, &e->ctx, &e->buffer);
}

static void render(struct evaluation *e, const struct rule *rule, struct rendered_rule *parts) {
    if (!rule->info.constant_topic) {
        rendered_part_set(&parts->topic, rule->topic, &e->ctx, &e->buffer);
    }
    render_value(e, rule, &parts->value);
    if (rule->key) {
        rendered_part_set(&parts->key, rule->key, &e->ctx, &e->buffer);
    }
    if (rule->timestamp) {
        rendered_part_set(&parts->timestamp, rule->timestamp, &e->ctx, &e->buffer);
    }
    if (rule->partition) {
        rendered_part_set(&parts->partition, rule->partition, &e->ctx, &e->buffer);
    }
    if (rule_has_headers(&rule->headers)) {
        record_headers_render(&rule->headers, &e->ctx, &e->buffer, &parts->headers);
    }
}

/* A partition's number; an absent text leaves the choice to the partitioner. What is neither is not
 * guessed at: a record in another partition than meant would be out of order for good. */
static mqk_status read_partition(mqk_str text, int32_t *partition) {
    int64_t number = text.data ? read_number(text) : -1;
    if (text.data && (number < 0 || number > INT32_MAX)) {
        return MQK_ERR_PARTITION;
    }
    *partition = (int32_t)number;
    return MQK_OK;
}

static void fill_record(const struct evaluation *e, const struct rule *rule,
                        struct rendered_rule *parts, struct rendered_record *record) {
    record->value = rendered_part_text(&parts->value, &e->buffer);
    if (rule->key) {
        record->key = rendered_part_text(&parts->key, &e->buffer);
    }
    if (rule->timestamp) {
        int64_t time = read_number(rendered_part_text(&parts->timestamp, &e->buffer));
        record->timestamp_ms = time >= 0 ? time : render_now_ms();
    }
    if (rule->partition) {
        record->status =
            read_partition(rendered_part_text(&parts->partition, &e->buffer), &record->partition);
    }
    if (rule_has_headers(&rule->headers)) {
        mqk_status status =
            record_headers_finish(&rule->headers, e->ctx.event, &e->buffer, &parts->headers);
        record->headers = parts->headers.list;
        record->header_count = parts->headers.count;
        record->status = status == MQK_OK ? record->status : status;
    }
    if (!rule->info.constant_topic && kafka_topic_check(record->topic)) {
        record->status = MQK_ERR_TOPIC;
    }
}

/* Member by member: clearing a whole struct first costs more than the rest. */
static inline void record_init(struct rendered_record *record, const struct evaluation *e,
                               const struct rule *rule) {
    record->rule = (uint32_t)(rule - e->ruleset->rules);
    record->info = &rule->info;
    record->topic = rule->info.topic;
    record->key = (mqk_str){NULL, 0};
    record->value = (mqk_str){NULL, 0};
    record->headers = NULL;
    record->header_count = 0;
    record->timestamp_ms = render_timestamp(&e->ctx);
    record->partition = -1;
    record->status = e->buffer.failure;
    record->utf8_replaced = e->ctx.utf8_replaced;
}

/* Renders the record of a rule that has anything beyond those of produce(), and hands it over. */
static __attribute__((noinline)) bool produce_full(struct evaluation *e, const struct rule *rule,
                                                   rendered_record_fn fn, void *user) {
    struct rendered_rule parts;
    struct rendered_record record;
    render(e, rule, &parts);
    record_init(&record, e, rule);
    if (!rule->info.constant_topic) {
        record.topic = rendered_part_text(&parts.topic, &e->buffer);
    }
    if (record.status == MQK_OK) {
        fill_record(e, rule, &parts, &record);
    }
    bool more = fn(user, &record);
    if (rule_has_headers(&rule->headers)) {
        record_headers_fini(&parts.headers);
    }
    return more;
}

/* Renders the rule's record and hands it over. */
static inline bool produce(struct evaluation *e, const struct rule_entry *entry,
                           rendered_record_fn fn, void *user) {
    const struct rule *rule = &e->ruleset->rules[entry->rule];
    e->ctx.filter = entry->filter;
    e->ctx.encoding = rule->encoding;
    e->ctx.utf8_replaced = false;
    e->buffer.len = 0;
    e->buffer.failure = MQK_OK;
    if (!rule->plain) {
        return produce_full(e, rule, fn, user);
    }
    struct rendered_part value, key;
    struct rendered_record record;
    render_value(e, rule, &value);
    if (rule->key) {
        rendered_part_set(&key, rule->key, &e->ctx, &e->buffer);
    }
    record_init(&record, e, rule);
    if (record.status == MQK_OK) {
        record.value = rendered_part_text(&value, &e->buffer);
        if (rule->key) {
            record.key = rendered_part_text(&key, &e->buffer);
        }
    }
    return fn(user, &record);
}

/* The same for a rule with a condition: `matches` tells whether it holds. */
static bool produce_if(struct evaluation *e, const struct rule_entry *entry,
                       const struct ruleset_host *host, rendered_record_fn fn, void *user,
                       bool *matches) {
    struct condition_state state;
    bool more = true;
    condition_state_init(&state);
    e->ctx.filter = entry->filter;
    enum predicate_result result =
        condition_test(e->ruleset->rules[entry->rule].condition, &e->ctx, &state);
    if (result == PREDICATE_LIMIT && host && host->regex_limit) {
        host->regex_limit(user, entry->rule);
    }
    *matches = result == PREDICATE_TRUE;
    if (*matches) {
        more = produce(e, entry, fn, user);
    }
    e->ctx.captures = NULL;
    condition_state_fini(&state);
    return more;
}

static inline __attribute__((always_inline)) int
produce_all(const struct ruleset *r, const mqk_event *event, const struct ruleset_host *host,
            const struct candidates *candidates, rendered_record_fn fn, void *user) {
    char memory[RECORD_MEMORY];
    struct uuid uuid;
    uuid.made = false;
    struct payload_cache found;
    payload_cache_init(&found);
    struct evaluation e;
    e.ruleset = r;
    e.ctx.event = event;
    e.ctx.node = host ? host->node : (mqk_str){NULL, 0};
    e.ctx.now_ms = event->timestamp > 0 ? event->timestamp : render_now_ms();
    e.ctx.found = &found;
    e.ctx.uuid = &uuid;
    e.ctx.captures = NULL;
    buffer_init(&e.buffer, memory, sizeof(memory));
    int matched = 0;
    uint32_t last_rule = UINT32_MAX;
    for (size_t i = 0; i < candidates->count; i++) {
        const struct rule_entry *entry = &r->entries[candidates->entries[i]];
        if (entry->rule == last_rule) {
            continue;
        }
        last_rule = entry->rule;
        bool matches = true, more;
        if (r->rules[entry->rule].condition) {
            more = produce_if(&e, entry, host, fn, user, &matches);
        } else {
            more = produce(&e, entry, fn, user);
        }
        matched += matches;
        if (!more || (matches && r->rules[entry->rule].stop)) {
            break;
        }
    }
    buffer_fini(&e.buffer);
    return matched;
}

static void say_unmatched(const struct ruleset *r, const struct rule *rule, const mqk_event *event,
                          struct buffer *reason) {
    char first[ERROR_QUOTE_SIZE], second[ERROR_QUOTE_SIZE];
    const struct rule_entry *entry = &r->entries[rule->first_entry];
    if (!hook_list_wants(rule->hooks, event)) {
        mqk_str name = event->hook == MQK_HOOK_CUSTOM ? event->hook_name
                                                      : mqk_cstr(event_hooks[event->hook].name);
        buffer_printf(reason, "hook is %s, the rule wants %s", error_quote(name, first),
                      error_quote(rule->hooks, second));
        return;
    }
    error_quote(entry->filter, second);
    if (!event->topic.data) {
        buffer_printf(reason,
                      "the event has no topic, the rule wants one that matches filter "
                      "\"%s\"",
                      second);
    } else if (is_illegal_message(event)) {
        buffer_printf(reason, "topic \"%s\" is illegal: it contains a wildcard",
                      error_quote(event->topic, first));
    } else {
        buffer_printf(reason, "topic \"%s\" does not match filter \"%s\"",
                      error_quote(event->topic, first), second);
    }
    if (rule->entry_count > 1) {
        buffer_printf(reason, " nor any other of its %u filters", (unsigned)rule->entry_count);
    }
}

static void say_matched(const struct rule_entry *entry, const mqk_event *event,
                        struct buffer *reason) {
    char quoted[ERROR_QUOTE_SIZE];
    if (event_hooks[event->hook].has_topic && event->topic.data) {
        buffer_printf(reason, "matched by filter \"%s\"", error_quote(entry->filter, quoted));
    } else {
        buffer_append_str(reason, STR("matched by its hook"));
    }
}

/* Whether the rule's condition holds; says why, behind what has been said of its filter. */
static bool explain_condition(const struct rule *rule, const struct rule_entry *entry,
                              const mqk_event *event, const struct ruleset_host *host,
                              struct buffer *reason) {
    struct uuid uuid = {.made = false};
    struct render_context ctx = {.event = event,
                                 .uuid = &uuid,
                                 .node = host ? host->node : (mqk_str){NULL, 0},
                                 .now_ms =
                                     event->timestamp > 0 ? event->timestamp : render_now_ms(),
                                 .filter = entry->filter};
    struct condition_state state;
    condition_state_init(&state);
    size_t from = reason->len;
    buffer_append_str(reason, STR("; "));
    bool holds = condition_explain(rule->condition, &ctx, &state, reason) == PREDICATE_TRUE;
    condition_state_fini(&state);
    if (!holds) {
        /* What was right with the filter is of no interest then. */
        size_t said = reason->len - from - 2;
        memmove(reason->data, reason->data + from + 2, reason->failure == MQK_OK ? said : 0);
        reason->len = said;
    }
    return holds;
}

struct hook_rules *ruleset_custom(const struct ruleset *r, mqk_str name) {
    struct custom_hook wanted = {.name = name};
    struct custom_hook *found = r->custom_count > 0
                                    ? bsearch(&wanted, r->customs, r->custom_count,
                                              sizeof(*r->customs), custom_hook_compare)
                                    : NULL;
    return found ? &found->rules : NULL;
}

int custom_hook_compare(const void *left, const void *right) {
    mqk_str a = ((const struct custom_hook *)left)->name;
    mqk_str b = ((const struct custom_hook *)right)->name;
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static void hook_rules_fini(struct hook_rules *hook) {
    filter_index_free(hook->index);
    free(hook->always);
}

static void rule_fini(struct rule *rule) {
    for (uint32_t i = 0; i < rule->headers.count; i++) {
        template_free(rule->headers.list[i].value);
    }
    free(rule->headers.list);
    condition_free(rule->condition);
    template_free(rule->partition);
    template_free(rule->topic);
    template_free(rule->key);
    template_free(rule->value);
    template_free(rule->timestamp);
}

void ruleset_destroy(struct ruleset *r) {
    for (size_t i = 0; r->rules && i < r->rule_count; i++) {
        rule_fini(&r->rules[i]);
    }
    for (unsigned i = 0; i < MQK_HOOK_COUNT; i++) {
        hook_rules_fini(&r->hooks[i]);
    }
    for (size_t i = 0; i < r->custom_count; i++) {
        hook_rules_fini(&r->customs[i].rules);
    }
    envelope_set_fini(&r->envelopes);
    free(r->customs);
    free(r->rules);
    free(r->entries);
    free(r->pool);
    free(r);
}

struct ruleset *ruleset_ref(struct ruleset *r) {
    atomic_fetch_add_explicit(&r->references, 1, memory_order_relaxed);
    return r;
}

void ruleset_unref(struct ruleset *r) {
    if (r && atomic_fetch_sub_explicit(&r->references, 1, memory_order_acq_rel) == 1) {
        ruleset_destroy(r);
    }
}

size_t ruleset_size(const struct ruleset *r) {
    return r->rule_count;
}

uint64_t ruleset_hooks(const struct ruleset *r) {
    uint64_t hooks = r->custom_count > 0 ? UINT64_C(1) << MQK_HOOK_CUSTOM : 0;
    for (unsigned i = 0; i < MQK_HOOK_COUNT; i++) {
        if (r->hooks[i].index || r->hooks[i].always_count > 0) {
            hooks |= UINT64_C(1) << i;
        }
    }
    return hooks;
}

const struct rule_info *ruleset_rule(const struct ruleset *r, size_t index) {
    return &r->rules[index].info;
}

int ruleset_evaluate(const struct ruleset *r, const mqk_event *event,
                     const struct ruleset_host *host, rendered_record_fn fn, void *user) {
    struct candidates candidates;
    if (!candidates_init(&candidates, r, event)) {
        return MQK_ERR_NO_MEMORY;
    }
    int matched = candidates.count == 0 ? 0 : produce_all(r, event, host, &candidates, fn, user);
    candidates_fini(&candidates);
    return matched;
}

int ruleset_explain(const struct ruleset *r, const mqk_event *event,
                    const struct ruleset_host *host, rule_verdict_fn fn, void *user) {
    struct candidates candidates;
    if (!candidates_init(&candidates, r, event)) {
        return MQK_ERR_NO_MEMORY;
    }
    char memory[1024], quoted[ERROR_QUOTE_SIZE];
    struct buffer reason;
    buffer_init(&reason, memory, sizeof(memory));
    const struct rule *stopped_by = NULL;
    int matched = 0;
    size_t next = 0;
    for (uint32_t i = 0; i < r->rule_count && reason.failure == MQK_OK; i++) {
        const struct rule *rule = &r->rules[i];
        const struct rule_entry *entry = NULL;
        for (; next < candidates.count && r->entries[candidates.entries[next]].rule == i; next++) {
            entry = entry ? entry : &r->entries[candidates.entries[next]];
        }
        reason.len = 0;
        if (stopped_by) {
            buffer_printf(&reason, "not tried: rule \"%s\" before it says stop",
                          error_quote(stopped_by->info.name, quoted));
        } else if (entry) {
            say_matched(entry, event, &reason);
            if (rule->condition && !explain_condition(rule, entry, event, host, &reason)) {
                entry = NULL;
            }
            matched += entry != NULL;
        } else {
            say_unmatched(r, rule, event, &reason);
        }
        bool matches = entry && !stopped_by;
        fn(user, i, matches, buffer_since(&reason, 0));
        stopped_by = matches && rule->stop ? rule : stopped_by;
    }
    mqk_status failure = reason.failure;
    buffer_fini(&reason);
    candidates_fini(&candidates);
    return failure == MQK_OK ? matched : (int)failure;
}
