/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file with the statistics for the node exporter of Prometheus (its textfile collector), written
 * again and again, each time as a whole: who reads it never sees half of one.
 */
#ifndef MQK_MOSQUITTO_METRICS_FILE_H
#define MQK_MOSQUITTO_METRICS_FILE_H

#include <mqkafka/mqkafka.h>

struct metrics_file {
    const char *path; /* NULL: none is wanted */
    int interval_ms;
    int64_t written_ms; /* by a clock that never jumps; 0: never */
    bool failing;
};

/* Writes the file if it is time for it; what goes wrong is logged once, until it goes right. */
void metrics_file_write(struct metrics_file *f, mqk_bridge *bridge, int64_t now_ms);

/* Removes the file: a broker that has ended has no statistics. */
void metrics_file_remove(const struct metrics_file *f);

#endif
