/* SPDX-License-Identifier: Apache-2.0 */
/* Spools with records that can be recognized, for the tests of spool_read and spool_purge. */
#ifndef MQK_TESTS_SPOOL_READ_TESTING_H
#define MQK_TESTS_SPOOL_READ_TESTING_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spool_purge.h"
#include "spool_read.h"

static char root[] = "/tmp/mqk-spool-read-XXXXXX";
static char dir[64];

static void ignore_drop(void *user, mqk_str rule, uint64_t seq) {
    (void)user;
    (void)rule;
    (void)seq;
}

static struct log *silence;

static struct spool *open_spool_of(uint64_t max_bytes) {
    const struct spool_settings settings = {.dir = dir, .max_bytes = max_bytes, .sync_ms = 1000};
    const struct spool_owner owner = {.dropped = ignore_drop, .log = silence};
    mqk_error err;
    struct spool *s = spool_open(&settings, &owner, &err);
    if (!s) {
        fail_msg("%s", err.message);
    }
    return s;
}

static struct spool *open_spool(void) {
    return open_spool_of((uint64_t)1 << 30);
}

/* Record number `n`: what it is made of follows from the number. */
static void make_record(uint64_t n, size_t value_size, char value[], struct record *record,
                        mqk_header headers[2]) {
    static const char *const topics[] = {"telemetry", "presence", "alarms"};
    memset(value, (int)('a' + n % 26), value_size);
    memcpy(value, &n, sizeof(n));
    headers[0] = (mqk_header){STR("trace"), {value, 8}};
    headers[1] = (mqk_header){STR("trace"), {NULL, 0}};
    *record = (struct record){.topic = mqk_cstr(topics[n % 3]),
                              .key = n % 2 ? (mqk_str){NULL, 0} : (mqk_str){value, n % 8},
                              .value = {value, value_size},
                              .headers = headers,
                              .header_count = n % 3,
                              .timestamp_ms = (int64_t)n * 1000,
                              .partition = n % 5 ? -1 : 3};
}

static mqk_str rule_of(uint64_t n) {
    return n % 2 ? STR("odd") : STR("even");
}

/* One that does not wait is the caller's, who later says that it is done. */
static struct spool_ref put_as(struct spool *s, uint64_t n, size_t value_size, bool waiting) {
    static _Thread_local char value[3 << 20];
    struct record record;
    mqk_header headers[2];
    struct spool_ref ref = {0};
    make_record(n, value_size, value, &record, headers);
    while (spool_put(s, &record, rule_of(n), waiting, &ref) != MQK_OK) {
        usleep(1000);
    }
    return ref;
}

static struct spool_ref put(struct spool *s, uint64_t n, size_t value_size) {
    return put_as(s, n, value_size, true);
}

static void assert_same(mqk_str a, mqk_str b) {
    assert_int_equal(a.data == NULL, b.data == NULL);
    assert_true(str_equal(a, b));
}

static uint64_t number_of(const struct spool_item *item) {
    uint64_t n;
    assert_true(item->record.value.len >= sizeof(n));
    memcpy(&n, item->record.value.data, sizeof(n));
    return n;
}

static void assert_is_record(const struct spool_item *item, uint64_t n) {
    static char value[3 << 20];
    struct record record;
    mqk_header headers[2];
    assert_true(item->record.value.len <= sizeof(value));
    make_record(n, item->record.value.len, value, &record, headers);
    assert_same(item->record.topic, record.topic);
    assert_same(item->record.key, record.key);
    assert_same(item->record.value, record.value);
    assert_same(item->rule, rule_of(n));
    assert_int_equal(item->record.header_count, record.header_count);
    for (size_t i = 0; i < record.header_count; i++) {
        assert_same(item->record.headers[i].name, record.headers[i].name);
        assert_same(item->record.headers[i].value, record.headers[i].value);
    }
    assert_int_equal(item->record.timestamp_ms, record.timestamp_ms);
    assert_int_equal(item->record.partition, record.partition);
}

static struct spool_read *open_read(void) {
    mqk_error err;
    struct spool_read *r = spool_read_open(dir, &err);
    if (!r) {
        fail_msg("%s", err.message);
    }
    return r;
}

/* The next record is whole and later than the last one. */
static bool next(struct spool_read *r, struct spool_item *item, uint64_t *last_seq) {
    mqk_error err;
    int got = spool_read_next(r, item, &err);
    if (got < 0) {
        fail_msg("%s", err.message);
    }
    if (got == 0) {
        return false;
    }
    assert_true(item->ref.seq > *last_seq);
    *last_seq = item->ref.seq;
    return true;
}

#define KEPT    500u
#define BACKLOG 20000u
#define MOST    4000000u /* records that an owner puts in while it is watched */

/* What an owner in another process tells. Records are numbered from 0, behind those that stay. */
struct progress {
    _Atomic bool stop;
    _Atomic uint64_t put;  /* so many are in */
    _Atomic uint64_t done; /* so many may be done */
};

/* A child that owns the spool. KEPT records stay; others come and go in their order, after a while
 * in the store. */
static void own_and_work(struct progress *progress) {
    static struct spool_ref refs[BACKLOG];
    struct spool *s = open_spool();
    for (uint64_t n = 1; n <= KEPT; n++) {
        put(s, n, 200);
    }
    for (uint64_t n = 0; n < MOST && !atomic_load(&progress->stop); n++) {
        if (n >= BACKLOG) {
            atomic_store(&progress->done, n - BACKLOG + 1);
            spool_done(s, refs[n % BACKLOG]);
        }
        size_t size = n % 5000 == 0 ? 1500000 : 100 + n % 3000;
        refs[n % BACKLOG] = put_as(s, KEPT + 1 + n, size, false);
        atomic_store(&progress->put, n + 1);
    }
    while (!atomic_load(&progress->stop)) {
        usleep(1000);
    }
    spool_close(s);
}

static struct progress *start_owner(pid_t *child) {
    struct progress *progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        own_and_work(progress);
        _exit(0);
    }
    while (atomic_load(&progress->put) < 2000) {
        usleep(1000);
        assert_int_equal(waitpid(*child, NULL, WNOHANG), 0);
    }
    return progress;
}

static void end_owner(pid_t child, struct progress *progress) {
    int status;
    atomic_store(&progress->stop, true);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    munmap(progress, sizeof(*progress));
}

static int make_root(void **state) {
    (void)state;
    if (mkdtemp(root)) {
        snprintf(dir, sizeof(dir), "%s/spool", root);
    }
    silence = log_new(MQK_LOG_ERROR, NULL, NULL);
    return dir[0] == '/' && silence ? 0 : -1;
}

static int remove_spool(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static int remove_root(void **state) {
    (void)state;
    log_free(silence);
    return rmdir(root);
}

#endif
