/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "json_scan.h"

/* ---- What is JSON and what is not. The names of the cases follow the grammar of RFC 8259. */

static const mqk_str accepted[] = {
#define TEXT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }
    /* values */
    TEXT("null"),
    TEXT("true"),
    TEXT("false"),
    TEXT("0"),
    TEXT("\"\""),
    TEXT("[]"),
    TEXT("{}"),
    /* white space */
    TEXT(" null "),
    TEXT("\t\r\n 1 \t\r\n "),
    TEXT("[ ]"),
    TEXT("{\n}"),
    TEXT("[ 1 , 2 ]"),
    TEXT("{ \"a\" : 1 , \"b\" : 2 }"),
    TEXT("                                [                                        ]"),
    /* numbers */
    TEXT("-0"),
    TEXT("1"),
    TEXT("-1"),
    TEXT("10"),
    TEXT("1234567890123456789012345678901234567890"),
    TEXT("0.0"),
    TEXT("0.1"),
    TEXT("-0.1"),
    TEXT("1.5"),
    TEXT("1.000000000000000000000000000000000001"),
    TEXT("1e5"),
    TEXT("1E5"),
    TEXT("1e+5"),
    TEXT("1e-5"),
    TEXT("0e0"),
    TEXT("-0e-0"),
    TEXT("1.5E+300"),
    TEXT("1e999999999"),
    TEXT("1e0005"),
    /* strings */
    TEXT("\"a\""),
    TEXT("\"longer than one machine word\""),
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0000\""),
    TEXT("\"\\u12aB\""),
    TEXT("\"\\uD83D\\uDE00\""),
    TEXT("\"\\ud800\""),
    TEXT("\"\\udc00\\ud800\""),
    TEXT("\"\\ud800\\n\""),
    TEXT("\"\\\\u0000\""),
    TEXT("\"\x7F\""),
    TEXT("\"\xC2\x80\""),
    TEXT("\"\xE2\x82\xAC\""),
    TEXT("\"\xF0\x9F\x98\x80\""),
    TEXT("\"\xF4\x8F\xBF\xBF\""),
    TEXT("\"\xEF\xBF\xBE\""),
    TEXT("\"\xEF\xBB\xBF\""),
    TEXT("\"\xE2\x80\xA8\""),
    TEXT("\"// no comment\""),
    /* arrays */
    TEXT("[1]"),
    TEXT("[1,2,3]"),
    TEXT("[null,true,false,0,\"\",[],{}]"),
    TEXT("[[[[[[[[]]]]]]]]"),
    TEXT("[[],[]]"),
    TEXT("[\"]\"]"),
    /* objects */
    TEXT("{\"a\":1}"),
    TEXT("{\"\":1}"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{\"a\":{\"b\":{\"c\":[{\"d\":null}]}}}"),
    TEXT("{\"\\u0000\":0}"),
    TEXT("{\"}\":\"{\"}"),
    TEXT("{\"a\":[],\"b\":{}}"),
};

static const struct {
    mqk_str text;
    size_t at; /* where it stops being JSON */
} refused[] = {
    /* nothing, too much */
    {TEXT(""), 0},
    {TEXT(" "), 1},
    {{NULL, 0}, 0},
    {TEXT("1 2"), 2},
    {TEXT("1,"), 1},
    {TEXT("nullnull"), 4},
    {TEXT("{}{}"), 2},
    {TEXT("[]]"), 2},
    {TEXT("{}}"), 2},
    {TEXT("\"\"x"), 2},
    {TEXT("1\0"), 1},
    {TEXT("\0"), 0},
    {TEXT("[]\0"), 2},
    {TEXT("null#"), 4},
    {TEXT("1/**/"), 1},
    {TEXT("1//"), 1},
    {TEXT("[]\x0C"), 2},
    /* words */
    {TEXT("nul"), 3},
    {TEXT("nulL"), 3},
    {TEXT("tru e"), 3},
    {TEXT("True"), 0},
    {TEXT("TRUE"), 0},
    {TEXT("falsE"), 4},
    {TEXT("n"), 1},
    {TEXT("nan"), 1},
    {TEXT("NaN"), 0},
    {TEXT("Infinity"), 0},
    {TEXT("undefined"), 0},
    {TEXT("abc"), 0},
    {TEXT("'a'"), 0},
    /* white space that is none */
    {TEXT("\xEF\xBB\xBF{}"), 0},
    {TEXT("\xC2\xA0{}"), 0},
    {TEXT("\x0B{}"), 0},
    {TEXT("\x0C{}"), 0},
    {TEXT("{}\xE2\x80\xA8"), 2},
    /* numbers */
    {TEXT("-"), 1},
    {TEXT("+1"), 0},
    {TEXT("01"), 1},
    {TEXT("-01"), 2},
    {TEXT("00"), 1},
    {TEXT(".5"), 0},
    {TEXT("-.5"), 1},
    {TEXT("1."), 2},
    {TEXT("1.e5"), 2},
    {TEXT("0.e1"), 2},
    {TEXT("1e"), 2},
    {TEXT("1e+"), 3},
    {TEXT("1eE2"), 2},
    {TEXT("1e1.5"), 3},
    {TEXT("1.5.5"), 3},
    {TEXT("0x1F"), 1},
    {TEXT("1_000"), 1},
    {TEXT("--1"), 1},
    {TEXT("- 1"), 1},
    {TEXT("1 .5"), 2},
    {TEXT("-Infinity"), 1},
    {TEXT("1a"), 1},
    {TEXT("\xEF\xBC\x91"), 0},
    {TEXT("[-]"), 2},
    {TEXT("[1.]"), 3},
    {TEXT("[1e]"), 3},
    /* strings */
    {TEXT("\""), 1},
    {TEXT("\"a"), 2},
    {TEXT("\"longer than one machine word"), 29},
    {TEXT("\"\\"), 2},
    {TEXT("\"\\\""), 3},
    {TEXT("\"\\x41\""), 2},
    {TEXT("\"\\a\""), 2},
    {TEXT("\"\\'\""), 2},
    {TEXT("\"\\0\""), 2},
    {TEXT("\"\\\0\""), 2},
    {TEXT("\"\\U0041\""), 2},
    {TEXT("\"\\u\""), 3},
    {TEXT("\"\\u004\""), 6},
    {TEXT("\"\\u00G0\""), 5},
    {TEXT("\"\\u 041\""), 3},
    {TEXT("\"\\u004"), 6},
    {TEXT("\"\\uD83D\\u\""), 9},
    {TEXT("\"\n\""), 1},
    {TEXT("\"\t\""), 1},
    {TEXT("\"\0\""), 1},
    {TEXT("\"\x1F\""), 1},
    {TEXT("\"12345678\x01\""), 9},
    {TEXT("\"\\\n\""), 2},
    {TEXT("\"\x80\""), 1},
    {TEXT("\"\xFF\""), 1},
    {TEXT("\"\xC0\x80\""), 1},
    {TEXT("\"\xC3\""), 1},
    {TEXT("\"\xE2\x82\""), 1},
    {TEXT("\"\xED\xA0\x80\""), 1},
    {TEXT("\"\xE0\x80\x80\""), 1},
    {TEXT("\"\xF4\x90\x80\x80\""), 1},
    {TEXT("\"\xF8\x88\x80\x80\x80\""), 1},
    {TEXT("\"1234567\xE2\x82"), 8},
    /* arrays */
    {TEXT("["), 1},
    {TEXT("]"), 0},
    {TEXT("[1"), 2},
    {TEXT("[1,"), 3},
    {TEXT("[1,]"), 3},
    {TEXT("[,1]"), 1},
    {TEXT("[,]"), 1},
    {TEXT("[1,,2]"), 3},
    {TEXT("[1 2]"), 3},
    {TEXT("[1;2]"), 2},
    {TEXT("[1}"), 2},
    {TEXT("[\"a\":1]"), 4},
    {TEXT("[[]"), 3},
    {TEXT("[1]]"), 3},
    {TEXT("[*]"), 1},
    {TEXT("(1)"), 0},
    /* objects */
    {TEXT("{"), 1},
    {TEXT("}"), 0},
    {TEXT("{]"), 1},
    {TEXT("{\"a\""), 4},
    {TEXT("{\"a\"}"), 4},
    {TEXT("{\"a\":"), 5},
    {TEXT("{\"a\":}"), 5},
    {TEXT("{\"a\":1"), 6},
    {TEXT("{\"a\":1,"), 7},
    {TEXT("{\"a\":1,}"), 7},
    {TEXT("{,\"a\":1}"), 1},
    {TEXT("{\"a\":1,,\"b\":2}"), 7},
    {TEXT("{\"a\" 1}"), 5},
    {TEXT("{\"a\",1}"), 4},
    {TEXT("{\"a\"::1}"), 5},
    {TEXT("{\"a\":1 \"b\":2}"), 7},
    {TEXT("{a:1}"), 1},
    {TEXT("{1:1}"), 1},
    {TEXT("{'a':1}"), 1},
    {TEXT("{null:1}"), 1},
    {TEXT("{[]:1}"), 1},
    {TEXT("{\"a\":1]"), 6},
    {TEXT("{\"a\\x\":1}"), 4},
    {TEXT("{\"\xFF\":1}"), 2},
    {TEXT("{\"a\":1}/**/"), 7},
    {TEXT("{\"a\":1 2}"), 7},
    {TEXT("{\"a\":\"b}"), 8},
};

static void accepts_json(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct json_value value;
        size_t at = 0;
        if (!json_valid_at(accepted[i], &value, &at)) {
            fail_msg("%.*s: refused at %zu", STR_ARG(accepted[i]), at);
        }
        assert_int_equal(at, accepted[i].len);
        assert_true(json_valid(accepted[i], NULL));
        assert_true(str_equal(value.text, str_trim(accepted[i])));
    }
}

static void refuses_what_is_not_json_and_tells_where(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct json_value value = {JSON_TRUE, {"x", 1}, true};
        size_t at = 0;
        if (json_valid_at(refused[i].text, &value, &at) || at != refused[i].at) {
            fail_msg("case %zu, %.*s: at %zu", i, STR_ARG(refused[i].text), at);
        }
        assert_int_equal(value.kind, JSON_NONE);
        assert_null(value.text.data);
        assert_false(json_valid(refused[i].text, NULL));
        assert_int_equal(json_find(refused[i].text, NULL, 0).kind, JSON_NONE);
    }
}

static void every_cut_text_is_refused_at_its_end(void **state) {
    (void)state;
    static const mqk_str text =
        TEXT("{\"a\\u00e9\\n\":[-1.5e+10,true,false,null,\"\xE2\x82\xAC\"],\"b\":{\"c\":{}}}");
    assert_true(json_valid(text, NULL));
    for (size_t len = 0; len < text.len; len++) {
        size_t at;
        assert_false(json_valid_at(str_slice(text, 0, len), NULL, &at));
        /* Half a character of UTF-8 is wrong from its first byte. */
        assert_true(at == len || (uint8_t)text.data[at] == 0xE2);
    }
}

static void no_control_character_stands_in_a_string(void **state) {
    (void)state;
    char text[20];
    for (char byte = 0; byte < 0x20; byte++) {
        for (size_t i = 1; i + 1 < sizeof(text); i++) {
            memset(text, 'x', sizeof(text));
            text[0] = text[sizeof(text) - 1] = '"';
            text[i] = byte;
            size_t at;
            assert_false(json_valid_at((mqk_str){text, sizeof(text)}, NULL, &at));
            assert_int_equal(at, i);
        }
    }
}

static void limits_the_depth(void **state) {
    (void)state;
    static const char brackets[][3] = {"[]", "{}"};
    for (int object = 0; object < 2; object++) {
        for (size_t depth = JSON_MAX_DEPTH - 1; depth <= JSON_MAX_DEPTH + 1; depth++) {
            char text[6 * (JSON_MAX_DEPTH + 1)];
            size_t len = 0;
            size_t deepest = 0;
            for (size_t i = 0; i < depth; i++) {
                deepest = len;
                const char *open = !object ? "[" : i + 1 < depth ? "{\"\":" : "{";
                memcpy(text + len, open, strlen(open));
                len += strlen(open);
            }
            for (size_t i = 0; i < depth; i++) {
                text[len++] = brackets[object][1];
            }
            size_t at;
            bool valid = json_valid_at((mqk_str){text, len}, NULL, &at);
            assert_int_equal(valid, depth <= JSON_MAX_DEPTH);
            assert_int_equal(at, valid ? len : deepest);
        }
    }
}

static void a_flood_of_brackets_is_harmless(void **state) {
    (void)state;
    char text[10000];
    memset(text, '[', sizeof(text));
    size_t at;
    assert_false(json_valid_at((mqk_str){text, sizeof(text)}, NULL, &at));
    assert_int_equal(at, JSON_MAX_DEPTH);
}

/* ---- Finding. A path is written as in `a.b[0]`; a name may hold anything but `.` and `[`. */

static size_t parse_path(const char *path, struct json_step *steps) {
    size_t count = 0;
    while (*path) {
        if (*path == '[') {
            unsigned index = 0;
            int len = 0;
            sscanf(path, "[%u]%n", &index, &len);
            steps[count++] = (struct json_step){{NULL, 0}, index};
            path += len;
            continue;
        }
        path += *path == '.';
        size_t len = strcspn(path, ".[");
        steps[count++] = (struct json_step){{path, len}, 0};
        path += len;
    }
    return count;
}

static void finds_values(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *path;
        const char *found; /* NULL: nothing */
        enum json_kind kind;
    } cases[] = {
        /* the whole */
        {" 1 ", "", "1", JSON_NUMBER},
        {" {\"a\" : [ 1 ] } ", "", "{\"a\" : [ 1 ] }", JSON_OBJECT},
        /* kinds and slices */
        {"{\"a\":null}", "a", "null", JSON_NULL},
        {"{\"a\":true}", "a", "true", JSON_TRUE},
        {"{\"a\":false}", "a", "false", JSON_FALSE},
        {"{\"a\": 1.50e+07 }", "a", "1.50e+07", JSON_NUMBER},
        {"{\"a\":12345678901234567890123}", "a", "12345678901234567890123", JSON_NUMBER},
        {"{\"a\":\"x\\ny\"}", "a", "\"x\\ny\"", JSON_STRING},
        {"{\"a\": [ 1, 2 ] }", "a", "[ 1, 2 ]", JSON_ARRAY},
        {"{\"a\": { \"b\" : 1 } }", "a", "{ \"b\" : 1 }", JSON_OBJECT},
        {"{\"a\":[]}", "a", "[]", JSON_ARRAY},
        {"{\"a\":{}}", "a", "{}", JSON_OBJECT},
        /* members */
        {"{\"a\":1,\"b\":2,\"c\":3}", "a", "1", JSON_NUMBER},
        {"{\"a\":1,\"b\":2,\"c\":3}", "b", "2", JSON_NUMBER},
        {"{\"a\":1,\"b\":2,\"c\":3}", "c", "3", JSON_NUMBER},
        {"{\"a\":1,\"b\":2,\"c\":3}", "d", NULL, JSON_NONE},
        {"{\"ab\":1,\"a\":2,\"abc\":3}", "a", "2", JSON_NUMBER},
        {"{\"A\":1}", "a", NULL, JSON_NONE},
        {"{\"\":1}", ".", "1", JSON_NUMBER},
        {"[1]", ".", NULL, JSON_NONE},
        {"{}", "a", NULL, JSON_NONE},
        /* elements */
        {"[1,2,3]", "[0]", "1", JSON_NUMBER},
        {"[1,2,3]", "[2]", "3", JSON_NUMBER},
        {"[1,2,3]", "[3]", NULL, JSON_NONE},
        {"[1,2,3]", "[4294967295]", NULL, JSON_NONE},
        {"[]", "[0]", NULL, JSON_NONE},
        {"[[1,2],[3,4]]", "[1][0]", "3", JSON_NUMBER},
        {"[[1,2],[3,4]]", "[0]", "[1,2]", JSON_ARRAY},
        {"[[[],[1]],[[],[2]],[[],[3]]]", "[1][1][0]", "2", JSON_NUMBER},
        {"[[5],6]", "[1]", "6", JSON_NUMBER},
        {"[{\"a\":[7]},8]", "[0].a[0]", "7", JSON_NUMBER},
        {"[{\"x\":[0,0,0]},8]", "[1]", "8", JSON_NUMBER},
        /* An element that was passed does not come again. */
        {"[[1],[2]]", "[0][0]", "1", JSON_NUMBER},
        {"[[],[2]]", "[0][0]", NULL, JSON_NONE},
        {"[[],[2],[3]]", "[0][1]", NULL, JSON_NONE},
        /* depth */
        {"{\"a\":{\"b\":{\"c\":1}}}", "a.b.c", "1", JSON_NUMBER},
        {"{\"a\":{\"b\":{\"c\":1}}}", "a.c", NULL, JSON_NONE},
        {"{\"a\":{\"b\":{\"c\":1}}}", "b", NULL, JSON_NONE},
        {"{\"x\":{\"a\":1},\"a\":2}", "a", "2", JSON_NUMBER},
        {"{\"a\":2,\"x\":{\"a\":1}}", "a", "2", JSON_NUMBER},
        {"{\"x\":{\"b\":9},\"a\":{\"x\":{\"b\":8},\"b\":7}}", "a.b", "7", JSON_NUMBER},
        {"{\"a\":{\"a\":{\"a\":1}}}", "a.a", "{\"a\":1}", JSON_OBJECT},
        {"{\"a\":{\"a\":{\"a\":1}}}", "a.a.a", "1", JSON_NUMBER},
        {"{\"a\":{\"b\":1},\"c\":{\"b\":2}}", "a.b", "1", JSON_NUMBER},
        {"{\"c\":{\"b\":2},\"a\":{\"b\":1}}", "a.b", "1", JSON_NUMBER},
        /* A step of the other kind. */
        {"{\"0\":1}", "[0]", NULL, JSON_NONE},
        {"[1]", "0", NULL, JSON_NONE},
        {"[{\"a\":1}]", "a", NULL, JSON_NONE},
        {"{\"a\":1}", "a.b", NULL, JSON_NONE},
        {"{\"a\":\"b\"}", "a.b", NULL, JSON_NONE},
        {"{\"a\":1}", "a[0]", NULL, JSON_NONE},
        {"1", "a", NULL, JSON_NONE},
        {"\"a\"", "a", NULL, JSON_NONE},
        {"null", "[0]", NULL, JSON_NONE},
        /* Of equal names the last one counts, at each step. */
        {"{\"a\":1,\"a\":2}", "a", "2", JSON_NUMBER},
        {"{\"a\":1,\"b\":5,\"a\":2,\"b\":6}", "b", "6", JSON_NUMBER},
        {"{\"a\":{\"b\":1},\"a\":{\"b\":2}}", "a.b", "2", JSON_NUMBER},
        {"{\"a\":{\"b\":1},\"a\":{\"c\":2}}", "a.b", NULL, JSON_NONE},
        {"{\"a\":{\"b\":1},\"a\":{}}", "a.b", NULL, JSON_NONE},
        {"{\"a\":{\"b\":1},\"a\":7}", "a.b", NULL, JSON_NONE},
        {"{\"a\":7,\"a\":{\"b\":1}}", "a.b", "1", JSON_NUMBER},
        {"{\"a\":[1,2],\"a\":[3]}", "a[0]", "3", JSON_NUMBER},
        {"{\"a\":[1,2],\"a\":[3]}", "a[1]", NULL, JSON_NONE},
        {"{\"a\":[1],\"a\":[3,4]}", "a[1]", "4", JSON_NUMBER},
        {"{\"a\":{\"b\":1,\"b\":{\"c\":2}},\"x\":{\"a\":0}}", "a.b.c", "2", JSON_NUMBER},
        {"{\"a\":{\"b\":{\"c\":2},\"b\":1}}", "a.b.c", NULL, JSON_NONE},
        {"{\"a\":{\"b\":{\"c\":1}},\"a\":{\"b\":{\"c\":2},\"b\":{\"d\":3}}}", "a.b.c", NULL,
         JSON_NONE},
        {"{\"a\":{\"a\":1},\"a\":[{\"a\":2}]}", "a", "[{\"a\":2}]", JSON_ARRAY},
        {"{\"\\u0061\":1,\"a\":2,\"\\u0061\":3}", "a", "3", JSON_NUMBER},
        /* Names are compared after decoding. */
        {"{\"\\u0061\\u0062\":1}", "ab", "1", JSON_NUMBER},
        {"{\"a\\/b\":1}", "a/b", "1", JSON_NUMBER},
        {"{\"a\\nb\":1}", "a\nb", "1", JSON_NUMBER},
        {"{\"a\\\"b\":1}", "a\"b", "1", JSON_NUMBER},
        {"{\"\\u20ac\":1}", "\xE2\x82\xAC", "1", JSON_NUMBER},
        {"{\"\xE2\x82\xAC\":1}", "\xE2\x82\xAC", "1", JSON_NUMBER},
        {"{\"\\ud83d\\ude00\":1}", "\xF0\x9F\x98\x80", "1", JSON_NUMBER},
        {"{\"\\uD83D\":1}", "\xEF\xBF\xBD", "1", JSON_NUMBER},
        {"{\"\\n\":1}", "\\n", NULL, JSON_NONE},
        {"{\"\\u0061\":1}", "ab", NULL, JSON_NONE},
        {"{\"\\u0061b\":1}", "a", NULL, JSON_NONE},
        {"{\"x\\u0061\":1}", "xb", NULL, JSON_NONE},
        /* The whole text has to be JSON. */
        {"{\"a\":1", "a", NULL, JSON_NONE},
        {"{\"a\":1,}", "a", NULL, JSON_NONE},
        {"{\"a\":1} x", "a", NULL, JSON_NONE},
        {"{\"a\":1,\"b\":\"\xFF\"}", "a", NULL, JSON_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_step steps[JSON_MAX_STEPS];
        size_t count = parse_path(cases[i].path, steps);
        struct json_value v = json_find(mqk_cstr(cases[i].text), steps, count);
        if (v.kind != cases[i].kind || !str_equal(v.text, mqk_cstr(cases[i].found))) {
            fail_msg("%s in %s: kind %d, %.*s", cases[i].path, cases[i].text, (int)v.kind,
                     STR_ARG(v.text));
        }
    }
}

static void finds_names_that_hold_nul(void **state) {
    (void)state;
    struct json_step step = {{"a\0b", 3}, 0};
    mqk_str text = TEXT("{\"a\":1,\"a\\u0000b\":2}");
    assert_true(str_equal(json_find(text, &step, 1).text, STR("2")));
}

static void tells_whether_a_string_has_escapes(void **state) {
    (void)state;
    struct json_step step = {{"a", 1}, 0};
    assert_false(json_find(STR("{\"a\":\"plain\"}"), &step, 1).has_escapes);
    assert_true(json_find(STR("{\"a\":\"\\n\"}"), &step, 1).has_escapes);
    assert_false(json_find(STR("{\"\\u0061\":\"plain\"}"), &step, 1).has_escapes);
}

/* Names and values of every length, at every distance from the end of their memory: as listed, and
 * as found. */
static void members_of_every_length_are_right(void **state) {
    (void)state;
    static const char *const values[] = {"0",    "-1",    "1.5",        "123456789012345678",
                                         "true", "null",  "-0.25e+3",   "\"x\"",
                                         "[1]",  "false", "12345678.5", "1234567890123.45678",
                                         "{}",   "\"\"",  "\"\\n\"",    "\"0123456789abcdefgh\""};
    static const char *const spaces[] = {"", " ", "\n  "};
    struct json_step step = {TEXT("last"), 0};
    for (size_t i = 0; i < 16 * 16 * 3; i++) {
        const char *first = values[i % 16], *last = values[i / 16 % 16], *space = spaces[i / 256];
        for (int name = 0; name < 40; name++) {
            char text[200];
            int len = snprintf(text, sizeof(text), "{\"%.*s\":%s%s%s,%s\"last\"%s:%s}", name,
                               "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", space, first, space,
                               space, space, last);
            char *exact = malloc((size_t)len);
            memcpy(exact, text, (size_t)len);
            mqk_str whole = {exact, (size_t)len};
            struct json_member members[2];
            assert_int_equal(json_members(whole, members, 2), 2);
            assert_int_equal(members[0].name.len, name);
            assert_true(str_equal(members[0].value.text, mqk_cstr(first)));
            assert_true(str_equal(members[1].value.text, mqk_cstr(last)));
            struct json_value found = json_find(whole, &step, 1);
            assert_true(str_equal(found.text, mqk_cstr(last)));
            assert_int_equal(found.kind, members[1].value.kind);
            assert_int_equal(found.has_escapes, strchr(last, '\\') != NULL);
            for (size_t cut = 0; cut < whole.len; cut++) {
                assert_int_equal(json_members(str_slice(whole, 0, cut), members, 2), 0);
            }
            free(exact);
        }
    }
}

static void takes_long_paths(void **state) {
    (void)state;
    char text[4 * JSON_MAX_STEPS];
    struct json_step steps[JSON_MAX_STEPS + 1];
    memset(steps, 0, sizeof(steps));
    size_t len = 0;
    memset(text + len, '[', JSON_MAX_STEPS + 1);
    len += JSON_MAX_STEPS + 1;
    text[len++] = '7';
    memset(text + len, ']', JSON_MAX_STEPS + 1);
    len += JSON_MAX_STEPS + 1;
    mqk_str nested = {text, len};
    assert_true(str_equal(json_find(nested, steps, JSON_MAX_STEPS).text, STR("[7]")));
    assert_int_equal(json_find(nested, steps, JSON_MAX_STEPS + 1).kind, JSON_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(refuses_what_is_not_json_and_tells_where),
        cmocka_unit_test(every_cut_text_is_refused_at_its_end),
        cmocka_unit_test(no_control_character_stands_in_a_string),
        cmocka_unit_test(limits_the_depth),
        cmocka_unit_test(a_flood_of_brackets_is_harmless),
        cmocka_unit_test(finds_values),
        cmocka_unit_test(finds_names_that_hold_nul),
        cmocka_unit_test(tells_whether_a_string_has_escapes),
        cmocka_unit_test(members_of_every_length_are_right),
        cmocka_unit_test(takes_long_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
