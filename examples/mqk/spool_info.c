/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_command.h"

#include <inttypes.h>
#include <stdlib.h>

#include "error.h"
#include "json_member.h"

#define FIRST_CAPACITY 64u

/* How many records each name has. */
struct count {
    mqk_str name; /* allocated */
    uint64_t records;
};

struct counts {
    struct count *slots; /* open addressing; empty where `records` is 0 */
    size_t capacity, used;
};

struct summary {
    const struct spool_request *request;
    struct counts topics, rules;
    uint64_t records, bytes;
    int64_t oldest_ms, newest_ms;
    size_t spools;
    bool failed;
};

static struct count *find_slot(struct count *slots, size_t capacity, mqk_str name) {
    size_t at = str_hash(name) & (capacity - 1);
    while (slots[at].records > 0 && !str_equal(slots[at].name, name)) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static bool grow(struct counts *c) {
    size_t capacity = c->capacity ? c->capacity * 2 : FIRST_CAPACITY;
    struct count *slots = calloc(capacity, sizeof(*slots));
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < c->capacity; i++) {
        if (c->slots[i].records > 0) {
            *find_slot(slots, capacity, c->slots[i].name) = c->slots[i];
        }
    }
    free(c->slots);
    c->slots = slots;
    c->capacity = capacity;
    return true;
}

static bool count_name(struct counts *c, mqk_str name) {
    if (c->used * 2 >= c->capacity && !grow(c)) {
        return false;
    }
    struct count *slot = find_slot(c->slots, c->capacity, name);
    if (slot->records == 0) {
        char *copy = malloc(name.len + 1);
        if (!copy) {
            return false;
        }
        memcpy(copy, name.data ? name.data : "", name.len);
        slot->name = (mqk_str){copy, name.len};
        c->used += 1;
    }
    slot->records += 1;
    return true;
}

static void forget(struct counts *c) {
    for (size_t i = 0; i < c->capacity; i++) {
        free((char *)c->slots[i].name.data);
    }
    free(c->slots);
    *c = (struct counts){NULL, 0, 0};
}

/* The most frequent first, empty slots last. */
static int compare(const void *a, const void *b) {
    const struct count *x = a, *y = b;
    if (x->records != y->records) {
        return x->records < y->records ? 1 : -1;
    }
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = len > 0 ? memcmp(x->name.data, y->name.data, len) : 0;
    return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static void sort(struct counts *c) {
    if (c->capacity > 0) {
        qsort(c->slots, c->capacity, sizeof(*c->slots), compare);
    }
}

static void add_record(void *user, const mqk_spool_record *record) {
    struct summary *s = user;
    bool first = s->records == 0;
    s->records += 1;
    s->bytes += spool_record_size(record);
    s->oldest_ms = first || record->accepted_ms < s->oldest_ms ? record->accepted_ms : s->oldest_ms;
    s->newest_ms = first || record->accepted_ms > s->newest_ms ? record->accepted_ms : s->newest_ms;
    s->failed |= !count_name(&s->topics, record->topic) || !count_name(&s->rules, record->rule);
}

static void print_counts(const char *what, const struct counts *c) {
    for (size_t i = 0; i < c->used; i++) {
        char quoted[ERROR_QUOTE_SIZE];
        printf("  %-9s %s: %" PRIu64 "\n", what, error_quote(c->slots[i].name, quoted),
               c->slots[i].records);
    }
}

static void print_time(const char *what, int64_t ms) {
    char text[TIME_TEXT_SIZE];
    printf("  %-9s %s\n", what, time_text(ms, text));
}

static void print_text(const struct summary *s, const char *dir, const mqk_spool_info *info) {
    char owner[SPOOL_OWNER_SIZE];
    printf("%s%s\n", s->spools > 0 ? "\n" : "", dir);
    printf("  %-9s %s%s\n", "state", info->owner ? "in use by " : "not in use",
           info->owner ? spool_owner_text(info->owner, owner) : "");
    printf("  %-9s %" PRIu64 "\n", "records", s->records);
    printf("  %-9s %" PRIu64 " of keys, values and headers; %" PRIu64 " on the disk\n", "bytes",
           s->bytes, info->disk_bytes);
    if (info->damaged > 0) {
        printf("  %-9s %" PRIu64 " records\n", "damaged", info->damaged);
    }
    if (s->records > 0) {
        print_time("oldest", s->oldest_ms);
        print_time("newest", s->newest_ms);
    }
    print_counts("topic", &s->topics);
    print_counts("rule", &s->rules);
}

static void json_counts(struct buffer *out, const char *name, const struct counts *c) {
    buffer_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < c->used; i++) {
        buffer_append_str(out, i > 0 ? STR(",{") : STR("{"));
        json_member(out, "name", c->slots[i].name);
        buffer_printf(out, ",\"records\":%" PRIu64 "}", c->slots[i].records);
    }
    buffer_append_char(out, ']');
}

static void json_time(struct buffer *out, const char *name, const struct summary *s, int64_t ms) {
    buffer_printf(out, ",\"%s\":", name);
    if (s->records > 0) {
        buffer_append_int(out, ms);
    } else {
        buffer_append_str(out, STR("null"));
    }
}

static void print_json(struct summary *s, const char *dir, const mqk_spool_info *info) {
    struct buffer out;
    buffer_init(&out, NULL, 0);
    buffer_append_str(&out, s->spools > 0 ? STR(",\n{") : STR("{"));
    json_member(&out, "dir", mqk_cstr(dir));
    buffer_printf(&out, ",\"in_use\":%s,\"owner\":", info->owner ? "true" : "false");
    if (info->owner > 0) {
        buffer_append_int(&out, info->owner);
    } else {
        buffer_append_str(&out, STR("null"));
    }
    buffer_printf(&out,
                  ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"disk_bytes\":%" PRIu64
                  ",\"damaged\":%" PRIu64,
                  s->records, s->bytes, info->disk_bytes, info->damaged);
    json_time(&out, "oldest", s, s->oldest_ms);
    json_time(&out, "newest", s, s->newest_ms);
    json_counts(&out, "topics", &s->topics);
    json_counts(&out, "rules", &s->rules);
    buffer_append_char(&out, '}');
    s->failed |= out.failure != MQK_OK;
    put(buffer_since(&out, 0));
    buffer_fini(&out);
}

static void end_spool(void *user, const char *dir, const mqk_spool_info *info) {
    struct summary *s = user;
    sort(&s->topics);
    sort(&s->rules);
    if (s->request->json) {
        print_json(s, dir, info);
    } else {
        print_text(s, dir, info);
    }
    forget(&s->topics);
    forget(&s->rules);
    s->records = s->bytes = 0;
    s->spools += 1;
}

int spool_info(const struct spool_request *request) {
    struct summary s = {.request = request};
    const struct spool_visitor visitor = {.user = &s, .record = add_record, .end = end_spool};
    if (request->json) {
        put(STR("{\"spools\":["));
    }
    int code = spool_visit(request, &visitor);
    if (request->json) {
        put(STR("]}\n"));
    }
    return finish(s.failed ? complain(EXIT_BAD, "out of memory") : code);
}
