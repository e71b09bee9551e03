/* SPDX-License-Identifier: Apache-2.0 */
/* A spool whose files are damaged, foreign or newer, or whose disk is full or whose folder goes
 * away. */
#include "spool_kit.h"

#include <errno.h>
#include <lmdb.h>
#include <sys/mount.h>

#include "crc32c.h"
#include "spool_record.h"
#include "spool_store.h"

#define MANY 40000u

static void path_of(const struct kit *kit, const char *name, char path[SPOOL_PATH_SIZE]) {
    assert_true(spool_folder_path(path, kit->dir, name));
}

static char *load(const struct kit *kit, const char *name, size_t *size) {
    char path[SPOOL_PATH_SIZE];
    struct stat st;
    path_of(kit, name, path);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    char *data = malloc((size_t)st.st_size + 1);
    assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
    close(fd);
    *size = (size_t)st.st_size;
    return data;
}

static void store(const struct kit *kit, const char *name, const char *data, size_t size) {
    char path[SPOOL_PATH_SIZE];
    path_of(kit, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
}

/* Removes the files that were set aside; how many. */
static int remove_aside(const struct kit *kit, const char *name) {
    char path[SPOOL_PATH_SIZE];
    char prefix[64];
    int count = 0;
    snprintf(prefix, sizeof(prefix), "%s.damaged-", name);
    DIR *folder = opendir(kit->dir);
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            path_of(kit, entry->d_name, path);
            unlink(path);
            count++;
        }
    }
    closedir(folder);
    return count;
}

static struct spool_settings small(const struct kit *kit) {
    struct spool_settings settings = kit_settings(kit);
    settings.max_bytes = 16 << 20; /* a journal of 4 blocks */
    return settings;
}

/* Puts in so much that most of it lies in the store. */
static void fill(struct kit *kit, uint64_t count) {
    struct spool_settings settings = small(kit);
    struct spool *s = kit_open_with(kit, &settings);
    for (uint64_t i = 0; i < count; i++) {
        kit_until(kit_put(s, i, 200, true, NULL) == MQK_OK);
    }
    spool_close(s);
}

/* Reads all there is: sound, in order, none twice. */
static uint64_t read_all(struct kit *kit) {
    struct spool_settings settings = small(kit);
    struct spool *s = kit_open_with(kit, &settings);
    struct spool_item item;
    uint64_t count = 0;
    uint64_t next = 0;
    while (spool_next(s, &item)) {
        uint64_t number = kit_check(&item);
        assert_true(number >= next);
        next = number + 1;
        count++;
    }
    assert_int_equal(spool_waiting(s), 0);
    struct spool_ref ref;
    kit_until(kit_put(s, MANY * 2, 10, true, &ref) == MQK_OK);
    spool_done(s, ref);
    spool_close(s);
    return count;
}

static void damaged_store(void **state) {
    struct kit *kit = *state;
    size_t data_size;
    size_t journal_size;
    unsigned seed = 5;
    unsigned kept = 0;
    fill(kit, 15000);
    char *data = load(kit, SPOOL_DATA_FILE, &data_size);
    char *journal = load(kit, SPOOL_JOURNAL_FILE, &journal_size);
    for (int round = 0; round < 150; round++) {
        size_t at = round < 50 ? (size_t)rand_r(&seed) % 8192 : (size_t)rand_r(&seed) % data_size;
        char mask = (char)(1 << rand_r(&seed) % 8);
        data[at] ^= mask;
        store(kit, SPOOL_DATA_FILE, data, data_size);
        store(kit, SPOOL_JOURNAL_FILE, journal, journal_size);
        uint64_t count = read_all(kit);
        int aside = remove_aside(kit, SPOOL_DATA_FILE);
        assert_true(count >= 14999 || aside == 1);
        assert_true(count <= 15000);
        kept += aside == 0;
        data[at] ^= mask;
    }
    assert_true(kept > 0);
    /* And cut off. */
    for (size_t size = 0; size < data_size; size = size * 2 + 5000) {
        store(kit, SPOOL_DATA_FILE, data, size);
        store(kit, SPOOL_JOURNAL_FILE, journal, journal_size);
        read_all(kit);
        assert_int_equal(remove_aside(kit, SPOOL_DATA_FILE), size > 0);
    }
    free(data);
    free(journal);
}

/* Damage to a record is found when it is read; the others are handed out. */
static void damaged_records(void **state) {
    struct kit *kit = *state;
    size_t size;
    fill(kit, 15000);
    char *data = load(kit, SPOOL_DATA_FILE, &size);
    char *at = data;
    for (int i = 0; i < 100; i++) {
        at = memmem(at, size - (size_t)(at - data), "topicrule", 9);
        assert_non_null(at);
        at[3] ^= 1;
        at += 2000;
    }
    store(kit, SPOOL_DATA_FILE, data, size);
    free(data);
    struct spool_settings settings = small(kit);
    struct spool *s = kit_open_with(kit, &settings);
    uint64_t count = 0;
    struct spool_item item;
    while (spool_next(s, &item)) {
        kit_check(&item);
        spool_done(s, item.ref);
        count++;
    }
    assert_true(count < 15000 && count >= 14900);
    assert_int_equal(kit_info(s).damaged, 15000 - count);
    assert_int_equal(kit_info(s).records, 0);
    spool_close(s);
    assert_true(kit->errors > 0); /* the spool's thread tells of them, at the latest at its end */
    /* They are gone. */
    s = kit_open_with(kit, &settings);
    assert_int_equal(kit_info(s).records, 0);
    assert_int_equal(kit_info(s).damaged, 0);
    spool_close(s);
}

static void damaged_journal(void **state) {
    struct kit *kit = *state;
    size_t size;
    fill(kit, 1000);
    char *data = load(kit, SPOOL_JOURNAL_FILE, &size);
    char *at = memmem(data, size, "topicrule", 9);
    assert_non_null(at);
    at[2] ^= 1;
    store(kit, SPOOL_JOURNAL_FILE, data, size);
    assert_int_equal(read_all(kit), 999);
    assert_int_equal(remove_aside(kit, SPOOL_JOURNAL_FILE), 1);
    assert_int_equal(kit->errors, 1);
    /* It was told once. */
    assert_int_equal(read_all(kit), 999);
    assert_int_equal(remove_aside(kit, SPOOL_JOURNAL_FILE), 0);
    /* Not a journal any more: set aside as it is. */
    store(kit, SPOOL_JOURNAL_FILE, "something else", 14);
    read_all(kit);
    assert_int_equal(remove_aside(kit, SPOOL_JOURNAL_FILE), 1);
    free(data);
}

static void assert_refused(struct kit *kit, const char *what) {
    struct spool_settings settings = small(kit);
    struct spool_owner owner = {.user = kit, .log = kit->log};
    mqk_error err = {0};
    assert_null(spool_open(&settings, &owner, &err));
    assert_int_equal(err.code, MQK_ERR_SPOOL);
    if (!strstr(err.message, what) || !strstr(err.message, settings.dir)) {
        fail_msg("%s", err.message);
    }
}

static void foreign_store(void **state) {
    struct kit *kit = *state;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {3, (void *)(uintptr_t) "abc"};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, kit->dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &key, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_refused(kit, "not made by this library");
}

static void newer_store(void **state) {
    struct kit *kit = *state;
    size_t size;
    fill(kit, 10);
    /* A newer one says so in its own words, with a right checksum; here the word is changed before
     * the checksum is made. */
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {5, (void *)(uintptr_t) "state"};
    MDB_val data;
    char copy[32];
    assert_int_equal(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 2);
    assert_int_equal(mdb_env_open(env, kit->dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "spool", 0, &dbi), 0);
    assert_int_equal(mdb_get(txn, dbi, &key, &data), 0);
    assert_int_equal(data.mv_size, sizeof(copy));
    memcpy(copy, data.mv_data, sizeof(copy));
    spool_put32(copy, 2);
    spool_put32(copy + 4, crc32c(2, copy + 8, sizeof(copy) - 8));
    data = (MDB_val){sizeof(copy), copy};
    assert_int_equal(mdb_put(txn, dbi, &key, &data, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_refused(kit, "newer version");
    free(load(kit, SPOOL_DATA_FILE, &size)); /* it stays where it was */
}

static void other_journals(void **state) {
    struct kit *kit = *state;
    size_t size;
    fill(kit, 10);
    char *data = load(kit, SPOOL_JOURNAL_FILE, &size);
    uint32_t own = spool_get32(data + 16);
    for (uint32_t version = own - 1; version <= own + 1; version += 2) {
        spool_put32(data + 16, version);
        spool_put32(data + 40, crc32c(0, data, 40));
        memcpy(data + 2048, data, 48);
        store(kit, SPOOL_JOURNAL_FILE, data, size);
        assert_refused(kit, "journal is made by another version; use that version, or choose");
    }
    free(data);
}

static void no_folder(void **state) {
    struct kit *kit = *state;
    struct spool_owner owner = {0};
    mqk_error err = {0};
    struct spool_settings settings = small(kit);
    static const char *const bad[] = {"/proc/mqkafka", "/dev/null/x", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        settings.dir = bad[i];
        assert_null(spool_open(&settings, &owner, &err));
        assert_int_equal(err.code, MQK_ERR_SPOOL);
        assert_non_null(strstr(err.message, bad[i]));
    }
    /* Parents are made. */
    char dir[128];
    snprintf(dir, sizeof(dir), "%s/a//b/c/", kit->dir);
    settings.dir = dir;
    spool_discard(kit_open_with(kit, &settings));
    assert_int_equal(access(dir, F_OK), -1);
    *strrchr(dir, 'c') = '\0';
    rmdir(dir);
    *strrchr(dir, 'b') = '\0';
    rmdir(dir);
}

/* ---- While it runs ---- */

static void folder_removed(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = small(kit);
    struct spool *s = kit_open_with(kit, &settings);
    for (uint64_t i = 0; i < 20000; i++) {
        kit_until(kit_put(s, i, 200, true, NULL) == MQK_OK);
    }
    kit_until(kit_put(s, 20000, 1500000, true, NULL) == MQK_OK);
    /* Something stands in its way, so that it cannot be made anew. */
    kit_remove_folder(kit->dir);
    int fd = open(kit->dir, O_WRONLY | O_CREAT, 0600);
    close(fd);
    kit_until(strstr(kit_info(s).message, "gone"));
    assert_int_equal(kit_info(s).state, SPOOL_BROKEN);
    assert_non_null(strstr(kit_info(s).message, kit->dir));
    assert_int_equal(kit_put(s, 1, 10, true, NULL), MQK_ERR_FULL);
    kit_expect(s, 0); /* what there is can still be read */
    spool_unread(s);
    unlink(kit->dir);
    kit_until(kit_info(s).state == SPOOL_OK);
    assert_string_equal(kit_info(s).message, "");
    assert_int_equal(kit_put(s, 20001, 10, true, NULL), MQK_OK);
    for (uint64_t i = 0; i < 5; i++) {
        spool_done(s, kit_expect(s, i));
    }
    spool_close(s);
    s = kit_open_with(kit, &settings);
    for (uint64_t i = 5; i < 20002; i++) {
        spool_done(s, kit_expect(s, i));
    }
    assert_int_equal(kit_info(s).records, 0);
    spool_close(s);
}

/* Puts many, numbered from one on; how many were taken. */
static uint64_t put_many(struct spool *s, uint64_t from) {
    uint64_t put = from;
    for (int i = 0; i < 1000; i++) {
        put += kit_put(s, put, 200, true, NULL) == MQK_OK;
    }
    return put - from;
}

static void disk_full(void **state) {
    struct kit *kit = *state;
    if (mount("tmpfs", kit->dir, "tmpfs", 0, "size=12m") != 0) {
        print_message("not run: a tmpfs cannot be mounted here (%s)\n", strerror(errno));
        skip();
    }
    struct spool_settings settings = small(kit);
    char ballast[SPOOL_PATH_SIZE];
    path_of(kit, "ballast", ballast);
    for (int drop = 0; drop < 2; drop++) {
        settings.drop_oldest = drop;
        kit->dropped = 0;
        struct spool *s = kit_open_with(kit, &settings);
        int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
        for (off_t size = 12 << 20; size > 0; size -= 65536) {
            if (posix_fallocate(fd, 0, size) == 0) {
                break;
            }
        }
        uint64_t put = 0;
        uint64_t taken;
        /* The journal may be full before the spool's thread meets the full disk, or after that. */
        if (drop) {
            kit_until((put += put_many(s, put), kit->dropped > 0));
        } else {
            kit_until((put += taken = put_many(s, put), taken == 0));
        }
        /* It tries again and again whether it can write: what is said belongs together. */
        struct spool_info info;
        kit_until((info = kit_info(s)).state == SPOOL_BROKEN);
        if (!strstr(info.message, "No space left")) {
            fail_msg("%s", info.message);
        }
        assert_non_null(strstr(info.message, kit->dir));
        if (!drop) {
            assert_int_equal(kit_put(s, put, 200, true, NULL), MQK_ERR_FULL);
        }
        assert_int_equal(kit_put(s, 1, 2000000, true, NULL), MQK_ERR_FULL);
        ftruncate(fd, 0) == 0 ? (void)0 : abort();
        close(fd);
        unlink(ballast);
        kit_until(kit_info(s).state != SPOOL_BROKEN);
        uint64_t more = put + 3000;
        for (; put < more; put++) {
            kit_until(kit_put(s, put, 200, true, NULL) == MQK_OK);
        }
        spool_close(s);
        uint64_t dropped = kit->dropped;
        assert_true(drop || dropped == 0);
        s = kit_open_with(kit, &settings);
        assert_int_equal(kit_info(s).damaged, 0);
        assert_int_equal(kit_info(s).records, put - dropped);
        struct spool_item item;
        uint64_t last = 0;
        uint64_t count = 0;
        while (spool_next(s, &item)) {
            uint64_t number = kit_check(&item);
            assert_true(count == 0 || number > last);
            last = number;
            count++;
            spool_done(s, item.ref);
        }
        assert_int_equal(count, put - dropped);
        assert_int_equal(last, put - 1);
        spool_close(s);
    }
    umount(kit->dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(damaged_store), kit_test(damaged_records), kit_test(damaged_journal),
        kit_test(foreign_store), kit_test(newer_store),     kit_test(other_journals),
        kit_test(no_folder),     kit_test(folder_removed),  kit_test(disk_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
