/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_age.h"

/* The last mark before the oldest entered; marks before it are of no use any more. */
static size_t mark_before(const struct queue_age *q, uint64_t left) {
    size_t i = 0;
    while (i + 1 < q->count && q->marks[i + 1].entered <= left) {
        i++;
    }
    return i;
}

static void forget(struct queue_age *q, size_t count) {
    for (size_t i = count; i < q->count; i++) {
        q->marks[i - count] = q->marks[i];
    }
    q->count -= count;
}

/* Keeps the ends and every second one between them. */
static void thin(struct queue_age *q) {
    size_t kept = 1;
    for (size_t i = 2; i + 1 < q->count; i += 2) {
        q->marks[kept++] = q->marks[i];
    }
    q->marks[kept++] = q->marks[q->count - 1];
    q->count = kept;
}

void queue_age_mark(struct queue_age *q, uint64_t entered, uint64_t left, int64_t now_ms) {
    if (q->count == 0) {
        q->marks[q->count++] = (struct queue_mark){left, now_ms};
    }
    forget(q, mark_before(q, left));
    if (q->marks[q->count - 1].entered == entered) {
        q->marks[q->count - 1].at_ms = now_ms; /* who enters next does so after now */
        return;
    }
    /* The longer the oldest waits, the rarer the marks. */
    int64_t apart_ms = (now_ms - q->marks[0].at_ms) / (int64_t)(QUEUE_AGE_MARKS / 2);
    if (now_ms - q->marks[q->count - 1].at_ms < apart_ms) {
        return;
    }
    if (q->count == QUEUE_AGE_MARKS) {
        thin(q);
    }
    q->marks[q->count++] = (struct queue_mark){entered, now_ms};
}

int64_t queue_age_ms(const struct queue_age *q, uint64_t entered, uint64_t left, int64_t now_ms) {
    if (entered <= left || q->count == 0) {
        return 0;
    }
    int64_t age = now_ms - q->marks[mark_before(q, left)].at_ms;
    return age > 0 ? age : 0;
}
