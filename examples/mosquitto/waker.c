/* SPDX-License-Identifier: Apache-2.0 */
#include "waker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 1
#define PAUSE_LAST_MS  64

static void on_urgent(int number) {
    (void)number;
}

/* Waits until the bridge has something; false when it is time to end. */
static bool bridge_wait(const struct waker *waker) {
    struct pollfd fds[] = {{.fd = waker->fd, .events = POLLIN},
                           {.fd = waker->ask_fd, .events = POLLIN},
                           {.fd = waker->stop_fd, .events = POLLIN}};
    eventfd_t count = 0;
    poll(fds, 3, -1);
    eventfd_read(waker->ask_fd, &count);
    return fds[2].revents == 0;
}

/* False when it is time to end. */
static bool pause_ms(const struct waker *waker, int ms) {
    struct pollfd fd = {.fd = waker->stop_fd, .events = POLLIN};
    return poll(&fd, 1, ms) <= 0;
}

/* Interrupts the broker's sleep until it has done what was asked; false when it is time to end. */
static bool broker_rouse(struct waker *waker) {
    uint64_t seen = atomic_load(&waker->turn);
    int wait_ms = PAUSE_FIRST_MS;
    while (atomic_load(&waker->asked)) {
        pthread_kill(waker->broker, SIGURG);
        if (!pause_ms(waker, wait_ms)) {
            return false;
        }
        uint64_t turn = atomic_load(&waker->turn);
        wait_ms = turn != seen                  ? PAUSE_FIRST_MS
                  : wait_ms * 2 < PAUSE_LAST_MS ? wait_ms * 2
                                                : PAUSE_LAST_MS;
        seen = turn;
    }
    return true;
}

static void *waker_run(void *user) {
    struct waker *waker = user;
    while (bridge_wait(waker)) {
        atomic_store(&waker->asked, true);
        if (!broker_rouse(waker)) {
            break;
        }
    }
    return NULL;
}

/* Another plugin's handler serves as well: all that counts is that there is one. */
static bool handler_set(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (sigaction(SIGURG, NULL, &action) != 0 ||
        (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)) {
        return false;
    }
    const struct sigaction ours = {.sa_handler = on_urgent, .sa_flags = SA_RESTART};
    return sigaction(SIGURG, &ours, NULL) == 0;
}

static void handler_clear(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (sigaction(SIGURG, NULL, &action) == 0 && action.sa_handler == on_urgent) {
        signal(SIGURG, SIG_DFL);
    }
}

/* The broker's signals stay with the broker's thread. */
static bool thread_start(struct waker *waker) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&waker->thread, NULL, waker_run, waker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void resources_free(struct waker *waker) {
    if (waker->handles) {
        handler_clear();
        waker->handles = false;
    }
    if (waker->stop_fd >= 0) {
        close(waker->stop_fd);
    }
    if (waker->ask_fd >= 0) {
        close(waker->ask_fd);
    }
}

bool waker_start(struct waker *waker, int fd) {
    if (waker->running) {
        return true;
    }
    waker->fd = fd;
    waker->broker = pthread_self();
    waker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    waker->ask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (waker->stop_fd >= 0 && waker->ask_fd >= 0) {
        waker->handles = handler_set();
        waker->running = thread_start(waker);
    }
    if (!waker->running) {
        resources_free(waker);
    }
    return waker->running;
}

void waker_stop(struct waker *waker) {
    if (!waker->running) {
        return;
    }
    eventfd_write(waker->stop_fd, 1);
    pthread_join(waker->thread, NULL);
    waker->running = false;
    resources_free(waker);
}

bool waker_turn(struct waker *waker) {
    atomic_fetch_add(&waker->turn, 1);
    return atomic_load(&waker->asked);
}

void waker_done(struct waker *waker, bool again) {
    if (!again || !waker->running) {
        atomic_store(&waker->asked, false);
    } else if (!atomic_exchange(&waker->asked, true)) {
        eventfd_write(waker->ask_fd, 1);
    }
}
