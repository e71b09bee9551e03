/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in for reading spools in a library that was built without LMDB. */
#include "spool_read.h"

#include "error.h"
#include "spool_purge.h"

static mqk_status unavailable(const char *dir, mqk_error *err) {
    return error_set(err, MQK_ERR_UNAVAILABLE, 0, 0,
                     "the spool in %s cannot be read: this library was built without LMDB (Meson "
                     "option spool)",
                     dir);
}

struct spool_read *spool_read_open(const char *dir, mqk_error *err) {
    unavailable(dir, err);
    return NULL;
}

mqk_status spool_purge(const char *dir, const mqk_spool_filter *filter, uint64_t *removed,
                       mqk_error *err) {
    (void)filter;
    *removed = 0;
    return unavailable(dir, err);
}

/* Nobody has a reader to call these with. */
void spool_read_close(struct spool_read *r) {
    (void)r;
}

int spool_read_next(struct spool_read *r, struct spool_item *item, mqk_error *err) {
    (void)r;
    (void)item;
    (void)err;
    return 0;
}

bool spool_filter_matches(const mqk_spool_filter *filter, const struct spool_item *item) {
    (void)filter;
    (void)item;
    return false;
}

int64_t spool_read_owner(const struct spool_read *r) {
    (void)r;
    return 0;
}

uint64_t spool_read_damaged(const struct spool_read *r) {
    (void)r;
    return 0;
}
