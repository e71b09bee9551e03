/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "md5.h"

static void assert_md5(mqk_str text, const char *expected) {
    uint8_t digest[MD5_SIZE];
    char hex[2 * MD5_SIZE + 1];
    md5(text, digest);
    for (size_t i = 0; i < MD5_SIZE; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    assert_string_equal(hex, expected);
}

/* The test suite of RFC 1321, section A.5. */
static void digests_what_the_rfc_digests(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *digest;
    } cases[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_md5(mqk_cstr(cases[i].text), cases[i].digest);
    }
    assert_md5((mqk_str){NULL, 0}, "d41d8cd98f00b204e9800998ecf8427e");
}

/* Around the lengths at which the padding needs another block. */
static void pads_every_length(void **state) {
    (void)state;
    static const struct {
        size_t len;
        const char *digest;
    } cases[] = {
        {55, "ef1772b6dff9a122358552954ad0df65"},  {56, "3b0c8ac703f828b04c6c197006d17218"},
        {57, "652b906d60af96844ebd21b674f35e93"},  {63, "b06521f39153d618550606be297466d5"},
        {64, "014842d480b571495a4a0363793f7367"},  {65, "c743a45e0d2e6a95cb859adae0248435"},
        {119, "8a7bd0732ed6a28ce75f6dabc90e1613"}, {120, "5f61c0ccad4cac44c75ff505e1f1e537"},
        {128, "e510683b3f5ffe4093d021808bc6ff70"}, {1000, "cabe45dcc9ae5b66ba86600cca6b8ba8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* On the heap, so that reading past the end shows. */
        char *text = malloc(cases[i].len);
        assert_non_null(text);
        memset(text, 'a', cases[i].len);
        assert_md5((mqk_str){text, cases[i].len}, cases[i].digest);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_what_the_rfc_digests),
        cmocka_unit_test(pads_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
