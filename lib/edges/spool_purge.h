/* SPDX-License-Identifier: Apache-2.0 */
/* Removes records from a spool that nobody uses. Any thread. */
#ifndef MQK_EDGES_SPOOL_PURGE_H
#define MQK_EDGES_SPOOL_PURGE_H

#include "spool.h"

/* Removes what the filter means (NULL: all records) for good; `removed` receives how many. MQK_OK,
 * or with `err`: MQK_ERR_SPOOL (no spool, in use, another user's, cannot be written, damaged),
 * MQK_ERR_NO_MEMORY. */
mqk_status spool_purge(const char *dir, const mqk_spool_filter *filter, uint64_t *removed,
                       mqk_error *err);

#endif
