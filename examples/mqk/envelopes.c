/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "error.h"
#include "json_write.h"

static const char usage[] =
    "Usage: mqk envelopes [--json] [NAME…]\n\n"
    "Lists the built-in envelopes (`envelope:` of a rule): for each hook the template of the\n"
    "record's value, to be copied and changed as `value:`, and the headers that go with it.\n\n"
    "  --json   print [{\"name\",\"meaning\",\"headers\":[{\"name\",\"value\"}],\"templates\":"
    "{HOOK: TEMPLATE}}]\n"
    "  --help   print this\n\n"
    "Exit status: 0 printed, 1 there is no envelope of that name, 2 wrong usage.\n";

#define FIRST_HOOK 1 /* custom hooks, number 0, come last */

static mqk_hook nth_hook(unsigned n) {
    return (mqk_hook)((n + FIRST_HOOK) % MQK_HOOK_COUNT);
}

/* Whether all hooks have the same template: one line says it. */
static bool is_common(size_t index) {
    const char *first = mqk_envelope_template(index, nth_hook(0));
    for (unsigned n = 1; n < MQK_HOOK_COUNT; n++) {
        const char *other = mqk_envelope_template(index, nth_hook(n));
        if (!first || !other || strcmp(first, other) != 0) {
            return false;
        }
    }
    return true;
}

static void print_envelope(size_t index, const mqk_envelope *envelope, bool first) {
    mqk_header header;
    printf("%s%s: %s\n", first ? "" : "\n", envelope->name, envelope->meaning);
    for (size_t i = 0; mqk_envelope_header(index, i, &header) == MQK_OK; i++) {
        printf("  header %.*s\n    %.*s\n", STR_ARG(header.name), STR_ARG(header.value));
    }
    if (is_common(index)) {
        printf("  every hook\n    %s\n", mqk_envelope_template(index, nth_hook(0)));
        return;
    }
    for (unsigned n = 0; n < MQK_HOOK_COUNT; n++) {
        const char *text = mqk_envelope_template(index, nth_hook(n));
        if (text) {
            printf("  %s\n    %s\n", mqk_hook_name(nth_hook(n)), text);
        }
    }
}

static void write_member(struct buffer *out, const char *name, mqk_str value) {
    json_write_string(out, mqk_cstr(name));
    buffer_append_char(out, ':');
    json_write_string(out, value);
}

static void write_envelope(struct buffer *out, size_t index, const mqk_envelope *envelope) {
    mqk_header header;
    buffer_append_str(out, out->len > 1 ? STR(",{") : STR("{"));
    write_member(out, "name", mqk_cstr(envelope->name));
    buffer_append_char(out, ',');
    write_member(out, "meaning", mqk_cstr(envelope->meaning));
    buffer_append_str(out, STR(",\"headers\":["));
    for (size_t i = 0; mqk_envelope_header(index, i, &header) == MQK_OK; i++) {
        buffer_append_str(out, i > 0 ? STR(",{") : STR("{"));
        write_member(out, "name", header.name);
        buffer_append_char(out, ',');
        write_member(out, "value", header.value);
        buffer_append_char(out, '}');
    }
    buffer_append_str(out, STR("],\"templates\":{"));
    bool first = true;
    for (unsigned n = 0; n < MQK_HOOK_COUNT; n++) {
        const char *text = mqk_envelope_template(index, nth_hook(n));
        if (text) {
            buffer_append_str(out, first ? STR("") : STR(","));
            write_member(out, mqk_hook_name(nth_hook(n)), mqk_cstr(text));
            first = false;
        }
    }
    buffer_append_str(out, STR("}}"));
}

static bool is_wanted(const char *name, char *const *wanted, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(wanted[i], name) == 0) {
            return true;
        }
    }
    return count == 0;
}

static bool is_envelope(const char *name) {
    mqk_envelope envelope = {.size = sizeof(envelope)};
    for (size_t i = 0; mqk_envelope_at(i, &envelope) == MQK_OK; i++) {
        if (strcmp(envelope.name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int list(char *const *wanted, size_t count, bool json) {
    struct buffer out;
    mqk_envelope envelope = {.size = sizeof(envelope)};
    for (size_t i = 0; i < count; i++) {
        char quoted[ERROR_QUOTE_SIZE];
        if (!is_envelope(wanted[i])) {
            return complain(EXIT_BAD, "there is no envelope \"%s\"; 'mqk envelopes' lists them",
                            error_quote(mqk_cstr(wanted[i]), quoted));
        }
    }
    bool first = true;
    buffer_init(&out, NULL, 0);
    buffer_append_char(&out, '[');
    for (size_t i = 0; mqk_envelope_at(i, &envelope) == MQK_OK; i++) {
        bool wants = is_wanted(envelope.name, wanted, count);
        if (wants && json) {
            write_envelope(&out, i, &envelope);
        } else if (wants) {
            print_envelope(i, &envelope, first);
            first = false;
        }
    }
    if (json) {
        buffer_append_str(&out, STR("]\n"));
        put(buffer_since(&out, 0));
    }
    buffer_fini(&out);
    return finish(EXIT_GOOD);
}

static int run(int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, HELP_ROWS};
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            return print_help(&envelopes_command);
        }
        if (c != 'j') {
            return bad_usage(&envelopes_command, NULL);
        }
        json = true;
    }
    return list(argv + optind, (size_t)(argc - optind), json);
}

const struct command envelopes_command = {"envelopes", "list the built-in envelopes", usage, run};
