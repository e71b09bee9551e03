/* SPDX-License-Identifier: Apache-2.0 */
/* MD5 (RFC 1321), for what others have keyed by it: a partition choice, a template filter. Not for
 * anything that must be secure. Any byte order, any thread, no memory. */
#ifndef MQK_BASE_MD5_H
#define MQK_BASE_MD5_H

#include <stdint.h>

#include "str.h"

#define MD5_SIZE 16u

/* The digest of `bytes` (absent: of no bytes). */
void md5(mqk_str bytes, uint8_t digest[MD5_SIZE]);

#endif
