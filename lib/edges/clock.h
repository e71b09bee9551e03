/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, in milliseconds. */
#ifndef MQK_EDGES_CLOCK_H
#define MQK_EDGES_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A clock that never jumps, for deadlines and ages. */
static inline int64_t clock_monotonic_ms(void) {
    return clock_read_ms(CLOCK_MONOTONIC);
}

/* The same, as the system's last tick left it, some milliseconds ago: costs next to nothing. */
static inline int64_t clock_monotonic_tick_ms(void) {
    return clock_read_ms(CLOCK_MONOTONIC_COARSE);
}

/* The time of day, since 1970. */
static inline int64_t clock_wall_ms(void) {
    return clock_read_ms(CLOCK_REALTIME);
}

/* The same, as the last tick left it. */
static inline int64_t clock_wall_tick_ms(void) {
    return clock_read_ms(CLOCK_REALTIME_COARSE);
}

/* When a wait of `timeout_ms` from now ends; negative: never. */
static inline int64_t clock_deadline_ms(int64_t timeout_ms) {
    return timeout_ms < 0 ? INT64_MAX : clock_monotonic_ms() + timeout_ms;
}

#endif
