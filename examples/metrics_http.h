/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers Prometheus: a very small HTTP server for the host's own poll loop. GET /metrics gives the
 * statistics as Prometheus (or, when it asks for that, OpenMetrics) text, /stats as JSON, /health a
 * line, with status 503 when the bridge is not well. One thread; nothing in it waits.
 */
#ifndef MQK_METRICS_HTTP_H
#define MQK_METRICS_HTTP_H

#include <mqkafka/mqkafka.h>
#include <poll.h>

#define METRICS_HTTP_CLIENTS 8
#define METRICS_HTTP_FDS     (METRICS_HTTP_CLIENTS + 1)

struct metrics_http_client {
    int fd;          /* -1: a free place */
    uint64_t number; /* in the order of coming */
    int64_t deadline_ms;
    char request[4096];
    size_t request_len;
    char *answer; /* NULL while the request is read */
    size_t answer_len;
    size_t answer_sent;
};

struct metrics_http {
    int listener;
    uint64_t came;
    struct metrics_http_client clients[METRICS_HTTP_CLIENTS];
};

/* One that does not listen: everything below may be called. */
void metrics_http_init(struct metrics_http *m);

/* Listens at "PORT" (of this machine only), "ADDRESS:PORT" or "[IPv6]:PORT"; port 0 takes any.
 * False, with errno, when that is impossible. */
bool metrics_http_open(struct metrics_http *m, const char *where);

/* The port it listens at. */
int metrics_http_port(const struct metrics_http *m);

/* Fills in what to poll for. */
void metrics_http_poll(const struct metrics_http *m, struct pollfd fds[METRICS_HTTP_FDS]);

/* Does what poll() has found. */
void metrics_http_serve(struct metrics_http *m, const struct pollfd fds[METRICS_HTTP_FDS],
                        mqk_bridge *bridge);

void metrics_http_close(struct metrics_http *m);

#endif
