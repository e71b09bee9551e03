/* SPDX-License-Identifier: Apache-2.0 */
/* Erlang's portable hash of a binary, by which Erlang's Kafka clients choose partitions. Any byte
 * order, any thread, no memory. */
#ifndef MQK_BASE_PHASH2_H
#define MQK_BASE_PHASH2_H

#include <stdint.h>

#include "str.h"

/* erlang:phash2(Bytes): 0 to 2^27-1. Absent: as of no bytes. */
uint32_t phash2(mqk_str bytes);

#endif
