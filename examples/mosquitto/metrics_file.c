/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_file.h"

#include "mosq.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool write_piece(void *user, mqk_str piece) {
    return fwrite(piece.data, 1, piece.len, user) == piece.len;
}

/* The node exporter reads what ends in .prom. */
static bool write_whole(const char *path, mqk_bridge *bridge) {
    char draft[PATH_MAX];
    if (snprintf(draft, sizeof(draft), "%s.%ld", path, (long)getpid()) >= (int)sizeof(draft)) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *file = fopen(draft, "we");
    if (!file) {
        return false;
    }
    bool good = mqk_bridge_stats_prometheus(bridge, write_piece, file) == MQK_OK;
    good = fclose(file) == 0 && good && rename(draft, path) == 0;
    if (!good) {
        int why = errno;
        unlink(draft);
        errno = why;
    }
    return good;
}

void metrics_file_write(struct metrics_file *f, mqk_bridge *bridge, int64_t now_ms) {
    if (!f->path || (f->written_ms != 0 && now_ms - f->written_ms < f->interval_ms)) {
        return;
    }
    f->written_ms = now_ms;
    errno = 0;
    bool failed = !write_whole(f->path, bridge);
    if (failed && !f->failing) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "mqkafka: %s cannot be written: %s", f->path,
                             strerror(errno));
    }
    f->failing = failed;
}

void metrics_file_remove(const struct metrics_file *f) {
    if (f->path) {
        unlink(f->path);
    }
}
