/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crc32c.h"
#include "spool_folder.h"
#include "spool_record.h"

#define FREE_WORD 0x46524545u
#define DONE_WORD 0x444F4E45u
#define OUT_WORD  1u

/* ---- What stands in the files ---- */

uint32_t block_free_mark(uint64_t first_seq) {
    return (uint32_t)first_seq ^ FREE_WORD;
}

uint32_t block_head_crc(const char *base) {
    return crc32c(0, base, 16);
}

uint32_t block_seal_crc(const struct block *b) {
    return crc32c(crc32c(0, b->base, 16), b->base + b->size - BLOCK_SEAL, 16);
}

void block_write_head(struct block *b) {
    memset(b->base, 0, JOURNAL_FIRST);
    spool_put32(b->base, BLOCK_MAGIC);
    spool_put32(b->base + 4, b->size);
    spool_put64(b->base + 8, b->first_seq);
    spool_put32(b->base + 16, block_head_crc(b->base));
}

void block_write_seal(struct block *b) {
    char *seal = b->base + b->size - BLOCK_SEAL;
    spool_put32(seal, b->used);
    spool_put32(seal + 4, b->count);
    spool_put64(seal + 8, b->last_seq);
    spool_put32(seal + 16, block_seal_crc(b));
}

void block_write_free(struct block *b) {
    spool_put32(b->base + 20, block_free_mark(b->first_seq));
}

uint32_t frame_mark(uint64_t salt, uint64_t seq, uint32_t offset) {
    uint64_t x = salt + seq * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)offset * 0x85EBCA6Bu;
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(x >> 32);
}

uint32_t frame_size(size_t size) {
    return (uint32_t)((FRAME_HEAD + size + 7) / 8 * 8);
}

/* The word that says that a frame is done: another one for each number, so that what is left of
 * an older frame does not count. */
static uint32_t done_word(uint64_t seq) {
    return ((uint32_t)seq << 8) ^ DONE_WORD;
}

/* NULL: there is none; only what filled a gap at the start of a damaged block has such a number. */
static uint32_t *state_word(const struct block *b, uint64_t seq) {
    uint64_t index = seq - b->first_seq;
    return index < (b->size - BLOCK_SEAL - b->end) / 4
               ? (uint32_t *)(void *)(b->base + b->end + index * 4)
               : NULL;
}

uint64_t frame_seq(const struct block *b, uint32_t offset) {
    return spool_get64(b->base + offset + AT_SEQ);
}

mqk_str frame_record(const struct block *b, uint32_t offset) {
    /* The file is anybody's who may write in the folder: a size is not believed. */
    size_t most = b->end - offset - FRAME_HEAD;
    const char *data = b->base + offset + FRAME_HEAD;
    size_t size = (size_t)spool_get32(data) + SPOOL_RECORD_HEAD;
    mqk_str s = {data, size < most ? size : most};
    return s;
}

static uint32_t little(uint32_t word) {
    char bytes[4];
    spool_put32(bytes, word);
    memcpy(&word, bytes, sizeof(word));
    return word;
}

enum frame_state journal_state(const struct block *b, uint64_t seq) {
    const uint32_t *at = state_word(b, seq);
    uint32_t word = at ? little(__atomic_load_n(at, __ATOMIC_RELAXED)) : done_word(seq);
    if (word == done_word(seq)) {
        return FRAME_DONE;
    }
    return word == OUT_WORD ? FRAME_OUT : FRAME_WAITING;
}

enum frame_state frame_state(const struct block *b, uint32_t offset) {
    return journal_state(b, frame_seq(b, offset));
}

void frame_write_state(const struct block *b, uint64_t seq, enum frame_state state) {
    uint32_t *at = state_word(b, seq);
    uint32_t word = state == FRAME_OUT ? OUT_WORD : 0;
    if (state == FRAME_DONE) {
        word = done_word(seq);
    }
    if (at) {
        __atomic_store_n(at, little(word), __ATOMIC_RELAXED);
    }
}

/* ---- Frames ---- */

uint32_t journal_after(const struct block *b, uint32_t offset) {
    uint64_t after = (uint64_t)offset + frame_size(frame_record(b, offset).len);
    after += spool_get32(b->base + offset + AT_GAP) & ~7u;
    return after + FRAME_MIN <= b->used ? (uint32_t)after : b->used;
}

void journal_set_state(struct block *b, uint64_t seq, uint32_t offset, enum frame_state state) {
    enum frame_state before = journal_state(b, seq);
    if (before == state || before == FRAME_DONE) {
        return;
    }
    frame_write_state(b, seq, state);
    b->marked = true;
    b->waiting += state == FRAME_WAITING;
    b->waiting -= before == FRAME_WAITING;
    b->live -= state == FRAME_DONE;
    if (state == FRAME_WAITING && offset < b->scan) {
        b->scan = offset;
    }
}

void journal_hand_over(struct block *b, uint32_t offset, uint32_t live, uint32_t waiting) {
    b->handed = offset;
    b->live -= live;
    b->waiting -= waiting;
}

struct block *journal_find(struct journal *j, uint64_t seq, uint32_t slot, uint32_t offset) {
    if (slot >= JOURNAL_SLOTS) {
        return NULL;
    }
    struct block *b = &j->blocks[slot];
    bool in_use = b->state == BLOCK_OPEN || b->state == BLOCK_SEALED;
    if (!in_use || seq < b->first_seq || seq > b->last_seq || offset % 8 != 0 ||
        offset >= b->used || offset < b->handed) {
        return NULL;
    }
    return b;
}

struct block *journal_first_waiting(struct journal *j, uint32_t *slot, uint32_t *offset) {
    for (uint32_t i = 0; i < j->order_count; i++) {
        struct block *b = &j->blocks[j->order[i]];
        if (b->waiting == 0) {
            continue;
        }
        b->scan = b->scan < b->handed ? b->handed : b->scan;
        while (b->scan < b->used && frame_state(b, b->scan) != FRAME_WAITING) {
            b->scan = journal_after(b, b->scan);
        }
        if (b->scan < b->used) {
            *slot = j->order[i];
            *offset = b->scan;
            return b;
        }
        b->waiting = 0; /* what the file says has been changed by somebody else */
    }
    return NULL;
}

/* ---- Blocks ---- */

static void add_to_order(struct journal *j, uint32_t slot) {
    j->order[j->order_count++] = slot;
}

static void remove_from_order(struct journal *j, uint32_t slot) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < j->order_count; i++) {
        if (j->order[i] != slot) {
            j->order[kept++] = j->order[i];
        }
    }
    j->order_count = kept;
}

void block_reset(struct block *b) {
    b->used = b->handed = b->scan = b->live_from = JOURNAL_FIRST;
    b->tail = b->synced = 0;
    b->count = b->live = b->waiting = b->pins = 0;
    b->damaged = b->unsynced = false;
}

void journal_lay_out(struct journal *j, char *map) {
    j->map = map;
    for (uint32_t i = 0; i < j->block_count; i++) {
        j->blocks[i].base = map + FILE_HEAD + (size_t)i * j->block_size;
        j->blocks[i].size = j->block_size;
        j->blocks[i].end = block_end(j->block_size);
    }
}

static void start_block(struct block *b, enum block_state state, uint64_t seq) {
    block_reset(b);
    b->state = state;
    b->first_seq = seq;
    b->last_seq = seq - 1;
}

void journal_seal(struct journal *j) {
    if (j->open == JOURNAL_SLOTS) {
        return;
    }
    uint32_t slot = j->open;
    struct block *b = &j->blocks[slot];
    b->state = BLOCK_SEALED;
    block_write_seal(b);
    b->dirty = true;
    j->open = JOURNAL_SLOTS;
    journal_release(j, slot);
}

bool journal_is_big(const struct journal *j, size_t size) {
    return frame_size(size) > block_end(j->block_size) - JOURNAL_FIRST;
}

/* The first that is ready, or the first. */
static uint32_t next_free(const struct journal *j) {
    uint32_t first = JOURNAL_SLOTS;
    for (uint32_t slot = 0; slot < j->block_count; slot++) {
        const struct block *b = &j->blocks[slot];
        if (b->state == BLOCK_FREE && b->ready == b->size) {
            return slot;
        }
        if (b->state == BLOCK_FREE && first == JOURNAL_SLOTS) {
            first = slot;
        }
    }
    return first;
}

bool journal_make_room(struct journal *j, size_t size, uint64_t seq) {
    if (j->open != JOURNAL_SLOTS) {
        const struct block *b = &j->blocks[j->open];
        if (frame_size(size) <= b->end - b->used) {
            return true;
        }
        if (j->free_blocks == 0 && (b->live > 0 || b->pins > 0)) {
            return false;
        }
        journal_seal(j);
    }
    uint32_t slot = next_free(j);
    if (slot == JOURNAL_SLOTS) {
        return false;
    }
    struct block *b = &j->blocks[slot];
    start_block(b, BLOCK_OPEN, seq);
    block_write_head(b);
    b->dirty = b->resident = true;
    add_to_order(j, slot);
    j->free_blocks--;
    j->open = slot;
    return true;
}

static void write_frame(const struct journal *j, struct block *b, size_t size, uint64_t seq,
                        const struct record *record, mqk_str rule, int64_t accepted_ms) {
    uint32_t offset = b->used;
    char *frame = b->base + offset;
    spool_record_write(frame + FRAME_HEAD, size, seq, record, rule, accepted_ms);
    spool_put32(frame + AT_GAP, 0);
    spool_put32(frame + AT_MARK, frame_mark(j->salt, seq, offset));
    /* Last: before this the bytes are no frame. */
    __atomic_signal_fence(__ATOMIC_RELEASE);
    spool_put64(frame + AT_SEQ, seq);
}

static void count_frame(struct block *b, size_t size, uint64_t seq, bool waiting) {
    frame_write_state(b, seq, waiting ? FRAME_WAITING : FRAME_OUT);
    b->tail = b->used;
    b->used += frame_size(size);
    b->last_seq = seq;
    b->dirty = true;
    b->count++;
    b->live++;
    b->waiting += waiting;
}

void journal_put(struct journal *j, size_t size, uint64_t seq, const struct record *record,
                 mqk_str rule, int64_t accepted_ms, bool waiting, uint32_t *slot,
                 uint32_t *offset) {
    struct block *b = &j->blocks[j->open];
    *slot = j->open;
    *offset = b->used;
    write_frame(j, b, size, seq, record, rule, accepted_ms);
    count_frame(b, size, seq, waiting);
}

bool journal_release(struct journal *j, uint32_t slot) {
    struct block *b = &j->blocks[slot];
    if (b->state != BLOCK_SEALED || b->live > 0 || b->pins > 0) {
        return false;
    }
    block_write_free(b);
    b->marked = true;
    remove_from_order(j, slot);
    if (slot < j->block_count) {
        b->state = BLOCK_FREE;
        b->ready = b->written_out ? 0 : b->ready;
        b->written_out = false;
        j->free_blocks++;
    } else {
        b->state = BLOCK_EMPTY;
    }
    return true;
}

/* ---- Big records ---- */

bool journal_big_path(char *out, const char *dir, uint64_t seq) {
    char name[40];
    snprintf(name, sizeof(name), SPOOL_BIG_PREFIX "%016" PRIx64, seq);
    return spool_folder_path(out, dir, name);
}

int journal_make_file(const char *path, size_t size, int *code) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, SPOOL_FILE_MODE);
    if (fd < 0) {
        *code = errno;
        return -1;
    }
    /* Writing to a mapped page for which the disk has no room would end the process. */
    *code = posix_fallocate(fd, 0, (off_t)size);
    if (*code != 0) {
        close(fd);
        unlink(path);
        return -1;
    }
    return fd;
}

static uint32_t big_file_size(size_t size) {
    return (JOURNAL_FIRST + frame_size(size) + 8 + BLOCK_SEAL + JOURNAL_PAGE - 1) / JOURNAL_PAGE *
           JOURNAL_PAGE;
}

uint32_t journal_begin_big(struct journal *j, size_t size, uint64_t seq) {
    for (uint32_t slot = JOURNAL_MAX_BLOCKS; slot < JOURNAL_SLOTS; slot++) {
        struct block *b = &j->blocks[slot];
        if (b->state == BLOCK_FREE) {
            /* What comes later must stand in a later block. */
            journal_seal(j);
            b->size = big_file_size(size);
            b->end = block_end_big(b->size);
            b->base = NULL;
            start_block(b, BLOCK_FILLING, seq);
            add_to_order(j, slot);
            j->big_count++;
            j->big_bytes += b->size;
            return slot;
        }
    }
    return JOURNAL_SLOTS;
}

int journal_write_big(struct journal *j, const char *dir, uint32_t slot, size_t size, uint64_t seq,
                      const struct record *record, mqk_str rule, int64_t accepted_ms) {
    struct block *b = &j->blocks[slot];
    char path[SPOOL_PATH_SIZE];
    int code = ENAMETOOLONG;
    int fd = journal_big_path(path, dir, seq) ? journal_make_file(path, b->size, &code) : -1;
    if (fd < 0) {
        return code;
    }
    char *base = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    code = errno;
    close(fd);
    if (base == MAP_FAILED) {
        unlink(path);
        return code;
    }
    b->base = base;
    block_write_head(b);
    write_frame(j, b, size, seq, record, rule, accepted_ms);
    journal_let_go(b);
    return 0;
}

void journal_end_big(struct journal *j, uint32_t slot, bool written, bool waiting,
                     uint32_t *offset) {
    struct block *b = &j->blocks[slot];
    if (!written) {
        remove_from_order(j, slot);
        journal_forget_big(j, slot);
        return;
    }
    *offset = b->used;
    count_frame(b, frame_record(b, b->used).len, b->first_seq, waiting);
    b->state = BLOCK_SEALED;
    b->unsynced = true;
    block_write_seal(b);
}

void journal_unmap_big(struct journal *j, const char *dir, uint32_t slot) {
    struct block *b = &j->blocks[slot];
    char path[SPOOL_PATH_SIZE];
    if (journal_big_path(path, dir, b->first_seq)) {
        unlink(path);
    }
    munmap(b->base, b->size);
    b->base = NULL;
}

void journal_forget_big(struct journal *j, uint32_t slot) {
    struct block *b = &j->blocks[slot];
    b->state = BLOCK_FREE;
    b->base = NULL;
    j->big_count--;
    j->big_bytes -= b->size;
}

void journal_close(struct journal *j) {
    for (uint32_t slot = JOURNAL_MAX_BLOCKS; slot < JOURNAL_SLOTS; slot++) {
        if (j->blocks[slot].base) {
            munmap(j->blocks[slot].base, j->blocks[slot].size);
        }
    }
    if (j->map) {
        munmap(j->map, j->map_size);
        close(j->fd);
    }
    memset(j, 0, sizeof(*j));
}
