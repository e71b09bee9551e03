/* SPDX-License-Identifier: Apache-2.0 */
#include "outlet.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "error.h"

/* Something to be remembered: a tag that is to be kept, who waits for the disk, a producer. */
struct note {
    struct note *next;
    uint64_t seq;
    void *what;
};

struct notes {
    struct note *head;
    struct note **tail;
};

struct outlet {
    struct record_owner owner;
    const char *cluster;
    struct spool *spool;
    bool sync_always;
    _Atomic uint32_t *hold;
    atomic_bool first; /* the others wait for this one */

    pthread_mutex_t lock;
    struct notes producers; /* `what` is a producer, in the order in which they joined */
    struct notes watched;   /* what to hand back with a record */
    struct notes unsynced;  /* whom to tell when a record is on the disk, in order of seq */
    atomic_bool has_watched;
};

static void notes_add(struct notes *n, struct note *note) {
    note->next = NULL;
    *n->tail = note;
    n->tail = &note->next;
}

/* Takes out the note that `at` points at. */
static struct note *notes_cut(struct notes *n, struct note **at) {
    struct note *note = *at;
    *at = note->next;
    if (!*at) {
        n->tail = at;
    }
    return note;
}

static struct note *notes_take(struct notes *n, uint64_t seq, bool exactly) {
    for (struct note **at = &n->head; *at; at = &(*at)->next) {
        if (exactly ? (*at)->seq == seq : (*at)->seq <= seq) {
            return notes_cut(n, at);
        }
    }
    return NULL;
}

static bool keep(struct outlet *o, struct notes *notes, uint64_t seq, void *what) {
    struct note *note = malloc(sizeof(*note));
    if (!note) {
        return false;
    }
    note->seq = seq;
    note->what = what;
    pthread_mutex_lock(&o->lock);
    notes_add(notes, note);
    pthread_mutex_unlock(&o->lock);
    return true;
}

/* The tag that was kept for a record, or NULL. */
static void *unwatch(struct outlet *o, uint64_t seq) {
    if (!atomic_load(&o->has_watched)) {
        return NULL;
    }
    pthread_mutex_lock(&o->lock);
    struct note *note = notes_take(&o->watched, seq, true);
    atomic_store(&o->has_watched, o->watched.head != NULL);
    pthread_mutex_unlock(&o->lock);
    void *tag = note ? note->what : NULL;
    free(note);
    return tag;
}

static void on_dropped(void *user, mqk_str rule, uint64_t seq) {
    struct outlet *o = user;
    void *tag = unwatch(o, seq);
    if (!tag) {
        tag = o->owner.adopt(o->owner.user, mqk_cstr(o->cluster), rule);
    }
    if (tag) {
        o->owner.done(o->owner.user, tag, MQK_ERR_DROPPED);
    }
}

static void on_synced(void *user, uint64_t seq) {
    struct outlet *o = user;
    for (;;) {
        pthread_mutex_lock(&o->lock);
        struct note *note = notes_take(&o->unsynced, seq, false);
        pthread_mutex_unlock(&o->lock);
        if (!note) {
            return;
        }
        o->owner.safe(o->owner.user, note->what, MQK_OK);
        free(note);
    }
}

static bool open_spool(struct outlet *o, const struct producer_settings *settings, const char *dir,
                       mqk_error *err) {
    const struct spool_settings spool = {
        .dir = dir,
        .max_bytes = (uint64_t)settings->disk_bytes,
        .max_records = (uint64_t)settings->buffer_records,
        .sync_ms = settings->sync_ms,
        .drop_oldest = settings->when_full == WHEN_FULL_DROP_OLDEST,
    };
    const struct spool_owner owner = {o, on_dropped, on_synced, o->owner.log};
    o->spool = spool_open(&spool, &owner, err);
    return o->spool != NULL;
}

struct outlet *outlet_open(const char *cluster, const struct producer_settings *settings,
                           const char *dir, _Atomic uint32_t *hold, bool first,
                           const struct record_owner *owner, mqk_error *err) {
    struct outlet *o = calloc(1, sizeof(*o));
    if (!o) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    o->cluster = cluster;
    o->owner = *owner;
    o->hold = hold;
    o->sync_always = settings->sync_ms == 0;
    o->producers.tail = &o->producers.head;
    o->watched.tail = &o->watched.head;
    o->unsynced.tail = &o->unsynced.head;
    pthread_mutex_init(&o->lock, NULL);
    if (dir && !open_spool(o, settings, dir, err)) {
        pthread_mutex_destroy(&o->lock);
        free(o);
        return NULL;
    }
    if (first) {
        atomic_store(&o->first, true);
        atomic_fetch_add(hold, 1);
    }
    return o;
}

/* The others' turn may come. */
static void let_others(struct outlet *o) {
    if (atomic_exchange(&o->first, false)) {
        atomic_fetch_sub(o->hold, 1);
    }
}

void outlet_close(struct outlet *o, bool discard) {
    if (!o) {
        return;
    }
    let_others(o);
    struct note *note;
    while ((note = notes_take(&o->unsynced, UINT64_MAX, false))) {
        struct spool_ref ref = {.seq = note->seq};
        o->owner.safe(o->owner.user, note->what, spool_sync(o->spool, ref));
        free(note);
    }
    if (o->spool && discard) {
        spool_discard(o->spool);
    } else {
        spool_close(o->spool);
    }
    while ((note = notes_take(&o->watched, UINT64_MAX, false))) {
        o->owner.done(o->owner.user, note->what, MQK_ERR_CLOSED);
        free(note);
    }
    while ((note = notes_take(&o->producers, UINT64_MAX, false))) {
        free(note);
    }
    pthread_mutex_destroy(&o->lock);
    free(o);
}

bool outlet_join(struct outlet *o, const void *producer) {
    return keep(o, &o->producers, 0, (void *)(uintptr_t)producer);
}

bool outlet_turn(struct outlet *o, const void *producer) {
    if (atomic_load(o->hold) > 0 && !atomic_load(&o->first)) {
        return false;
    }
    pthread_mutex_lock(&o->lock);
    bool is_next = o->producers.head && o->producers.head->what == producer;
    pthread_mutex_unlock(&o->lock);
    return is_next;
}

void outlet_leave(struct outlet *o, const void *producer) {
    struct note *own = NULL;
    pthread_mutex_lock(&o->lock);
    for (struct note **at = &o->producers.head; *at && !own;) {
        if ((*at)->what == producer) {
            own = notes_cut(&o->producers, at);
        } else {
            at = &(*at)->next;
        }
    }
    pthread_mutex_unlock(&o->lock);
    if (own) {
        let_others(o);
    }
    free(own);
}

struct spool *outlet_spool(struct outlet *o) {
    return o->spool;
}

mqk_status outlet_put(struct outlet *o, const struct record *record, bool waiting,
                      struct spool_ref *ref, void **tag) {
    mqk_status status = spool_put(o->spool, record, record->rule, waiting, ref);
    *tag = record->tag;
    if (status != MQK_OK) {
        return status;
    }
    void *waiter = record->watched ? o->owner.detach(o->owner.user, tag) : NULL;
    if (o->sync_always && waiter && !spool_is_synced(o->spool, *ref)) {
        if (keep(o, &o->unsynced, ref->seq, waiter)) {
            /* It may have been synced between the question and the note. */
            if (spool_is_synced(o->spool, *ref)) {
                on_synced(o, ref->seq);
            }
            return MQK_OK;
        }
        /* Without memory for the note the call itself waits. */
    }
    if (o->sync_always && (waiter || !record->watched)) {
        status = spool_sync(o->spool, *ref);
    }
    if (waiter) {
        o->owner.safe(o->owner.user, waiter, status);
        status = MQK_OK;
    }
    return status;
}

void outlet_watch(struct outlet *o, struct spool_ref ref, void *tag) {
    /* Set before the note is there: who looks for it takes the lock then. */
    atomic_store(&o->has_watched, true);
    if (!keep(o, &o->watched, ref.seq, tag)) {
        o->owner.done(o->owner.user, tag, MQK_ERR_NO_MEMORY);
    }
}

void *outlet_tag(struct outlet *o, const struct spool_item *item, bool *awaited) {
    void *tag = unwatch(o, item->ref.seq);
    *awaited = tag != NULL;
    return tag ? tag : o->owner.adopt(o->owner.user, mqk_cstr(o->cluster), item->rule);
}
