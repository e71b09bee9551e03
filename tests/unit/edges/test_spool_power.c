/* SPDX-License-Identifier: Apache-2.0 */
/* The power goes while a journal is used. The disk has, of each page, what it had when the journal
 * sent it there, or when the system, which may do so at any time, did. Every record that was put in
 * before the last sync, and is not done, must be found. */
#include "spool_kit.h"

#include "spool_journal.h"

#define PAGE       4096u
#define BLOCK_SIZE (24 * PAGE)
#define BLOCKS     4u
#define STEPS      40000u

enum what { NOTHING, LIVE, DONE };

struct place {
    enum what what;
    uint32_t slot;
    uint32_t offset;
};

struct world {
    struct journal j;
    char *disk;
    struct place *places; /* by number */
    uint64_t last;
    uint64_t synced;
    unsigned seed;
    unsigned cuts;
    unsigned gaps;
};

static unsigned dice(struct world *w, unsigned sides) {
    return (unsigned)rand_r(&w->seed) % sides;
}

/* Different from number to number, and now and then large. */
static size_t value_size(uint64_t number) {
    return number % 11 == 0 ? 20000 : (size_t)(number * 2654435761u >> 7) % 900;
}

static void write_out(struct world *w, size_t from, size_t to) {
    from = from / PAGE * PAGE;
    to = (to + PAGE - 1) / PAGE * PAGE;
    memcpy(w->disk + from, w->j.map + from, to - from);
}

static void write_ranges(struct world *w, const struct journal_dirty *dirty) {
    if (dirty->whole) {
        write_out(w, 0, w->j.map_size);
    }
    for (uint32_t i = 0; i < dirty->count; i++) {
        write_out(w, dirty->ranges[i].from, dirty->ranges[i].to);
    }
}

static void end_record(struct world *w, uint64_t number) {
    struct place *place = &w->places[number];
    if (place->what == LIVE) {
        struct block *b = journal_find(&w->j, number, place->slot, place->offset);
        assert_non_null(b);
        journal_set_state(b, number, place->offset, FRAME_DONE);
        journal_release(&w->j, place->slot);
        place->what = DONE;
    }
}

static void put(struct world *w) {
    struct kit_record r;
    uint64_t number = w->last + 1;
    kit_make(&r, number, value_size(number));
    size_t size = spool_record_size(&r.record, STR("rule"));
    while (!journal_make_room(&w->j, size, number)) {
        /* The oldest block has to go. */
        const struct block *oldest = &w->j.blocks[w->j.order[0]];
        for (uint64_t i = oldest->first_seq, last = oldest->last_seq; i <= last; i++) {
            end_record(w, i);
        }
    }
    struct place *place = &w->places[number];
    journal_put(&w->j, size, number, &r.record, STR("rule"), 5, number % 2 == 0, &place->slot,
                &place->offset);
    place->what = LIVE;
    w->last = number;
    free(r.value);
}

static void sync_all(struct world *w) {
    struct journal_dirty dirty;
    uint32_t used = w->j.open < JOURNAL_SLOTS ? w->j.blocks[w->j.open].used : 0;
    journal_take_dirty(&w->j, &dirty);
    w->gaps += used > 0 && w->j.blocks[w->j.open].used > used;
    write_ranges(w, &dirty);
    w->synced = w->last;
}

/* What is found when the power comes back. */
static void cut_power(struct world *w, const struct kit *kit) {
    struct journal j;
    struct journal_findings findings;
    char path[SPOOL_PATH_SIZE];
    int code;
    bool *found = calloc(w->last + 2, sizeof(*found));
    uint64_t before = 0;
    spool_folder_path(path, kit->dir, SPOOL_JOURNAL_FILE);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, w->disk, w->j.map_size), (ssize_t)w->j.map_size);
    close(fd);
    assert_int_equal(journal_open(&j, kit->dir, BLOCK_SIZE, BLOCKS, 0, &findings, &code), MQK_OK);
    for (uint32_t i = 0; i < j.order_count; i++) {
        const struct block *b = &j.blocks[j.order[i]];
        for (uint32_t at = JOURNAL_FIRST; at < b->used; at = journal_after(b, at)) {
            uint64_t seq = frame_seq(b, at);
            if (frame_state(b, at) == FRAME_DONE) {
                continue;
            }
            if (seq <= before || seq > w->last) {
                fail_msg("%llu after %llu, of %llu", (unsigned long long)seq,
                         (unsigned long long)before, (unsigned long long)w->last);
            }
            kit_check_encoded(frame_record(b, at), seq);
            before = seq;
            found[seq] = true;
        }
    }
    for (uint64_t seq = 1; seq <= w->synced; seq++) {
        if (w->places[seq].what == LIVE && !found[seq]) {
            fail_msg("%llu is lost; synced up to %llu", (unsigned long long)seq,
                     (unsigned long long)w->synced);
        }
    }
    assert_true(findings.last_seq <= w->last);
    journal_close(&j);
    if (findings.aside[0]) {
        unlink(findings.aside);
    }
    free(found);
    w->cuts++;
}

static void nothing_synced_is_lost(void **state) {
    const struct kit *kit = *state;
    struct world w = {.seed = 5};
    struct journal_findings findings;
    struct journal_dirty marked;
    char dir[80];
    int code;
    snprintf(dir, sizeof(dir), "%s/running", kit->dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(journal_open(&w.j, dir, BLOCK_SIZE, BLOCKS, 0, &findings, &code), MQK_OK);
    w.disk = calloc(1, w.j.map_size);
    w.places = calloc(STEPS + 2, sizeof(*w.places));
    sync_all(&w);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned what = dice(&w, 100);
        if (what < 60) {
            put(&w);
        } else if (what < 80 && w.last > 0) {
            /* One of the last ones: those before are mostly done. */
            uint64_t back = dice(&w, 200);
            end_record(&w, back < w.last ? w.last - back : w.last);
        } else if (what < 88) {
            size_t page = dice(&w, (unsigned)(w.j.map_size / PAGE));
            write_out(&w, page * PAGE, page * PAGE + 1);
        } else if (what < 90) {
            sync_all(&w);
        } else if (what < 92) {
            journal_take_marked(&w.j, &marked);
            write_ranges(&w, &marked);
        } else if (what < 93) {
            cut_power(&w, kit);
        }
    }
    cut_power(&w, kit);
    assert_true(w.cuts > 100);
    assert_true(w.gaps > 100);
    assert_true(w.j.order[0] != 0 || w.j.blocks[0].first_seq > 1); /* it went round */
    journal_close(&w.j);
    kit_remove_folder(dir);
    free(w.places);
    free(w.disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(nothing_synced_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
