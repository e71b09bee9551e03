/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_journal_private.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_folder.h"
#include "spool_record.h"

struct seal {
    uint32_t used;
    uint64_t last_seq;
};

/* ---- Blocks ---- */

static bool read_seal(const struct block *b, struct seal *seal) {
    seal->used = spool_get32(b->base + BLOCK_SEAL_AT);
    seal->last_seq = spool_get64(b->base + BLOCK_SEAL_AT + 8);
    return spool_get32(b->base + BLOCK_SEAL_AT + 16) == block_seal_crc(b->base) &&
           seal->used >= b->first && seal->used <= b->size && seal->used % 8 == 0;
}

static bool has_head(const struct block *b) {
    return spool_get32(b->base) == BLOCK_MAGIC && spool_get32(b->base + 4) == b->size &&
           spool_get32(b->base + 16) == block_head_crc(b->base);
}

static bool is_blank(const struct block *b) {
    static const char nothing[BLOCK_HEAD];
    return memcmp(b->base, nothing, BLOCK_HEAD) == 0;
}

/* The head of a frame with a number not far above `last` (0: any). */
static bool head_ok(const struct journal *j, const struct block *b, uint32_t offset,
                    uint64_t last) {
    uint64_t seq = frame_seq(b, offset);
    if (seq <= last || (last > 0 && seq - last > b->size / FRAME_MIN)) {
        return false;
    }
    return spool_get32(b->base + offset + AT_MARK) == frame_mark(j->salt, seq, offset);
}

static size_t record_ok(const struct block *b, uint32_t offset, uint64_t seq) {
    return spool_record_check(b->base + offset + FRAME_HEAD, b->size - offset - FRAME_HEAD, seq);
}

/* The next frame that is whole, behind one that is not; 0: there is none. */
static uint32_t find_frame(const struct journal *j, const struct block *b, uint32_t from,
                           uint64_t last) {
    for (uint32_t at = from; at + FRAME_MIN <= b->size; at += 8) {
        if (head_ok(j, b, at, last) && record_ok(b, at, frame_seq(b, at)) > 0) {
            return at;
        }
    }
    return 0;
}

/* What cannot be read becomes a frame that is done, so that one can go from frame to frame. */
static void fill_gap(const struct journal *j, struct block *b, uint32_t from, uint32_t to,
                     uint64_t seq) {
    char *frame = b->base + from;
    spool_put64(frame + AT_SEQ, seq);
    spool_put32(frame + AT_MARK, frame_mark(j->salt, seq, from));
    frame_write_state(b, seq, FRAME_DONE);
    spool_put32(frame + FRAME_HEAD, to - from - FRAME_HEAD - SPOOL_RECORD_HEAD);
}

struct scan {
    const struct journal *j;
    struct block *b;
    uint64_t moved;
    uint64_t last; /* number of the last frame, … */
    bool known;    /* … or of the one before the first, when the block's head tells it */
    struct journal_findings *findings;
    int code;  /* why a big record's file could not be looked at; 0: all could */
    bool look; /* somebody else's folder: nothing is changed there */
};

static void take_frame(struct scan *scan, uint32_t offset, uint64_t seq, size_t size) {
    struct block *b = scan->b;
    if (b->first_seq == 0) {
        b->first_seq = seq;
    }
    /* Its head may be what was damaged. */
    spool_put64(b->base + offset + AT_SEQ, seq);
    spool_put32(b->base + offset + AT_MARK, frame_mark(scan->j->salt, seq, offset));
    b->count++;
    b->used = offset + frame_size(size);
    scan->last = seq;
    scan->known = true;
    if (journal_state(b, seq) == FRAME_DONE) {
        return;
    }
    if (seq <= scan->moved) {
        frame_write_state(b, seq, FRAME_DONE);
        return;
    }
    frame_write_state(b, seq, FRAME_WAITING);
    b->live++;
    b->waiting++;
    scan->findings->records++;
    scan->findings->bytes += spool_record_cost(size);
}

/* Goes through the frames of a block. Numbers in a block follow one another. */
static void scan_frames(struct scan *scan) {
    struct block *b = scan->b;
    uint32_t at = b->first;
    while (at + FRAME_MIN <= b->size) {
        uint64_t seq = scan->known ? scan->last + 1 : frame_seq(b, at);
        size_t size = record_ok(b, at, seq);
        if (size > 0 && (scan->known || head_ok(scan->j, b, at, 0))) {
            take_frame(scan, at, seq, size);
            at = b->used;
            continue;
        }
        bool is_frame = head_ok(scan->j, b, at, scan->last);
        uint64_t own = frame_seq(b, at);
        if (is_frame && b->first_seq == 0) {
            b->first_seq = own;
        }
        bool done = is_frame && frame_state(b, at) == FRAME_DONE;
        /* A gap of an earlier recovery, or something that nobody needs any more. */
        uint64_t behind = (uint64_t)at + frame_size(frame_record(b, at).len);
        if (done && behind + FRAME_MIN <= b->size &&
            (record_ok(b, (uint32_t)behind, own + 1) > 0 ||
             head_ok(scan->j, b, (uint32_t)behind, own))) {
            b->count++;
            b->used = at = (uint32_t)behind;
            scan->last = own;
            scan->known = true;
            continue;
        }
        uint32_t next = find_frame(scan->j, b, at + 8, scan->last);
        if (next == 0) {
            if (is_frame && !done) {
                b->damaged = true;
                scan->findings->damaged++;
            }
            return;
        }
        uint64_t found = frame_seq(b, next);
        scan->findings->damaged += scan->known ? found - scan->last - 1 : 1;
        b->damaged = true;
        fill_gap(scan->j, b, at, next, found - 1);
        b->count++;
        scan->last = found - 1;
        scan->known = true;
        b->used = at = next;
    }
}

static void reset_block(struct block *b) {
    b->used = b->handed = b->scan = b->live_from = b->first;
    b->count = b->live = b->waiting = b->pins = 0;
    b->damaged = b->unsynced = false;
}

static void see(struct journal_findings *findings, uint64_t seq) {
    if (seq > findings->last_seq) {
        findings->last_seq = seq;
    }
}

/* Whether the block is in use. */
static bool scan_block(struct scan *scan) {
    struct block *b = scan->b;
    struct seal seal = {0};
    reset_block(b);
    b->state = BLOCK_FREE;
    bool head = has_head(b);
    bool sealed = head && read_seal(b, &seal);
    if (head) {
        b->first_seq = spool_get64(b->base + 8);
        see(scan->findings, b->first_seq > 0 ? b->first_seq - 1 : 0);
        if (sealed) {
            see(scan->findings, seal.last_seq);
        }
        if (spool_get32(b->base + 20) == block_free_mark(b->first_seq)) {
            return false;
        }
        scan->last = b->first_seq > 0 ? b->first_seq - 1 : 0;
        scan->known = true;
    } else {
        b->first_seq = 0;
        scan->last = 0;
        scan->known = false;
        b->damaged = !is_blank(b);
        if (!b->damaged && !head_ok(scan->j, b, b->first, 0)) {
            return false;
        }
    }
    scan_frames(scan);
    if (sealed && seal.last_seq > scan->last) {
        scan->findings->damaged += seal.last_seq - scan->last;
        b->damaged = true;
    }
    see(scan->findings, scan->last);
    b->last_seq = scan->last;
    if (b->live == 0 && !b->damaged) {
        return false;
    }
    b->state = BLOCK_SEALED;
    return true;
}

/* ---- Big records ---- */

/* The number in the name of a big record's file; 0: it is none. */
static uint64_t big_number(const char *name) {
    size_t prefix = strlen(SPOOL_BIG_PREFIX);
    if (strncmp(name, SPOOL_BIG_PREFIX, prefix) != 0 || strlen(name) != prefix + 16) {
        return 0;
    }
    for (const char *p = name + prefix; *p; p++) {
        if (!isxdigit((unsigned char)*p)) {
            return 0;
        }
    }
    return strtoull(name + prefix, NULL, 16);
}

enum big_file { BIG_TAKEN, BIG_USELESS, BIG_DAMAGED, BIG_UNREACHABLE };

static enum big_file map_big(struct scan *scan, const char *path, uint64_t seq) {
    struct block *b = scan->b;
    struct stat st;
    struct seal seal;
    int fd = open(path, (scan->look ? O_RDONLY | O_NONBLOCK : O_RDWR) | O_CLOEXEC);
    if (fd < 0) {
        return BIG_UNREACHABLE; /* no descriptor, no right: no fault of the file */
    }
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)(BIG_FIRST + FRAME_MIN) ||
        st.st_size > (off_t)SPOOL_RECORD_MAX + (1 << 20)) {
        close(fd);
        return st.st_size == 0 ? BIG_USELESS : BIG_DAMAGED;
    }
    b->size = (uint32_t)st.st_size / 4096 * 4096;
    char *base =
        mmap(NULL, b->size, PROT_READ | PROT_WRITE, scan->look ? MAP_PRIVATE : MAP_SHARED, fd, 0);
    close(fd);
    if (base == MAP_FAILED) {
        return BIG_UNREACHABLE;
    }
    b->base = base;
    b->first = BIG_FIRST;
    reset_block(b);
    size_t size = record_ok(b, b->first, seq);
    if (size > 0) {
        b->first_seq = b->last_seq = seq;
        take_frame(scan, b->first, seq, size);
        if (b->live > 0) {
            b->state = BLOCK_SEALED;
            return BIG_TAKEN;
        }
    }
    /* Without a seal it never counted. */
    enum big_file result =
        size == 0 && has_head(b) && read_seal(b, &seal) ? BIG_DAMAGED : BIG_USELESS;
    munmap(b->base, b->size);
    b->base = NULL;
    return result;
}

static void find_big(struct scan *scan, struct journal *j, const char *dir) {
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    uint32_t slot = JOURNAL_MAX_BLOCKS;
    scan->code = folder ? 0 : errno;
    while (folder && slot < JOURNAL_SLOTS && (entry = readdir(folder))) {
        char path[SPOOL_PATH_SIZE];
        uint64_t seq = big_number(entry->d_name);
        if (seq == 0 || !spool_folder_path(path, dir, entry->d_name)) {
            continue;
        }
        scan->b = &j->blocks[slot];
        see(scan->findings, seq);
        switch (map_big(scan, path, seq)) {
        case BIG_TAKEN:
            j->big_count++;
            j->big_bytes += scan->b->size;
            slot++;
            break;
        case BIG_UNREACHABLE:
            scan->code = errno == ENOENT ? scan->code : errno; /* its owner may have removed it */
            break;
        case BIG_DAMAGED:
            scan->findings->damaged++;
            if (!scan->look) {
                spool_folder_set_aside(dir, entry->d_name, false, scan->findings->aside);
            }
            break;
        case BIG_USELESS:
            if (!scan->look) {
                unlink(path);
            }
            break;
        }
    }
    if (folder) {
        closedir(folder);
    }
}

/* ---- All of it ---- */

static void sort_order(struct journal *j) {
    j->order_count = 0;
    for (uint32_t slot = 0; slot < JOURNAL_SLOTS; slot++) {
        const struct block *b = &j->blocks[slot];
        if (b->state != BLOCK_SEALED) {
            continue;
        }
        uint32_t at = j->order_count++;
        while (at > 0 && j->blocks[j->order[at - 1]].first_seq > b->first_seq) {
            j->order[at] = j->order[at - 1];
            at--;
        }
        j->order[at] = slot;
    }
}

int journal_scan(struct journal *j, const char *dir, uint64_t moved, bool damaged,
                 struct journal_findings *findings) {
    struct scan scan = {.j = j, .moved = moved, .findings = findings};
    j->free_blocks = 0;
    for (uint32_t i = 0; i < j->block_count; i++) {
        scan.b = &j->blocks[i];
        if (!scan_block(&scan)) {
            j->free_blocks++;
        }
        damaged = damaged || scan.b->damaged;
    }
    if (damaged) {
        spool_folder_set_aside(dir, SPOOL_JOURNAL_FILE, true, findings->aside);
    }
    find_big(&scan, j, dir);
    sort_order(j);
    for (uint32_t i = 0; i < j->block_count; i++) {
        struct block *b = &j->blocks[i];
        if (b->state == BLOCK_SEALED) {
            /* Also mends the head; what is damaged in the block has been told. */
            bool was_damaged = b->damaged;
            block_write_head(b);
            block_write_seal(b);
            b->damaged = was_damaged;
            journal_release(j, i);
        }
    }
    return scan.code;
}

int journal_scan_big(struct journal *j, const char *dir, uint64_t moved,
                     struct journal_findings *findings) {
    struct scan scan = {.j = j, .moved = moved, .findings = findings};
    find_big(&scan, j, dir);
    sort_order(j);
    return scan.code;
}

int journal_scan_copy(struct journal *j, const char *dir, struct journal_findings *findings) {
    struct scan scan = {.j = j, .findings = findings, .look = true};
    for (uint32_t i = 0; i < j->block_count; i++) {
        scan.b = &j->blocks[i];
        scan_block(&scan);
    }
    find_big(&scan, j, dir);
    sort_order(j);
    return scan.code;
}
