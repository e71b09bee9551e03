/* SPDX-License-Identifier: Apache-2.0 */
/* mqk: checks, explains and converts configurations of libmqkafka; looks into its spools. */
#include "cli.h"
#include "error.h"

static const struct command *const commands[] = {
    &check_command,     &explain_command, &match_command, &envelopes_command,
    &reference_command, &convert_command, &spool_command};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_overview(void) {
    fputs(
        "Usage: mqk COMMAND [OPTION]… [ARGUMENT]…\n\n"
        "Checks, explains and converts configurations of libmqkafka, without any Kafka, and looks\n"
        "into its spools.\n\n"
        "Commands:\n",
        stdout);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs("\n'mqk COMMAND --help' tells more about a command.\n"
          "'mqk --version' prints the version.\n",
          stdout);
    return finish(EXIT_GOOD);
}

static int print_version(void) {
    printf("mqk %s (libmqkafka %s)\n", MQK_VERSION, mqk_version());
    return finish(EXIT_GOOD);
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *name) {
    const char *names[COMMAND_COUNT + 1] = {NULL};
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i]->name;
    }
    complain(EXIT_USAGE, "unknown command \"%s\"%s", error_quote(mqk_cstr(name), quoted),
             error_hint(mqk_cstr(name), names, hint));
    fputs("Try 'mqk --help'.\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : NULL;
    if (!word) {
        fputs("Usage: mqk COMMAND [OPTION]… [ARGUMENT]…\nTry 'mqk --help'.\n", stderr);
        return EXIT_USAGE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        return print_version();
    }
    bool help = strcmp(word, "help") == 0;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && argc == 2)) {
        return print_overview();
    }
    const struct command *command = find_command(help ? argv[2] : word);
    if (!command) {
        return unknown_command(help ? argv[2] : word);
    }
    return help ? print_help(command) : command->run(argc - 1, argv + 1);
}
