/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of templates: arguments, errors with their place, the caller's buffer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <mqkafka/mqkafka.h>

static mqk_event event_of(const char *clientid, const char *payload) {
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr(clientid);
    event.payload = mqk_cstr(payload);
    return event;
}

static void test_render(void **state) {
    (void)state;
    mqk_template *t = NULL;
    mqk_error err;
    mqk_str out;
    char buffer[64];
    mqk_event event = event_of("a\"b", "{\"x\":[1,2]}");
    const char *text = "{\"id\":\"${clientid}\",\"x\":${payload.x[1]},\"u\":${username}}";
    assert_int_equal(mqk_template_compile(mqk_cstr(text), MQK_FORMAT_AUTO, &t, &err), MQK_OK);
    assert_int_equal(mqk_template_render(t, &event, buffer, sizeof(buffer), &out), MQK_OK);
    assert_int_equal(out.len, 28);
    assert_memory_equal(out.data, "{\"id\":\"a\\\"b\",\"x\":2,\"u\":null}", 28);
    assert_ptr_equal(out.data, buffer);
    /* How much is needed is told; nothing is written beyond the buffer. */
    buffer[10] = '!';
    assert_int_equal(mqk_template_render(t, &event, buffer, 10, &out), MQK_ERR_TOO_SMALL);
    assert_int_equal(out.len, 28);
    assert_int_equal(buffer[10], '!');
    assert_int_equal(mqk_template_render(t, &event, NULL, 0, &out), MQK_ERR_TOO_SMALL);
    assert_int_equal(out.len, 28);
    mqk_template_free(t);
}

/* One placeholder whose field is missing is NULL, which is not empty. */
static void test_null(void **state) {
    (void)state;
    mqk_template *t = NULL;
    mqk_str out = {"x", 1};
    char buffer[8];
    mqk_event event = event_of("", NULL);
    assert_int_equal(mqk_template_compile(mqk_cstr("${payload}"), MQK_FORMAT_TEXT, &t, NULL),
                     MQK_OK);
    assert_int_equal(mqk_template_render(t, &event, buffer, sizeof(buffer), &out), MQK_OK);
    assert_null(out.data);
    assert_int_equal(out.len, 0);
    mqk_template_free(t);
    assert_int_equal(mqk_template_compile(mqk_cstr("${clientid}"), MQK_FORMAT_TEXT, &t, NULL),
                     MQK_OK);
    assert_int_equal(mqk_template_render(t, &event, buffer, sizeof(buffer), &out), MQK_OK);
    assert_non_null(out.data);
    assert_int_equal(out.len, 0);
    mqk_template_free(t);
}

static void test_errors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        mqk_value_format format;
        mqk_status status;
        uint32_t column;
    } cases[] = {{"id ${clintid}", MQK_FORMAT_AUTO, MQK_ERR_TEMPLATE, 6},
                 {"plain", MQK_FORMAT_JSON, MQK_ERR_TEMPLATE, 1},
                 {"${clientid | lowr}", MQK_FORMAT_AUTO, MQK_ERR_TEMPLATE, 14}};
    mqk_template *t = (mqk_template *)(uintptr_t)1;
    mqk_error err;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mqk_template_compile(mqk_cstr(cases[i].text), cases[i].format, &t, &err),
                         cases[i].status);
        assert_int_equal(err.code, cases[i].status);
        assert_int_equal(err.column, cases[i].column);
        assert_true(strlen(err.message) > 0);
        assert_null(t);
        assert_int_equal(mqk_template_compile(mqk_cstr(cases[i].text), cases[i].format, &t, NULL),
                         cases[i].status);
    }
    assert_int_equal(mqk_template_compile((mqk_str){NULL, 1}, MQK_FORMAT_AUTO, &t, &err),
                     MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_template_compile(mqk_cstr("x"), MQK_FORMAT_AUTO, NULL, &err),
                     MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_template_render(NULL, NULL, NULL, 0, NULL), MQK_ERR_ARGUMENT);
    mqk_template_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_render), cmocka_unit_test(test_null),
                                       cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
