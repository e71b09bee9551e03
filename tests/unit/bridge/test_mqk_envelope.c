/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include <mqkafka/mqkafka.h>

/* Index of an envelope by name. */
static size_t find(const char *name) {
    mqk_envelope envelope = {.size = sizeof(envelope)};
    for (size_t i = 0; mqk_envelope_at(i, &envelope) == MQK_OK; i++) {
        if (strcmp(envelope.name, name) == 0) {
            return i;
        }
    }
    fail_msg("no envelope %s", name);
    return SIZE_MAX;
}

static void lists_every_envelope_with_its_meaning(void **state) {
    (void)state;
    mqk_envelope envelope = {.size = sizeof(envelope)};
    size_t count = 0;
    while (mqk_envelope_at(count, &envelope) == MQK_OK) {
        assert_true(envelope.name[0] != '\0' && envelope.meaning[0] != '\0');
        assert_int_equal(find(envelope.name), count);
        count++;
    }
    assert_true(count >= 6);
    assert_int_equal(mqk_envelope_at(SIZE_MAX, &envelope), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_envelope_at(0, NULL), MQK_ERR_ARGUMENT);
    envelope.size = 0;
    assert_int_equal(mqk_envelope_at(0, &envelope), MQK_ERR_ARGUMENT);
}

static void every_template_compiles(void **state) {
    (void)state;
    mqk_envelope envelope = {.size = sizeof(envelope)};
    for (size_t i = 0; mqk_envelope_at(i, &envelope) == MQK_OK; i++) {
        size_t known = 0;
        for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
            const char *text = mqk_envelope_template(i, (mqk_hook)hook);
            mqk_template *compiled = NULL;
            if (text) {
                assert_int_equal(
                    mqk_template_compile(mqk_cstr(text), MQK_FORMAT_AUTO, &compiled, NULL), MQK_OK);
                known++;
            }
            mqk_template_free(compiled);
        }
        assert_true(known > 0);
    }
}

static void templates_by_hook(void **state) {
    (void)state;
    assert_string_equal(mqk_envelope_template(find("raw"), MQK_HOOK_MESSAGE_PUBLISH), "${payload}");
    assert_string_equal(mqk_envelope_template(find("event"), MQK_HOOK_CLIENT_CONNECT), "${.}");
    assert_null(mqk_envelope_template(find("emq2"), MQK_HOOK_CLIENT_CONNECT));
    assert_null(mqk_envelope_template(find("raw"), MQK_HOOK_COUNT));
    assert_null(mqk_envelope_template(SIZE_MAX, MQK_HOOK_MESSAGE_PUBLISH));
}

static void headers_in_order(void **state) {
    (void)state;
    mqk_header header = {{NULL, 0}, {NULL, 0}};
    size_t binary = find("cloudevents_binary");
    assert_int_equal(mqk_envelope_header(binary, 0, &header), MQK_OK);
    assert_int_equal(header.name.len, strlen("ce_specversion"));
    assert_memory_equal(header.name.data, "ce_specversion", header.name.len);
    assert_memory_equal(header.value.data, "1.0", 3);
    assert_int_equal(mqk_envelope_header(binary, 1000, &header), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_envelope_header(find("raw"), 0, &header), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_envelope_header(SIZE_MAX, 0, &header), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_envelope_header(binary, 0, NULL), MQK_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_every_envelope_with_its_meaning),
        cmocka_unit_test(every_template_compiles),
        cmocka_unit_test(templates_by_hook),
        cmocka_unit_test(headers_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
