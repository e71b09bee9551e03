/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

#include "bytes.h"

/* What table 3-7 says of a lead byte: the length and the range of the second byte. */
struct lead {
    uint8_t len; /* 0: no lead byte */
    uint8_t second_min;
    uint8_t second_max;
};

static struct lead lead_of(uint8_t byte) {
    if (byte < 0x80) {
        return (struct lead){1, 0, 0};
    }
    if (byte < 0xC2) {
        return (struct lead){0, 0, 0};
    }
    if (byte < 0xE0) {
        return (struct lead){2, 0x80, 0xBF};
    }
    if (byte < 0xF0) {
        return (struct lead){3, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    }
    if (byte < 0xF5) {
        return (struct lead){4, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
    }
    return (struct lead){0, 0, 0};
}

/* How many bytes of the character that `lead` begins are there and right: 1 up to lead.len. */
static size_t good_bytes(struct lead lead, const char *text, size_t len) {
    uint8_t min = lead.second_min;
    uint8_t max = lead.second_max;
    size_t good = 1;
    while (good < lead.len && good < len) {
        uint8_t byte = (uint8_t)text[good];
        if (byte < min || byte > max) {
            break;
        }
        min = 0x80;
        max = 0xBF;
        good++;
    }
    return good;
}

size_t utf8_char_len(const char *text, size_t len) {
    struct lead lead = lead_of((uint8_t)text[0]);
    if (lead.len == 0 || good_bytes(lead, text, len) < lead.len) {
        return 0;
    }
    return lead.len;
}

size_t utf8_invalid_len(const char *text, size_t len) {
    struct lead lead = lead_of((uint8_t)text[0]);
    return lead.len == 0 ? 1 : good_bytes(lead, text, len);
}

size_t utf8_valid_prefix(mqk_str s) {
    size_t pos = 0;
    while (pos < s.len) {
        if (s.len - pos >= 8 && !bytes_non_ascii(bytes_load(s.data + pos))) {
            pos += 8;
            continue;
        }
        /* A whole word of text that is not ASCII before the fast way is tried again. */
        size_t stop = s.len - pos < 8 ? s.len : pos + 8;
        while (pos < stop) {
            size_t len = utf8_char_len(s.data + pos, s.len - pos);
            if (len == 0) {
                return pos;
            }
            pos += len;
        }
    }
    return s.len;
}

size_t utf8_encode(uint32_t code_point, char *out) {
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}
