/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: what an outage takes of it, and what happens when there is none. The linker sends our
 * allocations here (-Wl,--wrap). */
#include "spool_kit.h"
#include "spool_private.h"

#include <pthread.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static _Atomic long left = -1; /* allocations until one fails; negative: none fails */

static bool fails(void) {
    long n = atomic_load(&left);
    while (n >= 0 && !atomic_compare_exchange_weak(&left, &n, n - 1)) {
    }
    return n == 0;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

static void opening_without_memory(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = kit_settings(kit);
    struct spool_owner owner = {.user = kit, .log = kit->log};
    for (long n = 0;; n++) {
        mqk_error err = {0};
        atomic_store(&left, n);
        struct spool *s = spool_open(&settings, &owner, &err);
        bool reached = atomic_exchange(&left, -1) < 0;
        if (s) {
            spool_close(s);
        } else {
            assert_int_equal(err.code, MQK_ERR_NO_MEMORY);
        }
        if (!reached) {
            assert_non_null(s);
            assert_true(n >= 6);
            return;
        }
    }
}

/* Nothing is lost, and all goes on as soon as there is memory again. */
static void working_without_memory(void **state) {
    struct kit *kit = *state;
    struct spool_settings settings = kit_settings(kit);
    settings.max_bytes = 16 << 20;
    mqk_header headers[40];
    for (size_t i = 0; i < 40; i++) {
        headers[i] = (mqk_header){STR("h"), STR("v")};
    }
    for (long n = 0; n < 12; n++) {
        struct spool *s = kit_open_with(kit, &settings);
        struct record record = {.topic = STR("t"), .headers = headers, .header_count = 40};
        struct spool_ref refs[20000];
        uint64_t put = 0;
        uint64_t got = 0;
        struct spool_item item;
        for (int part = 0; part < 2; part++) {
            atomic_store(&left, part == 0 ? n : -1);
            for (unsigned tries = 0; put < 20000 && tries < 40000; tries++) {
                mqk_status status = spool_put(s, &record, STR("rule"), put % 2, &refs[put]);
                assert_true(status == MQK_OK || status == MQK_ERR_FULL);
                put += status == MQK_OK;
                if (status != MQK_OK) {
                    usleep(500);
                }
            }
            while (got < 10000 && spool_next(s, &item)) {
                bool own = str_equal(item.record.topic, STR("t"));
                assert_int_equal(item.record.header_count, own ? 40 : 0);
                spool_done(s, item.ref);
                got += own;
            }
            struct spool_item before = {.record = {.topic = STR("before")}, .rule = STR("rule")};
            size_t prepended = spool_prepend(s, &before, 1);
            assert_true(prepended == 1 || part == 0);
            if (part == 1) {
                assert_true(spool_next(s, &item));
                assert_true(str_equal(item.record.topic, STR("before")));
                spool_done(s, item.ref);
            }
        }
        atomic_store(&left, -1);
        assert_int_equal(put, 20000);
        while (got < 10000) {
            assert_true(spool_next(s, &item));
            got += str_equal(item.record.topic, STR("t"));
            spool_done(s, item.ref);
        }
        for (uint64_t i = 0; i < put; i += 2) {
            spool_done(s, refs[i]);
        }
        spool_discard(s);
    }
}

static size_t resident_kb(void) {
    char line[256];
    size_t kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file)) {
        sscanf(line, "VmRSS: %zu kB", &kb);
    }
    if (file) {
        fclose(file);
    }
    return kb;
}

/* Millions of records, of which memory sees the journal and little else. */
static void pass_many(struct kit *kit, bool with_thread_for_pages) {
    const char *wanted = getenv("MQK_SPOOL_RECORDS");
    uint64_t total = wanted ? strtoull(wanted, NULL, 10) : 300000;
    size_t allowed_kb = (32 + 32) << 10;
    struct spool_settings settings = kit_settings(kit);
    settings.max_bytes = (uint64_t)2 << 30;
    size_t before_kb = resident_kb();
    size_t most_kb = 0;
    char value[200] = {0};
    struct record record = {.topic = STR("topic"), .key = STR("key"), .value = {value, 200}};
    struct spool_ref ref;
    struct spool *s = kit_open_with(kit, &settings);
    if (!with_thread_for_pages) {
        spool_stop_pages(s);
    }
    for (uint64_t i = 0; i < total; i++) {
        memcpy(value, &i, sizeof(i));
        while (spool_put(s, &record, STR("rule"), true, &ref) != MQK_OK) {
            usleep(200);
        }
        if (i % 4096 == 0 && resident_kb() > most_kb) {
            most_kb = resident_kb();
        }
    }
    struct spool_item item;
    for (uint64_t i = 0; i < total; i++) {
        uint64_t number;
        kit_until(spool_next(s, &item));
        memcpy(&number, item.record.value.data, sizeof(number));
        assert_int_equal(number, i);
        spool_done(s, item.ref);
        if (i % 4096 == 0 && resident_kb() > most_kb) {
            most_kb = resident_kb();
        }
    }
    assert_int_equal(kit_info(s).records, 0);
    if (!with_thread_for_pages) {
        s->pages_stop = false;
        assert_true(spool_start_pages(s));
    }
    spool_close(s);
    print_message("%llu records: resident memory grew by %zu KB at most\n",
                  (unsigned long long)total, most_kb - before_kb);
    /* A sanitizer keeps memory of its own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
    assert_true(most_kb - before_kb < allowed_kb);
#else
    (void)allowed_kb;
#endif
}

static void an_outage_stays_on_the_disk(void **state) {
    pass_many(*state, true);
}

/* The same when the thread that lets go of pages has no processor to run on. */
static void an_outage_on_a_busy_machine(void **state) {
    pass_many(*state, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(an_outage_stays_on_the_disk),
        kit_test(an_outage_on_a_busy_machine),
        kit_test(opening_without_memory),
        kit_test(working_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
