/* SPDX-License-Identifier: Apache-2.0 */
#include "hocon.h"

#include <ctype.h>

#include "error.h"
#include "json_scan.h"
#include "utf8.h"

struct reader {
    struct settings *s;
    mqk_str text;
    size_t pos;
    uint32_t line;
    bool root_braces; /* the file's own { is open */
    mqk_status status;
    /* Objects and lists that are open, the root first. Not the nodes' parents: `a.b {` opens one
     * whose parent was never opened. */
    struct setting *open[SETTINGS_MAX_DEPTH + 1];
    size_t open_count;
};

static bool fail(struct reader *r, mqk_status code, const char *sentence) {
    settings_fail(r->s, code, r->line, "%s", sentence);
    r->status = code;
    return false;
}

/* A helper of settings.h failed and has said why. */
static bool limit(struct reader *r) {
    r->status = r->s->err->code;
    return false;
}

static char peek_at(const struct reader *r, size_t ahead) {
    return r->text.len - r->pos > ahead ? r->text.data[r->pos + ahead] : '\0';
}

static char peek(const struct reader *r) {
    return peek_at(r, 0);
}

static bool at_end(const struct reader *r) {
    return r->pos >= r->text.len;
}

static void step(struct reader *r) {
    r->line += peek(r) == '\n';
    r->pos++;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool at_comment(const struct reader *r) {
    return peek(r) == '#' || (peek(r) == '/' && peek_at(r, 1) == '/');
}

static void skip_blanks(struct reader *r) {
    while (is_blank(peek(r))) {
        r->pos++;
    }
    if (at_comment(r)) {
        const char *end = memchr(r->text.data + r->pos, '\n', r->text.len - r->pos);
        r->pos = end ? (size_t)(end - r->text.data) : r->text.len;
    }
}

/* White space, line ends and comments. Returns whether there was a line end. */
static bool skip_lines(struct reader *r) {
    uint32_t line = r->line;
    skip_blanks(r);
    while (peek(r) == '\n') {
        step(r);
        skip_blanks(r);
    }
    return r->line > line;
}

static bool looking_at(const struct reader *r, const char *word) {
    size_t len = strlen(word);
    return r->text.len - r->pos >= len && memcmp(r->text.data + r->pos, word, len) == 0;
}

/* """…""": everything as it stands; of more than three quotes at the end the first ones belong to
 * the text. */
static bool read_raw(struct reader *r, struct buffer *out) {
    r->pos += 3;
    size_t from = r->pos;
    while (!at_end(r) && !looking_at(r, "\"\"\"")) {
        step(r);
    }
    if (at_end(r)) {
        return fail(r, MQK_ERR_SYNTAX, "the closing \"\"\" is missing");
    }
    while (peek_at(r, 3) == '"') {
        r->pos++;
    }
    buffer_append(out, r->text.data + from, r->pos - from);
    r->pos += 3;
    return true;
}

static bool read_quoted(struct reader *r, struct buffer *out) {
    if (looking_at(r, "\"\"\"")) {
        return read_raw(r, out);
    }
    size_t from = r->pos++;
    while (peek(r) != '"') {
        if (at_end(r) || peek(r) == '\n') {
            return fail(r, MQK_ERR_SYNTAX, "the closing quote is missing");
        }
        r->pos += peek(r) == '\\' && r->text.len - r->pos > 1 ? 2 : 1;
    }
    r->pos++;
    struct json_value value;
    if (!json_valid((mqk_str){r->text.data + from, r->pos - from}, &value)) {
        return fail(r, MQK_ERR_SYNTAX, "a text in quotes is not written as in JSON");
    }
    size_t before = out->len;
    json_append_decoded(out, &value);
    mqk_str text = buffer_since(out, before);
    if (text.len > 0 && memchr(text.data, '\0', text.len)) {
        return fail(r, MQK_ERR_SYNTAX, "a text contains a NUL character");
    }
    return true;
}

static bool ends_key(const struct reader *r) {
    char c = peek(r);
    return at_end(r) || is_blank(c) || memchr("\n.:={}[],\"+$\\", c, 13) || at_comment(r);
}

static bool read_key_part(struct reader *r, struct buffer *out) {
    if (peek(r) == '"') {
        return read_quoted(r, out);
    }
    size_t from = r->pos;
    while (!ends_key(r)) {
        r->pos++;
    }
    if (r->pos == from) {
        return fail(r, MQK_ERR_SYNTAX, "a key is missing here");
    }
    buffer_append(out, r->text.data + from, r->pos - from);
    return true;
}

static bool at_include(const struct reader *r) {
    return looking_at(r, "include") && (is_blank(peek_at(r, 7)) || peek_at(r, 7) == '"');
}

/* `a.b.c`: finds or makes the entries on the way, returns the last one. */
static struct setting *read_key(struct reader *r, struct setting *map) {
    struct buffer part;
    struct setting *node = map;
    bool more = true;
    buffer_init(&part, NULL, 0);
    while (more) {
        part.len = 0;
        bool good = read_key_part(r, &part);
        if (good && node->kind != SETTING_MAP) {
            setting_clear(node, SETTING_MAP);
        }
        node = good && part.failure == MQK_OK
                   ? settings_entry(r->s, node, buffer_since(&part, 0), r->line)
                   : NULL;
        if (!node) {
            break;
        }
        skip_blanks(r);
        more = peek(r) == '.';
        r->pos += more;
        skip_blanks(r);
    }
    if (!node && r->status == MQK_OK) {
        r->status = part.failure != MQK_OK ? part.failure : r->s->err->code;
    }
    buffer_fini(&part);
    return node;
}

static bool ends_value(const struct reader *r) {
    return at_end(r) || memchr("\n,}]", peek(r), 4) || at_comment(r);
}

static bool read_unquoted(struct reader *r, struct buffer *out) {
    size_t from = r->pos;
    while (!ends_value(r) && peek(r) != '"') {
        char c = peek(r);
        if (c == '$' && peek_at(r, 1) == '{') {
            return fail(r, MQK_ERR_UNAVAILABLE,
                        "${…} outside quotes is a substitution of HOCON, which is not supported; "
                        "put templates in quotes");
        }
        if (c == '{' || c == '[') {
            return fail(r, MQK_ERR_UNAVAILABLE,
                        "objects and lists that are put together of parts are not supported");
        }
        if (c == '=' || c == '\\') {
            return fail(r, MQK_ERR_SYNTAX,
                        "a text with = or \\ must stand in quotes (is a comma or a line end "
                        "missing?)");
        }
        r->pos++;
    }
    buffer_append(out, r->text.data + from, r->pos - from);
    return true;
}

/* A text: parts in quotes and without, up to the end of the line, comma or bracket. */
static bool read_text(struct reader *r, struct setting *node) {
    struct buffer text;
    bool quoted = false;
    size_t quoted_end = 0;
    bool good = true;
    buffer_init(&text, NULL, 0);
    while (good && !ends_value(r)) {
        if (peek(r) == '"') {
            quoted = true;
            good = read_quoted(r, &text);
            quoted_end = text.len;
        } else {
            good = read_unquoted(r, &text);
        }
    }
    while (text.len > quoted_end && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    node->quoted = quoted;
    if (good && text.failure != MQK_OK) {
        good = fail(r, text.failure, "out of memory");
    } else if (good && text.len == 0 && !quoted) {
        good = fail(r, MQK_ERR_SYNTAX, "a value is missing here");
    }
    if (good) {
        node->text = settings_keep(r->s, buffer_since(&text, 0));
        good = node->text.data || limit(r);
    }
    if (good && !quoted && str_equal(node->text, STR("null"))) {
        setting_clear(node, SETTING_NULL);
    }
    buffer_fini(&text);
    return good;
}

/* Reads a value into a node. An object or list is only opened. */
static bool read_value(struct reader *r, struct setting *node) {
    skip_lines(r);
    enum setting_kind kind = peek(r) == '{'   ? SETTING_MAP
                             : peek(r) == '[' ? SETTING_LIST
                                              : SETTING_TEXT;
    if (kind != SETTING_MAP || node->kind != SETTING_MAP) {
        setting_clear(node, kind);
    }
    node->line = r->line;
    if (kind == SETTING_TEXT) {
        return read_text(r, node);
    }
    r->pos++;
    r->open[r->open_count++] = node;
    return true;
}

static struct setting *inside(const struct reader *r) {
    return r->open[r->open_count - 1];
}

static bool read_entry(struct reader *r) {
    if (at_include(r)) {
        return fail(r, MQK_ERR_UNAVAILABLE,
                    "include is not supported; put the files together first");
    }
    struct setting *node = read_key(r, inside(r));
    if (!node) {
        return false;
    }
    skip_lines(r);
    if (looking_at(r, "+=")) {
        return fail(r, MQK_ERR_UNAVAILABLE, "+= is not supported; write the whole list");
    }
    if (peek(r) == '=' || peek(r) == ':') {
        r->pos++;
    } else if (peek(r) != '{') {
        return fail(r, MQK_ERR_SYNTAX, "= or : is missing behind a key");
    }
    return read_value(r, node);
}

static bool read_element(struct reader *r) {
    struct setting *node = settings_append(r->s, inside(r), (mqk_str){NULL, 0}, r->line);
    return node ? read_value(r, node) : limit(r);
}

static bool fail_unclosed(struct reader *r) {
    return fail(r, MQK_ERR_SYNTAX,
                inside(r)->kind == SETTING_LIST ? "a list is not closed with ]"
                                                : "an object is not closed with }");
}

/* Closes the object or list. */
static bool close_inside(struct reader *r) {
    char wanted = inside(r)->kind == SETTING_LIST ? ']' : '}';
    if (peek(r) != wanted) {
        return fail_unclosed(r);
    }
    if (r->open_count == 1 && !r->root_braces) {
        return fail(r, MQK_ERR_SYNTAX, "there is a } too many");
    }
    r->pos++;
    if (r->open_count > 1) {
        r->open_count--;
        return true;
    }
    r->root_braces = false;
    skip_lines(r);
    return at_end(r) || fail(r, MQK_ERR_SYNTAX, "there is something behind the last }");
}

/* What stands between two entries: a comma, a line end, or both. */
static bool read_separator(struct reader *r) {
    bool line_end = skip_lines(r);
    if (peek(r) == ',') {
        r->pos++;
        skip_lines(r);
        return peek(r) != ',' || fail(r, MQK_ERR_SYNTAX, "two commas, and nothing between them");
    }
    return line_end || at_end(r) || peek(r) == '}' || peek(r) == ']' ||
           fail(r, MQK_ERR_SYNTAX, "a comma or a line end is missing here");
}

static bool read_item(struct reader *r) {
    char c = peek(r);
    if (c == '}' || c == ']') {
        return close_inside(r);
    }
    return inside(r)->kind == SETTING_LIST ? read_element(r) : read_entry(r);
}

static bool read_all(struct reader *r) {
    r->open[r->open_count++] = r->s->root;
    skip_lines(r);
    if (peek(r) == '{') {
        r->pos++;
        r->root_braces = true;
    }
    skip_lines(r);
    while (!at_end(r)) {
        size_t open = r->open_count;
        if (!read_item(r)) {
            return false;
        }
        if (r->open_count > open) {
            skip_lines(r);
        } else if (!read_separator(r)) {
            return false;
        }
    }
    if (r->open_count > 1 || r->root_braces) {
        r->line = inside(r)->line;
        return fail_unclosed(r);
    }
    return true;
}

mqk_status hocon_read(struct settings *s, mqk_str text) {
    struct reader r = {.s = s, .text = text, .line = 1};
    if (str_starts_with(text, STR("\xEF\xBB\xBF"))) {
        r.pos = 3;
    }
    if (text.len > SETTINGS_MAX_BYTES) {
        fail(&r, MQK_ERR_TOO_LARGE, "the file is larger than 4 MiB");
    } else if (utf8_valid_prefix(text) < text.len) {
        fail(&r, MQK_ERR_SYNTAX, "the file is not UTF-8 text");
    } else if (text.len > 0 && memchr(text.data, '\0', text.len)) {
        fail(&r, MQK_ERR_SYNTAX, "the file contains a NUL byte");
    } else {
        read_all(&r);
    }
    return r.status;
}
