/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's pages: those that will be written to soon are made ready, so that putting a record
 * in meets no page fault; those of blocks that wait, or were read, leave the process's memory. The
 * system keeps them in its own as long as it likes. */
#include "spool_private.h"

#include <sys/mman.h>
#include <unistd.h>

#include "thread.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14; an older one says that it does not know it */
#endif

#define AHEAD  4u /* free blocks that are made ready */
#define BEHIND 4u /* newest blocks that stay in memory */
/* Mapping memory is kept waiting as long at most. */
#define STEP ((size_t)64 << 10)

/* Chooses what comes next; JOURNAL_SLOTS: all is ready. Locked. */
static uint32_t next_to_prepare(struct journal *j, uint32_t *offset) {
    uint32_t ready = 0;
    *offset = 0;
    if (j->open != JOURNAL_SLOTS && !j->blocks[j->open].ready) {
        *offset = j->blocks[j->open].used;
        return j->open;
    }
    for (uint32_t slot = 0; slot < j->block_count && ready < AHEAD; slot++) {
        if (j->blocks[slot].state == BLOCK_FREE) {
            if (!j->blocks[slot].ready) {
                return slot;
            }
            ready++;
        }
    }
    return JOURNAL_SLOTS;
}

static bool prepare(const struct block *b, uint32_t offset) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = (uintptr_t)b->base + b->size;
    for (uintptr_t at = ((uintptr_t)b->base + offset) & ~(page - 1); at < end; at += STEP) {
        size_t size = end - at < STEP ? end - at : STEP;
        if (madvise((void *)at, size, MADV_POPULATE_WRITE) != 0) {
            return false;
        }
    }
    return true;
}

static void *prepare_pages(void *spool) {
    struct spool *s = spool;
    bool able = true;
    bool behind = false;
    pthread_mutex_lock(&s->lock);
    while (!s->pages_stop) {
        uint32_t offset;
        if (s->pages_wanted) {
            /* Before what is missing: there is always some, when much comes in. */
            s->pages_wanted = false;
            behind = able;
            pthread_mutex_unlock(&s->lock);
            spool_trim_pages(s);
            pthread_mutex_lock(&s->lock);
            continue;
        }
        uint32_t slot = behind ? next_to_prepare(&s->journal, &offset) : JOURNAL_SLOTS;
        if (slot == JOURNAL_SLOTS) {
            behind = false;
            pthread_cond_wait(&s->pages_cond, &s->lock);
            continue;
        }
        struct block *b = &s->journal.blocks[slot];
        b->ready = b->resident = true;
        pthread_mutex_unlock(&s->lock);
        able = prepare(b, offset);
        behind = able;
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Blocks that are neither among the newest nor being read, and free ones that are not needed soon.
 * Locked. */
static uint32_t choose_to_trim(struct journal *j, struct block **blocks) {
    uint32_t count = 0;
    uint32_t free_blocks = 0;
    for (uint32_t i = 0; i + BEHIND < j->order_count; i++) {
        struct block *b = &j->blocks[j->order[i]];
        if (j->order[i] < j->block_count && b->resident && b->state == BLOCK_SEALED &&
            b->pins == 0) {
            blocks[count++] = b;
        }
    }
    for (uint32_t slot = 0; slot < j->block_count; slot++) {
        struct block *b = &j->blocks[slot];
        if (b->state == BLOCK_FREE && ++free_blocks > AHEAD && b->resident) {
            blocks[count++] = b;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        blocks[i]->resident = blocks[i]->ready = false;
    }
    return count;
}

void spool_trim_pages(struct spool *s) {
    struct block *blocks[JOURNAL_MAX_BLOCKS];
    pthread_mutex_lock(&s->lock);
    uint32_t count = choose_to_trim(&s->journal, blocks);
    pthread_mutex_unlock(&s->lock);
    for (uint32_t i = 0; i < count; i++) {
        journal_let_go(blocks[i]);
    }
}

bool spool_start_pages(struct spool *s) {
    return thread_start(&s->pages_thread, "mqk-pages", prepare_pages, s);
}

void spool_stop_pages(struct spool *s) {
    pthread_mutex_lock(&s->lock);
    s->pages_stop = true;
    pthread_cond_signal(&s->pages_cond);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->pages_thread, NULL);
}
