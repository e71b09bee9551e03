/* SPDX-License-Identifier: Apache-2.0 */
/* Whether keys go to the partitions that consumers are used to: against values of the original
 * implementations, named by the program's argument (reference/partition_hashes.txt). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "partitioner.h"
#include "phash2.h"

#define MAX_KEY 1000u
#define KEYS    601u

/* What Erlang and the Java client say of a key. */
struct reference {
    unsigned number, len;
    uint32_t phash2, md5, murmur2, crc32;
};

static struct reference references[KEYS];
static const char *reference_file;

static const int32_t counts[] = {1, 2, 3, 6, 7, 12, 50, 256, 257, 1000, INT32_MAX};

static uint32_t next(uint32_t state) {
    return (uint32_t)(((uint64_t)state * 1103515245u + 12345u) % 2147483648u);
}

/* The key as the programs that made the table make it; exactly as long as it is, so that reading
 * past the end shows. */
static mqk_str key_of(const struct reference *ref) {
    char *key = malloc(ref->len > 0 ? ref->len : 1u);
    assert_non_null(key);
    uint32_t state = ref->number;
    for (unsigned i = 0; i < ref->len; i++) {
        state = next(state);
        key[i] = (char)(state >> 16 & 255);
    }
    return (mqk_str){key, ref->len};
}

static int read_references(void **state) {
    (void)state;
    FILE *file = fopen(reference_file, "r");
    char line[200];
    size_t count = 0;
    while (file && fgets(line, sizeof(line), file)) {
        struct reference *ref = &references[count];
        if (line[0] != '#' && count < KEYS &&
            sscanf(line, "%u %u %u %u %u %u", &ref->number, &ref->len, &ref->phash2, &ref->md5,
                   &ref->murmur2, &ref->crc32) == 6 &&
            ref->len <= MAX_KEY) {
            count++;
        }
    }
    if (file) {
        fclose(file);
    }
    return count == KEYS ? 0 : -1;
}

static void has_keys_of_every_length(void **state) {
    (void)state;
    for (unsigned i = 0; i <= 300; i++) {
        assert_int_equal(references[i].number, i);
        assert_int_equal(references[i].len, i);
    }
}

static void hashes_as_erlang(void **state) {
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        mqk_str key = key_of(&references[i]);
        assert_int_equal(phash2(key), references[i].phash2);
        free((void *)(uintptr_t)key.data);
    }
    assert_int_equal(phash2((mqk_str){NULL, 0}), references[0].phash2);
}

/* erl: [erlang:phash2(B) || B <- [<<"c1">>, <<"sensor-7">>, <<"a/b/c">>, <<0>>, <<255>>]]. */
static void hashes_ordinary_keys_as_erlang(void **state) {
    (void)state;
    assert_int_equal(phash2(STR("c1")), 121500999);
    assert_int_equal(phash2(STR("sensor-7")), 128998888);
    assert_int_equal(phash2(STR("a/b/c")), 75694341);
    assert_int_equal(phash2(STR("\0")), 96315567);
    assert_int_equal(phash2(STR("\377")), 78681268);
}

static void chooses_by_key(void **state) {
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        const struct reference *ref = &references[i];
        mqk_str key = key_of(ref);
        for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
            uint32_t count = (uint32_t)counts[n];
            assert_int_equal(partitioner_of_key(PARTITIONER_PHASH2, key, counts[n]),
                             ref->phash2 % count);
            assert_int_equal(partitioner_of_key(PARTITIONER_MD5, key, counts[n]), ref->md5 % count);
        }
        free((void *)(uintptr_t)key.data);
    }
}

/* What we leave to librdkafka is what Kafka's Java client does, and what CRC-32 says. */
static void librdkafka_chooses_as_java(void **state) {
    (void)state;
    assert_string_equal(partitioner_builtin(PARTITIONER_MURMUR2), "murmur2_random");
    assert_string_equal(partitioner_builtin(PARTITIONER_CONSISTENT), "consistent_random");
    for (size_t i = 0; i < KEYS; i++) {
        const struct reference *ref = &references[i];
        mqk_str key = key_of(ref);
        for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
            uint32_t count = (uint32_t)counts[n];
            assert_int_equal(rd_kafka_msg_partitioner_murmur2_random(NULL, key.data, key.len,
                                                                     counts[n], NULL, NULL),
                             ref->murmur2 % count);
            assert_int_equal(
                rd_kafka_msg_partitioner_consistent(NULL, key.data, key.len, counts[n], NULL, NULL),
                ref->crc32 % count);
        }
        free((void *)(uintptr_t)key.data);
    }
}

static void knows_who_chooses(void **state) {
    (void)state;
    static const struct {
        enum partitioner kind;
        bool builtin;
    } cases[] = {{PARTITIONER_MURMUR2, true},     {PARTITIONER_CONSISTENT, true},
                 {PARTITIONER_RANDOM, true},      {PARTITIONER_STICKY, false},
                 {PARTITIONER_ROUNDROBIN, false}, {PARTITIONER_PHASH2, false},
                 {PARTITIONER_MD5, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(partitioner_builtin(cases[i].kind) != NULL, cases[i].builtin);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_keys_of_every_length),       cmocka_unit_test(hashes_as_erlang),
        cmocka_unit_test(hashes_ordinary_keys_as_erlang), cmocka_unit_test(chooses_by_key),
        cmocka_unit_test(librdkafka_chooses_as_java),     cmocka_unit_test(knows_who_chooses),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s partition_hashes.txt\n", argv[0]);
        return 2;
    }
    reference_file = argv[1];
    return cmocka_run_group_tests(tests, read_references, NULL);
}
