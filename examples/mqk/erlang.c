/* SPDX-License-Identifier: Apache-2.0 */
#include "erlang.h"

#include <stdio.h>

#include "error.h"
#include "utf8.h"

/* What a node was in Erlang, kept beside the tree because only this reader asks. */
struct open_term {
    struct setting *node;
    bool tuple;
    bool pairs; /* list: all elements so far are {atom, Value} */
};

struct reader {
    struct settings *s;
    mqk_str text;
    size_t pos;
    uint32_t line;
    mqk_status status;
    struct open_term open[SETTINGS_MAX_DEPTH + 1];
    size_t open_count;
};

static bool fail(struct reader *r, mqk_status code, const char *sentence) {
    settings_fail(r->s, code, r->line, "%s", sentence);
    r->status = code;
    return false;
}

static char peek(const struct reader *r) {
    return r->pos < r->text.len ? r->text.data[r->pos] : '\0';
}

static void skip_space(struct reader *r) {
    for (;; r->pos++) {
        if (peek(r) == '%') {
            const char *end = memchr(r->text.data + r->pos, '\n', r->text.len - r->pos);
            r->pos = end ? (size_t)(end - r->text.data) : r->text.len;
        }
        if (r->pos >= r->text.len || !memchr(" \t\r\n", peek(r), 4)) {
            return;
        }
        r->line += peek(r) == '\n';
    }
}

/* "…" or '…': the usual escapes. */
static bool read_quoted(struct reader *r, struct buffer *out) {
    static const char names[] = "nrtbfe0s\"'\\";
    static const char means[] = "\n\r\t\b\f\033\0 \"'\\";
    char quote = peek(r);
    for (r->pos++; peek(r) != quote; r->pos++) {
        if (r->pos >= r->text.len) {
            return fail(r, MQK_ERR_SYNTAX, "the closing quote is missing");
        }
        char c = peek(r);
        r->line += c == '\n';
        if (c == '\\') {
            r->pos++;
            c = peek(r);
            const char *found = c ? memchr(names, c, sizeof(names) - 1) : NULL;
            if (!found) {
                return fail(r, MQK_ERR_SYNTAX, "unknown escape in a text");
            }
            c = means[found - names];
        }
        if (c == '\0') {
            return fail(r, MQK_ERR_SYNTAX, "a text contains a NUL character");
        }
        buffer_append_char(out, c);
    }
    r->pos++;
    return true;
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_@.-+#", c));
}

static bool read_word(struct reader *r, struct buffer *out) {
    size_t from = r->pos;
    while (is_word(peek(r))) {
        r->pos++;
    }
    if (r->pos == from) {
        return fail(r, MQK_ERR_SYNTAX, "expected a list, a tuple, a text, an atom or a number");
    }
    buffer_append(out, r->text.data + from, r->pos - from);
    return true;
}

static bool read_scalar(struct reader *r, struct setting *node) {
    struct buffer text;
    buffer_init(&text, NULL, 0);
    bool binary = peek(r) == '<';
    if (binary) {
        r->pos += 2;
        skip_space(r);
    }
    node->kind = SETTING_TEXT;
    node->quoted = peek(r) == '"';
    bool good = peek(r) == '"' || peek(r) == '\'' ? read_quoted(r, &text) : read_word(r, &text);
    if (good && binary) {
        skip_space(r);
        good = peek(r) == '>' || fail(r, MQK_ERR_SYNTAX, "expected <<\"text\">>");
        r->pos += 2;
    }
    if (good) {
        node->text = settings_keep(r->s, buffer_since(&text, 0));
        good = (node->text.data && text.failure == MQK_OK) ||
               fail(r, MQK_ERR_NO_MEMORY, "out of memory");
    }
    buffer_fini(&text);
    return good;
}

static bool is_port(mqk_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.len > 0 && text.len <= 5;
}

/* {"host", 9092} becomes a text. */
static bool close_tuple(struct reader *r, struct setting *node) {
    const struct setting *host = node->first, *port = host ? host->next : NULL;
    if (node->count != 2 || host->kind != SETTING_TEXT || !host->quoted ||
        port->kind != SETTING_TEXT || !is_port(port->text)) {
        return true;
    }
    char joined[600];
    int len =
        snprintf(joined, sizeof(joined), "%.*s:%.*s", STR_ARG(host->text), STR_ARG(port->text));
    if (len < 0 || (size_t)len >= sizeof(joined)) {
        return fail(r, MQK_ERR_SYNTAX, "a host name is too long");
    }
    setting_clear(node, SETTING_TEXT);
    node->quoted = true;
    node->text = settings_keep(r->s, (mqk_str){joined, (size_t)len});
    return node->text.data != NULL || fail(r, MQK_ERR_NO_MEMORY, "out of memory");
}

static bool is_pair(const struct setting *node) {
    return node->kind == SETTING_LIST && node->count == 2 && node->first->kind == SETTING_TEXT &&
           !node->first->quoted;
}

/* A list of {atom, Value} becomes a mapping: each pair takes its value's place. */
static void close_list(struct setting *list) {
    for (struct setting *pair = list->first; pair; pair = pair->next) {
        struct setting *value = pair->first->next;
        pair->key = pair->first->text;
        pair->kind = value->kind;
        pair->text = value->text;
        pair->quoted = value->quoted;
        pair->line = value->line;
        pair->first = value->first;
        pair->last = value->last;
        pair->count = value->count;
        for (struct setting *child = pair->first; child; child = child->next) {
            child->parent = pair;
        }
    }
    list->kind = SETTING_MAP;
}

static bool close_term(struct reader *r) {
    struct open_term *term = &r->open[r->open_count - 1];
    if (peek(r) != (term->tuple ? '}' : ']')) {
        return fail(r, MQK_ERR_SYNTAX,
                    term->tuple ? "a tuple is not closed with }" : "a list is not closed with ]");
    }
    r->pos++;
    r->open_count--;
    bool good = true;
    if (term->tuple) {
        good = close_tuple(r, term->node);
    } else if (term->pairs && term->node->count > 0) {
        close_list(term->node);
    }
    if (r->open_count > 0) {
        struct open_term *outer = &r->open[r->open_count - 1];
        outer->pairs = outer->pairs && term->tuple && is_pair(term->node);
    }
    return good;
}

static bool open_term(struct reader *r, struct setting *node) {
    if (r->open_count > SETTINGS_MAX_DEPTH) {
        return fail(r, MQK_ERR_TOO_LARGE, "nested too deeply");
    }
    setting_clear(node, SETTING_LIST);
    r->open[r->open_count++] = (struct open_term){node, peek(r) == '{', true};
    r->pos++;
    return true;
}

static bool read_term(struct reader *r) {
    struct open_term *inside = &r->open[r->open_count - 1];
    struct setting *node = settings_append(r->s, inside->node, (mqk_str){NULL, 0}, r->line);
    if (!node) {
        r->status = r->s->err->code;
        return false;
    }
    if (peek(r) == '[' || peek(r) == '{') {
        return open_term(r, node);
    }
    inside->pairs = false;
    return read_scalar(r, node);
}

/* The terms inside the outermost list. */
static bool read_terms(struct reader *r) {
    while (r->open_count > 0) {
        size_t open = r->open_count;
        skip_space(r);
        if (!(peek(r) == ']' || peek(r) == '}' ? close_term(r) : read_term(r))) {
            return false;
        }
        skip_space(r);
        if (r->open_count > open || r->open_count == 0) {
            continue;
        }
        if (peek(r) == ',') {
            r->pos++;
        } else if (peek(r) != ']' && peek(r) != '}') {
            return fail(r, MQK_ERR_SYNTAX, "a comma or a closing bracket is missing here");
        }
    }
    return true;
}

static bool read_file(struct reader *r) {
    skip_space(r);
    if (peek(r) != '[') {
        return fail(r, MQK_ERR_SYNTAX, "the file does not begin with [");
    }
    if (!open_term(r, r->s->root) || !read_terms(r)) {
        return false;
    }
    if (peek(r) == '.') {
        r->pos++;
    }
    skip_space(r);
    if (r->pos < r->text.len) {
        return fail(r, MQK_ERR_SYNTAX, "there is something behind the last term");
    }
    if (r->s->root->kind != SETTING_MAP) {
        setting_clear(r->s->root, SETTING_MAP);
    }
    return true;
}

mqk_status erlang_read(struct settings *s, mqk_str text) {
    struct reader r = {.s = s, .text = text, .line = 1};
    if (text.len > SETTINGS_MAX_BYTES) {
        fail(&r, MQK_ERR_TOO_LARGE, "the file is larger than 4 MiB");
    } else if (utf8_valid_prefix(text) < text.len) {
        fail(&r, MQK_ERR_SYNTAX, "the file is not UTF-8 text");
    } else {
        read_file(&r);
    }
    return r.status;
}

bool erlang_looks_like(mqk_str text) {
    struct reader r = {.text = text, .line = 1};
    skip_space(&r);
    if (peek(&r) != '[') {
        return false;
    }
    r.pos++;
    skip_space(&r);
    return peek(&r) == '{' || peek(&r) == ']';
}
