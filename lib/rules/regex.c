/* SPDX-License-Identifier: Apache-2.0 */
#include "regex.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "error.h"

/* Matches that may be under way at once without an allocation. */
#define POOL_SIZE   16u
#define DEPTH_LIMIT UINT32_C(10000)
#define HEAP_KIB    UINT32_C(4096)
/* Places where a match may begin that are tried in one go, at first and, where they cost little, at
 * most: PCRE2 looks through all of the text that follows for the first byte of a match. */
#define WINDOW     256u
#define WINDOW_MAX 8192u
/* The machine code of the JIT takes that many steps in the time of one interpreted step. */
#define JIT_SPEED 10u

/* What one match needs. */
struct worker {
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

/* A named group and the place of its name in the rule's. */
struct group {
    uint32_t number;
    uint32_t name;
};

struct regex {
    pcre2_code *code;
    uint32_t options;
    uint32_t speed; /* JIT_SPEED, or 1 */
    uint32_t group_count;
    struct group *groups;
    _Atomic(struct worker *) pool[POOL_SIZE];
};

static void worker_free(struct worker *w) {
    if (w) {
        pcre2_match_data_free(w->data);
        pcre2_match_context_free(w->limits);
        free(w);
    }
}

static struct worker *worker_new(const struct regex *r) {
    struct worker *w = calloc(1, sizeof(*w));
    if (!w) {
        return NULL;
    }
    w->data = pcre2_match_data_create_from_pattern(r->code, NULL);
    w->limits = pcre2_match_context_create(NULL);
    if (!w->data || !w->limits) {
        worker_free(w);
        return NULL;
    }
    pcre2_set_depth_limit(w->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(w->limits, HEAP_KIB);
    return w;
}

/* Threads begin to look at different places of the pool: their stacks are far apart. */
static unsigned pool_start(void) {
    char here;
    return (unsigned)((uintptr_t)&here >> 16);
}

/* A worker belongs to who took it out of its place, so there is no list whose head could be
 * confused. */
static struct worker *worker_take(const struct regex *r) {
    _Atomic(struct worker *) *pool = ((struct regex *)(uintptr_t)r)->pool;
    unsigned start = pool_start();
    for (unsigned i = 0; i < POOL_SIZE; i++) {
        _Atomic(struct worker *) *place = &pool[(start + i) % POOL_SIZE];
        if (atomic_load_explicit(place, memory_order_relaxed)) {
            struct worker *w = atomic_exchange_explicit(place, NULL, memory_order_acquire);
            if (w) {
                return w;
            }
        }
    }
    return worker_new(r);
}

static void worker_give(const struct regex *r, struct worker *w) {
    _Atomic(struct worker *) *pool = ((struct regex *)(uintptr_t)r)->pool;
    unsigned start = pool_start();
    for (unsigned i = 0; i < POOL_SIZE; i++) {
        _Atomic(struct worker *) *place = &pool[(start + i) % POOL_SIZE];
        struct worker *empty = NULL;
        if (!atomic_load_explicit(place, memory_order_relaxed) &&
            atomic_compare_exchange_strong_explicit(place, &empty, w, memory_order_release,
                                                    memory_order_relaxed)) {
            return;
        }
    }
    worker_free(w);
}

/* Number of a name, added when it is new; -1: no room. */
static int add_name(struct regex_names *names, mqk_str name) {
    int found = regex_name_find(names, name);
    if (found >= 0 || names->count == REGEX_MAX_NAMES) {
        return found;
    }
    names->names[names->count] = name;
    return (int)names->count++;
}

static mqk_status take_groups(struct regex *r, struct regex_names *names, mqk_error *err) {
    PCRE2_SPTR table = NULL;
    uint32_t count = 0, size = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    r->groups = calloc(count + 1, sizeof(*r->groups));
    if (!r->groups) {
        return MQK_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++, table += size) {
        int name = add_name(names, mqk_cstr((const char *)table + 2));
        if (name < 0) {
            return error_set(err, MQK_ERR_CONFIG, 0, 0, "a rule has at most %u named groups",
                             REGEX_MAX_NAMES);
        }
        r->groups[r->group_count++] =
            (struct group){(uint32_t)table[0] << 8 | table[1], (uint32_t)name};
    }
    return MQK_OK;
}

static mqk_status compile(struct regex *r, mqk_str pattern, struct regex_names *names,
                          mqk_error *err) {
    int code = 0;
    PCRE2_SIZE at = 0;
    r->code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len,
                            PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!r->code) {
        PCRE2_UCHAR text[200];
        pcre2_get_error_message(code, text, sizeof(text));
        return error_set(err, MQK_ERR_CONFIG, 0, (uint32_t)at + 1, "regular expression: %s",
                         (const char *)text);
    }
    pcre2_pattern_info(r->code, PCRE2_INFO_ALLOPTIONS, &r->options);
    /* Where this fails, e.g. on a system that forbids it, PCRE2 interprets the pattern. */
    (void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
    PCRE2_SIZE machine_code = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_JITSIZE, &machine_code);
    r->speed = machine_code > 0 ? JIT_SPEED : 1;
    return take_groups(r, names, err);
}

static int64_t cpu_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One window. A pattern that needs more stack than its JIT code has is interpreted. */
static int search(const struct regex *r, struct worker *w, mqk_str subject, size_t from,
                  uint32_t options) {
    PCRE2_SPTR text = (PCRE2_SPTR)subject.data;
    int found = pcre2_match(r->code, text, subject.len, from, options, w->data, w->limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
        found = pcre2_match(r->code, text, subject.len, from, options | PCRE2_NO_JIT, w->data,
                            w->limits);
    }
    return found;
}

/* The next place behind at least `count` others, not within a character. */
static size_t skip_places(const struct regex *r, mqk_str subject, size_t from, size_t count) {
    size_t to = subject.len - from > count ? from + count : subject.len;
    while ((r->options & PCRE2_UTF) != 0 && to < subject.len &&
           ((uint8_t)subject.data[to] & 0xC0) == 0x80) {
        to++;
    }
    return to;
}

/* Searches a window at a time with few steps for each place; where they are not enough, place by
 * place with many. Looks at the clock after each. */
static int search_all(const struct regex *r, struct worker *w, mqk_str subject) {
    int64_t start = -1;
    uint32_t options = 0;
    size_t from = 0, window = WINDOW, single_until = 0;
    for (;;) {
        size_t places = from < single_until ? 1 : window;
        size_t last = places == 1 ? from : skip_places(r, subject, from, places - 1);
        pcre2_set_match_limit(w->limits, REGEX_STEPS / (uint32_t)places * r->speed);
        pcre2_set_offset_limit(w->limits, last == subject.len ? PCRE2_UNSET : last);
        int found = search(r, w, subject, from, options);
        if (found == PCRE2_ERROR_MATCHLIMIT && places > 1) {
            single_until = window > WINDOW ? 0 : last + 1;
            window = WINDOW;
        } else if (found != PCRE2_ERROR_NOMATCH || last == subject.len ||
                   (r->options & PCRE2_ANCHORED) != 0) {
            return found;
        } else {
            from = skip_places(r, subject, last, 1);
            window = places == 1 || window == WINDOW_MAX ? window : window * 2;
        }
        int64_t now = cpu_ms();
        start = start < 0 ? now : start;
        if (now - start >= (int64_t)REGEX_TIME_MS) {
            return PCRE2_ERROR_MATCHLIMIT;
        }
        options = PCRE2_NO_UTF_CHECK;
    }
}

static void take_captures(const struct regex *r, const struct worker *w, mqk_str subject,
                          struct regex_captures *captures) {
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(w->data);
    for (uint32_t i = 0; i < r->group_count; i++) {
        PCRE2_SIZE from = at[2 * r->groups[i].number], to = at[2 * r->groups[i].number + 1];
        if (from != PCRE2_UNSET && from <= to) {
            captures->values[r->groups[i].name] = (mqk_str){subject.data + from, to - from};
        }
    }
}

mqk_status regex_compile(mqk_str pattern, struct regex_names *names, struct regex **out,
                         mqk_error *err) {
    *out = NULL;
    if (pattern.len > REGEX_MAX_PATTERN) {
        return error_set(err, MQK_ERR_CONFIG, 0, REGEX_MAX_PATTERN + 1,
                         "a regular expression is at most %u bytes long", REGEX_MAX_PATTERN);
    }
    if (!pattern.data) {
        pattern.data = "";
    }
    struct regex *r = calloc(1, sizeof(*r));
    uint32_t before = names->count;
    mqk_status status = r ? compile(r, pattern, names, err) : MQK_ERR_NO_MEMORY;
    if (status != MQK_OK) {
        names->count = before;
        regex_free(r);
        return status;
    }
    *out = r;
    return MQK_OK;
}

void regex_free(struct regex *r) {
    if (!r) {
        return;
    }
    for (unsigned i = 0; i < POOL_SIZE; i++) {
        worker_free(atomic_load_explicit(&r->pool[i], memory_order_acquire));
    }
    pcre2_code_free(r->code);
    free(r->groups);
    free(r);
}

enum regex_result regex_match(const struct regex *r, mqk_str subject,
                              struct regex_captures *captures) {
    if (!subject.data) {
        return REGEX_NO_MATCH;
    }
    struct worker *w = worker_take(r);
    if (!w) {
        return REGEX_LIMIT;
    }
    int found = search_all(r, w, subject);
    if (found > 0 && captures) {
        take_captures(r, w, subject, captures);
    }
    worker_give(r, w);
    if (found > 0) {
        return REGEX_MATCH;
    }
    switch (found) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_NOMEMORY:
        return REGEX_LIMIT;
    default: /* none, or a text that is not UTF-8 for a pattern that asks for it */
        return REGEX_NO_MATCH;
    }
}

int regex_name_find(const struct regex_names *names, mqk_str name) {
    for (uint32_t i = 0; i < names->count; i++) {
        if (str_equal(names->names[i], name)) {
            return (int)i;
        }
    }
    return -1;
}
