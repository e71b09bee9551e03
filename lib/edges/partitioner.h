/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition choice. What librdkafka has is used as it is; what it lacks (round robin, sticky for
 * records with a key, the choices of Erlang's clients) is a callback with a little state for each
 * topic. The state belongs to the caller and must outlive the topic handle; callbacks come from any
 * thread.
 *
 * What chooses by the key gives all records of a key to one partition, whether it has a leader just
 * now or not; records without a key (not: with an empty one) go by the sticky choice.
 */
#ifndef MQK_EDGES_PARTITIONER_H
#define MQK_EDGES_PARTITIONER_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "settings.h"

struct partition_state {
    _Atomic uint32_t next;        /* round robin: number of the next record */
    _Atomic int32_t sticky;       /* sticky: the partition in use, -1 at first */
    _Atomic int64_t sticky_since; /* sticky: when it was chosen, ms of the monotonic clock */
    int64_t sticky_ms;            /* sticky: how long a partition is kept */
};

/* Name of librdkafka's own partitioner, or NULL when partitioner_install() brings a callback. */
const char *partitioner_builtin(enum partitioner kind);

/* How long librdkafka may keep records without a key on one partition; 0 where the choice is ours
 * or random. */
int64_t partitioner_sticky_linger_ms(const struct producer_settings *settings);

/* The partition (0 to count-1) of a key:
 *   PARTITIONER_PHASH2  erlang:phash2(Key) rem Count, as wolff's first_key_dispatch and brod's hash
 *   PARTITIONER_MD5     the last byte of the key's MD5, modulo count: never beyond partition 255
 * No other kind. */
int32_t partitioner_of_key(enum partitioner kind, mqk_str key, int32_t count);

/* Initialises the state and, where librdkafka has no such partitioner, sets the callback. */
void partitioner_install(const struct producer_settings *settings, rd_kafka_topic_conf_t *conf,
                         struct partition_state *state);

#endif
