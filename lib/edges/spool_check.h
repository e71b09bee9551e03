/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at an LMDB data file before LMDB does. LMDB trusts what it reads: a damaged page, or a file
 * that is none of its own, can make it read or write outside of its memory or abort the process.
 * Here every page that LMDB would follow is checked first, with bounded memory and without trusting
 * any number in it: the two meta pages, then the trees of the free list, of the main database and
 * of the named databases.
 *
 * For files of spools: LMDB's format 1 in this machine's byte order and word size, without
 * duplicate values. What stands in keys and values is not looked at, except the order of the keys.
 */
#ifndef MQK_EDGES_SPOOL_CHECK_H
#define MQK_EDGES_SPOOL_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* True for a sound file, also for one that is absent or empty (LMDB makes it new); LMDB can then
 * read and change it safely. Otherwise false, with what is wrong as a clause in `why`, e.g. "page
 * 7: node 3 lies outside of the page"; errno is then 0, or says why the file could not be looked at
 * (memory, descriptors, rights), which is no fault of the file. Nobody may write the file
 * meanwhile. Any thread. */
bool spool_check_data(const char *path, char *why, size_t size);

#endif
