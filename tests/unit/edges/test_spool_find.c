/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_find.h"

static char root[] = "/tmp/mqk-spool-find-XXXXXX";

struct names {
    char text[1000];
};

static void add_name(void *user, const char *path) {
    struct names *names = user;
    strcat(names->text, path + strlen(root));
    strcat(names->text, " ");
}

static void test_find(void **state) {
    (void)state;
    static const char *const folders[] = {"us",
                                          "us/main",
                                          "eu",
                                          "eu/p01",
                                          "eu/main",
                                          "eu/main/inner",
                                          "eu/main/journal.d",
                                          "deep",
                                          "deep/1",
                                          "deep/1/2",
                                          "deep/1/2/3",
                                          "deep/1/2/3/4",
                                          "nothing",
                                          ".hidden"};
    static const char *const files[] = {
        "us/main/journal",    "eu/p01/data.mdb",      "eu/main/journal",  "eu/main/inner/journal",
        "deep/1/2/3/journal", "deep/1/2/3/4/journal", "nothing/notes.txt"};
    struct names names = {""};
    mqk_error err;
    char path[300];
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, files[i]);
        assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    }
    snprintf(path, sizeof(path), "%s/link", root);
    assert_int_equal(symlink("us", path), 0);
    assert_int_equal(spool_find(root, add_name, &names, &err), 4);
    assert_string_equal(names.text, "/deep/1/2/3 /eu/main /eu/p01 /us/main ");

    names.text[0] = '\0';
    snprintf(path, sizeof(path), "%s/link", root);
    assert_int_equal(spool_find(path, add_name, &names, &err), 1);
    snprintf(path, sizeof(path), "%s/us/main", root);
    assert_int_equal(spool_find(path, add_name, &names, &err), 1);
    assert_string_equal(names.text, "/link/main /us/main ");

    snprintf(path, sizeof(path), "%s/nothing", root);
    assert_int_equal(spool_find(path, add_name, &names, &err), 0);
    static const char *const wrong[] = {"", "/nonexistent", "/dev/null"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(spool_find(wrong[i], add_name, &names, &err), MQK_ERR_IO);
        assert_non_null(strstr(err.message, "cannot be read"));
    }
}

/* What the files take, not how long they are. */
static void test_disk_bytes(void **state) {
    (void)state;
    char path[300];
    assert_int_equal(spool_find_disk_bytes("/nonexistent"), 0);
    snprintf(path, sizeof(path), "%s/nothing/sparse", root);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    assert_int_equal(ftruncate(fd, 1 << 30), 0);
    assert_int_equal(pwrite(fd, "x", 1, 1 << 20), 1);
    assert_int_equal(fsync(fd), 0);
    close(fd);
    snprintf(path, sizeof(path), "%s/nothing", root);
    uint64_t bytes = spool_find_disk_bytes(path);
    assert_true(bytes > 0 && bytes < 1 << 20);
}

static int make_root(void **state) {
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find),
                                       cmocka_unit_test(test_disk_bytes)};
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
