/* SPDX-License-Identifier: Apache-2.0 */
/* Data files of LMDB for the tests of spool_check. One test program at a time includes it. */
#ifndef MQK_TESTS_SPOOL_CHECK_TESTING_H
#define MQK_TESTS_SPOOL_CHECK_TESTING_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_check.h"

#define MAP_SIZE ((size_t)64 << 20)
#define PAGE     4096u

static char dir[] = "/tmp/mqk-spool-check-XXXXXX";
static char data_path[64], lock_path[64];

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t limit) {
    return (size_t)(next_random(state) % limit);
}

/* How a file is made. */
struct recipe {
    const char *name;
    unsigned txns;     /* transactions */
    unsigned puts;     /* records in each */
    size_t value_size; /* up to */
    unsigned keep;     /* records that stay when older ones are deleted; 0: all */
    bool random_keys;  /* else a number that grows */
    bool integer_keys;
    const char *named[3]; /* databases; none: the main one */
};

static const struct recipe recipes[] = {
    {"no records", 1, 0, 1, 0, false, false, {NULL}},
    {"one record", 1, 1, 20, 0, false, true, {NULL}},
    {"one page", 3, 10, 40, 0, false, false, {NULL}},
    {"appended", 20, 200, 60, 0, false, false, {NULL}},
    {"appended, integer keys", 20, 200, 60, 0, false, true, {NULL}},
    {"large values", 20, 6, 9000, 0, false, true, {NULL}},
    {"a queue", 60, 80, 300, 500, false, true, {NULL}},
    {"a queue with large values", 60, 8, 20000, 30, false, false, {NULL}},
    {"random keys", 40, 40, 200, 0, true, false, {NULL}},
    {"random keys, deletions", 60, 40, 1500, 300, true, false, {NULL}},
    {"named databases", 20, 40, 300, 200, true, false, {"one", "two", "three"}},
    {"named and empty", 1, 0, 1, 0, false, true, {"one", "two", NULL}},
    {"emptied again", 30, 100, 200, 1, false, true, {NULL}},
    {"a long free list", 12, 700, 4000, 1, false, true, {NULL}},
};
#define RECIPE_COUNT (sizeof(recipes) / sizeof(recipes[0]))

static void remove_files(void) {
    unlink(data_path);
    unlink(lock_path);
}

static MDB_env *open_env(void) {
    MDB_env *env = NULL;
    if (mdb_env_create(&env) != 0) {
        return NULL;
    }
    mdb_env_set_maxdbs(env, 8);
    mdb_env_set_mapsize(env, MAP_SIZE);
    if (mdb_env_open(env, data_path, MDB_NOSUBDIR | MDB_NOSYNC, 0644) != 0) {
        mdb_env_close(env);
        return NULL;
    }
    return env;
}

static size_t make_key(const struct recipe *r, uint64_t number, uint64_t *random,
                       uint8_t key[300]) {
    if (!r->random_keys) {
        for (unsigned i = 0; i < 8; i++) {
            key[i] = (uint8_t)(number >> (r->integer_keys ? 8 * i : 56 - 8 * i));
        }
        return 8;
    }
    size_t size = 1 + below(random, 299);
    for (size_t i = 0; i < size; i++) {
        key[i] = (uint8_t)next_random(random);
    }
    return size;
}

static void delete_oldest(MDB_txn *txn, MDB_dbi db, unsigned keep) {
    MDB_stat stat;
    MDB_cursor *cursor;
    MDB_val key, value;
    assert_int_equal(mdb_stat(txn, db, &stat), 0);
    assert_int_equal(mdb_cursor_open(txn, db, &cursor), 0);
    for (size_t left = stat.ms_entries; left > keep; left--) {
        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
        assert_int_equal(mdb_cursor_del(cursor, 0), 0);
    }
    mdb_cursor_close(cursor);
}

static void make_file(const struct recipe *r, uint64_t *random) {
    static uint8_t value[32768];
    remove_files();
    MDB_env *env = open_env();
    assert_non_null(env);
    uint64_t number = 0;
    for (unsigned t = 0; t < r->txns; t++) {
        for (unsigned d = 0; d == 0 || (d < 3 && r->named[d]); d++) {
            MDB_txn *txn;
            MDB_dbi db;
            assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
            assert_int_equal(mdb_dbi_open(txn, r->named[d],
                                          MDB_CREATE | (r->integer_keys ? MDB_INTEGERKEY : 0), &db),
                             0);
            for (unsigned p = 0; p < r->puts; p++) {
                uint8_t text[300];
                MDB_val key = {make_key(r, ++number, random, text), text};
                MDB_val data = {below(random, r->value_size), value};
                memset(value, (int)number, data.mv_size);
                assert_int_equal(mdb_put(txn, db, &key, &data, 0), 0);
            }
            if (r->keep > 0) {
                delete_oldest(txn, db, r->keep);
            }
            assert_int_equal(mdb_txn_commit(txn), 0);
        }
        char why[300];
        if (!spool_check_data(data_path, why, sizeof(why))) {
            fail_msg("%s, after %u transactions: %s", r->name, t + 1, why);
        }
    }
    mdb_env_close(env);
}

static char *load(size_t *size) {
    struct stat st;
    int fd = open(data_path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *size = (size_t)st.st_size;
    char *image = malloc(*size);
    assert_non_null(image);
    assert_int_equal(read(fd, image, *size), st.st_size);
    close(fd);
    return image;
}

static void set_word(char *image, size_t offset, uint64_t value, size_t size) {
    memcpy(image + offset, &value, size);
}

static void store(const char *image, size_t size) {
    int fd = open(data_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    bool stored = fd >= 0 && write(fd, image, size) == (ssize_t)size;
    close(fd);
    if (!stored) {
        _exit(1);
    }
}

static int make_dir(void **state) {
    (void)state;
    if (!mkdtemp(dir)) {
        return -1;
    }
    snprintf(data_path, sizeof(data_path), "%s/data.mdb", dir);
    snprintf(lock_path, sizeof(lock_path), "%s/data.mdb-lock", dir);
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    remove_files();
    return rmdir(dir);
}

#endif
