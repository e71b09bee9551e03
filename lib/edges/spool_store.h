/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a spool that lies in LMDB: encoded records under their numbers, and a few words about
 * the spool as a whole, which change in the same transaction.
 *
 * Two databases in the file: "records", with the number (8 bytes, big-endian) as key and the
 * encoded record as value, and "spool", with the single key "state".
 *
 * One thread writes; another may read at the same time; a third may write after the first has
 * been kept away from it by the owner.
 */
#ifndef MQK_EDGES_SPOOL_STORE_H
#define MQK_EDGES_SPOOL_STORE_H

#include "spool_batch.h"

#define SPOOL_FORMAT    1u
#define SPOOL_FIRST_SEQ (UINT64_C(1) << 40) /* there is room below for what is put before */

struct spool_store;

struct spool_store_state {
    uint64_t moved; /* records of the journal up to this one were moved here or were done before */
    uint64_t low;   /* lowest number ever used */
    uint64_t bytes; /* sum of spool_record_cost() */
};

/* Opens the store in a folder, or makes it. MQK_OK, or with `why` (a clause that says what):
 * MQK_ERR_SYNTAX   damaged
 * MQK_ERR_CONFIG   made by a newer version, or not by this library
 * MQK_ERR_IO       the folder or its disk refuse
 * MQK_ERR_NO_MEMORY */
mqk_status spool_store_open(const char *dir, uint64_t max_bytes, struct spool_store **out,
                            char *why, size_t size);
void spool_store_close(struct spool_store *store); /* NULL allowed */

/* Opens the store in a folder to read from it, as somebody who does not own the folder: changes
 * nothing, and can be read while the owner writes (`owned`: there is one, who has checked the
 * file). `out` receives NULL when there is none yet. Returns as spool_store_open(). */
mqk_status spool_store_look(const char *dir, bool owned, struct spool_store **out, char *why,
                            size_t size);

/* Closes LMDB's file and opens it again, after an error that it does not recover from by itself or
 * when there is another file in its place. Nobody uses the store meanwhile. 0 or a code; then
 * everything fails until it works. */
int spool_store_reopen(struct spool_store *store);

/* What is stored, as of the last commit. */
struct spool_store_state spool_store_state(const struct spool_store *store);
uint64_t spool_store_count(const struct spool_store *store);

/* A transaction. Each returns 0, or an errno or LMDB code, after which spool_store_abort() is due.
 * Adding in ascending order is fast. */
int spool_store_begin(struct spool_store *store);
int spool_store_add(struct spool_store *store, uint64_t seq, const void *encoded, size_t size);
int spool_store_remove(struct spool_store *store, uint64_t seq); /* not there: no error */
/* `moved`, as the open transaction has changed it. */
uint64_t spool_store_moved(const struct spool_store *store);
void spool_store_set_moved(struct spool_store *store, uint64_t moved);
void spool_store_set_low(struct spool_store *store, uint64_t low);
int spool_store_commit(struct spool_store *store);
void spool_store_abort(struct spool_store *store);

/* A text for a code. */
const char *spool_store_error(int code, char *out, size_t size);

/* Copies records from the first one at or above `from` on, in order: at least one if there is one,
 * then until `max_bytes` or `max_count` are reached. Zeroed memory is an empty batch. Nothing of
 * LMDB is held afterwards. 0 (the batch may be empty) or a code. */
int spool_store_read(struct spool_store *store, uint64_t from, size_t max_bytes, size_t max_count,
                     struct spool_batch *batch);

/* Copies the whole store, as it is now, into another folder. 0 or a code. */
int spool_store_copy(struct spool_store *store, const char *dir);

/* Whether the file in the folder still is the one that is open. */
bool spool_store_in_place(const struct spool_store *store, const char *dir);

#endif
