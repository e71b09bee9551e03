/* SPDX-License-Identifier: Apache-2.0 */
#include "record_queue.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "bytes.h"

#define CHUNK_SIZE  ((size_t)256 << 10)
#define BLOCK_SIZE  (QUEUE_BLOCK * CHUNK_SIZE)
#define PAGE_LEAST  ((size_t)4096)
#define LARGE_TEXTS ((size_t)16 << 10) /* of a record: from here on its texts stand apart */

struct queue_chunk {
    struct queue_chunk *next;
    uint32_t used;
    uint32_t live; /* records that are not released */
    uint32_t from; /* where the first one stands that was not taken, when it becomes the head */
    struct queue_share share; /* of it that was not taken */
    _Alignas(16) char data[];
};

#define CHUNK_ROOM ((uint32_t)(CHUNK_SIZE - sizeof(struct queue_chunk)))

void record_queue_init(struct record_queue *q) {
    memset(q, 0, sizeof(*q));
}

static char *map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

struct queue_chunk *queue_chunk_new(void) {
    return (struct queue_chunk *)(void *)map(CHUNK_SIZE);
}

struct queue_chunk *queue_block_new(void) {
    /* A huge page must begin at a multiple of its size: what is too much goes back. */
    char *memory = map(2 * BLOCK_SIZE);
    if (!memory) {
        return NULL;
    }
    size_t before = -(uintptr_t)memory & (BLOCK_SIZE - 1);
    char *block = memory + before;
    if (before > 0) {
        munmap(memory, before);
    }
    munmap(block + BLOCK_SIZE, BLOCK_SIZE - before);
    madvise(block, BLOCK_SIZE, MADV_HUGEPAGE);
    for (size_t at = 0; at < BLOCK_SIZE; at += PAGE_LEAST) {
        *(volatile char *)(block + at) = 0;
    }
    struct queue_chunk *chain = NULL;
    for (size_t i = QUEUE_BLOCK; i > 0; i--) {
        struct queue_chunk *chunk = (struct queue_chunk *)(void *)(block + (i - 1) * CHUNK_SIZE);
        chunk->next = chain;
        chain = chunk;
    }
    return chain;
}

void queue_chunks_free(struct queue_chunk *chain) {
    while (chain) {
        struct queue_chunk *next = chain->next;
        munmap(chain, CHUNK_SIZE);
        chain = next;
    }
}

void record_queue_fini(struct record_queue *q) {
    struct queued *queued;
    while ((queued = record_queue_first(q))) {
        record_queue_take(q);
        free(queued->own);
    }
    queue_chunks_free(q->head);
    queue_chunks_free(q->spare);
    record_queue_init(q);
}

void record_queue_supply(struct record_queue *q, struct queue_chunk *chain) {
    while (chain) {
        struct queue_chunk *next = chain->next;
        chain->next = q->spare;
        q->spare = chain;
        q->spare_count++;
        chain = next;
    }
}

/* Nothing in it is needed any more. */
static void recycle(struct record_queue *q, struct queue_chunk *chunk) {
    chunk->next = NULL;
    record_queue_supply(q, chunk);
}

struct queue_chunk *record_queue_surplus(struct record_queue *q, size_t keep) {
    struct queue_chunk *surplus = NULL;
    while (q->spare_count > keep) {
        struct queue_chunk *chunk = q->spare;
        q->spare = chunk->next;
        q->spare_count--;
        chunk->next = surplus;
        surplus = chunk;
    }
    return surplus;
}

/* ---- Copies ---- */

static size_t texts_size(const struct record *record, size_t cost) {
    return cost - RECORD_OVERHEAD + record->header_count * sizeof(mqk_header);
}

static inline mqk_str copy_str(char **at, mqk_str s) {
    if (!s.data) {
        return s;
    }
    mqk_str copy = {*at, s.len};
    bytes_copy(*at, s.data, s.len);
    *at += s.len;
    return copy;
}

static void copy_headers(char **at, const mqk_header *from, size_t count) {
    mqk_header *headers = (mqk_header *)(void *)*at;
    *at += count * sizeof(*headers);
    for (size_t i = 0; i < count; i++) {
        headers[i].name = copy_str(at, from[i].name);
        headers[i].value = copy_str(at, from[i].value);
    }
}

/* Points the record's texts to copies of them at `at`. */
static inline void copy_texts(struct record *record, char *at) {
    if (record->header_count > 0) {
        const mqk_header *headers = record->headers;
        record->headers = (const mqk_header *)(const void *)at;
        copy_headers(&at, headers, record->header_count);
    }
    record->key = copy_str(&at, record->key);
    record->value = copy_str(&at, record->value);
}

bool record_queue_copy(const struct record *record, size_t cost, char **own) {
    size_t size = texts_size(record, cost);
    bool large = size > LARGE_TEXTS;
    *own = large ? malloc(size) : NULL;
    if (*own) {
        struct record copy = *record;
        copy_texts(&copy, *own);
    }
    return *own || !large;
}

/* Points them to where copy_texts() has put them. */
static void find_texts(struct record *record, char *at) {
    record->headers = (const mqk_header *)(const void *)at;
    at += record->header_count * sizeof(mqk_header) + record_headers_size(record);
    if (record->key.data) {
        record->key.data = at;
        at += record->key.len;
    }
    if (record->value.data) {
        record->value.data = at;
    }
}

/* ---- In ---- */

static bool next_chunk(struct record_queue *q) {
    struct queue_chunk *chunk = q->spare;
    if (!chunk) {
        return false;
    }
    q->spare = chunk->next;
    q->spare_count--;
    chunk->next = NULL;
    chunk->used = 0;
    chunk->live = 0;
    chunk->from = 0;
    chunk->share = (struct queue_share){0};
    if (q->tail) {
        q->tail->next = chunk;
    } else {
        q->head = chunk;
        q->head_at = 0;
    }
    q->tail = chunk;
    return true;
}

bool record_queue_add(struct record_queue *q, const struct record *record, size_t cost, char *own,
                      int64_t accepted_ms, const struct spool_ref *ref) {
    size_t size = sizeof(struct queued) + (own ? 0 : texts_size(record, cost));
    size = (size + 15) & ~(size_t)15;
    if ((!q->tail || size > CHUNK_ROOM - q->tail->used) && !next_chunk(q)) {
        return false;
    }
    struct queue_chunk *chunk = q->tail;
    struct queued *queued = (struct queued *)(void *)(chunk->data + chunk->used);
    queued->at = chunk->used;
    queued->size = (uint32_t)size;
    queued->accepted_ms = accepted_ms;
    queued->cost = cost;
    queued->ref = ref ? *ref : (struct spool_ref){0};
    queued->own = own;
    queued->record = *record;
    if (own) {
        find_texts(&queued->record, own);
    } else {
        copy_texts(&queued->record, (char *)(queued + 1));
    }
    chunk->used += (uint32_t)size;
    chunk->live++;
    chunk->share.count++;
    chunk->share.bytes += cost;
    q->count++;
    q->bytes += cost;
    return true;
}

bool record_queue_put(struct record_queue *q, const struct record *record, int64_t accepted_ms) {
    size_t cost = record_cost(record);
    char *own;
    if (!record_queue_copy(record, cost, &own)) {
        return false;
    }
    while (!record_queue_add(q, record, cost, own, accepted_ms, NULL)) {
        struct queue_chunk *chunk = queue_chunk_new();
        if (!chunk) {
            free(own);
            return false;
        }
        record_queue_supply(q, chunk);
    }
    return true;
}

/* ---- Out ---- */

static struct queued *queued_at(struct queue_chunk *chunk, uint32_t at) {
    return (struct queued *)(void *)(chunk->data + at);
}

static void pass_head(struct record_queue *q) {
    struct queue_chunk *passed = q->head;
    q->head = passed->next;
    q->head_at = q->head->from;
    if (passed->live == 0) {
        recycle(q, passed);
    }
}

struct queued *record_queue_first(struct record_queue *q) {
    if (q->count == 0) {
        return NULL;
    }
    while (q->head->share.count == 0) {
        pass_head(q);
    }
    return queued_at(q->head, q->head_at);
}

static void take(struct record_queue *q, size_t count, size_t bytes, uint32_t until) {
    q->head_at = until;
    q->head->share.count -= count;
    q->head->share.bytes -= bytes;
    q->count -= count;
    q->bytes -= bytes;
}

void record_queue_take(struct record_queue *q) {
    const struct queued *queued = record_queue_first(q);
    take(q, 1, queued->cost, q->head_at + queued->size);
}

struct queue_share record_queue_share(struct record_queue *q) {
    return record_queue_first(q) ? q->head->share : (struct queue_share){0};
}

struct queue_run record_queue_take_share(struct record_queue *q) {
    struct queue_run run = {record_queue_first(q), 0};
    if (run.first) {
        run.count = q->head->share.count;
        take(q, run.count, q->head->share.bytes, q->head->used);
    }
    return run;
}

void record_queue_release(struct record_queue *q, struct queued *one, size_t count) {
    struct queue_chunk *chunk =
        (struct queue_chunk *)((uintptr_t)one - one->at - sizeof(struct queue_chunk));
    chunk->live -= (uint32_t)count;
    if (chunk->live > 0) {
        return;
    }
    if (chunk == q->tail) {
        if (chunk == q->head) {
            /* Memory that was used a moment ago is the best there is. */
            chunk->used = 0;
            chunk->from = 0;
            q->head_at = 0;
        }
    } else if (chunk == q->head) {
        pass_head(q);
    } else {
        recycle(q, chunk);
    }
}

void record_queue_prepend(struct record_queue *q, struct record_queue *older) {
    if (record_queue_first(older)) {
        if (q->head) {
            q->head->from = q->head_at;
        }
        older->tail->next = q->head;
        q->head = older->head;
        q->head_at = older->head_at;
        q->tail = q->tail ? q->tail : older->tail;
        q->count += older->count;
        q->bytes += older->bytes;
    } else {
        queue_chunks_free(older->head);
    }
    queue_chunks_free(older->spare);
    record_queue_init(older);
}
