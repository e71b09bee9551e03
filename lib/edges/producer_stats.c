/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_stats.h"

#include "clock.h"
#include "producer_private.h"

#define MARK_EVERY_MS 1000

const char *producer_librdkafka(void) {
    return rd_kafka_version_str();
}

bool producer_mark(struct producer *p) {
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < p->next_mark_ms) {
        return false;
    }
    p->next_mark_ms = now_ms + MARK_EVERY_MS;
    uint64_t left = atomic_load(&p->done_count);
    uint64_t entered = left + HELD_RECORDS(atomic_load(&p->held));
    pthread_mutex_lock(&p->message_lock);
    queue_age_mark(&p->age, entered, left, now_ms);
    pthread_mutex_unlock(&p->message_lock);
    return true;
}

static int64_t oldest_in_flight_ms(struct producer *p, int64_t now_ms) {
    uint64_t left = atomic_load(&p->done_count);
    uint64_t entered = left + HELD_RECORDS(atomic_load(&p->held));
    pthread_mutex_lock(&p->message_lock);
    int64_t age_ms = queue_age_ms(&p->age, entered, left, now_ms);
    pthread_mutex_unlock(&p->message_lock);
    return age_ms;
}

void producer_stats(struct producer *p, struct producer_stats *out) {
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&p->queue_lock);
    const struct queued *oldest = record_queue_first(&p->queue);
    int64_t waiting_ms = oldest ? now_ms - oldest->accepted_ms : 0;
    uint64_t held = atomic_load(&p->held);
    out->backlog = p->queue.count;
    out->bytes = p->queue.bytes + HELD_BYTES(held);
    pthread_mutex_unlock(&p->queue_lock);
    out->in_flight = HELD_RECORDS(held);
    int64_t flying_ms = oldest_in_flight_ms(p, now_ms);
    out->oldest_age_ms = waiting_ms > flying_ms ? waiting_ms : flying_ms;
}
