/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a record stands in a spool's files: little-endian on every machine, with a checksum over the
 * record and its number.
 *
 *   u32 size      of all that follows `crc`
 *   u32 crc       CRC-32C of the number (8 bytes), `size` and all that follows
 *   i64 accepted, i64 timestamp (ms), i32 partition, u32 flags,
 *   u32 sizes of topic, rule, key and value, u32 number of headers, u32 0
 *   u32 sizes of name and value, for each header
 *   topic, rule, key, names and values of the headers, value
 *
 * An absent text has the size 0xFFFFFFFF. Any thread.
 */
#ifndef MQK_EDGES_SPOOL_RECORD_H
#define MQK_EDGES_SPOOL_RECORD_H

#include "record.h"

#define SPOOL_RECORD_HEAD 8u         /* `size` and `crc` */
#define SPOOL_RECORD_MAX  (1u << 30) /* encoded records are smaller */
#define SPOOL_HEADERS_MAX (1u << 24)

/* Encoded size; SPOOL_RECORD_MAX or more: it cannot be stored. */
size_t spool_record_size(const struct record *record, mqk_str rule);

/* Writes the record, spool_record_size() bytes, to `out`. */
void spool_record_write(void *out, size_t size, uint64_t seq, const struct record *record,
                        mqk_str rule, int64_t accepted_ms);

/* Size of the encoded record that begins at `data`, when all of it is there (`available` bytes) and
 * its checksum is right for this number; 0 otherwise. */
size_t spool_record_check(const void *data, size_t available, uint64_t seq);

/* When an encoded record was accepted. */
int64_t spool_record_accepted(const void *data);

/* The rule of an encoded record that was checked. */
mqk_str spool_record_rule(const void *data, size_t size);

/* Number of headers of an encoded record that was checked. */
uint32_t spool_record_headers(const void *data);

/* Reads an encoded record that was checked (`size` bytes); texts point into it, `headers` has room
 * for all. False when its sizes contradict one another. */
bool spool_record_read(const void *data, size_t size, mqk_header *headers, struct record *record,
                       mqk_str *rule, int64_t *accepted_ms);

/* What an encoded record of this size takes in LMDB. */
uint64_t spool_record_cost(size_t size);

/* Numbers as they stand in the files. */
uint32_t spool_get32(const void *from);
uint64_t spool_get64(const void *from);
void spool_put32(void *to, uint32_t number);
void spool_put64(void *to, uint64_t number);

#endif
