/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

/* A cell of a table; `code` puts it in backquotes. */
static void cell(const char *text, bool code) {
    fputs(code && text[0] ? "| `" : "| ", stdout);
    for (; *text; text++) {
        fputs(*text == '|' ? "\\|" : (char[]){*text, '\0'}, stdout);
    }
    fputs(code && text[-1] ? "` " : " ", stdout);
}

/* Text in which words stand that would be markup. */
static void prose(const char *text) {
    fputs("| ", stdout);
    for (; *text; text++) {
        if (*text == '|' || *text == '*' || *text == '_' || *text == '<') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar(' ');
}

static void end_row(void) {
    puts("|");
}

static void default_cell(const char *standard) {
    size_t len = strlen(standard);
    if (standard[0] == '(') {
        printf("| %.*s ", (int)(len - 2), standard + 1);
        return;
    }
    cell(standard, true);
}

static void print_setting(const mqk_reference *entry, const mqk_reference *before) {
    if (strcmp(entry->where, before->where) != 0 || !before->name) {
        printf("\n### %s%s%s\n\n| key | type | default | |\n|---|---|---|---|\n",
               entry->where[0] ? "`" : "The file", entry->where, entry->where[0] ? "`" : "");
    }
    if (strcmp(entry->name, "*") == 0) {
        printf("| … | as in `%s` | | %s |\n", entry->type, entry->meaning);
        return;
    }
    printf("| `%s`%s%s%s | %s%s%s ", entry->name, entry->aliases[0] ? ", alias `" : "",
           entry->aliases, entry->aliases[0] ? "`" : "", entry->type, entry->values[0] ? ": " : "",
           entry->values);
    default_cell(entry->standard);
    prose(entry->meaning);
    end_row();
}

static void print_settings(void) {
    mqk_reference entry = {.size = sizeof(entry)}, before = {.name = NULL};
    for (const char *const *note = settings_notes; *note; note++) {
        printf("\n%s\n", *note);
    }
    for (size_t i = 0; mqk_reference_at(MQK_REFERENCE_SETTING, i, &entry) == MQK_OK; i++) {
        print_setting(&entry, &before);
        before = entry;
    }
}

static void print_table(const struct chapter *chapter) {
    static const char *const heads[] = {
        [MQK_REFERENCE_HOOK] =
            "| hook | alias | filters | when | members of `${.}` |\n|---|---|---|---|---|",
        [MQK_REFERENCE_PLACEHOLDER] = "| placeholder | alias | type | |\n|---|---|---|---|",
        [MQK_REFERENCE_TEMPLATE_FILTER] = "| filter | what it makes of a value |\n|---|---|",
        [MQK_REFERENCE_OPERATOR] = "| word | gives | | example |\n|---|---|---|---|"};
    mqk_reference entry = {.size = sizeof(entry)};
    printf("\n%s\n", heads[chapter->part]);
    for (size_t i = 0; mqk_reference_at(chapter->part, i, &entry) == MQK_OK; i++) {
        bool hook = chapter->part == MQK_REFERENCE_HOOK;
        bool operator= chapter->part == MQK_REFERENCE_OPERATOR;
        cell(entry.name, true);
        if (hook || chapter->part == MQK_REFERENCE_PLACEHOLDER) {
            cell(entry.aliases, true);
        }
        if (chapter->part != MQK_REFERENCE_TEMPLATE_FILTER) {
            cell(entry.type, false);
        }
        prose(entry.meaning);
        if (hook || operator) {
            cell(entry.values, operator);
        }
        end_row();
    }
}

/* Hooks that an envelope knows, or "all". */
static void print_hooks(size_t index) {
    unsigned known = 0;
    for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
        known += mqk_envelope_template(index, (mqk_hook)hook) != NULL;
    }
    if (known == MQK_HOOK_COUNT) {
        fputs("| all ", stdout);
        return;
    }
    fputs("| ", stdout);
    for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
        if (mqk_envelope_template(index, (mqk_hook)hook)) {
            known--;
            printf("%s%s", mqk_hook_name((mqk_hook)hook), known > 0 ? ", " : " ");
        }
    }
}

static void print_envelopes(void) {
    mqk_envelope envelope = {.size = sizeof(envelope)};
    fputs("\n## Envelopes\n\nWhat `envelope` of a rule names. `mqk envelopes NAME` prints the "
          "templates.\n\n| envelope | | hooks |\n|---|---|---|\n",
          stdout);
    for (size_t i = 0; mqk_envelope_at(i, &envelope) == MQK_OK; i++) {
        cell(envelope.name, true);
        prose(envelope.meaning);
        print_hooks(i);
        end_row();
    }
}

void reference_print_markdown(void) {
    fputs("# Reference\n\nWritten by `mqk reference --markdown` from the tables that the library "
          "goes by; a test compares.\n",
          stdout);
    for (size_t i = 0; i < CHAPTER_COUNT; i++) {
        printf("\n## %s\n\n%s\n", chapters[i].title, chapters[i].introduction);
        if (chapters[i].part == MQK_REFERENCE_SETTING) {
            print_settings();
        } else {
            print_table(&chapters[i]);
        }
    }
    print_envelopes();
}
