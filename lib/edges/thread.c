/* SPDX-License-Identifier: Apache-2.0 */
#include "thread.h"

#include <signal.h>
#include <stdio.h>

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *user), void *user) {
    char short_name[16];
    sigset_t all;
    sigset_t before;
    snprintf(short_name, sizeof(short_name), "%s", name);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, user);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed) {
        pthread_setname_np(*thread, short_name);
    }
    return !failed;
}

void thread_init_adaptive(pthread_mutex_t *lock) {
    pthread_mutexattr_t attr;
    bool made = pthread_mutexattr_init(&attr) == 0;
    if (made) {
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    }
    pthread_mutex_init(lock, made ? &attr : NULL);
    if (made) {
        pthread_mutexattr_destroy(&attr);
    }
}
