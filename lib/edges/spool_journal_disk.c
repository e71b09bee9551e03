/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's pages and the disk: what is written out, when, and what that does to the memory it
 * stands in. */
#include "spool_journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spool_folder.h"
#include "spool_record.h"

/* So much is put in between two syncs before the rest of a page is left out for it. */
#define GAP_AFTER (8 * JOURNAL_PAGE)
/* Each range costs the disk a flush: with more of them the whole file is better. */
#define MAX_RANGES 8u

static void add_range(struct journal_dirty *dirty, size_t from, size_t size) {
    if (dirty->count == 0 || dirty->ranges[dirty->count - 1].to != from) {
        dirty->ranges[dirty->count++].from = from;
    }
    dirty->ranges[dirty->count - 1].to = from + size;
}

static void leave_gap(struct block *b) {
    uint32_t gap = block_page_rest(b, b->used);
    if (b->used - b->synced >= GAP_AFTER) {
        spool_put32(b->base + b->tail + AT_GAP, gap);
        b->used += gap;
    }
}

void journal_take_dirty(struct journal *j, struct journal_dirty *dirty) {
    dirty->count = 0;
    for (uint32_t slot = 0; slot < j->block_count; slot++) {
        struct block *b = &j->blocks[slot];
        /* Of one that is free nothing is needed any more. */
        if (b->dirty && b->state != BLOCK_FREE) {
            bool open = b->state == BLOCK_OPEN;
            if (open) {
                leave_gap(b);
            }
            size_t to = open ? b->used : b->size;
            add_range(dirty, (size_t)(b->base - j->map) + b->synced, to - b->synced);
            b->synced = (uint32_t)to;
            b->marked = b->marked && open;
            b->written_out = true;
        }
        b->dirty = false;
    }
    dirty->whole = j->dirty || dirty->count > MAX_RANGES;
    j->dirty = false;
    for (uint32_t slot = 0; dirty->whole && slot < j->block_count; slot++) {
        /* What has been written out is protected against writing until the next page fault. */
        j->blocks[slot].ready = 0;
        j->blocks[slot].marked = false;
    }
}

void journal_take_marked(struct journal *j, struct journal_dirty *marked) {
    marked->whole = false;
    marked->count = 0;
    for (uint32_t slot = 0; slot < j->block_count; slot++) {
        struct block *b = &j->blocks[slot];
        if (b->marked) {
            bool is_free = b->state == BLOCK_FREE;
            uint32_t from = is_free ? 0 : b->end;
            add_range(marked, (size_t)(b->base - j->map) + from,
                      is_free ? JOURNAL_FIRST : b->size - from);
            b->marked = false;
        }
    }
}

void journal_write_marked(const struct journal *j, const struct journal_dirty *marked) {
    for (uint32_t i = 0; i < marked->count; i++) {
        sync_file_range(j->fd, (off_t)marked->ranges[i].from,
                        (off_t)(marked->ranges[i].to - marked->ranges[i].from),
                        SYNC_FILE_RANGE_WRITE);
    }
}

/* The kernel protects each page that it writes out, and interrupts all the other processors for
 * each: taking the pages out of memory before, at once, is one interrupt for all of them. The page
 * that is being filled stays. */
static void let_go_range(const struct journal *j, size_t from, size_t to) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    from &= ~(page - 1);
    to &= ~(page - 1);
    if (to > from) {
        madvise(j->map + from, to - from, MADV_DONTNEED);
    }
}

static int sync_range(const struct journal *j, size_t from, size_t to) {
    from &= ~((size_t)sysconf(_SC_PAGESIZE) - 1);
    return msync(j->map + from, to - from, MS_SYNC) == 0 ? 0 : errno;
}

int journal_sync(const struct journal *j, const struct journal_dirty *dirty,
                 const struct block *const *big, size_t big_count) {
    for (size_t i = 0; i < big_count; i++) {
        if (msync(big[i]->base, big[i]->size, MS_SYNC) != 0) {
            return errno;
        }
    }
    for (uint32_t i = 0; i < dirty->count; i++) {
        let_go_range(j, dirty->ranges[i].from, dirty->ranges[i].to);
    }
    if (dirty->whole) {
        return fdatasync(j->fd) == 0 ? 0 : errno;
    }
    int code = 0;
    for (uint32_t i = 0; i < dirty->count && code == 0; i++) {
        code = sync_range(j, dirty->ranges[i].from, dirty->ranges[i].to);
    }
    return code;
}

void journal_keep_pages_small(char *base, size_t size) {
    madvise(base, size, MADV_RANDOM);
}

static void advise(const struct block *b, int advice) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = (uintptr_t)b->base & ~(page - 1);
    madvise((void *)at, (uintptr_t)b->base + b->size - at, advice);
}

void journal_read_ahead(const struct block *b) {
    advise(b, MADV_WILLNEED);
}

void journal_let_go(const struct block *b) {
    advise(b, MADV_DONTNEED);
}

static void touch(char *base, size_t size) {
    for (size_t at = 0; at < size; at += JOURNAL_PAGE) {
        __atomic_fetch_or((uint32_t *)(void *)(base + at), 0, __ATOMIC_RELAXED);
    }
}

void journal_touch_all(struct journal *j) {
    touch(j->map, j->map_size);
    j->dirty = true;
    for (uint32_t slot = 0; slot < j->block_count; slot++) {
        j->blocks[slot].resident = true;
    }
    for (uint32_t slot = JOURNAL_MAX_BLOCKS; slot < JOURNAL_SLOTS; slot++) {
        struct block *b = &j->blocks[slot];
        if (b->state == BLOCK_SEALED) {
            touch(b->base, b->size);
            b->unsynced = true;
        }
    }
}

/* What is mapped stays where it is in memory, but from now on belongs to another file. */
static int move_mapping(char *base, size_t size, const char *path, int *fd) {
    int code;
    *fd = journal_make_file(path, size, &code);
    if (*fd < 0) {
        return code;
    }
    size_t done = 0;
    while (done < size) {
        ssize_t n = pwrite(*fd, base + done, size - done, (off_t)done);
        if (n <= 0) {
            code = n < 0 ? errno : ENOSPC;
            break;
        }
        done += (size_t)n;
    }
    if (done == size &&
        mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, *fd, 0) == MAP_FAILED) {
        code = errno;
        done = 0;
    }
    if (done < size) {
        close(*fd);
        unlink(path);
        return code;
    }
    return 0;
}

int journal_remake(struct journal *j, const char *dir) {
    char path[SPOOL_PATH_SIZE];
    int fd;
    for (uint32_t slot = JOURNAL_MAX_BLOCKS; slot < JOURNAL_SLOTS; slot++) {
        struct block *b = &j->blocks[slot];
        if (b->state != BLOCK_SEALED) {
            continue;
        }
        int rc = journal_big_path(path, dir, b->first_seq)
                     ? move_mapping(b->base, b->size, path, &fd)
                     : ENAMETOOLONG;
        if (rc != 0) {
            return rc;
        }
        close(fd);
        b->unsynced = true;
    }
    int rc = spool_folder_path(path, dir, SPOOL_JOURNAL_FILE)
                 ? move_mapping(j->map, j->map_size, path, &fd)
                 : ENAMETOOLONG;
    if (rc != 0) {
        return rc;
    }
    close(j->fd);
    j->fd = fd;
    j->dirty = true;
    journal_keep_pages_small(j->map, j->map_size);
    return 0;
}
