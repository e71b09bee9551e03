/* SPDX-License-Identifier: Apache-2.0 */
#include "latency.h"

#include <stdlib.h>

struct latency *latency_book_get(struct latency_book *book, const char *cluster) {
    struct latency *l = book->first;
    while (l && strcmp(l->name, cluster) != 0) {
        l = l->next;
    }
    if (l) {
        return l;
    }
    size_t size = strlen(cluster) + 1;
    l = calloc(1, sizeof(*l) + size);
    if (l) {
        memcpy(l->name, cluster, size);
        l->next = book->first;
        book->first = l;
    }
    return l;
}

void latency_book_fini(struct latency_book *book) {
    while (book->first) {
        struct latency *l = book->first;
        book->first = l->next;
        free(l);
    }
}

void latency_read(struct latency *l, int64_t now_ms, struct histogram_counts *all,
                  struct histogram_counts *recent) {
    histogram_read(&l->all, all);
    if (l->newer_ms == 0) {
        l->newer_ms = now_ms; /* the first look: `newer` is nothing, as it was at the opening */
    } else if (now_ms - l->newer_ms >= LATENCY_WINDOW_MS) {
        l->older = l->newer;
        l->newer = *all;
        l->newer_ms = now_ms;
    }
    *recent = *all;
    histogram_subtract(recent, &l->older);
}
