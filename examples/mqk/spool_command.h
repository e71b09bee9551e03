/* SPDX-License-Identifier: Apache-2.0 */
/* `mqk spool`: what its actions share. One thread. */
#ifndef MQK_SPOOL_COMMAND_H
#define MQK_SPOOL_COMMAND_H

#include "cli.h"

/* What the command line asks for. */
struct spool_request {
    const char *dir;
    mqk_spool_filter filter;
    uint64_t limit; /* records; UINT64_MAX: all */
    bool json, yes;
};

/* What an action does with each spool and each of its records that the filter lets through. Each
 * may be NULL. */
struct spool_visitor {
    void *user;
    void (*begin)(void *user, const char *dir);
    void (*record)(void *user, const mqk_spool_record *record);
    void (*end)(void *user, const char *dir, const mqk_spool_info *info);
};

/* Visits all spools in the folder. What cannot be read is told on stderr, and the rest visited.
 * Returns EXIT_GOOD, or EXIT_BAD when something could not be read or no spool is there. */
int spool_visit(const struct spool_request *request, const struct spool_visitor *visitor);

/* Calls `found` for all spools in the folder, or says why there is none (EXIT_BAD). */
int spool_find(const char *dir, mqk_spool_found_fn found, void *user);

/* Bytes of keys, values and headers. */
uint64_t spool_record_size(const mqk_spool_record *record);

/* "process 123 (mosquitto)", for `owner` of an mqk_spool_info that is not 0. */
#define SPOOL_OWNER_SIZE 80
const char *spool_owner_text(int64_t owner, char text[SPOOL_OWNER_SIZE]);

/* The actions. */
int spool_info(const struct spool_request *request);
int spool_list(const struct spool_request *request);
int spool_export(const struct spool_request *request);
int spool_purge(const struct spool_request *request);

#endif
