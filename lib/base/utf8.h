/* SPDX-License-Identifier: Apache-2.0 */
/* Strict UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF).
 */
#ifndef MQK_BASE_UTF8_H
#define MQK_BASE_UTF8_H

#include "str.h"

/* Number of bytes (1 to 4) of the valid character at the start of `text` (`len` bytes, len > 0);
 * 0 when what stands there is not valid. */
size_t utf8_char_len(const char *text, size_t len);

/* Number of bytes to replace by one U+FFFD when utf8_char_len() is 0: the maximal subpart of an
 * ill-formed sequence, 1 to 3 (Unicode, section 3.9, "U+FFFD Substitution of Maximal Subparts"). */
size_t utf8_invalid_len(const char *text, size_t len);

/* Length of the longest valid prefix of `s`; s.len when all of it is valid. Fast for ASCII. */
size_t utf8_valid_prefix(mqk_str s);

/* Writes a code point (0 to 0x10FFFF, no surrogate) to `out` (room for 4); returns its length. */
size_t utf8_encode(uint32_t code_point, char *out);

#endif
