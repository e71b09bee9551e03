/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* for a whole request and its answer */

/* An answer as it grows. */
struct answer {
    char *data;
    size_t len;
    size_t capacity;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- listening ------------------------------------------------------------------------------- */

/* Splits "[ADDRESS:]PORT"; the address is without brackets. */
static bool split(const char *where, char address[256], const char **port) {
    const char *colon = strrchr(where, ':');
    *port = colon ? colon + 1 : where;
    char *end = NULL;
    unsigned long number = strtoul(*port, &end, 10);
    if (**port < '0' || **port > '9' || *end != '\0' || number > 65535) {
        return false;
    }
    if (!colon) {
        strcpy(address, "127.0.0.1");
        return true;
    }
    size_t len = (size_t)(colon - where);
    if (len >= 2 && where[0] == '[' && where[len - 1] == ']') {
        where++;
        len -= 2;
    }
    if (len == 0 || len >= 256) {
        return false;
    }
    memcpy(address, where, len);
    address[len] = '\0';
    return true;
}

void metrics_http_init(struct metrics_http *m) {
    m->listener = -1;
    m->came = 0;
    for (size_t i = 0; i < METRICS_HTTP_CLIENTS; i++) {
        m->clients[i].fd = -1;
        m->clients[i].answer = NULL;
        m->clients[i].request_len = 0;
    }
}

bool metrics_http_open(struct metrics_http *m, const char *where) {
    char address[256];
    const char *port;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    if (!split(where, address, &port) || getaddrinfo(address, port, &hints, &found) != 0) {
        errno = EINVAL;
        return false;
    }
    int on = 1;
    m->listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = m->listener >= 0 &&
                setsockopt(m->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                bind(m->listener, found->ai_addr, found->ai_addrlen) == 0 &&
                listen(m->listener, METRICS_HTTP_CLIENTS) == 0;
    int why = errno;
    freeaddrinfo(found);
    if (!good) {
        metrics_http_close(m);
        errno = why;
    }
    return good;
}

int metrics_http_port(const struct metrics_http *m) {
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    getsockname(m->listener, (struct sockaddr *)&address, &len);
    /* Both kinds have the port at the same place. */
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

/* ---- answering ------------------------------------------------------------------------------- */

static bool append(void *user, mqk_str piece) {
    struct answer *a = user;
    if (piece.len > a->capacity - a->len) {
        size_t capacity = (a->len + piece.len) * 2;
        char *data = realloc(a->data, capacity);
        if (!data) {
            return false;
        }
        a->data = data;
        a->capacity = capacity;
    }
    memcpy(a->data + a->len, piece.data, piece.len);
    a->len += piece.len;
    return true;
}

static bool write_health(mqk_bridge *bridge, struct answer *body, bool *well) {
    mqk_health health = {.size = sizeof(health)};
    char line[400];
    mqk_bridge_health(bridge, &health);
    *well = health.state == MQK_HEALTH_OK;
    int len = snprintf(line, sizeof(line), "%s%s%s\n", mqk_health_name(health.state),
                       health.message[0] ? ": " : "", health.message);
    return append(body, (mqk_str){line, (size_t)len});
}

/* What a request for a path is answered with. */
static const char *make_body(mqk_bridge *bridge, const char *path, bool openmetrics,
                             struct answer *body, const char **type) {
    mqk_status status = MQK_OK;
    bool well = true;
    *type = "text/plain; charset=utf-8";
    if (strcmp(path, "/metrics") == 0 && openmetrics) {
        *type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        status = mqk_bridge_stats_openmetrics(bridge, append, body);
    } else if (strcmp(path, "/metrics") == 0) {
        *type = "text/plain; version=0.0.4; charset=utf-8";
        status = mqk_bridge_stats_prometheus(bridge, append, body);
    } else if (strcmp(path, "/stats") == 0) {
        *type = "application/json";
        status = mqk_bridge_stats_json(bridge, append, body);
    } else if (strcmp(path, "/health") == 0) {
        status = write_health(bridge, body, &well) ? MQK_OK : MQK_ERR_NO_MEMORY;
    } else {
        append(body, mqk_cstr("There are /metrics, /stats and /health.\n"));
        return "404 Not Found";
    }
    if (status != MQK_OK) {
        body->len = 0;
        return "500 Internal Server Error";
    }
    return well ? "200 OK" : "503 Service Unavailable";
}

/* Makes the answer to the request that has come; false: it cannot be answered. */
static bool make_answer(struct metrics_http_client *c, mqk_bridge *bridge) {
    char method[8];
    char path[256];
    if (sscanf(c->request, "%7s %255s HTTP/1.", method, path) != 2) {
        return false;
    }
    path[strcspn(path, "?")] = '\0';
    bool head = strcmp(method, "HEAD") == 0;
    const char *status = "405 Method Not Allowed";
    const char *type = "text/plain";
    struct answer body = {NULL, 0, 0};
    struct answer whole = {NULL, 0, 0};
    if (head || strcmp(method, "GET") == 0) {
        bool openmetrics = strstr(c->request, "application/openmetrics-text") != NULL;
        status = make_body(bridge, path, openmetrics, &body, &type);
    }
    char begin[300];
    int len = snprintf(begin, sizeof(begin),
                       "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                       "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                       status, type, body.len);
    bool good = append(&whole, (mqk_str){begin, (size_t)len}) &&
                (head || body.len == 0 || append(&whole, (mqk_str){body.data, body.len}));
    free(body.data);
    c->answer = whole.data;
    c->answer_len = whole.len;
    c->answer_sent = 0;
    return good;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void drop(struct metrics_http_client *c) {
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c->answer);
    c->fd = -1;
    c->answer = NULL;
    c->request_len = 0;
}

/* Whoever has been there longest makes room, so that idle connections cannot keep others out. */
static struct metrics_http_client *make_room(struct metrics_http *m) {
    struct metrics_http_client *oldest = &m->clients[0];
    for (size_t i = 0; i < METRICS_HTTP_CLIENTS; i++) {
        struct metrics_http_client *c = &m->clients[i];
        if (c->fd < 0) {
            return c;
        }
        oldest = c->number < oldest->number ? c : oldest;
    }
    drop(oldest);
    return oldest;
}

static void welcome(struct metrics_http *m) {
    int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        struct metrics_http_client *c = make_room(m);
        c->fd = fd;
        c->number = m->came++;
        c->deadline_ms = now_ms() + PATIENCE_MS;
    }
}

/* Reads more of the request; false: the connection is of no more use. */
static bool take(struct metrics_http_client *c, mqk_bridge *bridge) {
    size_t room = sizeof(c->request) - 1 - c->request_len;
    ssize_t len = recv(c->fd, c->request + c->request_len, room, 0);
    if (len <= 0) {
        return len < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->request_len += (size_t)len;
    c->request[c->request_len] = '\0';
    if (strstr(c->request, "\r\n\r\n")) {
        return make_answer(c, bridge);
    }
    return c->request_len < sizeof(c->request) - 1;
}

/* Sends more of the answer; false: it is finished, or cannot be. */
static bool give(struct metrics_http_client *c) {
    ssize_t len =
        send(c->fd, c->answer + c->answer_sent, c->answer_len - c->answer_sent, MSG_NOSIGNAL);
    if (len < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    c->answer_sent += (size_t)len;
    return c->answer_sent < c->answer_len;
}

void metrics_http_poll(const struct metrics_http *m, struct pollfd fds[METRICS_HTTP_FDS]) {
    fds[0] = (struct pollfd){.fd = m->listener, .events = POLLIN};
    for (size_t i = 0; i < METRICS_HTTP_CLIENTS; i++) {
        const struct metrics_http_client *c = &m->clients[i];
        fds[i + 1] = (struct pollfd){.fd = c->fd, .events = c->answer ? POLLOUT : POLLIN};
    }
}

void metrics_http_serve(struct metrics_http *m, const struct pollfd fds[METRICS_HTTP_FDS],
                        mqk_bridge *bridge) {
    for (size_t i = 0; i < METRICS_HTTP_CLIENTS; i++) {
        struct metrics_http_client *c = &m->clients[i];
        if (c->fd < 0) {
            continue;
        }
        bool stays = now_ms() < c->deadline_ms;
        if (stays && fds[i + 1].revents) {
            stays = c->answer ? give(c) : take(c, bridge);
        }
        if (!stays) {
            drop(c);
        }
    }
    if (fds[0].revents) {
        welcome(m);
    }
}

void metrics_http_close(struct metrics_http *m) {
    for (size_t i = 0; i < METRICS_HTTP_CLIENTS; i++) {
        drop(&m->clients[i]);
    }
    if (m->listener >= 0) {
        close(m->listener);
    }
    m->listener = -1;
}
