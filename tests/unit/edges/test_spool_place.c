/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_place.h"

static void test_paths(void **state) {
    (void)state;
    static const struct {
        const char *dir, *node, *cluster, *lane, *path;
    } cases[] = {
        {"/var/lib/q", "n", "default", "main", "/var/lib/q/default/main"},
        {"/var/lib/q", "n", "default", NULL, "/var/lib/q/default"},
        {"/var/lib/q", "n", NULL, NULL, "/var/lib/q"},
        {"q", "n", "c", "l", "q/c/l"},
        {"/q/${node}", "emqx@10.0.0.1", "c", "l", "/q/emqx%4010.0.0.1/c/l"},
        {"/${node}/${node}/x", "a", "c", "l", "/a/a/x/c/l"},
        {"/q", "n", "../../etc", "l", "/q/%2E.%2F..%2Fetc/l"},
        {"/q", "n", "..", "l", "/q/%2E./l"},
        {"/q", "n", "K\xc3\xb6ln 1", "l", "/q/K%C3%B6ln%201/l"},
        {"/q/$node", "n", "c", "l", "/q/$node/c/l"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[PATH_MAX];
        assert_true(
            spool_place(path, cases[i].dir, cases[i].node, cases[i].cluster, cases[i].lane));
        assert_string_equal(path, cases[i].path);
    }
}

static void test_too_long(void **state) {
    (void)state;
    char path[PATH_MAX];
    static char huge[2 * PATH_MAX];
    memset(huge, 'x', sizeof(huge) - 1);
    assert_false(spool_place(path, huge, "n", "c", "l"));
    assert_false(spool_place(path, "/q", "n", huge, "l"));
    assert_false(spool_place(path, "/q/${node}", huge, "c", "l"));
    assert_false(spool_place(path, "/q", "n", "", "l"));
    char name[NAME_MAX + 1];
    huge[NAME_MAX - 3] = '\0';
    assert_true(spool_place_name(name, huge));
    assert_false(spool_place_name(name, ""));
}

static void collect(void *user, const char *name) {
    char *all = user;
    strcat(strcat(all, name), ";");
}

/* Folders only, nothing hidden, and nothing at all where there is no folder. */
static void test_list(void **state) {
    (void)state;
    char dir[] = "/tmp/mqk-test-XXXXXX";
    char path[PATH_MAX];
    char all[256] = "";
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/none", dir);
    spool_place_list(path, collect, all);
    assert_string_equal(all, "");
    snprintf(path, sizeof(path), "%s/lane", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(spool_place_has_spool(path));
    snprintf(path, sizeof(path), "%s/.hidden", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/journal", dir);
    fclose(fopen(path, "w"));
    spool_place_list(dir, collect, all);
    assert_string_equal(all, "lane;");
    assert_true(spool_place_has_spool(dir));
    snprintf(path, sizeof(path), "rm -rf %s", dir);
    assert_int_equal(system(path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths), cmocka_unit_test(test_too_long), cmocka_unit_test(test_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
