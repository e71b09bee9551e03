/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "thread.h"

static struct outbox_item *take_all(struct outbox *o, int (**more)(void *user)) {
    uint64_t ignored;
    pthread_mutex_lock(&o->lock);
    *more = o->more;
    o->in_more = o->more != NULL;
    struct outbox_item *items = o->head;
    o->head = NULL;
    o->tail = &o->head;
    o->lines = 0;
    /* Non-blocking: nothing to read is fine. */
    if (read(o->fd, &ignored, sizeof(ignored)) < 0) {
        ignored = 0;
    }
    pthread_mutex_unlock(&o->lock);
    return items;
}

static int tell_all(struct outbox *o) {
    int told = 0;
    int (*more)(void *user);
    struct outbox_item *items = take_all(o, &more);
    while (items) {
        struct outbox_item *item = items;
        items = item->next;
        if (item->is_line) {
            o->host.log(o->host.user, item->level, (mqk_str){(const char *)(item + 1), item->len});
        } else {
            o->host.delivered(o->host.user, item->token, item->status);
        }
        told++;
        free(item);
    }
    if (more) {
        told += more(o->more_user);
        pthread_mutex_lock(&o->lock);
        o->in_more = false;
        pthread_mutex_unlock(&o->lock);
    }
    return told;
}

static void wait_readable(struct outbox *o, int timeout_ms) {
    struct pollfd fd = {.fd = o->fd, .events = POLLIN};
    poll(&fd, 1, timeout_ms);
}

static void *run_thread(void *user) {
    struct outbox *o = user;
    while (!atomic_load(&o->stop)) {
        wait_readable(o, -1);
        tell_all(o);
    }
    return NULL;
}

bool outbox_init(struct outbox *o, const mqk_host *host) {
    memset(o, 0, sizeof(*o));
    if (host) {
        memcpy(&o->host, host, host->size < sizeof(o->host) ? host->size : sizeof(o->host));
    }
    o->tail = &o->head;
    o->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (o->fd < 0) {
        return false;
    }
    pthread_mutex_init(&o->lock, NULL);
    if (o->host.flags & MQK_HOST_LIBRARY_THREAD) {
        o->has_thread = thread_start(&o->thread, "mqk-host", run_thread, o);
        if (!o->has_thread) {
            outbox_fini(o);
            return false;
        }
    }
    return true;
}

void outbox_fini(struct outbox *o) {
    if (o->has_thread) {
        atomic_store(&o->stop, true);
        outbox_wake(o);
        pthread_join(o->thread, NULL);
    }
    tell_all(o);
    close(o->fd);
    pthread_mutex_destroy(&o->lock);
}

void outbox_set_more(struct outbox *o, int (*more)(void *user), void *user) {
    pthread_mutex_lock(&o->lock);
    o->more_user = user;
    o->more = more;
    while (o->in_more) {
        const struct timespec moment = {.tv_nsec = 1000000};
        pthread_mutex_unlock(&o->lock);
        nanosleep(&moment, NULL);
        pthread_mutex_lock(&o->lock);
    }
    pthread_mutex_unlock(&o->lock);
}

void outbox_wake(struct outbox *o) {
    uint64_t one = 1;
    /* The counter cannot overflow in practice, and a full one is readable as well. */
    if (write(o->fd, &one, sizeof(one)) < 0) {
        return;
    }
}

void outbox_push(struct outbox *o, struct outbox_item *item) {
    item->next = NULL;
    pthread_mutex_lock(&o->lock);
    bool first = !o->head;
    *o->tail = item;
    o->tail = &item->next;
    if (first) {
        outbox_wake(o);
    }
    pthread_mutex_unlock(&o->lock);
}

void outbox_push_line(void *user, mqk_log_level level, mqk_str message) {
    struct outbox *o = user;
    pthread_mutex_lock(&o->lock);
    bool room = o->lines < OUTBOX_MAX_LINES;
    o->lines += room;
    pthread_mutex_unlock(&o->lock);
    struct outbox_item *item = room ? malloc(sizeof(*item) + message.len + 1) : NULL;
    if (!item) {
        atomic_fetch_add(&o->lines_dropped, 1);
        return;
    }
    *item = (struct outbox_item){.is_line = true, .level = level, .len = message.len};
    char *text = (char *)(item + 1);
    memcpy(text, message.data, message.len);
    text[message.len] = '\0';
    outbox_push(o, item);
}

int outbox_run(struct outbox *o, int timeout_ms) {
    if (o->has_thread) {
        /* The library's thread tells; waiting here is all that is left of the call. */
        poll(NULL, 0, timeout_ms);
        return 0;
    }
    int told = tell_all(o);
    if (told == 0 && timeout_ms != 0) {
        wait_readable(o, timeout_ms);
        told = tell_all(o);
    }
    return told;
}
