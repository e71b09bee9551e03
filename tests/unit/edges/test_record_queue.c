/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "record_queue.h"

#define LARGE 40000u

static char text[LARGE];

static bool put(struct record_queue *q, size_t len, int64_t accepted_ms) {
    struct record record = {.topic = STR("t"), .value = {text, len}};
    return record_queue_put(q, &record, accepted_ms);
}

/* Takes the oldest out and gives its number; -1: there is none. */
static int64_t pop(struct record_queue *q) {
    struct queued *queued = record_queue_first(q);
    if (!queued) {
        return -1;
    }
    int64_t accepted_ms = queued->accepted_ms;
    record_queue_take(q);
    free(queued->own);
    record_queue_release(q, queued, 1);
    return accepted_ms;
}

/* First in, first out; count and bytes follow. */
static void test_order(void **state) {
    (void)state;
    struct record_queue q;
    record_queue_init(&q);
    assert_null(record_queue_first(&q));
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 5; i++) {
            assert_true(put(&q, (size_t)i, i));
        }
        assert_int_equal(q.count, 5);
        assert_int_equal(q.bytes, 5 * RECORD_OVERHEAD + 0 + 1 + 2 + 3 + 4);
        for (int64_t i = 0; i < 5; i++) {
            assert_int_equal(record_queue_first(&q)->cost, RECORD_OVERHEAD + i);
            assert_int_equal(pop(&q), i);
        }
        assert_int_equal(pop(&q), -1);
        assert_int_equal(q.bytes, 0);
    }
    record_queue_fini(&q);
}

/* A waiting record owns its texts, and absent stays absent, empty stays empty; the large ones too,
 * which stand elsewhere. */
static void test_copy(void **state) {
    (void)state;
    for (size_t len = 1; len <= LARGE; len += LARGE - 1) {
        struct record_queue q;
        char small[] = "knx";
        char *value = malloc(len);
        memset(value, 'v', len);
        mqk_header headers[] = {{{small + 1, 1}, {small + 2, 1}}, {STR("null"), {NULL, 0}}};
        struct record record = {.topic = STR("topic"),
                                .key = {small, 1},
                                .value = {value, len},
                                .headers = headers,
                                .header_count = 2,
                                .timestamp_ms = 7,
                                .partition = 3};
        const struct spool_ref ref = {4, 5, 6};
        record_queue_init(&q);
        size_t cost = record_cost(&record);
        char *own;
        assert_true(record_queue_copy(&record, cost, &own));
        record_queue_supply(&q, queue_chunk_new());
        assert_true(record_queue_add(&q, &record, cost, own, 8, &ref));
        memset(small, '!', sizeof(small));
        memset(value, '!', len);
        const struct queued *queued = record_queue_first(&q);
        assert_int_equal(queued->accepted_ms, 8);
        assert_int_equal(queued->ref.seq, 4);
        assert_int_equal(queued->ref.offset, 6);
        assert_int_equal(queued->own != NULL, len == LARGE);
        assert_true(str_equal(queued->record.topic, STR("topic")));
        assert_true(str_equal(queued->record.key, STR("k")));
        assert_int_equal(queued->record.value.len, len);
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(queued->record.value.data[i], 'v');
        }
        assert_int_equal(queued->record.header_count, 2);
        assert_true(str_equal(queued->record.headers[0].name, STR("n")));
        assert_true(str_equal(queued->record.headers[0].value, STR("x")));
        assert_true(str_equal(queued->record.headers[1].name, STR("null")));
        assert_null(queued->record.headers[1].value.data);
        assert_int_equal(queued->record.partition, 3);
        assert_int_equal(queued->record.timestamp_ms, 7);
        assert_int_equal(queued->cost, RECORD_OVERHEAD + 1 + len + 2 + 4);
        assert_int_equal(record_cost(&queued->record), queued->cost);
        free(value);

        struct record bare = {.topic = STR("t"), .key = {NULL, 0}, .value = STR("")};
        assert_true(record_queue_put(&q, &bare, 9));
        assert_int_equal(pop(&q), 8);
        queued = record_queue_first(&q);
        assert_null(queued->record.key.data);
        assert_non_null(queued->record.value.data);
        assert_int_equal(queued->record.value.len, 0);
        assert_int_equal(queued->ref.seq, 0);
        record_queue_fini(&q); /* with one in it */
    }
}

/* What came back goes before what waits, in its own order, also before a chunk that is half read.
 */
static void test_prepend(void **state) {
    (void)state;
    for (int64_t waiting = 0; waiting < 3; waiting++) {
        for (int64_t read = 0; read < 3; read++) {
            struct record_queue q;
            struct record_queue older;
            record_queue_init(&q);
            record_queue_init(&older);
            for (int64_t i = 0; i < waiting + read; i++) {
                assert_true(put(&q, 1, 10 - read + i));
            }
            for (int64_t i = 0; i < read; i++) {
                assert_int_equal(pop(&q), 10 - read + i);
            }
            record_queue_prepend(&q, &older);
            assert_int_equal(q.count, waiting);
            for (int64_t i = 0; i < 4; i++) {
                assert_true(put(&older, 1, i));
            }
            assert_int_equal(pop(&older), 0);
            record_queue_prepend(&q, &older);
            assert_int_equal(older.count, 0);
            assert_null(record_queue_first(&older));
            assert_true(put(&q, 1, 99));
            assert_int_equal(q.count, waiting + 4);
            assert_int_equal(q.bytes, (waiting + 4) * (RECORD_OVERHEAD + 1));
            for (int64_t i = 1; i < 4; i++) {
                assert_int_equal(pop(&q), i);
            }
            for (int64_t i = 0; i < waiting; i++) {
                assert_int_equal(pop(&q), 10 + i);
            }
            assert_int_equal(pop(&q), 99);
            assert_int_equal(pop(&q), -1);
            record_queue_fini(&older);
            record_queue_fini(&q);
        }
    }
}

/* A chunk's records are taken at once, and stay readable until they are released. */
static void test_shares(void **state) {
    (void)state;
    struct record_queue q;
    record_queue_init(&q);
    assert_int_equal(record_queue_share(&q).count, 0);
    assert_int_equal(record_queue_take_share(&q).count, 0);
    const int64_t all = 3000; /* several chunks of 1 KiB records */
    for (int64_t i = 0; i < all; i++) {
        assert_true(put(&q, 1000, i));
    }
    struct queue_run runs[100];
    size_t count = 0;
    int64_t next = 0;
    while (q.count > 0) {
        struct queue_share share = record_queue_share(&q);
        size_t before = q.count, bytes = q.bytes;
        runs[count] = record_queue_take_share(&q);
        assert_int_equal(runs[count].count, share.count);
        assert_int_equal(before - q.count, share.count);
        assert_int_equal(bytes - q.bytes, share.bytes);
        assert_int_equal(share.bytes, share.count * (RECORD_OVERHEAD + 1000));
        assert_true(++count < 100);
    }
    assert_true(count > 5);
    assert_true(put(&q, 1, all));
    assert_int_equal(q.spare_count, 0);
    for (size_t i = 0; i < count; i++) {
        struct queued *one = runs[i].first;
        size_t length = runs[i].count;
        for (; runs[i].count > 0; queue_run_pass(&runs[i])) {
            assert_int_equal(runs[i].first->accepted_ms, next++);
        }
        record_queue_release(&q, one, length);
    }
    assert_int_equal(next, all);
    assert_int_equal(pop(&q), all);
    assert_int_equal(pop(&q), -1);
    assert_int_equal(q.spare_count, count - 1);
    queue_chunks_free(record_queue_surplus(&q, 2));
    assert_int_equal(q.spare_count, 2);
    record_queue_fini(&q);
}

/* The owner supplies memory, and is told that it must. */
static void test_supply(void **state) {
    (void)state;
    struct record_queue q;
    struct record record = {.topic = STR("t"), .value = {text, 1000}};
    record_queue_init(&q);
    assert_false(record_queue_add(&q, &record, record_cost(&record), NULL, 0, NULL));
    for (int i = 0; i < 2; i++) {
        record_queue_supply(&q, queue_chunk_new());
    }
    int64_t added = 0;
    while (record_queue_add(&q, &record, record_cost(&record), NULL, added, NULL)) {
        added++;
    }
    assert_int_equal(q.count, added);
    assert_true(added >= 2 * 200 && added <= 2 * 260);
    for (int64_t i = 0; i < added; i++) {
        assert_int_equal(pop(&q), i);
    }
    /* The first one is spare again, the last one is begun again. */
    assert_int_equal(q.spare_count, 1);
    for (int64_t i = 0; i < added; i++) {
        assert_true(record_queue_add(&q, &record, record_cost(&record), NULL, i, NULL));
    }
    record_queue_fini(&q);
}

/* Chance against a plain list: puts, takes, releases out of order, what comes back before it. */
static void test_random(void **state) {
    (void)state;
    enum { HELD = 40 };
    struct record_queue q;
    struct queued *held[HELD];
    size_t held_count = 0;
    int64_t oldest = 1000000, newest = 1000000; /* the queue has [oldest, newest) */
    uint64_t random = 7;
    record_queue_init(&q);
    for (int step = 0; step < 200000; step++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        unsigned dice = (unsigned)(random >> 33) % 1000;
        size_t len = (size_t)(random >> 43) % 3000;
        bool empties = step / 10000 % 2;
        if (dice < 20 && held_count == 0) {
            struct record_queue older;
            record_queue_init(&older);
            for (int64_t i = oldest - 20; i < oldest; i++) {
                assert_true(put(&older, i % 5 == 0 ? LARGE : len, i));
            }
            record_queue_prepend(&q, &older);
            oldest -= 20;
        } else if (dice < (empties ? 400u : 600u)) {
            assert_true(put(&q, dice == 1 ? LARGE : len, newest++));
        } else if (dice < 950 && held_count < HELD) {
            struct queued *first = record_queue_first(&q);
            assert_int_equal(first != NULL, oldest < newest);
            if (first) {
                assert_int_equal(first->accepted_ms, oldest);
                oldest++;
                record_queue_take(&q);
                held[held_count++] = first;
            }
        }
        while (held_count > (dice < 960 ? HELD - 1 : 0)) {
            size_t which = (size_t)(random >> 20) % held_count;
            free(held[which]->own);
            record_queue_release(&q, held[which], 1);
            held[which] = held[--held_count];
        }
        assert_int_equal(q.count, newest - oldest);
    }
    while (held_count > 0) {
        free(held[--held_count]->own);
        record_queue_release(&q, held[held_count], 1);
    }
    for (; oldest < newest; oldest++) {
        assert_int_equal(pop(&q), oldest);
    }
    assert_int_equal(q.bytes, 0);
    assert_true(q.head == q.tail); /* no chunk is lost between them */
    record_queue_fini(&q);
}

int main(void) {
    memset(text, 'x', sizeof(text));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),   cmocka_unit_test(test_copy),
        cmocka_unit_test(test_prepend), cmocka_unit_test(test_shares),
        cmocka_unit_test(test_supply),  cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
