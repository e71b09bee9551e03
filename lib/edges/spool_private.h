/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a spool, for its files: spool.c (what its users call), spool_thread.c (what its
 * thread does), spool_move.c (from the journal to the store and out of it), spool_pages.c
 * (which of its pages are in memory), spool_life.c (opening,
 * closing, and a folder that went away). */
#ifndef MQK_EDGES_SPOOL_PRIVATE_H
#define MQK_EDGES_SPOOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "spool.h"
#include "spool_folder.h"
#include "spool_journal.h"
#include "spool_record.h"
#include "spool_set.h"
#include "spool_store.h"

#define SPOOL_RETRY_MS     1000 /* how often a disk that refused is tried again */
#define SPOOL_DELETE_MS    50   /* how long what is done may stay in the store */
#define SPOOL_DELETE_COUNT 32768u
/* So much of what is done may wait for being deleted, before nothing more is handed out. */
#define SPOOL_DONE_MOST  (4u * SPOOL_DELETE_COUNT)
#define SPOOL_DROP_COUNT 128u
#define SPOOL_MOVE_COUNT 8u /* blocks at most that are moved in one transaction */
#define SPOOL_READ_BYTES ((size_t)64 << 10)
#define SPOOL_READ_COUNT 512u

enum pages_need { PAGES_GOOD, PAGES_WAKE, PAGES_TRIM };

/* What the reader knows of the store: a part of it, read ahead. */
struct spool_reader {
    struct spool_batch batch;
    size_t at;
    uint64_t from;  /* the batch goes on with the first record at or above this */
    uint64_t epoch; /* of the spool, when it was read */
    uint64_t moves;
    bool valid;
    /* What was handed out last. */
    bool has_last;
    struct spool_ref last;
    size_t last_at; /* in the batch */
    bool last_in_store;
    uint32_t pinned;             /* block that its texts stand in, or JOURNAL_SLOTS */
    enum pages_need pages;       /* what is to be done about them after this one */
    const struct block *entered; /* with this one; it is not in memory */
    mqk_header *headers;
    size_t header_capacity;
};

/* A block on its way to the store. */
struct spool_moving {
    uint32_t slot;
    uint32_t moved; /* records that were copied */
    uint32_t at;    /* frames that were handed over */
    size_t first;   /* place of its first frame in `stored` */
};

/* What the thread has to write into the log: never with the lock, for who reads the log may ask how
 * the spool is. */
enum spool_news { NEWS_DAMAGED = 1, NEWS_STORE_FAILED = 2, NEWS_SYNC_FAILED = 4, NEWS_WELL = 8 };

struct spool {
    char *dir;
    struct spool_settings settings;
    struct spool_owner owner;
    pthread_t thread;
    int owner_fd;

    /* Held while a transaction of the store is open; before `lock`. */
    pthread_mutex_t write_lock;
    /* Held while the store is read, and while it is replaced; before `lock`. */
    pthread_mutex_t read_lock;
    struct spool_store *store;

    _Alignas(64) pthread_mutex_t lock; /* all that follows */
    pthread_cond_t work;               /* for the thread */
    pthread_cond_t synced_cond;        /* for those who wait for the disk */
    struct journal journal;
    uint64_t next_seq;
    uint64_t records;
    uint64_t bytes;
    _Atomic uint64_t waiting;
    uint64_t damaged;

    /* The store's side. */
    struct spool_set set; /* of its records, those that do not wait */
    size_t set_room;      /* in the set, kept free for a move that is under way */
    uint64_t store_waiting;
    uint64_t cursor;         /* nothing below waits */
    uint64_t epoch;          /* grows when a record at or above the cursor is deleted */
    uint64_t moves;          /* grows when something is added */
    int64_t store_oldest_ms; /* 0: it is empty, or not known */
    int64_t done_since_ms; /* when the first of what is done, and not deleted, was; 0: nothing is */

    struct spool_reader reader; /* the reading thread's own */

    /* The disk. */
    _Atomic uint64_t synced_seq;
    int64_t dirty_since_ms; /* something was put that is not synced; 0: nothing */
    bool sync_wanted;
    uint64_t sync_failures;
    bool store_failed;
    bool sync_failed;
    bool gone;
    int64_t retry_ms; /* when to try again what failed */
    char store_message[200];
    char sync_message[200];
    char gone_message[200];
    uint64_t refused_cost; /* of a record that was refused because of the bounds; 0: none */
    uint64_t dropped;      /* records */
    int64_t dropped_ms;    /* when a record was dropped last; 0: never */
    bool refused_room;     /* a record was refused because no block was free */

    pthread_t pages_thread;
    pthread_cond_t pages_cond;
    bool pages_wanted;   /* another block is being filled, or read */
    uint32_t pages_late; /* how many more since then */
    bool pages_stop;

    unsigned news; /* enum spool_news */
    bool kicked;   /* the thread was told to look around */
    bool stop;

    /* The thread's own. */
    uint64_t *seqs; /* SPOOL_DELETE_COUNT */
    uint64_t *sorted;
    uint8_t *stored; /* one for each frame of the blocks that are moved */
    size_t stored_capacity;
    struct spool_moving moving[SPOOL_MOVE_COUNT];
    struct spool_batch drop_batch;
    uint32_t drop_places[SPOOL_DROP_COUNT];
    int64_t watch_ms; /* when to look after the folder */
    int64_t rest_ms;  /* something that should be done cannot be done: not before this */
};

/* Makes the thread look around; locked. */
void spool_kick(struct spool *s);
/* Whether the bounds are passed with this much more; locked. */
bool spool_is_over(const struct spool *s, uint64_t more_bytes, uint64_t more_records);
/* Whether blocks should be moved to the store; locked. */
bool spool_wants_move(const struct spool *s);
/* A live record leaves; locked. */
void spool_forget(struct spool *s, uint64_t cost);
/* A pin goes; locked. */
void spool_unpin(struct spool *s, uint32_t slot);
/* A record was found damaged; locked. */
void spool_count_damaged(struct spool *s, uint64_t count);
/* The store or the folder refused; locked. `code` is an errno or LMDB's. */
void spool_store_refused(struct spool *s, int code);

/* The thread for pages: ends before anything is freed. */
bool spool_start_pages(struct spool *s);
void spool_stop_pages(struct spool *s);
/* Takes pages out of memory that are not needed soon. */
void spool_trim_pages(struct spool *s);

/* Another block is being filled, or read: what is to be done about pages, for spool_see_to_pages()
 * when the lock is free again. Locked. */
enum pages_need spool_want_pages(struct spool *s);
void spool_see_to_pages(struct spool *s, enum pages_need need);

/* The thread. */
void *spool_thread(void *spool);
/* Whether a block can be moved; locked. */
bool spool_can_move(struct spool *s);
/* Moves the oldest blocks to the store; whether it did. */
bool spool_move_blocks(struct spool *s);
/* Deletes from the store what is done; whether there was something. */
bool spool_delete_done(struct spool *s);
/* Forces the journal to the disk. */
void spool_sync_journal(struct spool *s);
/* Writes the news into the log. */
void spool_tell_news(struct spool *s);
/* Removes the files of big records that are done. */
void spool_remove_files(struct spool *s);
/* Reads when the oldest record of the store was accepted. */
void spool_look_for_oldest(struct spool *s);

/* Looks whether folder and files are where they were, and makes them anew when they are gone. */
void spool_watch_folder(struct spool *s);
/* Opens LMDB's file anew after an error that it does not recover from by itself. With
 * `write_lock`. */
void spool_reopen_store(struct spool *s);
/* spool_store_read(), kept away from who replaces the store. */
int spool_read_store(struct spool *s, uint64_t from, size_t max_bytes, size_t max_count,
                     struct spool_batch *batch);
/* Ends a transaction, by committing it when `rc` is 0, and keeps in mind what came of it. With
 * `write_lock`. */
bool spool_end_transaction(struct spool *s, int rc);

#endif
