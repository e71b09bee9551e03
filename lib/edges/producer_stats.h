/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer can tell of its records. */
#ifndef MQK_EDGES_PRODUCER_STATS_H
#define MQK_EDGES_PRODUCER_STATS_H

#include "producer.h"

struct producer_stats {
    uint64_t in_flight;    /* records that librdkafka has */
    uint64_t backlog;      /* records that wait in our memory before it */
    uint64_t bytes;        /* what both weigh */
    int64_t oldest_age_ms; /* of both; 0: there are none */
};

/* Version of librdkafka. */
const char *producer_librdkafka(void);

/* Any thread. */
void producer_stats(struct producer *p, struct producer_stats *out);

#endif
