/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_command.h"

#include <inttypes.h>

struct visit {
    const struct spool_request *request;
    const struct spool_visitor *visitor;
    uint64_t left; /* of the limit */
    int code;
};

uint64_t spool_record_size(const mqk_spool_record *record) {
    uint64_t size = record->key.len + record->value.len;
    for (size_t i = 0; i < record->header_count; i++) {
        size += record->headers[i].name.len + record->headers[i].value.len;
    }
    return size;
}

const char *spool_owner_text(int64_t owner, char text[SPOOL_OWNER_SIZE]) {
    char path[64], name[32] = "";
    if (owner < 0) {
        return "a process that cannot be seen from here";
    }
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/comm", owner);
    FILE *f = fopen(path, "re");
    if (f) {
        size_t len = fread(name, 1, sizeof(name) - 1, f);
        name[len] = '\0';
        name[strcspn(name, "\n")] = '\0';
        fclose(f);
    }
    snprintf(text, SPOOL_OWNER_SIZE, name[0] ? "process %" PRId64 " (%s)" : "process %" PRId64,
             owner, name);
    return text;
}

static void visit_records(struct visit *v, mqk_spool *spool, const char *dir) {
    mqk_spool_record record = {.size = sizeof(record)};
    mqk_error err;
    int got = 0;
    while (v->left > 0 && (got = mqk_spool_next(spool, &record, &err)) != 0) {
        if (got < 0) {
            v->code = complain(EXIT_BAD, "%s: %s", dir, err.message);
            continue;
        }
        if (v->visitor->record) {
            v->visitor->record(v->visitor->user, &record);
        }
        v->left -= v->request->limit < UINT64_MAX;
    }
}

static void visit_spool(void *user, const char *dir) {
    struct visit *v = user;
    mqk_spool_info info = {.size = sizeof(info)};
    mqk_spool *spool = NULL;
    mqk_error err;
    if (mqk_spool_open(dir, &v->request->filter, &spool, &err) != MQK_OK) {
        v->code = complain(EXIT_BAD, "%s", err.message);
        return;
    }
    if (v->visitor->begin) {
        v->visitor->begin(v->visitor->user, dir);
    }
    visit_records(v, spool, dir);
    mqk_spool_stats(spool, &info);
    mqk_spool_close(spool);
    if (v->visitor->end) {
        v->visitor->end(v->visitor->user, dir, &info);
    }
}

int spool_find(const char *dir, mqk_spool_found_fn found, void *user) {
    mqk_error err;
    int count = mqk_spool_find(dir, found, user, &err);
    if (count < 0) {
        return complain(EXIT_BAD, "%s", err.message);
    }
    if (count == 0) {
        return complain(EXIT_BAD, "there is no spool in %s", dir);
    }
    return EXIT_GOOD;
}

int spool_visit(const struct spool_request *request, const struct spool_visitor *visitor) {
    struct visit v = {
        .request = request, .visitor = visitor, .left = request->limit, .code = EXIT_GOOD};
    int code = spool_find(request->dir, visit_spool, &v);
    return code == EXIT_GOOD ? v.code : code;
}
