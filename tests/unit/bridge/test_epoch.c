/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "epoch.h"

#define READERS 4
#define SWAPS   2000

/* What is replaced: freed memory would be seen by the sanitizers, poison by everyone. */
struct thing {
    int alive;
};

static struct epoch epoch;
static _Atomic(struct thing *) current;
static atomic_bool stop;

static struct thing *thing_new(void) {
    struct thing *t = malloc(sizeof(*t));
    t->alive = 1;
    return t;
}

static void *read_all_the_time(void *user) {
    intptr_t seen = 0;
    (void)user;
    while (!atomic_load(&stop)) {
        struct epoch_reader reader = epoch_enter(&epoch);
        struct thing *t = atomic_load(&current);
        seen += t->alive;
        if (!t->alive) {
            abort();
        }
        epoch_leave(reader);
    }
    return (void *)seen;
}

/* Nobody sees a thing after it was replaced and the writer has waited. */
static void test_replace(void **state) {
    (void)state;
    pthread_t readers[READERS];
    memset(&epoch, 0, sizeof(epoch));
    atomic_store(&current, thing_new());
    for (int i = 0; i < READERS; i++) {
        pthread_create(&readers[i], NULL, read_all_the_time, NULL);
    }
    while (epoch_entered(&epoch) == 0) {
        sched_yield();
    }
    for (int i = 0; i < SWAPS; i++) {
        struct thing *old = atomic_exchange(&current, thing_new());
        epoch_synchronize(&epoch);
        old->alive = 0;
        free(old);
    }
    atomic_store(&stop, true);
    uint64_t seen = 0;
    for (int i = 0; i < READERS; i++) {
        void *one;
        pthread_join(readers[i], &one);
        seen += (uint64_t)(intptr_t)one;
    }
    assert_true(seen > 0);
    assert_int_equal(epoch_entered(&epoch), seen);
    assert_int_equal(epoch_unmatched(&epoch), 0);
    free(atomic_load(&current));
}

static void *wait_for_readers(void *done) {
    epoch_synchronize(&epoch);
    atomic_store((atomic_bool *)done, true);
    return NULL;
}

/* The writer waits for a reader that is inside, and for no other. */
static void test_waits(void **state) {
    (void)state;
    pthread_t writer;
    atomic_bool done = false;
    memset(&epoch, 0, sizeof(epoch));
    struct epoch_reader inside = epoch_enter(&epoch);
    pthread_create(&writer, NULL, wait_for_readers, &done);
    for (int i = 0; i < 1000; i++) {
        epoch_leave(epoch_enter(&epoch)); /* passers-by do not let it through */
        assert_false(atomic_load(&done));
    }
    epoch_leave(inside);
    pthread_join(writer, NULL);
    assert_true(atomic_load(&done));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_replace),
                                       cmocka_unit_test(test_waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
