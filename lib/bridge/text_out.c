/* SPDX-License-Identifier: Apache-2.0 */
#include "text_out.h"

void text_out_init(struct text_out *out, mqk_write_fn write, void *user) {
    out->write = write;
    out->user = user;
    out->stopped = false;
    buffer_init(&out->text, out->memory, sizeof(out->memory));
}

static void hand_over(struct text_out *out) {
    if (!out->stopped && out->text.failure == MQK_OK && out->text.len > 0) {
        out->stopped = !out->write(out->user, buffer_since(&out->text, 0));
        out->text.len = 0;
    }
}

bool text_out_step(struct text_out *out) {
    if (out->text.len >= TEXT_OUT_PIECE) {
        hand_over(out);
    }
    return !out->stopped && out->text.failure == MQK_OK;
}

mqk_status text_out_end(struct text_out *out) {
    hand_over(out);
    mqk_status status = out->stopped ? MQK_ERR_TOO_SMALL : out->text.failure;
    buffer_fini(&out->text);
    return status;
}
