/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

#define FULL_SHOWN_MS 1000 /* how long the state tells of a drop */

void spool_kick(struct spool *s) {
    if (!s->kicked) {
        s->kicked = true;
        pthread_cond_signal(&s->work);
    }
}

bool spool_is_over(const struct spool *s, uint64_t more_bytes, uint64_t more_records) {
    return s->bytes + more_bytes > s->settings.max_bytes ||
           (s->settings.max_records > 0 && s->records + more_records > s->settings.max_records);
}

bool spool_wants_move(const struct spool *s) {
    const struct journal *j = &s->journal;
    if (j->order_count == 0 || s->store_failed) {
        return false;
    }
    return j->free_blocks * 2 < j->block_count || j->big_count * 2 > JOURNAL_MAX_BIG ||
           j->big_bytes * 4 > s->settings.max_bytes || j->blocks[j->order[0]].damaged;
}

void spool_forget(struct spool *s, uint64_t cost) {
    s->records -= s->records > 0;
    s->bytes -= cost < s->bytes ? cost : s->bytes;
}

void spool_unpin(struct spool *s, uint32_t slot) {
    if (slot == JOURNAL_SLOTS) {
        return;
    }
    struct block *b = &s->journal.blocks[slot];
    b->pins--;
    if (journal_release(&s->journal, slot) && b->state == BLOCK_EMPTY) {
        spool_kick(s);
    }
}

void spool_count_damaged(struct spool *s, uint64_t count) {
    s->damaged += count;
    s->news |= NEWS_DAMAGED;
    spool_kick(s);
}

/* ---- Putting in ---- */

static mqk_status refuse_put(struct spool *s) {
    spool_kick(s);
    pthread_mutex_unlock(&s->lock);
    return MQK_ERR_FULL;
}

static void count_put(struct spool *s, uint64_t cost, bool waiting) {
    s->records++;
    s->bytes += cost;
    s->refused_cost = 0;
    s->refused_room = false;
    if (waiting) {
        atomic_fetch_add_explicit(&s->waiting, 1, memory_order_relaxed);
    }
    if (s->dirty_since_ms == 0) {
        s->dirty_since_ms = clock_monotonic_ms();
        spool_kick(s);
    }
    if (spool_wants_move(s) || (s->settings.drop_oldest && spool_is_over(s, 0, 0))) {
        spool_kick(s);
    }
}

/* The file of a big record is written without the lock; its block keeps the place in the order. */
static mqk_status put_big(struct spool *s, size_t size, const struct record *record, mqk_str rule,
                          bool waiting, struct spool_ref *ref) {
    uint64_t seq = s->next_seq;
    uint32_t slot = s->journal.big_bytes + size > s->settings.max_bytes
                        ? JOURNAL_SLOTS
                        : journal_begin_big(&s->journal, size, seq);
    if (slot == JOURNAL_SLOTS) {
        s->refused_room = true;
        return refuse_put(s);
    }
    s->next_seq++;
    pthread_mutex_unlock(&s->lock);
    int code =
        journal_write_big(&s->journal, s->dir, slot, size, seq, record, rule, clock_wall_ms());
    pthread_mutex_lock(&s->lock);
    journal_end_big(&s->journal, slot, code == 0, waiting, &ref->offset);
    if (code != 0) {
        spool_store_refused(s, code);
        return refuse_put(s);
    }
    ref->seq = seq;
    ref->block = slot;
    count_put(s, spool_record_cost(size), waiting);
    pthread_mutex_unlock(&s->lock);
    return MQK_OK;
}

mqk_status spool_put(struct spool *s, const struct record *record, mqk_str rule, bool waiting,
                     struct spool_ref *ref) {
    size_t size = spool_record_size(record, rule);
    if (size >= SPOOL_RECORD_MAX) {
        return MQK_ERR_FULL;
    }
    uint64_t cost = spool_record_cost(size);
    int64_t now_ms = clock_wall_tick_ms();
    pthread_mutex_lock(&s->lock);
    if (s->gone || s->stop) {
        return refuse_put(s);
    }
    if (!s->settings.drop_oldest && spool_is_over(s, cost, 1)) {
        s->refused_cost = cost;
        return refuse_put(s);
    }
    if (journal_is_big(&s->journal, size)) {
        return put_big(s, size, record, rule, waiting, ref);
    }
    uint32_t open = s->journal.open;
    if (!journal_make_room(&s->journal, size, s->next_seq)) {
        s->refused_room = true;
        return refuse_put(s);
    }
    enum pages_need pages = s->journal.open != open ? spool_want_pages(s) : PAGES_GOOD;
    ref->seq = s->next_seq++;
    journal_put(&s->journal, size, ref->seq, record, rule, now_ms, waiting, &ref->block,
                &ref->offset);
    count_put(s, cost, waiting);
    pthread_mutex_unlock(&s->lock);
    spool_see_to_pages(s, pages);
    return MQK_OK;
}

/* ---- The disk ---- */

mqk_status spool_sync(struct spool *s, struct spool_ref ref) {
    mqk_status status = MQK_OK;
    pthread_mutex_lock(&s->lock);
    uint64_t failures = s->sync_failures;
    while (atomic_load(&s->synced_seq) < ref.seq && status == MQK_OK) {
        s->sync_wanted = true;
        spool_kick(s);
        pthread_cond_wait(&s->synced_cond, &s->lock);
        if (s->sync_failures != failures || s->stop) {
            status = atomic_load(&s->synced_seq) < ref.seq ? MQK_ERR_SPOOL : MQK_OK;
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

bool spool_is_synced(const struct spool *s, struct spool_ref ref) {
    return ref.seq <= atomic_load_explicit(&s->synced_seq, memory_order_acquire);
}

/* ---- Handing back ---- */

static void wait_locked(struct spool *s, struct spool_ref ref) {
    struct block *b = journal_find(&s->journal, ref.seq, ref.block, ref.offset);
    enum frame_state state = b ? journal_state(b, ref.seq) : FRAME_DONE;
    uint64_t cost;
    if (state == FRAME_OUT) {
        journal_set_state(b, ref.seq, ref.offset, FRAME_WAITING);
    } else if (state == FRAME_DONE && spool_set_mark(&s->set, ref.seq) == SPOOL_MARK_OUT) {
        spool_set_remove(&s->set, ref.seq, &cost);
        s->store_waiting++;
        if (ref.seq < s->cursor) {
            s->cursor = ref.seq;
        }
    } else {
        return;
    }
    atomic_fetch_add_explicit(&s->waiting, 1, memory_order_relaxed);
    if (s->settings.drop_oldest && spool_is_over(s, 0, 0)) {
        spool_kick(s);
    }
}

void spool_wait(struct spool *s, struct spool_ref ref) {
    pthread_mutex_lock(&s->lock);
    wait_locked(s, ref);
    pthread_mutex_unlock(&s->lock);
}

static void note_done_in_store(struct spool *s) {
    if (s->done_since_ms == 0) {
        s->done_since_ms = clock_monotonic_ms();
        spool_kick(s);
    } else if (s->set.done_count >= SPOOL_DELETE_COUNT && !s->store_failed) {
        spool_kick(s);
    }
}

static void done_locked(struct spool *s, struct spool_ref ref) {
    struct block *b = journal_find(&s->journal, ref.seq, ref.block, ref.offset);
    enum frame_state state = b ? journal_state(b, ref.seq) : FRAME_DONE;
    uint64_t cost = 0;
    if (state == FRAME_DONE) {
        if (spool_set_done(&s->set, ref.seq, &cost)) {
            spool_forget(s, cost);
            note_done_in_store(s);
        }
        return;
    }
    if (state == FRAME_WAITING) {
        atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
    }
    spool_forget(s, spool_record_cost(frame_record(b, ref.offset).len));
    journal_set_state(b, ref.seq, ref.offset, FRAME_DONE);
    if (b->live == 0 && journal_release(&s->journal, ref.block) && b->state == BLOCK_EMPTY) {
        spool_kick(s);
    }
}

void spool_done(struct spool *s, struct spool_ref ref) {
    pthread_mutex_lock(&s->lock);
    done_locked(s, ref);
    pthread_mutex_unlock(&s->lock);
}

void spool_done_all(struct spool *s, const struct spool_ref *refs, size_t count) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < count; i++) {
        done_locked(s, refs[i]);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- Handing out ---- */

enum found { FOUND_NONE, FOUND_ITEM, FOUND_AGAIN };

/* Reads ahead from the store; locked, but not while it reads. */
static enum found read_ahead(struct spool *s) {
    struct spool_reader *r = &s->reader;
    uint64_t from = s->cursor;
    uint64_t epoch = s->epoch;
    uint64_t moves = s->moves;
    r->valid = false;
    pthread_mutex_unlock(&s->lock);
    int rc = spool_read_store(s, from, SPOOL_READ_BYTES, SPOOL_READ_COUNT, &r->batch);
    pthread_mutex_lock(&s->lock);
    if (rc != 0) {
        spool_store_refused(s, rc);
        return FOUND_NONE;
    }
    r->at = 0;
    r->from = from;
    r->epoch = epoch;
    r->moves = moves;
    r->valid = true;
    return FOUND_AGAIN;
}

/* Takes the next waiting record of the store; locked. */
static enum found take_from_store(struct spool *s, mqk_str *encoded) {
    struct spool_reader *r = &s->reader;
    if (!r->valid || r->epoch != s->epoch || r->from != s->cursor) {
        return read_ahead(s);
    }
    uint64_t seq;
    size_t at = r->at;
    if (s->set.done_count >= SPOOL_DONE_MOST) {
        return FOUND_NONE;
    }
    while (spool_batch_next(&r->batch, &r->at, &seq, encoded)) {
        if (spool_set_mark(&s->set, seq) == SPOOL_MARK_NONE) {
            if (!spool_set_reserve(&s->set, s->set_room + 1)) {
                r->at = at;
                return FOUND_NONE;
            }
            s->cursor = r->from = seq + 1;
            spool_set_add(&s->set, seq, spool_record_cost(encoded->len), SPOOL_MARK_OUT);
            s->store_waiting--;
            r->last = (struct spool_ref){seq, JOURNAL_SLOTS, 0};
            r->last_in_store = true;
            r->last_at = at;
            return FOUND_ITEM;
        }
        s->cursor = r->from = seq + 1;
        at = r->at;
    }
    if (r->batch.count == 0 && r->moves == s->moves) {
        /* Fewer than were counted: somebody else has changed the file. */
        uint64_t lost = s->store_waiting;
        s->store_waiting = 0;
        atomic_fetch_sub(&s->waiting, lost);
        s->records -= lost < s->records ? lost : s->records;
        spool_count_damaged(s, lost);
    }
    r->valid = false;
    return FOUND_AGAIN;
}

static enum found take_from_journal(struct spool *s, mqk_str *encoded) {
    struct spool_reader *r = &s->reader;
    uint32_t slot;
    uint32_t offset;
    struct block *b = journal_first_waiting(&s->journal, &slot, &offset);
    if (!b) {
        return FOUND_NONE;
    }
    journal_set_state(b, frame_seq(b, offset), offset, FRAME_OUT);
    b->pins++;
    if (!b->resident && slot < s->journal.block_count) {
        b->resident = true;
        r->pages = spool_want_pages(s);
        r->entered = b;
    }
    r->pinned = slot;
    r->last = (struct spool_ref){frame_seq(b, offset), slot, offset};
    r->last_in_store = false;
    *encoded = frame_record(b, offset);
    return FOUND_ITEM;
}

static bool room_for_headers(struct spool_reader *r, mqk_str encoded) {
    size_t count = spool_record_headers(encoded.data);
    if (count <= r->header_capacity || count > encoded.len / 8) {
        return true; /* what cannot be is found when it is read */
    }
    mqk_header *headers = realloc(r->headers, count * sizeof(*headers));
    if (!headers) {
        return false;
    }
    r->headers = headers;
    r->header_capacity = count;
    return true;
}

/* Whether a record that was taken can be read; one of the journal was checked when it was put in or
 * recovered. */
static bool read_item(struct spool *s, mqk_str encoded, struct spool_item *item) {
    struct spool_reader *r = &s->reader;
    if (r->last_in_store &&
        spool_record_check(encoded.data, encoded.len, r->last.seq) != encoded.len) {
        return false;
    }
    if (!spool_record_read(encoded.data, encoded.len, r->headers, &item->record, &item->rule,
                           &item->accepted_ms)) {
        return false;
    }
    item->ref = r->last;
    item->cost = record_cost(&item->record);
    return true;
}

bool spool_next(struct spool *s, struct spool_item *item) {
    struct spool_reader *r = &s->reader;
    mqk_str encoded = {NULL, 0};
    pthread_mutex_lock(&s->lock);
    spool_unpin(s, r->pinned);
    r->pinned = JOURNAL_SLOTS;
    r->has_last = false;
    r->pages = PAGES_GOOD;
    r->entered = NULL;
    for (;;) {
        enum found found = FOUND_NONE;
        if (atomic_load_explicit(&s->waiting, memory_order_relaxed) > 0) {
            found = s->store_waiting > 0 ? take_from_store(s, &encoded)
                                         : take_from_journal(s, &encoded);
        }
        if (found == FOUND_NONE) {
            pthread_mutex_unlock(&s->lock);
            return false;
        }
        if (found == FOUND_AGAIN) {
            continue;
        }
        atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
        pthread_mutex_unlock(&s->lock);
        spool_see_to_pages(s, r->pages);
        if (r->entered) {
            journal_read_ahead(r->entered);
        }
        if (!room_for_headers(r, encoded)) {
            r->has_last = true;
            spool_unread(s);
            return false;
        }
        if (read_item(s, encoded, item)) {
            r->has_last = true;
            return true;
        }
        pthread_mutex_lock(&s->lock);
        spool_count_damaged(s, 1);
        done_locked(s, r->last);
        spool_unpin(s, r->pinned);
        r->pinned = JOURNAL_SLOTS;
    }
}

void spool_unread(struct spool *s) {
    struct spool_reader *r = &s->reader;
    if (!r->has_last) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    r->has_last = false;
    wait_locked(s, r->last);
    if (r->last_in_store && r->valid && s->cursor == r->last.seq) {
        r->at = r->last_at;
        r->from = r->last.seq;
    }
    pthread_mutex_unlock(&s->lock);
}

uint64_t spool_waiting(const struct spool *s) {
    return atomic_load_explicit(&s->waiting, memory_order_relaxed);
}

/* ---- How it is ---- */

static int64_t oldest_in_journal(struct spool *s) {
    struct journal *j = &s->journal;
    for (uint32_t i = 0; i < j->order_count; i++) {
        struct block *b = &j->blocks[j->order[i]];
        if (b->live == 0 || b->state == BLOCK_FILLING) {
            continue;
        }
        b->live_from = b->live_from < b->handed ? b->handed : b->live_from;
        while (b->live_from < b->used && frame_state(b, b->live_from) == FRAME_DONE) {
            b->live_from = journal_after(b, b->live_from);
        }
        if (b->live_from < b->used) {
            return spool_record_accepted(frame_record(b, b->live_from).data);
        }
    }
    return 0;
}

static enum spool_state state_of(const struct spool *s) {
    if (s->gone || s->store_failed || s->sync_failed) {
        return SPOOL_BROKEN;
    }
    bool refused = s->refused_room || (s->refused_cost > 0 && spool_is_over(s, s->refused_cost, 1));
    bool dropped = s->dropped_ms > 0 && clock_monotonic_ms() - s->dropped_ms < FULL_SHOWN_MS;
    return refused || dropped ? SPOOL_FULL : SPOOL_OK;
}

void spool_info(struct spool *s, struct spool_info *info) {
    memset(info, 0, sizeof(*info));
    pthread_mutex_lock(&s->lock);
    if (s->refused_room && s->journal.free_blocks > 0) {
        s->refused_room = false;
    }
    info->state = state_of(s);
    info->records = s->records;
    info->bytes = s->bytes;
    info->waiting = atomic_load(&s->waiting);
    info->damaged = s->damaged;
    bool in_store = s->store_waiting > 0 || s->set.count > s->set.done_count;
    info->oldest_ms = in_store ? s->store_oldest_ms : 0;
    if (info->oldest_ms == 0) {
        info->oldest_ms = oldest_in_journal(s);
    }
    if (info->state == SPOOL_BROKEN) {
        const char *message = s->gone           ? s->gone_message
                              : s->store_failed ? s->store_message
                                                : s->sync_message;
        memcpy(info->message, message, sizeof(info->message));
    } else if (info->state == SPOOL_FULL) {
        snprintf(info->message, sizeof(info->message),
                 "the spool in %.120s is full; raise its size, or bring Kafka back", s->dir);
    }
    pthread_mutex_unlock(&s->lock);
}

uint64_t spool_cost(const struct record *record, mqk_str rule) {
    return spool_record_cost(spool_record_size(record, rule));
}
