/* SPDX-License-Identifier: Apache-2.0 */
#include <mqkafka/mqkafka.h>

#include "error.h"
#include "template.h"

#define RENDER_MEMORY 4096u

static bool is_text(mqk_str text) {
    return text.data || text.len == 0;
}

mqk_status mqk_template_compile(mqk_str text, mqk_value_format format, mqk_template **out,
                                mqk_error *err) {
    if (out) {
        *out = NULL;
    }
    if (!out || !is_text(text) || (unsigned)format > MQK_FORMAT_JSON) {
        return error_set(err, MQK_ERR_ARGUMENT, 0, 0, "%s", mqk_status_text(MQK_ERR_ARGUMENT));
    }
    struct template *compiled = NULL;
    mqk_error inner = {.code = MQK_OK};
    mqk_status status = template_compile(text, format, &compiled, &inner);
    if (status != MQK_OK && inner.column > 0) {
        return error_set(err, status, 0, inner.column, "column %u: %s", (unsigned)inner.column,
                         inner.message);
    }
    if (status != MQK_OK) {
        return error_set(err, status, 0, 0, "%s", inner.message);
    }
    *out = (mqk_template *)compiled;
    return MQK_OK;
}

/* Copies a result into the caller's memory. */
static mqk_status hand_over(mqk_str result, char *buffer, size_t capacity, mqk_str *out) {
    if (!result.data) {
        return MQK_OK;
    }
    out->len = result.len;
    if (result.len > capacity) {
        return MQK_ERR_TOO_SMALL;
    }
    out->data = buffer ? buffer : "";
    if (result.len > 0) {
        memcpy(buffer, result.data, result.len);
    }
    return MQK_OK;
}

mqk_status mqk_template_render(const mqk_template *tpl, const mqk_event *event, char *buffer,
                               size_t capacity, mqk_str *out) {
    if (out) {
        *out = (mqk_str){NULL, 0};
    }
    mqk_event copy;
    const mqk_event *adopted = event_adopt(event, &copy);
    if (!tpl || !adopted || !out || (!buffer && capacity > 0)) {
        return MQK_ERR_ARGUMENT;
    }
    char memory[RENDER_MEMORY];
    struct buffer rendered;
    buffer_init(&rendered, memory, sizeof(memory));
    struct uuid uuid = {.made = false};
    struct render_context ctx = {.event = adopted, .now_ms = render_now_ms(), .uuid = &uuid};
    mqk_str result;
    template_render((const struct template *)tpl, &ctx, &rendered, &result);
    mqk_status status = rendered.failure;
    if (status == MQK_OK) {
        status = hand_over(result, buffer, capacity, out);
    }
    buffer_fini(&rendered);
    return status;
}

void mqk_template_free(mqk_template *tpl) {
    template_free((struct template *)tpl);
}
