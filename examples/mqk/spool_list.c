/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_command.h"

#include <inttypes.h>

#include "error.h"
#include "json_member.h"

struct listing {
    bool json;
    size_t spools, records;
    struct buffer line;
    bool failed;
};

static void begin_text(void *user, const char *dir) {
    struct listing *l = user;
    printf("%s%s\n", l->spools++ > 0 ? "\n" : "", dir);
}

static void list_text(void *user, const mqk_spool_record *record) {
    (void)user;
    char when[TIME_TEXT_SIZE], topic[ERROR_QUOTE_SIZE], rule[ERROR_QUOTE_SIZE],
        key[ERROR_QUOTE_SIZE];
    printf("%10" PRIu64 "  %s  %s  rule %s  ", record->seq, time_text(record->accepted_ms, when),
           error_quote(record->topic, topic), error_quote(record->rule, rule));
    if (record->key.data) {
        printf("key \"%s\"", error_quote(record->key, key));
    } else {
        fputs("no key", stdout);
    }
    printf("  %" PRIu64 " bytes\n", spool_record_size(record));
}

static void begin_json(void *user, const char *dir) {
    struct listing *l = user;
    l->line.len = 0;
    l->records = 0;
    buffer_append_str(&l->line, l->spools++ > 0 ? STR(",\n{") : STR("{"));
    json_member(&l->line, "dir", mqk_cstr(dir));
    buffer_append_str(&l->line, STR(",\"records\":["));
    put(buffer_since(&l->line, 0));
}

static void list_json(void *user, const mqk_spool_record *record) {
    struct listing *l = user;
    l->line.len = 0;
    buffer_printf(&l->line, "%s\n{\"seq\":%" PRIu64 ",\"accepted\":%" PRId64,
                  l->records++ > 0 ? "," : "", record->seq, record->accepted_ms);
    json_member(&l->line, "topic", record->topic);
    json_member(&l->line, "rule", record->rule);
    json_member(&l->line, "key", record->key);
    buffer_printf(&l->line, ",\"size\":%" PRIu64 "}", spool_record_size(record));
    put(buffer_since(&l->line, 0));
}

static void end_json(void *user, const char *dir, const mqk_spool_info *info) {
    const struct listing *l = user;
    (void)dir;
    (void)info;
    put(l->records > 0 ? STR("\n]}") : STR("]}"));
}

int spool_list(const struct spool_request *request) {
    struct listing l = {.json = request->json};
    const struct spool_visitor text = {.user = &l, .begin = begin_text, .record = list_text};
    const struct spool_visitor json = {
        .user = &l, .begin = begin_json, .record = list_json, .end = end_json};
    buffer_init(&l.line, NULL, 0);
    put(request->json ? STR("{\"spools\":[") : STR(""));
    int code = spool_visit(request, request->json ? &json : &text);
    put(request->json ? STR("]}\n") : STR(""));
    if (l.line.failure != MQK_OK) {
        code = complain(EXIT_BAD, "%s", mqk_status_text(l.line.failure));
    }
    buffer_fini(&l.line);
    return finish(code);
}
