/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_batch.h"

#include <stdlib.h>

/* A record: u64 seq, u64 size, encoded, filled up to 8 bytes. */
#define ENTRY_HEAD 16u
#define KEEP_BYTES ((size_t)1 << 20)

static size_t entry_size(size_t size) {
    return ENTRY_HEAD + (size + 7) / 8 * 8;
}

void spool_batch_fini(struct spool_batch *batch) {
    free(batch->data);
    memset(batch, 0, sizeof(*batch));
}

void spool_batch_clear(struct spool_batch *batch) {
    if (batch->capacity > KEEP_BYTES) {
        spool_batch_fini(batch);
    }
    batch->len = 0;
    batch->count = 0;
}

bool spool_batch_add(struct spool_batch *batch, uint64_t seq, const void *encoded, size_t size) {
    size_t needed = entry_size(size);
    if (needed > batch->capacity - batch->len) {
        size_t capacity = batch->capacity * 2 + needed;
        char *grown = realloc(batch->data, capacity);
        if (!grown) {
            return false;
        }
        batch->data = grown;
        batch->capacity = capacity;
    }
    char *at = batch->data + batch->len;
    uint64_t head[2] = {seq, size};
    memcpy(at, head, sizeof(head));
    memcpy(at + ENTRY_HEAD, encoded, size);
    batch->len += needed;
    batch->count++;
    return true;
}

bool spool_batch_next(const struct spool_batch *batch, size_t *at, uint64_t *seq,
                      mqk_str *encoded) {
    if (*at >= batch->len) {
        return false;
    }
    uint64_t head[2];
    memcpy(head, batch->data + *at, sizeof(head));
    *seq = head[0];
    encoded->data = batch->data + *at + ENTRY_HEAD;
    encoded->len = (size_t)head[1];
    *at += entry_size(encoded->len);
    return true;
}
