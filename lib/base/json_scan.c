/* SPDX-License-Identifier: Apache-2.0 */
#include "json_scan.h"

#include "bytes.h"
#include "json_space.h"
#include "utf8.h"

#define STACK_WORDS      (JSON_MAX_DEPTH / 64u)
#define NO_MORE_ELEMENTS UINT64_MAX

/* What a byte means inside a string. */
enum { PLAIN, QUOTE, BACKSLASH, CONTROL, LONG };

/* One pass over a text, which checks it and follows a path on the way.
 *
 * `on_path` containers, counted from the outermost, are those through which the path runs. Values
 * in the innermost of them are compared with the path's next step; whatever matches there replaces
 * everything that an earlier member of the same name had to offer, at this depth and below. */
struct scan {
    const char *begin;
    const char *end;
    const char *bad;             /* first byte that is wrong */
    uint64_t stack[STACK_WORDS]; /* a bit per open container: 1 is an object */
    uint32_t depth;              /* open containers */
    bool object;                 /* the innermost one is an object */
    const struct json_step *steps;
    uint32_t count;
    uint32_t on_path;
    uint64_t element;        /* index of the next element of the innermost array on the path */
    bool next_matches;       /* the value that comes next is the path's next step */
    const char *found_start; /* of a found container that is still open */
    struct json_value found;
    struct json_member *members; /* of the outermost object, when they are wanted */
    size_t member_capacity;
    size_t member_count;
};

/* The scanner is compiled once for each use, so that none pays for the other. */
#define EACH_USE static inline __attribute__((always_inline))
enum use { FIND, LIST };

static const struct json_value nothing = {JSON_NONE, {NULL, 0}, false};

/* ---- Tokens: each takes the place where the token begins and returns the place behind it, or NULL
 * after setting `bad`. */

static const char *fail(struct scan *s, const char *at) {
    s->bad = at;
    return NULL;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `p` is behind the backslash. */
static const char *scan_escape(struct scan *s, const char *p) {
    if (p == s->end) {
        return fail(s, p);
    }
    if (*p != 'u') {
        return *p != '\0' && strchr("\"\\/bfnrt", *p) ? p + 1 : fail(s, p);
    }
    p++;
    for (int i = 0; i < 4; i++, p++) {
        if (p == s->end || hex_digit(*p) < 0) {
            return fail(s, p);
        }
    }
    return p;
}

static inline int string_class(uint8_t c) {
    if (c >= 0x80) {
        return LONG;
    }
    if (c < 0x20) {
        return CONTROL;
    }
    return c == '"' ? QUOTE : c == '\\' ? BACKSLASH : PLAIN;
}

static inline const char *skip_plain(const char *p, const char *end) {
    while (end - p >= 8) {
        uint64_t special = bytes_json_special(bytes_load(p));
        if (special) {
            p += bytes_before(special);
            break;
        }
        p += 8;
    }
    while (p < end && string_class((uint8_t)*p) == PLAIN) {
        p++;
    }
    return p;
}

/* The rest of a string, from a place inside. */
static const char *scan_string_rest(struct scan *s, const char *p, bool *escapes) {
    const char *end = s->end;
    for (;;) {
        p = skip_plain(p, end);
        if (p == end) {
            return fail(s, p);
        }
        size_t len;
        switch (string_class((uint8_t)*p)) {
        case QUOTE:
            return p + 1;
        case BACKSLASH:
            *escapes = true;
            p = scan_escape(s, p + 1);
            if (!p) {
                return NULL;
            }
            break;
        case LONG:
            len = utf8_char_len(p, (size_t)(end - p));
            if (len == 0) {
                return fail(s, p);
            }
            p += len;
            break;
        default:
            return fail(s, p);
        }
    }
}

#if defined(__SSE2__)
/* A look at the next sixteen bytes, or at those that are left of a text of at least sixteen: a bit
 * for each that `find` finds, zeros behind the end. */
#define LOOK_16(s, p, find)                                                                        \
    ((s)->end - (p) >= 16 ? find(bytes_load_16(p))                                                 \
                          : find(bytes_load_16((s)->end - 16)) >> (16 - ((s)->end - (p))))
#define CAN_LOOK_16(s) ((s)->end - (s)->begin >= 16)
#endif

/* `p` is at the opening quote. */
EACH_USE const char *scan_string(struct scan *s, const char *p, bool *escapes) {
    *escapes = false;
    p++;
#if defined(__SSE2__)
    /* Names are short: mostly one look finds the closing quote. */
    if (CAN_LOOK_16(s)) {
        unsigned special = LOOK_16(s, p, bytes_special_16);
        if (special && p[__builtin_ctz(special)] == '"') {
            return p + __builtin_ctz(special) + 1;
        }
    }
#endif
    return scan_string_rest(s, p, escapes);
}

static const char *scan_digits(struct scan *s, const char *p) {
    if (p == s->end || !is_digit(*p)) {
        return fail(s, p);
    }
    while (p < s->end && is_digit(*p)) {
        p++;
    }
    return p;
}

static const char *scan_any_number(struct scan *s, const char *p) {
    if (*p == '-') {
        p++;
    }
    if (p < s->end && *p == '0') {
        p++;
    } else if (!(p = scan_digits(s, p))) {
        return NULL;
    }
    if (p < s->end && *p == '.' && !(p = scan_digits(s, p + 1))) {
        return NULL;
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < s->end && (*p == '+' || *p == '-')) {
            p++;
        }
        p = scan_digits(s, p);
    }
    return p;
}

#if defined(__SSE2__)
/* Behind the digits, or digits, point and digits, at `p`, when one look shows them and there is
 * more text behind; else NULL. What stands there may be the rest of a number. */
EACH_USE const char *look_at_number(const struct scan *s, const char *p) {
    p += *p == '-';
    if (p == s->end) {
        return NULL;
    }
    unsigned others = ~LOOK_16(s, p, bytes_digits_16);
    unsigned len = (unsigned)__builtin_ctz(others);
    if (len == 0 || len > 14 || (*p == '0' && len > 1)) {
        return NULL;
    }
    if (p + len < s->end && p[len] == '.') {
        unsigned decimals = (unsigned)__builtin_ctz(others >> (len + 1));
        len += 1 + decimals;
        if (decimals == 0 || len > 15) {
            return NULL;
        }
    }
    return p + len < s->end ? p + len : NULL;
}
#endif

EACH_USE const char *scan_number(struct scan *s, const char *p) {
#if defined(__SSE2__)
    const char *behind = CAN_LOOK_16(s) ? look_at_number(s, p) : NULL;
    if (behind && (*behind | 0x20) != 'e' && *behind != '.') {
        return behind;
    }
#endif
    return scan_any_number(s, p);
}

static const char *scan_word(struct scan *s, const char *p, const char *word) {
    for (; *word; word++, p++) {
        if (p == s->end || *p != *word) {
            return fail(s, p);
        }
    }
    return p;
}

static const char *scan_literal(struct scan *s, const char *p, struct json_value *v) {
    switch (*p) {
    case 't':
        v->kind = JSON_TRUE;
        return scan_word(s, p, "true");
    case 'f':
        v->kind = JSON_FALSE;
        return scan_word(s, p, "false");
    case 'n':
        v->kind = JSON_NULL;
        return scan_word(s, p, "null");
    default:
        return fail(s, p);
    }
}

EACH_USE const char *scan_scalar(struct scan *s, const char *p, struct json_value *v) {
    const char *behind;
    v->has_escapes = false;
    if (*p == '"') {
        v->kind = JSON_STRING;
        behind = scan_string(s, p, &v->has_escapes);
    } else if (is_digit(*p) || *p == '-') {
        v->kind = JSON_NUMBER;
        behind = scan_number(s, p);
    } else {
        behind = scan_literal(s, p, v);
    }
    v->text = (mqk_str){p, behind ? (size_t)(behind - p) : 0};
    return behind;
}

/* ---- Escapes */

/* Four hexadecimal digits. */
static uint32_t read_unit(const char *digits) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        unit = unit << 4 | (uint32_t)hex_digit(digits[i]);
    }
    return unit;
}

/* Decodes the escape at `p` (at the backslash, known to be valid) to at most 4 bytes at `out`;
 * returns the place behind it. */
static const char *decode_escape(const char *p, const char *end, char out[4], size_t *len) {
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    p++;
    if (*p != 'u') {
        out[0] = meanings[strchr(letters, *p) - letters];
        *len = 1;
        return p + 1;
    }
    uint32_t code_point = read_unit(p + 1);
    bool more = end - p >= 11 && p[5] == '\\' && p[6] == 'u';
    p += 5;
    if (code_point >= 0xD800 && code_point <= 0xDFFF) {
        uint32_t low = more && code_point < 0xDC00 ? read_unit(p + 2) : 0;
        bool pair = low >= 0xDC00 && low <= 0xDFFF;
        code_point = pair ? 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
        p += pair ? 6 : 0;
    }
    *len = utf8_encode(code_point, out);
    return p;
}

bool json_decodes_to(mqk_str inside, mqk_str name) {
    const char *p = inside.data;
    const char *end = p + inside.len;
    size_t pos = 0;
    while (p < end) {
        char decoded[4] = {*p, 0, 0, 0};
        size_t len = 1;
        p = *p == '\\' ? decode_escape(p, end, decoded, &len) : p + 1;
        if (len > name.len - pos || memcmp(decoded, name.data + pos, len) != 0) {
            return false;
        }
        pos += len;
    }
    return pos == name.len;
}

/* The same of a string with its quotes. */
static bool token_equals(mqk_str token, bool escapes, mqk_str name) {
    mqk_str inside = {token.data + 1, token.len - 2};
    return json_name_is(inside, escapes, name);
}

/* ---- The path, or the members */

static inline bool innermost_on_path(const struct scan *s) {
    return s->on_path == s->depth && s->depth > 0 && s->depth <= s->count;
}

EACH_USE void see_name(struct scan *s, enum use use, mqk_str token, bool escapes) {
    if (use == LIST) {
        if (s->depth == 1 && s->member_count++ < s->member_capacity) {
            struct json_member *member = &s->members[s->member_count - 1];
            member->name = (mqk_str){token.data + 1, token.len - 2};
            member->name_has_escapes = escapes;
        }
    } else if (innermost_on_path(s)) {
        mqk_str name = s->steps[s->depth - 1].name;
        s->next_matches = name.data && token_equals(token, escapes, name);
    }
}

EACH_USE void see_element(struct scan *s, enum use use) {
    if (use == FIND && innermost_on_path(s)) {
        const struct json_step *step = &s->steps[s->depth - 1];
        s->next_matches = !step->name.data && s->element == step->index;
        s->element += s->element != NO_MORE_ELEMENTS;
    }
}

/* The member of the outermost object that is being read; NULL: none that is wanted. */
static inline struct json_member *listed_member(struct scan *s) {
    bool wanted = s->depth == 1 && s->member_count > 0 && s->member_count <= s->member_capacity;
    return wanted ? &s->members[s->member_count - 1] : NULL;
}

/* Reads a scalar to where it is wanted, so that it need not be copied. */
EACH_USE const char *take_scalar(struct scan *s, enum use use, const char *p) {
    struct json_value unwanted;
    if (use == LIST) {
        struct json_member *member = listed_member(s);
        return scan_scalar(s, p, member ? &member->value : &unwanted);
    }
    if (!s->next_matches) {
        return scan_scalar(s, p, &unwanted);
    }
    s->next_matches = false;
    if (s->depth == s->count) {
        return scan_scalar(s, p, &s->found);
    }
    s->found = nothing;
    return scan_scalar(s, p, &unwanted);
}

EACH_USE void see_open(struct scan *s, enum use use, const char *start) {
    if (use == LIST) {
        struct json_member *member = listed_member(s);
        if (member) {
            member->value.kind = *start == '{' ? JSON_OBJECT : JSON_ARRAY;
            member->value.text.data = start;
            member->value.has_escapes = false;
        }
    } else if (s->next_matches) {
        s->next_matches = false;
        s->found = nothing;
        if (s->depth == s->count) {
            s->found_start = start;
        } else {
            s->on_path = s->depth + 1;
            s->element = 0;
        }
    }
}

/* The container that ends before `behind` was closed: `depth` is already that around it. */
EACH_USE void see_close(struct scan *s, enum use use, const char *behind) {
    if (use == LIST) {
        struct json_member *member = listed_member(s);
        if (member) {
            member->value.text.len = (size_t)(behind - member->value.text.data);
        }
        return;
    }
    if (s->on_path > s->depth) {
        s->on_path = s->depth;
        s->element = NO_MORE_ELEMENTS;
    }
    if (s->found_start && s->depth == s->count) {
        s->found.kind = *s->found_start == '{' ? JSON_OBJECT : JSON_ARRAY;
        s->found.text = (mqk_str){s->found_start, (size_t)(behind - s->found_start)};
        s->found_start = NULL;
    }
}

/* ---- The grammar */

/* Around an array at depth 1, which no member of an object leads to, there is none to list. */
EACH_USE const char *open_container(struct scan *s, enum use use, const char *p) {
    if (s->depth == JSON_MAX_DEPTH) {
        return fail(s, p);
    }
    see_open(s, use, p);
    uint64_t bit = UINT64_C(1) << (s->depth % 64);
    s->object = *p == '{';
    if (s->object) {
        s->stack[s->depth / 64] |= bit;
    } else {
        s->stack[s->depth / 64] &= ~bit;
    }
    s->depth++;
    return p + 1;
}

static inline void close_container(struct scan *s) {
    s->depth--;
    uint32_t top = s->depth - 1;
    s->object = s->depth > 0 && (s->stack[top / 64] >> (top % 64) & 1);
}

/* What stands before a value in the innermost container: a member's name and its colon. */
EACH_USE const char *scan_before_value(struct scan *s, enum use use, const char *p) {
    if (!s->object) {
        see_element(s, use);
        return p;
    }
    if (p == s->end || *p != '"') {
        return fail(s, p);
    }
    bool escapes;
    const char *behind = scan_string(s, p, &escapes);
    if (!behind) {
        return NULL;
    }
    see_name(s, use, (mqk_str){p, (size_t)(behind - p)}, escapes);
    p = behind;
    if (p < s->end && *p != ':') {
        p = json_skip_space(p, s->end);
    }
    if (p == s->end || *p != ':') {
        return fail(s, p);
    }
    return json_skip_space(p + 1, s->end);
}

EACH_USE bool scan_text(struct scan *s, enum use use) {
    const char *p = json_skip_space(s->begin, s->end);
    for (;;) {
        /* A value. */
        if (p == s->end) {
            return fail(s, p);
        }
        bool open = *p == '{' || *p == '[';
        if (open) {
            char close = *p == '{' ? '}' : ']';
            p = open_container(s, use, p);
            p = p ? json_skip_space(p, s->end) : NULL;
            open = p && (p == s->end || *p != close);
        } else {
            p = take_scalar(s, use, p);
        }
        /* What is over behind it. */
        while (p && !open && s->depth > 0) {
            if (p < s->end && *p != ',') {
                p = json_skip_space(p, s->end);
            }
            if (p < s->end && *p == ',') {
                p = json_skip_space(p + 1, s->end);
                open = true;
            } else if (p == s->end || *p != (s->object ? '}' : ']')) {
                p = fail(s, p);
            } else {
                close_container(s);
                see_close(s, use, ++p);
            }
        }
        if (!p) {
            return false;
        }
        if (!open) {
            p = json_skip_space(p, s->end);
            return p == s->end || fail(s, p);
        }
        p = scan_before_value(s, use, p);
        if (!p) {
            return false;
        }
    }
}

/* Member by member: clearing the whole struct first costs as much as a few tokens. */
static inline void scan_init(struct scan *s, mqk_str text, const struct json_step *steps,
                             size_t count) {
    s->begin = text.data ? text.data : "";
    s->end = s->begin + (text.data ? text.len : 0);
    s->bad = s->begin;
    s->depth = 0;
    s->object = false;
    s->steps = steps;
    s->count = (uint32_t)count;
    s->on_path = 0;
    s->element = 0;
    s->next_matches = true; /* the outermost value is where every path begins */
    s->found_start = NULL;
    s->found = nothing;
    s->members = NULL;
    s->member_capacity = 0;
    s->member_count = 0;
}

bool json_valid_at(mqk_str text, struct json_value *value, size_t *at) {
    struct scan s;
    scan_init(&s, text, NULL, 0);
    bool valid = scan_text(&s, FIND);
    if (value) {
        *value = valid ? s.found : nothing;
    }
    if (at) {
        *at = (size_t)((valid ? s.end : s.bad) - s.begin);
    }
    return valid;
}

bool json_valid(mqk_str text, struct json_value *value) {
    return json_valid_at(text, value, NULL);
}

struct json_value json_find(mqk_str text, const struct json_step *steps, size_t count) {
    if (count > JSON_MAX_STEPS) {
        return nothing;
    }
    struct scan s;
    scan_init(&s, text, steps, count);
    return scan_text(&s, FIND) ? s.found : nothing;
}

size_t json_members(mqk_str text, struct json_member *members, size_t capacity) {
    struct scan s;
    scan_init(&s, text, NULL, 0);
    s.members = members;
    s.member_capacity = capacity;
    return scan_text(&s, LIST) ? s.member_count : 0;
}

/* ---- Decoding */

void json_append_decoded(struct buffer *out, const struct json_value *value) {
    if (value->kind != JSON_STRING || value->text.len < 2) {
        return;
    }
    const char *p = value->text.data + 1;
    const char *end = value->text.data + value->text.len - 1;
    while (p < end) {
        const char *backslash = value->has_escapes ? memchr(p, '\\', (size_t)(end - p)) : NULL;
        buffer_append(out, p, (size_t)((backslash ? backslash : end) - p));
        if (!backslash) {
            return;
        }
        char decoded[4];
        size_t len;
        p = decode_escape(backslash, end, decoded, &len);
        buffer_append(out, decoded, len);
    }
}
