/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of filters, an empty line, lines of topics: the index must say what each filter says. */
#include <stdlib.h>

#include "filter_index.h"
#include "topic_filter.h"

#define MAX_FILTERS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool next_line(mqk_str text, size_t *pos, mqk_str *line) {
    if (*pos >= text.len) {
        return false;
    }
    const char *from = text.data + *pos;
    const char *newline = memchr(from, '\n', text.len - *pos);
    *line = (mqk_str){from, newline ? (size_t)(newline - from) : text.len - *pos};
    *pos += line->len + 1;
    return true;
}

static uint64_t match_each(const mqk_str *filters, uint32_t count, mqk_str topic) {
    uint64_t set = 0;
    for (uint32_t i = 0; i < count; i++) {
        set |= (uint64_t)topic_filter_matches(filters[i], topic) << i;
    }
    return set;
}

static uint64_t match_index(const struct filter_index *index, mqk_str topic) {
    uint32_t rules[MAX_FILTERS];
    uint64_t set = 0;
    size_t count = filter_index_match(index, topic, rules, MAX_FILTERS);
    for (size_t i = 0; i < count; i++) {
        set |= UINT64_C(1) << rules[i];
    }
    return set;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mqk_str text = {(const char *)data, size}, line, filters[MAX_FILTERS];
    struct filter_index *index = filter_index_new();
    size_t pos = 0;
    uint32_t count = 0;
    while (count < MAX_FILTERS && next_line(text, &pos, &line) && line.len > 0) {
        if (!topic_filter_check(line, NULL)) {
            filters[count] = line;
            if (!filter_index_add(index, line, count++)) {
                abort();
            }
        }
    }
    if (!filter_index_finish(index)) {
        abort();
    }
    while (next_line(text, &pos, &line)) {
        if (!topic_name_check(line) &&
            match_index(index, line) != match_each(filters, count, line)) {
            abort();
        }
    }
    filter_index_free(index);
    return 0;
}
