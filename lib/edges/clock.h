/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, in milliseconds. */
#ifndef MQK_EDGES_CLOCK_H
#define MQK_EDGES_CLOCK_H

#include <stdint.h>
#include <time.h>

/* A clock that never jumps, for deadlines and ages. */
static inline int64_t clock_monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The same, as the system's last tick left it, some milliseconds ago: costs next to nothing. */
static inline int64_t clock_monotonic_tick_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The time of day, since 1970. */
static inline int64_t clock_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The same, as the last tick left it. */
static inline int64_t clock_wall_tick_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* When a wait of `timeout_ms` from now ends; negative: never. */
static inline int64_t clock_deadline_ms(int64_t timeout_ms) {
    return timeout_ms < 0 ? INT64_MAX : clock_monotonic_ms() + timeout_ms;
}

#endif
