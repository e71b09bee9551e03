/* SPDX-License-Identifier: Apache-2.0 */
/* Large records and many rules. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "ruleset_fixture.h"

/* So many times the payload. */
static void assert_payloads(mqk_str text, mqk_str payload, size_t times) {
    assert_int_equal(text.len, payload.len * times);
    for (size_t i = 0; i < times; i++) {
        assert_true(str_equal(str_slice(text, i * payload.len, payload.len), payload));
    }
}

static bool check_large(void *user, const struct rendered_record *record) {
    const mqk_str *payload = user;
    assert_int_equal(record->status, MQK_OK);
    assert_true(str_equal(record->topic, STR("t.c1")));
    assert_true(str_equal(record->key, STR("k.c1")));
    assert_payloads(record->value, *payload, 3);
    assert_int_equal(record->header_count, 2);
    assert_true(str_equal(record->headers[0].value, STR("<c1>")));
    assert_payloads(record->headers[1].value, *payload, 2);
    return true;
}

/* Parts that were rendered before the buffer grew are still right. */
static void large_records_are_whole(void **state) {
    (void)state;
    const struct rule_header_source headers[] = {{STR("h"), STR("<${clientid}>")},
                                                 {STR("big"), STR("${payload}${payload}")}};
    const struct rule_source rule = {.hook = STR("message.publish"),
                                     .topic = STR("t.${clientid}"),
                                     .key = STR("k.${clientid}"),
                                     .value = STR("${payload}${payload}${payload}"),
                                     .headers = headers,
                                     .header_count = 2};
    static const size_t sizes[] = {0, 100, 1300, 1360, 1364, 1365, 1366, 2040, 4090, 4096, 100000};
    struct ruleset *r = compiled(&rule, 1);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *bytes = malloc(sizes[i] + 1);
        assert_non_null(bytes);
        for (size_t at = 0; at < sizes[i]; at++) {
            bytes[at] = (char)(at * 7);
        }
        mqk_event event = message("a");
        event.payload = (mqk_str){bytes, sizes[i]};
        assert_int_equal(ruleset_evaluate(r, &event, NULL, check_large, &event.payload), 1);
        free(bytes);
    }
    ruleset_unref(r);
}

static bool keep_status(void *user, const struct rendered_record *record) {
    *(mqk_status *)user = record->status;
    if (record->status == MQK_ERR_TOO_LARGE) {
        assert_null(record->value.data);
        assert_int_equal(record->header_count, 0);
    }
    return true;
}

static void records_beyond_the_limit_are_too_large(void **state) {
    (void)state;
    const struct rule_source rule = {.hook = STR("message.publish"),
                                     .topic = STR("t"),
                                     .value = STR("${payload}${payload}${payload}${payload}")};
    struct ruleset *r = compiled(&rule, 1);
    size_t len = BUFFER_LIMIT / 4;
    char *payload = calloc(1, len + 1);
    assert_non_null(payload);
    mqk_event event = message("a");
    mqk_status status = MQK_ERR_KAFKA;
    event.payload = (mqk_str){payload, len};
    assert_int_equal(ruleset_evaluate(r, &event, NULL, keep_status, &status), 1);
    assert_int_equal(status, MQK_OK);
    event.payload.len++;
    assert_int_equal(ruleset_evaluate(r, &event, NULL, keep_status, &status), 1);
    assert_int_equal(status, MQK_ERR_TOO_LARGE);
    free(payload);
    ruleset_unref(r);
}

static bool next_rule(void *user, const struct rendered_record *record) {
    uint32_t *next = user;
    assert_int_equal(record->rule, *next);
    ++*next;
    return true;
}

static void any_number_of_rules_may_match(void **state) {
    (void)state;
    static const size_t counts[] = {1, 63, 64, 65, 66, 5000};
    const mqk_str filters[] = {STR("+"), STR("#"), STR("a/#")};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        struct rule_source *rules = calloc(counts[c], sizeof(*rules));
        assert_non_null(rules);
        for (size_t i = 0; i < counts[c]; i++) {
            rules[i] = (struct rule_source){.hook = i % 2 ? STR("message.publish, custom.a")
                                                          : STR("message.*, custom.*"),
                                            .filters = filters + i % 3,
                                            .filter_count = 3 - i % 3,
                                            .topic = STR("t")};
        }
        struct ruleset *r = compiled(rules, counts[c]);
        mqk_event event = message("a");
        uint32_t next = 0;
        assert_int_equal(ruleset_evaluate(r, &event, NULL, next_rule, &next), counts[c]);
        assert_int_equal(next, counts[c]);
        event.hook = MQK_HOOK_CUSTOM;
        event.hook_name = STR("custom.a");
        next = 0;
        assert_int_equal(ruleset_evaluate(r, &event, NULL, next_rule, &next), counts[c]);
        assert_int_equal(next, counts[c]);
        ruleset_unref(r);
        free(rules);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_records_are_whole),
        cmocka_unit_test(records_beyond_the_limit_are_too_large),
        cmocka_unit_test(any_number_of_rules_may_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
