/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "text_out.h"

/* What a host takes. */
struct taker {
    char text[200000];
    size_t len;
    int pieces;
    int wanted; /* pieces until it has enough */
};

static bool take(void *user, mqk_str piece) {
    struct taker *t = user;
    assert_true(piece.len > 0 && t->len + piece.len <= sizeof(t->text));
    memcpy(t->text + t->len, piece.data, piece.len);
    t->len += piece.len;
    t->pieces++;
    return --t->wanted > 0;
}

static void pieces_are_the_text(void **state) {
    (void)state;
    static struct taker taker;
    taker = (struct taker){.wanted = 1000};
    struct text_out out;
    text_out_init(&out, take, &taker);
    size_t written = 0;
    for (int i = 0; i < 10000; i++) {
        buffer_printf(&out.text, "%d\n", i);
        written += (size_t)snprintf(NULL, 0, "%d\n", i);
        assert_true(text_out_step(&out));
    }
    assert_int_equal(text_out_end(&out), MQK_OK);
    assert_int_equal(taker.len, written);
    assert_true(taker.pieces > 5 && taker.pieces < 20);
    const char *at = taker.text;
    for (int i = 0; i < 10000; i++) {
        char line[16];
        int len = snprintf(line, sizeof(line), "%d\n", i);
        assert_memory_equal(at, line, (size_t)len);
        at += len;
    }
}

static void nothing_is_no_piece(void **state) {
    (void)state;
    static struct taker taker;
    struct text_out out;
    text_out_init(&out, take, &taker);
    assert_true(text_out_step(&out));
    assert_int_equal(text_out_end(&out), MQK_OK);
    assert_int_equal(taker.pieces, 0);
}

static void a_host_may_have_enough(void **state) {
    (void)state;
    static struct taker taker;
    taker = (struct taker){.wanted = 2};
    struct text_out out;
    text_out_init(&out, take, &taker);
    int steps = 0;
    do {
        buffer_append(&out.text, "0123456789", 10);
        steps++;
    } while (text_out_step(&out) && steps < 100000);
    assert_true(steps < 100000);
    assert_int_equal(text_out_end(&out), MQK_ERR_TOO_SMALL);
    assert_int_equal(taker.pieces, 2);
}

/* One thing may be longer than the memory for a piece. */
static void long_things_pass(void **state) {
    (void)state;
    static struct taker taker;
    static char text[100000];
    taker = (struct taker){.wanted = 10};
    memset(text, 'x', sizeof(text));
    struct text_out out;
    text_out_init(&out, take, &taker);
    buffer_append(&out.text, text, sizeof(text));
    assert_true(text_out_step(&out));
    assert_int_equal(text_out_end(&out), MQK_OK);
    assert_int_equal(taker.len, sizeof(text));
    assert_memory_equal(taker.text, text, sizeof(text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_the_text),
        cmocka_unit_test(nothing_is_no_piece),
        cmocka_unit_test(a_host_may_have_enough),
        cmocka_unit_test(long_things_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
