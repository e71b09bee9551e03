/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter index against a loop over mosquitto_topic_matches_sub(): which of N filters match a
 * topic?
 */
#include "bench.h"

#include <mosquitto.h>

#include "filter_index.h"

#define TOPICS 64

static char (*filters)[64];
static char topics[TOPICS][64];

static void make(int count) {
    filters = malloc((size_t)count * sizeof(*filters));
    for (int i = 0; i < count; i++) {
        static const char *const shapes[] = {"site/%d/line/+/temp", "site/%d/line/3/#",
                                             "site/%d/+/3/state", "device/%d/up"};
        snprintf(filters[i], sizeof(filters[i]), shapes[i % 4], i / 4);
    }
    for (int i = 0; i < TOPICS; i++) {
        snprintf(topics[i], sizeof(topics[i]), i % 2 ? "site/%d/line/3/temp" : "nowhere/%d/line/3",
                 i * count / TOPICS / 4);
    }
}

static double time_index(const struct filter_index *index, int rounds, size_t *matches) {
    uint32_t rules[64];
    double start = bench_thread_ns();
    for (int r = 0; r < rounds; r++) {
        for (int i = 0; i < TOPICS; i++) {
            *matches += filter_index_match(index, mqk_cstr(topics[i]), rules, 64);
        }
    }
    return (bench_thread_ns() - start) / rounds / TOPICS;
}

static double time_loop(int count, int rounds, size_t *matches) {
    double start = bench_thread_ns();
    for (int r = 0; r < rounds; r++) {
        for (int i = 0; i < TOPICS; i++) {
            for (int f = 0; f < count; f++) {
                bool match = false;
                mosquitto_topic_matches_sub(filters[f], topics[i], &match);
                *matches += match;
            }
        }
    }
    return (bench_thread_ns() - start) / rounds / TOPICS;
}

int main(void) {
    static const struct {
        int count;
        int rounds;
        const char *goal;
    } cases[] = {
        {10, 2000, "-"}, {1000, 20, "-"}, {10000, 3, "at least 1000 times"}, {100000, 1, "-"}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        make(cases[c].count);
        struct filter_index *index = filter_index_new();
        for (int i = 0; i < cases[c].count; i++) {
            filter_index_add(index, mqk_cstr(filters[i]), (uint32_t)i);
        }
        filter_index_finish(index);
        size_t ours = 0;
        size_t theirs = 0;
        int index_rounds = 2000;
        time_index(index, index_rounds, &ours);
        ours = 0;
        double a = time_index(index, index_rounds, &ours);
        double b = time_loop(cases[c].count, cases[c].rounds, &theirs);
        if (ours / (size_t)index_rounds != theirs / (size_t)cases[c].rounds) {
            fprintf(stderr, "bench_filters: %zu matches against %zu\n", ours / (size_t)index_rounds,
                    theirs / (size_t)cases[c].rounds);
            return 1;
        }
        char what[64];
        snprintf(what, sizeof(what), "filter index, %d filters", cases[c].count);
        printf("%-32s %8.1f ns   mosquitto_topic_matches_sub loop %12.1f ns   %9.0f times faster   "
               "(goal %s)   %.0f bytes a filter\n",
               what, a, b, b / a, cases[c].goal,
               (double)filter_index_bytes(index) / cases[c].count);
        filter_index_free(index);
        free(filters);
    }
    return 0;
}
