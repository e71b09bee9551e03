/* SPDX-License-Identifier: Apache-2.0 */
#include "phash2.h"

/* Bob Jenkins' hash of 1996, started with the golden ratio; what tells a binary from other terms is
 * the third word, thirteen times that. */
#define GOLDEN_RATIO UINT32_C(0x9e3779b9)
#define BINARY_TERM  (GOLDEN_RATIO * 13u)
#define RANGE_BITS   27u
#define BLOCK_SIZE   12u

struct words {
    uint32_t a, b, c;
};

static uint32_t load(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void mix(struct words *w) {
    uint32_t a = w->a, b = w->b, c = w->c;
    a = (a - b - c) ^ c >> 13;
    b = (b - c - a) ^ a << 8;
    c = (c - a - b) ^ b >> 13;
    a = (a - b - c) ^ c >> 12;
    b = (b - c - a) ^ a << 16;
    c = (c - a - b) ^ b >> 5;
    a = (a - b - c) ^ c >> 3;
    b = (b - c - a) ^ a << 10;
    c = (c - a - b) ^ b >> 15;
    *w = (struct words){a, b, c};
}

uint32_t phash2(mqk_str bytes) {
    struct words w = {GOLDEN_RATIO, GOLDEN_RATIO, BINARY_TERM};
    if (bytes.len == 0) {
        return w.c & ((UINT32_C(1) << RANGE_BITS) - 1);
    }
    const uint8_t *data = (const uint8_t *)bytes.data;
    size_t whole = bytes.len - bytes.len % BLOCK_SIZE;
    for (size_t at = 0; at < whole; at += BLOCK_SIZE) {
        w.a += load(data + at);
        w.b += load(data + at + 4);
        w.c += load(data + at + 8);
        mix(&w);
    }
    /* The lowest byte of the third word is the length's. */
    uint8_t tail[BLOCK_SIZE] = {0};
    memcpy(tail, data + whole, bytes.len - whole);
    w.a += load(tail);
    w.b += load(tail + 4);
    w.c += (load(tail + 8) << 8) + (uint32_t)bytes.len;
    mix(&w);
    return w.c & ((UINT32_C(1) << RANGE_BITS) - 1);
}
