/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_check_random [ROUNDS]: sound files of many kinds, and the same with random damage. */
#include "spool_check_testing.h"

#include <sys/wait.h>

#define BATCH    100u
#define SURVIVED 100 /* exit code of a child, and how many files it used */

static unsigned rounds = 200;

/* What LMDB writes is sound after each transaction, whatever the data. */
static void test_sound(void **state) {
    (void)state;
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < RECIPE_COUNT; i++) {
        make_file(&recipes[i], &random);
    }
}

/* The sum of all bytes, so that all of them are read. */
static uint64_t read_tree(MDB_txn *txn, MDB_dbi db) {
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t sum = 0;
    if (mdb_cursor_open(txn, db, &cursor) != 0) {
        return 0;
    }
    for (MDB_cursor_op op = MDB_FIRST; mdb_cursor_get(cursor, &key, &value, op) == 0;
         op = MDB_NEXT) {
        for (size_t i = 0; i < value.mv_size; i++) {
            sum += ((const uint8_t *)value.mv_data)[i];
        }
        MDB_val found;
        sum += mdb_get(txn, db, &key, &found) == 0;
    }
    mdb_cursor_close(cursor);
    return sum;
}

/* Deletes every third record, overwrites another, and puts new ones in. */
static void change_tree(MDB_txn *txn, MDB_dbi db) {
    static uint8_t text[12000];
    uint8_t copy[511]; /* LMDB's longest key */
    MDB_cursor *cursor;
    MDB_val key, value;
    unsigned n = 0;
    if (mdb_cursor_open(txn, db, &cursor) != 0) {
        return;
    }
    for (MDB_cursor_op op = MDB_FIRST; mdb_cursor_get(cursor, &key, &value, op) == 0;
         op = MDB_NEXT) {
        if (n % 3 == 0) {
            mdb_cursor_del(cursor, 0);
        } else if (n % 3 == 1) {
            MDB_val other = {n % 7 == 0 ? sizeof(text) : value.mv_size, text};
            other.mv_size = other.mv_size < sizeof(text) ? other.mv_size : sizeof(text);
            memcpy(copy, key.mv_data, key.mv_size);
            key.mv_data = copy;
            mdb_cursor_put(cursor, &key, &other, MDB_CURRENT);
        }
        n += 1;
    }
    mdb_cursor_close(cursor);
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t number = i * 0x9E3779B97F4A7C15u;
        MDB_val new_key = {sizeof(number), &number}, data = {i * 50, text};
        mdb_put(txn, db, &new_key, &data, 0);
    }
}

/* Keeps the reading from being left out as useless. */
static volatile uint64_t seen;

/* Whatever a spool may do with a file: read it through, change much of it, and once more. */
static void use_file(void) {
    MDB_env *env = open_env();
    MDB_txn *txn;
    for (unsigned round = 0; env && round < 3; round++) {
        static const char *const names[] = {NULL, "one", "two", "three"};
        for (unsigned d = 0; d < 4; d++) {
            MDB_dbi db;
            if (mdb_txn_begin(env, NULL, 0, &txn) != 0) {
                continue;
            }
            bool good = mdb_dbi_open(txn, names[d], 0, &db) == 0;
            if (good) {
                seen += read_tree(txn, db);
            }
            if (good && (d > 0 || mdb_dbi_open(txn, "one", 0, &(MDB_dbi){0}) != 0)) {
                change_tree(txn, db);
            }
            mdb_txn_commit(txn);
        }
    }
    mdb_env_close(env);
}

static size_t page_of(uint64_t *random, size_t size) {
    return below(random, size / PAGE) * PAGE;
}

/* One piece of damage; returns the file's new size. */
static size_t damage(char *image, size_t size, uint64_t *random) {
    static const uint64_t words[] = {
        0,    1,    2,    3,    7,    8,     16,         17,         18,         255,
        4080, 4094, 4095, 4096, 4097, 65535, 0x7fffffff, UINT32_MAX, UINT64_MAX, UINT64_MAX / 2};
    size_t page = page_of(random, size), other = page_of(random, size);
    uint64_t word = words[below(random, sizeof(words) / sizeof(words[0]))];
    char copy[PAGE];
    switch (below(random, 12)) {
    case 0: /* a bit, anywhere */
        image[below(random, size)] ^= (char)(1u << below(random, 8));
        break;
    case 1: /* a bit where pages have their heads and pointers */
    case 2:
        image[page + below(random, 64)] ^= (char)(1u << below(random, 8));
        break;
    case 3: /* a bit in a meta page */
        image[below(random, 2) * PAGE + below(random, 160)] ^= (char)(1u << below(random, 8));
        break;
    case 4: /* a word in a head, a pointer, a meta page */
        set_word(image, page + 2 * below(random, 40), word, 2);
        break;
    case 5:
        set_word(image, below(random, 2) * PAGE + 8 * below(random, 20), word, 8);
        break;
    case 6: /* a number of a page, somewhere */
        set_word(image, below(random, size / 8) * 8, below(random, size / PAGE + 2), 8);
        break;
    case 7: /* words of a node, somewhere */
        set_word(image, page + 2 * below(random, PAGE / 2), word, 2);
        break;
    case 8:
        memset(image + page, below(random, 2) ? 0 : 0xff, PAGE);
        break;
    case 9:
        memcpy(copy, image + page, PAGE);
        memcpy(image + page, image + other, PAGE);
        memcpy(image + other, copy, PAGE);
        break;
    case 10: /* a page of another time, with its own number kept */
        memcpy(image + page + 8, image + other + 8, PAGE - 8);
        break;
    default:
        return below(random, 2) ? page : below(random, size);
    }
    return size;
}

/* In a child: damages the file BATCH times, and uses what is called sound. Returns how often that
 * was. */
static unsigned use_damaged(const char *image, size_t size, uint64_t seed) {
    unsigned accepted = 0;
    char *damaged = malloc(size);
    for (unsigned i = 0; damaged && i < BATCH; i++) {
        char why[300] = "";
        memcpy(damaged, image, size);
        size_t new_size = size;
        for (size_t times = 1 + below(&seed, 2); times > 0 && new_size == size; times--) {
            new_size = damage(damaged, size, &seed);
        }
        remove_files();
        store(damaged, new_size);
        if (spool_check_data(data_path, why, sizeof(why))) {
            accepted += 1;
            use_file();
        } else if (why[0] == '\0') {
            abort();
        }
    }
    free(damaged);
    return accepted;
}

/* Damage is refused, or LMDB can live with it. */
static void test_damaged(void **state) {
    (void)state;
    uint64_t random = 2463534242u;
    unsigned accepted = 0, tried = 0;
    for (size_t i = 0; i < RECIPE_COUNT; i++) {
        size_t size;
        make_file(&recipes[i], &random);
        char *image = load(&size);
        for (unsigned round = 0; round < rounds; round += BATCH) {
            uint64_t seed = next_random(&random);
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                _exit(SURVIVED + (int)use_damaged(image, size, seed));
            }
            int status;
            assert_int_equal(waitpid(child, &status, 0), child);
            if (!WIFEXITED(status) || WEXITSTATUS(status) < SURVIVED) {
                fail_msg("%s, seed %llu: status %x", recipes[i].name, (unsigned long long)seed,
                         (unsigned)status);
            }
            accepted += (unsigned)(WEXITSTATUS(status) - SURVIVED);
            tried += BATCH;
        }
        free(image);
    }
    print_message("%u damaged files, %u refused, %u used\n", tried, tried - accepted, accepted);
    assert_true(accepted > 0 && accepted < tried);
}

int main(int argc, char **argv) {
    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : rounds;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sound),
                                       cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
