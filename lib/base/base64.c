/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789abcdef";

void base64_append(struct buffer *out, mqk_str bytes) {
    if (bytes.len == 0 || !buffer_reserve(out, (bytes.len + 2) / 3 * 4)) {
        return;
    }
    const uint8_t *in = (const uint8_t *)bytes.data;
    const uint8_t *end = in + bytes.len;
    char *to = out->data + out->len;
    for (; end - in >= 3; in += 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *to++ = base64_digits[group >> 18];
        *to++ = base64_digits[group >> 12 & 63];
        *to++ = base64_digits[group >> 6 & 63];
        *to++ = base64_digits[group & 63];
    }
    if (end - in == 2) {
        *to++ = base64_digits[in[0] >> 2];
        *to++ = base64_digits[(in[0] & 3) << 4 | in[1] >> 4];
        *to++ = base64_digits[(in[1] & 15) << 2];
        *to++ = '=';
    } else if (end - in == 1) {
        *to++ = base64_digits[in[0] >> 2];
        *to++ = base64_digits[(in[0] & 3) << 4];
        *to++ = '=';
        *to++ = '=';
    }
    out->len = (size_t)(to - out->data);
}

static int digit_value(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(mqk_str text, char *out, size_t *len) {
    *len = 0;
    if (text.len % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 4) {
        unsigned padding = 0;
        if (i + 4 == text.len) {
            padding =
                (text.data[i + 3] == '=') + (text.data[i + 3] == '=' && text.data[i + 2] == '=');
        }
        uint32_t bits = 0;
        for (unsigned k = 0; k < 4; k++) {
            int value = k < 4 - padding ? digit_value(text.data[i + k]) : 0;
            if (value < 0) {
                return false;
            }
            bits = bits << 6 | (uint32_t)value;
        }
        /* Bits that stand for nothing must be 0, or several texts would mean the same. */
        if ((padding == 1 && (bits & 0xC0) != 0) || (padding == 2 && (bits & 0xF000) != 0)) {
            return false;
        }
        for (unsigned k = 0; k < 3 - padding; k++) {
            out[(*len)++] = (char)(uint8_t)(bits >> (16 - 8 * k));
        }
    }
    return true;
}

void hex_append(struct buffer *out, mqk_str bytes) {
    if (bytes.len == 0 || !buffer_reserve(out, bytes.len * 2)) {
        return;
    }
    char *to = out->data + out->len;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        *to++ = hex_digits[byte >> 4];
        *to++ = hex_digits[byte & 15];
    }
    out->len = (size_t)(to - out->data);
}

void payload_append(struct buffer *out, mqk_str bytes, enum payload_encoding encoding) {
    switch (encoding) {
    case PAYLOAD_PLAIN:
        buffer_append_str(out, bytes);
        break;
    case PAYLOAD_BASE64:
        base64_append(out, bytes);
        break;
    case PAYLOAD_HEX:
        hex_append(out, bytes);
        break;
    }
}
