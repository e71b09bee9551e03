/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: blocks, and what is left of them after every kind of damage. */
#include "spool_kit.h"

#include "spool_journal.h"
#include "spool_record.h"

#define BLOCK_SIZE 4096u
#define BLOCKS     4u
#define RECORDS    60u
#define PAGE       4096u

/* A journal, its records, and how many of them come between two syncs; 0: there is none. */
struct shape {
    uint32_t block_size;
    uint32_t blocks;
    size_t value;
    unsigned sync;
};
static const struct shape SMALL = {BLOCK_SIZE, BLOCKS, 20, 0};
static const struct shape GAPS = {32 * PAGE, 2, 3000, 11}; /* a gap at each sync, nearly */

/* Opens a journal; what happened to a damaged file is not kept. */
static mqk_status open_shape(const struct kit *kit, const struct shape *shape, struct journal *j,
                             uint64_t moved, struct journal_findings *findings) {
    int code = 0;
    mqk_status status =
        journal_open(j, kit->dir, shape->block_size, shape->blocks, moved, findings, &code);
    if (findings->aside[0]) {
        unlink(findings->aside);
    }
    return status;
}

static mqk_status open_journal(const struct kit *kit, struct journal *j, uint64_t moved,
                               struct journal_findings *findings) {
    return open_shape(kit, &SMALL, j, moved, findings);
}

static bool put(struct journal *j, uint64_t number, size_t size) {
    struct kit_record r;
    uint32_t slot;
    uint32_t offset;
    kit_make(&r, number, size);
    size_t encoded = spool_record_size(&r.record, STR("rule"));
    bool room = journal_make_room(j, encoded, number);
    if (room) {
        journal_put(j, encoded, number, &r.record, STR("rule"), 5, number % 2 == 0, &slot, &offset);
        assert_non_null(journal_find(j, number, slot, offset));
    }
    free(r.value);
    return room;
}

/* Marks in `seen` the numbers of the live records, which must be sound and in order. */
static unsigned look(struct journal *j, bool seen[RECORDS + 1]) {
    uint64_t last = 0;
    unsigned count = 0;
    memset(seen, 0, RECORDS + 1);
    for (uint32_t i = 0; i < j->order_count; i++) {
        const struct block *b = &j->blocks[j->order[i]];
        for (uint32_t at = JOURNAL_FIRST; at < b->used; at = journal_after(b, at)) {
            uint64_t seq = frame_seq(b, at);
            if (frame_state(b, at) == FRAME_DONE) {
                continue;
            }
            if (seq <= last || seq > RECORDS) {
                fail_msg("%llu after %llu", (unsigned long long)seq, (unsigned long long)last);
            }
            last = seq;
            kit_check_encoded(frame_record(b, at), seq);
            seen[seq] = true;
            count++;
        }
    }
    return count;
}

static char *load(const struct kit *kit, size_t *size) {
    char path[SPOOL_PATH_SIZE];
    struct stat st;
    spool_folder_path(path, kit->dir, SPOOL_JOURNAL_FILE);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    char *data = malloc((size_t)st.st_size);
    assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
    close(fd);
    *size = (size_t)st.st_size;
    return data;
}

static void store(const struct kit *kit, const char *data, size_t size) {
    char path[SPOOL_PATH_SIZE];
    spool_folder_path(path, kit->dir, SPOOL_JOURNAL_FILE);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
}

/* A journal with records 1 to `count`, of which every fifth is done. */
static char *make_shape(const struct kit *kit, const struct shape *shape, unsigned count,
                        size_t *size, unsigned *live) {
    struct journal j;
    struct journal_findings findings;
    struct journal_dirty dirty;
    assert_int_equal(open_shape(kit, shape, &j, 0, &findings), MQK_OK);
    *live = 0;
    for (uint64_t seq = 1; seq <= count; seq++) {
        assert_true(put(&j, seq, shape->value));
        *live += seq % 5 != 0;
        if (shape->sync > 0 && seq % shape->sync == 0) {
            journal_take_dirty(&j, &dirty);
        }
    }
    for (uint32_t i = 0; i < j.order_count; i++) {
        struct block *b = &j.blocks[j.order[i]];
        for (uint32_t at = JOURNAL_FIRST; at < b->used; at = journal_after(b, at)) {
            if (frame_seq(b, at) % 5 == 0) {
                journal_set_state(b, frame_seq(b, at), at, FRAME_DONE);
            }
        }
    }
    journal_close(&j);
    return load(kit, size);
}

static char *make(const struct kit *kit, unsigned count, size_t *size, unsigned *live) {
    return make_shape(kit, &SMALL, count, size, live);
}

static void blocks_are_filled_and_freed(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_OK);
    uint64_t first = 1;
    uint64_t next = 1;
    for (int round = 0; round < 100; round++) {
        while (put(&j, next, 40)) {
            next++;
        }
        assert_true(next - first > 60);
        assert_int_equal(j.free_blocks, 0);
        /* The oldest block goes. */
        struct block *b = &j.blocks[j.order[0]];
        assert_int_equal(b->first_seq, first);
        for (uint32_t at = JOURNAL_FIRST; at < b->used; at = journal_after(b, at)) {
            assert_false(journal_release(&j, j.order[0]));
            journal_set_state(b, frame_seq(b, at), at, FRAME_DONE);
        }
        first = b->last_seq + 1;
        b->pins++;
        assert_false(journal_release(&j, j.order[0]));
        b->pins--;
        assert_true(journal_release(&j, j.order[0]));
        assert_int_equal(j.free_blocks, 1);
    }
    journal_close(&j);
    assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_OK);
    assert_int_equal(findings.records, next - first);
    assert_int_equal(findings.last_seq, next - 1);
    assert_int_equal(findings.damaged, 0);
    journal_close(&j);
    /* What was moved does not count any more. */
    assert_int_equal(open_journal(kit, &j, first + 9, &findings), MQK_OK);
    assert_int_equal(findings.records, next - first - 10);
    journal_close(&j);
    assert_int_equal(open_journal(kit, &j, next, &findings), MQK_OK);
    assert_int_equal(findings.records, 0);
    assert_int_equal(j.free_blocks, BLOCKS);
    journal_close(&j);
}

/* At most one record may suffer from it. */
static void flip(const struct kit *kit, const struct shape *shape, char *data, size_t size,
                 size_t at) {
    struct journal j;
    struct journal_findings findings;
    bool seen[RECORDS + 1];
    data[at] ^= (char)(1 << at % 8);
    store(kit, data, size);
    assert_int_equal(open_shape(kit, shape, &j, 0, &findings), MQK_OK);
    unsigned found = look(&j, seen);
    assert_int_equal(found, findings.records);
    unsigned lost = 0;
    unsigned returned = 0;
    for (unsigned seq = 1; seq <= RECORDS; seq++) {
        lost += seq % 5 != 0 && !seen[seq];
        returned += seq % 5 == 0 && seen[seq];
    }
    if (lost > 1 || returned > 1 || lost > findings.damaged) {
        fail_msg("byte %zu: %u lost, %u returned, %u damaged", at, lost, returned,
                 (unsigned)findings.damaged);
    }
    uint64_t damaged = findings.damaged;
    journal_close(&j);
    if (damaged > 0 && at % 7 == 0) {
        /* The next opening finds the same ones. */
        assert_int_equal(open_shape(kit, shape, &j, 0, &findings), MQK_OK);
        assert_int_equal(look(&j, seen), found);
        journal_close(&j);
    }
    data[at] ^= (char)(1 << at % 8);
}

/* No byte matters so much that more than its record is lost; nothing is made up. */
static void every_byte_is_flipped(void **state) {
    struct kit *kit = *state;
    size_t size;
    unsigned live;
    char *data = make(kit, RECORDS, &size, &live);
    for (size_t at = 0; at < size; at++) {
        if (data[at] != 0 || at % 16 == 0) { /* the others are mostly room that is not used */
            flip(kit, &SMALL, data, size, at);
        }
    }
    free(data);
}

/* What comes after a sync begins on a page of its own. */
static void gaps(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    bool seen[RECORDS + 1];
    size_t size;
    unsigned live;
    unsigned count = 0;
    size_t heads[RECORDS];
    bool before_gap[RECORDS];
    char *data = make_shape(kit, &GAPS, RECORDS, &size, &live);
    assert_int_equal(open_shape(kit, &GAPS, &j, 0, &findings), MQK_OK);
    assert_int_equal(findings.records, live);
    assert_int_equal(findings.damaged, 0);
    assert_int_equal(look(&j, seen), live);
    unsigned frames = 0;
    for (uint32_t i = 0; i < j.order_count; i++) {
        const struct block *b = &j.blocks[j.order[i]];
        for (uint32_t at = JOURNAL_FIRST; at < b->used; at = journal_after(b, at)) {
            uint32_t next = journal_after(b, at);
            before_gap[frames] = next - at > frame_record(b, at).len + 16 + 8;
            assert_true(!before_gap[frames] || next % PAGE == 0);
            count += before_gap[frames];
            heads[frames++] = (size_t)(b->base - j.map) + at;
        }
    }
    journal_close(&j);
    assert_int_equal(frames, RECORDS);
    assert_int_equal(count, 4); /* of five syncs; one came soon after the block began */
    for (unsigned i = 0; i < frames; i++) {
        for (size_t byte = 0; byte < 24; byte++) {
            flip(kit, &GAPS, data, size, heads[i] + byte);
        }
        for (size_t byte = 0; before_gap[i] && byte < PAGE; byte += 61) {
            flip(kit, &GAPS, data, size, heads[i] + 3000 + byte);
        }
    }
    free(data);
}

/* Holes of all sizes, as a disk makes them. */
static void holes(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    size_t size;
    unsigned live;
    unsigned seed = 99;
    char *data = make(kit, RECORDS, &size, &live);
    char *copy = malloc(size);
    for (int round = 0; round < 1500; round++) {
        bool seen[RECORDS + 1];
        memcpy(copy, data, size);
        size_t from = 4096 + (size_t)rand_r(&seed) % (size - 4096);
        size_t most = (size_t)1 << rand_r(&seed) % 13;
        size_t len = size - from < most ? size - from : most;
        if (round % 3 == 0) {
            memset(copy + from, 0, len);
        } else if (round % 3 == 1) {
            memset(copy + from, 0xFF, len);
        } else {
            memcpy(copy + from, data + 4096 + (size_t)rand_r(&seed) % (size - 4096 - len), len);
        }
        store(kit, copy, size);
        assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_OK);
        assert_int_equal(look(&j, seen), findings.records);
        journal_close(&j);
    }
    free(copy);
    free(data);
}

static void truncated(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    size_t size;
    unsigned live;
    unsigned before = 0;
    char *data = make(kit, RECORDS, &size, &live);
    for (size_t len = 0; len <= size; len += len < 64 ? 1 : 101) {
        bool seen[RECORDS + 1];
        store(kit, data, len);
        mqk_status status = open_journal(kit, &j, 0, &findings);
        if (len < 44) {
            assert_int_equal(status, MQK_ERR_SYNTAX);
            continue;
        }
        assert_int_equal(status, MQK_OK);
        look(&j, seen);
        unsigned found = 0;
        for (unsigned seq = 1; seq <= RECORDS; seq++) {
            /* Where the table of states is cut off, those that are done come again. */
            found += seq % 5 != 0 && seen[seq];
        }
        assert_true(found >= before && found <= live);
        before = found;
        assert_true(put(&j, RECORDS + 1, 1)); /* it is whole again */
        journal_close(&j);
    }
    assert_int_equal(before, live);
    free(data);
}

/* What a payload says is never taken for a frame, also when the frame around it is damaged. */
static void forged_frames(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    struct kit_record inner;
    char forged[512] = {0};
    uint32_t slot;
    uint32_t offset;
    assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_OK);
    kit_make(&inner, 2, 20);
    inner.record.topic = STR("forged");
    size_t inner_size = spool_record_size(&inner.record, STR("rule"));
    /* Everything is right but the mark, which takes the file's secret. */
    spool_put64(forged, 2);
    spool_record_write(forged + 16, inner_size, 2, &inner.record, STR("rule"), 1);
    struct record outer = {.topic = STR("x"), .value = {forged, sizeof(forged)}};
    for (size_t shift = 0; shift < 8; shift++) {
        outer.key = (mqk_str){"12345678", shift};
        size_t size = spool_record_size(&outer, STR("rule"));
        assert_true(journal_make_room(&j, size, 1));
        struct block *b = &j.blocks[j.open];
        b->first_seq = 1;
        journal_put(&j, size, 1, &outer, STR("rule"), 1, true, &slot, &offset);
        b->base[offset + 20] ^= 1; /* its checksum */
        journal_close(&j);
        assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_OK);
        assert_int_equal(findings.records, 0);
        assert_int_equal(findings.damaged, 1);
        journal_close(&j);
        char path[SPOOL_PATH_SIZE];
        spool_folder_path(path, kit->dir, SPOOL_JOURNAL_FILE);
        unlink(path);
        assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_OK);
    }
    journal_close(&j);
    free(inner.value);
}

static void foreign_and_newer(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    size_t size;
    unsigned live;
    char *data = make(kit, 3, &size, &live);
    store(kit, "this is something else, and longer than one might think it is", 60);
    assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_ERR_SYNTAX);
    store(kit, "", 0);
    assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_ERR_SYNTAX);
    free(data);
}

/* More blocks than before: what is in them stays, and what stood behind the end does not count. */
static void grows(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    size_t size;
    unsigned live;
    int code;
    char *data = make(kit, RECORDS, &size, &live);
    char *more = malloc(2 * size);
    memcpy(more, data, size);
    memcpy(more + size, data, size);
    store(kit, more, 2 * size);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(journal_open(&j, kit->dir, BLOCK_SIZE, 16, 0, &findings, &code), MQK_OK);
        assert_int_equal(findings.records, live);
        assert_int_equal(findings.damaged, 0);
        assert_int_equal(findings.last_seq, RECORDS);
        assert_int_equal(j.block_count, 16);
        assert_int_equal(j.free_blocks, 16 - j.order_count);
        journal_close(&j);
    }
    /* It does not become smaller. */
    assert_int_equal(open_journal(kit, &j, 0, &findings), MQK_OK);
    assert_int_equal(findings.records, live);
    assert_int_equal(j.block_count, 16);
    assert_true(put(&j, RECORDS + 1, 3000) && put(&j, RECORDS + 2, 3000));
    journal_close(&j);
    free(data);
    free(more);
}

/* Other sizes than before: not while there is something in it. */
static void another_size(void **state) {
    struct kit *kit = *state;
    struct journal j;
    struct journal_findings findings;
    size_t size;
    unsigned live;
    int code;
    free(make(kit, 20, &size, &live));
    assert_int_equal(journal_open(&j, kit->dir, BLOCK_SIZE * 2, 8, 0, &findings, &code), MQK_OK);
    assert_int_equal(findings.records, live);
    assert_int_equal(j.block_count, BLOCKS);
    journal_close(&j);
    assert_int_equal(journal_open(&j, kit->dir, BLOCK_SIZE * 2, 8, 20, &findings, &code), MQK_OK);
    assert_int_equal(findings.records, 0);
    assert_int_equal(findings.last_seq, 20);
    assert_int_equal(j.block_count, 8);
    assert_int_equal(j.block_size, BLOCK_SIZE * 2);
    journal_close(&j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(blocks_are_filled_and_freed),
        kit_test(every_byte_is_flipped),
        kit_test(gaps),
        kit_test(holes),
        kit_test(truncated),
        kit_test(forged_frames),
        kit_test(foreign_and_newer),
        kit_test(grows),
        kit_test(another_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
