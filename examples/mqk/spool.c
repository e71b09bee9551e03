/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_command.h"

#include <time.h>

#include "error.h"
#include "units.h"

static const char usage[] =
    "Usage: mqk spool info   [--json] [FILTER] DIR\n"
    "       mqk spool list   [--json] [--limit N] [FILTER] DIR\n"
    "       mqk spool export [--limit N] [FILTER] DIR\n"
    "       mqk spool purge  [--yes] [--json] [FILTER] DIR\n\n"
    "Shows what waits on the disk: DIR is the configuration's `buffer.dir`, with all the spools\n"
    "below it, or the folder of one spool. Reading is safe while a bridge runs.\n\n"
    "  info      who uses it, number and size of the records, oldest and newest, and how many\n"
    "            each topic and each rule has\n"
    "  list      one line a record: number, time of acceptance, topic, rule, key, size\n"
    "  export    the records as lines of JSON: "
    "{\"topic\",\"partition\",\"key\",\"value\",\"headers\":\n"
    "            "
    "[{\"name\",\"value\"}],\"timestamp\",\"dead_letter\",\"rule\",\"seq\",\"accepted\",\n"
    "            \"spool\"}; what is not UTF-8 is {\"base64\":\"…\"}\n"
    "  purge     removes records, when no bridge uses the spool; without --yes it only says how\n"
    "            many it would remove\n\n"
    "Filter:\n"
    "  --topic NAME       only records for this Kafka topic\n"
    "  --rule NAME        only records of this rule\n"
    "  --older-than TIME  only records accepted at least so long ago, e.g. 90s, 15m, 1h, 7d\n\n"
    "  --limit N          at most N records\n"
    "  --json             print one JSON object\n"
    "  --yes              remove for good\n"
    "  --help             print this\n\n"
    "Exit status: 0 done, 1 something could not be read or removed (the rest is done),\n"
    "2 wrong usage.\n";

/* Which options an action has. */
enum allowed { ALLOW_JSON = 1, ALLOW_LIMIT = 2, ALLOW_YES = 4 };

static const struct action {
    const char *name;
    unsigned allowed;
    int (*run)(const struct spool_request *request);
} actions[] = {
    {"info", ALLOW_JSON, spool_info},
    {"list", ALLOW_JSON | ALLOW_LIMIT, spool_list},
    {"export", ALLOW_LIMIT, spool_export},
    {"purge", ALLOW_JSON | ALLOW_YES, spool_purge},
};
#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

static const struct action *find_action(const char *name) {
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

static int unknown_action(const char *name) {
    const char *names[ACTION_COUNT + 1] = {NULL};
    char quoted[ERROR_QUOTE_SIZE], hint[ERROR_HINT_SIZE];
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        names[i] = actions[i].name;
    }
    complain(EXIT_USAGE, "spool: \"%s\" is none of info, list, export, purge%s",
             error_quote(mqk_cstr(name), quoted), error_hint(mqk_cstr(name), names, hint));
    return bad_usage(&spool_command, NULL);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NULL, or what is wrong with the option's value. */
static const char *take_option(struct spool_request *request, int option, const char *value) {
    int64_t number = 0;
    const char *wrong = NULL;
    switch (option) {
    case 'j':
        request->json = true;
        break;
    case 'y':
        request->yes = true;
        break;
    case 't':
        request->filter.topic = mqk_cstr(value);
        break;
    case 'r':
        request->filter.rule = mqk_cstr(value);
        break;
    case 'o':
        wrong = units_duration(mqk_cstr(value), false, &number);
        /* Accepted right now is old enough for 0s. */
        request->filter.before_ms = now_ms() - number + 1;
        break;
    default:
        wrong = units_integer(mqk_cstr(value), &number);
        wrong = wrong || number >= 0 ? wrong : "expected a number of records";
        request->limit = (uint64_t)number;
        break;
    }
    return wrong;
}

static const char *not_for(unsigned allowed, int option) {
    if (option == 'j' && !(allowed & ALLOW_JSON)) {
        return "--json is not for export, which prints JSON anyway";
    }
    if (option == 'y' && !(allowed & ALLOW_YES)) {
        return "--yes is for purge only";
    }
    if (option == 'l' && !(allowed & ALLOW_LIMIT)) {
        return "--limit is for list and export only";
    }
    return NULL;
}

static int run_action(const struct action *action, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"yes", no_argument, NULL, 'y'},
                                            {"topic", required_argument, NULL, 't'},
                                            {"rule", required_argument, NULL, 'r'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"older-than", required_argument, NULL, 'o'},
                                            HELP_ROWS};
    struct spool_request request = {.filter = {.size = sizeof(mqk_spool_filter)},
                                    .limit = UINT64_MAX};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            return print_help(&spool_command);
        }
        if (c == '?') {
            return bad_usage(&spool_command, NULL);
        }
        const char *wrong = not_for(action->allowed, c);
        wrong = wrong ? wrong : take_option(&request, c, optarg);
        if (wrong) {
            return bad_usage(&spool_command, wrong);
        }
    }
    if (argc - optind != 1) {
        return bad_usage(&spool_command, "expected one folder");
    }
    request.dir = argv[optind];
    return action->run(&request);
}

static int run(int argc, char **argv) {
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return print_help(&spool_command);
    }
    if (argc < 2) {
        return bad_usage(&spool_command, "expected info, list, export or purge");
    }
    const struct action *action = find_action(argv[1]);
    return action ? run_action(action, argc - 1, argv + 1) : unknown_action(argv[1]);
}

const struct command spool_command = {"spool", "show what waits on the disk, export or remove it",
                                      usage, run};
