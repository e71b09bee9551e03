/* SPDX-License-Identifier: Apache-2.0 */
#include "convert_rows.h"

#include <stdio.h>
#include <strings.h>

#include "units.h"

#define MAX_DIGITS 15u

struct unit {
    const char *name;
    int64_t ms;
};

static const struct unit units[] = {{"ms", 1},       {"millisecond", 1}, {"milliseconds", 1},
                                    {"s", 1000},     {"second", 1000},   {"seconds", 1000},
                                    {"m", 60000},    {"minute", 60000},  {"minutes", 60000},
                                    {"h", 3600000},  {"hour", 3600000},  {"hours", 3600000},
                                    {"d", 86400000}, {"day", 86400000},  {"days", 86400000}};

static mqk_str leading(mqk_str text, bool digits) {
    size_t len = 0;
    for (; len < text.len; len++) {
        char c = (char)(text.data[len] | 32);
        bool fits = digits ? text.data[len] >= '0' && text.data[len] <= '9' : c >= 'a' && c <= 'z';
        if (!fits) {
            break;
        }
    }
    return str_slice(text, 0, len);
}

static int64_t unit_of(mqk_str name) {
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) == name.len &&
            strncasecmp(units[i].name, name.data, name.len) == 0) {
            return units[i].ms;
        }
    }
    return 0;
}

bool convert_duration(mqk_str text, int64_t *out_ms) {
    int64_t total = 0;
    mqk_str rest = text;
    bool only_part = true;
    while (rest.len > 0) {
        mqk_str digits = leading(rest, true);
        mqk_str behind = str_trim(str_slice(rest, digits.len, rest.len));
        mqk_str name = leading(behind, false);
        int64_t ms = name.len > 0 ? unit_of(name) : behind.len == 0 && only_part ? 1 : 0;
        int64_t number = 0;
        if (digits.len == 0 || digits.len > MAX_DIGITS || ms == 0) {
            return false;
        }
        for (size_t i = 0; i < digits.len; i++) {
            number = number * 10 + (digits.data[i] - '0');
        }
        if (number > (INT64_MAX - total) / ms) {
            return false;
        }
        total += number * ms;
        rest = str_trim(str_slice(behind, name.len, behind.len));
        only_part = false;
    }
    *out_ms = total;
    return !only_part;
}

bool convert_find_word(const char *words, mqk_str word, mqk_str *ours) {
    for (const char *p = words + 1; *p;) {
        size_t len = strcspn(p, " ");
        size_t theirs = strcspn(p, " =");
        if (theirs == word.len && strncasecmp(p, word.data, theirs) == 0) {
            *ours = theirs < len ? (mqk_str){p + theirs + 1, len - theirs - 1} : (mqk_str){p, len};
            return true;
        }
        p += len + 1;
    }
    return false;
}

bool convert_is_unset(const struct setting *node) {
    return node->kind == SETTING_NULL ||
           (node->kind == SETTING_TEXT && str_equal(node->text, STR("undefined")));
}

static bool write_duration(struct conversion *c, const struct convert_row *row,
                           const struct setting *node, unsigned indent) {
    int64_t ms = 0;
    char text[40];
    if (!convert_duration(node->text, &ms)) {
        convert_note(c, node, "not a duration; left out");
        return false;
    }
    int64_t kept = ms < row->min ? row->min : ms > row->max ? row->max : ms;
    if (kept != ms) {
        convert_note(c, node, "out of the range accepted here; %lld ms is taken", (long long)kept);
    }
    bool seconds = kept > 0 && kept % 1000 == 0;
    snprintf(text, sizeof(text), "%lld%s", (long long)(seconds ? kept / 1000 : kept),
             seconds ? "s" : "ms");
    buffer_printf(&c->yaml, "%*s%s: %s\n", (int)indent, "", row->to, text);
    return true;
}

static bool write_folder(struct conversion *c, const struct convert_row *row,
                         const struct setting *node, unsigned indent) {
    if (node->text.len == 0 || str_equal(node->text, STR("false"))) {
        convert_note(c, node, "names no folder; left out");
        return false;
    }
    if (node->text.data[0] != '/') {
        convert_note(c, node, "relative: taken from the folder in which the host runs");
    }
    convert_line(&c->yaml, indent, row->to, node->text);
    return true;
}

/* False: the value is not usable (noted), or there is nothing to write. */
static bool write_row(struct conversion *c, const struct convert_row *row,
                      const struct setting *node, unsigned indent) {
    mqk_str word = {NULL, 0};
    int64_t bytes = 0;
    switch (row->kind) {
    case CONVERT_TEXT:
        convert_line(&c->yaml, indent, row->to, node->text);
        return true;
    case CONVERT_FOLDER:
        return write_folder(c, row, node, indent);
    case CONVERT_WORD:
        if (!convert_find_word(row->words, node->text, &word)) {
            convert_note(c, node, "this word has no counterpart; left out");
            return false;
        }
        buffer_printf(&c->yaml, "%*s%s: %.*s\n", (int)indent, "", row->to, STR_ARG(word));
        return true;
    case CONVERT_DURATION:
        return write_duration(c, row, node, indent);
    case CONVERT_SIZE:
        if (units_size(node->text, &bytes)) {
            convert_note(c, node, "not a size; left out");
            return false;
        }
        buffer_printf(&c->yaml, "%*s%s: %.*s\n", (int)indent, "", row->to, STR_ARG(node->text));
        return true;
    case CONVERT_NOTHING:
        convert_note(c, node, "no counterpart: %s", row->reason);
        return false;
    }
    return false;
}

/* Whether a row before this one has written the same key. */
static bool written_before(const struct convert_row *rows, const struct convert_row *row,
                           uint64_t written) {
    for (size_t i = 0; &rows[i] < row; i++) {
        if ((written >> i & 1) != 0 && row->to && strcmp(rows[i].to, row->to) == 0) {
            return true;
        }
    }
    return false;
}

size_t convert_rows(struct conversion *c, struct setting *map, const struct convert_row *rows,
                    unsigned indent) {
    size_t from = c->yaml.len;
    uint64_t written = 0;
    for (size_t i = 0; rows[i].from; i++) {
        const struct convert_row *row = &rows[i];
        struct setting *node = setting_get(map, row->from);
        bool set = node && !convert_is_unset(node);
        bool before = written_before(rows, row, written);
        bool done = false;
        if (node && (!set || (node->kind == SETTING_TEXT && !before))) {
            node->used = true;
        }
        if (set && node->kind == SETTING_TEXT && !before) {
            done = write_row(c, row, node, indent);
        }
        if (!done && !before && row->fallback) {
            buffer_printf(&c->yaml, "%*s%s: %s\n", (int)indent, "", row->to, row->fallback);
            done = true;
        }
        written |= (uint64_t)done << i;
    }
    return c->yaml.len - from;
}
