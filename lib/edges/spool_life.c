/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "thread.h"

#define BLOCKS_LEAST  4u
#define JOURNAL_SHARE 4u /* of max_bytes */
/* After damage numbers go on far behind any that may have been in use. */
#define SEQ_LEAP ((uint64_t)1 << 32)

static uint32_t block_count_for(uint64_t max_bytes) {
    uint64_t count = max_bytes / JOURNAL_SHARE / JOURNAL_BLOCK_SIZE;
    if (count < BLOCKS_LEAST) {
        return BLOCKS_LEAST;
    }
    return count < JOURNAL_MAX_BLOCKS ? (uint32_t)count : JOURNAL_MAX_BLOCKS;
}

/* ---- Opening ---- */

static mqk_status no_memory(mqk_error *err, const char *dir) {
    return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory for the spool in %s", dir);
}

static mqk_status cannot(mqk_error *err, const char *dir, const char *file, const char *why) {
    return error_set(err, MQK_ERR_SPOOL, 0, 0,
                     "the spool in %s cannot be used: %s: %s; make room on its disk and let this "
                     "process write there, or choose another folder",
                     dir, file, why);
}

static mqk_status not_ours(mqk_error *err, const char *dir, const char *file, const char *why) {
    return error_set(err, MQK_ERR_SPOOL, 0, 0,
                     "the spool in %s cannot be used: %s is %s; use that version, or choose "
                     "another folder",
                     dir, file, why);
}

/* Puts a file that cannot be read out of the way. */
static mqk_status set_aside(struct spool *s, const char *file, const char *why, mqk_error *err) {
    char aside[SPOOL_PATH_SIZE];
    int code = spool_folder_set_aside(s->dir, file, false, aside);
    if (code != 0) {
        return cannot(err, s->dir, file, strerrordesc_np(code));
    }
    s->damaged++;
    log_write(s->owner.log, MQK_LOG_ERROR, NULL,
              "the spool in %s is damaged: %s: %s; the file was set aside as %s, and what was only "
              "there will not be sent",
              s->dir, file, why, aside);
    return MQK_OK;
}

static mqk_status open_store(struct spool *s, mqk_error *err) {
    char why[200] = "";
    mqk_status status =
        spool_store_open(s->dir, s->settings.max_bytes, &s->store, why, sizeof(why));
    if (status == MQK_ERR_SYNTAX) {
        status = set_aside(s, SPOOL_DATA_FILE, why, err);
        if (status != MQK_OK) {
            return status;
        }
        status = spool_store_open(s->dir, s->settings.max_bytes, &s->store, why, sizeof(why));
    }
    switch (status) {
    case MQK_OK:
        return MQK_OK;
    case MQK_ERR_NO_MEMORY:
        return no_memory(err, s->dir);
    case MQK_ERR_CONFIG:
        return not_ours(err, s->dir, SPOOL_DATA_FILE, why);
    default:
        return cannot(err, s->dir, SPOOL_DATA_FILE, why);
    }
}

/* On a disk that has little room the journal is smaller. */
static mqk_status try_journal(struct spool *s, struct journal_findings *findings, int *code) {
    uint32_t count = block_count_for(s->settings.max_bytes);
    uint64_t moved = spool_store_state(s->store).moved;
    for (;; count = count / 2 > BLOCKS_LEAST ? count / 2 : BLOCKS_LEAST) {
        *code = 0;
        mqk_status status =
            journal_open(&s->journal, s->dir, JOURNAL_BLOCK_SIZE, count, moved, findings, code);
        if (status == MQK_OK || *code != ENOSPC || count == BLOCKS_LEAST) {
            return status;
        }
    }
}

static mqk_status open_journal(struct spool *s, struct journal_findings *findings, mqk_error *err) {
    int code;
    mqk_status status = try_journal(s, findings, &code);
    if (status == MQK_ERR_SYNTAX) {
        status = set_aside(s, SPOOL_JOURNAL_FILE, "it is no journal", err);
        if (status != MQK_OK) {
            return status;
        }
        status = try_journal(s, findings, &code);
    }
    if (status == MQK_ERR_CONFIG) {
        return not_ours(err, s->dir, SPOOL_JOURNAL_FILE, "made by another version");
    }
    if (status != MQK_OK) {
        return code == ENOMEM
                   ? no_memory(err, s->dir)
                   : cannot(err, s->dir, SPOOL_JOURNAL_FILE, strerrordesc_np(code ? code : EIO));
    }
    if (findings->aside[0]) {
        log_write(s->owner.log, MQK_LOG_ERROR, NULL,
                  "the spool's journal in %s is damaged: %llu records or more cannot be read, the "
                  "others are kept; a copy of the file is %s",
                  s->dir, (unsigned long long)findings->damaged, findings->aside);
    }
    s->damaged += findings->damaged;
    return MQK_OK;
}

static void begin_counting(struct spool *s, const struct journal_findings *findings) {
    struct spool_store_state state = spool_store_state(s->store);
    s->store_waiting = spool_store_count(s->store);
    s->records = s->store_waiting + findings->records;
    s->bytes = state.bytes + findings->bytes;
    atomic_store(&s->waiting, s->records);
    uint64_t last = state.moved > findings->last_seq ? state.moved : findings->last_seq;
    if (last < SPOOL_FIRST_SEQ) {
        last = SPOOL_FIRST_SEQ - 1;
    }
    s->next_seq = last + 1 + (s->damaged > 0 ? SEQ_LEAP : 0);
}

static bool init_locks(struct spool *s) {
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return false;
    }
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    thread_init_adaptive(&s->lock);
    pthread_mutex_init(&s->write_lock, NULL);
    pthread_mutex_init(&s->read_lock, NULL);
    pthread_cond_init(&s->work, &attr);
    pthread_cond_init(&s->synced_cond, NULL);
    pthread_cond_init(&s->pages_cond, NULL);
    pthread_condattr_destroy(&attr);
    return true;
}

static void free_spool(struct spool *s) {
    journal_close(&s->journal);
    spool_store_close(s->store);
    if (s->owner_fd >= 0) {
        close(s->owner_fd);
    }
    spool_set_fini(&s->set);
    spool_batch_fini(&s->reader.batch);
    spool_batch_fini(&s->drop_batch);
    free(s->reader.headers);
    free(s->seqs);
    free(s->sorted);
    free(s->stored);
    free(s->dir);
    pthread_cond_destroy(&s->pages_cond);
    pthread_cond_destroy(&s->synced_cond);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->read_lock);
    pthread_mutex_destroy(&s->write_lock);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static mqk_status open_files(struct spool *s, mqk_error *err) {
    int code = spool_folder_make(s->dir);
    if (code != 0) {
        return cannot(err, s->dir, "the folder", strerrordesc_np(code));
    }
    s->owner_fd = spool_folder_own(s->dir, err);
    if (s->owner_fd < 0) {
        return MQK_ERR_SPOOL;
    }
    struct journal_findings *findings = calloc(1, sizeof(*findings));
    if (!findings) {
        return no_memory(err, s->dir);
    }
    mqk_status status = open_store(s, err);
    if (status == MQK_OK) {
        status = open_journal(s, findings, err);
    }
    if (status == MQK_OK) {
        begin_counting(s, findings);
        struct journal_dirty dirty;
        journal_take_dirty(&s->journal, &dirty);
        code = journal_sync(&s->journal, &dirty, NULL, 0);
        code = code == 0 ? spool_folder_sync(s->dir) : code;
        status = code == 0 ? MQK_OK : cannot(err, s->dir, "the folder", strerrordesc_np(code));
        atomic_store(&s->synced_seq, s->next_seq - 1);
    }
    free(findings);
    return status;
}

struct spool *spool_open(const struct spool_settings *settings, const struct spool_owner *owner,
                         mqk_error *err) {
    struct spool *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);
    if (!s) {
        no_memory(err, settings->dir);
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    s->owner_fd = -1;
    s->reader.pinned = JOURNAL_SLOTS;
    if (!init_locks(s)) {
        free(s);
        no_memory(err, settings->dir);
        return NULL;
    }
    s->settings = *settings;
    s->owner = *owner;
    s->dir = strdup(settings->dir);
    s->seqs = malloc(SPOOL_DELETE_COUNT * sizeof(*s->seqs));
    s->sorted = malloc(SPOOL_DELETE_COUNT * sizeof(*s->sorted));
    mqk_status status =
        s->dir && s->seqs && s->sorted ? open_files(s, err) : no_memory(err, settings->dir);
    if (status == MQK_OK) {
        s->settings.dir = s->dir;
        spool_look_for_oldest(s);
        s->watch_ms = clock_monotonic_ms() + SPOOL_RETRY_MS;
        bool pages = spool_start_pages(s);
        if (pages && thread_start(&s->thread, "mqk-spool", spool_thread, s)) {
            return s;
        }
        if (pages) {
            spool_stop_pages(s);
        }
        no_memory(err, settings->dir);
    }
    free_spool(s);
    return NULL;
}

/* ---- Closing ---- */

static void end(struct spool *s) {
    spool_stop_pages(s);
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    spool_unpin(s, s->reader.pinned);
    s->reader.pinned = JOURNAL_SLOTS;
    pthread_cond_signal(&s->work);
    pthread_cond_broadcast(&s->synced_cond);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    while (!s->store_failed && spool_delete_done(s)) {
    }
    spool_remove_files(s);
    s->journal.dirty = true; /* also what is marked as done */
    spool_sync_journal(s);
    spool_tell_news(s);
}

void spool_close(struct spool *s) {
    if (s) {
        end(s);
        free_spool(s);
    }
}

void spool_discard(struct spool *s) {
    if (!s) {
        return;
    }
    end(s);
    if (s->records == 0 && !s->gone) {
        spool_folder_remove(s->dir);
    }
    free_spool(s);
}

/* ---- What was there before ---- */

#define PREPEND_CHUNK 1024u

static int store_items(struct spool *s, const struct spool_item *items, size_t count,
                       uint64_t first_seq, char **memory, size_t *capacity) {
    int rc = spool_store_begin(s->store);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        size_t size = spool_record_size(&items[i].record, items[i].rule);
        if (size > *capacity) {
            free(*memory);
            *capacity = size >= SPOOL_RECORD_MAX ? 0 : size;
            *memory = size >= SPOOL_RECORD_MAX ? NULL : malloc(size);
            if (!*memory) {
                *capacity = 0;
                return ENOMEM;
            }
        }
        spool_record_write(*memory, size, first_seq + i, &items[i].record, items[i].rule,
                           items[i].accepted_ms);
        rc = spool_store_add(s->store, first_seq + i, *memory, size);
    }
    return rc;
}

size_t spool_prepend(struct spool *s, const struct spool_item *items, size_t count) {
    char *memory = NULL;
    size_t capacity = 0;
    size_t done = 0;
    pthread_mutex_lock(&s->write_lock);
    uint64_t low = spool_store_state(s->store).low - count;
    bool ok = true;
    while (ok && done < count) {
        size_t chunk = count - done < PREPEND_CHUNK ? count - done : PREPEND_CHUNK;
        uint64_t bytes = spool_store_state(s->store).bytes;
        int rc = store_items(s, items + done, chunk, low + done, &memory, &capacity);
        spool_store_set_low(s->store, low);
        ok = spool_end_transaction(s, rc);
        if (ok) {
            pthread_mutex_lock(&s->lock);
            s->records += chunk;
            s->bytes += spool_store_state(s->store).bytes - bytes;
            s->store_waiting += chunk;
            atomic_fetch_add(&s->waiting, chunk);
            s->cursor = low + done < s->cursor ? low + done : s->cursor;
            s->moves++;
            pthread_mutex_unlock(&s->lock);
            done += chunk;
        }
    }
    pthread_mutex_unlock(&s->write_lock);
    free(memory);
    return done;
}

/* ---- A folder that went away ---- */

void spool_reopen_store(struct spool *s) {
    pthread_mutex_lock(&s->read_lock);
    spool_store_reopen(s->store);
    pthread_mutex_unlock(&s->read_lock);
}

static bool exists(const char *dir, const char *name) {
    char path[SPOOL_PATH_SIZE];
    struct stat st;
    return spool_folder_path(path, dir, name) && lstat(path, &st) == 0;
}

static int remake_journal(struct spool *s) {
    if (exists(s->dir, SPOOL_JOURNAL_FILE)) {
        return EEXIST;
    }
    pthread_mutex_lock(&s->lock);
    int code = journal_remake(&s->journal, s->dir);
    if (s->dirty_since_ms == 0) {
        s->dirty_since_ms = clock_monotonic_ms();
    }
    pthread_mutex_unlock(&s->lock);
    return code;
}

static int remake_store(struct spool *s) {
    if (exists(s->dir, SPOOL_DATA_FILE)) {
        return EEXIST;
    }
    pthread_mutex_lock(&s->write_lock);
    pthread_mutex_lock(&s->read_lock);
    int code = spool_store_copy(s->store, s->dir);
    if (code == 0) {
        code = spool_store_reopen(s->store);
    }
    pthread_mutex_unlock(&s->read_lock);
    pthread_mutex_unlock(&s->write_lock);
    return code;
}

/* What is open can still be read, and is all there is: it is written to new files. */
static int remake(struct spool *s, mqk_error *err) {
    int code = spool_folder_make(s->dir);
    if (code == 0 && !spool_folder_in_place(s->dir, SPOOL_OWNER_FILE, s->owner_fd)) {
        int fd = spool_folder_own(s->dir, err);
        if (fd < 0) {
            return EBUSY;
        }
        close(s->owner_fd);
        s->owner_fd = fd;
    }
    if (code == 0 && !spool_folder_in_place(s->dir, SPOOL_JOURNAL_FILE, s->journal.fd)) {
        code = remake_journal(s);
    }
    if (code == 0 && !spool_store_in_place(s->store, s->dir)) {
        code = remake_store(s);
    }
    return code == 0 ? spool_folder_sync(s->dir) : code;
}

void spool_watch_folder(struct spool *s) {
    bool there = spool_folder_in_place(s->dir, SPOOL_OWNER_FILE, s->owner_fd) &&
                 spool_folder_in_place(s->dir, SPOOL_JOURNAL_FILE, s->journal.fd) &&
                 spool_store_in_place(s->store, s->dir);
    if (there && !s->gone) {
        return;
    }
    bool first = !s->gone;
    mqk_error err = {0};
    int code = 0;
    if (!there && first) {
        /* Refuse what is new before the long work. */
        pthread_mutex_lock(&s->lock);
        s->gone = true;
        snprintf(s->gone_message, sizeof(s->gone_message), "files of the spool in %.80s are gone",
                 s->dir);
        pthread_mutex_unlock(&s->lock);
    }
    if (!there) {
        code = remake(s, &err);
    }
    char why[100];
    pthread_mutex_lock(&s->lock);
    s->gone = code != 0;
    if (code != 0) {
        snprintf(s->gone_message, sizeof(s->gone_message),
                 "files of the spool in %.70s are gone and cannot be made anew: %.40s; %s", s->dir,
                 code == EEXIST ? "others have taken their place"
                                : spool_store_error(code, why, sizeof(why)),
                 code == EEXIST ? "remove those" : "bring the folder back");
    }
    pthread_mutex_unlock(&s->lock);
    if (code == 0) {
        log_write(s->owner.log, MQK_LOG_WARNING, NULL,
                  there ? "the spool's folder %s is back"
                        : "files of the spool in %s were gone and have been made anew",
                  s->dir);
    } else if (first) {
        log_write(s->owner.log, MQK_LOG_ERROR, NULL, "%s", s->gone_message);
    }
}
