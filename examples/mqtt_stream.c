/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef MQK_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#endif

static void why(struct mqtt_stream *stream, const char *what, const char *reason) {
    snprintf(stream->why, sizeof(stream->why), "%s%s%s", what, what[0] ? ": " : "", reason);
}

#ifdef MQK_TLS

static void why_tls(struct mqtt_stream *stream, const char *what) {
    unsigned long code = ERR_get_error();
    long verified = stream->tls ? SSL_get_verify_result(stream->tls) : X509_V_OK;
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (verified != X509_V_OK) {
        reason = X509_verify_cert_error_string(verified);
    }
    why(stream, what, reason ? reason : "unknown error");
    ERR_clear_error();
}

static bool tls_set_up(struct mqtt_stream *stream, const char *cafile) {
    stream->tls_ctx = SSL_CTX_new(TLS_client_method());
    if (!stream->tls_ctx || SSL_CTX_set_min_proto_version(stream->tls_ctx, TLS1_2_VERSION) != 1) {
        why_tls(stream, "TLS");
        return false;
    }
    if (SSL_CTX_load_verify_locations(stream->tls_ctx, cafile, NULL) != 1) {
        why_tls(stream, cafile);
        return false;
    }
    SSL_CTX_set_verify(stream->tls_ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(stream->tls_ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return true;
}

static bool is_address(const char *host) {
    unsigned char binary[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1;
}

static bool tls_begin(struct mqtt_stream *stream) {
    stream->tls = SSL_new(stream->tls_ctx);
    if (!stream->tls || SSL_set_fd(stream->tls, stream->fd) != 1) {
        why_tls(stream, "TLS");
        return false;
    }
    int named;
    if (is_address(stream->host)) {
        named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream->tls), stream->host);
    } else {
        SSL_set_tlsext_host_name(stream->tls, stream->host);
        named = SSL_set1_host(stream->tls, stream->host);
    }
    if (named != 1) {
        why_tls(stream, "TLS");
        return false;
    }
    return true;
}

/* What a result of OpenSSL's means: as mqtt_stream_read(). */
static ssize_t tls_result(struct mqtt_stream *stream, int result) {
    int saved = errno;
    stream->tls_wants_write = false;
    if (result > 0) {
        return result;
    }
    switch (SSL_get_error(stream->tls, result)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_WANT_WRITE:
        stream->tls_wants_write = true;
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        why(stream, "", "closed by the broker");
        return -1;
    case SSL_ERROR_SYSCALL:
        why(stream, "TLS", saved ? strerror(saved) : "closed by the broker");
        ERR_clear_error();
        return -1;
    default:
        why_tls(stream, "TLS");
        return -1;
    }
}

static ssize_t tls_read(struct mqtt_stream *stream, void *data, size_t len) {
    ERR_clear_error();
    errno = 0;
    return tls_result(stream, SSL_read(stream->tls, data, len > INT_MAX ? INT_MAX : (int)len));
}

static ssize_t tls_write(struct mqtt_stream *stream, const void *data, size_t len) {
    ERR_clear_error();
    errno = 0;
    return tls_result(stream, SSL_write(stream->tls, data, len > INT_MAX ? INT_MAX : (int)len));
}

static bool tls_advance(struct mqtt_stream *stream) {
    if (!stream->tls && !tls_begin(stream)) {
        return false;
    }
    ERR_clear_error();
    errno = 0;
    ssize_t result = tls_result(stream, SSL_connect(stream->tls));
    stream->ready = result > 0;
    return result >= 0;
}

static void tls_close(struct mqtt_stream *stream) {
    SSL_free(stream->tls);
    stream->tls = NULL;
    stream->tls_wants_write = false;
}

static void tls_finish(struct mqtt_stream *stream) {
    if (stream->tls && stream->ready) {
        SSL_shutdown(stream->tls);
        ERR_clear_error();
    }
}

static void tls_fini(struct mqtt_stream *stream) {
    SSL_CTX_free(stream->tls_ctx);
}

bool mqtt_stream_pending(const struct mqtt_stream *stream) {
    return stream->tls && stream->ready && SSL_pending(stream->tls) > 0;
}

#else

static bool tls_set_up(struct mqtt_stream *stream, const char *cafile) {
    why(stream, cafile, "this program was built without TLS (OpenSSL)");
    return false;
}

static bool tls_advance(struct mqtt_stream *stream) {
    (void)stream;
    return false;
}

static ssize_t tls_read(struct mqtt_stream *stream, void *data, size_t len) {
    (void)stream, (void)data, (void)len;
    return -1;
}

static ssize_t tls_write(struct mqtt_stream *stream, const void *data, size_t len) {
    (void)stream, (void)data, (void)len;
    return -1;
}

static void tls_close(struct mqtt_stream *stream) {
    (void)stream;
}

static void tls_finish(struct mqtt_stream *stream) {
    (void)stream;
}

static void tls_fini(struct mqtt_stream *stream) {
    (void)stream;
}

bool mqtt_stream_pending(const struct mqtt_stream *stream) {
    (void)stream;
    return false;
}

#endif

bool mqtt_stream_init(struct mqtt_stream *stream, const char *cafile) {
    *stream = (struct mqtt_stream){.fd = -1};
    return !cafile || tls_set_up(stream, cafile);
}

static void socket_close(struct mqtt_stream *stream) {
    tls_close(stream);
    if (stream->fd >= 0) {
        close(stream->fd);
    }
    stream->fd = -1;
    stream->connected = false;
    stream->ready = false;
}

void mqtt_stream_close(struct mqtt_stream *stream) {
    socket_close(stream);
    if (stream->addresses) {
        freeaddrinfo(stream->addresses);
    }
    stream->addresses = NULL;
    stream->next = NULL;
}

void mqtt_stream_fini(struct mqtt_stream *stream) {
    mqtt_stream_close(stream);
    tls_fini(stream);
    *stream = (struct mqtt_stream){.fd = -1};
}

/* Tries one address after the other until one does not fail at once. */
static bool next_address(struct mqtt_stream *stream) {
    while (stream->next) {
        const struct addrinfo *address = stream->next;
        stream->next = address->ai_next;
        socket_close(stream);
        stream->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (stream->fd >= 0) {
            int on = 1;
            setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            if (connect(stream->fd, address->ai_addr, address->ai_addrlen) == 0 ||
                errno == EINPROGRESS) {
                return true;
            }
        }
        why(stream, stream->host, strerror(errno));
    }
    return false;
}

bool mqtt_stream_open(struct mqtt_stream *stream, const char *host, int port) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char service[16];
    mqtt_stream_close(stream);
    stream->host = host;
    snprintf(service, sizeof(service), "%d", port);
    int failure = getaddrinfo(host, service, &hints, &stream->addresses);
    if (failure != 0) {
        stream->addresses = NULL;
        why(stream, host, gai_strerror(failure));
        return false;
    }
    stream->next = stream->addresses;
    return next_address(stream);
}

short mqtt_stream_events(const struct mqtt_stream *stream, bool read, bool write) {
    if (!stream->connected) {
        return POLLOUT;
    }
    if (!stream->ready) {
        return stream->tls_wants_write ? POLLOUT : POLLIN;
    }
    return (short)((read ? POLLIN : 0) | (write || stream->tls_wants_write ? POLLOUT : 0));
}

bool mqtt_stream_advance(struct mqtt_stream *stream) {
    if (!stream->connected) {
        struct pollfd fd = {.fd = stream->fd, .events = POLLOUT};
        int failure = 0;
        socklen_t len = sizeof(failure);
        if (poll(&fd, 1, 0) <= 0) {
            return true;
        }
        if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0 || failure != 0) {
            why(stream, stream->host, strerror(failure ? failure : errno));
            return next_address(stream);
        }
        stream->connected = true;
        stream->ready = !stream->tls_ctx;
    }
    return stream->ready || tls_advance(stream);
}

bool mqtt_stream_too_late(struct mqtt_stream *stream) {
    why(stream, stream->host, "no answer");
    return !stream->connected && next_address(stream);
}

static ssize_t socket_result(struct mqtt_stream *stream, ssize_t result) {
    if (result >= 0) {
        return result;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        return 0;
    }
    why(stream, "", strerror(errno));
    return -1;
}

ssize_t mqtt_stream_read(struct mqtt_stream *stream, void *data, size_t len) {
    if (stream->tls) {
        return tls_read(stream, data, len);
    }
    ssize_t result = recv(stream->fd, data, len, 0);
    if (result == 0) {
        why(stream, "", "closed by the broker");
        return -1;
    }
    return socket_result(stream, result);
}

ssize_t mqtt_stream_write(struct mqtt_stream *stream, const void *data, size_t len) {
    return stream->tls ? tls_write(stream, data, len)
                       : socket_result(stream, send(stream->fd, data, len, MSG_NOSIGNAL));
}

void mqtt_stream_finish(struct mqtt_stream *stream) {
    tls_finish(stream);
    if (stream->fd >= 0) {
        shutdown(stream->fd, SHUT_WR);
    }
}
