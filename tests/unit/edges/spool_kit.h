/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the spool share: a folder of their own, records that can be told apart, an
 * owner that counts. */
#ifndef MQK_TESTS_SPOOL_KIT_H
#define MQK_TESTS_SPOOL_KIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool.h"
#include "spool_folder.h"
#include "spool_record.h"

struct kit {
    char dir[64];
    _Atomic uint64_t dropped;
    _Atomic uint64_t synced;
    _Atomic uint64_t syncs;
    _Atomic uint64_t errors; /* lines in the log */
    struct log *log;
};

static inline void kit_log(void *user, mqk_log_level level, mqk_str message) {
    struct kit *kit = user;
    if (level == MQK_LOG_ERROR) {
        atomic_fetch_add(&kit->errors, 1);
    }
    if (getenv("SPOOL_TEST_LOG")) {
        fprintf(stderr, "%.*s\n", STR_ARG(message));
    }
}

static inline void kit_dropped(void *user, mqk_str rule, uint64_t seq) {
    struct kit *kit = user;
    (void)seq;
    if (!str_equal(rule, STR("rule"))) {
        abort();
    }
    atomic_fetch_add(&kit->dropped, 1);
}

static inline void kit_synced(void *user, uint64_t seq) {
    struct kit *kit = user;
    atomic_store(&kit->synced, seq);
    atomic_fetch_add(&kit->syncs, 1);
}

static inline void kit_remove_folder(const char *dir) {
    char path[SPOOL_PATH_SIZE];
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.' && spool_folder_path(path, dir, entry->d_name)) {
            unlink(path);
        }
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(dir);
}

static inline int kit_setup(void **state) {
    struct kit *kit = calloc(1, sizeof(*kit));
    snprintf(kit->dir, sizeof(kit->dir), "/tmp/mqk-spool-test-XXXXXX");
    if (!mkdtemp(kit->dir)) {
        return -1;
    }
    kit->log = log_new(MQK_LOG_DEBUG, kit_log, kit);
    *state = kit;
    return 0;
}

static inline int kit_teardown(void **state) {
    struct kit *kit = *state;
    kit_remove_folder(kit->dir);
    log_free(kit->log);
    free(kit);
    return 0;
}

#define kit_test(function) cmocka_unit_test_setup_teardown(function, kit_setup, kit_teardown)

static inline struct spool_settings kit_settings(const struct kit *kit) {
    struct spool_settings settings = {
        .dir = kit->dir, .max_bytes = (uint64_t)1 << 30, .sync_ms = 10};
    return settings;
}

static inline struct spool *kit_open_with(struct kit *kit, const struct spool_settings *settings) {
    struct spool_owner owner = {
        .user = kit, .dropped = kit_dropped, .synced = kit_synced, .log = kit->log};
    mqk_error err = {0};
    struct spool *s = spool_open(settings, &owner, &err);
    if (!s) {
        fail_msg("%s", err.message);
    }
    return s;
}

static inline struct spool *kit_open(struct kit *kit) {
    struct spool_settings settings = kit_settings(kit);
    return kit_open_with(kit, &settings);
}

/* A record that carries a number; its size depends on the number and on `size`. */
struct kit_record {
    struct record record;
    mqk_header headers[2];
    char key[24];
    char *value;
};

static inline size_t kit_value_size(uint64_t number, size_t size) {
    return size + number % 7;
}

/* Out of line: inlined, gcc 12 at -O3 takes the vector of its tail for an overflow. */
__attribute__((noinline, unused)) static void kit_fill_value(char *value, size_t size,
                                                             uint64_t number) {
    for (size_t i = 0; i < size; i++) {
        value[i] = (char)(number * 31 + i * 7);
    }
}

static inline void kit_make(struct kit_record *r, uint64_t number, size_t size) {
    memset(r, 0, sizeof(*r));
    snprintf(r->key, sizeof(r->key), "%llu", (unsigned long long)number);
    size = kit_value_size(number, size);
    r->value = malloc(size + 1);
    kit_fill_value(r->value, size, number);
    r->headers[0] = (mqk_header){STR("number"), mqk_cstr(r->key)};
    r->headers[1] = (mqk_header){STR("none"), {NULL, 0}};
    r->record.topic = STR("topic");
    r->record.key = mqk_cstr(r->key);
    r->record.value = (mqk_str){r->value, size};
    r->record.headers = r->headers;
    r->record.header_count = number % 3;
    r->record.timestamp_ms = (int64_t)number + 1000;
    r->record.partition = (int32_t)(number % 5) - 1;
}

static inline mqk_status kit_put(struct spool *s, uint64_t number, size_t size, bool waiting,
                                 struct spool_ref *ref) {
    struct kit_record r;
    struct spool_ref own;
    kit_make(&r, number, size);
    mqk_status status = spool_put(s, &r.record, STR("rule"), waiting, ref ? ref : &own);
    free(r.value);
    return status;
}

static inline uint64_t kit_number(const struct spool_item *item) {
    uint64_t number = 0;
    for (size_t i = 0; i < item->record.key.len; i++) {
        number = number * 10 + (uint64_t)(item->record.key.data[i] - '0');
    }
    return number;
}

/* The number of a record, all of whose parts are checked. */
static inline uint64_t kit_check(const struct spool_item *item) {
    struct kit_record r;
    const struct record *got = &item->record;
    uint64_t n = kit_number(item);
    assert_true(got->value.len >= n % 7);
    kit_make(&r, n, got->value.len - n % 7);
    assert_true(str_equal(got->topic, r.record.topic));
    assert_true(str_equal(got->key, r.record.key));
    assert_true(str_equal(got->value, r.record.value));
    assert_true(str_equal(item->rule, STR("rule")));
    assert_int_equal(got->timestamp_ms, r.record.timestamp_ms);
    assert_int_equal(got->partition, r.record.partition);
    assert_int_equal(got->header_count, r.record.header_count);
    for (size_t i = 0; i < got->header_count; i++) {
        assert_true(str_equal(got->headers[i].name, r.headers[i].name));
        assert_true(str_equal(got->headers[i].value, r.headers[i].value));
        assert_int_equal(!got->headers[i].value.data, !r.headers[i].value.data);
    }
    assert_true(item->accepted_ms > 0);
    assert_int_equal(item->cost, record_cost(got));
    free(r.value);
    return n;
}

/* The same of an encoded one. */
static inline void kit_check_encoded(mqk_str data, uint64_t number) {
    struct spool_item item = {0};
    mqk_header headers[8];
    assert_int_equal(spool_record_check(data.data, data.len, number), data.len);
    assert_true(spool_record_headers(data.data) <= 8);
    assert_true(spool_record_read(data.data, data.len, headers, &item.record, &item.rule,
                                  &item.accepted_ms));
    item.cost = record_cost(&item.record);
    assert_int_equal(kit_check(&item), number);
}

/* The next record is this one. */
static inline struct spool_ref kit_expect(struct spool *s, uint64_t number) {
    struct spool_item item;
    assert_true(spool_next(s, &item));
    assert_int_equal(kit_check(&item), number);
    return item.ref;
}

static inline struct spool_info kit_info(struct spool *s) {
    struct spool_info info;
    spool_info(s, &info);
    return info;
}

/* Waits until something is true, 20 s at most. */
#define kit_until(condition)                                                                       \
    do {                                                                                           \
        bool kit_met = false;                                                                      \
        for (int kit_i = 0; kit_i < 4000 && !(kit_met = (condition)); kit_i++) {                   \
            usleep(5000);                                                                          \
        }                                                                                          \
        assert_true(kit_met);                                                                      \
    } while (0)

#endif
