/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "spool_folder.h"
#include "spool_journal.h"
#include "spool_record.h"
#include "spool_store.h"

#define BATCH_BYTES ((size_t)1 << 20)
#define BATCH_COUNT 1000u
#define LOOK_TRIES  5

/* A record in the journal's copy. */
struct place {
    uint64_t seq;
    uint32_t slot;
    uint32_t offset;
};

/* A record that was found, still encoded. */
struct found {
    uint64_t seq;
    mqk_str encoded;
};

struct spool_read {
    const char *dir; /* allocated */
    int64_t owner;
    struct journal journal;
    struct place *places; /* what waits in the journal, in order */
    size_t place_count, place_at;
    struct spool_store *store; /* NULL: there is none, or no more of it */
    struct spool_batch batch;
    size_t batch_at;
    uint64_t next_seq; /* of the store, the first not yet in a batch */
    uint64_t last_seq; /* what is accepted later is not looked at */
    struct found stored;
    bool has_stored;
    mqk_header *headers;
    size_t header_capacity;
    uint64_t damaged;
    mqk_error store_trouble, journal_trouble; /* to be told; code MQK_OK: nothing is */
};

/* ---- Who owns the folder ---- */

/* Whether this process has the file open: its own number in the file may be another's, from another
 * namespace. */
static bool is_open_here(const struct stat *file) {
    DIR *dir = opendir("/proc/self/fd");
    bool open_here = !dir;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat st;
        int fd = atoi(entry->d_name);
        open_here |= entry->d_name[0] != '.' && fstat(fd, &st) == 0 && st.st_ino == file->st_ino &&
                     st.st_dev == file->st_dev;
    }
    if (dir) {
        closedir(dir);
    }
    return open_here;
}

static int64_t owner_in(int fd) {
    char text[32] = "";
    if (pread(fd, text, sizeof(text) - 1, 0) <= 0) {
        return -1;
    }
    long pid = strtol(text, NULL, 10);
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM) ? pid : -1;
}

/* Looks who owns the folder. False: this process does, or nobody can tell. */
static bool find_owner(const char *dir, int64_t *owner, mqk_error *err) {
    char path[SPOOL_PATH_SIZE];
    struct stat file;
    *owner = 0;
    if (!spool_folder_path(path, dir, SPOOL_OWNER_FILE)) {
        error_set(err, MQK_ERR_SPOOL, 0, 0, "the path %s is too long", dir);
        return false;
    }
    bool same = stat(path, &file) == 0 && is_open_here(&file);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        int code = errno;
        error_set(err, MQK_ERR_SPOOL, 0, 0, "the spool in %s cannot be read: %s", dir,
                  strerrordesc_np(code));
        return code == ENOENT;
    }
    /* For a moment only: the owner tries several times. */
    bool owned = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    *owner = owned ? owner_in(fd) : 0;
    close(fd);
    if (owned && same && *owner == getpid()) {
        error_set(err, MQK_ERR_SPOOL, 0, 0,
                  "the spool in %s is in use by this process, and cannot be read beside that", dir);
        return false;
    }
    return true;
}

/* ---- Opening ---- */

static mqk_status trouble(mqk_error *err, const char *dir, mqk_status status, const char *file,
                          const char *why) {
    if (status == MQK_ERR_NO_MEMORY) {
        return error_set(err, status, 0, 0, "out of memory");
    }
    if (status == MQK_ERR_CONFIG) {
        return error_set(err, MQK_ERR_SPOOL, 0, 0, "the spool in %s cannot be read: %s was %s", dir,
                         file, why);
    }
    return error_set(err, MQK_ERR_SPOOL, 0, 0, "%s/%s %s: %s", dir, file,
                     status == MQK_ERR_SYNTAX ? "is damaged" : "cannot be read", why);
}

static int by_seq(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Frames of the journal that do not lie in the store and are not done. */
static bool collect_places(struct spool_read *r, uint64_t moved) {
    size_t capacity = 0;
    for (uint32_t i = 0; i < r->journal.order_count; i++) {
        capacity += r->journal.blocks[r->journal.order[i]].count;
    }
    r->places = malloc((capacity + 1) * sizeof(*r->places));
    if (!r->places) {
        return false;
    }
    for (uint32_t i = 0; i < r->journal.order_count; i++) {
        uint32_t slot = r->journal.order[i];
        const struct block *b = &r->journal.blocks[slot];
        for (uint32_t at = JOURNAL_FIRST; at < b->used && r->place_count < capacity;
             at = journal_after(b, at)) {
            uint64_t seq = frame_seq(b, at);
            if (seq > moved && frame_state(b, at) != FRAME_DONE) {
                r->places[r->place_count++] = (struct place){seq, slot, at};
            }
        }
    }
    qsort(r->places, r->place_count, sizeof(*r->places), by_seq);
    return true;
}

static void open_journal(struct spool_read *r, struct journal_findings *findings) {
    int code = 0;
    mqk_status status = journal_look(&r->journal, r->dir, findings, &code);
    /* Beside an owner, what looks damaged may have been half written. */
    for (int i = 0; i < LOOK_TRIES && status == MQK_OK && findings->damaged > 0 && r->owner; i++) {
        journal_close(&r->journal);
        status = journal_look(&r->journal, r->dir, findings, &code);
    }
    if (status != MQK_OK) {
        trouble(&r->journal_trouble, r->dir, status, SPOOL_JOURNAL_FILE,
                status == MQK_ERR_IO       ? strerrordesc_np(code)
                : status == MQK_ERR_CONFIG ? "made by another version"
                                           : "it is no journal");
        r->journal_trouble.code = status == MQK_ERR_CONFIG ? status : r->journal_trouble.code;
        return;
    }
    if (findings->damaged > 0) {
        r->damaged += findings->damaged;
        error_set(&r->journal_trouble, MQK_ERR_SPOOL, 0, 0,
                  "at least %" PRIu64 " record%s of %s/" SPOOL_JOURNAL_FILE
                  " cannot be read: damaged",
                  findings->damaged, findings->damaged == 1 ? "" : "s", r->dir);
    }
}

static void open_store(struct spool_read *r) {
    char why[300] = "";
    mqk_error ignored;
    mqk_status status = spool_store_look(r->dir, r->owner != 0, &r->store, why, sizeof(why));
    if (status == MQK_ERR_SYNTAX && r->owner == 0 && find_owner(r->dir, &r->owner, &ignored) &&
        r->owner != 0) {
        /* What was looked at has been changing: its owner came meanwhile. */
        status = spool_store_look(r->dir, true, &r->store, why, sizeof(why));
    }
    if (status != MQK_OK) {
        trouble(&r->store_trouble, r->dir, status, SPOOL_DATA_FILE, why);
        r->store_trouble.code = status == MQK_ERR_CONFIG ? status : r->store_trouble.code;
    }
}

/* Whether it can be read, if only in part. */
static bool open_files(struct spool_read *r, mqk_error *err) {
    struct journal_findings *findings = calloc(1, sizeof(*findings));
    if (!findings) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return false;
    }
    open_journal(r, findings);
    open_store(r);
    uint64_t moved = r->store ? spool_store_state(r->store).moved : 0;
    r->last_seq = findings->last_seq > moved ? findings->last_seq : moved;
    free(findings);
    const mqk_error *troubles[] = {&r->journal_trouble, &r->store_trouble};
    for (size_t i = 0; i < 2; i++) {
        if (troubles[i]->code == MQK_ERR_CONFIG || troubles[i]->code == MQK_ERR_NO_MEMORY) {
            *err = *troubles[i];
            err->code = err->code == MQK_ERR_CONFIG ? MQK_ERR_SPOOL : err->code;
            return false;
        }
    }
    if (!collect_places(r, moved)) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return false;
    }
    return true;
}

struct spool_read *spool_read_open(const char *dir, mqk_error *err) {
    mqk_error own;
    err = err ? err : &own;
    int64_t owner;
    if (!spool_folder_has_files(dir, err) || !find_owner(dir, &owner, err)) {
        return NULL;
    }
    struct spool_read *r = calloc(1, sizeof(*r));
    if (r) {
        r->dir = strdup(dir);
        r->owner = owner;
    }
    if (!r || !r->dir) {
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    } else if (open_files(r, err)) {
        return r;
    }
    spool_read_close(r);
    return NULL;
}

void spool_read_close(struct spool_read *r) {
    if (!r) {
        return;
    }
    journal_close(&r->journal);
    spool_store_close(r->store);
    spool_batch_fini(&r->batch);
    free(r->places);
    free(r->headers);
    free((char *)(uintptr_t)r->dir);
    free(r);
}

/* ---- Records ---- */

/* Makes r->stored the next record of the store, if there is one. */
static mqk_status fill_stored(struct spool_read *r, mqk_error *err) {
    char why[200];
    while (r->store && !r->has_stored) {
        r->has_stored =
            spool_batch_next(&r->batch, &r->batch_at, &r->stored.seq, &r->stored.encoded);
        if (r->has_stored && r->stored.seq <= r->last_seq) {
            r->next_seq = r->stored.seq + 1;
            return MQK_OK;
        }
        r->batch_at = 0;
        int code = r->has_stored ? 0
                                 : spool_store_read(r->store, r->next_seq, BATCH_BYTES, BATCH_COUNT,
                                                    &r->batch);
        if (r->has_stored || code != 0 || r->batch.count == 0) {
            r->has_stored = false;
            spool_store_close(r->store);
            r->store = NULL;
        }
        if (code != 0) {
            return trouble(err, r->dir, code == ENOMEM ? MQK_ERR_NO_MEMORY : MQK_ERR_SYNTAX,
                           SPOOL_DATA_FILE, spool_store_error(code, why, sizeof(why)));
        }
    }
    return MQK_OK;
}

/* The older one of what stands first in journal and store; of a record that is in both, the
 * store's. False: the end. */
static bool take_next(struct spool_read *r, struct found *found) {
    const struct place *place = r->place_at < r->place_count ? &r->places[r->place_at] : NULL;
    if (r->has_stored && (!place || r->stored.seq <= place->seq)) {
        *found = r->stored;
        r->has_stored = false;
        r->place_at += place && place->seq == found->seq;
        return true;
    }
    if (!place) {
        return false;
    }
    found->seq = place->seq;
    found->encoded = frame_record(&r->journal.blocks[place->slot], place->offset);
    r->place_at += 1;
    return true;
}

static bool make_room(struct spool_read *r, size_t count) {
    if (count <= r->header_capacity) {
        return true;
    }
    mqk_header *headers = realloc(r->headers, count * sizeof(*headers));
    if (!headers) {
        return false;
    }
    r->headers = headers;
    r->header_capacity = count;
    return true;
}

static mqk_status decode(struct spool_read *r, const struct found *found, struct spool_item *item,
                         mqk_error *err) {
    const void *data = found->encoded.data;
    size_t size = spool_record_check(data, found->encoded.len, found->seq);
    bool sound = size > 0 && spool_record_headers(data) <= size / 8;
    if (sound && !make_room(r, spool_record_headers(data))) {
        return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "record %" PRIu64 ": out of memory",
                         found->seq);
    }
    memset(item, 0, sizeof(*item));
    if (!sound || !spool_record_read(data, size, r->headers, &item->record, &item->rule,
                                     &item->accepted_ms)) {
        r->damaged += 1;
        return error_set(err, MQK_ERR_SPOOL, 0, 0, "record %" PRIu64 " in %s is damaged",
                         found->seq, r->dir);
    }
    item->ref.seq = found->seq;
    item->cost = record_cost(&item->record);
    return MQK_OK;
}

static bool tell(mqk_error *problem, mqk_error *err) {
    if (problem->code == MQK_OK) {
        return false;
    }
    *err = *problem;
    problem->code = MQK_OK;
    return true;
}

int spool_read_next(struct spool_read *r, struct spool_item *item, mqk_error *err) {
    struct found found;
    mqk_error own;
    err = err ? err : &own;
    if (tell(&r->journal_trouble, err) || tell(&r->store_trouble, err)) {
        return err->code;
    }
    mqk_status status = fill_stored(r, err);
    if (status != MQK_OK) {
        return status;
    }
    if (!take_next(r, &found)) {
        return 0;
    }
    status = decode(r, &found, item, err);
    return status == MQK_OK ? 1 : status;
}

bool spool_filter_matches(const mqk_spool_filter *filter, const struct spool_item *item) {
    return !filter || ((!filter->topic.data || str_equal(filter->topic, item->record.topic)) &&
                       (!filter->rule.data || str_equal(filter->rule, item->rule)) &&
                       (filter->before_ms == 0 || item->accepted_ms < filter->before_ms));
}

int64_t spool_read_owner(const struct spool_read *r) {
    return r->owner;
}

uint64_t spool_read_damaged(const struct spool_read *r) {
    return r->damaged;
}
