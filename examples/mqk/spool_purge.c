/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_command.h"

#include <inttypes.h>

#include "json_member.h"

struct purge {
    const struct spool_request *request;
    uint64_t records, bytes; /* that would be removed from this spool */
    size_t spools;
    int code;
};

static void report(struct purge *p, const char *dir, uint64_t records) {
    if (!p->request->json) {
        printf("%s: %" PRIu64 " record%s %s\n", dir, records, records == 1 ? "" : "s",
               p->request->yes ? "removed" : "would be removed");
        return;
    }
    struct buffer out;
    buffer_init(&out, NULL, 0);
    buffer_append_str(&out, p->spools > 0 ? STR(",\n{") : STR("{"));
    json_member(&out, "dir", mqk_cstr(dir));
    buffer_printf(&out, ",\"records\":%" PRIu64 ",\"removed\":%s}", records,
                  p->request->yes ? "true" : "false");
    put(buffer_since(&out, 0));
    buffer_fini(&out);
}

static void remove_records(void *user, const char *dir) {
    struct purge *p = user;
    uint64_t removed = 0;
    mqk_error err;
    if (mqk_spool_purge(dir, &p->request->filter, &removed, &err) != MQK_OK) {
        p->code = complain(EXIT_BAD, "%s", err.message);
        return;
    }
    report(p, dir, removed);
    p->spools += 1;
}

static void count_record(void *user, const mqk_spool_record *record) {
    struct purge *p = user;
    (void)record;
    p->records += 1;
}

static void end_spool(void *user, const char *dir, const mqk_spool_info *info) {
    struct purge *p = user;
    char owner[SPOOL_OWNER_SIZE];
    report(p, dir, p->records);
    if (info->owner) {
        p->code = complain(EXIT_BAD, "%s is in use by %s: nothing can be removed while it runs",
                           dir, spool_owner_text(info->owner, owner));
    }
    p->records = 0;
    p->spools += 1;
}

int spool_purge(const struct spool_request *request) {
    struct purge p = {.request = request, .code = EXIT_GOOD};
    const struct spool_visitor count = {.user = &p, .record = count_record, .end = end_spool};
    put(request->json ? STR("{\"spools\":[") : STR(""));
    int code =
        request->yes ? spool_find(request->dir, remove_records, &p) : spool_visit(request, &count);
    put(request->json ? STR("]}\n") : STR(""));
    if (!request->json && !request->yes && p.spools > 0) {
        puts("Nothing was removed. Say --yes to remove for good.");
    }
    return finish(p.code == EXIT_GOOD ? code : p.code);
}
