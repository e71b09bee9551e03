/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), with the processor's instruction for it where there is one. Any byte order,
 * any thread, no memory. */
#ifndef MQK_EDGES_CRC32C_H
#define MQK_EDGES_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `size` bytes that follow those whose checksum is `before` (0: none do). */
uint32_t crc32c(uint32_t before, const void *data, size_t size);

/* The same without the processor's help, for comparison. */
uint32_t crc32c_table(uint32_t before, const void *data, size_t size);

#endif
