/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wakes the broker's loop when the bridge has something for it. The loop sleeps for up to 100 ms
 * and knows nothing of our descriptor, and nothing of a broker's interface may be called from
 * another thread. So a small thread watches the descriptor and interrupts the sleep with a signal:
 * SIGURG, which does nothing wherever nobody handles it. A signal that comes a moment too early is
 * lost, so the thread repeats it until the broker has seen to the matter.
 */
#ifndef MQK_MOSQUITTO_WAKER_H
#define MQK_MOSQUITTO_WAKER_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct waker {
    int fd;      /* the bridge's descriptor */
    int stop_fd; /* becomes readable when the thread is to end */
    int ask_fd;  /* becomes readable when the broker's thread asks for another turn */
    pthread_t broker;
    pthread_t thread;
    bool running;
    bool handles;          /* SIGURG had no handler, so ours is there */
    atomic_bool asked;     /* the broker's next turn is to see to the bridge */
    _Atomic uint64_t turn; /* counts the turns of the broker's loop */
};

/* Starts watching `fd`; to be called on the broker's thread. Does nothing when it runs already.
 * False when there is no thread or descriptor to be had: then the loop wakes in its own time. */
bool waker_start(struct waker *waker, int fd);

/* Ends the thread; harmless when none runs. */
void waker_stop(struct waker *waker);

/* Begins a turn of the broker's loop: whether the waker asked for it. */
bool waker_turn(struct waker *waker);

/* Ends it: `again` when the loop is to turn once more, without sleeping. */
void waker_done(struct waker *waker, bool again);

#endif
