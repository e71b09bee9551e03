/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the library: named, and deaf to signals, which belong to the host's threads. */
#ifndef MQK_EDGES_THREAD_H
#define MQK_EDGES_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread with all signals blocked. `name` is cut at 15 bytes. False on failure. */
bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *user), void *user);

/* A lock that is held for moments only: who finds it taken does better to look again than to sleep.
 */
void thread_init_adaptive(pthread_mutex_t *lock);

#endif
