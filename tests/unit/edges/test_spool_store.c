/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a spool that lies in LMDB, and the set of those of its records that do not wait. */
#include "spool_kit.h"

#include "spool_set.h"
#include "spool_store.h"

static struct spool_store *open_store(const struct kit *kit) {
    struct spool_store *store;
    char why[200];
    assert_int_equal(spool_store_open(kit->dir, 1 << 20, &store, why, sizeof(why)), MQK_OK);
    return store;
}

static void add(struct spool_store *store, uint64_t first, uint64_t count) {
    assert_int_equal(spool_store_begin(store), 0);
    for (uint64_t seq = first; seq < first + count; seq++) {
        assert_int_equal(spool_store_add(store, seq, &seq, sizeof(seq)), 0);
    }
    spool_store_set_moved(store, first + count - 1);
    assert_int_equal(spool_store_commit(store), 0);
}

static uint64_t read_from(struct spool_store *store, uint64_t from, size_t max,
                          struct spool_batch *batch, uint64_t *count) {
    size_t at = 0;
    uint64_t seq;
    uint64_t first = 0;
    mqk_str data;
    *count = 0;
    assert_int_equal(spool_store_read(store, from, 1 << 20, max, batch), 0);
    while (spool_batch_next(batch, &at, &seq, &data)) {
        assert_int_equal(data.len, sizeof(seq));
        assert_memory_equal(data.data, &seq, sizeof(seq));
        first = *count == 0 ? seq : first;
        ++*count;
    }
    return first;
}

static void adds_reads_removes(void **state) {
    struct kit *kit = *state;
    struct spool_batch batch = {0};
    uint64_t count;
    struct spool_store *store = open_store(kit);
    assert_int_equal(spool_store_count(store), 0);
    assert_int_equal(read_from(store, 0, 10, &batch, &count), 0);
    add(store, 1000, 5000);
    add(store, 500, 10); /* before the others */
    uint64_t bytes = spool_store_state(store).bytes;
    assert_true(bytes > 5010 * 8);
    assert_int_equal(read_from(store, 0, 100, &batch, &count), 500);
    assert_int_equal(count, 100);
    assert_int_equal(read_from(store, 510, 1000000, &batch, &count), 1000);
    assert_int_equal(count, 5000);
    assert_int_equal(read_from(store, 6000, 10, &batch, &count), 0);
    assert_int_equal(count, 0);
    /* Nothing of a transaction that is given up stays. */
    assert_int_equal(spool_store_begin(store), 0);
    for (uint64_t seq = 1000; seq < 3000; seq++) {
        assert_int_equal(spool_store_remove(store, seq), 0);
    }
    spool_store_set_moved(store, 1);
    spool_store_set_low(store, 1);
    spool_store_abort(store);
    assert_int_equal(spool_store_count(store), 5010);
    assert_int_equal(spool_store_state(store).bytes, bytes);
    assert_int_equal(spool_store_begin(store), 0);
    for (uint64_t seq = 0; seq < 3000; seq++) {
        assert_int_equal(spool_store_remove(store, seq), 0);
    }
    spool_store_set_low(store, 77);
    assert_int_equal(spool_store_commit(store), 0);
    spool_store_close(store);
    store = open_store(kit);
    assert_int_equal(spool_store_count(store), 3000);
    assert_int_equal(spool_store_state(store).low, 77);
    assert_int_equal(spool_store_state(store).moved, 509);
    assert_int_equal(spool_store_reopen(store), 0);
    assert_int_equal(read_from(store, 0, 5, &batch, &count), 3000);
    assert_int_equal(spool_store_begin(store), 0);
    for (uint64_t seq = 3000; seq < 6000; seq++) {
        assert_int_equal(spool_store_remove(store, seq), 0);
    }
    assert_int_equal(spool_store_commit(store), 0);
    assert_int_equal(spool_store_state(store).bytes, 0);
    spool_store_close(store);
    spool_batch_fini(&batch);
}

static void the_set(void **state) {
    (void)state;
    struct spool_set set = {0};
    uint64_t cost;
    uint64_t seqs[100];
    assert_int_equal(spool_set_mark(&set, 1), SPOOL_MARK_NONE);
    assert_false(spool_set_done(&set, 1, &cost));
    uint32_t after = 0;
    assert_int_equal(spool_set_next_done(&set, &after, seqs, 100), 0);
    for (uint64_t round = 0; round < 5; round++) {
        for (uint64_t seq = 1; seq <= 10000; seq++) {
            assert_true(spool_set_reserve(&set, 1));
            spool_set_add(&set, seq * 1024, seq, SPOOL_MARK_OUT);
        }
        for (uint64_t seq = 10000; seq >= 2; seq -= 2) {
            assert_true(spool_set_done(&set, seq * 1024, &cost));
            assert_int_equal(cost, seq);
            assert_false(spool_set_done(&set, seq * 1024, &cost));
        }
        assert_int_equal(set.done_count, 5000);
        for (uint64_t left = 10000; left >= 2;) {
            after = 0;
            size_t count = spool_set_next_done(&set, &after, seqs, 50);
            count += spool_set_next_done(&set, &after, seqs + count, 50);
            assert_int_equal(count, 100);
            for (size_t i = 0; i < count; i++, left -= 2) {
                assert_int_equal(seqs[i], left * 1024);
                assert_true(spool_set_remove(&set, seqs[i], &cost));
                assert_false(spool_set_remove(&set, seqs[i], &cost));
            }
        }
        assert_int_equal(set.done_count, 0);
        assert_int_equal(set.count, 5000);
        for (uint64_t seq = 1; seq <= 10000; seq++) {
            assert_int_equal(spool_set_mark(&set, seq * 1024),
                             seq % 2 ? SPOOL_MARK_OUT : SPOOL_MARK_NONE);
            spool_set_remove(&set, seq * 1024, &cost);
        }
        assert_int_equal(set.count, 0);
    }
    assert_true(set.capacity <= 16384);
    spool_set_fini(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(adds_reads_removes),
        cmocka_unit_test(the_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
