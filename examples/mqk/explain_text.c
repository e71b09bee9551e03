/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <inttypes.h>

#include "base64.h"
#include "error.h"
#include "json_member.h"
#include "utf8.h"

#define MAX_NAME    40
#define INDENT      13
#define HEX_ROW     16u
#define HEX_MAX_ROW 256u

/* Whether a terminal shows it as it is: UTF-8 without control characters but line ends and tabs. */
static bool is_readable(mqk_str text) {
    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_char_len(text.data + i, text.len - i);
        uint8_t c = (uint8_t)text.data[i];
        bool control = (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F;
        /* U+0080 to U+009F */
        control = control || (c == 0xC2 && len == 2 && (uint8_t)text.data[i + 1] < 0xA0);
        if (len == 0 || control) {
            return false;
        }
        i += len;
    }
    return true;
}

static void print_readable(mqk_str text) {
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) : text.len;
        size_t shown = len > 0 && text.data[len - 1] == '\r' ? len - 1 : len;
        put(str_slice(text, 0, shown));
        text = str_slice(text, end ? len + 1 : len, text.len);
        if (end && text.len > 0) {
            printf("\n%*s", INDENT, "");
        }
    }
}

static void print_hex_row(mqk_str row, size_t at) {
    printf("%08zx ", at);
    for (size_t i = 0; i < HEX_ROW; i++) {
        if (i < row.len) {
            printf(" %02x", (uint8_t)row.data[i]);
        } else {
            fputs("   ", stdout);
        }
    }
    fputs("  |", stdout);
    for (size_t i = 0; i < row.len; i++) {
        putchar(row.data[i] >= 0x20 && row.data[i] < 0x7F ? row.data[i] : '.');
    }
    putchar('|');
}

static void print_hex(mqk_str bytes) {
    printf("%zu bytes, not text:", bytes.len);
    for (size_t at = 0; at < bytes.len; at += HEX_ROW) {
        printf("\n%*s", INDENT, "");
        if (at >= HEX_MAX_ROW * HEX_ROW) {
            printf("… %zu more bytes", bytes.len - at);
            return;
        }
        print_hex_row(str_slice(bytes, at, HEX_ROW), at);
    }
}

static void print_bytes(mqk_str bytes) {
    if (!bytes.data) {
        fputs("(null)", stdout);
    } else if (bytes.len == 0) {
        fputs("(empty)", stdout);
    } else if (is_readable(bytes)) {
        print_readable(bytes);
    } else {
        print_hex(bytes);
    }
}

void text_print_part(const char *name, mqk_str bytes) {
    printf("  %-*s", INDENT - 2, name);
    print_bytes(bytes);
    putchar('\n');
}

static void print_time(int64_t ms) {
    char text[TIME_TEXT_SIZE];
    printf("  %-*s%" PRId64, INDENT - 2, "timestamp", ms);
    if (time_text(ms, text)[0]) {
        printf("  (%s)", text);
    }
    putchar('\n');
}

void text_print_named(const char *name, const mqk_pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char quoted[ERROR_QUOTE_SIZE];
        printf("  %-*s%s = ", INDENT - 2, i == 0 ? name : "", error_quote(pairs[i].name, quoted));
        print_bytes(pairs[i].value);
        putchar('\n');
    }
}

static void print_partition(const mqk_record *record) {
    printf("  %-*s", INDENT - 2, "partition");
    if (record->partition >= 0) {
        printf("%" PRId32 " (the rule's own)\n", record->partition);
    } else {
        printf("chosen by %.*s\n", STR_ARG(record->partitioner));
    }
}

static void print_record(void *user, const mqk_record *record) {
    struct text_output *o = user;
    char quoted[ERROR_QUOTE_SIZE];
    printf("\nRecord %zu, of rule %s\n", ++o->records, error_quote(record->rule_name, quoted));
    if (record->status != MQK_OK) {
        printf("  %-*s%s\n", INDENT - 2, "NOT SENT", mqk_status_text(record->status));
    }
    printf("  %-*s%s\n", INDENT - 2, "cluster", error_quote(record->cluster, quoted));
    text_print_part("topic", record->topic);
    print_partition(record);
    text_print_part("key", record->key);
    text_print_part("value", record->value);
    text_print_named("headers", record->headers, record->header_count);
    print_time(record->timestamp_ms);
}

void text_measure_verdict(void *user, const mqk_verdict *verdict) {
    struct text_output *o = user;
    char quoted[ERROR_QUOTE_SIZE];
    int width = (int)strlen(error_quote(verdict->rule_name, quoted));
    width = width > MAX_NAME ? MAX_NAME : width;
    o->name_width = width > o->name_width ? width : o->name_width;
    o->rules++;
    o->matched += verdict->matched;
}

void text_print_verdict(void *user, const mqk_verdict *verdict) {
    const struct text_output *o = user;
    char quoted[ERROR_QUOTE_SIZE];
    printf("  %-4s %-*s  %.*s\n", verdict->matched ? "yes" : "no", o->name_width,
           error_quote(verdict->rule_name, quoted), STR_ARG(verdict->reason));
}

void text_print_head(const struct text_output *o) {
    printf("Rules: %zu of %zu %s\n", o->matched, o->rules, o->matched == 1 ? "matches" : "match");
}

mqk_status explain_text(const mqk_ruleset *rules, const mqk_event *event) {
    struct text_output o = {.name_width = 0};
    int result = mqk_ruleset_explain(rules, event, text_measure_verdict, &o);
    if (result < 0) {
        return (mqk_status)result;
    }
    text_print_head(&o);
    result = mqk_ruleset_explain(rules, event, text_print_verdict, &o);
    if (result >= 0) {
        result = mqk_ruleset_evaluate(rules, event, print_record, &o);
    }
    if (result >= 0 && o.records == 0) {
        puts("\nNo record.");
    }
    return result < 0 ? (mqk_status)result : MQK_OK;
}
