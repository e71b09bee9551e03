/* SPDX-License-Identifier: Apache-2.0 */
/* A template and an event out of any bytes: one byte of choices, the template up to a NUL, then
 * client id, topic and payload, separated by NULs. What is compiled as JSON must render JSON. */
#include <stdlib.h>

#include "json_scan.h"
#include "template_pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mqk_str next_part(mqk_str *rest) {
    const char *nul = rest->len > 0 ? memchr(rest->data, '\0', rest->len) : NULL;
    mqk_str part = {rest->data, nul ? (size_t)(nul - rest->data) : rest->len};
    size_t skip = nul ? part.len + 1 : part.len;
    *rest = (mqk_str){rest->data + skip, rest->len - skip};
    return part;
}

/* Deeper than the scanner that judges goes. */
static bool too_deep(mqk_str output) {
    size_t open = 0;
    for (size_t i = 0; i < output.len; i++) {
        open += output.data[i] == '[' || output.data[i] == '{';
    }
    return open > JSON_MAX_DEPTH;
}

static void render(const struct template *t, struct render_context *ctx) {
    char memory[64];
    struct buffer buffer;
    mqk_str out;
    buffer_init(&buffer, memory, sizeof(memory));
    template_render(t, ctx, &buffer, &out);
    if (buffer.failure == MQK_OK && t->json && out.data && !json_valid(out, NULL) &&
        !too_deep(out)) {
        abort();
    }
    buffer.len = 0;
    template_render_event(ctx, &buffer);
    if (buffer.failure == MQK_OK && !json_valid(buffer_since(&buffer, 0), NULL)) {
        abort();
    }
    buffer_fini(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    mqk_str rest = {(const char *)data + 1, size - 1};
    mqk_str text = next_part(&rest);
    struct template *t = NULL;
    mqk_error err;
    if (template_compile(text, (mqk_value_format)(data[0] % 3), &t, &err) != MQK_OK) {
        return 0;
    }
    mqk_event event;
    event_init(&event, sizeof(event),
               data[0] & 0x40 ? MQK_HOOK_MESSAGE_ACKED : MQK_HOOK_SESSION_SUBSCRIBED);
    event.clientid = next_part(&rest);
    event.topic = next_part(&rest);
    event.payload = rest;
    mqk_property prop = {event.clientid, event.topic, 0};
    mqk_pair pairs[2] = {{event.topic, event.clientid}, {event.clientid, event.payload}};
    event.props = event.ack_props = &prop;
    event.props_count = event.ack_props_count = 1;
    event.user_props = event.attrs = pairs;
    event.user_props_count = event.attrs_count = 2;
    struct render_context ctx = {.event = &event,
                                 .now_ms = 1,
                                 .filter = data[0] & 0x20 ? STR("+/#") : STR("#"),
                                 .encoding = (enum payload_encoding)(data[0] / 3 % 3)};
    render(t, &ctx);
    template_free(t);
    return 0;
}
