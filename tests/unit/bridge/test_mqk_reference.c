/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include <mqkafka/mqkafka.h>

#define PARTS 5

static bool find(mqk_reference_part part, const char *name, mqk_reference *entry) {
    entry->size = sizeof(*entry);
    for (size_t i = 0; mqk_reference_at(part, i, entry) == MQK_OK; i++) {
        if (strcmp(entry->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void every_part_has_entries_that_fit(void **state) {
    (void)state;
    static const size_t least[PARTS] = {60, MQK_HOOK_COUNT, 40, 16, 20};
    for (int part = 0; part < PARTS; part++) {
        mqk_reference entry = {.size = sizeof(entry)};
        size_t count = 0;
        while (mqk_reference_at((mqk_reference_part)part, count, &entry) == MQK_OK) {
            assert_true(entry.name[0] != '\0');
            if (entry.meaning[0] == '\0') {
                fail_msg("part %d: %s.%s has no meaning", part, entry.where, entry.name);
            }
            assert_non_null(entry.type);
            /* A full member would have been cut. */
            assert_true(strlen(entry.where) + 1 < sizeof(entry.where));
            assert_true(strlen(entry.standard) + 1 < sizeof(entry.standard));
            assert_true(strlen(entry.aliases) + 1 < sizeof(entry.aliases));
            assert_true(strlen(entry.values) + 1 < sizeof(entry.values));
            count++;
        }
        assert_true(count >= least[part]);
    }
}

static void tells_what_the_library_goes_by(void **state) {
    (void)state;
    mqk_reference entry;
    assert_true(find(MQK_REFERENCE_SETTING, "linger", &entry));
    assert_string_equal(entry.where, "kafka.producer");
    assert_string_equal(entry.type, "duration");
    assert_string_equal(entry.values, "0 to 15m");
    assert_string_equal(entry.standard, "20ms");
    assert_true(find(MQK_REFERENCE_SETTING, "servers", &entry));
    assert_string_equal(entry.aliases, "bootstrap_hosts");
    assert_true(find(MQK_REFERENCE_SETTING, "acks", &entry));
    assert_string_equal(entry.values, "all (or all_isr), leader (or leader_only), none");
    assert_true(find(MQK_REFERENCE_HOOK, "session.takenover", &entry));
    assert_string_equal(entry.aliases, "session.takeovered");
    assert_string_equal(entry.values, "clientid, username, peerhost");
    assert_true(find(MQK_REFERENCE_PLACEHOLDER, "timestamp", &entry));
    assert_string_equal(entry.aliases, "ts");
    assert_true(find(MQK_REFERENCE_TEMPLATE_FILTER, "trunc(n)", &entry));
    assert_true(find(MQK_REFERENCE_OPERATOR, "=~", &entry));
    assert_false(find(MQK_REFERENCE_SETTING, "bootstrap_hosts", &entry));
}

static void refuses_what_is_not_there(void **state) {
    (void)state;
    mqk_reference entry = {.size = sizeof(entry), .name = "kept"};
    for (int part = 0; part < PARTS; part++) {
        assert_int_equal(mqk_reference_at((mqk_reference_part)part, SIZE_MAX, &entry),
                         MQK_ERR_ARGUMENT);
        assert_int_equal(mqk_reference_at((mqk_reference_part)part, 0, NULL), MQK_ERR_ARGUMENT);
    }
    assert_int_equal(mqk_reference_at((mqk_reference_part)PARTS, 0, &entry), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_reference_at((mqk_reference_part)-1, 0, &entry), MQK_ERR_ARGUMENT);
    assert_string_equal(entry.name, "kept");
    entry.size = sizeof(entry) - 1;
    assert_int_equal(mqk_reference_at(MQK_REFERENCE_SETTING, 0, &entry), MQK_ERR_ARGUMENT);
    entry.size = sizeof(entry) + 8;
    assert_int_equal(mqk_reference_at(MQK_REFERENCE_SETTING, 0, &entry), MQK_OK);
    assert_int_equal(entry.size, sizeof(entry) + 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_has_entries_that_fit),
        cmocka_unit_test(tells_what_the_library_goes_by),
        cmocka_unit_test(refuses_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
