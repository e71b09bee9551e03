/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks share. All results are ratios of two things measured in turn in the same run.
 */
#ifndef MQK_TESTS_BENCH_H
#define MQK_TESTS_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Time that the calling thread has spent on a processor: other threads and other programs do not
 * count. */
static inline double bench_thread_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Time that has passed, for what several threads do together. */
static inline double bench_wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(double *values, size_t count) {
    qsort(values, count, sizeof(*values), bench_compare);
    return values[count / 2];
}

/* One line of the table: what, how long, against what, the ratio and its goal. */
static inline void bench_row(const char *what, double ns, const char *reference,
                             double reference_ns, const char *goal) {
    printf("%-52s %9.1f ns   %-34s %11.1f ns   ratio %8.2f   (goal %s)\n", what, ns, reference,
           reference_ns, ns / reference_ns, goal);
    fflush(stdout);
}

#endif
