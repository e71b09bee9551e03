/* SPDX-License-Identifier: Apache-2.0 */
/* What was accepted outlives its process: a child that puts records in is killed at any moment, and
 * what it had reported as accepted is there. */
#include "spool_kit.h"

#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 25

struct report {
    uint64_t number;
    uint32_t done; /* it was said to be done, so that it may be there or not */
    uint32_t pad;
};

static void say(int fd, uint64_t number, uint32_t done) {
    struct report report = {number, done, 0};
    if (write(fd, &report, sizeof(report)) != sizeof(report)) {
        _exit(3);
    }
}

/* Puts, hands out, gives back and finishes records until it is killed. */
static void child(const struct kit *kit, const struct spool_settings *settings, uint64_t number,
                  unsigned seed, int fd) {
    struct kit own = *kit;
    struct spool_owner owner = {.user = &own, .dropped = kit_dropped};
    mqk_error err;
    struct spool *s = spool_open(settings, &owner, &err);
    if (!s) {
        _exit(2);
    }
    struct spool_ref out[64];
    uint64_t numbers[64];
    unsigned held = 0;
    for (;;) {
        struct spool_item item;
        struct spool_ref ref;
        unsigned what = (unsigned)rand_r(&seed) % 16;
        if (what < 12) {
            size_t size = rand_r(&seed) % 500 == 0 ? 1100000 : (size_t)rand_r(&seed) % 1500;
            if (kit_put(s, number, size, what < 9, &ref) == MQK_OK) {
                say(fd, number, 0);
                if (what >= 9 && what < 11) {
                    say(fd, number, 1);
                    spool_done(s, ref);
                }
                number++;
            }
        } else if (what < 14 && held < 64 && spool_next(s, &item)) {
            out[held] = item.ref;
            numbers[held++] = kit_number(&item);
        } else if (held > 0) {
            held--;
            if (what == 14) {
                spool_wait(s, out[held]);
            } else {
                say(fd, numbers[held], 1);
                spool_done(s, out[held]);
            }
        }
    }
}

static uint64_t read_reports(int fd, uint8_t **states, uint64_t *capacity) {
    struct report report;
    uint64_t next = 0;
    size_t have = 0;
    ssize_t n;
    while ((n = read(fd, (char *)&report + have, sizeof(report) - have)) > 0) {
        have += (size_t)n;
        if (have < sizeof(report)) {
            continue;
        }
        have = 0;
        while (report.number >= *capacity) {
            *states = realloc(*states, *capacity * 2);
            memset(*states + *capacity, 0, *capacity);
            *capacity *= 2;
        }
        (*states)[report.number] = report.done ? 2 : 1;
        next = report.number >= next ? report.number + 1 : next;
    }
    return next;
}

static void survives_sigkill(void **state) {
    struct kit *kit = *state;
    uint64_t capacity = 1 << 16;
    uint8_t *states = calloc(capacity, 1); /* 1: accepted, 2: said to be done */
    unsigned seed = 4711;
    uint64_t next = 0;
    uint64_t accepted = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct spool_settings settings = kit_settings(kit);
        settings.max_bytes = 32 << 20;
        settings.sync_ms = round % 5 == 0 ? 0 : 10;
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(pipes[0]);
            child(kit, &settings, next, (unsigned)round, pipes[1]);
        }
        close(pipes[1]);
        /* The pipe is read while it runs, so that it does not fill. */
        pid_t killer = fork();
        if (killer == 0) {
            usleep(20000 + (useconds_t)rand_r(&seed) % 150000);
            kill(pid, SIGKILL);
            _exit(0);
        }
        uint64_t seen = read_reports(pipes[0], &states, &capacity);
        next = seen > next ? seen : next;
        close(pipes[0]);
        int status;
        waitpid(killer, &status, 0);
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        struct spool *s = kit_open_with(kit, &settings);
        assert_int_equal(kit_info(s).damaged, 0);
        uint64_t records = kit_info(s).records;
        uint64_t found = 0;
        uint64_t expected = 0; /* the next number that may come */
        struct spool_item item;
        while (spool_next(s, &item)) {
            uint64_t number = kit_check(&item);
            assert_true(number >= expected);
            for (uint64_t i = expected; i < number; i++) {
                assert_true(states[i] != 1);
            }
            /* The one that it was about to report. */
            if (number >= next) {
                next = number + 1;
            }
            expected = number + 1;
            found++;
            /* Half of them leave, so that the folder does not fill. */
            if (number % 2 == 0 || round % 4 == 3) {
                spool_done(s, item.ref);
                states[number] = 2;
            } else {
                states[number] = 1;
            }
        }
        for (uint64_t i = expected; i < next; i++) {
            assert_true(states[i] != 1);
        }
        assert_int_equal(found, records);
        accepted += found;
        spool_close(s);
    }
    print_message("%llu accepted, %llu found\n", (unsigned long long)next,
                  (unsigned long long)accepted);
    assert_true(next > 1000);
    assert_true(accepted > 500);
    assert_int_equal(kit->errors, 0);
    free(states);
}

/* A second process is told who has the folder. */
static void one_process_at_a_time(void **state) {
    struct kit *kit = *state;
    int pipes[2], begin[2];
    char go = 1;
    assert_true(pipe(pipes) == 0 && pipe(begin) == 0);
    /* Before there are threads: what one of them holds at a fork would be held for ever. */
    pid_t pid = fork();
    if (pid == 0) {
        struct spool_settings settings = kit_settings(kit);
        struct spool_owner owner = {0};
        mqk_error err = {0};
        if (read(begin[0], &go, 1) != 1 || spool_open(&settings, &owner, &err)) {
            _exit(1);
        }
        size_t len = strlen(err.message);
        _exit(err.code == MQK_ERR_SPOOL && write(pipes[1], err.message, len) == (ssize_t)len ? 0
                                                                                             : 2);
    }
    struct spool *s = kit_open(kit);
    assert_int_equal(write(begin[1], &go, 1), 1);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    char message[600] = "";
    char number[32];
    assert_true(read(pipes[0], message, sizeof(message) - 1) > 0);
    snprintf(number, sizeof(number), "process %d;", getpid());
    assert_non_null(strstr(message, number));
    assert_non_null(strstr(message, kit->dir));
    close(pipes[0]);
    close(pipes[1]);
    close(begin[0]);
    close(begin[1]);
    /* And so is this one. */
    struct spool_settings settings = kit_settings(kit);
    struct spool_owner owner = {0};
    mqk_error err = {0};
    assert_null(spool_open(&settings, &owner, &err));
    assert_int_equal(err.code, MQK_ERR_SPOOL);
    assert_int_equal(kit_put(s, 1, 10, true, NULL), MQK_OK);
    spool_close(s);
    s = kit_open(kit);
    kit_expect(s, 1);
    spool_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        kit_test(survives_sigkill),
        kit_test(one_process_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
