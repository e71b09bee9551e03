/* SPDX-License-Identifier: Apache-2.0 */
#include "json_member.h"

#include <stdio.h>
#include <time.h>

#include "base64.h"
#include "json_write.h"
#include "utf8.h"

void json_bytes(struct buffer *out, mqk_str bytes) {
    if (!bytes.data) {
        buffer_append_str(out, STR("null"));
    } else if (utf8_valid_prefix(bytes) == bytes.len) {
        json_write_string(out, bytes);
    } else {
        buffer_append_str(out, STR("{\"base64\":\""));
        base64_append(out, bytes);
        buffer_append_str(out, STR("\"}"));
    }
}

void json_member(struct buffer *out, const char *name, mqk_str value) {
    buffer_printf(out, "%s\"%s\":", out->len > 0 && out->data[out->len - 1] != '{' ? "," : "",
                  name);
    json_bytes(out, value);
}

void json_headers(struct buffer *out, const mqk_header *headers, size_t count) {
    buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        buffer_append_str(out, i > 0 ? STR(",{") : STR("{"));
        json_member(out, "name", headers[i].name);
        json_member(out, "value", headers[i].value);
        buffer_append_char(out, '}');
    }
    buffer_append_char(out, ']');
}

const char *time_text(int64_t ms, char text[TIME_TEXT_SIZE]) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    text[0] = '\0';
    if (ms >= 0 && gmtime_r(&seconds, &tm) && tm.tm_year < 8100) {
        size_t len = strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(text + len, TIME_TEXT_SIZE - len, ".%03dZ", (int)(ms % 1000));
    }
    return text;
}
