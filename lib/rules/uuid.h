/* SPDX-License-Identifier: Apache-2.0 */
/* The random identifier of an event, ${uuid}: made when it is first asked for, the same for all
 * records of the event. One thread. */
#ifndef MQK_RULES_UUID_H
#define MQK_RULES_UUID_H

#include "str.h"

#define UUID_LEN 36u

/* Begins with made = false. */
struct uuid {
    bool made;
    char text[UUID_LEN];
};

/* A UUID of version 4 (RFC 9562); absent when the system has no randomness to give. */
mqk_str uuid_text(struct uuid *uuid);

#endif
