/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAGIC    0xBEEFC0DEu
#define META_VERSION  1u
#define MIN_PAGE_SIZE 512u
#define MAX_PAGE_SIZE 32768u
#define MAX_DEPTH     32u /* of LMDB's cursors */
#define MAX_KEY       511u
#define MAX_PAGES     UINT32_MAX
#define NO_PAGE       SIZE_MAX
#define FIRST_PAGE    2u /* after the two meta pages */
#define FREE_CHUNK    1024u

enum page_flag { PAGE_BRANCH = 0x01, PAGE_LEAF = 0x02, PAGE_OVERFLOW = 0x04, PAGE_META = 0x08 };
enum node_flag { NODE_BIG = 0x01, NODE_DATABASE = 0x02 };
enum tree_flag { TREE_INTEGER_KEY = 0x08, TREE_NO_FOLDER = 0x4000 };

/* What stands in the file. */
struct page_head {
    size_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower; /* with `upper`, on overflow pages: number of pages */
    uint16_t upper;
};
struct node_head {
    uint16_t words[2]; /* size of the data, or lower part of the child's number */
    uint16_t flags;    /* or upper part of the child's number */
    uint16_t key_size;
};
struct tree {
    uint32_t pad; /* of the free list: page size */
    uint16_t flags;
    uint16_t depth;
    size_t branches, leaves, overflow_pages, entries, root;
};
struct meta {
    uint32_t magic, version;
    void *address;
    size_t map_size;
    struct tree free_list, main;
    size_t last_page, txn;
};

#define HEAD_SIZE sizeof(struct page_head)
#define NODE_SIZE sizeof(struct node_head)

enum tree_kind { TREE_FREE_LIST, TREE_MAIN, TREE_NAMED };

struct check {
    int fd;
    uint64_t file_size;
    size_t page_size;
    struct meta meta;
    uint8_t *seen;      /* one bit a page: belongs to a tree or to the free list */
    struct tree *named; /* found in the main database */
    size_t named_count, named_capacity;
    char *why;
    size_t why_size;
    int code; /* why it could not be looked at; 0: it could */
};

/* A page on the way from the root to where the walk stands. */
struct level {
    size_t number;
    unsigned count, next; /* nodes; the one to look at next */
};

struct walk {
    struct check *check;
    enum tree_kind kind;
    const struct tree *tree;
    struct level levels[MAX_DEPTH];
    unsigned depth; /* of `levels` in use */
    char *pages;    /* contents of the pages in `levels` */
    size_t branches, leaves, overflow_pages, entries;
    /* Keys from here on are greater, or equal when `inclusive`. */
    uint8_t floor[MAX_KEY];
    size_t floor_size;
    bool has_floor, inclusive;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct check *c, const char *format,
                                                         ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, c->why_size, format, args);
    va_end(args);
    return false;
}

/* This says nothing of the file. */
static bool fail(struct check *c, int code) {
    c->code = code;
    return refuse(c, "it cannot be looked at: %s", strerror(code));
}

static bool read_at(const struct check *c, void *to, size_t size, uint64_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(c->fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refuse(c, "it cannot be read: %s", strerror(errno));
        }
        if (got == 0) {
            return refuse(c, "it ends at byte %llu, in the middle of what belongs to it",
                          (unsigned long long)(offset + done));
        }
        done += (size_t)got;
    }
    return true;
}

/* Each page belongs to one place only. */
static bool claim(struct check *c, size_t number, size_t by) {
    if (number < FIRST_PAGE || number > c->meta.last_page) {
        return refuse(c, "page %zu: refers to page %zu, which does not exist", by, number);
    }
    uint8_t bit = (uint8_t)(1u << (number & 7));
    if (c->seen[number >> 3] & bit) {
        return refuse(c, "page %zu: refers to page %zu, which belongs to something else", by,
                      number);
    }
    c->seen[number >> 3] |= bit;
    return true;
}

static struct node_head node_at(const char *page, size_t offset) {
    struct node_head node;
    memcpy(&node, page + offset, sizeof(node));
    return node;
}

static size_t offset_of(const char *page, unsigned index) {
    uint16_t offset;
    memcpy(&offset, page + HEAD_SIZE + index * sizeof(offset), sizeof(offset));
    return offset;
}

static size_t low_part(struct node_head node) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return node.words[0] | (size_t)node.words[1] << 16;
#else
    return node.words[1] | (size_t)node.words[0] << 16;
#endif
}

static size_t child_of(struct node_head node) {
    size_t number = low_part(node);
#if SIZE_MAX > UINT32_MAX
    number |= (size_t)node.flags << 32;
#endif
    return number;
}

/* Bytes that a node takes in its page, before they are rounded up to an even number. */
static size_t node_extent(struct node_head node, bool leaf) {
    size_t size = NODE_SIZE + node.key_size;
    if (!leaf) {
        return size;
    }
    return size + (node.flags & NODE_BIG ? sizeof(size_t) : low_part(node));
}

static size_t even(size_t size) {
    return size + (size & 1);
}

static bool check_node(const struct check *c, const struct page_head *head, const char *page,
                       unsigned index, bool leaf) {
    size_t offset = offset_of(page, index);
    if ((offset & 1) || offset < head->upper || offset + NODE_SIZE > c->page_size) {
        return refuse(c, "page %zu: node %u lies outside of the page", head->number, index);
    }
    struct node_head node = node_at(page, offset);
    size_t extent = node_extent(node, leaf);
    if (even(extent) > c->page_size - offset) {
        return refuse(c, "page %zu: node %u is larger than the page", head->number, index);
    }
    if (node.key_size > MAX_KEY || (leaf && node.key_size == 0)) {
        return refuse(c, "page %zu: node %u has a key of %u bytes", head->number, index,
                      node.key_size);
    }
    size_t largest = (((c->page_size - HEAD_SIZE) / 2) & ~(size_t)1) - sizeof(uint16_t);
    if (leaf && !(node.flags & NODE_BIG) && extent > largest) {
        return refuse(c, "page %zu: node %u is too large to stand in a page", head->number, index);
    }
    return true;
}

/* LMDB moves nodes by their sizes: they have to fill the upper part of the page without gaps and
 * without sharing a byte. */
static bool check_tiles(const struct check *c, const struct page_head *head, const char *page,
                        unsigned count, bool leaf) {
    uint8_t starts[MAX_PAGE_SIZE / 16] = {0};
    for (unsigned i = 0; i < count; i++) {
        size_t cell = offset_of(page, i) / 2;
        starts[cell >> 3] |= (uint8_t)(1u << (cell & 7));
    }
    size_t offset = head->upper;
    for (unsigned i = 0; i < count; i++) {
        size_t cell = offset / 2;
        if (offset >= c->page_size || !(starts[cell >> 3] & (1u << (cell & 7)))) {
            return refuse(c, "page %zu: its nodes overlap", head->number);
        }
        offset += even(node_extent(node_at(page, offset), leaf));
    }
    return offset == c->page_size ||
           refuse(c, "page %zu: its nodes do not fill their part of the page", head->number);
}

static bool check_page(const struct check *c, size_t number, const char *page, bool leaf,
                       unsigned *count) {
    struct page_head head;
    memcpy(&head, page, sizeof(head));
    if (head.number != number) {
        return refuse(c, "page %zu: says that it is page %zu", number, head.number);
    }
    if (head.flags != (leaf ? PAGE_LEAF : PAGE_BRANCH)) {
        return refuse(c, "page %zu: has the flags 0x%x where a %s belongs", number, head.flags,
                      leaf ? "leaf" : "branch");
    }
    if (head.lower < HEAD_SIZE || (head.lower & 1) || (head.upper & 1) || head.lower > head.upper ||
        head.upper > c->page_size) {
        return refuse(c, "page %zu: its free space lies outside of the page", number);
    }
    *count = (unsigned)((head.lower - HEAD_SIZE) / sizeof(uint16_t));
    if (*count < (leaf ? 1 : 2)) {
        return refuse(c, "page %zu: has only %u nodes", number, *count);
    }
    for (unsigned i = 0; i < *count; i++) {
        if (!check_node(c, &head, page, i, leaf)) {
            return false;
        }
    }
    return check_tiles(c, &head, page, *count, leaf);
}

static int compare_keys(const struct walk *w, const uint8_t *key, size_t size) {
    if (w->tree->flags & TREE_INTEGER_KEY) {
        size_t a, b;
        memcpy(&a, key, sizeof(a));
        memcpy(&b, w->floor, sizeof(b));
        return (a > b) - (a < b);
    }
    int order = memcmp(key, w->floor, size < w->floor_size ? size : w->floor_size);
    return order ? order : (size > w->floor_size) - (size < w->floor_size);
}

/* `bound`: the key is no record's, but the least that the records below it may have. */
static bool check_key(struct walk *w, const char *text, size_t size, size_t page, bool bound) {
    const uint8_t *key = (const uint8_t *)text;
    bool integer = w->tree->flags & TREE_INTEGER_KEY;
    if (size == 0 || (integer && size != sizeof(size_t))) {
        return refuse(w->check, "page %zu: has a key of %zu bytes", page, size);
    }
    if (w->has_floor) {
        int order = compare_keys(w, key, size);
        if (order < 0 || (order == 0 && !w->inclusive)) {
            return refuse(w->check, "page %zu: its keys are out of order", page);
        }
    }
    memcpy(w->floor, key, size);
    w->floor_size = size;
    w->has_floor = true;
    w->inclusive = bound;
    return true;
}

static bool check_overflow(struct walk *w, size_t number, size_t data_size, size_t by,
                           uint64_t *offset) {
    struct check *c = w->check;
    struct page_head head;
    if (!claim(c, number, by) ||
        !read_at(c, &head, sizeof(head), (uint64_t)number * c->page_size)) {
        return false;
    }
    uint32_t pages;
    memcpy(&pages, &head.lower, sizeof(pages));
    if (head.number != number || head.flags != PAGE_OVERFLOW ||
        (HEAD_SIZE + (uint64_t)data_size + c->page_size - 1) / c->page_size > pages) {
        return refuse(c, "page %zu: does not hold the value of %zu bytes that belongs there",
                      number, data_size);
    }
    if (((uint64_t)number + pages) * c->page_size > c->file_size) {
        return refuse(c, "page %zu: its value reaches beyond the end of the file", number);
    }
    for (uint32_t i = 1; i < pages; i++) {
        if (!claim(c, number + i, by)) {
            return false;
        }
    }
    w->overflow_pages += pages;
    *offset = (uint64_t)number * c->page_size + HEAD_SIZE;
    return true;
}

/* A record of the free list: how many pages, then their numbers, the greatest first. */
static bool check_free_record(struct check *c, uint64_t offset, size_t size, size_t by) {
    size_t ids[FREE_CHUNK];
    size_t count;
    if (size < sizeof(size_t) || size % sizeof(size_t) != 0) {
        return refuse(c, "page %zu: a record of the free list has %zu bytes", by, size);
    }
    if (!read_at(c, &count, sizeof(count), offset)) {
        return false;
    }
    if (count > size / sizeof(size_t) - 1) {
        return refuse(c, "page %zu: a record of the free list says that it has %zu pages", by,
                      count);
    }
    size_t above = SIZE_MAX;
    for (size_t done = 0; done < count;) {
        size_t some = count - done < FREE_CHUNK ? count - done : FREE_CHUNK;
        if (!read_at(c, ids, some * sizeof(*ids), offset + (done + 1) * sizeof(*ids))) {
            return false;
        }
        for (size_t i = 0; i < some; i++) {
            if (ids[i] >= above) {
                return refuse(c, "page %zu: the free list is out of order", by);
            }
            if (!claim(c, ids[i], by)) {
                return false;
            }
            above = ids[i];
        }
        done += some;
    }
    return true;
}

static bool check_free_node(struct check *c, const char *key, uint64_t offset, size_t size,
                            size_t by) {
    size_t txn;
    memcpy(&txn, key, sizeof(txn));
    if (txn == 0 || txn > c->meta.txn) {
        return refuse(c, "page %zu: the free list names transaction %zu, the last one is %zu", by,
                      txn, c->meta.txn);
    }
    return check_free_record(c, offset, size, by);
}

static bool check_tree_head(const struct check *c, const struct tree *tree, unsigned allowed) {
    if (tree->flags & ~allowed) {
        return refuse(c, "a database has the flags 0x%x, which no spool has", tree->flags);
    }
    bool empty = tree->root == NO_PAGE;
    if (empty
            ? tree->depth || tree->branches || tree->leaves || tree->overflow_pages || tree->entries
            : tree->depth == 0 || tree->depth > MAX_DEPTH) {
        return refuse(c, "a database of %zu records has a depth of %u", tree->entries, tree->depth);
    }
    return true;
}

static bool add_named(struct check *c, const char *data) {
    if (c->named_count == c->named_capacity) {
        size_t capacity = c->named_capacity ? c->named_capacity * 2 : 8;
        struct tree *named = realloc(c->named, capacity * sizeof(*named));
        if (!named) {
            return fail(c, ENOMEM);
        }
        c->named = named;
        c->named_capacity = capacity;
    }
    struct tree *tree = &c->named[c->named_count];
    memcpy(tree, data, sizeof(*tree));
    c->named_count += 1;
    return check_tree_head(c, tree, TREE_INTEGER_KEY);
}

static bool check_record(struct walk *w, size_t number, const char *page, unsigned index) {
    size_t start = offset_of(page, index);
    struct node_head node = node_at(page, start);
    const char *key = page + start + NODE_SIZE, *data = key + node.key_size;
    size_t size = low_part(node);
    w->entries += 1;
    if (!check_key(w, key, node.key_size, number, false)) {
        return false;
    }
    if (node.flags == NODE_DATABASE && w->kind == TREE_MAIN && size == sizeof(struct tree)) {
        return add_named(w->check, data);
    }
    if (node.flags & ~NODE_BIG) {
        return refuse(w->check, "page %zu: node %u has the flags 0x%x", number, index, node.flags);
    }
    uint64_t offset = (uint64_t)number * w->check->page_size + (size_t)(data - page);
    if (node.flags == NODE_BIG) {
        size_t overflow;
        memcpy(&overflow, data, sizeof(overflow));
        if (!check_overflow(w, overflow, size, number, &offset)) {
            return false;
        }
    }
    return w->kind != TREE_FREE_LIST || check_free_node(w->check, key, offset, size, number);
}

static bool enter_page(struct walk *w, size_t number, size_t by) {
    struct check *c = w->check;
    char *page = w->pages + w->depth * c->page_size;
    bool leaf = w->depth + 1 == w->tree->depth;
    unsigned count = 0;
    if (!claim(c, number, by) || !read_at(c, page, c->page_size, (uint64_t)number * c->page_size) ||
        !check_page(c, number, page, leaf, &count)) {
        return false;
    }
    w->levels[w->depth++] = (struct level){.number = number, .count = count};
    *(leaf ? &w->leaves : &w->branches) += 1;
    return true;
}

static bool enter_child(struct walk *w, size_t number, const char *page, unsigned index) {
    size_t start = offset_of(page, index);
    struct node_head node = node_at(page, start);
    /* LMDB does not look at the first key of a branch. */
    if (index > 0 && !check_key(w, page + start + NODE_SIZE, node.key_size, number, true)) {
        return false;
    }
    return enter_page(w, child_of(node), number);
}

static bool walk_pages(struct walk *w) {
    if (!enter_page(w, w->tree->root, 0)) {
        return false;
    }
    while (w->depth > 0) {
        unsigned top = w->depth - 1;
        struct level *level = &w->levels[top];
        if (level->next == level->count) {
            w->depth = top;
            continue;
        }
        const char *page = w->pages + top * w->check->page_size;
        unsigned index = level->next++;
        bool leaf = top + 1 == w->tree->depth;
        if (!(leaf ? check_record(w, level->number, page, index)
                   : enter_child(w, level->number, page, index))) {
            return false;
        }
    }
    return true;
}

static bool check_tree(struct check *c, const struct tree *tree, enum tree_kind kind) {
    if (tree->root == NO_PAGE) {
        return true;
    }
    struct walk w = {.check = c, .kind = kind, .tree = tree};
    w.pages = malloc(tree->depth * c->page_size);
    if (!w.pages) {
        return fail(c, ENOMEM);
    }
    bool sound = walk_pages(&w);
    free(w.pages);
    if (sound && (w.branches != tree->branches || w.leaves != tree->leaves ||
                  w.overflow_pages != tree->overflow_pages || w.entries != tree->entries)) {
        return refuse(c, "a database has %zu records where %zu are announced, or other pages",
                      w.entries, tree->entries);
    }
    return sound;
}

static bool check_trees(struct check *c) {
    if (!check_tree(c, &c->meta.free_list, TREE_FREE_LIST) ||
        !check_tree(c, &c->meta.main, TREE_MAIN)) {
        return false;
    }
    for (size_t i = 0; i < c->named_count; i++) {
        if (!check_tree(c, &c->named[i], TREE_NAMED)) {
            return false;
        }
    }
    return true;
}

static bool read_meta(const struct check *c, unsigned index, size_t page_size, struct meta *meta) {
    struct page_head head;
    uint64_t offset = index * (uint64_t)page_size;
    if (!read_at(c, &head, sizeof(head), offset) ||
        !read_at(c, meta, sizeof(*meta), offset + sizeof(head))) {
        return false;
    }
    if (head.number != index || head.flags != PAGE_META || meta->magic != META_MAGIC) {
        return refuse(c, index ? "its second meta page is damaged" : "it is no LMDB file");
    }
    if (meta->version != META_VERSION) {
        return refuse(c, "it has LMDB's format %u, not %u", (unsigned)meta->version, META_VERSION);
    }
    return true;
}

static bool pick_meta(struct check *c) {
    struct meta metas[2];
    if (!read_meta(c, 0, 0, &metas[0])) {
        return false;
    }
    size_t page_size = metas[0].free_list.pad;
    if (page_size < MIN_PAGE_SIZE || page_size > MAX_PAGE_SIZE || (page_size & (page_size - 1))) {
        return refuse(c, "it has pages of %zu bytes", page_size);
    }
    if (!read_meta(c, 1, page_size, &metas[1])) {
        return false;
    }
    if (metas[1].free_list.pad != page_size) {
        return refuse(c, "its meta pages tell different page sizes");
    }
    /* LMDB looks for the newest meta page by its number, and then for its place by oddness. */
    unsigned newest = metas[0].txn < metas[1].txn;
    if ((metas[newest].txn & 1) != newest) {
        return refuse(c, "its meta pages are in the wrong order");
    }
    c->page_size = page_size;
    c->meta = metas[newest];
    return true;
}

static bool check_meta(struct check *c) {
    const struct meta *meta = &c->meta;
    if (!pick_meta(c)) {
        return false;
    }
    if (c->file_size < FIRST_PAGE * (uint64_t)c->page_size) {
        return refuse(c, "it is shorter than its meta pages");
    }
    if (meta->last_page < FIRST_PAGE - 1 || meta->last_page >= MAX_PAGES ||
        meta->last_page >= meta->map_size / c->page_size) {
        return refuse(c, "its last page is said to be page %zu", meta->last_page);
    }
    if (!(meta->free_list.flags & TREE_INTEGER_KEY)) {
        return refuse(c, "its free list has the flags 0x%x", meta->free_list.flags);
    }
    return check_tree_head(c, &meta->free_list, TREE_INTEGER_KEY | TREE_NO_FOLDER) &&
           check_tree_head(c, &meta->main, TREE_INTEGER_KEY);
}

static bool check_file(struct check *c) {
    if (c->file_size < FIRST_PAGE * MIN_PAGE_SIZE) {
        return refuse(c, "it is no LMDB file");
    }
    if (!check_meta(c)) {
        return false;
    }
    c->seen = calloc(c->meta.last_page / 8 + 1, 1);
    if (!c->seen) {
        return fail(c, ENOMEM);
    }
    return check_trees(c);
}

bool spool_check_data(const char *path, char *why, size_t size) {
    struct check c = {.why = why, .why_size = size};
    struct stat st;
    /* Not blocking: it may be a FIFO. */
    c.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (c.fd < 0) {
        int code = errno;
        bool absent = code == ENOENT || refuse(&c, "it cannot be opened: %s", strerror(code));
        errno = absent ? 0 : code;
        return absent;
    }
    bool sound = fstat(c.fd, &st) == 0 || refuse(&c, "it cannot be read: %s", strerror(errno));
    if (sound && !S_ISREG(st.st_mode)) {
        sound = refuse(&c, "it is no regular file");
    } else if (sound && st.st_size > 0) {
        c.file_size = (uint64_t)st.st_size;
        sound = check_file(&c);
    }
    close(c.fd);
    free(c.seen);
    free(c.named);
    errno = c.code;
    return sound;
}
