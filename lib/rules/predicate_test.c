/* SPDX-License-Identifier: Apache-2.0 */
#include "predicate_program.h"

static int compare_texts(mqk_str a, mqk_str b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool holds(enum comparison how, int order) {
    switch (how) {
    case EQUAL:
        return order == 0;
    case NOT_EQUAL:
        return order != 0;
    case LESS:
        return order < 0;
    case LESS_OR_EQUAL:
        return order <= 0;
    case GREATER:
        return order > 0;
    case GREATER_OR_EQUAL:
        return order >= 0;
    }
    return false;
}

bool operand_compare(enum comparison how, const struct operand *a, const struct operand *b) {
    bool unordered = how == EQUAL || how == NOT_EQUAL;
    if (a->kind == OPERAND_NUMBER && b->kind == OPERAND_NUMBER) {
        return holds(how, number_compare(&a->as.number, &b->as.number));
    }
    if (a->kind == OPERAND_MISSING || b->kind == OPERAND_MISSING) {
        return false;
    }
    if (a->kind != b->kind) {
        return how == NOT_EQUAL;
    }
    switch (a->kind) {
    case OPERAND_TEXT:
        if (unordered) {
            return str_equal(a->as.text, b->as.text) == (how == EQUAL);
        }
        return holds(how, compare_texts(a->as.text, b->as.text));
    case OPERAND_BOOL:
        return unordered && holds(how, a->as.truth != b->as.truth);
    case OPERAND_NULL:
        return how == EQUAL;
    default:
        return false;
    }
}

/* The first and the last text of the pattern stand at the ends; those between are searched for in
 * order, each as early as it can be: if that fails, no other choice would do better. */
bool like_matches(const struct predicate *p, const struct like *like, mqk_str text) {
    const struct operand *parts = p->literals + like->first;
    mqk_str first = parts[0].as.text, last = parts[like->count - 1].as.text;
    if (like->count == 1) {
        return str_equal(text, first);
    }
    if (text.len < first.len + last.len || !str_starts_with(text, first)) {
        return false;
    }
    mqk_str end = str_slice(text, text.len - last.len, last.len);
    if (!str_equal(end, last)) {
        return false;
    }
    text = str_slice(text, first.len, text.len - first.len - last.len);
    for (uint32_t i = 1; i + 1 < like->count; i++) {
        mqk_str part = parts[i].as.text;
        if (part.len == 0) {
            continue;
        }
        const char *found =
            text.len >= part.len ? memmem(text.data, text.len, part.data, part.len) : NULL;
        if (!found) {
            return false;
        }
        size_t behind = (size_t)(found - text.data) + part.len;
        text = str_slice(text, behind, text.len - behind);
    }
    return true;
}
