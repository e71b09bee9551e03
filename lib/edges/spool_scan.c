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
    const char *at = b->base + b->size - BLOCK_SEAL;
    seal->used = spool_get32(at);
    seal->last_seq = spool_get64(at + 8);
    uint64_t count = seal->last_seq + 1 - spool_get64(b->base + 8);
    return spool_get32(at + 16) == block_seal_crc(b) && seal->used >= JOURNAL_FIRST &&
           seal->used <= b->end && seal->used % 8 == 0 && count <= b->size / FRAME_MIN;
}

static bool has_head(const struct block *b) {
    return spool_get32(b->base) == BLOCK_MAGIC && spool_get32(b->base + 4) == b->size &&
           spool_get32(b->base + 16) == block_head_crc(b->base);
}

static bool is_blank(const struct block *b) {
    static const char nothing[JOURNAL_FIRST];
    return memcmp(b->base, nothing, sizeof(nothing)) == 0;
}

static bool mark_ok(const struct journal *j, const struct block *b, uint32_t offset, uint64_t seq) {
    return offset + FRAME_MIN <= b->end && frame_seq(b, offset) == seq && seq > 0 &&
           spool_get32(b->base + offset + AT_MARK) == frame_mark(j->salt, seq, offset);
}

static size_t record_ok(const struct block *b, uint32_t offset, uint64_t seq) {
    return spool_record_check(b->base + offset + FRAME_HEAD, b->end - offset - FRAME_HEAD, seq);
}

struct scan {
    const struct journal *j;
    struct block *b;
    uint64_t moved;
    uint64_t last; /* number of the last frame, … */
    bool known;    /* … or of the one before the first, when the block's head tells it */
    uint64_t end;  /* numbers from here on stand in other blocks */
    struct journal_findings *findings;
    int code;  /* why a big record's file could not be looked at; 0: all could */
    bool look; /* somebody else's folder: nothing is changed there */
};

/* Whether this number may come next, when those that are lost had so many bytes. Else the frame is
 * of another use of the block: after power went, the disk may have single pages of one that had not
 * come so far that anything of it counts. */
static bool follows(const struct scan *scan, uint64_t seq, uint32_t room) {
    return !scan->known ||
           (seq > scan->last && seq - scan->last - 1 <= room / FRAME_MIN && seq < scan->end);
}

/* Of what cannot be read, what somebody needs, up to this number. */
static uint64_t count_lost(const struct scan *scan, uint64_t to) {
    uint64_t lost = 0;
    for (uint64_t seq = scan->last + 1; seq <= to; seq++) {
        lost += seq > scan->moved && journal_state(scan->b, seq) != FRAME_DONE;
    }
    return lost;
}

/* The next frame that is whole, behind one at `from` that is not; 0: there is none. */
static uint32_t find_frame(const struct scan *scan, uint32_t from) {
    const struct block *b = scan->b;
    for (uint32_t at = from + FRAME_MIN; at + FRAME_MIN <= b->end; at += 8) {
        uint64_t seq = frame_seq(b, at);
        bool behind_hole = !scan->known || seq != scan->last + 1;
        if (behind_hole && follows(scan, seq, at - from) && mark_ok(scan->j, b, at, seq) &&
            record_ok(b, at, seq) > 0) {
            return at;
        }
    }
    return 0;
}

/* Where the frame behind this one would be. A gap goes to the end of a page. */
static uint32_t behind(const struct block *b, uint32_t offset, size_t size) {
    uint64_t after = (uint64_t)offset + frame_size(size);
    if (after >= b->end) {
        return b->end;
    }
    uint32_t gap = block_page_rest(b, (uint32_t)after);
    bool is_gap = spool_get32(b->base + offset + AT_GAP) == gap;
    return (uint32_t)after + (is_gap ? gap : 0);
}

static void go_behind(struct scan *scan, uint32_t offset, size_t size, uint64_t seq) {
    struct block *b = scan->b;
    b->tail = offset;
    b->used = behind(b, offset, size);
    spool_put32(b->base + offset + AT_GAP, b->used - offset - frame_size(size));
    b->count++;
    scan->last = seq;
    scan->known = true;
}

/* What cannot be read becomes a frame that is done, so that one can go from frame to frame. */
static void fill_hole(struct scan *scan, uint32_t from, uint32_t to, uint64_t seq) {
    char *frame = scan->b->base + from;
    spool_put64(frame + AT_SEQ, seq);
    spool_put32(frame + AT_MARK, frame_mark(scan->j->salt, seq, from));
    spool_put32(frame + AT_GAP, 0);
    frame_write_state(scan->b, seq, FRAME_DONE);
    spool_put32(frame + FRAME_HEAD, to - from - FRAME_HEAD - SPOOL_RECORD_HEAD);
    go_behind(scan, from, to - from - FRAME_HEAD, seq);
}

static void take_frame(struct scan *scan, uint32_t offset, uint64_t seq, size_t size) {
    struct block *b = scan->b;
    if (b->first_seq == 0) {
        b->first_seq = seq;
    }
    /* Its head may be what was damaged. */
    spool_put64(b->base + offset + AT_SEQ, seq);
    spool_put32(b->base + offset + AT_MARK, frame_mark(scan->j->salt, seq, offset));
    go_behind(scan, offset, size, seq);
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
    uint32_t at = JOURNAL_FIRST;
    while (at + FRAME_MIN <= b->end) {
        uint64_t seq = scan->known ? scan->last + 1 : frame_seq(b, at);
        size_t size = record_ok(b, at, seq);
        if (size > 0 && (scan->known || mark_ok(scan->j, b, at, seq))) {
            take_frame(scan, at, seq, size);
            at = b->used;
            continue;
        }
        uint32_t gap = block_page_rest(b, at);
        if (b->count > 0 && mark_ok(scan->j, b, at + gap, seq) && record_ok(b, at + gap, seq) > 0) {
            /* The word that tells of the gap is what was damaged. */
            spool_put32(b->base + b->tail + AT_GAP, gap);
            b->used = at += gap;
            continue;
        }
        uint64_t own = frame_seq(b, at);
        size_t own_size = frame_record(b, at).len;
        bool is_frame = follows(scan, own, frame_size(own_size)) && mark_ok(scan->j, b, at, own);
        if (is_frame && b->first_seq == 0) {
            b->first_seq = own;
        }
        bool done = is_frame && frame_state(b, at) == FRAME_DONE;
        /* A hole that was filled before, or something that nobody needs any more. */
        uint32_t after = behind(b, at, own_size);
        if (done && after + FRAME_MIN <= b->end &&
            (record_ok(b, after, own + 1) > 0 || mark_ok(scan->j, b, after, own + 1))) {
            go_behind(scan, at, own_size, own);
            at = b->used;
            continue;
        }
        uint32_t next = find_frame(scan, at);
        if (next == 0) {
            if (is_frame && !done) {
                b->damaged = true;
                scan->findings->damaged++;
            }
            return;
        }
        uint64_t found = frame_seq(b, next);
        scan->findings->damaged += scan->known ? count_lost(scan, found - 1) : 1;
        b->damaged = true;
        fill_hole(scan, at, next, found - 1);
        at = next;
    }
}

static void see(struct journal_findings *findings, uint64_t seq) {
    if (seq > findings->last_seq) {
        findings->last_seq = seq;
    }
}

/* Where the block begins that was opened after the one that begins here, as far as can be known. */
static uint64_t first_behind(const struct journal *j, uint64_t first_seq) {
    uint64_t behind = UINT64_MAX;
    for (uint32_t i = 0; i < j->block_count; i++) {
        uint64_t other = has_head(&j->blocks[i]) ? spool_get64(j->blocks[i].base + 8) : 0;
        behind = other > first_seq && other < behind ? other : behind;
    }
    return behind;
}

/* Whether the block is in use. */
static bool scan_block(struct scan *scan) {
    struct block *b = scan->b;
    struct seal seal = {0};
    block_reset(b);
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
        scan->end = first_behind(scan->j, b->first_seq);
    } else {
        b->first_seq = 0;
        scan->last = 0;
        scan->known = false;
        scan->end = UINT64_MAX;
        b->damaged = !is_blank(b);
        if (!b->damaged && !mark_ok(scan->j, b, JOURNAL_FIRST, frame_seq(b, JOURNAL_FIRST))) {
            return false;
        }
    }
    scan_frames(scan);
    if (sealed && seal.last_seq > scan->last) {
        scan->findings->damaged += count_lost(scan, seal.last_seq);
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
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)JOURNAL_PAGE ||
        st.st_size > (off_t)SPOOL_RECORD_MAX + (1 << 20)) {
        close(fd);
        return st.st_size == 0 ? BIG_USELESS : BIG_DAMAGED;
    }
    b->size = (uint32_t)st.st_size / JOURNAL_PAGE * JOURNAL_PAGE;
    char *base =
        mmap(NULL, b->size, PROT_READ | PROT_WRITE, scan->look ? MAP_PRIVATE : MAP_SHARED, fd, 0);
    close(fd);
    if (base == MAP_FAILED) {
        return BIG_UNREACHABLE;
    }
    b->base = base;
    b->end = block_end_big(b->size);
    block_reset(b);
    size_t size = record_ok(b, JOURNAL_FIRST, seq);
    if (size > 0) {
        b->first_seq = b->last_seq = seq;
        take_frame(scan, JOURNAL_FIRST, seq, size);
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
        journal_read_ahead(scan.b);
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
