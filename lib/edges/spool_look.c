/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spool_folder.h"

#define LOOK_TRIES 8
#define LOOK_PIECE 4096u

/* From the end to the start: frames are written in ascending order, so when one of them is there,
 * those before it are, too, however long this takes. */
static bool copy_backwards(const struct journal *j, const struct block *b, off_t at) {
    for (uint32_t end = b->size; end > 0;) {
        uint32_t start = end > LOOK_PIECE ? end - LOOK_PIECE : 0;
        if (pread(j->fd, b->base + start, end - start, at + start) < 0) {
            return false;
        }
        end = start;
    }
    return true;
}

/* The block's head tells when it has been given to other records meanwhile. */
static int copy_block(const struct journal *j, const struct block *b, uint32_t index) {
    off_t at = (off_t)(FILE_HEAD + (uint64_t)index * b->size);
    char before[JOURNAL_FIRST] = {0};
    char after[JOURNAL_FIRST] = {0};
    for (int i = 0; i < LOOK_TRIES; i++) {
        if (pread(j->fd, before, sizeof(before), at) < 0 || !copy_backwards(j, b, at) ||
            pread(j->fd, after, sizeof(after), at) < 0) {
            return errno;
        }
        if (memcmp(before, after, sizeof(before)) == 0) {
            break;
        }
    }
    return 0;
}

static int copy_journal(struct journal *j) {
    size_t size = FILE_HEAD + (size_t)j->block_count * j->block_size;
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return errno;
    }
    j->map_size = size;
    journal_lay_out(j, map);
    for (uint32_t i = 0; i < j->block_count; i++) {
        int code = copy_block(j, &j->blocks[i], i);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

mqk_status journal_look(struct journal *j, const char *dir, struct journal_findings *findings,
                        int *code) {
    char path[SPOOL_PATH_SIZE];
    bool damaged = false;
    memset(j, 0, sizeof(*j));
    memset(findings, 0, sizeof(*findings));
    j->open = JOURNAL_SLOTS;
    j->fd = -1;
    *code = ENAMETOOLONG;
    if (!spool_folder_path(path, dir, SPOOL_JOURNAL_FILE)) {
        return MQK_ERR_IO;
    }
    j->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    *code = errno;
    if (j->fd < 0 && errno != ENOENT) {
        return MQK_ERR_IO;
    }
    if (j->fd >= 0) {
        mqk_status status = journal_read_head(j, &damaged);
        *code = status == MQK_OK ? copy_journal(j) : 0;
        if (status != MQK_OK || *code != 0) {
            return journal_fail(j, status == MQK_OK ? MQK_ERR_IO : status);
        }
    }
    *code = journal_scan_copy(j, dir, findings);
    return *code == 0 ? MQK_OK : journal_fail(j, MQK_ERR_IO);
}
