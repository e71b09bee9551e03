/* SPDX-License-Identifier: Apache-2.0 */
/* How a journal stands in its files, for its own: spool_journal.c (while it runs),
 * spool_journal_disk.c (what goes to the disk), spool_recovery.c (opening), spool_scan.c (finding
 * what is in it), and for spool_look.c (reading somebody else's). */
#ifndef MQK_EDGES_SPOOL_JOURNAL_PRIVATE_H
#define MQK_EDGES_SPOOL_JOURNAL_PRIVATE_H

#include "spool_journal.h"

#define JOURNAL_PAGE 4096u

/* The file's head: a page with two copies of
 *   16 bytes of magic, u32 version, u32 block size, u32 blocks, u32 0, u64 salt, u32 crc, u32 0 */
#define FILE_MAGIC     "mqkafka journal"
#define FILE_VERSION   2u /* 1: 0.9.0 while it was made, the states before the frames */
#define FILE_HEAD      JOURNAL_PAGE
#define FILE_COPY_AT   2048u
#define FILE_COPY_SIZE 48u

/* A block: its head, in JOURNAL_FIRST bytes,
 *   u32 magic, u32 size, u64 first number, u32 crc, u32 free mark
 * the frames; the table of their states, u32 each; and once it is sealed, in the last bytes,
 *   u32 used, u32 frames, u64 last number, u32 crc */
#define BLOCK_MAGIC 0x4B514D42u
#define BLOCK_SEAL  32u

#define FRAME_HEAD 16u
#define FRAME_MIN  72u /* with the smallest record */

enum frame_place { AT_SEQ = 0, AT_MARK = 8, AT_GAP = 12 };

/* Where the frames of a block end: so many of the smallest as fit have a state. */
static inline uint32_t block_end(uint32_t size) {
    uint32_t most = (size - JOURNAL_FIRST - BLOCK_SEAL) / (FRAME_MIN + 4) + 1;
    return size - BLOCK_SEAL - (most * 4 + 7) / 8 * 8;
}
/* The same in the file of a big record, which has one. */
static inline uint32_t block_end_big(uint32_t size) {
    return size - BLOCK_SEAL - 8;
}
/* What is left of a page behind a frame: the gap, if there is one. */
static inline uint32_t block_page_rest(const struct block *b, uint32_t offset) {
    uint32_t next = (offset + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
    return (next < b->end ? next : b->end) - offset;
}

uint32_t block_free_mark(uint64_t first_seq);
uint32_t block_head_crc(const char *base);
uint32_t block_seal_crc(const struct block *b);
/* Has no frames, nor anything known of them. */
void block_reset(struct block *b);
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

/* Of what is mapped there. When the system reads ahead by itself it may take several pages as a
 * large one, which is protected against writing as a whole when any part of it goes to the disk:
 * also the part that is to be filled next. */
void journal_keep_pages_small(char *base, size_t size);

/* Says where each block stands, and how large it is, in the file as it stands in memory. */
void journal_lay_out(struct journal *j, char *map);

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
