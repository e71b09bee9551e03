/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>

#include "delivery.h"

static int told;
static uint64_t last_token;
static mqk_status last_status;

static void on_delivered(void *user, uint64_t token, mqk_status status) {
    (void)user;
    told++;
    last_token = token;
    last_status = status;
}

static void open_outbox(struct outbox *o) {
    mqk_host host = {.size = sizeof(host), .delivered = on_delivered};
    assert_true(outbox_init(o, &host));
    told = 0;
}

/* Each status is counted as what it is, for the rule and for its cluster. */
static void test_counts(void **state) {
    (void)state;
    static const struct {
        mqk_status status;
        enum counter counter;
    } cases[] = {{MQK_OK, COUNTER_delivered},
                 {MQK_ERR_EXPIRED, COUNTER_expired},
                 {MQK_ERR_DROPPED, COUNTER_dropped_full},
                 {MQK_ERR_TOO_LARGE, COUNTER_too_large},
                 {MQK_ERR_CLOSED, COUNTER_lost_on_close},
                 {MQK_ERR_KAFKA, COUNTER_failed}};
    struct counter_book book;
    counter_book_init(&book);
    struct counters *cluster = counter_book_get(&book, STR("cluster"));
    struct counters *rule = counter_book_get(&book, STR("rule"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        delivery_done(delivery_tag(rule), cases[i].status); /* a rule without a cluster yet */
    }
    atomic_store(&rule->cluster, cluster);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        delivery_done(delivery_tag(rule), cases[i].status);
        assert_int_equal(counter_value(rule, cases[i].counter), 2);
        assert_int_equal(counter_value(cluster, cases[i].counter), 1);
    }
    counter_book_fini(&book);
}

/* The host is told when the last record is done, once, with the first failure. */
static void test_completion(void **state) {
    (void)state;
    struct outbox outbox;
    struct counter_book book;
    counter_book_init(&book);
    struct counters *rule = counter_book_get(&book, STR("rule"));
    open_outbox(&outbox);
    struct completion *c = completion_begin(&outbox, 42);
    struct delivery *first = delivery_new(rule, c, false);
    struct delivery *second = delivery_new(rule, c, false);
    struct delivery *refused = delivery_new(rule, c, false);
    delivery_cancel(refused);
    delivery_done(delivery_tag_of(first), MQK_ERR_EXPIRED);
    completion_end(c, true);
    assert_int_equal(outbox_run(&outbox, 0), 0);
    delivery_done(delivery_tag_of(second), MQK_ERR_KAFKA);
    assert_int_equal(outbox_run(&outbox, 0), 1);
    assert_int_equal(told, 1);
    assert_int_equal(last_token, 42);
    assert_int_equal(last_status, MQK_ERR_EXPIRED);

    /* All done before the event itself is: still once, at the end. */
    c = completion_begin(&outbox, 43);
    delivery_done(delivery_tag_of(delivery_new(rule, c, false)), MQK_OK);
    assert_int_equal(outbox_run(&outbox, 0), 0);
    completion_end(c, true);
    assert_int_equal(outbox_run(&outbox, 0), 1);
    assert_int_equal(last_status, MQK_OK);

    /* An event that was answered with an error: never. */
    c = completion_begin(&outbox, 44);
    first = delivery_new(rule, c, false);
    completion_end(c, false);
    delivery_done(delivery_tag_of(first), MQK_OK);
    assert_int_equal(outbox_run(&outbox, 0), 0);
    outbox_fini(&outbox);
    assert_int_equal(told, 2);
    counter_book_fini(&book);
}

static void *finish(void *d) {
    delivery_done(delivery_tag_of(d), MQK_ERR_KAFKA);
    return NULL;
}

/* Waiting ends with the result, or with the time; then the late result finds nobody, and that is
 * fine. */
static void test_wait(void **state) {
    (void)state;
    pthread_t thread;
    struct counter_book book;
    counter_book_init(&book);
    struct counters *rule = counter_book_get(&book, STR("rule"));
    struct delivery *d = delivery_new(rule, NULL, true);
    pthread_create(&thread, NULL, finish, d);
    assert_int_equal(delivery_wait(d, 60000), MQK_ERR_KAFKA);
    pthread_join(thread, NULL);

    d = delivery_new(rule, NULL, true);
    assert_int_equal(delivery_wait(d, 1), MQK_ERR_TIMEOUT);
    finish(d);
    assert_int_equal(counter_value(rule, COUNTER_failed), 2);
    counter_book_fini(&book);
}

/* Lines and tokens come in the order in which they were put in; the descriptor tells of them. */
static char heard[64];

static void on_log(void *user, mqk_log_level level, mqk_str message) {
    (void)user;
    (void)level;
    strncat(heard, message.data, sizeof(heard) - strlen(heard) - 1);
}

static void test_outbox(void **state) {
    (void)state;
    struct outbox o;
    mqk_host host = {.size = sizeof(host), .log = on_log, .delivered = on_delivered};
    assert_true(outbox_init(&o, &host));
    struct pollfd fd = {.fd = o.fd, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 0), 0);
    outbox_push_line(&o, MQK_LOG_INFO, STR("a"));
    outbox_push_line(&o, MQK_LOG_INFO, STR("b"));
    assert_int_equal(poll(&fd, 1, 0), 1);
    assert_int_equal(outbox_run(&o, -1), 2);
    assert_string_equal(heard, "ab");
    assert_int_equal(poll(&fd, 1, 0), 0);
    for (unsigned i = 0; i < OUTBOX_MAX_LINES + 5; i++) {
        outbox_push_line(&o, MQK_LOG_INFO, STR(""));
    }
    assert_int_equal(o.lines_dropped, 5);
    assert_int_equal(outbox_run(&o, 0), OUTBOX_MAX_LINES);
    outbox_push_line(&o, MQK_LOG_INFO, STR("last"));
    outbox_fini(&o); /* what is left is told */
    assert_string_equal(heard, "ablast");
}

/* A token is told when its record is safe, although the record is not done yet; what is left of the
 * tag is only counted. */
static void test_detach(void **state) {
    (void)state;
    struct outbox outbox;
    struct counter_book book;
    counter_book_init(&book);
    struct counters *rule = counter_book_get(&book, STR("rule"));
    open_outbox(&outbox);
    struct completion *c = completion_begin(&outbox, 9);
    void *tag = delivery_tag_of(delivery_new(rule, c, false));
    assert_ptr_equal(delivery_rule(tag), rule);
    completion_end(c, true);
    assert_int_equal(outbox_run(&outbox, 0), 0);
    struct completion *detached = delivery_detach(&tag);
    assert_ptr_equal(detached, c);
    assert_ptr_equal(tag, delivery_tag(rule));
    delivery_safe(detached, MQK_OK);
    assert_int_equal(outbox_run(&outbox, 0), 1);
    assert_int_equal(last_token, 9);
    assert_int_equal(last_status, MQK_OK);
    delivery_done(tag, MQK_ERR_EXPIRED);
    assert_int_equal(counter_value(rule, COUNTER_expired), 1);
    assert_int_equal(outbox_run(&outbox, 0), 0);

    /* A plain tag has nothing to detach; a sync one keeps who waits for it. */
    assert_null(delivery_detach(&tag));
    struct delivery *d = delivery_new(rule, NULL, true);
    tag = delivery_tag_of(d);
    assert_null(delivery_detach(&tag));
    assert_ptr_equal(tag, delivery_tag_of(d));
    delivery_left(tag);
    assert_int_equal(delivery_wait(d, 1000), MQK_ERR_CLOSED);
    assert_int_equal(counter_value(rule, COUNTER_lost_on_close), 0);
    delivery_left(delivery_tag(rule));

    /* A dead letter is safe, and counted apart. */
    c = completion_begin(&outbox, 10);
    tag = delivery_tag_of(delivery_new(rule, c, false));
    completion_end(c, true);
    delivery_dead_lettered(tag);
    assert_int_equal(outbox_run(&outbox, 0), 1);
    assert_int_equal(last_status, MQK_OK);
    assert_int_equal(counter_value(rule, COUNTER_dead_lettered), 1);
    assert_int_equal(counter_value(rule, COUNTER_delivered), 0);
    outbox_fini(&outbox);
    counter_book_fini(&book);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts), cmocka_unit_test(test_completion),
        cmocka_unit_test(test_wait), cmocka_unit_test(test_outbox), cmocka_unit_test(test_detach)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
