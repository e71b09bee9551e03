/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "log.h"

static int lines;
static size_t last_len;
static mqk_log_level last_level;

static void sink(void *user, mqk_log_level level, mqk_str message) {
    (void)user;
    assert_int_equal(message.data[message.len], '\0');
    assert_int_equal(strlen(message.data), message.len);
    lines++;
    last_len = message.len;
    last_level = level;
}

static void test_levels(void **state) {
    (void)state;
    struct log *log = log_new(MQK_LOG_WARNING, sink, NULL);
    lines = 0;
    log_write(log, MQK_LOG_ERROR, NULL, "e");
    log_write(log, MQK_LOG_WARNING, NULL, "w");
    assert_int_equal(last_level, MQK_LOG_WARNING);
    log_write(log, MQK_LOG_INFO, NULL, "i");
    log_write(log, MQK_LOG_DEBUG, NULL, "d");
    assert_int_equal(lines, 2);
    assert_false(log_wants(log, MQK_LOG_INFO));
    log_free(log);

    log = log_new(MQK_LOG_DEBUG, NULL, NULL); /* nobody listens */
    log_write(log, MQK_LOG_ERROR, NULL, "e");
    assert_false(log_wants(log, MQK_LOG_ERROR));
    log_free(log);
    log_free(NULL);
}

/* One kind of line cannot drown the others. */
static void test_limit(void **state) {
    (void)state;
    struct log *log = log_new(MQK_LOG_DEBUG, sink, NULL);
    lines = 0;
    for (int i = 0; i < 1000; i++) {
        log_write(log, MQK_LOG_ERROR, "FAIL", "the same again");
    }
    assert_int_equal(lines, LOG_BURST);
    log_write(log, MQK_LOG_ERROR, "OTHER", "another");
    assert_int_equal(lines, LOG_BURST + 1);
    for (int i = 0; i < 1000; i++) {
        log_write(log, MQK_LOG_ERROR, NULL, "unlimited");
    }
    assert_int_equal(lines, LOG_BURST + 1001);
    log_free(log);
}

static void test_long_line(void **state) {
    (void)state;
    char text[3 * LOG_LINE_SIZE];
    struct log *log = log_new(MQK_LOG_DEBUG, sink, NULL);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_write(log, MQK_LOG_ERROR, NULL, "%s", text);
    assert_int_equal(last_len, LOG_LINE_SIZE - 1);
    log_free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_long_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
