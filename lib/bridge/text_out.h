/* SPDX-License-Identifier: Apache-2.0 */
/* Text of any length on its way to a callback of the host's, in pieces. One thread at a time. */
#ifndef MQK_BRIDGE_TEXT_OUT_H
#define MQK_BRIDGE_TEXT_OUT_H

#include "buffer.h"

#define TEXT_OUT_PIECE 4096u

struct text_out {
    struct buffer text; /* append to this */
    mqk_write_fn write;
    void *user;
    bool stopped; /* the host wants no more */
    char memory[2 * TEXT_OUT_PIECE];
};

void text_out_init(struct text_out *out, mqk_write_fn write, void *user);

/* Hands over what was appended once it is a piece; to be called between things of ordinary size.
 * False: there is no sense in going on. */
bool text_out_step(struct text_out *out);

/* Hands over the rest and frees. MQK_OK, MQK_ERR_NO_MEMORY, MQK_ERR_TOO_LARGE, or MQK_ERR_TOO_SMALL
 * (the host wanted no more). */
mqk_status text_out_end(struct text_out *out);

#endif
