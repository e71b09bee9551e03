/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include "cli.h"
#include "conf.h"
#include "erlang.h"
#include "error.h"
#include "hocon.h"

static const char usage[] =
    "Usage: mqk convert [--format FORMAT] [--plugin PLUGIN] FILE\n\n"
    "Turns the configuration of an earlier MQTT-to-Kafka plugin into YAML for libmqkafka, on\n"
    "standard output. What has no counterpart is named in a comment there and on standard\n"
    "error. FILE may be - for standard input.\n\n"
    "  --format hocon    emqx_plugin_kafka for EMQX 5, both generations\n"
    "  --format conf     `key = value` lines\n"
    "  --format erlang   .config files: Erlang terms\n"
    "                    (without --format: found by looking at the file)\n"
    "  --plugin emqttd   emqttd_plugin_kafka_bridge\n"
    "  --plugin emq2     emq_plugin_kafka, emq_plugin_wunaozai\n"
    "  --plugin emqx4    emqx_plugin_kafka for EMQX 4\n"
    "                    (for conf and erlang; without it: guessed from names)\n"
    "  --help            print this\n\n"
    "Exit status: 0 converted, 1 the file is wrong or a rule had to be left out, 2 wrong usage.\n";

enum format { FORMAT_FIND, FORMAT_HOCON, FORMAT_CONF, FORMAT_ERLANG };

static const char *const format_names[] = {"", "hocon", "conf", "erlang", NULL};
static const char *const plugin_names[] = {"", "emqttd", "emq2", "emqx4", NULL};

struct request {
    const char *file;
    enum format format;
    enum convert_plugin plugin;
};

static enum format find_format(mqk_str text) {
    if (erlang_looks_like(text)) {
        return FORMAT_ERLANG;
    }
    return conf_looks_like(text) ? FORMAT_CONF : FORMAT_HOCON;
}

static mqk_status read_settings(struct settings *s, enum format format, mqk_str text) {
    switch (format) {
    case FORMAT_ERLANG:
        return erlang_read(s, text);
    case FORMAT_CONF:
        return conf_read(s, text);
    default:
        return hocon_read(s, text);
    }
}

/* The notes as comments above the YAML, and on stderr. */
static void print_notes(mqk_str notes, const char *file) {
    while (notes.len > 0) {
        const char *end = memchr(notes.data, '\n', notes.len);
        size_t len = end ? (size_t)(end - notes.data) : notes.len;
        printf("#   %.*s\n", (int)len, notes.data);
        fprintf(stderr, "%s: %.*s\n", file, (int)len, notes.data);
        notes = str_slice(notes, end ? len + 1 : len, notes.len);
    }
}

struct self_check {
    unsigned errors;
};

static void print_self_check(void *user, mqk_severity severity, const mqk_error *error) {
    struct self_check *check = user;
    if (severity == MQK_SEVERITY_WARNING) {
        return;
    }
    /* A certificate may stand on the machine that the file is for. */
    check->errors += error->code != MQK_ERR_IO;
    fprintf(stderr, "the result: %s\n", error->message);
}

/* Whether the result is a configuration. */
static bool check_result(mqk_str yaml) {
    struct self_check check = {0};
    const mqk_config_source source = {.size = sizeof(source), .path = "YAML", .text = yaml};
    mqk_config *config = NULL;
    mqk_config_load(&source, 1, print_self_check, &check, &config, NULL);
    mqk_config_free(config);
    return check.errors == 0;
}

static int print_result(struct conversion *c, const struct request *request) {
    char shown[ERROR_QUOTE_SIZE];
    if (c->yaml.failure != MQK_OK || c->notes.failure != MQK_OK) {
        return complain(EXIT_BAD, "%s", mqk_status_text(MQK_ERR_NO_MEMORY));
    }
    error_quote(mqk_cstr(request->file), shown);
    if (c->rules == 0) {
        fprintf(stderr, "%.*s", STR_ARG(buffer_since(&c->notes, 0)));
        return complain(EXIT_BAD, "%s: there is no rule that can be taken over", shown);
    }
    printf("# Converted from %s by mqk %s.\n", shown, mqk_version());
    if (c->notes.len > 0) {
        fputs("# To know:\n", stdout);
        print_notes(buffer_since(&c->notes, 0), shown);
    }
    put(buffer_since(&c->yaml, 0));
    bool good = check_result(buffer_since(&c->yaml, 0));
    return finish(good && c->rules_lost == 0 ? EXIT_GOOD : EXIT_BAD);
}

static int convert(const struct request *request, struct settings *s) {
    struct conversion c = {.rules = 0};
    struct setting *kafka = convert_rules_root(s->root);
    enum convert_plugin plugin = request->plugin;
    buffer_init(&c.yaml, NULL, 0);
    buffer_init(&c.notes, NULL, 0);
    if (kafka && plugin == PLUGIN_UNKNOWN) {
        convert_hook_rules(&c, kafka);
    } else {
        plugin = plugin != PLUGIN_UNKNOWN ? plugin : convert_guess(s->root, request->file);
        if (plugin == PLUGIN_UNKNOWN) {
            return complain(EXIT_BAD,
                            "%s: no configuration of a known plugin (there is neither \"hook\" nor "
                            "\"hooks\", and no Kafka server); --plugin names the plugin",
                            request->file);
        }
        convert_fixed_rules(&c, s->root, plugin);
    }
    convert_note_unused(&c, s->root);
    int code = print_result(&c, request);
    buffer_fini(&c.yaml);
    buffer_fini(&c.notes);
    return code;
}

static int run_request(struct request *request) {
    struct buffer text;
    struct settings s;
    mqk_error err = {.message = ""};
    int code = EXIT_BAD;
    buffer_init(&text, NULL, 0);
    if (!settings_init(&s, &err) || !read_file(request->file, SETTINGS_MAX_BYTES, &text)) {
        settings_fini(&s);
        buffer_fini(&text);
        return EXIT_BAD;
    }
    mqk_str all = buffer_since(&text, 0);
    enum format format = request->format == FORMAT_FIND ? find_format(all) : request->format;
    if (read_settings(&s, format, all) != MQK_OK) {
        complain(EXIT_BAD, "%s (read as %s): %s", request->file, format_names[format], err.message);
    } else {
        code = convert(request, &s);
    }
    settings_fini(&s);
    buffer_fini(&text);
    return code;
}

/* Index of a word in a list that begins with an empty one; 0 when it is none. */
static unsigned find_name(const char *const *names, const char *word) {
    for (unsigned i = 1; names[i]; i++) {
        if (strcmp(names[i], word) == 0) {
            return i;
        }
    }
    return 0;
}

static int run(int argc, char **argv) {
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"plugin", required_argument, NULL, 'p'},
                                            HELP_ROWS};
    struct request request = {.file = NULL};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'f':
            request.format = (enum format)find_name(format_names, optarg);
            if (request.format == FORMAT_FIND) {
                return bad_usage(&convert_command, "--format is hocon, conf or erlang");
            }
            break;
        case 'p':
            request.plugin = (enum convert_plugin)find_name(plugin_names, optarg);
            if (request.plugin == PLUGIN_UNKNOWN) {
                return bad_usage(&convert_command, "--plugin is emqttd, emq2 or emqx4");
            }
            break;
        case 'h':
            return print_help(&convert_command);
        default:
            return bad_usage(&convert_command, NULL);
        }
    }
    if (argc - optind != 1) {
        return bad_usage(&convert_command, "expected one file");
    }
    request.file = argv[optind];
    return run_request(&request);
}

const struct command convert_command = {"convert", "turn an earlier plugin's file into YAML", usage,
                                        run};
