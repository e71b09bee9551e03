/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

/* Text for troff: backslashes, hyphens that are meant as such, a dot or quote at the start of a
 * line; `code` in bold. */
static void text(const char *from) {
    bool bold = false;
    if (*from == '.' || *from == '\'') {
        fputs("\\&", stdout);
    }
    for (; *from; from++) {
        switch (*from) {
        case '\\':
            fputs("\\e", stdout);
            break;
        case '-':
            fputs("\\-", stdout);
            break;
        case '\'':
            fputs("\\(aq", stdout);
            break;
        case '^':
            fputs("\\(ha", stdout);
            break;
        case '~':
            fputs("\\(ti", stdout);
            break;
        case '`':
            bold = !bold;
            fputs(bold ? "\\fB" : "\\fR", stdout);
            break;
        default:
            putchar(*from);
        }
    }
}

static void words(const char *before, const char *from, const char *behind) {
    if (*from) {
        fputs(before, stdout);
        text(from);
        fputs(behind, stdout);
    }
}

static void heading(const char *title) {
    fputs(".SH \"", stdout);
    for (; *title; title++) {
        putchar(*title >= 'a' && *title <= 'z' ? *title - 'a' + 'A' : *title);
    }
    puts("\"");
}

static void print_setting(const mqk_reference *entry, const char *before) {
    if (strcmp(entry->where, before) != 0) {
        words(".SS ", entry->where, "\n");
    }
    if (strcmp(entry->name, "*") == 0) {
        words(".PP\nThe keys of ", entry->type, " as well.\n");
        return;
    }
    words(".TP\n.B \"", entry->name, "\"\n");
    text(entry->type);
    words(": ", entry->values, "");
    words("; default ", entry->standard, "");
    words("; alias ", entry->aliases, "");
    words(".\n", entry->meaning, ".\n");
}

static void print_word(const mqk_reference *entry, bool example) {
    words(".TP\n.B \"", entry->name, "\"\n");
    words("", entry->type, "");
    words(entry->type[0] ? "; alias " : "alias ", entry->aliases, "");
    fputs(entry->type[0] || entry->aliases[0] ? ".\n" : "", stdout);
    words("", entry->meaning, ".\n");
    if (example) {
        words("Example: \\fB", entry->values, "\\fR\n");
    }
}

static void print_chapter(const struct chapter *chapter) {
    mqk_reference entry = {.size = sizeof(entry)};
    char before[sizeof(entry.where)] = "";
    heading(chapter->title);
    words("", chapter->introduction, "\n");
    bool settings = chapter->part == MQK_REFERENCE_SETTING;
    for (const char *const *note = settings_notes; settings && *note; note++) {
        words(".PP\n", *note, "\n");
    }
    for (size_t i = 0; mqk_reference_at(chapter->part, i, &entry) == MQK_OK; i++) {
        if (settings) {
            print_setting(&entry, before);
            memcpy(before, entry.where, sizeof(before));
        } else {
            print_word(&entry, chapter->part == MQK_REFERENCE_OPERATOR);
        }
    }
}

static void print_envelopes(void) {
    mqk_envelope envelope = {.size = sizeof(envelope)};
    heading("Envelopes");
    for (size_t i = 0; mqk_envelope_at(i, &envelope) == MQK_OK; i++) {
        words(".TP\n.B \"", envelope.name, "\"\n");
        words("", envelope.meaning, ".\n");
    }
}

void reference_print_man(void) {
    printf(".\\\" SPDX-License-Identifier: Apache-2.0\n"
           ".TH MQKAFKA.YAML 5 \"\" \"libmqkafka %s\" \"File Formats\"\n"
           ".SH NAME\nmqkafka.yaml \\- rules by which events of an MQTT broker become Kafka "
           "records\n"
           ".SH DESCRIPTION\nHosts of libmqkafka, such as the plugin for Mosquitto, read which "
           "events become records, and how, from such files.\n"
           ".BR mqk (1)\nchecks and explains them.\n",
           MQK_VERSION);
    for (size_t i = 0; i < CHAPTER_COUNT; i++) {
        print_chapter(&chapters[i]);
    }
    print_envelopes();
    fputs(".SH EXAMPLES\n.nf\nkafka:\n  client: { servers: [\"kafka\\-1:9092\"] }\n  hook:\n"
          "    \\- hook: message.publish\n      filter: \"factory/+/line/#\"\n"
          "      where: \"qos >= 1\"\n      topic: telemetry\n      key: \"${clientid}\"\n"
          "      value: \\(aq{\"device\":\"${clientid}\",\"t\":${payload.temp}}\\(aq\n.fi\n"
          ".SH \"SEE ALSO\"\n.BR mqk (1)\n",
          stdout);
}
