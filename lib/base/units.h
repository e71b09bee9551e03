/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units, as written in a configuration. */
#ifndef MQK_BASE_UNITS_H
#define MQK_BASE_UNITS_H

#include "str.h"

/* Each returns NULL on success and fills `out`, else a sentence that says what is accepted (static
 * memory), e.g. "expected a duration such as 500ms, 10s, 5m or 1h". */

/* "5ms", "3s", "10m", "1h", "2d"; fractions allowed ("1.5s") when the result is a whole number of
 * ms; a bare number is an error unless `bare_ms` (older configurations wrote milliseconds). "0" is
 * always accepted. Not negative, at most INT64_MAX / 2. */
const char *units_duration(mqk_str text, bool bare_ms, int64_t *out_ms);

/* "896KB", "64MB", "2GB", "512B", also KiB MiB GiB TiB TB, upper or lower case; a bare number is
 * bytes. KB and KiB both mean 1024, as in the configurations that we take over. */
const char *units_size(mqk_str text, int64_t *out_bytes);

/* A whole decimal number without unit, optional minus sign. */
const char *units_integer(mqk_str text, int64_t *out);

#endif
