/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of what need not be text. One thread. */
#ifndef MQK_JSON_MEMBER_H
#define MQK_JSON_MEMBER_H

#include "buffer.h"

/* A string, {"base64":…} when it is not UTF-8, or null when it is absent. */
void json_bytes(struct buffer *out, mqk_str bytes);

/* "name":value as above, with a comma in front unless the object begins here. */
void json_member(struct buffer *out, const char *name, mqk_str value);

/* [{"name":…,"value":…},…] */
void json_headers(struct buffer *out, const mqk_header *headers, size_t count);

/* A time as "2023-11-14T22:13:20.123Z" (without quotes), for a person, too. "" for one that no
 * calendar has. */
#define TIME_TEXT_SIZE 40
const char *time_text(int64_t ms, char text[TIME_TEXT_SIZE]);

#endif
