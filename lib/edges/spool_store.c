/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crc32c.h"
#include "spool_check.h"
#include "spool_record.h"

#define KEY_SIZE    8u
#define STATE_SIZE  32u
#define DATA_FILE   "data.mdb"
#define LOCK_FILE   "lock.mdb"
#define MAX_READERS 30u /* their table and the lock's head fit into a page */
#define LOCK_BYTES  8192
#define FILE_MODE   0600
/* Pages of the file that are mapped are let go after so many bytes were read or written. */
#define LET_GO_BYTES ((uint64_t)4 << 20)

#define FULL_DISK_BYTES ((uint64_t)1 << 20)

struct spool_store {
    char *dir;
    uint64_t max_bytes;
    MDB_env *env;
    MDB_txn *txn; /* the open transaction */
    MDB_dbi records;
    MDB_dbi info;
    void *map; /* NULL: it is not known where */
    size_t map_size;
    _Atomic uint64_t touched; /* bytes of the map that were looked at since its pages were let go */
    struct spool_store_state state;
    struct spool_store_state changed; /* by the open transaction */
    uint64_t count;
    uint64_t changed_count;
};

static void put_key(uint8_t key[KEY_SIZE], uint64_t seq) {
    for (unsigned i = 0; i < KEY_SIZE; i++) {
        key[i] = (uint8_t)(seq >> (8 * (KEY_SIZE - 1 - i)));
    }
}

static bool get_key(const MDB_val *key, uint64_t *seq) {
    const uint8_t *bytes = key->mv_data;
    *seq = 0;
    for (unsigned i = 0; i < KEY_SIZE && i < key->mv_size; i++) {
        *seq = *seq << 8 | bytes[i];
    }
    return key->mv_size == KEY_SIZE;
}

const char *spool_store_error(int code, char *out, size_t size) {
    if (code < 0) {
        snprintf(out, size, "%s", mdb_strerror(code));
    } else {
        snprintf(out, size, "%s", strerrordesc_np(code) ? strerrordesc_np(code) : "unknown error");
    }
    return out;
}

/* ---- The words about the whole ---- */

static int write_state(struct spool_store *store) {
    char value[STATE_SIZE] = {0};
    spool_put32(value, SPOOL_FORMAT);
    spool_put64(value + 8, store->changed.moved);
    spool_put64(value + 16, store->changed.low);
    spool_put64(value + 24, store->changed.bytes);
    spool_put32(value + 4, crc32c(spool_get32(value), value + 8, STATE_SIZE - 8));
    MDB_val key = {5, (void *)(uintptr_t) "state"};
    MDB_val data = {STATE_SIZE, value};
    return mdb_put(store->txn, store->info, &key, &data, 0);
}

/* What the words say must be computed anew. */
static int rebuild_state(struct spool_store *store) {
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val data;
    uint64_t seq = 0;
    int rc = mdb_cursor_open(store->txn, store->records, &cursor);
    store->changed = (struct spool_store_state){0, SPOOL_FIRST_SEQ, 0};
    for (bool first = true; rc == 0; first = false) {
        rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
        if (rc == 0 && get_key(&key, &seq)) {
            store->changed.bytes += spool_record_cost(data.mv_size);
            store->changed.moved = seq;
            if (first && seq < SPOOL_FIRST_SEQ) {
                store->changed.low = seq / 2;
            }
        }
    }
    if (cursor) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? write_state(store) : rc;
}

static bool is_state(const MDB_val *data) {
    const char *value = data->mv_data;
    return data->mv_size >= STATE_SIZE &&
           crc32c(spool_get32(value), value + 8, STATE_SIZE - 8) == spool_get32(value + 4);
}

static int read_state(struct spool_store *store, bool *newer) {
    MDB_val key = {5, (void *)(uintptr_t) "state"};
    MDB_val data;
    int rc = mdb_get(store->txn, store->info, &key, &data);
    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }
    if (rc != 0 || !is_state(&data)) {
        return rebuild_state(store);
    }
    const char *value = data.mv_data;
    *newer = spool_get32(value) > SPOOL_FORMAT;
    store->changed.moved = spool_get64(value + 8);
    store->changed.low = spool_get64(value + 16);
    store->changed.bytes = spool_get64(value + 24);
    return 0;
}

/* ---- Opening ---- */

/* Pages of the lock file that exist cannot fail when they are written later, on a full disk. */
static int make_lock_file(const char *dir) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/" LOCK_FILE, dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return errno;
    }
    int rc = posix_fallocate(fd, 0, LOCK_BYTES);
    close(fd);
    return rc;
}

static size_t map_size_for(uint64_t max_bytes) {
    uint64_t size = max_bytes * 3 + ((uint64_t)1 << 30);
    uint64_t most = sizeof(void *) == 8 ? (uint64_t)1 << 45 : (uint64_t)1 << 30;
    return (size_t)(size < most ? size : most);
}

static int open_databases(struct spool_store *store, bool *foreign, bool *newer) {
    int rc = mdb_txn_begin(store->env, NULL, 0, &store->txn);
    if (rc != 0) {
        return rc;
    }
    MDB_stat main;
    rc = mdb_dbi_open(store->txn, "spool", 0, &store->info);
    if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE) {
        /* Somebody else's file has other things in it. */
        MDB_dbi root;
        if (mdb_dbi_open(store->txn, NULL, 0, &root) == 0 &&
            mdb_stat(store->txn, root, &main) == 0 && main.ms_entries > 0) {
            *foreign = true;
        }
        rc = *foreign ? 0 : mdb_dbi_open(store->txn, "spool", MDB_CREATE, &store->info);
    }
    if (rc == 0 && !*foreign) {
        rc = mdb_dbi_open(store->txn, "records", MDB_CREATE, &store->records);
    }
    if (rc == 0 && !*foreign) {
        rc = read_state(store, newer);
    }
    MDB_stat stat = {0};
    if (rc == 0 && !*foreign && !*newer) {
        rc = mdb_stat(store->txn, store->records, &stat);
        store->changed_count = stat.ms_entries;
    }
    if (rc != 0 || *foreign || *newer) {
        spool_store_abort(store);
        return rc;
    }
    return spool_store_commit(store);
}

static mqk_status status_of(int code) {
    switch (code) {
    case 0:
        return MQK_OK;
    case ENOMEM:
        return MQK_ERR_NO_MEMORY;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_VALSIZE:
        return MQK_ERR_SYNTAX;
    default:
        return MQK_ERR_IO;
    }
}

/* A file is only damaged when it could be looked at. */
static mqk_status status_of_check(int code) {
    return code == 0 ? MQK_ERR_SYNTAX : code == ENOMEM ? MQK_ERR_NO_MEMORY : MQK_ERR_IO;
}

/* LMDB does not tell where its map is; the system does, for a place in it. */
static void find_map(struct spool_store *store) {
    MDB_txn *txn;
    MDB_val key = {5, (void *)(uintptr_t) "state"};
    MDB_val data;
    char line[512];
    uintptr_t from;
    uintptr_t to;
    if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0) {
        return;
    }
    FILE *maps =
        mdb_get(txn, store->info, &key, &data) == 0 ? fopen("/proc/self/maps", "re") : NULL;
    uintptr_t place = maps ? (uintptr_t)data.mv_data : 0;
    while (maps && !store->map && fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2 && place >= from &&
            place < to && strstr(line, DATA_FILE)) {
            store->map = (void *)from;
            store->map_size = to - from;
        }
    }
    if (maps) {
        fclose(maps);
    }
    mdb_txn_abort(txn);
}

static int open_env(struct spool_store *store, bool *foreign, bool *newer) {
    int rc = make_lock_file(store->dir);
    if (rc == 0) {
        rc = mdb_env_create(&store->env);
    }
    if (rc == 0) {
        mdb_env_set_maxdbs(store->env, 2);
        mdb_env_set_maxreaders(store->env, MAX_READERS);
        mdb_env_set_mapsize(store->env, map_size_for(store->max_bytes));
        rc = mdb_env_open(store->env, store->dir, MDB_NOTLS, FILE_MODE);
    }
    if (rc == 0) {
        int dead = 0;
        mdb_reader_check(store->env, &dead);
        rc = open_databases(store, foreign, newer);
    }
    if (rc == 0 && !*foreign && !*newer) {
        find_map(store);
    }
    return rc;
}

static void close_env(struct spool_store *store) {
    spool_store_abort(store);
    if (store->env) {
        mdb_env_close(store->env);
        store->env = NULL;
        store->map = NULL;
    }
}

mqk_status spool_store_open(const char *dir, uint64_t max_bytes, struct spool_store **out,
                            char *why, size_t size) {
    char path[4096];
    *out = NULL;
    snprintf(path, sizeof(path), "%s/" DATA_FILE, dir);
    if (!spool_check_data(path, why, size)) {
        return status_of_check(errno);
    }
    struct spool_store *store = calloc(1, sizeof(*store));
    if (!store || !(store->dir = strdup(dir))) {
        free(store);
        return MQK_ERR_NO_MEMORY;
    }
    store->max_bytes = max_bytes;
    bool foreign = false;
    bool newer = false;
    int rc = open_env(store, &foreign, &newer);
    if (rc == 0 && !foreign && !newer) {
        *out = store;
        return MQK_OK;
    }
    spool_store_close(store);
    if (foreign || newer) {
        snprintf(why, size, "%s", newer ? "made by a newer version" : "not made by this library");
        return MQK_ERR_CONFIG;
    }
    spool_store_error(rc, why, size);
    return status_of(rc);
}

int spool_store_reopen(struct spool_store *store) {
    bool foreign = false;
    bool newer = false;
    close_env(store);
    int rc = open_env(store, &foreign, &newer);
    if (rc == 0 && (foreign || newer)) {
        rc = EEXIST;
    }
    if (rc != 0) {
        close_env(store);
    }
    return rc;
}

void spool_store_close(struct spool_store *store) {
    if (!store) {
        return;
    }
    close_env(store);
    free(store->dir);
    free(store);
}

/* ---- Looking ---- */

static int look_at_state(struct spool_store *store, bool *foreign, bool *newer) {
    MDB_stat main = {0};
    MDB_dbi root;
    MDB_val key = {5, (void *)(uintptr_t) "state"};
    MDB_val data;
    int rc = mdb_dbi_open(store->txn, "spool", 0, &store->info);
    if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE) {
        rc = mdb_dbi_open(store->txn, NULL, 0, &root);
        *foreign = rc == 0 && mdb_stat(store->txn, root, &main) == 0 && main.ms_entries > 0;
        return *foreign ? 0 : MDB_NOTFOUND;
    }
    if (rc == 0 && mdb_get(store->txn, store->info, &key, &data) == 0 && is_state(&data)) {
        const char *value = data.mv_data;
        *newer = spool_get32(value) > SPOOL_FORMAT;
        store->state.moved = spool_get64(value + 8);
    }
    return rc == 0 ? mdb_dbi_open(store->txn, "records", 0, &store->records) : rc;
}

/* The lock file is where the writer sees who reads. Without a writer nobody needs one, and making
 * one could keep the owner, another user perhaps, from opening it. */
static int open_to_look(struct spool_store *store, const char *dir, bool owned) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/" LOCK_FILE, dir);
    bool lockable = owned || access(path, R_OK | W_OK) == 0;
    int rc = mdb_env_create(&store->env);
    if (rc == 0) {
        mdb_env_set_maxdbs(store->env, 2);
        mdb_env_set_maxreaders(store->env, MAX_READERS);
        rc = mdb_env_open(store->env, dir, MDB_RDONLY | MDB_NOTLS | (lockable ? 0 : MDB_NOLOCK),
                          FILE_MODE);
    }
    return rc == 0 ? mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->txn) : rc;
}

static mqk_status look(struct spool_store *store, const char *dir, bool owned, char *why,
                       size_t size) {
    bool foreign = false;
    bool newer = false;
    int rc = open_to_look(store, dir, owned);
    if (rc == 0) {
        rc = look_at_state(store, &foreign, &newer);
        /* A handle of a database stays open only when its transaction is committed. */
        mdb_txn_commit(store->txn);
        store->txn = NULL;
    }
    if (foreign || newer) {
        snprintf(why, size, "%s", newer ? "made by a newer version" : "not made by this library");
        return MQK_ERR_CONFIG;
    }
    spool_store_error(rc, why, size);
    return rc == MDB_NOTFOUND ? MQK_ERR_CLOSED : status_of(rc);
}

mqk_status spool_store_look(const char *dir, bool owned, struct spool_store **out, char *why,
                            size_t size) {
    char path[4096];
    struct stat st = {.st_size = -1};
    *out = NULL;
    snprintf(path, sizeof(path), "%s/" DATA_FILE, dir);
    if (!owned && !spool_check_data(path, why, size)) {
        return status_of_check(errno);
    }
    if (stat(path, &st) != 0 || st.st_size == 0) {
        int code = errno;
        bool absent = st.st_size == 0 || code == ENOENT;
        spool_store_error(code, why, size);
        return absent ? MQK_OK : MQK_ERR_IO;
    }
    struct spool_store *store = calloc(1, sizeof(*store));
    mqk_status status = store ? look(store, dir, owned, why, size) : MQK_ERR_NO_MEMORY;
    if (status == MQK_OK) {
        *out = store;
        return MQK_OK;
    }
    spool_store_close(store);
    /* Nothing was put into it yet. */
    return status == MQK_ERR_CLOSED ? MQK_OK : status;
}

struct spool_store_state spool_store_state(const struct spool_store *store) {
    return store->state;
}

uint64_t spool_store_count(const struct spool_store *store) {
    return store->count;
}

/* ---- Memory ---- */

/* Pages of a file that is mapped count as the process's as long as they are mapped in; they come
 * back by themselves. */
static void touch(struct spool_store *store, size_t bytes) {
    uint64_t touched = atomic_fetch_add(&store->touched, bytes) + bytes;
    if (touched < LET_GO_BYTES || !store->map) {
        return;
    }
    atomic_store(&store->touched, 0);
    madvise(store->map, store->map_size, MADV_DONTNEED);
}

/* ---- Transactions ---- */

int spool_store_begin(struct spool_store *store) {
    if (!store->env) {
        return EIO;
    }
    store->changed = store->state;
    store->changed_count = store->count;
    return mdb_txn_begin(store->env, NULL, 0, &store->txn);
}

int spool_store_add(struct spool_store *store, uint64_t seq, const void *encoded, size_t size) {
    uint8_t bytes[KEY_SIZE];
    put_key(bytes, seq);
    MDB_val key = {KEY_SIZE, bytes};
    MDB_val data = {size, (void *)(uintptr_t)encoded};
    int rc = mdb_put(store->txn, store->records, &key, &data, MDB_APPEND);
    if (rc == MDB_KEYEXIST) {
        rc = mdb_put(store->txn, store->records, &key, &data, MDB_NOOVERWRITE);
    }
    if (rc == MDB_KEYEXIST) {
        return 0;
    }
    if (rc == 0) {
        store->changed.bytes += spool_record_cost(size);
        store->changed_count++;
        touch(store, size);
    }
    return rc;
}

int spool_store_remove(struct spool_store *store, uint64_t seq) {
    uint8_t bytes[KEY_SIZE];
    put_key(bytes, seq);
    MDB_val key = {KEY_SIZE, bytes};
    MDB_val data;
    int rc = mdb_get(store->txn, store->records, &key, &data);
    if (rc == MDB_NOTFOUND) {
        return 0;
    }
    if (rc != 0) {
        return rc;
    }
    uint64_t cost = spool_record_cost(data.mv_size);
    touch(store, data.mv_size);
    rc = mdb_del(store->txn, store->records, &key, NULL);
    if (rc == 0) {
        store->changed.bytes -= cost < store->changed.bytes ? cost : store->changed.bytes;
        store->changed_count--;
    }
    return rc;
}

uint64_t spool_store_moved(const struct spool_store *store) {
    return store->changed.moved;
}

void spool_store_set_moved(struct spool_store *store, uint64_t moved) {
    store->changed.moved = moved;
}

void spool_store_set_low(struct spool_store *store, uint64_t low) {
    store->changed.low = low;
}

/* LMDB calls it an input/output error when only a part of what it writes finds room. */
static bool is_disk_full(const struct spool_store *store) {
    struct statvfs disk;
    return statvfs(store->dir, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < FULL_DISK_BYTES;
}

int spool_store_commit(struct spool_store *store) {
    int rc = write_state(store);
    if (rc != 0) {
        return rc;
    }
    MDB_txn *txn = store->txn;
    store->txn = NULL; /* gone, whatever comes of it */
    rc = mdb_txn_commit(txn);
    if (rc == 0) {
        store->state = store->changed;
        store->count = store->changed_count;
    }
    return rc == EIO && is_disk_full(store) ? ENOSPC : rc;
}

void spool_store_abort(struct spool_store *store) {
    if (store->txn) {
        mdb_txn_abort(store->txn);
        store->txn = NULL;
    }
}

/* ---- Reading ---- */

int spool_store_read(struct spool_store *store, uint64_t from, size_t max_bytes, size_t max_count,
                     struct spool_batch *batch) {
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    uint8_t bytes[KEY_SIZE];
    uint64_t seq;
    put_key(bytes, from);
    MDB_val key = {KEY_SIZE, bytes};
    MDB_val data;
    spool_batch_clear(batch);
    int rc = store->env ? mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) : EIO;
    if (rc == 0) {
        rc = mdb_cursor_open(txn, store->records, &cursor);
    }
    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    }
    while (rc == 0 && batch->count < max_count &&
           (batch->count == 0 || batch->len + data.mv_size <= max_bytes)) {
        if (get_key(&key, &seq) && !spool_batch_add(batch, seq, data.mv_data, data.mv_size)) {
            rc = batch->count > 0 ? MDB_NOTFOUND : ENOMEM;
        } else {
            rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
        }
    }
    if (cursor) {
        mdb_cursor_close(cursor);
    }
    if (txn) {
        mdb_txn_abort(txn);
    }
    touch(store, batch->len);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- The file ---- */

int spool_store_copy(struct spool_store *store, const char *dir) {
    return store->env ? mdb_env_copy2(store->env, dir, MDB_CP_COMPACT) : EIO;
}

bool spool_store_in_place(const struct spool_store *store, const char *dir) {
    char path[4096];
    struct stat ours;
    struct stat there;
    mdb_filehandle_t fd;
    snprintf(path, sizeof(path), "%s/" DATA_FILE, dir);
    return store->env && mdb_env_get_fd(store->env, &fd) == 0 && fstat(fd, &ours) == 0 &&
           stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}
