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

#define AHEAD  4u /* free blocks that are made ready, as soon as records come; the first before */
#define BEHIND 4u /* newest blocks that stay in memory */
/* So much is made ready before the lock is taken again … */
#define STEP ((size_t)256 << 10)
/* … and so much in one call: whoever maps memory meanwhile is kept waiting as long at most. */
#define CALL ((size_t)32 << 10)

/* Chooses the block that comes next, NULL: all is ready; and where to begin. Locked. */
static struct block *next_to_prepare(struct journal *j, uint32_t *from) {
    struct block *next = NULL;
    uint32_t ahead = j->open == JOURNAL_SLOTS && j->order_count == 0 ? 1 : AHEAD;
    uint32_t ready = 0;
    for (uint32_t slot = 0; slot < j->block_count && ready < ahead; slot++) {
        struct block *b = &j->blocks[slot];
        bool is_ready = b->ready == b->size;
        ready += b->state == BLOCK_FREE && is_ready;
        next = b->state == BLOCK_FREE && !is_ready && !next ? b : next;
    }
    /* The one that is being filled comes after one that will be: it is hard to keep ahead there. */
    if (ready > 0 && j->open != JOURNAL_SLOTS) {
        struct block *b = &j->blocks[j->open];
        *from = b->ready > b->used ? b->ready : b->used;
        if (*from < b->size) {
            return b;
        }
    }
    if (!next || ready >= ahead) {
        return NULL;
    }
    *from = next->ready;
    return next;
}

/* Makes the next pages ready; the lock is let go meanwhile, and the block may go to the disk, which
 * makes work of this kind worthless: so not much at a time. False: the system cannot do it. */
static bool prepare(struct spool *s, struct block *b, uint32_t from) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = ((uintptr_t)b->base + from) & ~(page - 1);
    uintptr_t end = (uintptr_t)b->base + b->size;
    uintptr_t to = end - at < STEP ? end : at + STEP;
    uint32_t before = b->ready;
    b->resident = true;
    pthread_mutex_unlock(&s->lock);
    bool able = true;
    for (; at < to && able; at += CALL) {
        able = madvise((void *)at, to - at < CALL ? to - at : CALL, MADV_POPULATE_WRITE) == 0;
    }
    pthread_mutex_lock(&s->lock);
    if (b->ready == before && (b->state == BLOCK_OPEN || b->state == BLOCK_FREE)) {
        b->ready = (uint32_t)(to - (uintptr_t)b->base);
    }
    return able;
}

static void *prepare_pages(void *spool) {
    struct spool *s = spool;
    bool able = true;
    bool behind = true;
    pthread_mutex_lock(&s->lock);
    while (!s->pages_stop) {
        uint32_t from;
        if (s->pages_wanted) {
            /* Before what is missing: there is always some, when much comes in. */
            s->pages_wanted = false;
            behind = able;
            pthread_mutex_unlock(&s->lock);
            spool_trim_pages(s);
            pthread_mutex_lock(&s->lock);
            continue;
        }
        struct block *b = behind ? next_to_prepare(&s->journal, &from) : NULL;
        if (b) {
            behind = able = prepare(s, b, from);
        } else {
            behind = false;
            pthread_cond_wait(&s->pages_cond, &s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Blocks that are neither among the newest nor being read, and free ones that are not needed soon.
 * Locked. */
static uint32_t choose_to_trim(struct journal *j, struct block **blocks) {
    uint32_t count = 0;
    uint32_t ready = 0;
    for (uint32_t i = 0; i + BEHIND < j->order_count; i++) {
        struct block *b = &j->blocks[j->order[i]];
        if (j->order[i] < j->block_count && b->resident && b->state == BLOCK_SEALED &&
            b->pins == 0) {
            blocks[count++] = b;
        }
    }
    for (uint32_t slot = 0; slot < j->block_count; slot++) {
        struct block *b = &j->blocks[slot];
        ready += b->state == BLOCK_FREE && b->ready == b->size;
        if (b->state == BLOCK_FREE && b->resident && (b->ready == 0 || ready > AHEAD)) {
            blocks[count++] = b;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        blocks[i]->resident = false;
        blocks[i]->ready = 0;
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

/* The thread has no processor to run on when it leaves so many blocks behind; then whoever fills or
 * reads them lets go of the others, so that memory stays bounded. */
#define LATE 16u

enum pages_need spool_want_pages(struct spool *s) {
    if (!s->pages_wanted) {
        s->pages_wanted = true;
        s->pages_late = 0;
        return PAGES_WAKE;
    }
    if (++s->pages_late < LATE) {
        return PAGES_GOOD;
    }
    s->pages_late = 0;
    return PAGES_TRIM;
}

void spool_see_to_pages(struct spool *s, enum pages_need need) {
    if (need == PAGES_WAKE) {
        pthread_cond_signal(&s->pages_cond); /* takes long, in comparison */
    } else if (need == PAGES_TRIM) {
        spool_trim_pages(s);
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
