/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the spool costs: a record put in and done against a copy of it in memory, and records that
 * must be on the disk against a plain loop over LMDB with the same number of them in a transaction.
 */
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "record_queue.h"

#define ROUNDS      7
#define RECORDS     50000
#define DISK_ROUNDS 3
#define VALUE_SIZE  200

static char value[VALUE_SIZE];
static const struct record record = {
    .topic = {"telemetry", 9}, .key = {"sensor-7", 8}, .value = {value, VALUE_SIZE}};

static double wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct spool *open_spool(const char *dir, int64_t sync_ms) {
    struct spool_settings settings = {
        .dir = dir, .max_bytes = (uint64_t)1 << 30, .sync_ms = sync_ms};
    struct spool_owner owner = {0};
    mqk_error err;
    struct spool *s = spool_open(&settings, &owner, &err);
    if (!s) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return s;
}

static double put_and_done(struct spool *s) {
    static struct spool_ref refs[1000];
    double begin = bench_thread_ns();
    for (int i = 0; i < RECORDS / 1000; i++) {
        for (int n = 0; n < 1000; n++) {
            if (spool_put(s, &record, STR("rule"), false, &refs[n]) != MQK_OK) {
                exit(1);
            }
        }
        for (int n = 0; n < 1000; n++) {
            spool_done(s, refs[n]);
        }
    }
    return (bench_thread_ns() - begin) / RECORDS;
}

/* What a buffer in memory does with a record. */
static double copy_and_free(void) {
    struct record_queue q;
    record_queue_init(&q);
    double begin = bench_thread_ns();
    for (int i = 0; i < RECORDS / 1000; i++) {
        for (int n = 0; n < 1000; n++) {
            if (!record_queue_put(&q, &record, n)) {
                exit(1);
            }
        }
        for (int n = 0; n < 1000; n++) {
            struct queued *first = record_queue_first(&q);
            record_queue_take(&q);
            record_queue_release(&q, first, 1);
        }
    }
    double ns = (bench_thread_ns() - begin) / RECORDS;
    record_queue_fini(&q);
    return ns;
}

static double spool_always(struct spool *s, int batch, int batches) {
    double begin = wall_ns();
    struct spool_ref ref = {0};
    for (int i = 0; i < batches; i++) {
        for (int n = 0; n < batch; n++) {
            while (spool_put(s, &record, STR("rule"), true, &ref) != MQK_OK) {
                usleep(100);
            }
        }
        if (spool_sync(s, ref) != MQK_OK) {
            exit(1);
        }
    }
    double ns = (wall_ns() - begin) / batch / batches;
    struct spool_item item;
    for (int left = batch * batches; left > 0;) {
        if (spool_next(s, &item)) {
            spool_done(s, item.ref);
            left--;
        }
    }
    return ns;
}

static void check(int rc) {
    if (rc != 0) {
        fprintf(stderr, "LMDB: %s\n", mdb_strerror(rc));
        exit(1);
    }
}

static double plain_lmdb(MDB_env *env, int batch, int batches) {
    static uint64_t number;
    MDB_txn *txn;
    MDB_dbi dbi;
    double begin = wall_ns();
    for (int i = 0; i < batches; i++) {
        check(mdb_txn_begin(env, NULL, 0, &txn));
        check(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi));
        for (int n = 0; n < batch; n++) {
            uint64_t seq = ++number;
            MDB_val key = {sizeof(seq), &seq};
            MDB_val data = {VALUE_SIZE, value};
            check(mdb_put(txn, dbi, &key, &data, MDB_APPEND));
        }
        check(mdb_txn_commit(txn));
    }
    return (wall_ns() - begin) / batch / batches;
}

int main(void) {
    char dir[] = "/tmp/mqk-bench-spool-XXXXXX";
    char lmdb_dir[sizeof(dir) + 8];
    double ours[ROUNDS];
    double theirs[ROUNDS];
    if (!mkdtemp(dir)) {
        return 1;
    }
    snprintf(lmdb_dir, sizeof(lmdb_dir), "%s/lmdb", dir);
    struct spool *s = open_spool(dir, 10);
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = put_and_done(s);
        theirs[i] = copy_and_free();
    }
    bench_row("a record of 200 bytes put into the spool and done", bench_median(ours, ROUNDS),
              "copied in memory and freed", bench_median(theirs, ROUNDS), "none");
    spool_discard(s);

    MDB_env *env;
    mkdir(dir, 0700);
    mkdir(lmdb_dir, 0700);
    check(mdb_env_create(&env));
    check(mdb_env_set_mapsize(env, (size_t)1 << 30));
    check(mdb_env_open(env, lmdb_dir, 0, 0600));
    static const int batches[] = {10, 100, 1000};
    for (size_t b = 0; b < 3; b++) {
        int count = batches[b] == 1000 ? 60 : 200;
        s = open_spool(dir, 0);
        for (int i = 0; i < DISK_ROUNDS; i++) {
            ours[i] = spool_always(s, batches[b], count);
            theirs[i] = plain_lmdb(env, batches[b], count);
        }
        double spool_ns = bench_median(ours, DISK_ROUNDS);
        double lmdb_ns = bench_median(theirs, DISK_ROUNDS);
        printf("sync: always, %4d records at a time %24.0f a second   plain LMDB, as many a "
               "transaction %10.0f a second   ratio %8.2f   (goal >= 0.7)\n",
               batches[b], 1e9 / spool_ns, 1e9 / lmdb_ns, lmdb_ns / spool_ns);
        spool_discard(s);
    }
    mdb_env_close(env);
    char path[sizeof(lmdb_dir) + 16];
    snprintf(path, sizeof(path), "%s/data.mdb", lmdb_dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", lmdb_dir);
    unlink(path);
    rmdir(lmdb_dir);
    rmdir(dir);
    return 0;
}
