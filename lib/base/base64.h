/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings of bytes as text and back: base64 (RFC 4648 section 4, with padding) and hex (lower
 * case). */
#ifndef MQK_BASE_BASE64_H
#define MQK_BASE_BASE64_H

#include "buffer.h"

/* How payloads are written (`encode_payload_type`). */
enum payload_encoding { PAYLOAD_PLAIN, PAYLOAD_BASE64, PAYLOAD_HEX };

void base64_append(struct buffer *out, mqk_str bytes);
/* The bytes that a base64 text stands for, written to `out` (room for 3 bytes for each 4 characters
 * begun); `len` receives how many. Strict: whole groups, padding where it belongs, no white space.
 * False: it is none. */
bool base64_decode(mqk_str text, char *out, size_t *len);
void hex_append(struct buffer *out, mqk_str bytes);

/* Appends `bytes` in the given encoding. */
void payload_append(struct buffer *out, mqk_str bytes, enum payload_encoding encoding);

#endif
