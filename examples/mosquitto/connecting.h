/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client that is logging in. The broker handles one CONNECT at a time, from the check of the
 * password to the CONNACK, but tells only that it checks. What it tells next shows how it ended:
 * 2.0 drops the client id of a refused client before it closes the connection; 2.1 tells that it
 * closes a connection of which it never told that it was established. Texts are copied, as in 2.1 a
 * refused client is gone by then.
 */
#ifndef MQK_MOSQUITTO_CONNECTING_H
#define MQK_MOSQUITTO_CONNECTING_H

#include "mosq.h"

struct plugin;

/* What became of the session that this client id had before. */
enum earlier_session { EARLIER_NONE, EARLIER_OFFLINE, EARLIER_ONLINE };

struct connecting {
    const struct mosquitto *client; /* NULL: nobody; followed only in 2.0 */
    char *clientid;
    char *username; /* NULL: none */
    char *peerhost; /* NULL: unknown */
    int proto_ver;
    int protocol;
    int keepalive;
    bool clean_start;
    enum earlier_session earlier;
};

/* A login is being checked: client.connect. */
void connecting_begin(struct plugin *plugin, const struct mosquitto *client);

/* Whether the client that is logging in has this id. */
bool connecting_has_id(const struct connecting *connecting, const char *clientid);

/* The broker accepted it: client.authenticate, connack, connected, and what becomes of the session.
 * Nothing when nobody is logging in. */
void connecting_accept(struct plugin *plugin);

/* The broker refused it: client.authenticate and connack. Nothing when nobody is logging in. */
void connecting_refuse(struct plugin *plugin);

/* Forgets it. */
void connecting_fini(struct connecting *connecting);

#endif
