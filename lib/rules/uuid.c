/* SPDX-License-Identifier: Apache-2.0 */
#include "uuid.h"

#include <sys/random.h>

mqk_str uuid_text(struct uuid *uuid) {
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    if (uuid->made) {
        return (mqk_str){uuid->text, UUID_LEN};
    }
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return (mqk_str){NULL, 0};
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    char *to = uuid->text;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *to++ = '-';
        }
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    uuid->made = true;
    return (mqk_str){uuid->text, UUID_LEN};
}
