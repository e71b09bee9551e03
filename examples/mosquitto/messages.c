/* SPDX-License-Identifier: Apache-2.0 */
#include "messages.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX   ((size_t)64 * 1024 * 1024)
#define BUCKETS_MIN 256

static size_t bucket_of(const struct messages *messages, uint64_t store_id) {
    return (size_t)((store_id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (messages->bucket_count - 1);
}

static bool messages_grow(struct messages *messages) {
    size_t bigger = messages->bucket_count ? messages->bucket_count * 2 : BUCKETS_MIN;
    struct message **buckets = calloc(bigger, sizeof(*buckets));
    if (!buckets) {
        return false;
    }
    struct messages old = *messages;
    messages->buckets = buckets;
    messages->bucket_count = bigger;
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct message *next = NULL;
        for (struct message *message = old.buckets[i]; message; message = next) {
            next = message->next;
            size_t bucket = bucket_of(messages, message->store_id);
            message->next = buckets[bucket];
            buckets[bucket] = message;
        }
    }
    free(old.buckets);
    return true;
}

static mqk_str text_put(char **end, mqk_str text) {
    if (!text.data) {
        return text;
    }
    mqk_str copy = {*end, text.len};
    if (text.len > 0) {
        memcpy(*end, text.data, text.len);
    }
    *end += text.len;
    return copy;
}

bool messages_add(struct messages *messages, const struct message *message) {
    size_t bytes = sizeof(*message) + message->topic.len + message->payload.len +
                   message->from_clientid.len + message->from_username.len;
    if (messages->bytes + bytes > BYTES_MAX ||
        (messages->count >= messages->bucket_count && !messages_grow(messages))) {
        messages->missed++;
        return false;
    }
    struct message *copy = malloc(bytes);
    if (!copy) {
        messages->missed++;
        return false;
    }
    char *end = (char *)(copy + 1);
    *copy = *message;
    copy->bytes = bytes;
    copy->topic = text_put(&end, message->topic);
    copy->payload = text_put(&end, message->payload);
    copy->from_clientid = text_put(&end, message->from_clientid);
    copy->from_username = text_put(&end, message->from_username);
    size_t bucket = bucket_of(messages, message->store_id);
    copy->next = messages->buckets[bucket];
    messages->buckets[bucket] = copy;
    messages->count++;
    messages->bytes += bytes;
    return true;
}

const struct message *messages_find(const struct messages *messages, uint64_t store_id) {
    if (messages->count == 0) {
        return NULL;
    }
    const struct message *message = messages->buckets[bucket_of(messages, store_id)];
    while (message && message->store_id != store_id) {
        message = message->next;
    }
    return message;
}

void messages_remove(struct messages *messages, uint64_t store_id) {
    if (messages->count == 0) {
        return;
    }
    struct message **link = &messages->buckets[bucket_of(messages, store_id)];
    while (*link && (*link)->store_id != store_id) {
        link = &(*link)->next;
    }
    struct message *gone = *link;
    if (gone) {
        *link = gone->next;
        messages->count--;
        messages->bytes -= gone->bytes;
        free(gone);
    }
}

void messages_fini(struct messages *messages) {
    for (size_t i = 0; i < messages->bucket_count; i++) {
        struct message *next = NULL;
        for (struct message *message = messages->buckets[i]; message; message = next) {
            next = message->next;
            free(message);
        }
    }
    free(messages->buckets);
    *messages = (struct messages){0};
}
