/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out when a test says so, and that knows what was not given back. The linker
 * sends the allocations of everything linked statically here (FAILING_MEMORY of meson.build), those
 * of shared libraries (libc, librdkafka, libcyaml) not.
 */
#ifndef MQK_TESTS_FAILING_MEMORY_H
#define MQK_TESTS_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* From now on `after` allocations succeed, on all threads together; the next one fails, and with
 * `all` every one after it. */
void memory_fails(long after, bool all);

/* Memory is there again. Returns whether an allocation failed since memory_fails(). */
bool memory_is_back(void);

/* How many allocations are not given back; for a comparison of before and after. */
size_t memory_held(void);

/* Writes to stderr from where those come that were made since there were `mark` allocations in all;
 * memory_mark() tells how many there are. */
size_t memory_mark(void);
void memory_tell(size_t mark);

#endif
