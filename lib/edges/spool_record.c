/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_record.h"

#include <endian.h>

#include "crc32c.h"

#define ABSENT     UINT32_MAX
#define FLAG_DEAD  1u
#define FIXED_SIZE 56u /* with `size` and `crc` */

enum place {
    AT_SIZE = 0,
    AT_CRC = 4,
    AT_ACCEPTED = 8,
    AT_TIMESTAMP = 16,
    AT_PARTITION = 24,
    AT_FLAGS = 28,
    AT_TOPIC = 32,
    AT_RULE = 36,
    AT_KEY = 40,
    AT_VALUE = 44,
    AT_HEADERS = 48
};

/* In LMDB: what stands beside the data of a node, and from which size on data goes to pages of its
 * own. */
#define NODE_OVERHEAD (2u + 8u + 8u)
#define INLINE_MAX    2000u
#define PAGE          4096u
#define PAGE_HEAD     16u

uint32_t spool_get32(const void *from) {
    uint32_t number;
    memcpy(&number, from, sizeof(number));
    return le32toh(number);
}

uint64_t spool_get64(const void *from) {
    uint64_t number;
    memcpy(&number, from, sizeof(number));
    return le64toh(number);
}

void spool_put32(void *to, uint32_t number) {
    number = htole32(number);
    memcpy(to, &number, sizeof(number));
}

void spool_put64(void *to, uint64_t number) {
    number = htole64(number);
    memcpy(to, &number, sizeof(number));
}

static size_t length(mqk_str s) {
    return s.data ? s.len : 0;
}

size_t spool_record_size(const struct record *record, mqk_str rule) {
    size_t size = FIXED_SIZE + record->header_count * 8;
    size_t texts =
        length(record->topic) + length(rule) + length(record->key) + length(record->value);
    if (record->header_count > SPOOL_HEADERS_MAX || texts >= SPOOL_RECORD_MAX) {
        return SPOOL_RECORD_MAX;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        texts += length(record->headers[i].name) + length(record->headers[i].value);
        if (texts >= SPOOL_RECORD_MAX) {
            return SPOOL_RECORD_MAX;
        }
    }
    return size + texts;
}

static uint32_t size_of(mqk_str s) {
    return s.data ? (uint32_t)s.len : ABSENT;
}

static char *put_text(char *to, mqk_str s) {
    if (!s.data || s.len == 0) {
        return to;
    }
    memcpy(to, s.data, s.len);
    return to + s.len;
}

static uint32_t checksum(const char *data, size_t size, uint64_t seq) {
    char head[12];
    spool_put64(head, seq);
    memcpy(head + 8, data + AT_SIZE, 4);
    uint32_t crc = crc32c(0, head, sizeof(head));
    return crc32c(crc, data + SPOOL_RECORD_HEAD, size - SPOOL_RECORD_HEAD);
}

void spool_record_write(void *out, size_t size, uint64_t seq, const struct record *record,
                        mqk_str rule, int64_t accepted_ms) {
    char *data = out;
    spool_put32(data + AT_SIZE, (uint32_t)(size - SPOOL_RECORD_HEAD));
    spool_put64(data + AT_ACCEPTED, (uint64_t)accepted_ms);
    spool_put64(data + AT_TIMESTAMP, (uint64_t)record->timestamp_ms);
    spool_put32(data + AT_PARTITION, (uint32_t)record->partition);
    spool_put32(data + AT_FLAGS, record->dead ? FLAG_DEAD : 0);
    spool_put32(data + AT_TOPIC, size_of(record->topic));
    spool_put32(data + AT_RULE, size_of(rule));
    spool_put32(data + AT_KEY, size_of(record->key));
    spool_put32(data + AT_VALUE, size_of(record->value));
    spool_put32(data + AT_HEADERS, (uint32_t)record->header_count);
    spool_put32(data + AT_HEADERS + 4, 0);
    char *sizes = data + FIXED_SIZE;
    char *to = sizes + record->header_count * 8;
    to = put_text(to, record->topic);
    to = put_text(to, rule);
    to = put_text(to, record->key);
    for (size_t i = 0; i < record->header_count; i++, sizes += 8) {
        spool_put32(sizes, size_of(record->headers[i].name));
        spool_put32(sizes + 4, size_of(record->headers[i].value));
        to = put_text(to, record->headers[i].name);
        to = put_text(to, record->headers[i].value);
    }
    put_text(to, record->value);
    spool_put32(data + AT_CRC, checksum(data, size, seq));
}

size_t spool_record_check(const void *data, size_t available, uint64_t seq) {
    if (available < FIXED_SIZE) {
        return 0;
    }
    size_t size = (size_t)spool_get32(data) + SPOOL_RECORD_HEAD;
    if (size < FIXED_SIZE || size > available || size >= SPOOL_RECORD_MAX) {
        return 0;
    }
    const char *bytes = data;
    return checksum(bytes, size, seq) == spool_get32(bytes + AT_CRC) ? size : 0;
}

int64_t spool_record_accepted(const void *data) {
    return (int64_t)spool_get64((const char *)data + AT_ACCEPTED);
}

uint32_t spool_record_headers(const void *data) {
    return spool_get32((const char *)data + AT_HEADERS);
}

struct rest {
    const char *at;
    size_t left;
    bool failed;
};

static mqk_str take_text(struct rest *rest, uint32_t size) {
    mqk_str s = {NULL, 0};
    if (size == ABSENT) {
        return s;
    }
    if (size > rest->left) {
        rest->failed = true;
        return s;
    }
    s.data = rest->at;
    s.len = size;
    rest->at += size;
    rest->left -= size;
    return s;
}

mqk_str spool_record_rule(const void *encoded, size_t size) {
    const char *data = encoded;
    uint32_t topic = spool_get32(data + AT_TOPIC);
    uint64_t at = FIXED_SIZE + (uint64_t)spool_record_headers(data) * 8;
    at += topic == ABSENT ? 0 : topic;
    struct rest rest = {data + at, at < size ? size - (size_t)at : 0, false};
    return take_text(&rest, spool_get32(data + AT_RULE));
}

bool spool_record_read(const void *encoded, size_t size, mqk_header *headers, struct record *record,
                       mqk_str *rule, int64_t *accepted_ms) {
    const char *data = encoded;
    uint32_t count = spool_record_headers(data);
    if (size < FIXED_SIZE || count > (size - FIXED_SIZE) / 8) {
        return false;
    }
    const char *sizes = data + FIXED_SIZE;
    struct rest rest = {sizes + (size_t)count * 8, size - FIXED_SIZE - (size_t)count * 8, false};
    memset(record, 0, sizeof(*record));
    *accepted_ms = spool_record_accepted(data);
    record->timestamp_ms = (int64_t)spool_get64(data + AT_TIMESTAMP);
    record->partition = (int32_t)spool_get32(data + AT_PARTITION);
    record->dead = spool_get32(data + AT_FLAGS) & FLAG_DEAD;
    record->topic = take_text(&rest, spool_get32(data + AT_TOPIC));
    *rule = take_text(&rest, spool_get32(data + AT_RULE));
    record->rule = *rule;
    record->key = take_text(&rest, spool_get32(data + AT_KEY));
    for (uint32_t i = 0; i < count; i++, sizes += 8) {
        headers[i].name = take_text(&rest, spool_get32(sizes));
        headers[i].value = take_text(&rest, spool_get32(sizes + 4));
    }
    record->headers = headers;
    record->header_count = count;
    record->value = take_text(&rest, spool_get32(data + AT_VALUE));
    return !rest.failed && rest.left == 0;
}

uint64_t spool_record_cost(size_t size) {
    if (size <= INLINE_MAX) {
        return NODE_OVERHEAD + (size + 1) / 2 * 2;
    }
    return NODE_OVERHEAD + 8 + (size + PAGE_HEAD + PAGE - 1) / PAGE * PAGE;
}
