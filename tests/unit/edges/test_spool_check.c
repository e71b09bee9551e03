/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_check_testing.h"

/* A file that is known in its details: records 1 and 2 in a leaf, 4 and 5 on pages of their own,
 * and three free pages, after two transactions. Places in it: */
enum base { META, META_2, LEAF, NODE_1, NODE_2, NODE_4, NODE_5, OVERFLOW_4, FREE, FREE_KEY, BASES };

static size_t get_word(const char *image, size_t offset, size_t size) {
    uint64_t word = 0;
    memcpy(&word, image + offset, size);
    return (size_t)word;
}

static char *make_known(size_t *size, size_t places[BASES]) {
    static char value[5000];
    MDB_txn *txn;
    MDB_dbi db;
    remove_files();
    MDB_env *env = open_env();
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, MDB_CREATE | MDB_INTEGERKEY, &db), 0);
    for (uint64_t number = 1; number <= 6; number++) {
        MDB_val key = {sizeof(number), &number};
        MDB_val data = {number < 4 ? 10 : sizeof(value), value};
        assert_int_equal(mdb_put(txn, db, &key, &data, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    for (uint64_t number = 3; number <= 6; number += 3) {
        MDB_val key = {sizeof(number), &number};
        assert_int_equal(mdb_del(txn, db, &key, NULL), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    char *image = load(size);
    places[META] = 0;
    places[META_2] = PAGE;
    places[LEAF] = get_word(image, 128, 8) * PAGE;
    for (unsigned i = 0; i < 4; i++) {
        places[NODE_1 + i] = places[LEAF] + get_word(image, places[LEAF] + 16 + 2 * i, 2);
    }
    places[OVERFLOW_4] = get_word(image, places[NODE_4] + 16, 8) * PAGE;
    places[FREE] = get_word(image, 80, 8) * PAGE;
    places[FREE_KEY] = places[FREE] + get_word(image, places[FREE] + 16, 2) + 8;
    return image;
}

/* Damage that would be dangerous, each kind told. */
static void test_told(void **state) {
    (void)state;
    static const struct {
        enum base base;
        unsigned offset, size;
        uint64_t value;
        const char *why;
    } cases[] = {
        {META, 16, 4, 0, "it is no LMDB file"},
        {META, 20, 4, 2, "it has LMDB's format 2, not 1"},
        {META_2, 16, 4, 0, "its second meta page is damaged"},
        {META, 40, 4, 4095, "it has pages of 4095 bytes"},
        {META, 40, 4, 256, "it has pages of 256 bytes"},
        {META, 40, 4, 1u << 31, "it has pages of 2147483648 bytes"},
        {META_2, 40, 4, 8192, "its meta pages tell different page sizes"},
        {META, 144, 8, 3, "its meta pages are in the wrong order"},
        {META, 136, 8, 0, "its last page is said to be page 0"},
        {META, 136, 8, 1u << 30, "its last page is said to be page 1073741824"},
        {META, 44, 2, 0, "its free list has the flags 0x0"},
        {META, 92, 2, 4, "a database has the flags 0x4, which no spool has"},
        {META, 94, 2, 0, "a database of 4 records has a depth of 0"},
        {META, 94, 2, 33, "a database of 4 records has a depth of 33"},
        {META, 94, 2, 2, "has the flags 0x2 where a branch belongs"},
        {META, 96, 8, 1, "a database has 4 records where 4 are announced, or other pages"},
        {META, 120, 8, 77, "a database has 4 records where 77 are announced, or other pages"},
        {META, 128, 8, 1, "page 0: refers to page 1, which does not exist"},
        {META, 128, 8, 100000, "page 0: refers to page 100000, which does not exist"},
        {LEAF, 0, 8, 77, "says that it is page 77"},
        {LEAF, 10, 2, 0x12, "has the flags 0x12 where a leaf belongs"},
        {LEAF, 12, 2, 16, "has only 0 nodes"},
        {LEAF, 12, 2, 15, "its free space lies outside of the page"},
        {LEAF, 14, 2, PAGE + 2, "its free space lies outside of the page"},
        {LEAF, 16, 2, 30, "node 0 lies outside of the page"},
        {LEAF, 16, 2, 4093, "node 0 lies outside of the page"},
        {LEAF, 16, 2, 4094, "node 0 lies outside of the page"},
        {LEAF, 14, 2, 3000, "its nodes overlap"},
        {NODE_1, 0, 2, 4000, "node 0 is larger than the page"},
        {NODE_1, 2, 2, 0xffff, "node 0 is larger than the page"},
        {NODE_2, 0, 2, 12, "its nodes overlap"},
        {NODE_1, 0, 2, 8, "its nodes do not fill their part of the page"},
        {NODE_2, 6, 2, 0, "node 1 has a key of 0 bytes"},
        {NODE_1, 8, 8, 2, "its keys are out of order"},
        {NODE_1, 4, 2, 4, "node 0 has the flags 0x4"},
        {NODE_1, 4, 2, 2, "node 0 has the flags 0x2"},
        {NODE_4, 16, 8, 77, "refers to page 77, which does not exist"},
        {NODE_4, 16, 8, 1, "refers to page 1, which does not exist"},
        {NODE_4, 2, 2, 0xffff, "does not hold the value of 4294906760 bytes that belongs there"},
        {OVERFLOW_4, 0, 8, 77, "does not hold the value of 5000 bytes that belongs there"},
        {OVERFLOW_4, 10, 2, 0, "does not hold the value of 5000 bytes that belongs there"},
        {OVERFLOW_4, 12, 4, 1, "does not hold the value of 5000 bytes that belongs there"},
        {OVERFLOW_4, 12, 4, UINT32_MAX, "its value reaches beyond the end of the file"},
        {FREE_KEY, 0, 8, 0, "the free list names transaction 0, the last one is 2"},
        {FREE_KEY, 0, 8, 3, "the free list names transaction 3, the last one is 2"},
        {FREE_KEY, 8, 8, 4, "a record of the free list says that it has 4 pages"},
        {FREE_KEY, 8, 8, UINT64_MAX, "a record of the free list says that it has"},
        {FREE_KEY, 16, 8, 2, "the free list is out of order"},
        {FREE_KEY, 16, 8, 0, "refers to page 0, which does not exist"},
        {FREE_KEY, 16, 8, 4096, "refers to page 4096, which does not exist"},
    };
    size_t size, places[BASES];
    char *image = make_known(&size, places), *damaged = malloc(size);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char why[300] = "sound";
        memcpy(damaged, image, size);
        set_word(damaged, places[cases[i].base] + cases[i].offset, cases[i].value, cases[i].size);
        store(damaged, size);
        bool sound = spool_check_data(data_path, why, sizeof(why));
        if (sound || !strstr(why, cases[i].why)) {
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, cases[i].why, why);
        }
    }
    free(damaged);
    free(image);
}

static void assert_refused(const char *image, size_t size, const char *expected) {
    char why[300] = "sound";
    store(image, size);
    assert_false(spool_check_data(data_path, why, sizeof(why)));
    if (!strstr(why, expected)) {
        fail_msg("expected \"%s\", got \"%s\"", expected, why);
    }
}

/* A page has one place only. */
static void test_shared_pages(void **state) {
    (void)state;
    static const char *const why = "which belongs to something else";
    size_t size, places[BASES];
    char *image = make_known(&size, places);
    size_t four = get_word(image, places[NODE_4] + 16, 8);
    size_t five = get_word(image, places[NODE_5] + 16, 8);
    size_t greatest = get_word(image, places[FREE_KEY] + 16, 8);
    size_t least = get_word(image, places[FREE_KEY] + 32, 8);

    set_word(image, places[NODE_5] + 16, four, 8);
    assert_refused(image, size, why);
    set_word(image, places[NODE_5] + 16, five, 8);
    set_word(image, places[FREE_KEY] + 16, places[LEAF] / PAGE, 8);
    assert_refused(image, size, why);
    set_word(image, places[FREE_KEY] + 16, greatest, 8);
    set_word(image, places[FREE_KEY] + 32, four + 1, 8);
    assert_refused(image, size, why);
    set_word(image, places[FREE_KEY] + 32, least, 8);
    set_word(image, 128, places[FREE] / PAGE, 8);
    assert_refused(image, size, why);
    free(image);
}

/* Nodes that fit, but that LMDB cannot have made. */
static void test_impossible_nodes(void **state) {
    (void)state;
    const size_t start = 1000;
    size_t size, places[BASES];
    char *image = make_known(&size, places), *leaf = image + places[LEAF];
    set_word(leaf, 12, 18, 2);
    set_word(leaf, 14, start, 2);
    set_word(leaf, 16, start, 2);
    set_word(leaf, start, PAGE - start - 8 - 8, 4);
    set_word(leaf, start + 4, 0, 2);
    set_word(leaf, start + 6, 8, 2);
    assert_refused(image, size, "node 0 is too large to stand in a page");
    set_word(leaf, start, PAGE - start - 8 - 600, 4);
    set_word(leaf, start + 6, 600, 2);
    assert_refused(image, size, "node 0 has a key of 600 bytes");
    free(image);

    /* An integer of seven bytes. */
    image = make_known(&size, places);
    set_word(image, places[NODE_1], 11, 2);
    set_word(image, places[NODE_1] + 6, 7, 2);
    assert_refused(image, size, "has a key of 7 bytes");
    free(image);

    /* Two bytes are missing in the free list. */
    image = make_known(&size, places);
    size_t node = places[FREE_KEY] - 8;
    memmove(image + node + 2, image + node, PAGE - (node % PAGE) - 2);
    set_word(image, node + 2, get_word(image, node + 2, 2) - 2, 2);
    set_word(image, places[FREE] + 14, (node + 2) % PAGE, 2);
    set_word(image, places[FREE] + 16, (node + 2) % PAGE, 2);
    assert_refused(image, size, "a record of the free list has 30 bytes");
    free(image);
}

static void assert_truncation_told(const char *image, size_t size) {
    for (size_t shorter = 1; shorter < size; shorter++) {
        char why[300] = "";
        if (shorter % 512 > 2 && shorter % 512 < 510) {
            continue;
        }
        store(image, shorter);
        assert_false(spool_check_data(data_path, why, sizeof(why)));
        assert_true(why[0] != '\0');
    }
}

/* Whatever is missing at the end is missed. */
static void test_truncated(void **state) {
    (void)state;
    uint64_t random = 1;
    size_t size, places[BASES];
    char *image = make_known(&size, places);
    assert_truncation_told(image, size);
    free(image);
    make_file(&recipes[0], &random);
    image = load(&size);
    assert_truncation_told(image, size);
    free(image);
}

/* Files that are none of ours, and what is no file. */
static void test_foreign(void **state) {
    (void)state;
    char why[300], zeros[3 * PAGE] = {0};
    remove_files();
    assert_true(spool_check_data(data_path, why, sizeof(why)));
    store("", 0);
    assert_true(spool_check_data(data_path, why, sizeof(why)));

    static const char *const texts[] = {"hello\n", "SQLite format 3"};
    for (size_t i = 0; i < 2; i++) {
        memset(zeros, 0, sizeof(zeros));
        memcpy(zeros, texts[i], strlen(texts[i]));
        for (size_t size = strlen(texts[i]); size <= sizeof(zeros); size += 1000) {
            store(zeros, size);
            assert_false(spool_check_data(data_path, why, sizeof(why)));
            assert_string_equal(why, "it is no LMDB file");
        }
    }
    memset(zeros, 0, sizeof(zeros));
    store(zeros, sizeof(zeros));
    assert_false(spool_check_data(data_path, why, sizeof(why)));
    assert_string_equal(why, "it is no LMDB file");

    remove_files();
    assert_int_equal(mkfifo(data_path, 0600), 0);
    assert_false(spool_check_data(data_path, why, sizeof(why)));
    assert_string_equal(why, "it is no regular file");
    remove_files();
    assert_false(spool_check_data(dir, why, sizeof(why)));
    assert_string_equal(why, "it is no regular file");

    char through[80];
    store("x", 1);
    snprintf(through, sizeof(through), "%s/data.mdb", data_path);
    assert_false(spool_check_data(through, why, sizeof(why)));
    assert_string_equal(why, "it cannot be opened: Not a directory");
    if (geteuid() != 0) {
        assert_int_equal(chmod(data_path, 0), 0);
        assert_false(spool_check_data(data_path, why, sizeof(why)));
        assert_string_equal(why, "it cannot be opened: Permission denied");
    }
}

/* The sentence is cut, not written beyond its place. */
static void test_short_why(void **state) {
    (void)state;
    char why[8];
    remove_files();
    store("no", 2);
    assert_false(spool_check_data(data_path, why, sizeof(why)));
    assert_string_equal(why, "it is n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_shared_pages),
        cmocka_unit_test(test_impossible_nodes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_short_why),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
