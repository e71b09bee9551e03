/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a server, with or without TLS, that never waits (but for the name's resolution).
 */
#ifndef MQK_MQTT_STREAM_H
#define MQK_MQTT_STREAM_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mqtt_stream {
    int fd;           /* -1: closed */
    const char *host; /* whom the certificate has to be made out to */
    struct addrinfo *addresses;
    struct addrinfo *next; /* to be tried when this one does not answer */
    bool connected;        /* TCP */
    bool ready;            /* TLS, too */
    bool tls_wants_write;
    struct ssl_ctx_st *tls_ctx; /* NULL: no TLS */
    struct ssl_st *tls;
    char why[256]; /* why the last thing failed */
};

/* Begins with no connection. `cafile`: use TLS and trust this CA; NULL: no TLS. False, with
 * stream->why: the CA cannot be used, or the program was built without TLS. */
bool mqtt_stream_init(struct mqtt_stream *stream, const char *cafile);
void mqtt_stream_fini(struct mqtt_stream *stream);

/* Begins to connect. False, with stream->why: it failed at once. `host` stays the caller's. */
bool mqtt_stream_open(struct mqtt_stream *stream, const char *host, int port);
void mqtt_stream_close(struct mqtt_stream *stream);

/* What poll(2) has to wait for when the caller wants to read or to write. */
short mqtt_stream_events(const struct mqtt_stream *stream, bool read, bool write);

/* Whether there is something to read that poll(2) does not see. */
bool mqtt_stream_pending(const struct mqtt_stream *stream);

/* Goes on with connecting; stream->ready says when that is done. False, with stream->why: it has
 * failed. */
bool mqtt_stream_advance(struct mqtt_stream *stream);

/* The server's address did not answer in time: goes on with its next one. False, with stream->why:
 * there is none. */
bool mqtt_stream_too_late(struct mqtt_stream *stream);

/* Number of bytes read or written, 0: not now, -1, with stream->why: the connection is over. */
ssize_t mqtt_stream_read(struct mqtt_stream *stream, void *data, size_t len);
ssize_t mqtt_stream_write(struct mqtt_stream *stream, const void *data, size_t len);

/* Nothing more will be written. */
void mqtt_stream_finish(struct mqtt_stream *stream);

#endif
