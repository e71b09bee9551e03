/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to watch the broker's authentication and access checks without having a say in them.
 *
 * A plugin that watches a check also takes part in it, and the presence of one that has no opinion
 * changes the outcome in some set-ups. The README has the findings; this room turns them into
 * answers: for each check, whether to register at all and what to return.
 */
#ifndef MQK_MOSQUITTO_SECURITY_H
#define MQK_MOSQUITTO_SECURITY_H

#include "broker_conf.h"
#include "options.h"

struct check {
    bool watch; /* register for it */
    bool open;  /* nobody decides: the broker allows everybody */
    int answer; /* what the callback returns */
};

struct security {
    struct check auth; /* BASIC_AUTH */
    struct check acl;  /* ACL_CHECK */
    bool persist;      /* the PERSIST_ events may be registered (2.1) */
};

/* Decides from the option and the broker's configuration. */
void security_decide(struct security *security, enum auth_events option,
                     const struct broker_conf *conf);

#endif
