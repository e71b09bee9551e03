/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "error.h"
#include "topic_filter.h"

static const char usage[] =
    "Usage: mqk match FILTER TOPIC\n\n"
    "Tells whether an MQTT topic filter matches a topic name (MQTT 5, section 4.7). Put both in\n"
    "quotes: a shell takes # for a comment. After -- they may begin with a dash.\n\n"
    "  --help   print this\n\n"
    "Exit status: 0 it matches, 1 it does not, 2 the filter or the topic is illegal.\n";

static int tell(mqk_str filter, mqk_str topic) {
    char shown_filter[ERROR_QUOTE_SIZE], shown_topic[ERROR_QUOTE_SIZE];
    mqk_error err;
    if (mqk_topic_filter_check(filter, &err) != MQK_OK) {
        return complain(EXIT_USAGE, "%s", err.message);
    }
    error_quote(filter, shown_filter);
    error_quote(topic, shown_topic);
    const char *wrong = topic_name_check(topic);
    if (wrong) {
        return complain(EXIT_USAGE, "topic \"%s\": %s", shown_topic, wrong);
    }
    bool matches = mqk_topic_matches(filter, topic);
    printf("filter \"%s\" %s topic \"%s\"\n", shown_filter, matches ? "matches" : "does not match",
           shown_topic);
    return finish(matches ? EXIT_GOOD : EXIT_BAD);
}

static int run(int argc, char **argv) {
    static const struct option options[] = {HELP_ROWS};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        return c == 'h' ? print_help(&match_command) : bad_usage(&match_command, NULL);
    }
    if (argc - optind != 2) {
        return bad_usage(&match_command, "expected a filter and a topic");
    }
    return tell(mqk_cstr(argv[optind]), mqk_cstr(argv[optind + 1]));
}

const struct command match_command = {"match", "does a topic filter match a topic?", usage, run};
