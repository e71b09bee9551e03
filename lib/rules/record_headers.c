/* SPDX-License-Identifier: Apache-2.0 */
#include "record_headers.h"

#include <stdlib.h>

#include "utf8.h"

#define REPLACEMENT STR("\xEF\xBF\xBD")

/* Kafka's header names are UTF-8, and librdkafka's end at a NUL. */
static bool is_header_name(mqk_str name) {
    return name.len == 0 ||
           (utf8_valid_prefix(name) == name.len && !memchr(name.data, '\0', name.len));
}

/* Appends a name with what it must not contain replaced, and a NUL as its end. */
static void append_name(struct buffer *buffer, mqk_str name) {
    for (size_t i = 0; i < name.len;) {
        const char *at = name.data + i;
        size_t len = *at == '\0' ? 0 : utf8_char_len(at, name.len - i);
        if (len > 0) {
            buffer_append(buffer, at, len);
            i += len;
        } else {
            buffer_append_str(buffer, REPLACEMENT);
            i += *at == '\0' ? 1 : utf8_invalid_len(at, name.len - i);
        }
    }
    buffer_append_char(buffer, '\0');
}

void record_headers_render(const struct rule_headers *rule, struct render_context *ctx,
                           struct buffer *buffer, struct record_headers *out) {
    out->count = 0;
    out->list = out->few;
    out->many = NULL;
    for (uint32_t i = 0; i < rule->count; i++) {
        if (rule->list[i].value) {
            rendered_part_set(&out->parts[i], rule->list[i].value, ctx, buffer);
        }
    }
    out->names_at = buffer->len;
    const mqk_event *event = ctx->event;
    if (rule->user_at == RULE_NO_USER_HEADERS || event->user_props_count > RULE_MAX_USER_HEADERS) {
        return;
    }
    for (size_t i = 0; i < event->user_props_count; i++) {
        if (!is_header_name(event->user_props[i].name)) {
            append_name(buffer, event->user_props[i].name);
            ctx->utf8_replaced = true;
        }
    }
}

static size_t add_user_properties(const struct record_headers *headers, const mqk_event *event,
                                  const struct buffer *buffer, mqk_header *to) {
    const char *changed = buffer->data + headers->names_at;
    for (size_t i = 0; i < event->user_props_count; i++) {
        to[i] = event->user_props[i];
        if (!is_header_name(to[i].name)) {
            to[i].name = mqk_cstr(changed);
            changed += to[i].name.len + 1;
        } else if (!to[i].name.data) {
            to[i].name.data = "";
        }
    }
    return event->user_props_count;
}

mqk_status record_headers_finish(const struct rule_headers *rule, const mqk_event *event,
                                 const struct buffer *buffer, struct record_headers *headers) {
    mqk_header *to = headers->few;
    bool with_user = rule->user_at != RULE_NO_USER_HEADERS;
    if (with_user && event->user_props_count > RULE_MAX_USER_HEADERS) {
        return MQK_ERR_TOO_LARGE;
    }
    if (with_user && event->user_props_count > FEW_USER_HEADERS) {
        to = headers->many = malloc((rule->count + event->user_props_count) * sizeof(*to));
        if (!to) {
            return MQK_ERR_NO_MEMORY;
        }
    }
    size_t count = 0;
    for (uint32_t i = 0; i <= rule->count; i++) {
        if (i == rule->user_at) {
            count += add_user_properties(headers, event, buffer, to + count);
        }
        if (i == rule->count) {
            break;
        }
        const struct rule_header *header = &rule->list[i];
        mqk_str value = {NULL, 0};
        if (header->value) {
            value = rendered_part_text(&headers->parts[i], buffer);
        }
        if (value.data || !header->optional) {
            to[count++] = (mqk_header){header->name, value};
        }
    }
    headers->list = to;
    headers->count = count;
    return MQK_OK;
}

void record_headers_fini(struct record_headers *headers) {
    free(headers->many);
}
