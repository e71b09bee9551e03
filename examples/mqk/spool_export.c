/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_command.h"

#include <inttypes.h>

#include "json_member.h"

struct output {
    struct buffer line;
    const char *dir;
    int code;
};

static void begin_spool(void *user, const char *dir) {
    struct output *o = user;
    o->dir = dir;
}

static void export_record(void *user, const mqk_spool_record *record) {
    struct output *o = user;
    struct buffer *out = &o->line;
    out->len = 0;
    out->failure = MQK_OK;
    buffer_append_char(out, '{');
    json_member(out, "topic", record->topic);
    buffer_printf(out, ",\"partition\":%" PRId32, record->partition);
    json_member(out, "key", record->key);
    json_member(out, "value", record->value);
    buffer_append_str(out, STR(",\"headers\":"));
    json_headers(out, record->headers, record->header_count);
    buffer_printf(out, ",\"timestamp\":%" PRId64, record->timestamp_ms);
    buffer_printf(out, ",\"dead_letter\":%s", record->dead_letter ? "true" : "false");
    json_member(out, "rule", record->rule);
    buffer_printf(out, ",\"seq\":%" PRIu64 ",\"accepted\":%" PRId64, record->seq,
                  record->accepted_ms);
    json_member(out, "spool", mqk_cstr(o->dir));
    buffer_append_str(out, STR("}\n"));
    if (out->failure == MQK_OK) {
        put(buffer_since(out, 0));
        return;
    }
    o->code = complain(EXIT_BAD, "%s: record %" PRIu64 ": %s", o->dir, record->seq,
                       mqk_status_text(out->failure));
}

int spool_export(const struct spool_request *request) {
    struct output o = {.code = EXIT_GOOD};
    const struct spool_visitor visitor = {
        .user = &o, .begin = begin_spool, .record = export_record};
    buffer_init(&o.line, NULL, 0);
    o.line.limit = SIZE_MAX / 2; /* escapes make a large value larger */
    int code = spool_visit(request, &visitor);
    buffer_fini(&o.line);
    return finish(o.code == EXIT_GOOD ? code : o.code);
}
