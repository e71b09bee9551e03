/* SPDX-License-Identifier: Apache-2.0 */
#include "filter_index.h"

#include <stdlib.h>
#include <sys/random.h>

#include "bytes.h"
#include "topic_filter.h"

#define NO_TEXT UINT32_MAX /* text_at of a node that a wildcard leads to, and of the root */
#define ROOT    0u

/* Bytes behind the texts that may be read, so that a short one is compared as one word. */
#define TEXT_PADDING 8u

/* A node of the trie. Its exact rules end a filter here, its multi rules end one with `/#`. After
 * filter_index_finish() both are spans of `rules`: exact [rules_at, multi_at), multi
 * [multi_at, rules_at of the next node); before, the two members count. */
struct node {
    uint32_t parent;
    uint32_t text_at; /* the level that leads here, in `texts` */
    uint32_t plus;    /* child behind `+`; 0: none (the root is nobody's child) */
    uint32_t rules_at;
    uint32_t multi_at;
    uint16_t text_len;
    bool has_edges; /* some child is behind a level's text, not behind `+` */
};

/* An edge: low half of its hash, and the child (0: free slot). */
struct slot {
    uint32_t tag;
    uint32_t child;
};

/* A rule at the end of a filter, while building. */
struct ending {
    uint32_t node;
    uint32_t rule;
    bool multi;
};

struct deep_filter {
    char *text;
    size_t len;
    uint32_t rule;
};

struct filter_index {
    uint64_t seed;
    struct node *nodes;
    uint32_t node_count, node_capacity;
    struct slot *slots;
    uint32_t slot_count, edge_count;
    char *texts;
    size_t text_len, text_capacity;
    size_t longest_level; /* of all edges: longer levels of a topic need no look-up */
    struct ending *endings;
    uint32_t ending_count, ending_capacity;
    uint32_t *rules;
    struct deep_filter *deep;
    uint32_t deep_count, deep_capacity;
    size_t filter_count;
};

struct matches {
    uint32_t *rules;
    size_t capacity, count;
};

/* Multiplies to 128 bits and folds the halves: the mixing step of the wyhash family. The seed is
 * secret, so nobody can prepare levels that meet in one slot. */
static inline uint64_t mix(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (a & 0xffffffffu) * (b & 0xffffffffu);
    uint64_t mid1 = (a >> 32) * (b & 0xffffffffu) + (low >> 32);
    uint64_t mid2 = (a & 0xffffffffu) * (b >> 32) + (mid1 & 0xffffffffu);
    uint64_t high = (a >> 32) * (b >> 32) + (mid1 >> 32) + (mid2 >> 32);
    return high ^ (mid2 << 32 | (low & 0xffffffffu));
#endif
}

/* A level of a topic or filter, and its first eight bytes; a shorter one is filled up with zeros.
 */
struct level {
    mqk_str text;
    uint64_t word;
};

/* At most 8 bytes, none read beyond `len`. */
static inline uint64_t read_short(const char *p, size_t len) {
    uint64_t word = 0;
    char *to = (char *)&word;
    for (size_t i = 0; i < len; i++) {
        to[i] = p[i];
    }
    return word;
}

static inline struct level level_of(mqk_str text) {
    return (struct level){text, read_short(text.data, text.len < 8 ? text.len : 8)};
}

/* The last eight bytes of a topic; before those of a shorter one there are zeros. */
static inline uint64_t read_tail(mqk_str topic) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (topic.len >= 8) {
        return bytes_load(topic.data + topic.len - 8);
    }
    uint64_t word = 0;
    for (size_t i = 0; i < topic.len; i++) {
        word = word >> 8 | (uint64_t)(uint8_t)topic.data[i] << 56;
    }
    return word;
#else
    (void)topic;
    return 0;
#endif
}

/* Length of a level of more than 8 bytes. */
static __attribute__((noinline)) size_t long_level(const char *p, size_t rest) {
    return (size_t)(bytes_find(p + 8, p + rest, '/') - p);
}

/* The level that begins at `pos`, which is not beyond the topic's end. */
static inline struct level read_level(mqk_str topic, uint64_t tail, size_t pos) {
    const char *p = topic.data + pos;
    size_t rest = topic.len - pos;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* In two steps, because `rest` may be 0. */
    uint64_t word = rest >= 8 ? bytes_load(p) : (tail >> 1) >> (63 - 8 * rest);
    uint64_t slash = bytes_equal(word, '/');
    if (slash) {
        /* All bits below the first byte found. */
        return (struct level){{p, bytes_before(slash)}, word & (slash ^ (slash - 1)) >> 8};
    }
    return (struct level){{p, rest > 8 ? long_level(p, rest) : rest}, word};
#else
    (void)tail;
    return level_of((mqk_str){p, (size_t)(bytes_find(p, p + rest, '/') - p)});
#endif
}

/* Out of line, as what else is rare on the walk, so that the rest of it keeps its registers. */
static __attribute__((noinline)) uint64_t fold_rest(uint64_t seed, uint64_t word, const char *p,
                                                    size_t len) {
    for (p += 8, len -= 8; len > 8; p += 8, len -= 8) {
        word = mix(word ^ seed, bytes_load(p) ^ 0xa0761d6478bd642fu);
    }
    return mix(word ^ seed, bytes_load(p + len - 8) ^ 0xe7037ed1a0b428dbu);
}

/* One multiplication for what most levels are: short. The parent comes last, so that the levels of
 * a topic are hashed side by side and only the look-ups wait for one another. */
static inline uint64_t hash_edge(uint64_t seed, uint32_t parent, const struct level *level) {
    uint64_t word = level->word;
    if (level->text.len > 8) {
        word = fold_rest(seed, word, level->text.data, level->text.len);
    }
    return mix(word ^ seed, level->text.len ^ 0x8ebc6af09c88c6e3u) +
           parent * UINT64_C(0x9e3779b97f4a7c15);
}

/* Maps the high half of a hash to a slot without a division and without powers of two. */
static uint32_t slot_of(const struct filter_index *index, uint64_t hash) {
    return (uint32_t)((hash >> 32) * index->slot_count >> 32);
}

static mqk_str node_text(const struct filter_index *index, const struct node *node) {
    return (mqk_str){index->texts + node->text_at, node->text_len};
}

/* Whether a stored text, behind which TEXT_PADDING bytes may be read, is a level of its length. */
static inline bool same_text(const char *text, const struct level *level) {
    size_t len = level->text.len;
    if (len > 8) {
        return bytes_load(text) == level->word &&
               memcmp(text + 8, level->text.data + 8, len - 8) == 0;
    }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return len == 0 || (bytes_load(text) ^ level->word) << (64 - 8 * len) == 0;
#else
    return memcmp(text, level->text.data, len) == 0;
#endif
}

/* The child of `parent` behind a level, 0 when there is none. The parent has edges. */
static inline uint32_t find_child(const struct filter_index *index, uint32_t parent,
                                  const struct level *level) {
    uint64_t hash = hash_edge(index->seed, parent, level);
    uint32_t at = slot_of(index, hash);
    for (;; at = at + 1 == index->slot_count ? 0 : at + 1) {
        const struct slot *slot = &index->slots[at];
        if (slot->child == 0) {
            return 0;
        }
        if (slot->tag == (uint32_t)hash) {
            const struct node *node = &index->nodes[slot->child];
            if (node->parent == parent && node->text_len == level->text.len &&
                same_text(index->texts + node->text_at, level)) {
                return slot->child;
            }
        }
    }
}

static void place_edge(struct filter_index *index, uint32_t child) {
    const struct node *node = &index->nodes[child];
    struct level level = level_of(node_text(index, node));
    uint64_t hash = hash_edge(index->seed, node->parent, &level);
    uint32_t at = slot_of(index, hash);
    while (index->slots[at].child != 0) {
        at = at + 1 == index->slot_count ? 0 : at + 1;
    }
    index->slots[at] = (struct slot){(uint32_t)hash, child};
}

static bool resize_table(struct filter_index *index, uint64_t slot_count) {
    struct slot *slots =
        slot_count < UINT32_MAX ? calloc((size_t)slot_count, sizeof(*slots)) : NULL;
    if (!slots) {
        return false;
    }
    free(index->slots);
    index->slots = slots;
    index->slot_count = (uint32_t)slot_count;
    for (uint32_t i = 1; i < index->node_count; i++) {
        if (index->nodes[i].text_at != NO_TEXT) {
            place_edge(index, i);
        }
    }
    return true;
}

/* Makes room for one more element; returns the array, NULL when out of memory. */
static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t element) {
    if (count < *capacity) {
        return array;
    }
    uint64_t more = *capacity < 16 ? 16 : (uint64_t)*capacity * 2;
    if (more >= UINT32_MAX) {
        return NULL;
    }
    void *grown = realloc(array, (size_t)more * element);
    if (grown) {
        *capacity = (uint32_t)more;
    }
    return grown;
}

static bool add_text(struct filter_index *index, mqk_str level) {
    if (level.len > index->text_capacity - index->text_len || !index->texts) {
        size_t capacity = index->text_capacity * 2 + level.len + 64;
        char *grown = capacity < NO_TEXT ? realloc(index->texts, capacity + TEXT_PADDING) : NULL;
        if (!grown) {
            return false;
        }
        memset(grown + capacity, 0, TEXT_PADDING);
        index->texts = grown;
        index->text_capacity = capacity;
    }
    if (level.len > 0) {
        memcpy(index->texts + index->text_len, level.data, level.len);
        index->text_len += level.len;
    }
    return true;
}

/* A new node without edge to it; 0 when out of memory. */
static uint32_t add_node(struct filter_index *index, uint32_t parent) {
    void *nodes =
        grow(index->nodes, index->node_count, &index->node_capacity, sizeof(*index->nodes));
    if (!nodes) {
        return 0;
    }
    index->nodes = nodes;
    index->nodes[index->node_count] = (struct node){.parent = parent, .text_at = NO_TEXT};
    return index->node_count++;
}

static uint32_t add_plus(struct filter_index *index, uint32_t parent) {
    uint32_t child = index->nodes[parent].plus;
    if (child == 0 && (child = add_node(index, parent)) != 0) {
        index->nodes[parent].plus = child;
    }
    return child;
}

static uint32_t add_edge(struct filter_index *index, uint32_t parent, mqk_str level) {
    struct level wanted = level_of(level);
    uint32_t child = index->nodes[parent].has_edges ? find_child(index, parent, &wanted) : 0;
    if (child != 0) {
        return child;
    }
    if ((uint64_t)index->edge_count * 2 >= index->slot_count &&
        !resize_table(index, (uint64_t)index->slot_count * 2 + 16)) {
        return 0;
    }
    size_t text_at = index->text_len;
    if (!add_text(index, level) || (child = add_node(index, parent)) == 0) {
        return 0;
    }
    index->nodes[child].text_at = (uint32_t)text_at;
    index->nodes[child].text_len = (uint16_t)level.len;
    index->nodes[parent].has_edges = true;
    index->edge_count++;
    if (level.len > index->longest_level) {
        index->longest_level = level.len;
    }
    place_edge(index, child);
    return child;
}

static bool add_deep(struct filter_index *index, mqk_str filter, uint32_t rule) {
    void *deep = grow(index->deep, index->deep_count, &index->deep_capacity, sizeof(*index->deep));
    char *text = malloc(filter.len);
    if (deep) {
        index->deep = deep;
    }
    if (!deep || !text) {
        free(text);
        return false;
    }
    memcpy(text, filter.data, filter.len);
    index->deep[index->deep_count++] = (struct deep_filter){text, filter.len, rule};
    index->filter_count++;
    return true;
}

static unsigned count_levels(mqk_str filter) {
    unsigned count = 0;
    mqk_str level;
    for (size_t pos = 0; topic_next_level(filter, &pos, &level);) {
        count++;
    }
    return count;
}

static __attribute__((noinline)) void take_many(struct matches *matches, const uint32_t *rules,
                                                size_t count) {
    if (matches->count < matches->capacity) {
        size_t room = matches->capacity - matches->count;
        memcpy(matches->rules + matches->count, rules,
               (count < room ? count : room) * sizeof(*rules));
    }
    matches->count += count;
}

/* The rules of a span of `index->rules`. */
static inline void take(struct matches *matches, const struct filter_index *index, uint32_t from,
                        uint32_t to) {
    if (to - from == 1 && matches->count < matches->capacity) {
        matches->rules[matches->count++] = index->rules[from];
    } else if (from != to) {
        take_many(matches, index->rules + from, to - from);
    }
}

static inline uint32_t follow(const struct filter_index *index, const struct node *node,
                              uint32_t at, const struct level *level) {
    return node->has_edges && level->text.len <= index->longest_level ? find_child(index, at, level)
                                                                      : 0;
}

/* Where the walk goes on later: a node behind a `+`, while it follows the level's own text first.
 */
struct branch {
    uint32_t node;
    uint32_t pos; /* of the next level in the topic; beyond its end: there is none */
};

/* The first step of a topic that begins with `$`, which wildcards at the root do not see. */
static __attribute__((noinline)) bool enter_hidden(const struct filter_index *index, mqk_str topic,
                                                   uint64_t tail, struct branch *at) {
    struct level level = read_level(topic, tail, 0);
    at->node = follow(index, &index->nodes[ROOT], ROOT, &level);
    at->pos = (uint32_t)level.text.len + 1;
    return at->node != 0;
}

static inline __attribute__((always_inline)) void walk(const struct filter_index *index,
                                                       mqk_str topic, struct matches *matches) {
    struct branch branches[FILTER_INDEX_DEPTH + 1]; /* at most one for each level */
    struct branch *waiting = branches;
    struct branch at = {ROOT, 0};
    uint64_t tail = read_tail(topic);
    if (topic.data[0] == '$' && !enter_hidden(index, topic, tail, &at)) {
        return;
    }
    for (;;) {
        const struct node *node = &index->nodes[at.node];
        uint32_t next = 0;
        take(matches, index, node->multi_at, node[1].rules_at);
        if (at.pos <= topic.len) {
            struct level level = read_level(topic, tail, at.pos);
            next = follow(index, node, at.node, &level);
            at.pos += (uint32_t)level.text.len + 1;
            if (next == 0) {
                next = node->plus;
            } else if (node->plus != 0) {
                *waiting++ = (struct branch){node->plus, at.pos};
            }
        } else {
            take(matches, index, node->rules_at, node->multi_at);
        }
        if (next != 0) {
            at.node = next;
        } else if (waiting > branches) {
            at = *--waiting;
        } else {
            return;
        }
    }
}

struct filter_index *filter_index_new(void) {
    struct filter_index *index = calloc(1, sizeof(*index));
    if (!index) {
        return NULL;
    }
    if (getrandom(&index->seed, sizeof(index->seed), GRND_NONBLOCK) !=
        (ssize_t)sizeof(index->seed)) {
        index->seed = mix((uint64_t)(uintptr_t)index, 0x9e3779b97f4a7c15u);
    }
    void *nodes = grow(NULL, 0, &index->node_capacity, sizeof(*index->nodes));
    if (!nodes) {
        free(index);
        return NULL;
    }
    index->nodes = nodes;
    index->nodes[index->node_count++] = (struct node){.text_at = NO_TEXT};
    return index;
}

void filter_index_free(struct filter_index *index) {
    if (!index) {
        return;
    }
    for (uint32_t i = 0; i < index->deep_count; i++) {
        free(index->deep[i].text);
    }
    free(index->deep);
    free(index->nodes);
    free(index->slots);
    free(index->texts);
    free(index->endings);
    free(index->rules);
    free(index);
}

bool filter_index_add(struct filter_index *index, mqk_str filter, uint32_t rule) {
    if (count_levels(filter) > FILTER_INDEX_DEPTH) {
        return add_deep(index, filter, rule);
    }
    uint32_t node = ROOT;
    bool multi = false;
    mqk_str level;
    for (size_t pos = 0; topic_next_level(filter, &pos, &level);) {
        if (str_equal(level, STR("#"))) {
            multi = true;
            break;
        }
        node = str_equal(level, STR("+")) ? add_plus(index, node) : add_edge(index, node, level);
        if (node == 0) {
            return false;
        }
    }
    void *endings =
        grow(index->endings, index->ending_count, &index->ending_capacity, sizeof(*index->endings));
    if (!endings) {
        return false;
    }
    index->endings = endings;
    index->endings[index->ending_count++] = (struct ending){node, rule, multi};
    index->filter_count++;
    return true;
}

/* Turns the endings into spans: counts per node, then the spans' ends, then each ending moves its
 * span's end down, so that ends become starts. */
static void place_endings(struct filter_index *index) {
    for (uint32_t i = 0; i < index->ending_count; i++) {
        struct node *node = &index->nodes[index->endings[i].node];
        index->endings[i].multi ? node->multi_at++ : node->rules_at++;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < index->node_count; i++) {
        struct node *node = &index->nodes[i];
        node->rules_at += at;
        node->multi_at += node->rules_at;
        at = node->multi_at;
    }
    for (uint32_t i = index->ending_count; i > 0; i--) {
        const struct ending *ending = &index->endings[i - 1];
        struct node *node = &index->nodes[ending->node];
        index->rules[ending->multi ? --node->multi_at : --node->rules_at] = ending->rule;
    }
}

/* Gives back what is not used; when that fails the array stays as it is. */
static void *shrink(void *array, size_t bytes) {
    void *shrunk = bytes > 0 ? realloc(array, bytes) : NULL;
    return shrunk ? shrunk : array;
}

bool filter_index_finish(struct filter_index *index) {
    /* A last node whose start is the end of the span before it. */
    if (add_node(index, ROOT) == 0) {
        return false;
    }
    index->rules = malloc((index->ending_count + 1) * sizeof(*index->rules));
    /* Three fifths full: half the memory of powers of two, still about two probes a look-up. */
    if (!index->rules ||
        (index->edge_count > 0 && !resize_table(index, (uint64_t)index->edge_count * 5 / 3 + 1))) {
        return false;
    }
    place_endings(index);
    free(index->endings);
    index->endings = NULL;
    index->ending_capacity = 0;
    index->nodes = shrink(index->nodes, index->node_count * sizeof(*index->nodes));
    index->node_capacity = index->node_count;
    if (index->texts) {
        memset(index->texts + index->text_len, 0, TEXT_PADDING);
        index->texts = shrink(index->texts, index->text_len + TEXT_PADDING);
        index->text_capacity = index->text_len;
    }
    return true;
}

static __attribute__((noinline)) void match_deep(const struct filter_index *index, mqk_str topic,
                                                 struct matches *matches) {
    for (uint32_t i = 0; i < index->deep_count; i++) {
        const struct deep_filter *deep = &index->deep[i];
        if (topic_filter_matches((mqk_str){deep->text, deep->len}, topic)) {
            take_many(matches, &deep->rule, 1);
        }
    }
}

size_t filter_index_match(const struct filter_index *index, mqk_str topic, uint32_t *rules,
                          size_t capacity) {
    if (topic.len == 0 || topic.len > TOPIC_MAX_LEN) {
        return 0;
    }
    struct matches matches = {rules, capacity, 0};
    walk(index, topic, &matches);
    if (index->deep_count > 0) {
        match_deep(index, topic, &matches);
    }
    return matches.count;
}

size_t filter_index_bytes(const struct filter_index *index) {
    size_t bytes = sizeof(*index) + index->node_capacity * sizeof(*index->nodes) +
                   index->slot_count * sizeof(*index->slots) + index->text_capacity +
                   index->ending_capacity * sizeof(*index->endings) +
                   index->deep_capacity * sizeof(*index->deep);
    if (index->rules) {
        bytes += index->ending_count * sizeof(*index->rules);
    }
    for (uint32_t i = 0; i < index->deep_count; i++) {
        bytes += index->deep[i].len;
    }
    return bytes;
}

size_t filter_index_count(const struct filter_index *index) {
    return index->filter_count;
}
