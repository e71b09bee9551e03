/* SPDX-License-Identifier: Apache-2.0 */
/* A spool used by many threads at once; also run with the thread sanitizer. */
#include "spool_kit.h"

#include <pthread.h>

#define PUTTERS    4u
#define EACH       15000u
#define SYNCERS    8u
#define SYNCS_EACH 100u

struct shared {
    struct spool *s;
    unsigned index;
    _Atomic uint64_t *done; /* how often each record was done */
    _Atomic uint64_t *done_total;
    struct spool_ref *queue; /* what a thread of its own has to finish */
    _Atomic uint64_t *queued;
    uint64_t *numbers;
};

/* Every fourth record is not handed out, but finished or given back by who put it in. */
static void *put_many(void *user) {
    struct shared *shared = user;
    for (uint64_t i = 0; i < EACH; i++) {
        uint64_t number = shared->index * (uint64_t)EACH + i;
        struct spool_ref ref;
        bool waiting = i % 4 != 0;
        size_t size = i % 5000 == 1 ? 1200000 : 150;
        while (kit_put(shared->s, number, size, waiting, &ref) != MQK_OK) {
            usleep(500);
        }
        if (i % 8 == 0) {
            atomic_fetch_add(&shared->done[number], 1);
            atomic_fetch_add(shared->done_total, 1);
            spool_done(shared->s, ref);
        } else if (!waiting) {
            spool_wait(shared->s, ref);
        }
    }
    return NULL;
}

static void *finish_many(void *user) {
    struct shared *shared = user;
    uint64_t at = 0;
    uint64_t total = PUTTERS * (uint64_t)EACH;
    while (atomic_load(shared->done_total) < total) {
        if (at >= atomic_load(shared->queued)) {
            usleep(200);
            continue;
        }
        atomic_fetch_add(&shared->done[shared->numbers[at]], 1);
        atomic_fetch_add(shared->done_total, 1);
        spool_done(shared->s, shared->queue[at]);
        at++;
    }
    return NULL;
}

static void all_at_once(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = kit_settings(kit);
    settings.max_bytes = 16 << 20;
    struct spool *s = kit_open_with(kit, &settings);
    uint64_t total = PUTTERS * (uint64_t)EACH;
    _Atomic uint64_t done_total = 0;
    _Atomic uint64_t queued = 0;
    struct shared base = {.s = s,
                          .done = calloc(total, sizeof(*base.done)),
                          .done_total = &done_total,
                          .queue = calloc(total, sizeof(*base.queue)),
                          .queued = &queued,
                          .numbers = calloc(total, sizeof(*base.numbers))};
    struct shared putters[PUTTERS];
    pthread_t threads[PUTTERS + 1];
    for (unsigned i = 0; i < PUTTERS; i++) {
        putters[i] = base;
        putters[i].index = i;
        pthread_create(&threads[i], NULL, put_many, &putters[i]);
    }
    pthread_create(&threads[PUTTERS], NULL, finish_many, &base);
    unsigned turn = 0;
    struct spool_info info;
    while (atomic_load(&done_total) < total) {
        struct spool_item item;
        spool_info(s, &info);
        assert_true(info.waiting <= info.records);
        if (!spool_next(s, &item)) {
            usleep(200);
            continue;
        }
        uint64_t number = kit_check(&item);
        switch (turn++ % 8) {
        case 0:
            spool_unread(s);
            break;
        case 1:
            spool_wait(s, item.ref);
            break;
        default:
            base.queue[queued] = item.ref;
            base.numbers[queued] = number;
            atomic_fetch_add(&queued, 1);
        }
    }
    for (unsigned i = 0; i <= PUTTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (uint64_t i = 0; i < total; i++) {
        assert_int_equal(base.done[i], 1);
    }
    assert_int_equal(kit_info(s).records, 0);
    assert_int_equal(kit_info(s).bytes, 0);
    assert_int_equal(kit_info(s).waiting, 0);
    spool_close(s);
    s = kit_open_with(kit, &settings);
    assert_int_equal(kit_info(s).records, 0);
    spool_close(s);
    free(base.done);
    free(base.queue);
    free(base.numbers);
    assert_int_equal(kit->errors, 0);
}

static void *sync_many(void *user) {
    struct shared *shared = user;
    for (uint64_t i = 0; i < SYNCS_EACH; i++) {
        struct spool_ref ref;
        if (kit_put(shared->s, i, 100, false, &ref) != MQK_OK ||
            spool_sync(shared->s, ref) != MQK_OK || !spool_is_synced(shared->s, ref)) {
            return shared;
        }
        spool_done(shared->s, ref);
    }
    return NULL;
}

/* Who waits for the disk at the same time shares its answer. */
static void group_commit(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = kit_settings(kit);
    settings.sync_ms = 0;
    struct spool *s = kit_open_with(kit, &settings);
    struct shared shared = {.s = s};
    pthread_t threads[SYNCERS];
    for (unsigned i = 0; i < SYNCERS; i++) {
        pthread_create(&threads[i], NULL, sync_many, &shared);
    }
    for (unsigned i = 0; i < SYNCERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    print_message("%u records, %u syncs\n", SYNCERS * SYNCS_EACH, (unsigned)kit->syncs);
    assert_true(kit->syncs > 0 && kit->syncs < SYNCERS * SYNCS_EACH);
    spool_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(all_at_once),
        kit_test(group_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
