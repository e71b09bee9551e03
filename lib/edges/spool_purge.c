/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_purge.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "spool_folder.h"
#include "spool_read.h"

/* Room for what the spool writes about records that it has. */
#define SPARE_BYTES ((uint64_t)64 << 20)

/* What root writes into a folder, its owner's bridge could not open later. */
static mqk_status check_user(const char *dir, mqk_error *err) {
    struct stat st;
    if (stat(dir, &st) != 0) {
        return error_set(err, MQK_ERR_SPOOL, 0, 0, "the spool in %s cannot be opened: %s", dir,
                         strerrordesc_np(errno));
    }
    if (st.st_uid != geteuid()) {
        return error_set(err, MQK_ERR_SPOOL, 0, 0,
                         "the spool in %s belongs to the user with the number %u: run this as that "
                         "user",
                         dir, (unsigned)st.st_uid);
    }
    return MQK_OK;
}

static uint64_t data_size(const char *dir) {
    char path[SPOOL_PATH_SIZE];
    struct stat st;
    return spool_folder_path(path, dir, SPOOL_DATA_FILE) && stat(path, &st) == 0
               ? (uint64_t)st.st_size
               : 0;
}

/* What is handed out and not done stays, and waits again when it is opened next. */
static mqk_status remove_records(struct spool *s, const mqk_spool_filter *filter, uint64_t *removed,
                                 mqk_error *err) {
    struct spool_item item;
    struct spool_info info;
    while (spool_next(s, &item)) {
        if (spool_filter_matches(filter, &item)) {
            spool_done(s, item.ref);
            *removed += 1;
        }
    }
    spool_info(s, &info);
    return info.state == SPOOL_BROKEN ? error_set(err, MQK_ERR_SPOOL, 0, 0, "%s", info.message)
                                      : MQK_OK;
}

mqk_status spool_purge(const char *dir, const mqk_spool_filter *filter, uint64_t *removed,
                       mqk_error *err) {
    *removed = 0;
    if (!spool_folder_has_files(dir, err)) {
        return err->code;
    }
    mqk_status status = check_user(dir, err);
    if (status != MQK_OK) {
        return status;
    }
    struct log *silence = log_new(MQK_LOG_ERROR, NULL, NULL);
    if (!silence) {
        return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
    }
    const struct spool_settings settings = {
        .dir = dir, .max_bytes = data_size(dir) + SPARE_BYTES, .sync_ms = 1000};
    const struct spool_owner owner = {.log = silence};
    struct spool *s = spool_open(&settings, &owner, err);
    status = s ? remove_records(s, filter, removed, err) : err->code;
    spool_close(s);
    log_free(silence);
    return status;
}
