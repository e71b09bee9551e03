/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "json_write.h"

static const char usage[] =
    "Usage: mqk check [--json] FILE…\n\n"
    "Loads the files as a program would, in order and merged, and prints every error and\n"
    "warning: file, line, column, setting, sentence. FILE may be - for standard input.\n\n"
    "  --json   print {\"ok\",\"rules\",\"consumer_rules\",\"problems\":[{\"severity\",\"code\",\n"
    "           \"line\",\"column\",\"message\"}]}\n"
    "  --help   print this\n\n"
    "Exit status: 0 the configuration loads (there may be warnings), 1 it does not,\n"
    "2 wrong usage.\n";

/* Problems as JSON, comma-separated. */
struct report {
    struct buffer json;
    struct tally tally;
};

static void add_problem(void *user, mqk_severity severity, const mqk_error *error) {
    struct report *report = user;
    bool warning = severity == MQK_SEVERITY_WARNING;
    report->tally.warnings += warning;
    report->tally.errors += !warning;
    buffer_printf(&report->json,
                  "%s{\"severity\":\"%s\",\"code\":\"%s\",\"line\":%u,\"column\":%u,",
                  report->json.len > 0 ? "," : "", warning ? "warning" : "error",
                  mqk_status_name(error->code), (unsigned)error->line, (unsigned)error->column);
    buffer_append_str(&report->json, STR("\"message\":"));
    json_write_string(&report->json, mqk_cstr(error->message));
    buffer_append_char(&report->json, '}');
}

struct rule_counts {
    size_t hook, consumer;
};

static void count_verdict(void *user, const mqk_verdict *verdict) {
    struct rule_counts *counts = user;
    counts->consumer = verdict->rule + 1;
}

static struct rule_counts count_rules(const mqk_config *config) {
    struct rule_counts counts = {0, 0};
    mqk_ruleset *rules = NULL;
    const mqk_kafka_record nothing = {.size = sizeof(nothing)};
    if (config && mqk_ruleset_compile(config, &rules, NULL) == MQK_OK) {
        counts.hook = mqk_ruleset_size(rules);
        mqk_config_explain_record(config, &nothing, NULL, count_verdict, &counts);
    }
    mqk_ruleset_free(rules);
    return counts;
}

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

static void print_summary(const mqk_config *config, const struct tally *tally) {
    struct rule_counts rules = count_rules(config);
    if (!config) {
        printf("%u error%s", tally->errors, plural(tally->errors));
    } else if (rules.hook > 0 || rules.consumer == 0) {
        printf("ok: %zu rule%s", rules.hook, plural(rules.hook));
    } else {
        fputs("ok", stdout);
    }
    if (rules.consumer > 0) {
        printf("%s %zu consumer rule%s", rules.hook > 0 ? "," : ":", rules.consumer,
               plural(rules.consumer));
    }
    if (tally->warnings > 0) {
        printf(", %u warning%s", tally->warnings, plural(tally->warnings));
    }
    putchar('\n');
}

static int check(char *const *files, size_t count) {
    struct tally tally = {0, 0};
    mqk_config *config = load_config(files, count, print_problem, &tally);
    print_summary(config, &tally);
    int code = config ? EXIT_GOOD : EXIT_BAD;
    mqk_config_free(config);
    return finish(code);
}

static int check_json(char *const *files, size_t count) {
    struct report report = {.tally = {0, 0}};
    buffer_init(&report.json, NULL, 0);
    mqk_config *config = load_config(files, count, add_problem, &report);
    struct rule_counts rules = count_rules(config);
    printf("{\"ok\":%s,\"rules\":%zu,\"consumer_rules\":%zu,\"problems\":[",
           config ? "true" : "false", rules.hook, rules.consumer);
    put(buffer_since(&report.json, 0));
    fputs("]}\n", stdout);
    int code = config ? EXIT_GOOD : EXIT_BAD;
    buffer_fini(&report.json);
    mqk_config_free(config);
    return finish(code);
}

static int run(int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, HELP_ROWS};
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            return print_help(&check_command);
        }
        if (c != 'j') {
            return bad_usage(&check_command, NULL);
        }
        json = true;
    }
    if (optind == argc) {
        return bad_usage(&check_command, "no file is named");
    }
    size_t count = (size_t)(argc - optind);
    return json ? check_json(argv + optind, count) : check(argv + optind, count);
}

const struct command check_command = {"check", "check configuration files", usage, run};
