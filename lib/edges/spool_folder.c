/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

#define FOLDER_MODE 0700
#define OWN_TRIES   10

bool spool_folder_path(char *out, const char *dir, const char *name) {
    int len = snprintf(out, SPOOL_PATH_SIZE, "%s/%s", dir, name);
    return len > 0 && (size_t)len < SPOOL_PATH_SIZE;
}

bool spool_folder_has_files(const char *dir, mqk_error *err) {
    static const char *const names[] = {SPOOL_JOURNAL_FILE, SPOOL_DATA_FILE, SPOOL_OWNER_FILE};
    char path[SPOOL_PATH_SIZE];
    struct stat st;
    int code = ENOENT;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (spool_folder_path(path, dir, names[i]) && stat(path, &st) == 0) {
            return true;
        }
        code = errno;
    }
    bool is_there = code == ENOENT && stat(dir, &st) == 0;
    error_set(err, MQK_ERR_SPOOL, 0, 0, "there is no spool in %s: %s", dir,
              is_there ? "it has none of its files" : strerrordesc_np(code));
    return false;
}

int spool_folder_make(const char *dir) {
    char path[SPOOL_PATH_SIZE];
    size_t len = strlen(dir);
    if (len == 0 || len >= sizeof(path)) {
        return len == 0 ? ENOENT : ENAMETOOLONG;
    }
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        char end = path[i];
        path[i] = '\0';
        int rc = mkdir(path, FOLDER_MODE) == 0 ? 0 : errno;
        struct stat st;
        if (rc != 0 && !(stat(path, &st) == 0 && S_ISDIR(st.st_mode))) {
            return rc == EEXIST ? ENOTDIR : rc;
        }
        path[i] = end;
    }
    return 0;
}

/* Number of the process that says it owns the folder, or 0. */
static long owner_of(int fd) {
    char text[32] = {0};
    return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static int refused(mqk_error *err, const char *dir, int code) {
    error_set(err, MQK_ERR_SPOOL, 0, 0,
              "the spool's folder %s cannot be written: %s; make it writable for this process, or "
              "choose another folder",
              dir, strerrordesc_np(code));
    return -1;
}

int spool_folder_own(const char *dir, mqk_error *err) {
    char path[SPOOL_PATH_SIZE];
    if (!spool_folder_path(path, dir, SPOOL_OWNER_FILE)) {
        return refused(err, dir, ENAMETOOLONG);
    }
    /* A folder that is being removed by its owner takes the file away between open and lock. */
    for (int i = 0; i < OWN_TRIES; i++) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, SPOOL_FILE_MODE);
        if (fd < 0) {
            return refused(err, dir, errno);
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int code = errno;
            long owner = owner_of(fd);
            close(fd);
            /* Somebody may only have looked whether it is taken. */
            if (code == EWOULDBLOCK && i + 1 < OWN_TRIES) {
                nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
                continue;
            }
            if (code != EWOULDBLOCK) {
                return refused(err, dir, code);
            }
            error_set(err, MQK_ERR_SPOOL, 0, 0,
                      "the spool in %s is in use by process %ld; end that process, or give each "
                      "process a folder of its own",
                      dir, owner);
            return -1;
        }
        if (spool_folder_in_place(dir, SPOOL_OWNER_FILE, fd)) {
            char text[32];
            int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
            if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
                int code = errno;
                close(fd);
                return refused(err, dir, code);
            }
            return fd;
        }
        close(fd);
    }
    return refused(err, dir, EBUSY);
}

bool spool_folder_in_place(const char *dir, const char *name, int fd) {
    char path[SPOOL_PATH_SIZE];
    struct stat ours;
    struct stat there;
    return spool_folder_path(path, dir, name) && fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
           ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

static int copy_file(const char *from, const char *to) {
    char buffer[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, SPOOL_FILE_MODE);
    int rc = out < 0 ? errno : 0;
    ssize_t got = 0;
    while (rc == 0 && (got = read(in, buffer, sizeof(buffer))) > 0) {
        if (write(out, buffer, (size_t)got) != got) {
            rc = errno ? errno : ENOSPC;
        }
    }
    rc = rc == 0 && got < 0 ? errno : rc;
    if (in >= 0) {
        close(in);
    }
    if (out >= 0) {
        close(out);
        if (rc != 0) {
            unlink(to);
        }
    }
    return rc;
}

int spool_folder_set_aside(const char *dir, const char *name, bool copy, char *aside) {
    char from[SPOOL_PATH_SIZE];
    char when[32];
    struct tm utc;
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &utc);
    if (!spool_folder_path(from, dir, name)) {
        return ENAMETOOLONG;
    }
    for (int i = 0; i < 1000; i++) {
        char suffix[16] = "";
        if (i > 0) {
            snprintf(suffix, sizeof(suffix), "-%d", i);
        }
        int len = snprintf(aside, SPOOL_PATH_SIZE, "%s/%s.damaged-%s%s", dir, name, when, suffix);
        if (len < 0 || (size_t)len >= SPOOL_PATH_SIZE) {
            return ENAMETOOLONG;
        }
        struct stat st;
        if (lstat(aside, &st) != 0) {
            if (copy) {
                return copy_file(from, aside);
            }
            return rename(from, aside) == 0 ? 0 : errno;
        }
    }
    return EEXIST;
}

int spool_folder_sync(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int rc = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return rc;
}

void spool_folder_remove(const char *dir) {
    /* The owner's file last: whoever comes meanwhile finds that it is taken. */
    static const char *const names[] = {SPOOL_JOURNAL_FILE, SPOOL_DATA_FILE, SPOOL_LOCK_FILE,
                                        SPOOL_OWNER_FILE};
    char path[SPOOL_PATH_SIZE];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (spool_folder_path(path, dir, names[i])) {
            unlink(path);
        }
    }
    rmdir(dir);
}
