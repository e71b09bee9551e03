/* SPDX-License-Identifier: Apache-2.0 */
/* What json_scan.h offers for text that is known to be JSON: decoding, compacting, iterating. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "json_scan.h"

#define TEXT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }

static void decodes_strings(void **state) {
    (void)state;
    static const struct {
        mqk_str text;
        mqk_str decoded;
    } cases[] = {
        {TEXT("\"\""), TEXT("")},
        {TEXT("\"plain\""), TEXT("plain")},
        {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\/\b\f\n\r\t")},
        {TEXT("\"\\u0000\""), TEXT("\0")},
        {TEXT("\"\\u0041\\u00e9\\u20AC\""), TEXT("A\xC3\xA9\xE2\x82\xAC")},
        {TEXT("\"\\uD83D\\uDE00\""), TEXT("\xF0\x9F\x98\x80")},
        {TEXT("\"\\uDBFF\\uDFFF\""), TEXT("\xF4\x8F\xBF\xBF")},
        {TEXT("\"\\uFFFF\""), TEXT("\xEF\xBF\xBF")},
        {TEXT("\"a\\ud800\""), TEXT("a\xEF\xBF\xBD")},
        {TEXT("\"\\udc00b\""), TEXT("\xEF\xBF\xBD"
                                    "b")},
        {TEXT("\"\\ud800\\u0041\""), TEXT("\xEF\xBF\xBD"
                                          "A")},
        {TEXT("\"\\ud800\\n\""), TEXT("\xEF\xBF\xBD\n")},
        {TEXT("\"\\ud800\\\\dc00\""), TEXT("\xEF\xBF\xBD\\dc00")},
        {TEXT("\"\\ud800\\ud83d\\ude00\""), TEXT("\xEF\xBF\xBD\xF0\x9F\x98\x80")},
        {TEXT("\"\\ude00\\ud83d\""), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {TEXT("\"\\\\u0041\""), TEXT("\\u0041")},
        {TEXT("\"\xE2\x82\xAC\\n\xE2\x82\xAC\""), TEXT("\xE2\x82\xAC\n\xE2\x82\xAC")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_value value;
        assert_true(json_valid(cases[i].text, &value));
        struct buffer b;
        buffer_init(&b, NULL, 0);
        json_append_decoded(&b, &value);
        if (!str_equal(buffer_since(&b, 0), cases[i].decoded)) {
            fail_msg("%.*s", STR_ARG(cases[i].text));
        }
        buffer_fini(&b);
    }
}

static void compacts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *compact;
    } cases[] = {
        {" 1 ", "1"},
        {"[1,2]", "[1,2]"},
        {" [ 1 ,\t2\r\n, [ ] , { } ] ", "[1,2,[],{}]"},
        {"{ \"a b\" : \" c \\\" d \" , \"e\" : 1.50E+07 }",
         "{\"a b\":\" c \\\" d \",\"e\":1.50E+07}"},
        {"[ \"\\\\\" , \"\\\\\\\"\" , \" \\u0020 \" ]", "[\"\\\\\",\"\\\\\\\"\",\" \\u0020 \"]"},
        {"[ \"1234567 \\\" 1234567\" ]", "[\"1234567 \\\" 1234567\"]"},
        {"{\n                        \"a\": 1\n                        }", "{\"a\":1}"},
        {"[ \"\xE2\x82\xAC  \xE2\x82\xAC\" ]", "[\"\xE2\x82\xAC  \xE2\x82\xAC\"]"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer b;
        buffer_init(&b, NULL, 0);
        json_append_compact(&b, mqk_cstr(cases[i].text));
        mqk_str got = buffer_since(&b, 0);
        if (!str_equal(got, mqk_cstr(cases[i].compact))) {
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(got));
        }
        buffer_fini(&b);
    }
}

static void iterates(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *items; /* name=value; */
    } cases[] = {
        {"{}", ""},
        {"[]", ""},
        {"[ ]", ""},
        {"{ \n }", ""},
        {"[1]", "=1;"},
        {"[ 1 , \"a,b\" , [ 2 , 3 ] , { \"c\" : 4 } , null,true ,false]",
         "=1;=\"a,b\";=[ 2 , 3 ];={ \"c\" : 4 };=null;=true;=false;"},
        {"{ \"a\" : 1 , \"b\":\"}\", \"a\" : [ ] }", "\"a\"=1;\"b\"=\"}\";\"a\"=[ ];"},
        {"{\"a\\\"b\":-1.5e3,\"\":{\"x\":{\"y\":[]}}}",
         "\"a\\\"b\"=-1.5e3;\"\"={\"x\":{\"y\":[]}};"},
        {"[\"]\",\"\\\\\",[\"[\"]]", "=\"]\";=\"\\\\\";=[\"[\"];"},
        {"5", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer b;
        buffer_init(&b, NULL, 0);
        struct json_iter it;
        struct json_value name;
        struct json_value value;
        json_iter_init(&it, mqk_cstr(cases[i].text));
        while (json_iter_next(&it, &name, &value)) {
            assert_int_equal(name.kind, cases[i].text[0] == '{' ? JSON_STRING : JSON_NONE);
            struct json_value again;
            assert_true(json_valid(value.text, &again));
            assert_int_equal(again.kind, value.kind);
            assert_int_equal(again.has_escapes, value.has_escapes);
            buffer_append_str(&b, name.text);
            buffer_append_char(&b, '=');
            buffer_append_str(&b, value.text);
            buffer_append_char(&b, ';');
        }
        assert_false(json_iter_next(&it, &name, &value));
        mqk_str got = buffer_since(&b, 0);
        if (!str_equal(got, mqk_cstr(cases[i].items))) {
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(got));
        }
        buffer_fini(&b);
    }
}

static void iterating_over_broken_text_ends(void **state) {
    (void)state;
    static const char *const texts[] = {"[",   "{",   "{\"a",     "{\"a\"", "{\"a\":", "[\"\\",
                                        "[[[", "[1,", "{\"a\":[", "[1 2",   "{1:2,3",  "[\"abc\\"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct json_iter it;
        struct json_value name;
        struct json_value value;
        json_iter_init(&it, mqk_cstr(texts[i]));
        for (int n = 0; json_iter_next(&it, &name, &value); n++) {
            assert_true(n < 10);
        }
    }
}

/* ---- Random documents: what json_find() sees in one pass against a walk with iterators. */

static uint32_t next_random(uint32_t *random, uint32_t below) {
    *random = *random * 1664525 + 1013904223;
    return (*random >> 16) % below;
}

/* Few names and small arrays, so that paths hit and names repeat; some names have escapes. */
static void write_document(struct buffer *out, uint32_t *random, int depth) {
    static const char *const names[] = {"\"a\"", "\"b\"", "\"\\u0061\"", "\"\""};
    static const char *const scalars[] = {"1", "\"a\"", "null", "[]", "{}", " true "};
    uint32_t kind = depth == 0 ? 0 : next_random(random, 4);
    if (kind < 1) {
        const char *scalar = scalars[next_random(random, 6)];
        buffer_append(out, scalar, strlen(scalar));
        return;
    }
    bool object = kind < 3;
    buffer_append_char(out, object ? '{' : '[');
    uint32_t members = next_random(random, 5);
    for (uint32_t i = 0; i < members; i++) {
        if (i > 0) {
            buffer_append_char(out, ',');
        }
        if (object) {
            const char *name = names[next_random(random, 4)];
            buffer_append(out, name, strlen(name));
            buffer_append_char(out, ':');
        }
        write_document(out, random, depth - 1);
    }
    buffer_append_char(out, object ? '}' : ']');
}

static bool name_is(const struct json_value *name, mqk_str wanted) {
    struct buffer b;
    buffer_init(&b, NULL, 0);
    json_append_decoded(&b, name);
    bool same = str_equal(buffer_since(&b, 0), wanted);
    buffer_fini(&b);
    return same;
}

static struct json_value walk(struct json_value v, const struct json_step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool object = v.kind == JSON_OBJECT && steps[i].name.data;
        bool array = v.kind == JSON_ARRAY && !steps[i].name.data;
        struct json_iter it;
        struct json_value name;
        struct json_value value;
        struct json_value found = {JSON_NONE, {NULL, 0}, false};
        json_iter_init(&it, v.text);
        for (uint32_t n = 0; (object || array) && json_iter_next(&it, &name, &value); n++) {
            if (object ? name_is(&name, steps[i].name) : n == steps[i].index) {
                found = value;
            }
        }
        v = found;
    }
    return v;
}

static void agrees_with_a_walk_over_random_documents(void **state) {
    (void)state;
    static const mqk_str names[] = {TEXT("a"), TEXT("b"), TEXT("")};
    uint32_t random = 7;
    size_t hits = 0;
    for (int round = 0; round < 20000; round++) {
        struct buffer text;
        buffer_init(&text, NULL, 0);
        write_document(&text, &random, 5);
        struct json_value whole;
        assert_true(json_valid(buffer_since(&text, 0), &whole));
        for (int attempt = 0; attempt < 5; attempt++) {
            struct json_step steps[4] = {{{NULL, 0}, 0}};
            size_t count = next_random(&random, 5);
            for (size_t i = 0; i < count; i++) {
                bool index = next_random(&random, 3) == 0;
                steps[i].name = index ? (mqk_str){NULL, 0} : names[next_random(&random, 3)];
                steps[i].index = next_random(&random, 3);
            }
            struct json_value got = json_find(buffer_since(&text, 0), steps, count);
            struct json_value expected = walk(whole, steps, count);
            if (got.kind != expected.kind || got.text.data != expected.text.data ||
                got.text.len != expected.text.len || got.has_escapes != expected.has_escapes) {
                fail_msg("%.*s: %.*s instead of %.*s", STR_ARG(whole.text), STR_ARG(got.text),
                         STR_ARG(expected.text));
            }
            hits += got.kind != JSON_NONE && count > 1;
        }
        buffer_fini(&text);
    }
    assert_true(hits > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_strings),
        cmocka_unit_test(compacts),
        cmocka_unit_test(iterates),
        cmocka_unit_test(iterating_over_broken_text_ends),
        cmocka_unit_test(agrees_with_a_walk_over_random_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
