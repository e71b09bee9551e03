/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All topic filters of one hook in one index: which rules' filters match this topic? Cost grows
 * with the topic's levels (and the number of matches), not with the number of filters. Built once,
 * then immutable and usable from any thread. The filter texts are copied.
 *
 * A trie over levels whose edges stand in one open-addressing hash table (parent node, level text)
 * → child. Filters deeper than FILTER_INDEX_DEPTH levels are kept aside and compared one by one, so
 * that matching needs a bounded stack and no allocation.
 */
#ifndef MQK_RULES_FILTER_INDEX_H
#define MQK_RULES_FILTER_INDEX_H

#include "str.h"

#define FILTER_INDEX_DEPTH 128u

struct filter_index;

/* NULL when out of memory. */
struct filter_index *filter_index_new(void);
void filter_index_free(struct filter_index *index);

/* Adds a legal filter for a rule. The same rule may have several filters. False: out of memory.
 * Only before filter_index_finish(). */
bool filter_index_add(struct filter_index *index, mqk_str filter, uint32_t rule);

/* Makes the index compact and ready to match. False: out of memory. */
bool filter_index_finish(struct filter_index *index);

/* Calls nothing and allocates nothing: writes the rules whose filters match to `rules`, in no
 * order, a rule once for each of its filters that match, at most `capacity`; returns how many there
 * are (which may be more than `capacity`; then call again with more room). */
size_t filter_index_match(const struct filter_index *index, mqk_str topic, uint32_t *rules,
                          size_t capacity);

/* Bytes of memory used, and number of filters: for the bench and the tests. */
size_t filter_index_bytes(const struct filter_index *index);
size_t filter_index_count(const struct filter_index *index);

#endif
