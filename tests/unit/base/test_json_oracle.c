/* SPDX-License-Identifier: Apache-2.0 */
/* Our reading of JSON against another parser's (jansson), on texts that are damaged at random. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* Both have these names. */
#define JSON_NULL   JANSSON_NULL
#define JSON_FALSE  JANSSON_FALSE
#define JSON_TRUE   JANSSON_TRUE
#define JSON_STRING JANSSON_STRING
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#include <jansson.h>
#undef JSON_NULL
#undef JSON_FALSE
#undef JSON_TRUE
#undef JSON_STRING
#undef JSON_OBJECT
#undef JSON_ARRAY

#include "json_scan.h"

#define ROUNDS 100000

static const char *const seeds[] = {
    "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"e\"}}",
    "[0,-1,1.5,2e3,-0.25E-2,\"\\u00e9\\n\\\"\"]",
    " { \"temp\" : 31.5 , \"unit\" : \"C\" } ",
    "[[[[]]],{},{\"\":[{}]}]",
    "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
    "{\"a\":{\"a\":{\"a\":1,\"a\":2},\"b\":3},\"a\":[{\"a\":4}]}",
};

static uint32_t next_random(uint32_t *random, uint32_t below) {
    *random = *random * 1664525 + 1013904223;
    return (*random >> 16) % below;
}

static size_t damage(char *text, size_t len, size_t room, uint32_t *random) {
    static const char bytes[] = "{}[]\",:\\ \n\t0123456789.-+eEtrufalsn/bx\x01\x7F\xC3\xA9\xE2\x82";
    for (uint32_t n = next_random(random, 4); n > 0 && len > 0; n--) {
        size_t at = next_random(random, (uint32_t)len);
        char byte = bytes[next_random(random, sizeof(bytes) - 1)];
        uint32_t how = next_random(random, 3);
        if (how == 0) {
            text[at] = byte;
        } else if (how == 1) {
            memmove(text + at, text + at + 1, len - at - 1);
            len--;
        } else if (len < room) {
            memmove(text + at + 1, text + at, len - at);
            text[at] = byte;
            len++;
        }
    }
    return len;
}

/* Where jansson, by design, refuses what the grammar allows. */
static bool excused(const json_error_t *error, mqk_str text) {
    enum json_error_code code = json_error_code(error);
    bool perhaps_surrogate = memmem(text.data, text.len, "\\ud", 3) != NULL;
    return code == json_error_numeric_overflow || code == json_error_null_character ||
           code == json_error_null_byte_in_key || perhaps_surrogate;
}

static json_t *load(mqk_str text, json_error_t *error) {
    return json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

static void agrees_about_what_is_json(void **state) {
    (void)state;
    uint32_t random = 3;
    size_t valid = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char memory[200];
        const char *seed = seeds[next_random(&random, sizeof(seeds) / sizeof(seeds[0]))];
        size_t len = strlen(seed);
        memcpy(memory, seed, len);
        mqk_str text = {memory, damage(memory, len, sizeof(memory), &random)};
        json_error_t error;
        json_t *theirs = load(text, &error);
        bool ours = json_valid(text, NULL);
        if (ours != (theirs != NULL) && !(ours && excused(&error, text))) {
            fail_msg("%.*s: ours %d, theirs %s", STR_ARG(text), ours, error.text);
        }
        valid += ours;
        json_decref(theirs);
    }
    assert_true(valid > ROUNDS / 10 && valid < ROUNDS * 9 / 10);
}

/* What is at the path, borrowed; NULL when nothing is. */
static const json_t *their_value(const json_t *value, const struct json_step *steps, size_t count) {
    for (size_t i = 0; i < count && value; i++) {
        value = steps[i].name.data ? json_object_get(value, steps[i].name.data)
                                   : json_array_get(value, steps[i].index);
    }
    return value;
}

static void agrees_about_what_is_at_a_path(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "temp", "", "\xC3\xA9"};
    uint32_t random = 5;
    size_t found = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char memory[200];
        const char *seed = seeds[next_random(&random, sizeof(seeds) / sizeof(seeds[0]))];
        size_t len = strlen(seed);
        memcpy(memory, seed, len);
        mqk_str text = {memory, damage(memory, len, sizeof(memory), &random)};
        struct json_step steps[3];
        size_t count = next_random(&random, 4);
        for (size_t i = 0; i < count; i++) {
            bool index = next_random(&random, 3) == 0;
            steps[i].name = mqk_cstr(index ? NULL : names[next_random(&random, 7)]);
            steps[i].index = next_random(&random, 3);
        }
        json_error_t error;
        json_t *theirs = load(text, &error);
        struct json_value ours = json_find(text, steps, count);
        const json_t *expected = their_value(theirs, steps, count);
        json_t *got = ours.kind == JSON_NONE ? NULL : load(ours.text, &error);
        if (theirs &&
            ((expected != NULL) != (got != NULL) || (got && !json_equal(expected, got)))) {
            fail_msg("%.*s: %.*s", STR_ARG(text), STR_ARG(ours.text));
        }
        found += got != NULL && count > 0;
        json_decref(got);
        json_decref(theirs);
    }
    assert_true(found > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_about_what_is_json),
        cmocka_unit_test(agrees_about_what_is_at_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
