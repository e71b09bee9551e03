/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"
#include "spool_folder.h"
#include "spool_record.h"

#define MIN_BLOCK_SIZE 4096u
#define MAX_BLOCK_SIZE ((uint32_t)64 << 20)

/* ---- The file's head ---- */

static void write_file_head(char *page, const struct journal *j) {
    memset(page, 0, FILE_HEAD);
    memcpy(page, FILE_MAGIC, sizeof(FILE_MAGIC));
    spool_put32(page + 16, FILE_VERSION);
    spool_put32(page + 20, j->block_size);
    spool_put32(page + 24, j->block_count);
    spool_put64(page + 32, j->salt);
    spool_put32(page + 40, crc32c(0, page, 40));
    memcpy(page + FILE_COPY_AT, page, FILE_COPY_SIZE);
}

/* MQK_ERR_SYNTAX when this copy is none. */
static mqk_status read_file_head(const char *copy, struct journal *j) {
    if (memcmp(copy, FILE_MAGIC, sizeof(FILE_MAGIC)) != 0) {
        return MQK_ERR_SYNTAX;
    }
    if (spool_get32(copy + 40) != crc32c(0, copy, 40)) {
        return MQK_ERR_SYNTAX;
    }
    if (spool_get32(copy + 16) != FILE_VERSION) {
        return MQK_ERR_CONFIG;
    }
    j->block_size = spool_get32(copy + 20);
    j->block_count = spool_get32(copy + 24);
    j->salt = spool_get64(copy + 32);
    bool sane = j->block_size >= MIN_BLOCK_SIZE && j->block_size <= MAX_BLOCK_SIZE &&
                j->block_size % MIN_BLOCK_SIZE == 0 && j->block_count > 0 &&
                j->block_count <= JOURNAL_MAX_BLOCKS;
    return sane ? MQK_OK : MQK_ERR_SYNTAX;
}

static int map_file(struct journal *j) {
    j->map_size = FILE_HEAD + (size_t)j->block_count * j->block_size;
    int code = posix_fallocate(j->fd, 0, (off_t)j->map_size);
    if (code != 0) {
        return code;
    }
    char *map = mmap(NULL, j->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
    if (map == MAP_FAILED) {
        return errno;
    }
    journal_keep_pages_small(map, j->map_size);
    journal_lay_out(j, map);
    return 0;
}

/* Maps the file with more blocks when the disk has room for them, else as it is. What lies behind
 * its end is no part of it. */
static int map_and_grow(struct journal *j, uint32_t block_count) {
    uint32_t before = j->block_count;
    off_t size = (off_t)(FILE_HEAD + (uint64_t)before * j->block_size);
    if (block_count <= before || ftruncate(j->fd, size) != 0) {
        return map_file(j);
    }
    j->block_count = block_count;
    int code = map_file(j);
    if (code == 0) {
        write_file_head(j->map, j);
        return 0;
    }
    j->block_count = before;
    return ftruncate(j->fd, size) == 0 ? map_file(j) : code;
}

static int make_journal(struct journal *j, const char *dir, uint32_t block_size,
                        uint32_t block_count) {
    char page[FILE_HEAD];
    char path[SPOOL_PATH_SIZE];
    char draft[SPOOL_PATH_SIZE];
    int code;
    j->block_size = block_size;
    j->block_count = block_count;
    if (getrandom(&j->salt, sizeof(j->salt), 0) != sizeof(j->salt)) {
        return errno;
    }
    if (!spool_folder_path(path, dir, SPOOL_JOURNAL_FILE) ||
        !spool_folder_path(draft, dir, SPOOL_JOURNAL_FILE ".new")) {
        return ENAMETOOLONG;
    }
    size_t size = FILE_HEAD + (size_t)block_count * block_size;
    j->fd = journal_make_file(draft, size, &code);
    if (j->fd < 0) {
        return code;
    }
    write_file_head(page, j);
    code = pwrite(j->fd, page, sizeof(page), 0) == (ssize_t)sizeof(page) ? map_file(j) : errno;
    if (code == 0 && (fdatasync(j->fd) != 0 || rename(draft, path) != 0)) {
        code = errno;
    }
    if (code != 0) {
        unlink(draft);
    }
    return code;
}

/* ---- All of it ---- */

mqk_status journal_fail(struct journal *j, mqk_status status) {
    if (!j->map && j->fd >= 0) {
        close(j->fd);
    }
    journal_close(j);
    return status;
}

mqk_status journal_read_head(struct journal *j, bool *damaged) {
    char page[FILE_HEAD] = {0};
    struct stat st = {0};
    ssize_t got = pread(j->fd, page, sizeof(page), 0);
    mqk_status status = got <= 0 ? MQK_ERR_SYNTAX : read_file_head(page, j);
    if (status == MQK_ERR_SYNTAX && got > 0) {
        status = read_file_head(page + FILE_COPY_AT, j);
        *damaged = true;
    }
    fstat(j->fd, &st);
    *damaged =
        *damaged || st.st_size < (off_t)(FILE_HEAD + (uint64_t)j->block_count * j->block_size);
    return status;
}

mqk_status journal_open(struct journal *j, const char *dir, uint32_t block_size,
                        uint32_t block_count, uint64_t moved, struct journal_findings *findings,
                        int *code) {
    char path[SPOOL_PATH_SIZE];
    memset(j, 0, sizeof(*j));
    memset(findings, 0, sizeof(*findings));
    j->open = JOURNAL_SLOTS;
    j->dirty = true;
    if (!spool_folder_path(path, dir, SPOOL_JOURNAL_FILE)) {
        *code = ENAMETOOLONG;
        return MQK_ERR_IO;
    }
    j->fd = open(path, O_RDWR | O_CLOEXEC);
    if (j->fd < 0 && errno != ENOENT) {
        *code = errno;
        return MQK_ERR_IO;
    }
    bool damaged = false;
    if (j->fd >= 0) {
        mqk_status status = journal_read_head(j, &damaged);
        if (status != MQK_OK) {
            return journal_fail(j, status);
        }
        bool may_grow = !damaged && j->block_size == block_size;
        *code = may_grow ? map_and_grow(j, block_count) : map_file(j);
        if (*code != 0) {
            return journal_fail(j, MQK_ERR_IO);
        }
        *code = journal_scan(j, dir, moved, damaged, findings);
        if (*code != 0) {
            return journal_fail(j, MQK_ERR_IO);
        }
        bool other = j->block_size != block_size || j->block_count != block_count;
        if (damaged) {
            write_file_head(j->map, j);
        }
        if (!other || j->order_count > 0) {
            madvise(j->map, j->map_size, MADV_DONTNEED); /* all of it has been looked at */
            return MQK_OK;
        }
        journal_close(j);
        j->open = JOURNAL_SLOTS;
        j->dirty = true;
        j->fd = -1;
    }
    *code = make_journal(j, dir, block_size, block_count);
    if (*code != 0) {
        return journal_fail(j, MQK_ERR_IO);
    }
    j->free_blocks = block_count;
    *code = journal_scan_big(j, dir, moved, findings);
    return *code == 0 ? MQK_OK : journal_fail(j, MQK_ERR_IO);
}
