/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a spool that is a mapped file: blocks of one size, each filled with records from its
 * start on, opened and freed as a whole. A record larger than a block has a file of its own, which
 * is a block as well.
 *
 * A record stands in a block as a frame: u64 number, u32 mark, u32 gap, then the encoded record,
 * filled up to 8 bytes. The mark depends on the number, the place and a secret of the file, so that
 * nothing inside of a payload can pass for a frame when the file is searched after damage.
 *
 * Numbers in a block follow one another. Behind the frames stands a table with a word for each of
 * them, its state: the only thing that changes. So a page of records is written once, and goes to
 * the disk once, however its records end.
 *
 * The system protects a page that goes to the disk against writing; whoever writes to it next pays
 * for a page fault. So, when much is put in, what comes after a sync begins on a page of its own,
 * behind a gap of so many bytes; and the table does not go to the disk with the records. What an
 * older use of the block left there does not count.
 *
 * Not thread-safe: the owner locks, except where it says otherwise.
 */
#ifndef MQK_EDGES_SPOOL_JOURNAL_H
#define MQK_EDGES_SPOOL_JOURNAL_H

#include "record.h"
#include "log.h"

#define JOURNAL_BLOCK_SIZE ((uint32_t)1 << 20)
#define JOURNAL_MAX_BLOCKS 128u
#define JOURNAL_MAX_BIG    32u
#define JOURNAL_SLOTS      (JOURNAL_MAX_BLOCKS + JOURNAL_MAX_BIG)
#define JOURNAL_FIRST      64u /* where the first frame of a block stands, behind its head */

enum block_state {
    BLOCK_FREE,
    BLOCK_OPEN,    /* records are put into it */
    BLOCK_SEALED,  /* full, or of an earlier process */
    BLOCK_FILLING, /* a big one, while its file is written; its record does not count yet */
    BLOCK_EMPTY    /* a big one that is done: its file is to be removed */
};

enum frame_state { FRAME_WAITING, FRAME_OUT, FRAME_DONE };

struct block {
    char *base; /* where it is mapped */
    uint32_t size;
    uint32_t end; /* where frames end and the table of states begins */
    enum block_state state;
    uint64_t first_seq;
    uint64_t last_seq; /* below first_seq when it is empty */
    uint32_t used;     /* where the next frame goes */
    uint32_t tail;     /* the last frame */
    uint32_t synced;   /* what stands before this went to the disk, or is on its way there */
    uint32_t count;    /* of frames */
    uint32_t live;     /* not done */
    uint32_t waiting;
    uint32_t handed;    /* frames before this offset were handed over: they are not here any more */
    uint32_t scan;      /* no frame before this offset waits */
    uint32_t live_from; /* no frame before this offset is live */
    uint32_t pins;      /* somebody reads it without the lock: it must stay */
    bool damaged;       /* something in it cannot be read */
    bool unsynced;      /* a big one that is not yet on the disk */
    bool dirty;         /* records were put in since journal_take_dirty() */
    bool marked;        /* states changed that need not go to the disk at once */
    bool resident;      /* pages of it may be in this process's memory … */
    bool written_out;   /* … but some of those before `used` are protected against writing … */
    uint32_t ready; /* … and those before this, from `used` on, be written to without a fault */
};

struct journal {
    char *map;
    size_t map_size;
    int fd;
    bool dirty; /* any block, or the head, may have to go to the disk */
    uint64_t salt;
    uint32_t block_size;
    uint32_t block_count;
    uint32_t free_blocks;
    uint32_t big_count;
    uint64_t big_bytes;
    uint32_t open;                 /* slot of the open block, or JOURNAL_SLOTS */
    uint32_t order[JOURNAL_SLOTS]; /* slots in use, oldest first */
    uint32_t order_count;
    struct block blocks[JOURNAL_SLOTS];
};

/* What was found in a journal when it was opened. */
struct journal_findings {
    uint64_t records; /* live ones */
    uint64_t bytes;   /* sum of spool_record_cost() */
    uint64_t last_seq;
    uint64_t damaged; /* records, at least, that cannot be read */
    char aside[4096]; /* copy of the damaged file, or "" */
};

/* Opens the journal in a folder, or makes it with `block_count` (at most JOURNAL_MAX_BLOCKS)
 * blocks. One that exists grows to as many when there is room on the disk; what else differs stays
 * as it is while records are in it. Records up to `moved` are taken for done. MQK_OK;
 * MQK_ERR_CONFIG: made by another version; MQK_ERR_SYNTAX: not a journal; MQK_ERR_IO with `code`,
 * an errno. */
mqk_status journal_open(struct journal *j, const char *dir, uint32_t block_size,
                        uint32_t block_count, uint64_t moved, struct journal_findings *findings,
                        int *code);
/* A copy, in memory, of a journal that this process does not own and perhaps another one is using;
 * nothing is changed. The sealed blocks of `order` then have the records that are not done. Empty
 * when there is no journal. Returns as journal_open(). */
mqk_status journal_look(struct journal *j, const char *dir, struct journal_findings *findings,
                        int *code);
/* Unmaps everything; zeroed memory allowed. */
void journal_close(struct journal *j);

/* Whether a record of this encoded size needs a file of its own. */
bool journal_is_big(const struct journal *j, size_t size);

/* Makes sure that the open block has room for an encoded record of this size (not a big one),
 * sealing it and opening another when needed; false when no block is free. */
bool journal_make_room(struct journal *j, size_t size, uint64_t seq);
/* Puts a record there. */
void journal_put(struct journal *j, size_t size, uint64_t seq, const struct record *record,
                 mqk_str rule, int64_t accepted_ms, bool waiting, uint32_t *slot, uint32_t *offset);

/* A big record: takes a slot (JOURNAL_SLOTS: there is none); then, without the lock, writes the
 * file (0 or an errno); then publishes the record, or gives the slot back. */
uint32_t journal_begin_big(struct journal *j, size_t size, uint64_t seq);
int journal_write_big(struct journal *j, const char *dir, uint32_t slot, size_t size, uint64_t seq,
                      const struct record *record, mqk_str rule, int64_t accepted_ms);
void journal_end_big(struct journal *j, uint32_t slot, bool written, bool waiting,
                     uint32_t *offset);
/* Without the lock: removes the file of a BLOCK_EMPTY block; then, with it, gives the slot back. */
void journal_unmap_big(struct journal *j, const char *dir, uint32_t slot);
void journal_forget_big(struct journal *j, uint32_t slot);

/* The first frame behind one: its offset, or `used` when there is none. Goes through frames as
 * `offset = journal_after(b, offset)` from JOURNAL_FIRST on; safe without the lock for those up to
 * `used` of a block that is pinned. */
uint32_t journal_after(const struct block *b, uint32_t offset);

/* A frame: its number, its encoded record, its state. Atomic. */
uint64_t frame_seq(const struct block *b, uint32_t offset);
mqk_str frame_record(const struct block *b, uint32_t offset);
enum frame_state frame_state(const struct block *b, uint32_t offset);
/* The same for the frame with a number, without looking at it. */
enum frame_state journal_state(const struct block *b, uint64_t seq);
/* Changes the state of a frame, and the block's counts. */
void journal_set_state(struct block *b, uint64_t seq, uint32_t offset, enum frame_state state);

/* From now on the block's frames before this offset, of which so many were live and waited, are
 * somebody else's. */
void journal_hand_over(struct block *b, uint32_t offset, uint32_t live, uint32_t waiting);

/* The block and frame of a record, or NULL when it is not in the journal (any more). */
struct block *journal_find(struct journal *j, uint64_t seq, uint32_t slot, uint32_t offset);

/* The oldest block with waiting records, and the frame of the first of them; NULL: there is none.
 */
struct block *journal_first_waiting(struct journal *j, uint32_t *slot, uint32_t *offset);

/* Seals the open block, so that it can be moved. */
void journal_seal(struct journal *j);

/* Frees a sealed block in which no record is live and that is not pinned; whether it was. */
bool journal_release(struct journal *j, uint32_t slot);

/* What has to go to the disk, once: pages that were only made ready for writing are left alone. */
struct journal_dirty {
    bool whole;
    uint32_t count;
    struct {
        size_t from;
        size_t to;
    } ranges[JOURNAL_MAX_BLOCKS];
};
void journal_take_dirty(struct journal *j, struct journal_dirty *dirty);
/* Forces that and these big blocks to the disk (without the lock; the blocks are pinned). 0 or an
 * errno. */
int journal_sync(const struct journal *j, const struct journal_dirty *dirty,
                 const struct block *const *big, size_t big_count);
/* That records are done can be written later: until it is, a power cut lets them be sent again.
 * What has been marked so; and, without the lock, begins to write it and does not wait. */
void journal_take_marked(struct journal *j, struct journal_dirty *marked);
void journal_write_marked(const struct journal *j, const struct journal_dirty *marked);
/* Begins to read a block from the disk, if it is there and not in memory. Without the lock. */
void journal_read_ahead(const struct block *b);
/* Takes a block's pages out of this process's memory, without the lock. They come back by
 * themselves. */
void journal_let_go(const struct block *b);
/* After a sync that failed the kernel takes the pages for written: makes them dirty again. */
void journal_touch_all(struct journal *j);

/* Writes everything to new files in a folder, and goes on with these. 0 or an errno. */
int journal_remake(struct journal *j, const char *dir);

#endif
