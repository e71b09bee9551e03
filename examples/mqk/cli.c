/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_CONFIG ((size_t)16 << 20)
#define CHUNK      ((size_t)64 << 10)

int complain(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("mqk: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

int print_help(const struct command *command) {
    fputs(command->usage, stdout);
    return finish(EXIT_GOOD);
}

int bad_usage(const struct command *command, const char *what) {
    if (what) {
        complain(EXIT_USAGE, "%s: %s", command->name, what);
    }
    fprintf(stderr, "Try 'mqk %s --help'.\n", command->name);
    return EXIT_USAGE;
}

void print_problem(void *user, mqk_severity severity, const mqk_error *error) {
    struct tally *tally = user;
    bool warning = severity == MQK_SEVERITY_WARNING;
    tally->warnings += warning;
    tally->errors += !warning;
    fprintf(stderr, "%s: %s\n", warning ? "warning" : "error", error->message);
}

static mqk_config *load_sources(const mqk_config_source *sources, size_t count,
                                mqk_problem_fn problem, void *user) {
    struct tally tally = {0, 0};
    mqk_config *config = NULL;
    mqk_error err;
    mqk_status status = mqk_config_load(sources, count, problem ? problem : print_problem,
                                        problem ? user : &tally, &config, &err);
    if (status != MQK_OK && !problem && tally.errors == 0) {
        complain(EXIT_BAD, "%s", err.message);
    }
    return config;
}

mqk_config *load_config(char *const *files, size_t count, mqk_problem_fn problem, void *user) {
    struct buffer input;
    mqk_config *config = NULL;
    mqk_config_source *sources = calloc(count, sizeof(*sources));
    bool good = sources != NULL;
    bool input_read = false;
    buffer_init(&input, NULL, 0);
    for (size_t i = 0; i < count && good; i++) {
        sources[i] = (mqk_config_source){.size = sizeof(*sources), .path = files[i]};
        if (strcmp(files[i], "-") != 0) {
            continue;
        }
        good = !input_read && read_file("-", MAX_CONFIG, &input);
        if (input_read) {
            complain(EXIT_BAD, "standard input can be read once only");
        }
        input_read = true;
        sources[i].path = "(standard input)";
        sources[i].text = buffer_since(&input, 0);
    }
    if (good) {
        config = load_sources(sources, count, problem, user);
    }
    free(sources);
    buffer_fini(&input);
    return config;
}

static bool read_all(int fd, const char *name, size_t limit, struct buffer *out) {
    ssize_t got = 1;
    while (got > 0 && out->len <= limit) {
        if (!buffer_reserve(out, CHUNK)) {
            complain(EXIT_BAD, "%s: %s", name, mqk_status_text(out->failure));
            return false;
        }
        got = read(fd, out->data + out->len, CHUNK);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        out->len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        complain(EXIT_BAD, "cannot read %s: %s", name, strerror(errno));
        return false;
    }
    if (out->len > limit) {
        complain(EXIT_BAD, "%s is larger than %zu bytes", name, limit);
        return false;
    }
    return true;
}

bool read_file(const char *path, size_t limit, struct buffer *out) {
    if (strcmp(path, "-") == 0) {
        return read_all(STDIN_FILENO, "standard input", limit, out);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        complain(EXIT_BAD, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    bool good = read_all(fd, path, limit, out);
    close(fd);
    return good;
}

void put(mqk_str text) {
    fwrite(text.data ? text.data : "", 1, text.len, stdout);
}

int finish(int code) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return complain(EXIT_BAD, "cannot write: %s", strerror(errno));
    }
    return code;
}
