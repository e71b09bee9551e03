/* SPDX-License-Identifier: Apache-2.0 */
/* How a journal stands in its files, for its own: spool_journal.c (while it runs), spool_recovery.c
 * (opening), spool_scan.c (finding what is in it), and for spool_look.c (reading somebody
 * else's). */
#ifndef MQK_EDGES_SPOOL_JOURNAL_PRIVATE_H
#define MQK_EDGES_SPOOL_JOURNAL_PRIVATE_H

#include "spool_journal.h"

/* The file's head: a page with two copies of
 *   16 bytes of magic, u32 version, u32 block size, u32 blocks, u32 0, u64 salt, u32 crc, u32 0 */
#define FILE_MAGIC     "mqkafka journal"
#define FILE_VERSION   1u
#define FILE_HEAD      4096u
#define FILE_COPY_AT   2048u
#define FILE_COPY_SIZE 48u

/* A block's head:
 *   u32 magic, u32 size, u64 first number, u32 crc, u32 free mark, 8 bytes of nothing
 *   and once it is sealed: u32 used, u32 frames, u64 last number, u32 crc
 * Behind it the table of states, u32 each. */
#define BLOCK_MAGIC   0x4B514D42u
#define BLOCK_SEAL_AT 32u
#define BLOCK_HEAD    64u

#define FRAME_HEAD 16u
#define FRAME_MIN  72u /* with the smallest record */

enum frame_place { AT_SEQ = 0, AT_MARK = 8, AT_NOTHING = 12 };

/* Where the frames of a block begin: so many of the smallest as fit have a state; one, in the file
 * of a big record. */
static inline uint32_t block_first(uint32_t size) {
    return BLOCK_HEAD + ((size - BLOCK_HEAD) / (FRAME_MIN + 4) * 4 + 7) / 8 * 8;
}
#define BIG_FIRST (BLOCK_HEAD + 8)

uint32_t block_free_mark(uint64_t first_seq);
uint32_t block_head_crc(const char *base);
uint32_t block_seal_crc(const char *base);
void block_write_head(struct block *b);
void block_write_seal(struct block *b);
void block_write_free(struct block *b);

uint32_t frame_mark(uint64_t salt, uint64_t seq, uint32_t offset);
uint32_t frame_size(size_t size);
/* Sets the state in the table only. */
void frame_write_state(const struct block *b, uint64_t seq, enum frame_state state);

/* "dir/big-<number>". */
bool journal_big_path(char *out, const char *dir, uint64_t seq);

/* Makes a file of a size whose every byte can be written. The descriptor, or -1 with `code`. */
int journal_make_file(const char *path, size_t size, int *code);

/* Reads the sizes from the file's head; `damaged` becomes true when it is not whole.
 * MQK_ERR_SYNTAX, MQK_ERR_CONFIG: see journal_open(). */
mqk_status journal_read_head(struct journal *j, bool *damaged);

/* Goes through the blocks and the big records' files, mends what is damaged, and puts the blocks
 * that are in use into their order. 0, or an errno: why something could not be looked at. */
int journal_scan(struct journal *j, const char *dir, uint64_t moved, bool damaged,
                 struct journal_findings *findings);
/* The same for the files alone, beside a journal that is new. */
int journal_scan_big(struct journal *j, const char *dir, uint64_t moved,
                     struct journal_findings *findings);
/* Goes through a copy of the blocks and the big records' files, and changes nothing outside of
 * memory. 0 or an errno. */
int journal_scan_copy(struct journal *j, const char *dir, struct journal_findings *findings);

/* Closes what is open; the status. */
mqk_status journal_fail(struct journal *j, mqk_status status);

#endif
