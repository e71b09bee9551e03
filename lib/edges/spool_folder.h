/* SPDX-License-Identifier: Apache-2.0 */
/* A spool's folder: that it exists, who owns it, and files set aside. */
#ifndef MQK_EDGES_SPOOL_FOLDER_H
#define MQK_EDGES_SPOOL_FOLDER_H

#include "str.h"

#define SPOOL_PATH_SIZE 4096u
#define SPOOL_FILE_MODE 0600

#define SPOOL_OWNER_FILE   "owner"
#define SPOOL_JOURNAL_FILE "journal"
#define SPOOL_DATA_FILE    "data.mdb"
#define SPOOL_LOCK_FILE    "lock.mdb"
#define SPOOL_BIG_PREFIX   "big-" /* and a number of 16 hexadecimal digits */

/* "dir/name" in `out` (SPOOL_PATH_SIZE); false when it is too long. */
bool spool_folder_path(char *out, const char *dir, const char *name);

/* Whether files of a spool stand in the folder; if not, `err` says so (MQK_ERR_SPOOL). */
bool spool_folder_has_files(const char *dir, mqk_error *err);

/* Makes the folder with its parents. 0 or an errno. */
int spool_folder_make(const char *dir);

/* Makes this process the owner of the folder for as long as the descriptor is open. The descriptor,
 * or -1 with `err` (MQK_ERR_SPOOL). */
int spool_folder_own(const char *dir, mqk_error *err);

/* Whether the file of this name in the folder is the one that `fd` has open. */
bool spool_folder_in_place(const char *dir, const char *name, int fd);

/* Renames a file to "name.damaged-<UTC time>"; with `copy` it stays, and the copy gets that name.
 * The new name is written to `aside` (SPOOL_PATH_SIZE). 0 or an errno. */
int spool_folder_set_aside(const char *dir, const char *name, bool copy, char *aside);

/* Forces the folder's list of files to the disk. 0 or an errno. */
int spool_folder_sync(const char *dir);

/* Removes the files of an empty spool, and the folder if nothing else is in it. */
void spool_folder_remove(const char *dir);

#endif
