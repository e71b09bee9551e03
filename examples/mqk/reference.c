/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include "error.h"
#include "json_write.h"

static const char usage[] =
    "Usage: mqk reference [--json] [NAME…]\n"
    "       mqk reference --markdown|--man\n\n"
    "Prints what this version of the library knows: settings with types, ranges, defaults and\n"
    "aliases, hooks, placeholders, template filters and the operators of conditions. With NAMEs,\n"
    "only what has that name: `mqk reference linger`, `mqk reference kafka.client.servers`.\n\n"
    "  --json       print {\"settings\":[…],\"hooks\":[…],\"placeholders\":[…],\n"
    "               \"template_filters\":[…],\"operators\":[…]}\n"
    "  --markdown   print everything as a page\n"
    "  --man        print everything as the man page mqkafka.yaml(5)\n"
    "  --help       print this\n\n"
    "Exit status: 0 printed, 1 there is nothing of that name, 2 wrong usage.\n";

const struct chapter chapters[CHAPTER_COUNT] = {
    {MQK_REFERENCE_SETTING, "settings", "Settings",
     "A configuration is a YAML file. Unknown keys, keys given twice and wrong values are errors, "
     "told with line and column."},
    {MQK_REFERENCE_HOOK, "hooks", "Hooks",
     "What `hook` of a rule names. Filters are compared with the topic of messages, and with the "
     "text of the filter on events about subscriptions; on events without a topic only `#` is "
     "accepted. `${.}` has `event`, `timestamp`, `node` and the members named here."},
    {MQK_REFERENCE_PLACEHOLDER, "placeholders", "Placeholders",
     "What stands in `${…}` of a template, and without `${}` in a condition. A name that is not "
     "here is an error. `${.NAME}` means the same as `${NAME}`."},
    {MQK_REFERENCE_TEMPLATE_FILTER, "template_filters", "Template filters",
     "`${clientid | lower | trunc(8)}`: each makes a value of the one before it, at most 16. What "
     "is missing stays missing, but for `json` and `default`."},
    {MQK_REFERENCE_OPERATOR, "operators", "Conditions",
     "What `where` is written with. From the loosest: `or`, `and`, `not`, comparisons, `+ -`, "
     "`* / %`. Nothing is converted: `1` is not `'1'`. A missing value makes a comparison false, "
     "never an error."}};

const char *const settings_notes[] = {
    "Durations: `500ms`, `10s`, `5m`, `1h`, `2d`; a number alone is milliseconds where an older "
    "system wrote it so. Sizes: `512B`, `896KB`, `64MB`, `2GB`; KB and KiB both mean 1024.",
    "Files can be merged in order: later settings replace earlier ones, lists of rules and "
    "clusters grow.",
    "A default in parentheses is not a value that can be written.", NULL};

/* Whether an entry was asked for: by its name, an alias, or with the mapping before it. */
static bool is_wanted(const mqk_reference *entry, char *const *names, int count) {
    char full[200];
    snprintf(full, sizeof(full), "%s.%s", entry->where, entry->name);
    for (int i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        const char *alias = len > 0 ? strstr(entry->aliases, names[i]) : NULL;
        bool begins = alias && (alias == entry->aliases || alias[-1] == ' ');
        bool whole = begins && (alias[len] == '\0' || alias[len] == ',');
        size_t word = strcspn(entry->name, "(.");
        bool base = word > 1 && word == len && strncmp(entry->name, names[i], len) == 0;
        if (whole || base || strcmp(entry->name, names[i]) == 0 || strcmp(full, names[i]) == 0) {
            return true;
        }
    }
    return count == 0;
}

static void print_entry(const mqk_reference *entry) {
    const char *between = entry->type[0] ? ", " : "";
    printf("%s%s%s%s%s", entry->where, entry->where[0] ? "." : "", entry->name,
           entry->type[0] ? "  " : "", entry->type);
    if (entry->values[0]) {
        printf("%s%s", between, entry->values);
    }
    if (entry->standard[0]) {
        printf(", default %s", entry->standard);
    }
    if (entry->aliases[0]) {
        printf("%salso %s", between, entry->aliases);
    }
    printf("\n    %s\n", entry->meaning);
}

static void write_entry(struct buffer *out, const mqk_reference *entry, bool setting) {
    const struct {
        const char *name, *value;
        bool always;
    } members[] = {{"name", entry->name, true},         {"in", entry->where, setting},
                   {"type", entry->type, true},         {"values", entry->values, false},
                   {"default", entry->standard, false}, {"aliases", entry->aliases, false},
                   {"meaning", entry->meaning, true}};
    bool first = true;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].always || members[i].value[0]) {
            buffer_append_str(out, first ? STR("{\"") : STR(",\""));
            buffer_append_str(out, mqk_cstr(members[i].name));
            buffer_append_str(out, STR("\":"));
            json_write_string(out, mqk_cstr(members[i].value));
            first = false;
        }
    }
    buffer_append_char(out, '}');
}

static size_t list_chapter(const struct chapter *chapter, char *const *names, int count,
                           struct buffer *json) {
    mqk_reference entry = {.size = sizeof(entry)};
    size_t found = 0;
    for (size_t i = 0; mqk_reference_at(chapter->part, i, &entry) == MQK_OK; i++) {
        if (!is_wanted(&entry, names, count)) {
            continue;
        }
        if (json) {
            buffer_append_str(json, found > 0 ? STR(",\n") : STR(""));
            write_entry(json, &entry, chapter->part == MQK_REFERENCE_SETTING);
        } else {
            print_entry(&entry);
        }
        found++;
    }
    return found;
}

static size_t list(char *const *names, int count, bool json) {
    struct buffer out;
    size_t found = 0;
    buffer_init(&out, NULL, 0);
    for (size_t i = 0; i < CHAPTER_COUNT; i++) {
        if (json) {
            buffer_append_str(&out, i > 0 ? STR("],\n\"") : STR("{\""));
            buffer_append_str(&out, mqk_cstr(chapters[i].member));
            buffer_append_str(&out, STR("\":["));
        } else if (count == 0) {
            printf("%s%s\n\n", i > 0 ? "\n" : "", chapters[i].title);
        }
        found += list_chapter(&chapters[i], names, count, json ? &out : NULL);
    }
    if (json && found > 0) {
        buffer_append_str(&out, STR("]}\n"));
        put(buffer_since(&out, 0));
    }
    buffer_fini(&out);
    return found;
}

static int run(int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"markdown", no_argument, NULL, 'm'},
                                            {"man", no_argument, NULL, 'n'},
                                            HELP_ROWS};
    int form = 't';
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            return print_help(&reference_command);
        }
        if (c == '?') {
            return bad_usage(&reference_command, NULL);
        }
        if (form != 't' && form != c) {
            return bad_usage(&reference_command, "--json, --markdown and --man exclude each other");
        }
        form = c;
    }
    int count = argc - optind;
    if (form == 'm' || form == 'n') {
        if (count > 0) {
            return bad_usage(&reference_command, "--markdown and --man print everything");
        }
        form == 'm' ? reference_print_markdown() : reference_print_man();
        return finish(EXIT_GOOD);
    }
    if (list(argv + optind, count, form == 'j') == 0) {
        char quoted[ERROR_QUOTE_SIZE];
        return complain(EXIT_BAD, "there is nothing called \"%s\"; 'mqk reference' lists all",
                        error_quote(mqk_cstr(argv[optind]), quoted));
    }
    return finish(EXIT_GOOD);
}

const struct command reference_command = {
    "reference", "look up settings, hooks and the language of rules", usage, run};
