/* SPDX-License-Identifier: Apache-2.0 */
#include "predicate_token.h"

#include "event.h"
#include "literal.h"

struct word {
    const char *text;
    enum token_kind kind;
};

/* Longer ones before those that they begin with. */
static const struct word symbols[] = {
    {"==", TOKEN_EQUAL},         {"=~", TOKEN_MATCHES},     {"=", TOKEN_EQUAL},
    {"!=", TOKEN_NOT_EQUAL},     {"!~", TOKEN_MATCHES_NOT}, {"<>", TOKEN_NOT_EQUAL},
    {"<=", TOKEN_LESS_OR_EQUAL}, {"<", TOKEN_LESS},         {">=", TOKEN_GREATER_OR_EQUAL},
    {">", TOKEN_GREATER},        {"(", TOKEN_OPEN},         {")", TOKEN_CLOSE},
    {",", TOKEN_COMMA},          {"+", TOKEN_PLUS},         {"-", TOKEN_MINUS},
    {"*", TOKEN_TIMES},          {"/", TOKEN_OVER},         {"%", TOKEN_REMAINDER},
};

static const struct word keywords[] = {
    {"and", TOKEN_AND},     {"or", TOKEN_OR},         {"not", TOKEN_NOT},   {"in", TOKEN_IN},
    {"like", TOKEN_LIKE},   {"is", TOKEN_IS},         {"null", TOKEN_NULL}, {"true", TOKEN_TRUE},
    {"false", TOKEN_FALSE}, {"exists", TOKEN_EXISTS},
};

/* What people write who come from other languages. */
static const struct {
    const char *text, *sentence;
} foreign[] = {
    {"&&", "write \"and\" instead of \"&&\""},
    {"||", "write \"or\" instead of \"||\""},
    {"${", "write the name without ${ }"},
    {"!", "write \"not\" instead of \"!\""},
    {"|", "template filters stand behind a placeholder"},
};

static bool is_at(mqk_str text, size_t pos, const char *symbol) {
    size_t len = strlen(symbol);
    return text.len - pos >= len && memcmp(text.data + pos, symbol, len) == 0;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
           (uint8_t)c >= 0x80;
}

static char at(mqk_str text, size_t pos) {
    return pos < text.len ? text.data[pos] : '\0';
}

static size_t skip_space(mqk_str text, size_t pos) {
    while (is_space(at(text, pos))) {
        pos++;
    }
    return pos;
}

/* Whether names behind this root are one name that may have a minus in it. */
static bool has_flat_names(const struct vocabulary *words, mqk_str name) {
    struct root root;
    if (!words->find(name, &root)) {
        return false;
    }
    return root.kind == ROOT_USER || root.kind == ROOT_ATTR ||
           (root.kind == ROOT_FIELD &&
            (root.field == FIELD_props || root.field == FIELD_ack_props));
}

static size_t skip_names(mqk_str text, size_t pos, bool minus) {
    while (is_name(at(text, pos)) || (minus && at(text, pos) == '-')) {
        pos++;
    }
    return pos;
}

/* From an opening bracket to behind the closing one, or to where it should be. */
static size_t skip_bracket(mqk_str text, size_t pos) {
    for (pos++; pos < text.len && text.data[pos] != ']' && text.data[pos] != '[';) {
        if (text.data[pos] != '"') {
            pos++;
        } else if (!literal_skip_quoted(text, &pos)) {
            return text.len;
        }
    }
    return pos + (at(text, pos) == ']');
}

static size_t skip_path(const struct vocabulary *words, mqk_str text, size_t pos) {
    size_t root = pos + (at(text, pos) == '.');
    pos = skip_names(text, root, false);
    bool flat = has_flat_names(words, str_slice(text, root, pos - root));
    for (;;) {
        if (at(text, pos) == '[') {
            pos = skip_bracket(text, pos);
        } else if (at(text, pos) == '.') {
            pos = skip_names(text, pos + 1, flat);
        } else {
            return pos;
        }
    }
}

/* A template filter behind a placeholder: what is wrong with it is found by who reads it. */
static bool skip_filter(mqk_str text, size_t *pos) {
    size_t p = skip_space(text, *pos);
    if (at(text, p) != '|' || at(text, p + 1) == '|') {
        return false;
    }
    p = skip_names(text, skip_space(text, p + 1), false);
    *pos = p;
    p = skip_space(text, p);
    if (at(text, p) != '(') {
        return true;
    }
    for (p++; p < text.len && text.data[p] != ')';) {
        if (text.data[p] != '"' && text.data[p] != '\'') {
            p++;
        } else if (!literal_skip_quoted(text, &p)) {
            p = text.len;
        }
    }
    *pos = p + (p < text.len);
    return true;
}

static struct token wrong(size_t pos, const char *sentence) {
    return (struct token){.kind = TOKEN_WRONG, .from = pos, .to = pos, .wrong = sentence};
}

/* Not strcasecmp(), which asks the host's locale. */
static bool is_word(mqk_str name, const char *word) {
    size_t i = 0;
    while (i < name.len && word[i] != '\0' && (name.data[i] | 0x20) == word[i]) {
        i++;
    }
    return i == name.len && word[i] == '\0';
}

static struct token read_name(const struct vocabulary *words, mqk_str text, size_t pos) {
    struct token token = {.kind = TOKEN_PATH, .from = pos, .to = skip_path(words, text, pos)};
    mqk_str name = str_slice(text, pos, token.to - pos);
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (is_word(name, keywords[i].text)) {
            token.kind = keywords[i].kind;
            return token;
        }
    }
    if (at(text, skip_space(text, token.to)) == '(') {
        return wrong(pos, "there is no such function; there is exists(x), and template filters "
                          "stand behind their value, as in clientid | lower");
    }
    while (skip_filter(text, &token.to)) {
    }
    return token;
}

struct token token_next(const struct vocabulary *words, mqk_str text, size_t pos) {
    pos = skip_space(text, pos);
    char c = at(text, pos);
    struct token token = {.kind = TOKEN_END, .from = pos, .to = pos};
    if (pos == text.len) {
        return token;
    }
    if (c >= '0' && c <= '9') {
        token.kind = TOKEN_NUMBER;
        token.to = pos + literal_number(text, pos, false);
        return token.to > pos && !is_name(at(text, token.to)) && at(text, token.to) != '.'
                   ? token
                   : wrong(pos, "a number is written as 12, 1.5 or 2e3, and a text in quotes");
    }
    if (c == '\'' || c == '"') {
        token.kind = TOKEN_QUOTED;
        return literal_skip_quoted(text, &token.to) ? token
                                                    : wrong(pos, "the closing quote is missing");
    }
    if (is_name(c) || (c == '.' && is_name(at(text, pos + 1)))) {
        return read_name(words, text, pos);
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        if (is_at(text, pos, symbols[i].text)) {
            token.kind = symbols[i].kind;
            token.to = pos + strlen(symbols[i].text);
            return token;
        }
    }
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (is_at(text, pos, foreign[i].text)) {
            return wrong(pos, foreign[i].sentence);
        }
    }
    return wrong(pos, "unexpected character; a text is written in quotes");
}

const char *token_word(size_t index) {
    size_t signs = sizeof(symbols) / sizeof(symbols[0]);
    size_t words = sizeof(keywords) / sizeof(keywords[0]);
    return index < signs           ? symbols[index].text
           : index - signs < words ? keywords[index - signs].text
                                   : NULL;
}
