/* SPDX-License-Identifier: Apache-2.0 */
/* A spool as its users see it: order, bounds, and what is left after closing. */
#include "spool_kit.h"

#include "spool_private.h"

#define MANY 40000u /* with 200 bytes, several blocks */

static void first_in_first_out(void **state) {
    struct spool *s = kit_open(*state);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(kit_put(s, i, 20, true, NULL), MQK_OK);
        assert_int_equal(spool_waiting(s), i + 1);
    }
    struct spool_info info = kit_info(s);
    assert_int_equal(info.state, SPOOL_OK);
    assert_int_equal(info.records, 1000);
    assert_int_equal(info.waiting, 1000);
    assert_true(info.oldest_ms > 0);
    for (uint64_t i = 0; i < 1000; i++) {
        spool_done(s, kit_expect(s, i));
    }
    struct spool_item item;
    assert_false(spool_next(s, &item));
    info = kit_info(s);
    assert_int_equal(info.records, 0);
    assert_int_equal(info.bytes, 0);
    assert_int_equal(info.waiting, 0);
    assert_int_equal(info.oldest_ms, 0);
    spool_close(s);
}

/* What is done is gone, what is not is there again, in its order. */
static void survives_closing(void **state) {
    struct kit *kit = *state;
    struct spool *s = kit_open(kit);
    struct spool_ref refs[100];
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(kit_put(s, i, 50, i % 2 == 0, &refs[i]), MQK_OK);
    }
    for (uint64_t i = 0; i < 100; i += 3) {
        if (i % 2 == 1) {
            spool_done(s, refs[i]);
        }
    }
    uint64_t bytes = kit_info(s).bytes;
    uint64_t records = kit_info(s).records;
    assert_int_equal(spool_waiting(s), 50);
    spool_close(s);
    for (int round = 0; round < 3; round++) {
        s = kit_open(kit);
        assert_int_equal(kit_info(s).records, records);
        assert_int_equal(kit_info(s).bytes, bytes);
        assert_int_equal(kit_info(s).damaged, 0);
        for (uint64_t i = 0; i < 100; i++) {
            if (i % 2 == 0 || i % 3 != 0) {
                struct spool_ref ref = kit_expect(s, i);
                assert_int_equal(ref.seq, refs[i].seq);
            }
        }
        assert_int_equal(spool_waiting(s), 0);
        spool_close(s);
    }
    assert_int_equal(kit->errors, 0);
}

static void numbers_are_never_used_twice(void **state) {
    struct kit *kit = *state;
    uint64_t last = 0;
    for (uint64_t i = 0; i < 20; i++) {
        struct spool *s = kit_open(kit);
        struct spool_ref ref;
        assert_int_equal(kit_put(s, i, 10, false, &ref), MQK_OK);
        assert_true(ref.seq > last);
        last = ref.seq;
        if (i % 3 != 0) {
            spool_done(s, ref);
        }
        spool_close(s);
    }
}

/* More than the journal has room for: through the store and back. */
static void moves_to_the_store(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = kit_settings(kit);
    settings.max_bytes = 64 << 20;
    struct spool *s = kit_open_with(kit, &settings);
    for (uint64_t i = 0; i < MANY * 3; i++) {
        kit_until(kit_put(s, i, 200, true, NULL) == MQK_OK);
    }
    for (uint64_t i = 0; i < MANY; i++) {
        spool_done(s, kit_expect(s, i));
    }
    spool_close(s);
    s = kit_open_with(kit, &settings);
    assert_int_equal(kit_info(s).records, MANY * 2);
    for (uint64_t i = MANY; i < MANY * 3; i++) {
        spool_done(s, kit_expect(s, i));
    }
    assert_int_equal(kit_info(s).records, 0);
    assert_int_equal(kit_info(s).bytes, 0);
    spool_close(s);
    s = kit_open_with(kit, &settings);
    assert_int_equal(kit_info(s).records, 0);
    assert_int_equal(kit_info(s).damaged, 0);
    spool_close(s);
    assert_int_equal(kit->errors, 0);
}

/* Handed on by the caller, not by the spool: they do not wait, but survive, and are found wherever
 * they are by then. */
static void records_that_are_out(void **state) {
    struct kit *kit = *state;
    struct spool *s = kit_open(kit);
    struct spool_ref *refs = calloc(MANY * 4, sizeof(*refs));
    struct spool_item item;
    for (uint64_t i = 0; i < MANY * 4; i++) {
        kit_until(kit_put(s, i, 200, false, &refs[i]) == MQK_OK);
    }
    assert_false(spool_next(s, &item));
    for (uint64_t i = 0; i < MANY * 4; i++) {
        if (i % 4 == 1) {
            spool_done(s, refs[i]);
        } else if (i % 4 == 2) {
            spool_wait(s, refs[i]);
            spool_wait(s, refs[i]); /* twice is once */
        }
    }
    assert_int_equal(spool_waiting(s), MANY);
    for (uint64_t i = 2; i < MANY * 4; i += 4) {
        kit_expect(s, i);
    }
    assert_false(spool_next(s, &item));
    spool_close(s);
    s = kit_open(kit);
    assert_int_equal(kit_info(s).records, MANY * 3);
    for (uint64_t i = 0; i < MANY * 4; i++) {
        if (i % 4 != 1) {
            assert_int_equal(kit_expect(s, i).seq, refs[i].seq);
        }
    }
    assert_false(spool_next(s, &item));
    spool_close(s);
    free(refs);
}

/* Given back, in any order: the oldest first. */
static void waits_at_its_old_place(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = kit_settings(kit);
    settings.max_bytes = 8 << 20; /* a small journal */
    for (uint64_t total = 100; total <= 20000; total *= 200) {
        struct spool *s = kit_open_with(kit, &settings);
        struct spool_ref *refs = calloc(total, sizeof(*refs));
        for (uint64_t i = 0; i < total; i++) {
            kit_until(kit_put(s, i, 200, true, NULL) == MQK_OK);
        }
        for (uint64_t i = 0; i < total; i++) {
            refs[i] = kit_expect(s, i);
        }
        for (uint64_t i = total; i-- > 0;) {
            if (i % 10 < 3) {
                spool_wait(s, refs[i]);
            }
        }
        for (uint64_t i = 0; i < total; i++) {
            if (i % 10 < 3) {
                kit_expect(s, i);
            }
        }
        assert_int_equal(spool_waiting(s), 0);
        for (uint64_t i = 0; i < total; i++) {
            spool_done(s, refs[i]);
        }
        assert_int_equal(kit_info(s).records, 0);
        assert_int_equal(kit_info(s).bytes, 0);
        free(refs);
        spool_close(s);
    }
}

static void unread_is_read_again(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = kit_settings(kit);
    settings.max_bytes = 8 << 20;
    struct spool *s = kit_open_with(kit, &settings);
    for (uint64_t i = 0; i < 20000; i++) {
        kit_until(kit_put(s, i, 200, true, NULL) == MQK_OK);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        for (unsigned n = 0; n < 1 + i % 3; n++) {
            kit_expect(s, i);
            if (n < i % 3) {
                spool_unread(s);
                spool_unread(s); /* there is only one to give back */
            }
        }
    }
    struct spool_item item;
    assert_false(spool_next(s, &item));
    spool_unread(s);
    assert_false(spool_next(s, &item));
    spool_close(s);
}

static void big_records(void **state) {
    struct kit *kit = *state;
    struct spool *s = kit_open(kit);
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(kit_put(s, i, i % 2 ? 1500000 : 100, true, NULL), MQK_OK);
    }
    spool_done(s, kit_expect(s, 0));
    spool_done(s, kit_expect(s, 1));
    spool_close(s);
    for (int round = 0; round < 2; round++) {
        s = kit_open(kit);
        for (uint64_t i = 2; i < 20; i++) {
            struct spool_ref ref = kit_expect(s, i);
            if (round == 1) {
                spool_done(s, ref);
            }
        }
        spool_close(s);
    }
    /* As many as one likes: they are moved to the store. */
    s = kit_open(kit);
    assert_int_equal(kit_info(s).records, 0);
    for (uint64_t i = 0; i < 100; i++) {
        kit_until(kit_put(s, i, 1200000, true, NULL) == MQK_OK);
    }
    for (uint64_t i = 0; i < 100; i++) {
        spool_done(s, kit_expect(s, i));
    }
    assert_int_equal(kit_info(s).records, 0);
    spool_discard(s);
    assert_int_equal(access(kit->dir, F_OK), -1);
    assert_int_equal(kit->errors, 0);
}

static void odd_records(void **state) {
    struct kit *kit = *state;
    static const char zeros[300];
    mqk_header headers[300];
    for (size_t i = 0; i < 300; i++) {
        headers[i] = (mqk_header){{zeros, i}, {i % 2 ? zeros : NULL, i % 2 ? 300 - i : 0}};
    }
    const struct record records[] = {
        {.topic = STR("t")},
        {.topic = STR("t"), .key = {zeros, 0}, .value = {zeros, 0}},
        {.topic = STR("t"), .key = {zeros, 300}, .value = {NULL, 0}, .timestamp_ms = INT64_MIN},
        {.topic = STR(""), .key = STR("\xff\0\n"), .timestamp_ms = -1, .partition = -1},
        {.topic = STR("t"),
         .headers = headers,
         .header_count = 300,
         .partition = INT32_MAX,
         .dead = true},
    };
    struct spool *s = kit_open(kit);
    struct spool_ref ref;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        assert_int_equal(spool_put(s, &records[i], (mqk_str){NULL, 0}, true, &ref), MQK_OK);
    }
    spool_close(s);
    s = kit_open(kit);
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        const struct record *want = &records[i];
        struct spool_item item;
        assert_true(spool_next(s, &item));
        assert_null(item.rule.data);
        assert_true(str_equal(item.record.topic, want->topic));
        assert_true(str_equal(item.record.key, want->key));
        assert_true(str_equal(item.record.value, want->value));
        assert_int_equal(!item.record.key.data, !want->key.data);
        assert_int_equal(!item.record.value.data, !want->value.data);
        assert_int_equal(item.record.timestamp_ms, want->timestamp_ms);
        assert_int_equal(item.record.partition, want->partition);
        assert_int_equal(item.record.dead, want->dead);
        assert_int_equal(item.record.header_count, want->header_count);
        for (size_t h = 0; h < want->header_count; h++) {
            assert_true(str_equal(item.record.headers[h].name, headers[h].name));
            assert_true(str_equal(item.record.headers[h].value, headers[h].value));
            assert_int_equal(!item.record.headers[h].value.data, !headers[h].value.data);
        }
    }
    spool_close(s);
}

/* ---- Bounds ---- */

static void refuses_when_full(void **state) {
    struct kit *kit = *state;
    for (int by_records = 0; by_records < 2; by_records++) {
        struct spool_settings settings = kit_settings(kit);
        settings.max_bytes = by_records ? (uint64_t)1 << 30 : 1 << 20;
        settings.max_records = by_records ? 500 : 0;
        struct spool *s = kit_open_with(kit, &settings);
        uint64_t put = 0;
        while (kit_info(s).state == SPOOL_OK) {
            mqk_status status = kit_put(s, put, 1000, true, NULL);
            put += status == MQK_OK;
            assert_true(status == MQK_OK || kit_info(s).state == SPOOL_FULL);
        }
        assert_int_equal(kit_put(s, put, 1000, true, NULL), MQK_ERR_FULL);
        assert_non_null(strstr(kit_info(s).message, kit->dir));
        assert_int_equal(kit_info(s).records, put);
        if (by_records) {
            assert_int_equal(put, 500);
        } else {
            assert_true(kit_info(s).bytes <= settings.max_bytes);
            assert_true(kit_info(s).bytes > settings.max_bytes - 1200);
        }
        spool_done(s, kit_expect(s, 0));
        spool_done(s, kit_expect(s, 1));
        assert_int_equal(kit_info(s).state, SPOOL_OK);
        assert_string_equal(kit_info(s).message, "");
        assert_int_equal(kit_put(s, put, 1000, true, NULL), MQK_OK);
        for (uint64_t i = 2; i <= put; i++) {
            spool_done(s, kit_expect(s, i));
        }
        assert_int_equal(kit_info(s).bytes, 0);
        spool_close(s);
    }
    assert_int_equal(kit->dropped, 0);
}

static void drops_the_oldest(void **state) {
    struct kit *kit = *state;
    for (int by_records = 0; by_records < 2; by_records++) {
        struct spool_settings settings = kit_settings(kit);
        settings.max_bytes = by_records ? (uint64_t)1 << 30 : 8 << 20;
        settings.max_records = by_records ? 30000 : 0;
        settings.drop_oldest = true;
        kit->dropped = 0;
        struct spool *s = kit_open_with(kit, &settings);
        uint64_t put = 0;
        struct spool_ref out;
        kit_put(s, 1000000, 200, false, &out); /* never dropped: somebody has it */
        for (; put < MANY * 4; put++) {
            kit_until(kit_put(s, put, 200, true, NULL) == MQK_OK);
        }
        kit_until(kit_info(s).bytes <= settings.max_bytes &&
                  (!by_records || kit_info(s).records <= settings.max_records));
        struct spool_info info = kit_info(s);
        kit_until(kit->dropped + info.records == put + 1);
        /* No more than needed; whole ones. */
        if (by_records) {
            assert_int_equal(info.records, 30000);
        } else {
            assert_true(info.bytes > settings.max_bytes - 1000);
        }
        assert_int_equal(info.waiting, info.records - 1);
        for (uint64_t i = put - info.waiting; i < put; i++) {
            spool_done(s, kit_expect(s, i));
        }
        assert_int_equal(kit_info(s).records, 1);
        spool_done(s, out);
        assert_int_equal(kit_info(s).bytes, 0);
        spool_close(s);
        s = kit_open_with(kit, &settings);
        assert_int_equal(kit_info(s).records, 0);
        spool_close(s);
    }
    assert_int_equal(kit->errors, 0);
}

/* ---- Before all others ---- */

static void prepended_records_come_first(void **state) {
    struct kit *kit = *state;
    struct spool *s = kit_open(kit);
    struct kit_record r[10];
    struct spool_item items[10] = {0};
    for (uint64_t i = 100; i < 200; i++) {
        assert_int_equal(kit_put(s, i, 100, true, NULL), MQK_OK);
    }
    kit_expect(s, 100);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 10; i++) {
            kit_make(&r[i], (round ? 0 : 10) + i, 100);
            items[i].record = r[i].record;
            items[i].rule = STR("rule");
            items[i].accepted_ms = 12345;
        }
        assert_int_equal(spool_prepend(s, items, 10), 10);
        for (int i = 0; i < 10; i++) {
            free(r[i].value);
        }
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(kit_info(s).records, 120);
        for (uint64_t i = 0; i < 20; i++) {
            struct spool_item item;
            assert_true(spool_next(s, &item));
            assert_int_equal(kit_check(&item), i);
            assert_int_equal(item.accepted_ms, 12345);
        }
        for (uint64_t i = 101 - (uint64_t)round; i < 200; i++) {
            kit_expect(s, i);
        }
        assert_int_equal(spool_waiting(s), 0);
        spool_close(s);
        s = kit_open(kit);
    }
    /* Numbers below again, though those above are done. */
    for (uint64_t i = 0; i < 20; i++) {
        spool_done(s, kit_expect(s, i));
    }
    kit_make(&r[0], 5, 10);
    items[0].record = r[0].record;
    assert_int_equal(spool_prepend(s, items, 1), 1);
    spool_done(s, kit_expect(s, 5));
    free(r[0].value);
    kit_expect(s, 100);
    spool_close(s);
}

static void discards_only_what_is_empty(void **state) {
    struct kit *kit = *state;
    struct spool *s = kit_open(kit);
    assert_int_equal(kit_put(s, 1, 10, true, NULL), MQK_OK);
    spool_discard(s);
    s = kit_open(kit);
    spool_done(s, kit_expect(s, 1));
    spool_discard(s);
    assert_int_equal(access(kit->dir, F_OK), -1);
    spool_discard(NULL);
    spool_close(NULL);
}

/* ---- The disk ---- */

static void synced_when_it_says_so(void **state) {
    struct kit *kit = *state;
    for (int always = 0; always < 2; always++) {
        struct spool_settings settings = kit_settings(kit);
        settings.sync_ms = always ? 0 : 3600000;
        struct spool *s = kit_open_with(kit, &settings);
        struct spool_ref ref;
        for (uint64_t i = 0; i < 20; i++) {
            assert_int_equal(kit_put(s, i, i == 10 ? 2000000 : 10, false, &ref), MQK_OK);
            if (!always) {
                assert_false(spool_is_synced(s, ref));
            }
            assert_int_equal(spool_sync(s, ref), MQK_OK);
            assert_true(spool_is_synced(s, ref));
            spool_done(s, ref);
        }
        if (always) {
            kit_until(kit->synced >= ref.seq);
        } else {
            assert_int_equal(kit->syncs, 0);
        }
        spool_close(s);
    }
}

static void syncs_by_itself(void **state) {
    struct kit *kit = *state;
    struct spool *s = kit_open(kit);
    struct spool_ref ref;
    assert_int_equal(kit_put(s, 1, 10, false, &ref), MQK_OK);
    kit_until(spool_is_synced(s, ref));
    spool_close(s);
}

/* A disk that takes nothing: what lies in the journal stays there while this lock is held. New
 * records are refused below the bounds, for dropping old ones is only for keeping the bounds. */
static void disk_is_slow(void **state) {
    struct kit *kit = *state;
    for (int drop = 0; drop < 2; drop++) {
        struct spool_settings settings = kit_settings(kit);
        settings.max_bytes = 64 << 20; /* a journal of 16 blocks */
        settings.drop_oldest = drop;
        kit->dropped = 0;
        struct spool *s = kit_open_with(kit, &settings);
        pthread_mutex_lock(&s->write_lock);
        uint64_t put = 0;
        while (put < 200000 && kit_put(s, put, 100, true, NULL) == MQK_OK) {
            put++;
        }
        assert_true(put > 10000 && put < 200000);
        assert_true(kit_info(s).bytes < settings.max_bytes);
        assert_int_equal(kit_info(s).state, SPOOL_FULL);
        /* What is done makes room without the disk: 10000 records have more than one block. */
        for (uint64_t n = 0; n < 10000; n++) {
            spool_done(s, kit_expect(s, n));
        }
        assert_int_equal(kit_put(s, put++, 100, true, NULL), MQK_OK);
        while (kit_put(s, put, 100, true, NULL) == MQK_OK) {
            put++;
        }
        pthread_mutex_unlock(&s->write_lock);
        kit_until(kit_put(s, put, 100, true, NULL) == MQK_OK);
        put++;
        kit_until(kit_info(s).state == SPOOL_OK);
        assert_int_equal(kit->dropped, 0);
        assert_int_equal(kit_info(s).records, put - 10000);
        for (uint64_t n = 10000; n < put; n++) {
            spool_done(s, kit_expect(s, n));
        }
        spool_close(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(first_in_first_out),
        kit_test(survives_closing),
        kit_test(numbers_are_never_used_twice),
        kit_test(moves_to_the_store),
        kit_test(records_that_are_out),
        kit_test(waits_at_its_old_place),
        kit_test(unread_is_read_again),
        kit_test(big_records),
        kit_test(odd_records),
        kit_test(refuses_when_full),
        kit_test(drops_the_oldest),
        kit_test(disk_is_slow),
        kit_test(prepended_records_come_first),
        kit_test(discards_only_what_is_empty),
        kit_test(synced_when_it_says_so),
        kit_test(syncs_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
