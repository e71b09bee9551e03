/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"

#define MAX_BIG_SYNC JOURNAL_MAX_BIG
#define REST_MS      20

/* ---- What the disk says ---- */

void spool_tell_news(struct spool *s) {
    char store_message[sizeof(s->store_message)];
    char sync_message[sizeof(s->sync_message)];
    pthread_mutex_lock(&s->lock);
    unsigned news = s->news;
    s->news = 0;
    memcpy(store_message, s->store_message, sizeof(store_message));
    memcpy(sync_message, s->sync_message, sizeof(sync_message));
    pthread_mutex_unlock(&s->lock);
    if (news & NEWS_DAMAGED) {
        log_write(s->owner.log, MQK_LOG_ERROR, "SPOOL_DAMAGED",
                  "records in the spool in %s are damaged and were left out; look after the disk",
                  s->dir);
    }
    if (news & NEWS_STORE_FAILED) {
        log_write(s->owner.log, MQK_LOG_ERROR, "SPOOL", "%s", store_message);
    }
    if (news & NEWS_SYNC_FAILED) {
        log_write(s->owner.log, MQK_LOG_ERROR, "SPOOL", "%s", sync_message);
    }
    if (news & NEWS_WELL) {
        log_write(s->owner.log, MQK_LOG_INFO, "SPOOL", "the spool in %s can be written again",
                  s->dir);
    }
}

static void tell_broken(struct spool *s, const char *what, const char *why, char message[200]) {
    snprintf(message, 200,
             "the spool in %.70s cannot be %s: %.40s; make room on its disk and let this process "
             "write",
             s->dir, what, why);
}

void spool_store_refused(struct spool *s, int code) {
    char why[100];
    s->retry_ms = clock_monotonic_ms() + SPOOL_RETRY_MS;
    if (!s->store_failed) {
        s->store_failed = true;
        tell_broken(s, "written", spool_store_error(code, why, sizeof(why)), s->store_message);
    }
    spool_kick(s);
}

static void store_worked(struct spool *s) {
    if (s->store_failed) {
        s->store_failed = false;
        s->news |= NEWS_WELL;
    }
}

int spool_read_store(struct spool *s, uint64_t from, size_t max_bytes, size_t max_count,
                     struct spool_batch *batch) {
    pthread_mutex_lock(&s->read_lock);
    int rc = spool_store_read(s->store, from, max_bytes, max_count, batch);
    pthread_mutex_unlock(&s->read_lock);
    return rc;
}

bool spool_end_transaction(struct spool *s, int rc) {
    if (rc == 0) {
        rc = spool_store_commit(s->store);
    }
    if (rc != 0) {
        spool_store_abort(s->store);
    }
    if (rc < 0) {
        spool_reopen_store(s);
    }
    pthread_mutex_lock(&s->lock);
    if (rc == 0) {
        store_worked(s);
    } else {
        spool_store_refused(s, rc);
    }
    pthread_mutex_unlock(&s->lock);
    return rc == 0;
}

/* ---- Forcing to the disk ---- */

/* The last record that is wholly written, and the big ones that are not on the disk yet, pinned. */
static uint64_t begin_sync(struct spool *s, uint32_t *slots, const struct block **big,
                           size_t *count) {
    const struct journal *j = &s->journal;
    uint64_t target = s->next_seq - 1;
    *count = 0;
    for (uint32_t i = 0; i < j->order_count; i++) {
        struct block *b = &s->journal.blocks[j->order[i]];
        if (b->state == BLOCK_FILLING) {
            target = b->first_seq - 1;
            break;
        }
        if (b->unsynced) {
            b->pins++;
            slots[*count] = j->order[i];
            big[(*count)++] = b;
        }
    }
    return target;
}

void spool_sync_journal(struct spool *s) {
    uint32_t slots[MAX_BIG_SYNC];
    const struct block *big[MAX_BIG_SYNC];
    size_t count;
    struct journal_dirty dirty;
    pthread_mutex_lock(&s->lock);
    uint64_t target = begin_sync(s, slots, big, &count);
    journal_take_dirty(&s->journal, &dirty);
    s->dirty_since_ms = 0;
    s->sync_wanted = false;
    pthread_mutex_unlock(&s->lock);
    int code = journal_sync(&s->journal, &dirty, big, count);
    if (code == 0 && count > 0) {
        code = spool_folder_sync(s->dir);
    }
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < count; i++) {
        s->journal.blocks[slots[i]].unsynced = code != 0;
        spool_unpin(s, slots[i]);
    }
    if (code == 0) {
        if (target > atomic_load(&s->synced_seq)) {
            atomic_store_explicit(&s->synced_seq, target, memory_order_release);
        }
        if (target + 1 < s->next_seq && s->dirty_since_ms == 0) {
            s->dirty_since_ms = clock_monotonic_ms();
        }
        if (s->sync_failed) {
            s->sync_failed = false;
            s->news |= NEWS_WELL;
        }
    } else {
        s->sync_failures++;
        s->dirty_since_ms = clock_monotonic_ms();
        s->retry_ms = s->dirty_since_ms + SPOOL_RETRY_MS;
        journal_touch_all(&s->journal);
        if (!s->sync_failed) {
            s->sync_failed = true;
            s->news |= NEWS_SYNC_FAILED;
            tell_broken(s, "synced", strerrordesc_np(code), s->sync_message);
        }
    }
    pthread_cond_broadcast(&s->synced_cond);
    pthread_mutex_unlock(&s->lock);
    if (code == 0 && s->settings.sync_ms == 0 && s->owner.synced) {
        s->owner.synced(s->owner.user, target);
    }
}

static void write_marked(struct spool *s) {
    struct journal_dirty marked;
    pthread_mutex_lock(&s->lock);
    journal_take_marked(&s->journal, &marked);
    pthread_mutex_unlock(&s->lock);
    journal_write_marked(&s->journal, &marked);
}

/* ---- Dropping the oldest ---- */

static void tell_dropped(struct spool *s, mqk_str record, uint64_t seq) {
    if (s->owner.dropped) {
        s->owner.dropped(s->owner.user, spool_record_rule(record.data, record.len), seq);
    }
}

static void drop_one(struct spool *s, uint64_t cost) {
    atomic_fetch_sub(&s->waiting, 1);
    spool_forget(s, cost);
    s->dropped++;
}

/* Drops from the store, beginning at `*from`, which is moved on; whether there may be more. */
static bool drop_from_store(struct spool *s, uint64_t *from) {
    struct spool_batch *batch = &s->drop_batch;
    size_t at = 0;
    size_t count = 0;
    uint64_t damaged = 0;
    uint64_t seq;
    mqk_str record;
    if (spool_read_store(s, *from, SPOOL_READ_BYTES, SPOOL_DROP_COUNT, batch) != 0 ||
        batch->count == 0) {
        return false;
    }
    pthread_mutex_lock(&s->lock);
    bool over = true;
    for (size_t here = 0;
         (over = spool_is_over(s, 0, 0)) && spool_set_reserve(&s->set, s->set_room + 1) &&
         spool_batch_next(batch, &at, &seq, &record);
         here = at) {
        *from = seq + 1;
        if (s->store_waiting == 0 || spool_set_mark(&s->set, seq) != SPOOL_MARK_NONE) {
            continue;
        }
        uint64_t cost = spool_record_cost(record.len);
        spool_set_add(&s->set, seq, cost, SPOOL_MARK_DONE);
        s->store_waiting--;
        drop_one(s, cost);
        s->drop_places[count++] = (uint32_t)here;
    }
    s->dropped_ms = count > 0 ? clock_monotonic_ms() : s->dropped_ms;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < count; i++) {
        at = s->drop_places[i];
        spool_batch_next(batch, &at, &seq, &record);
        if (spool_record_check(record.data, record.len, seq) == record.len) {
            tell_dropped(s, record, seq);
        } else {
            damaged++;
        }
    }
    if (damaged > 0) {
        pthread_mutex_lock(&s->lock);
        s->damaged += damaged;
        pthread_mutex_unlock(&s->lock);
    }
    return over;
}

/* Drops from the oldest block with waiting records, which all go when `whole`; whether it did. */
static bool drop_from_journal(struct spool *s, bool whole) {
    uint32_t slot;
    uint32_t offset;
    size_t count = 0;
    pthread_mutex_lock(&s->lock);
    struct block *b = journal_first_waiting(&s->journal, &slot, &offset);
    if (!b || (whole && b->state != BLOCK_SEALED)) {
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    b->pins++;
    for (; offset < b->used && count < SPOOL_DROP_COUNT && (whole || spool_is_over(s, 0, 0));
         offset = journal_after(b, offset)) {
        if (frame_state(b, offset) == FRAME_WAITING) {
            drop_one(s, spool_record_cost(frame_record(b, offset).len));
            journal_set_state(b, frame_seq(b, offset), offset, FRAME_DONE);
            s->drop_places[count++] = offset;
        }
    }
    s->dropped_ms = count > 0 ? clock_monotonic_ms() : s->dropped_ms;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < count; i++) {
        tell_dropped(s, frame_record(b, s->drop_places[i]), frame_seq(b, s->drop_places[i]));
    }
    pthread_mutex_lock(&s->lock);
    spool_unpin(s, slot);
    pthread_mutex_unlock(&s->lock);
    return count > 0;
}

/* Whether something was dropped. */
static bool drop_oldest(struct spool *s) {
    uint64_t from = 0;
    uint64_t before = 0;
    uint64_t records = 0;
    for (bool first = true;; first = false) {
        pthread_mutex_lock(&s->lock);
        records = s->dropped;
        before = first ? records : before;
        bool over = spool_is_over(s, 0, 0);
        bool in_store = s->store_waiting > 0 && !s->store_failed;
        /* A disk that refuses leaves the journal as the only place there is. */
        bool stuck = s->store_failed && s->journal.free_blocks == 0;
        from = first ? s->cursor : from;
        pthread_mutex_unlock(&s->lock);
        if (stuck
                ? !drop_from_journal(s, true)
                : !over || !(in_store ? drop_from_store(s, &from) : drop_from_journal(s, false))) {
            break;
        }
    }
    pthread_mutex_lock(&s->lock);
    records = s->dropped;
    pthread_mutex_unlock(&s->lock);
    return records > before;
}

/* ---- The thread ---- */

static void rest(struct spool *s) {
    pthread_mutex_lock(&s->lock);
    s->rest_ms = clock_monotonic_ms() + REST_MS;
    pthread_mutex_unlock(&s->lock);
}

void spool_look_for_oldest(struct spool *s) {
    struct spool_batch *batch = &s->drop_batch;
    int64_t oldest_ms = 0;
    uint64_t from = 0;
    uint64_t seq;
    mqk_str record;
    while (oldest_ms == 0 && spool_read_store(s, from, 4096, 16, batch) == 0 && batch->count > 0) {
        size_t at = 0;
        pthread_mutex_lock(&s->lock);
        while (oldest_ms == 0 && spool_batch_next(batch, &at, &seq, &record)) {
            from = seq + 1;
            if (spool_set_mark(&s->set, seq) != SPOOL_MARK_DONE &&
                spool_record_check(record.data, record.len, seq) == record.len) {
                oldest_ms = spool_record_accepted(record.data);
            }
        }
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&s->lock);
    s->store_oldest_ms = oldest_ms;
    pthread_mutex_unlock(&s->lock);
}

void spool_remove_files(struct spool *s) {
    for (uint32_t slot = JOURNAL_MAX_BLOCKS; slot < JOURNAL_SLOTS; slot++) {
        pthread_mutex_lock(&s->lock);
        bool empty = s->journal.blocks[slot].state == BLOCK_EMPTY;
        pthread_mutex_unlock(&s->lock);
        if (empty) {
            journal_unmap_big(&s->journal, s->dir, slot);
            pthread_mutex_lock(&s->lock);
            journal_forget_big(&s->journal, slot);
            pthread_mutex_unlock(&s->lock);
        }
    }
}

/* What was refused is tried again even when there is nothing else to write. */
static void try_store(struct spool *s) {
    pthread_mutex_lock(&s->write_lock);
    spool_end_transaction(s, spool_store_begin(s->store));
    pthread_mutex_unlock(&s->write_lock);
}

struct chores {
    bool sync, drop, move, remove, watch, retry, files, news, stop;
};

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* What is to be done at this moment, and when to look again; locked. */
static struct chores look_around(struct spool *s, int64_t now_ms, int64_t *next_ms) {
    struct chores c = {.stop = s->stop, .news = s->news != 0};
    bool failed = s->store_failed || s->sync_failed;
    *next_ms = s->watch_ms;
    c.watch = now_ms >= s->watch_ms;
    if (failed) {
        *next_ms = least(*next_ms, s->retry_ms);
    }
    if (s->dirty_since_ms > 0) {
        int64_t due_ms = s->sync_failed ? s->retry_ms : s->dirty_since_ms + s->settings.sync_ms;
        c.sync = now_ms >= due_ms || (s->sync_wanted && !s->sync_failed);
        *next_ms = least(*next_ms, due_ms);
    } else {
        c.sync = s->sync_wanted;
    }
    c.retry = s->store_failed && now_ms >= s->retry_ms;
    bool stuck = s->store_failed && s->journal.free_blocks == 0;
    c.drop = s->settings.drop_oldest && atomic_load(&s->waiting) > 0 &&
             (spool_is_over(s, 0, 0) || stuck);
    c.move = spool_wants_move(s) && spool_can_move(s);
    if ((c.drop || c.move) && now_ms < s->rest_ms) {
        c.drop = c.move = false;
        *next_ms = least(*next_ms, s->rest_ms);
    }
    for (uint32_t slot = JOURNAL_MAX_BLOCKS; s->journal.big_count > 0 && slot < JOURNAL_SLOTS;
         slot++) {
        c.files = c.files || s->journal.blocks[slot].state == BLOCK_EMPTY;
    }
    if (s->done_since_ms > 0 && !s->store_failed) {
        int64_t due_ms = s->done_since_ms + SPOOL_DELETE_MS;
        c.remove = s->set.done_count >= SPOOL_DELETE_COUNT || now_ms >= due_ms;
        *next_ms = least(*next_ms, due_ms);
    }
    return c;
}

static bool has_chores(const struct chores *c) {
    return c->sync || c->drop || c->move || c->remove || c->watch || c->retry || c->files ||
           c->news || c->stop;
}

static void wait_for_work(struct spool *s, int64_t until_ms) {
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    pthread_cond_timedwait(&s->work, &s->lock, &until);
}

static struct chores next_chores(struct spool *s) {
    int64_t next_ms;
    pthread_mutex_lock(&s->lock);
    struct chores c = look_around(s, clock_monotonic_ms(), &next_ms);
    while (!has_chores(&c)) {
        s->kicked = false;
        wait_for_work(s, next_ms);
        c = look_around(s, clock_monotonic_ms(), &next_ms);
    }
    s->kicked = true; /* until it sleeps again nobody needs to wake it */
    pthread_mutex_unlock(&s->lock);
    return c;
}

static bool has_many_done(struct spool *s) {
    pthread_mutex_lock(&s->lock);
    bool many = s->set.done_count >= SPOOL_DELETE_COUNT && !s->stop;
    pthread_mutex_unlock(&s->lock);
    return many;
}

void *spool_thread(void *spool) {
    struct spool *s = spool;
    for (;;) {
        struct chores c = next_chores(s);
        if (c.stop) {
            return NULL;
        }
        if (c.retry) {
            try_store(s);
        }
        if (c.sync) {
            spool_sync_journal(s);
        }
        bool moved = c.move && spool_move_blocks(s);
        bool dropped = c.drop && drop_oldest(s);
        if ((c.move && !moved) || (c.drop && !dropped)) {
            rest(s);
        }
        /* Dropping can be faster than one at a time: what is done takes memory. */
        while (c.remove && spool_delete_done(s) && has_many_done(s)) {
        }
        if (c.watch) {
            spool_watch_folder(s);
            spool_look_for_oldest(s);
            spool_trim_pages(s);
            write_marked(s);
            pthread_mutex_lock(&s->lock);
            s->watch_ms = clock_monotonic_ms() + SPOOL_RETRY_MS;
            pthread_mutex_unlock(&s->lock);
        }
        spool_tell_news(s);
        if (c.files) {
            spool_remove_files(s);
        }
    }
}
