/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_read_testing.h"

/* ---- Reading ---- */

static void test_empty(void **state) {
    (void)state;
    spool_close(open_spool());
    struct spool_read *r = open_read();
    struct spool_item item;
    mqk_error err;
    assert_int_equal(spool_read_next(r, &item, &err), 0);
    assert_int_equal(spool_read_next(r, &item, &err), 0);
    assert_int_equal(spool_read_owner(r), 0);
    assert_int_equal(spool_read_damaged(r), 0);
    spool_read_close(r);
    spool_read_close(NULL);
}

/* Over all files of the folder, but for the table of LMDB's readers. */
static uint64_t sum_of_files(void) {
    DIR *folder = opendir(dir);
    uint64_t sum = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char path[400];
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        bool counts = entry->d_name[0] != '.' && strcmp(entry->d_name, "lock.mdb") != 0;
        FILE *f = counts ? fopen(path, "r") : NULL;
        uint64_t hash = str_hash(mqk_cstr(entry->d_name));
        for (int c; f && (c = getc_unlocked(f)) != EOF;) {
            hash = (hash ^ (unsigned)c) * 0x100000001b3u;
        }
        sum += hash;
        if (f) {
            fclose(f);
        }
    }
    closedir(folder);
    return sum;
}

/* All that is not done, wherever it stands, in order and as it was put in; and nothing changes. */
static void test_everything(void **state) {
    (void)state;
    static const struct {
        uint64_t count;
        size_t size;
    } cases[] = {{10, 100}, {1000, 300}, {40000, 1500}, {3, 2500000}, {25, 900000}};
    struct spool *s = open_spool();
    uint64_t n = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint64_t k = 0; k < cases[i].count; k++) {
            /* Every seventh leaves at once, every 11th one later. */
            bool leaves = ++n % 7 == 0;
            struct spool_ref ref = put_as(s, n, cases[i].size, !leaves);
            if (leaves) {
                spool_done(s, ref);
            }
        }
    }
    spool_close(s);
    s = open_spool();
    struct spool_item item;
    uint64_t left = 0;
    while (spool_next(s, &item)) {
        if (number_of(&item) % 11 == 0) {
            spool_done(s, item.ref);
        } else {
            left += 1;
        }
    }
    spool_close(s);
    uint64_t before = sum_of_files();

    struct spool_read *r = open_read();
    uint64_t last = 0, last_number = 0, found = 0;
    while (next(r, &item, &last)) {
        uint64_t number = number_of(&item);
        assert_true(number > last_number);
        assert_true(number % 11 != 0 && number % 7 != 0);
        assert_is_record(&item, number);
        assert_true(item.accepted_ms > 0 && item.cost > 0);
        last_number = number;
        found += 1;
    }
    assert_int_equal(found, left);
    assert_true(found > 20000);
    assert_int_equal(spool_read_damaged(r), 0);
    spool_read_close(r);
    assert_int_equal(sum_of_files(), before);
}

/* ---- Beside its owner ---- */

/* Reads all: those that stay, and whatever was in before and is not done afterwards, must be seen.
 */
static void read_beside(const struct progress *progress, pid_t owner) {
    static bool seen[MOST];
    memset(seen, 0, sizeof(seen));
    uint64_t put_before = atomic_load(&progress->put);
    struct spool_read *r = open_read();
    uint64_t put_after = atomic_load(&progress->put);
    struct spool_item item;
    uint64_t last = 0, kept = 0;
    assert_int_equal(spool_read_owner(r), owner);
    while (next(r, &item, &last)) {
        uint64_t number = number_of(&item);
        if (number <= KEPT) {
            kept += 1;
            assert_int_equal(number, kept);
        } else {
            uint64_t n = number - KEPT - 1;
            assert_true(n <= put_after); /* one may not be counted yet */
            seen[n] = true;
        }
        assert_is_record(&item, number);
    }
    assert_int_equal(kept, KEPT);
    assert_int_equal(spool_read_damaged(r), 0);
    spool_read_close(r);
    for (uint64_t n = atomic_load(&progress->done); n < put_before; n++) {
        if (!seen[n]) {
            fail_msg("record %llu was not seen", (unsigned long long)n);
        }
    }
}

/* While records come and go and move: all that has to be seen is, in order, once, and whole. */
static void test_beside_owner(void **state) {
    (void)state;
    pid_t child;
    struct progress *progress = start_owner(&child);
    for (int round = 0; round < 25; round++) {
        read_beside(progress, child);
    }
    end_owner(child, progress);
}

/* Who looks never keeps the owner out. */
static void test_owner_comes(void **state) {
    (void)state;
    spool_close(open_spool());
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (;;) {
            mqk_error err;
            struct spool_read *r = spool_read_open(dir, &err);
            spool_read_close(r);
        }
    }
    for (int i = 0; i < 50; i++) {
        spool_close(open_spool());
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void assert_refused(const char *path, const char *expected) {
    mqk_error err;
    uint64_t removed = 1;
    assert_null(spool_read_open(path, &err));
    assert_int_equal(err.code, MQK_ERR_SPOOL);
    if (!strstr(err.message, expected)) {
        fail_msg("expected \"%s\", got \"%s\"", expected, err.message);
    }
    assert_int_equal(spool_purge(path, NULL, &removed, &err), MQK_ERR_SPOOL);
    assert_int_equal(removed, 0);
}

static void test_own_process(void **state) {
    (void)state;
    struct spool *s = open_spool();
    assert_refused(dir, "in use by");
    spool_close(s);
    spool_read_close(open_read());
}

/* ---- What is no spool, or damaged ---- */

static void write_file(const char *name, const char *text, size_t size) {
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(text, 1, size, f);
    fclose(f);
}

static void test_no_spool(void **state) {
    (void)state;
    char deep[5000];
    memset(deep, 'x', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    assert_refused("/nonexistent/spool", "there is no spool in /nonexistent/spool");
    assert_refused(root, "it has none of its files");
    assert_refused("/dev/null", "there is no spool in /dev/null: Not a directory");
    assert_refused(deep, "there is no spool in");
}

/* Reads on after what is damaged; counts both. */
static void read_through(uint64_t *good, uint64_t *bad) {
    mqk_error err;
    struct spool_item item;
    struct spool_read *r = spool_read_open(dir, &err);
    *good = *bad = 0;
    for (int got; r && (got = spool_read_next(r, &item, &err)) != 0;) {
        *good += got == 1;
        *bad += got < 0;
        assert_true(got == 1 || (got == MQK_ERR_SPOOL && err.message[0]));
    }
    spool_read_close(r);
}

static void test_foreign_files(void **state) {
    (void)state;
    uint64_t good, bad;
    mkdir(dir, 0700);
    static const char *const names[] = {"journal", "data.mdb"};
    for (size_t i = 0; i < 2; i++) {
        write_file(names[i], "hello\n", 6);
        read_through(&good, &bad);
        assert_int_equal(good, 0);
        assert_int_equal(bad, 1 + i);
    }
    struct spool *s = open_spool();
    put(s, 1, 100);
    spool_close(s);
    write_file("data.mdb", "hello\n", 6);
    read_through(&good, &bad);
    assert_int_equal(good + bad, 2);
    assert_int_equal(bad, 1);
}

static char *load(const char *name, size_t *size) {
    char path[200];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    assert_true(f && fstat(fileno(f), &st) == 0);
    char *image = malloc((size_t)st.st_size + 1);
    *size = fread(image, 1, (size_t)st.st_size, f);
    fclose(f);
    return image;
}

/* A damaged record is told, the others are read. */
static void test_damaged_record(void **state) {
    (void)state;
    enum { COUNT = 12000 };
    struct spool *s = open_spool_of((uint64_t)16 << 20);
    for (uint64_t n = 1; n <= COUNT; n++) {
        put(s, n, 1000);
    }
    spool_close(s);
    static const char *const names[] = {"journal", "data.mdb"};
    uint64_t good, bad;
    for (size_t i = 0; i < 2; i++) {
        size_t size, at = 0;
        char *image = load(names[i], &size);
        /* The inside of a value: of a late record in the journal, of an early one in the store. */
        char value[1000];
        struct record record;
        mqk_header headers[2];
        make_record(i == 0 ? COUNT : 100, sizeof(value), value, &record, headers);
        while (at + sizeof(value) < size && memcmp(image + at, value, 100) != 0) {
            at++;
        }
        assert_true(at + 22 < size);
        image[at + 19] = 'X';
        write_file(names[i], image, size);
        read_through(&good, &bad);
        assert_int_equal(bad, 1 + i);
        assert_int_equal(good, COUNT - bad);
        free(image);
    }
}

/* Whatever is in the files: no crash, no hang. */
static void test_random_damage(void **state) {
    (void)state;
    struct spool *s = open_spool_of((uint64_t)4 << 20);
    for (uint64_t n = 1; n <= 4000; n++) {
        put(s, n, 100 + n % 500);
    }
    put(s, 4001, 1500000);
    spool_close(s);
    static const char *const names[] = {"journal", "data.mdb"};
    uint64_t random = 2463534242u;
    for (unsigned round = 0; round < 120; round++) {
        const char *name = names[round % 2];
        size_t size;
        char *image = load(name, &size), *damaged = malloc(size + 1);
        memcpy(damaged, image, size);
        for (unsigned i = 0; i < 1 + round % 20; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            size_t at = (size_t)(random >> 20) % (round % 3 ? size : 8192);
            damaged[at] ^= (char)(1u << (random >> 60) % 8);
        }
        write_file(name, damaged, round % 10 == 9 ? (size_t)(random >> 16) % size : size);
        pid_t child = fork();
        if (child == 0) {
            uint64_t good, bad;
            alarm(60);
            read_through(&good, &bad);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0) {
            fail_msg("round %u: status %x", round, (unsigned)status);
        }
        write_file(name, image, size);
        free(damaged);
        free(image);
    }
}

static void test_filter(void **state) {
    (void)state;
    const struct spool_item item = {
        .record = {.topic = STR("t")}, .rule = STR("r"), .accepted_ms = 1000};
    static const struct {
        mqk_str topic, rule;
        int64_t before_ms;
        bool matches;
    } cases[] = {
        {{NULL, 0}, {NULL, 0}, 0, true},    {{"t", 1}, {NULL, 0}, 0, true},
        {{"T", 1}, {NULL, 0}, 0, false},    {{"", 0}, {NULL, 0}, 0, false},
        {{NULL, 0}, {"r", 1}, 0, true},     {{NULL, 0}, {"rr", 2}, 0, false},
        {{NULL, 0}, {NULL, 0}, 1001, true}, {{NULL, 0}, {NULL, 0}, 1000, false},
        {{"t", 1}, {"r", 1}, 2000, true},   {{"t", 1}, {"x", 1}, 2000, false},
    };
    assert_true(spool_filter_matches(NULL, &item));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const mqk_spool_filter filter = {.size = sizeof(filter),
                                         .topic = cases[i].topic,
                                         .rule = cases[i].rule,
                                         .before_ms = cases[i].before_ms};
        assert_int_equal(spool_filter_matches(&filter, &item), cases[i].matches);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_empty, remove_spool),
        cmocka_unit_test_teardown(test_everything, remove_spool),
        cmocka_unit_test_teardown(test_beside_owner, remove_spool),
        cmocka_unit_test_teardown(test_owner_comes, remove_spool),
        cmocka_unit_test_teardown(test_own_process, remove_spool),
        cmocka_unit_test_teardown(test_no_spool, remove_spool),
        cmocka_unit_test_teardown(test_foreign_files, remove_spool),
        cmocka_unit_test_teardown(test_damaged_record, remove_spool),
        cmocka_unit_test_teardown(test_random_damage, remove_spool),
        cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
