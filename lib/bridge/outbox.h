/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits to be told to the host: log lines and finished tokens. Any thread puts things in; they
 * are taken out on the host's thread (outbox_run() from poll, flush, close) or, when the host asked
 * for it, on a thread of the library. A descriptor is readable while something waits.
 */
#ifndef MQK_BRIDGE_OUTBOX_H
#define MQK_BRIDGE_OUTBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "str.h"

/* Log lines that wait at most; more are counted and forgotten. */
#define OUTBOX_MAX_LINES 1000u

struct outbox_item {
    struct outbox_item *next;
    bool is_line;
    mqk_log_level level; /* of a line */
    mqk_status status;   /* of a token */
    uint64_t token;
    size_t len; /* of the line, whose text stands behind the item */
};

struct outbox {
    mqk_host host; /* of full size */
    int fd;        /* eventfd */
    pthread_mutex_t lock;
    struct outbox_item *head;
    struct outbox_item **tail;
    size_t lines;
    _Atomic uint64_t lines_dropped;
    bool has_thread;
    atomic_bool stop;
    pthread_t thread;
    int (*more)(void *user); /* what else is to be told; NULL: nothing */
    void *more_user;
    bool in_more; /* it is running */
};

/* Copies the host's struct. False: no descriptor or thread could be had. */
bool outbox_init(struct outbox *o, const mqk_host *host);

/* Runs what is left, ends the thread, frees all. */
void outbox_fini(struct outbox *o);

/* Puts an item in; it is freed with free() after it was told. */
void outbox_push(struct outbox *o, struct outbox_item *item);

/* Puts a log line in (a log_sink_fn; `user` is the outbox). */
void outbox_push_line(void *user, mqk_log_level level, mqk_str message);

/* From now on, telling also runs `more`, which returns how many callbacks ran; NULL: no more.
 * outbox_wake() brings it about. Waits until a run that is under way has ended; not from within
 * one. */
void outbox_set_more(struct outbox *o, int (*more)(void *user), void *user);

/* Makes outbox_run() return early. */
void outbox_wake(struct outbox *o);

/* Waits up to `timeout_ms` (-1: no limit) for something, then tells all that waits; returns how
 * many callbacks ran. With MQK_HOST_LIBRARY_THREAD it only waits. */
int outbox_run(struct outbox *o, int timeout_ms);

#endif
