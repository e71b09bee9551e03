/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of mqk share: exit codes, options, files, output. One thread. */
#ifndef MQK_CLI_H
#define MQK_CLI_H

#include <getopt.h>
#include <stdio.h>

#include "buffer.h"

enum exit_code {
    EXIT_GOOD = 0,
    EXIT_BAD = 1,  /* the input is wrong; `mqk match`: no match */
    EXIT_USAGE = 2 /* the command line is wrong; `mqk match`: illegal filter or topic */
};

/* A command. `run` gets the arguments from the command's name on and returns an exit code. */
struct command {
    const char *name;
    const char *summary;
    const char *usage; /* `mqk NAME --help`: everything */
    int (*run)(int argc, char **argv);
};

extern const struct command check_command, explain_command, match_command, envelopes_command,
    reference_command, convert_command, spool_command;

/* Every command's long options end with these. */
#define OPT_HELP 1000
#define HELP_ROWS                                                                                  \
    {"help", no_argument, NULL, 'h'}, {                                                            \
        NULL, 0, NULL, 0                                                                           \
    }

/* "mqk: sentence" on stderr. Returns `code`, so that `return complain(…)` reads well. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The command's usage on stdout; EXIT_GOOD. */
int print_help(const struct command *command);

/* After getopt_long() has said what is wrong, or `what` (NULL allowed) says it: points at --help;
 * EXIT_USAGE. */
int bad_usage(const struct command *command, const char *what);

/* Prints a configuration's problem on stderr: an mqk_problem_fn. `user` is a struct tally. */
struct tally {
    unsigned errors, warnings;
};
void print_problem(void *user, mqk_severity severity, const mqk_error *error);

/* Loads and merges files ("-": standard input); problems go to stderr. NULL after EXIT_BAD-worthy
 * failures, which have been told. */
mqk_config *load_config(char *const *files, size_t count, mqk_problem_fn problem, void *user);

/* Reads a whole file ("-": standard input) of at most `limit` bytes into a buffer just initialised.
 * False: said why on stderr. */
bool read_file(const char *path, size_t limit, struct buffer *out);

/* Writes to stdout. */
void put(mqk_str text);

/* Flushes stdout; EXIT_BAD with a sentence when that fails (a full disk), else `code`. */
int finish(int code);

#endif
