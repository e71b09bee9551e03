/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A durable queue of records: what was put in survives the death of the process, is handed out
 * again after a restart in the order of its acceptance, and leaves when its owner says that it is
 * done.
 *
 * A record first goes into the journal, a file of fixed size that is mapped into memory and divided
 * into blocks: putting it there is a copy, no system call, and what stands in a mapped file belongs
 * to the kernel, so it outlives a kill -9. What Kafka acknowledges soon never goes further. A block
 * whose records stay is moved into LMDB by the spool's own thread, many records in one transaction.
 *
 * One process at a time owns a spool's folder.
 */
#ifndef MQK_EDGES_SPOOL_H
#define MQK_EDGES_SPOOL_H

#include "record.h"
#include "log.h"

struct spool;

struct spool_settings {
    const char *dir;      /* made when missing, with its parents */
    uint64_t max_bytes;   /* of records that are not done, by spool_cost(): at least 1 MiB */
    uint64_t max_records; /* 0: no limit */
    int64_t sync_ms;      /* how often what was put in is forced to the disk; 0: always */
    bool drop_oldest;     /* makes room by dropping the oldest waiting records; else refuses */
};

struct spool_owner {
    void *user;
    /* A waiting record was dropped to make room; `rule` as given to spool_put(). From the spool's
     * thread; must not block or call the spool. */
    void (*dropped)(void *user, mqk_str rule, uint64_t seq);
    /* Everything up to this record is on the disk; only with sync_ms 0. From the spool's thread;
     * must not block. May be NULL. */
    void (*synced)(void *user, uint64_t seq);
    struct log *log;
};

/* Where a record stands: handed out with it, handed back with spool_wait() and spool_done(). */
struct spool_ref {
    uint64_t seq; /* order of acceptance, from 1; never used twice in a folder's life */
    uint32_t block;
    uint32_t offset;
};

/* A waiting record as it is handed out. Its texts belong to the spool, until the next
 * spool_next(). record.handle and record.tag are NULL. */
struct spool_item {
    struct spool_ref ref;
    struct record record;
    mqk_str rule;        /* name of the rule that made it */
    int64_t accepted_ms; /* wall clock */
    size_t cost;         /* record_cost() */
};

enum spool_state {
    SPOOL_OK,
    SPOOL_FULL,  /* max_bytes or max_records are reached */
    SPOOL_BROKEN /* the disk is full, or the folder cannot be written or is gone */
};

struct spool_info {
    enum spool_state state;
    uint64_t records;  /* not done, waiting or handed out */
    uint64_t bytes;    /* what they take, by spool_cost() */
    uint64_t waiting;  /* of the records, those that spool_next() will hand out */
    int64_t oldest_ms; /* wall clock of the oldest record that is not done; 0: there is none */
    uint64_t damaged;  /* records that were found damaged and left out since opening */
    char message[200]; /* what is wrong, with the folder and a remedy; "" when nothing is */
};

/* Opens a folder's spool, or makes one; what stands in it waits. NULL on failure with `err`:
 * MQK_ERR_SPOOL (in use by another process, made by another version, not ours, cannot be written),
 * MQK_ERR_NO_MEMORY. A file that is damaged is set aside under another name in the same folder,
 * with what can be read saved, and an error in the log. */
struct spool *spool_open(const struct spool_settings *settings, const struct spool_owner *owner,
                         mqk_error *err);

/* Ends the thread, forces everything to the disk and closes; NULL allowed. */
void spool_close(struct spool *s);
/* The same, and removes the folder with its files when no record is left in it. */
void spool_discard(struct spool *s);

/* Puts a record in (its tag and handle are not kept). With `waiting` it will be handed out by
 * spool_next(); without, the caller hands it on itself and later says spool_done() or spool_wait().
 * Never waits for the disk.
 * MQK_OK, MQK_ERR_FULL (full or broken: see spool_info), MQK_ERR_NO_MEMORY. Any thread.
 *
 * Full below its bounds, and with drop_oldest as well: when records that stay come faster than the
 * disk takes them until all blocks of the journal are in use (a quarter of max_bytes, 4 to 128
 * MiB), or 32 that are larger than a block are. What is older lies in the store, where dropping it
 * frees no block, and what was accepted is not dropped before the bounds say so. */
mqk_status spool_put(struct spool *s, const struct record *record, mqk_str rule, bool waiting,
                     struct spool_ref *ref);

/* Puts records before all that wait, in their order: what was accepted earlier than they but could
 * not be handed on. Waits for the disk; for closing. The number that were put; fewer when the disk
 * refuses. */
size_t spool_prepend(struct spool *s, const struct spool_item *items, size_t count);

/* Waits until a record that was put in is on the disk, together with whoever else waits: one
 * fdatasync serves all. MQK_OK, MQK_ERR_SPOOL (the disk refuses). Any thread. */
mqk_status spool_sync(struct spool *s, struct spool_ref ref);
/* Whether everything up to this record is on the disk. Any thread. */
bool spool_is_synced(const struct spool *s, struct spool_ref ref);

/* A record that was handed out (or put in without `waiting`) waits again, at its old place. Any
 * thread. */
void spool_wait(struct spool *s, struct spool_ref ref);

/* A record that was handed out (or put in without `waiting`) is done and leaves. Any thread. */
void spool_done(struct spool *s, struct spool_ref ref);
/* The same for several at once. */
void spool_done_all(struct spool *s, const struct spool_ref *refs, size_t count);

/* Hands out the oldest waiting record; false when none waits (or the disk cannot be read now, or
 * much that is done still has to be deleted there: ask again while spool_waiting() is not 0). One
 * thread at a time. */
bool spool_next(struct spool *s, struct spool_item *item);
/* Gives the item handed out last back unused: the next spool_next() hands it out again. Same
 * thread. */
void spool_unread(struct spool *s);

/* Number of waiting records, for the hot path: one atomic load. Any thread. */
uint64_t spool_waiting(const struct spool *s);

void spool_info(struct spool *s, struct spool_info *info);

/* What a record takes of max_bytes: its encoded size as LMDB stores it. */
uint64_t spool_cost(const struct record *record, mqk_str rule);

#endif
