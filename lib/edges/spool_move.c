/* SPDX-License-Identifier: Apache-2.0 */
/* What the thread does between journal and store: moving blocks, and deleting what is done. */
#include "spool_private.h"

#include <sched.h>
#include <stdlib.h>

#include "clock.h"

#define MOVE_BYTES ((uint64_t)SPOOL_MOVE_COUNT * JOURNAL_BLOCK_SIZE)
/* So many records are dealt with while the lock is held: whoever puts something in waits as long
 * at most. */
#define SLICE 256u

/* ---- Choosing ---- */

/* The oldest blocks, if they can be moved; the number of them. Locked. */
static size_t choose(struct spool *s, struct spool_moving *moving, size_t most) {
    struct journal *j = &s->journal;
    uint64_t bytes = 0;
    size_t frames = 0;
    size_t count = 0;
    for (uint32_t i = 0; i < j->order_count && count < most; i++) {
        struct block *b = &j->blocks[j->order[i]];
        if (b->state != BLOCK_SEALED) {
            break;
        }
        if (b->live == 0) {
            b->damaged = false; /* pinned by a reader; nothing in it is needed */
            continue;
        }
        bytes += b->used;
        if (count > 0 && bytes > MOVE_BYTES) {
            break;
        }
        moving[count++] = (struct spool_moving){.slot = j->order[i], .first = frames};
        frames += b->count;
    }
    return count;
}

bool spool_can_move(struct spool *s) {
    struct spool_moving first;
    return choose(s, &first, 1) > 0;
}

/* How many blocks too many are in use: the more wait, the more share a transaction. */
static size_t surplus(const struct spool *s) {
    const struct journal *j = &s->journal;
    uint32_t half = (j->block_count + 1) / 2;
    uint32_t count = j->free_blocks < half ? half - j->free_blocks : 1;
    return count < SPOOL_MOVE_COUNT ? count : SPOOL_MOVE_COUNT;
}

static bool room_for_stored(struct spool *s, size_t count) {
    if (count <= s->stored_capacity) {
        return true;
    }
    uint8_t *stored = realloc(s->stored, count);
    if (!stored) {
        return false;
    }
    s->stored = stored;
    s->stored_capacity = count;
    return true;
}

/* Chooses blocks, makes room for what is known of them, and pins them; the number. Locked. */
static size_t begin_move(struct spool *s) {
    size_t count = spool_wants_move(s) ? choose(s, s->moving, surplus(s)) : 0;
    size_t frames = 0;
    size_t live = 0;
    for (size_t i = 0; i < count; i++) {
        frames += s->journal.blocks[s->moving[i].slot].count;
        live += s->journal.blocks[s->moving[i].slot].live;
    }
    if (count == 0 || !room_for_stored(s, frames) || !spool_set_reserve(&s->set, live)) {
        return 0;
    }
    s->set_room = live;
    for (size_t i = 0; i < count; i++) {
        s->journal.blocks[s->moving[i].slot].pins++;
    }
    return count;
}

/* ---- Moving ---- */

enum moved { NOT_MOVED, MOVED, UNREADABLE };

/* Copies the live records of a block, which is pinned. Without the lock. */
static int store_block(struct spool *s, struct spool_moving *moving) {
    const struct block *b = &s->journal.blocks[moving->slot];
    uint8_t *stored = s->stored + moving->first;
    uint32_t offset = JOURNAL_FIRST;
    int rc = 0;
    journal_read_ahead(b);
    for (uint32_t i = 0; rc == 0 && i < b->count && offset < b->used; i++) {
        stored[i] = NOT_MOVED;
        if (frame_state(b, offset) != FRAME_DONE) {
            uint64_t seq = frame_seq(b, offset);
            mqk_str record = frame_record(b, offset);
            bool sound = spool_record_check(record.data, record.len, seq) == record.len;
            stored[i] = sound ? MOVED : UNREADABLE;
            moving->moved += sound;
            rc = sound ? spool_store_add(s->store, seq, record.data, record.len) : 0;
        }
        offset = journal_after(b, offset);
    }
    if (rc == 0 && b->last_seq > spool_store_moved(s->store)) {
        spool_store_set_moved(s->store, b->last_seq);
    }
    return rc;
}

static void note_handed_over(struct spool *s, uint64_t first_seq) {
    if (s->set.done_count > 0 && s->done_since_ms == 0) {
        s->done_since_ms = clock_monotonic_ms();
    }
    if (first_seq < s->cursor) {
        s->cursor = first_seq;
    }
    s->moves++;
}

/* From now on the next frames of the block are the store's; locked. There is room in the set. The
 * frames stay as they are: after a restart the store's state says that they were moved. Whether
 * there are more. */
static bool hand_over_slice(struct spool *s, struct spool_moving *moving) {
    struct block *b = &s->journal.blocks[moving->slot];
    const uint8_t *stored = s->stored + moving->first;
    uint64_t first_seq = moving->at == 0 ? b->first_seq : UINT64_MAX;
    uint32_t offset = b->handed;
    uint32_t end = moving->at + SLICE < b->count ? moving->at + SLICE : b->count;
    uint32_t live = 0;
    uint32_t waiting = 0;
    for (; moving->at < end && offset < b->used; moving->at++) {
        uint64_t seq = frame_seq(b, offset);
        uint64_t cost = spool_record_cost(frame_record(b, offset).len);
        enum frame_state state = frame_state(b, offset);
        uint8_t was = stored[moving->at];
        first_seq = seq < first_seq ? seq : first_seq;
        live += state != FRAME_DONE;
        waiting += state == FRAME_WAITING;
        if (was == MOVED && state == FRAME_WAITING) {
            s->store_waiting++;
        } else if (was == MOVED) {
            spool_set_add(&s->set, seq, cost,
                          state == FRAME_OUT ? SPOOL_MARK_OUT : SPOOL_MARK_DONE);
        } else if (was == UNREADABLE && state != FRAME_DONE) {
            if (state == FRAME_WAITING) {
                atomic_fetch_sub(&s->waiting, 1);
            }
            spool_forget(s, cost);
            spool_count_damaged(s, 1);
        }
        offset = journal_after(b, offset);
    }
    journal_hand_over(b, offset, live, waiting);
    note_handed_over(s, first_seq);
    return offset < b->used && moving->at < b->count;
}

/* When all that were copied still wait, no frame needs to be looked at. */
static bool hand_over_at_once(struct spool *s, struct spool_moving *moving) {
    struct block *b = &s->journal.blocks[moving->slot];
    if (moving->at > 0 || b->waiting != moving->moved || b->live != moving->moved) {
        return false;
    }
    s->store_waiting += moving->moved;
    journal_hand_over(b, b->used, b->live, b->waiting);
    note_handed_over(s, b->first_seq);
    return true;
}

static void hand_over(struct spool *s, struct spool_moving *moving) {
    struct block *b = &s->journal.blocks[moving->slot];
    for (bool more = true; more;) {
        pthread_mutex_lock(&s->lock);
        more = !hand_over_at_once(s, moving) && hand_over_slice(s, moving);
        if (!more) {
            journal_hand_over(b, b->used, b->live, b->waiting);
            b->damaged = false;
        }
        pthread_mutex_unlock(&s->lock);
        if (more) {
            sched_yield();
        }
    }
}

bool spool_move_blocks(struct spool *s) {
    pthread_mutex_lock(&s->write_lock);
    pthread_mutex_lock(&s->lock);
    size_t count = begin_move(s);
    pthread_mutex_unlock(&s->lock);
    if (count == 0) {
        pthread_mutex_unlock(&s->write_lock);
        return false;
    }
    int rc = spool_store_begin(s->store);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = store_block(s, &s->moving[i]);
        journal_let_go(&s->journal.blocks[s->moving[i].slot]);
    }
    bool moved = spool_end_transaction(s, rc);
    for (size_t i = 0; moved && i < count; i++) {
        hand_over(s, &s->moving[i]);
    }
    pthread_mutex_lock(&s->lock);
    s->set_room = 0;
    for (size_t i = 0; i < count; i++) {
        s->journal.blocks[s->moving[i].slot].resident = false;
        s->journal.blocks[s->moving[i].slot].ready = 0;
        spool_unpin(s, s->moving[i].slot);
    }
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->write_lock);
    return moved;
}

/* ---- Deleting what is done ---- */

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The first that are done; the number. Nobody else takes one away. */
static size_t collect_done(struct spool *s) {
    uint32_t at = 0;
    size_t count = 0;
    for (bool more = true; more;) {
        pthread_mutex_lock(&s->lock);
        size_t got = spool_set_next_done(&s->set, &at, s->seqs + count, SLICE);
        pthread_mutex_unlock(&s->lock);
        count += got;
        more = got == SLICE && count + SLICE <= SPOOL_DELETE_COUNT;
    }
    return count;
}

/* Locked; lets go of the lock in between. */
static void forget_done(struct spool *s, size_t count) {
    uint64_t cost;
    for (size_t i = 0; i < count; i++) {
        spool_set_remove(&s->set, s->seqs[i], &cost);
        if ((i + 1) % SLICE == 0) {
            pthread_mutex_unlock(&s->lock);
            sched_yield();
            pthread_mutex_lock(&s->lock);
        }
    }
}

bool spool_delete_done(struct spool *s) {
    pthread_mutex_lock(&s->write_lock);
    size_t count = collect_done(s);
    bool deleted = false;
    if (count > 0) {
        memcpy(s->sorted, s->seqs, count * sizeof(*s->seqs));
        qsort(s->sorted, count, sizeof(*s->sorted), ascending);
        int rc = spool_store_begin(s->store);
        for (size_t i = 0; rc == 0 && i < count; i++) {
            rc = spool_store_remove(s->store, s->sorted[i]);
        }
        deleted = spool_end_transaction(s, rc);
    }
    pthread_mutex_lock(&s->lock);
    if (deleted) {
        /* First: what the reader has read ahead may soon look as if it waited. */
        s->epoch += s->sorted[count - 1] >= s->cursor;
        forget_done(s, count);
    }
    s->done_since_ms = s->set.done_count > 0 ? clock_monotonic_ms() : 0;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->write_lock);
    return deleted;
}
