/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_tree.h"

#include <yaml.h>

#include "error.h"
#include "utf8.h"

/* libyaml counts characters; the rest of the world counts bytes. Places only go forward, so that
 * converting all of them costs one walk through the text. */
struct cursor {
    mqk_str text;
    size_t characters;
    size_t byte;
    uint32_t line;
    size_t line_start;
};

struct open_node {
    struct yaml_node *node;
    struct yaml_node *last;
    size_t children;
};

struct builder {
    mqk_str text;
    struct arena *arena;
    mqk_error *err;
    struct cursor cursor;
    struct yaml_node *root;
    bool second_document;
    struct open_node open[YAML_MAX_DEPTH];
    size_t depth;
    size_t values;
};

static void cursor_init(struct cursor *c, mqk_str text) {
    *c = (struct cursor){.text = text, .line = 1};
}

static void cursor_step(struct cursor *c) {
    unsigned char byte = (unsigned char)c->text.data[c->byte];
    size_t len = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    bool crlf = byte == '\r' && c->byte + 1 < c->text.len && c->text.data[c->byte + 1] == '\n';
    c->byte += len;
    c->characters++;
    if (byte == '\n' || (byte == '\r' && !crlf)) {
        c->line++;
        c->line_start = c->byte;
    }
}

static void cursor_to_character(struct cursor *c, size_t index) {
    while (c->characters < index && c->byte < c->text.len) {
        cursor_step(c);
    }
}

static void cursor_to_byte(struct cursor *c, size_t byte) {
    while (c->byte < byte && c->byte < c->text.len) {
        cursor_step(c);
    }
}

static uint32_t cursor_column(const struct cursor *c) {
    return (uint32_t)(c->byte - c->line_start + 1);
}

/* What may not stand in YAML, at or after `*at`: NULL when there is nothing. */
static const char *illegal_character(mqk_str text, size_t *at, char name[ERROR_QUOTE_SIZE]) {
    size_t valid = utf8_valid_prefix(text);
    for (size_t i = 0; i < valid; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        size_t len = 0;
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
            len = 1;
        } else if (byte == 0xC2 && (unsigned char)text.data[i + 1] < 0xA0 &&
                   (unsigned char)text.data[i + 1] != 0x85) {
            len = 2;
        } else if (byte == 0xEF && (memcmp(text.data + i, "\xEF\xBB\xBF", 3) == 0 ||
                                    memcmp(text.data + i, "\xEF\xBF\xBE", 3) == 0 ||
                                    memcmp(text.data + i, "\xEF\xBF\xBF", 3) == 0)) {
            len = 3;
        }
        if (len > 0) {
            *at = i;
            error_quote(str_slice(text, i, len), name);
            return "a control character cannot stand in YAML; write it as an escape in double "
                   "quotes";
        }
    }
    if (valid < text.len) {
        *at = valid;
        error_quote(str_slice(text, valid, 1), name);
        return "the text is not valid UTF-8";
    }
    return NULL;
}

static mqk_status check_characters(mqk_str text, mqk_error *err) {
    if (text.len >= 2 &&
        (memcmp(text.data, "\xFF\xFE", 2) == 0 || memcmp(text.data, "\xFE\xFF", 2) == 0)) {
        return error_set(err, MQK_ERR_SYNTAX, 1, 1, "the file is in UTF-16; save it as UTF-8");
    }
    size_t at = 0;
    char name[ERROR_QUOTE_SIZE];
    const char *sentence = illegal_character(text, &at, name);
    if (!sentence) {
        return MQK_OK;
    }
    struct cursor c;
    cursor_init(&c, text);
    cursor_to_byte(&c, at);
    return error_set(err, MQK_ERR_SYNTAX, c.line, cursor_column(&c), "%s: %s", name, sentence);
}

/* What to do about the commonest of libyaml's complaints. */
static const struct {
    const char *problem;
    const char *remedy;
} remedies[] = {
    {"found character that cannot start any token",
     "put a text that begins with this character in quotes"},
    {"did not find expected ',' or '}'", "inside { } put texts that contain { } [ ] , in quotes"},
    {"did not find expected ',' or ']'", "inside [ ] put texts that contain { } [ ] , in quotes"},
    {"mapping values are not allowed in this context",
     "check the indentation, and put a text that contains \": \" in quotes"},
    {"did not find expected key", "check the indentation and the quotes"},
    {"could not find expected ':'", "check the indentation and the quotes"},
    {"did not find expected '-' indicator", "check the indentation"},
    {"found unexpected end of stream", "a closing quote is missing"},
    {"found unknown escape character", "write \\\\ for a backslash, or use single quotes"},
};

static mqk_status syntax_error(struct builder *b, const yaml_parser_t *parser) {
    if (parser->error == YAML_MEMORY_ERROR) {
        return error_set(b->err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    const char *problem = parser->problem ? parser->problem : "this is not YAML";
    struct cursor at;
    cursor_init(&at, b->text);
    cursor_to_character(&at, parser->problem_mark.index);
    uint32_t line = at.line;
    uint32_t column = cursor_column(&at);
    if (at.byte < b->text.len && b->text.data[at.byte] == '\t') {
        return error_set(b->err, MQK_ERR_SYNTAX, line, column,
                         "a tab cannot stand here; indent with spaces");
    }
    char context[200] = "";
    if (parser->context) {
        cursor_init(&at, b->text);
        cursor_to_character(&at, parser->context_mark.index);
        snprintf(context, sizeof(context), " %s that begins at line %u", parser->context, at.line);
    }
    const char *remedy = NULL;
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]) && !remedy; i++) {
        remedy = strcmp(problem, remedies[i].problem) == 0 ? remedies[i].remedy : NULL;
    }
    return error_set(b->err, MQK_ERR_SYNTAX, line, column, "%s%s%s%s", problem, context,
                     remedy ? "; " : "", remedy ? remedy : "");
}

static mqk_status refuse(struct builder *b, mqk_status code, const char *sentence) {
    return error_set(b->err, code, b->cursor.line, cursor_column(&b->cursor), "%s", sentence);
}

/* A new node at the cursor, hung into the innermost open one. */
static mqk_status add_node(struct builder *b, enum yaml_kind kind, struct yaml_node **out) {
    struct open_node *parent = b->depth > 0 ? &b->open[b->depth - 1] : NULL;
    bool is_key = parent && parent->node->kind == YAML_MAP && parent->children % 2 == 0;
    if (is_key && kind != YAML_TEXT) {
        return refuse(b, MQK_ERR_SYNTAX,
                      "a key must be a text; put a value that begins with { or [ in quotes");
    }
    if (++b->values > YAML_MAX_VALUES) {
        return refuse(b, MQK_ERR_TOO_LARGE, "more than 2,000,000 values");
    }
    struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));
    if (!node) {
        return refuse(b, MQK_ERR_NO_MEMORY, "out of memory");
    }
    node->kind = kind;
    node->line = b->cursor.line;
    node->column = cursor_column(&b->cursor);
    node->offset = b->cursor.byte;
    *out = node;
    if (!parent) {
        b->root = node;
        return MQK_OK;
    }
    if (parent->last) {
        parent->last->next = node;
    } else {
        parent->node->first = node;
    }
    parent->last = node;
    parent->children++;
    parent->node->count += parent->node->kind == YAML_LIST || is_key;
    return MQK_OK;
}

static mqk_status add_text(struct builder *b, const yaml_event_t *event) {
    mqk_str value = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct yaml_node *node;
    mqk_status status = add_node(b, YAML_TEXT, &node);
    if (status != MQK_OK) {
        return status;
    }
    if (value.len > 0 && memchr(value.data, '\0', value.len)) {
        return refuse(b, MQK_ERR_SYNTAX, "a text cannot contain a NUL character");
    }
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->literal = event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE;
    node->text = (mqk_str){arena_text(b->arena, value), value.len};
    return node->text.data ? MQK_OK : refuse(b, MQK_ERR_NO_MEMORY, "out of memory");
}

static mqk_status open_node(struct builder *b, enum yaml_kind kind) {
    struct yaml_node *node;
    if (b->depth == YAML_MAX_DEPTH) {
        return refuse(b, MQK_ERR_TOO_LARGE, "nested deeper than 32 levels");
    }
    mqk_status status = add_node(b, kind, &node);
    if (status == MQK_OK) {
        b->open[b->depth++] = (struct open_node){.node = node};
    }
    return status;
}

static mqk_status handle(struct builder *b, const yaml_event_t *event) {
    cursor_to_character(&b->cursor, event->start_mark.index);
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return refuse(b, MQK_ERR_SYNTAX,
                      "YAML aliases (*name) are not accepted; write the value out, or put a text "
                      "that begins with * in quotes");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor) {
        return refuse(b, MQK_ERR_SYNTAX,
                      "YAML anchors (&name) are not accepted; put a text that begins with & in "
                      "quotes");
    }
    if (tag) {
        return refuse(b, MQK_ERR_SYNTAX,
                      "YAML tags (!name) are not accepted; put a text that begins with ! in "
                      "quotes");
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->second_document) {
            return refuse(b, MQK_ERR_SYNTAX,
                          "only one YAML document is accepted; remove this second one");
        }
        b->second_document = true;
        return MQK_OK;
    case YAML_SCALAR_EVENT:
        return add_text(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(b, YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return open_node(b, YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return MQK_OK;
    default:
        return MQK_OK;
    }
}

static mqk_status build(struct builder *b, yaml_parser_t *parser) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return syntax_error(b, parser);
        }
        bool end = event.type == YAML_STREAM_END_EVENT;
        mqk_status status = handle(b, &event);
        yaml_event_delete(&event);
        if (status != MQK_OK || end) {
            return status;
        }
    }
}

mqk_status yaml_parse(mqk_str text, struct arena *arena, const struct yaml_node **root,
                      mqk_error *err) {
    *root = NULL;
    mqk_status status = check_characters(text, err);
    if (status != MQK_OK) {
        return status;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.len);
    struct builder b = {.text = text, .arena = arena, .err = err};
    cursor_init(&b.cursor, text);
    status = build(&b, &parser);
    yaml_parser_delete(&parser);
    *root = status == MQK_OK ? b.root : NULL;
    return status;
}

bool yaml_is_null(const struct yaml_node *node) {
    return node->kind == YAML_TEXT && node->plain &&
           (node->text.len == 0 || str_equal(node->text, STR("~")) ||
            str_equal(node->text, STR("null")) || str_equal(node->text, STR("Null")) ||
            str_equal(node->text, STR("NULL")));
}

const struct yaml_node *yaml_get(const struct yaml_node *map, mqk_str key) {
    if (map->kind != YAML_MAP) {
        return NULL;
    }
    for (const struct yaml_node *node = map->first; node; node = node->next->next) {
        if (str_equal(node->text, key)) {
            return node->next;
        }
    }
    return NULL;
}

/* The line of `source` that begins at `from`, without its end; moves `from` behind it. */
static mqk_str next_line(mqk_str source, size_t *from) {
    mqk_str rest = str_slice(source, *from, SIZE_MAX);
    const char *end = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;
    mqk_str line = {rest.data, end ? (size_t)(end - rest.data) : rest.len};
    *from += line.len + (end ? 1 : 0);
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* Behind a `|` each line of the value is a line of the file behind some indentation. */
static bool place_in_literal(mqk_str source, const struct yaml_node *node, size_t at,
                             uint32_t *line, uint32_t *column) {
    size_t source_pos = node->offset;
    size_t value_pos = 0;
    next_line(source, &source_pos);
    for (uint32_t number = 1; value_pos < node->text.len; number++) {
        size_t value_start = value_pos;
        mqk_str written = next_line(source, &source_pos);
        mqk_str read = next_line(node->text, &value_pos);
        if (at > value_pos) {
            continue;
        }
        if (written.len < read.len ||
            memcmp(written.data + written.len - read.len, read.data, read.len) != 0) {
            return false;
        }
        *line = node->line + number;
        *column = (uint32_t)(written.len - read.len + at - value_start);
        return true;
    }
    return false;
}

bool yaml_place_in(mqk_str source, const struct yaml_node *node, size_t at, uint32_t *line,
                   uint32_t *column) {
    *line = node->line;
    *column = node->column;
    if (node->kind != YAML_TEXT || at == 0 || at > node->text.len + 1) {
        return false;
    }
    if (node->literal) {
        return place_in_literal(source, node, at, line, column);
    }
    size_t start = node->offset + (node->plain ? 0 : 1);
    size_t before = at - 1;
    if (start > source.len || source.len - start < before ||
        memcmp(source.data + start, node->text.data, before) != 0 ||
        memchr(node->text.data, '\n', before)) {
        return false;
    }
    /* An escaped quote or backslash may look like what it stands for. */
    char quote = source.data[node->offset];
    if (!node->plain && memchr(node->text.data, quote == '"' ? '\\' : quote, before)) {
        return false;
    }
    *column += (uint32_t)(at - (node->plain ? 1 : 0));
    return true;
}
