/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in for the spool in a library that was built without LMDB. */
#include "spool.h"

#include "error.h"

struct spool *spool_open(const struct spool_settings *settings, const struct spool_owner *owner,
                         mqk_error *err) {
    (void)owner;
    error_set(err, MQK_ERR_UNAVAILABLE, 0, 0,
              "the spool in %s cannot be used: this library was built without LMDB (Meson option "
              "spool); use buffer mode memory, or a library built with -Dspool=enabled",
              settings->dir);
    return NULL;
}

/* Nobody has a spool to call these with. */
void spool_close(struct spool *s) {
    (void)s;
}

mqk_status spool_put(struct spool *s, const struct record *record, mqk_str rule, bool waiting,
                     struct spool_ref *ref) {
    (void)s;
    (void)record;
    (void)rule;
    (void)waiting;
    (void)ref;
    return MQK_ERR_FULL;
}

mqk_status spool_sync(struct spool *s, struct spool_ref ref) {
    (void)s;
    (void)ref;
    return MQK_ERR_SPOOL;
}

bool spool_is_synced(const struct spool *s, struct spool_ref ref) {
    (void)s;
    (void)ref;
    return false;
}

void spool_wait(struct spool *s, struct spool_ref ref) {
    (void)s;
    (void)ref;
}

void spool_done(struct spool *s, struct spool_ref ref) {
    (void)s;
    (void)ref;
}

bool spool_next(struct spool *s, struct spool_item *item) {
    (void)s;
    (void)item;
    return false;
}

void spool_unread(struct spool *s) {
    (void)s;
}

uint64_t spool_waiting(const struct spool *s) {
    (void)s;
    return 0;
}

void spool_info(struct spool *s, struct spool_info *info) {
    (void)s;
    memset(info, 0, sizeof(*info));
}

uint64_t spool_cost(const struct record *record, mqk_str rule) {
    (void)rule;
    return record_cost(record);
}

void spool_discard(struct spool *s) {
    (void)s;
}

size_t spool_prepend(struct spool *s, const struct spool_item *items, size_t count) {
    (void)s;
    (void)items;
    (void)count;
    return 0;
}

void spool_done_all(struct spool *s, const struct spool_ref *refs, size_t count) {
    (void)s;
    (void)refs;
    (void)count;
}
