/* SPDX-License-Identifier: Apache-2.0 */
#include "event_input.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "event.h"
#include "units.h"

/* Names that JSON and --field know beside those of the fields. */
static const char *const other_names[] = {"hook", "user_properties",     "attrs", "user",
                                          "attr", "ack_user_properties", NULL};

bool event_input_fail(struct event_input *in, const char *format, ...) {
    char sentence[700];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    error_set(&in->error, MQK_ERR_ARGUMENT, 0, 0, "%s", sentence);
    return false;
}

static bool no_memory(struct event_input *in) {
    return event_input_fail(in, "%s", mqk_status_text(MQK_ERR_NO_MEMORY));
}

void event_input_init(struct event_input *in) {
    *in = (struct event_input){.has_hook = false};
    mqk_event_init(&in->event, sizeof(in->event), MQK_HOOK_CUSTOM);
}

void event_input_fini(struct event_input *in) {
    for (size_t i = 0; i < in->kept_count; i++) {
        free(in->kept[i]);
    }
    free(in->kept);
    free(in->user.items);
    free(in->ack_user.items);
    free(in->attrs.items);
    free(in->props.items);
    free(in->ack_props.items);
}

/* Room for one entry more in a list of `size` bytes each. */
static bool grow(struct event_input *in, void **items, size_t count, size_t *capacity,
                 size_t size) {
    if (count < *capacity) {
        return true;
    }
    size_t more = *capacity > 0 ? *capacity * 2 : 8;
    void *larger = realloc(*items, more * size);
    if (!larger) {
        return no_memory(in);
    }
    *items = larger;
    *capacity = more;
    return true;
}

mqk_str event_input_keep(struct event_input *in, mqk_str text) {
    void *kept = in->kept;
    char *copy = NULL;
    if (grow(in, &kept, in->kept_count, &in->kept_capacity, sizeof(*in->kept))) {
        in->kept = kept;
        copy = malloc(text.len + 1);
    }
    if (!copy) {
        no_memory(in);
        return (mqk_str){NULL, 0};
    }
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    in->kept[in->kept_count++] = copy;
    return (mqk_str){copy, text.len};
}

bool event_input_hook(struct event_input *in, mqk_str name) {
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    if (mqk_hook_by_name(name, &in->event.hook) != MQK_OK) {
        return event_input_fail(in, "unknown hook \"%s\"%s", error_quote(name, quoted),
                                error_hint(name, event_hook_names, hint));
    }
    in->event.hook_name = in->event.hook == MQK_HOOK_CUSTOM ? name : (mqk_str){NULL, 0};
    in->has_hook = true;
    return true;
}

bool event_input_integer(struct event_input *in, mqk_str name, mqk_str digits, int64_t *number) {
    char quoted[ERROR_QUOTE_SIZE], shown[ERROR_QUOTE_SIZE];
    return !units_integer(digits, number) ||
           event_input_fail(in, "%s: \"%s\" is not a whole number", error_quote(name, quoted),
                            error_quote(digits, shown));
}

bool event_input_number(struct event_input *in, mqk_str name, size_t offset, mqk_str digits) {
    int64_t number = 0;
    if (!event_input_integer(in, name, digits, &number)) {
        return false;
    }
    memcpy((char *)&in->event + offset, &number, sizeof(number));
    return true;
}

bool event_input_pair(struct event_input *in, struct event_pairs *list, mqk_str name,
                      mqk_str value) {
    void *items = list->items;
    if (!grow(in, &items, list->count, &list->capacity, sizeof(*list->items))) {
        return false;
    }
    list->items = items;
    list->items[list->count++] = (mqk_pair){name, value};
    return true;
}

bool event_input_property(struct event_input *in, struct event_props *list, mqk_str name,
                          mqk_str text, int64_t number) {
    void *items = list->items;
    if (!grow(in, &items, list->count, &list->capacity, sizeof(*list->items))) {
        return false;
    }
    list->items = items;
    list->items[list->count++] = (mqk_property){name, text, number};
    return true;
}

bool event_input_unknown(struct event_input *in, mqk_str name) {
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    error_hint(name, event_field_names, hint);
    return event_input_fail(in, "unknown field \"%s\"%s", error_quote(name, quoted),
                            hint[0] ? hint : error_hint(name, other_names, hint));
}

static bool set_bool(struct event_input *in, mqk_str name, size_t offset, mqk_str value) {
    bool yes = str_equal(value, STR("true")) || str_equal(value, STR("1"));
    char quoted[ERROR_QUOTE_SIZE];
    if (!yes && !str_equal(value, STR("false")) && !str_equal(value, STR("0"))) {
        return event_input_fail(in, "%s: expected true or false", error_quote(name, quoted));
    }
    return event_input_number(in, name, offset, yes ? STR("1") : STR("0"));
}

/* `user.NAME` and the like. */
static bool set_member(struct event_input *in, mqk_str root, mqk_str name, mqk_str value) {
    enum event_field field = FIELD_COUNT;
    if (str_equal(root, STR("user"))) {
        return event_input_pair(in, &in->user, name, value);
    }
    if (str_equal(root, STR("attr")) || str_equal(root, STR("attrs"))) {
        return event_input_pair(in, &in->attrs, name, value);
    }
    if (!event_field_by_name(root, &field)) {
        return event_input_unknown(in, root);
    }
    if (field == FIELD_props || field == FIELD_ack_props) {
        int64_t number = 0;
        bool numeric = !units_integer(value, &number);
        return event_input_property(in, field == FIELD_props ? &in->props : &in->ack_props, name,
                                    numeric ? (mqk_str){NULL, 0} : value, number);
    }
    if (field == FIELD_flags && str_equal(name, STR("retain"))) {
        return set_bool(in, name, offsetof(mqk_event, retain), value);
    }
    if (field == FIELD_flags && str_equal(name, STR("dup"))) {
        return set_bool(in, name, offsetof(mqk_event, dup), value);
    }
    char quoted[ERROR_QUOTE_SIZE];
    return event_input_fail(in, "field \"%s\" has no such members", error_quote(root, quoted));
}

bool event_input_field(struct event_input *in, mqk_str given_name, mqk_str given_value) {
    mqk_str name = event_input_keep(in, given_name);
    mqk_str value = event_input_keep(in, given_value);
    if (!name.data || !value.data) {
        return false;
    }
    const char *dot = memchr(name.data, '.', name.len);
    if (dot) {
        size_t at = (size_t)(dot - name.data);
        return set_member(in, str_slice(name, 0, at), str_slice(name, at + 1, name.len), value);
    }
    enum event_field field = FIELD_COUNT;
    if (str_equal(name, STR("hook")) || str_equal(name, STR("event"))) {
        return event_input_hook(in, value);
    }
    if (!event_field_by_name(name, &field)) {
        return event_input_unknown(in, name);
    }
    char quoted[ERROR_QUOTE_SIZE];
    switch (event_fields[field].kind) {
    case FIELD_TEXT:
        memcpy((char *)&in->event + event_fields[field].offset, &value, sizeof(value));
        return true;
    case FIELD_BOOL:
        return set_bool(in, name, event_fields[field].offset, value);
    case FIELD_INT:
    case FIELD_TIME:
        return event_input_number(in, name, event_fields[field].offset, value);
    default:
        return event_input_fail(in, "write %s.NAME=VALUE for a member of it",
                                error_quote(name, quoted));
    }
}

bool event_input_finish(struct event_input *in) {
    mqk_event *event = &in->event;
    event->user_props = in->user.items;
    event->user_props_count = in->user.count;
    event->ack_user_props = in->ack_user.items;
    event->ack_user_props_count = in->ack_user.count;
    event->attrs = in->attrs.items;
    event->attrs_count = in->attrs.count;
    event->props = in->props.items;
    event->props_count = in->props.count;
    event->ack_props = in->ack_props.items;
    event->ack_props_count = in->ack_props.count;
    return in->has_hook || event_input_fail(in, "the event has no hook, e.g. message.publish");
}
