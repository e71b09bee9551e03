/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

/* The headers that a dead letter gets beside its own. */
#define DEAD_HEADERS 7u

static mqk_header header(const char *name, mqk_str value) {
    return (mqk_header){mqk_cstr(name), value};
}

mqk_status producer_send_dead(struct producer *p, const struct record *record, mqk_status why,
                              const char *reason) {
    if (!p->settings->dead_letter || record->dead) {
        return MQK_ERR_UNAVAILABLE;
    }
    const struct topic_entry *topic = producer_topic(p, mqk_cstr(p->settings->dead_letter));
    mqk_header *headers = calloc(record->header_count + DEAD_HEADERS, sizeof(*headers));
    if (!topic || !headers) {
        free(headers);
        return MQK_ERR_NO_MEMORY;
    }
    char timestamp[24];
    char failed_at[24];
    char size[24];
    snprintf(timestamp, sizeof(timestamp), "%" PRId64, record->timestamp_ms);
    snprintf(failed_at, sizeof(failed_at), "%" PRId64, clock_wall_ms());
    snprintf(size, sizeof(size), "%zu", record->value.len);
    size_t n = record->header_count;
    if (n > 0) {
        memcpy(headers, record->headers, n * sizeof(*headers));
    }
    headers[n++] = header("mqk-error", mqk_cstr(mqk_status_name(why)));
    headers[n++] = header("mqk-reason", mqk_cstr(reason ? reason : mqk_status_text(why)));
    headers[n++] = header("mqk-topic", record->topic);
    headers[n++] = header("mqk-rule", record->rule);
    headers[n++] = header("mqk-timestamp", mqk_cstr(timestamp));
    headers[n++] = header("mqk-failed-at", mqk_cstr(failed_at));

    struct record dead = *record;
    dead.topic = topic->name;
    dead.handle = (void *)(uintptr_t)topic;
    dead.partition = -1;
    dead.dead = true;
    if (why == MQK_ERR_TOO_LARGE) {
        /* It would be too large there as well. */
        dead.value = (mqk_str){NULL, 0};
        headers[n++] = header("mqk-value-size", mqk_cstr(size));
    }
    dead.headers = headers;
    dead.header_count = n;
    mqk_status status = producer_send(p, &dead);
    free(headers);
    return status == MQK_ERR_SPOOL ? MQK_OK : status;
}
