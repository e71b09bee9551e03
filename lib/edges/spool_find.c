/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "spool_folder.h"

static bool has_file(const char *dir, const char *name) {
    char path[SPOOL_PATH_SIZE];
    return spool_folder_path(path, dir, name) && access(path, F_OK) == 0;
}

static bool is_spool(const char *dir) {
    return has_file(dir, SPOOL_JOURNAL_FILE) || has_file(dir, SPOOL_DATA_FILE);
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static mqk_status unreadable(mqk_error *err, const char *dir, int code) {
    return error_set(err, code == ENOMEM ? MQK_ERR_NO_MEMORY : MQK_ERR_IO, 0, 0,
                     "the folder %s cannot be read: %s", dir, strerrordesc_np(code));
}

int spool_find(const char *dir, void (*found)(void *user, const char *path), void *user,
               mqk_error *err) {
    char *const roots[] = {(char *)(uintptr_t)dir, NULL};
    FTS *walk =
        dir[0] ? fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name) : NULL;
    mqk_status failure = MQK_OK;
    int count = 0;
    if (!walk) {
        return unreadable(err, dir, dir[0] ? errno : ENOENT);
    }
    for (FTSENT *entry; (entry = fts_read(walk));) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
            (entry->fts_info == FTS_NS && entry->fts_level == 0)) {
            failure = failure ? failure : unreadable(err, entry->fts_path, entry->fts_errno);
        } else if (entry->fts_info == FTS_D && is_spool(entry->fts_path)) {
            fts_set(walk, entry, FTS_SKIP);
            found(user, entry->fts_path);
            count += 1;
        } else if (entry->fts_info == FTS_D && entry->fts_level == SPOOL_FIND_DEPTH) {
            fts_set(walk, entry, FTS_SKIP);
        } else if (entry->fts_level == 0 && entry->fts_info != FTS_D && entry->fts_info != FTS_DP) {
            failure = unreadable(err, entry->fts_path, ENOTDIR);
        }
    }
    fts_close(walk);
    return failure ? (int)failure : count;
}

uint64_t spool_find_disk_bytes(const char *dir) {
    DIR *folder = opendir(dir);
    uint64_t bytes = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat st;
        if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode)) {
            bytes += (uint64_t)st.st_blocks * 512;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return bytes;
}
