/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "error.h"
#include "spool_find.h"
#include "spool_purge.h"
#include "spool_read.h"

struct mqk_spool {
    struct spool_read *reader;
    char *dir;
    char *topic, *rule; /* texts of the filter */
    mqk_spool_filter filter;
};

/* The least that an older caller's structs can be: what they had in the first version. */
#define FILTER_MIN_SIZE (offsetof(mqk_spool_filter, before_ms) + sizeof(int64_t))
#define RECORD_MIN_SIZE (offsetof(mqk_spool_record, partition) + sizeof(int32_t))
#define INFO_MIN_SIZE   (offsetof(mqk_spool_info, damaged) + sizeof(uint64_t))

static mqk_status bad_argument(mqk_error *err, const char *sentence) {
    return error_set(err, MQK_ERR_ARGUMENT, 0, 0, "%s", sentence);
}

/* The caller's filter in our size. */
static bool adopt_filter(const mqk_spool_filter *filter, mqk_spool_filter *own) {
    *own = (mqk_spool_filter){.size = sizeof(*own)};
    if (!filter) {
        return true;
    }
    if (filter->size < FILTER_MIN_SIZE) {
        return false;
    }
    memcpy(own, filter, filter->size < sizeof(*own) ? filter->size : sizeof(*own));
    own->size = sizeof(*own);
    return true;
}

/* A copy that belongs to the spool; absent stays absent. */
static bool keep(mqk_str *text, char **copy) {
    if (!text->data) {
        return true;
    }
    *copy = malloc(text->len + 1);
    if (!*copy) {
        return false;
    }
    if (text->len > 0) {
        memcpy(*copy, text->data, text->len);
    }
    text->data = *copy;
    return true;
}

int mqk_spool_find(const char *dir, mqk_spool_found_fn found, void *user, mqk_error *err) {
    if (!dir || !found) {
        return bad_argument(err, "dir or found is NULL");
    }
    return spool_find(dir, found, user, err);
}

mqk_status mqk_spool_open(const char *dir, const mqk_spool_filter *filter, mqk_spool **out,
                          mqk_error *err) {
    mqk_spool_filter own;
    mqk_error local;
    err = err ? err : &local;
    if (out) {
        *out = NULL;
    }
    if (!dir || !out) {
        return bad_argument(err, "dir or out is NULL");
    }
    if (!adopt_filter(filter, &own)) {
        return bad_argument(err, "the size of the filter is not set");
    }
    mqk_spool *spool = calloc(1, sizeof(*spool));
    if (spool) {
        spool->filter = own;
        spool->dir = strdup(dir);
    }
    if (!spool || !spool->dir || !keep(&spool->filter.topic, &spool->topic) ||
        !keep(&spool->filter.rule, &spool->rule)) {
        mqk_spool_close(spool);
        return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    spool->reader = spool_read_open(dir, err);
    if (!spool->reader) {
        mqk_spool_close(spool);
        return err->code;
    }
    *out = spool;
    return MQK_OK;
}

static void hand_out(const struct spool_item *item, mqk_spool_record *record) {
    const mqk_spool_record own = {.size = record->size,
                                  .seq = item->ref.seq,
                                  .accepted_ms = item->accepted_ms,
                                  .rule = item->rule,
                                  .topic = item->record.topic,
                                  .key = item->record.key,
                                  .value = item->record.value,
                                  .headers = item->record.headers,
                                  .header_count = item->record.header_count,
                                  .timestamp_ms = item->record.timestamp_ms,
                                  .partition = item->record.partition,
                                  .dead_letter = item->record.dead};
    memcpy(record, &own, own.size < sizeof(own) ? own.size : sizeof(own));
}

int mqk_spool_next(mqk_spool *spool, mqk_spool_record *record, mqk_error *err) {
    struct spool_item item;
    int got;
    if (!spool || !record || record->size < RECORD_MIN_SIZE) {
        return bad_argument(err, "spool or record is NULL, or the size of the record is not set");
    }
    do {
        got = spool_read_next(spool->reader, &item, err);
    } while (got == 1 && !spool_filter_matches(&spool->filter, &item));
    if (got == 1) {
        hand_out(&item, record);
    }
    return got;
}

mqk_status mqk_spool_stats(mqk_spool *spool, mqk_spool_info *info) {
    if (!spool || !info || info->size < INFO_MIN_SIZE) {
        return MQK_ERR_ARGUMENT;
    }
    const mqk_spool_info own = {.size = info->size,
                                .owner = spool_read_owner(spool->reader),
                                .disk_bytes = spool_find_disk_bytes(spool->dir),
                                .damaged = spool_read_damaged(spool->reader)};
    memcpy(info, &own, own.size < sizeof(own) ? own.size : sizeof(own));
    return MQK_OK;
}

void mqk_spool_close(mqk_spool *spool) {
    if (!spool) {
        return;
    }
    spool_read_close(spool->reader);
    free(spool->topic);
    free(spool->rule);
    free(spool->dir);
    free(spool);
}

mqk_status mqk_spool_purge(const char *dir, const mqk_spool_filter *filter, uint64_t *removed,
                           mqk_error *err) {
    mqk_spool_filter own;
    mqk_error local;
    uint64_t count = 0;
    err = err ? err : &local;
    if (!dir) {
        return bad_argument(err, "dir is NULL");
    }
    if (!adopt_filter(filter, &own)) {
        return bad_argument(err, "the size of the filter is not set");
    }
    mqk_status status = spool_purge(dir, &own, &count, err);
    if (removed) {
        *removed = count;
    }
    return status;
}
