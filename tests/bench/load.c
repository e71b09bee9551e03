/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load for an MQTT broker: some MQTT 3.1.1 clients publish at QoS 1, each with a window of messages
 * that are not acknowledged yet. Prints "ready" when all are connected, begins when a line comes
 * in, and prints the seconds from the first message to the last acknowledgement.
 *
 *   load PORT CLIENTS MESSAGES SIZE WINDOW
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CLIENTS 1000
#define MAX_WINDOW  1000
#define MAX_SIZE    1000
#define MAX_PACKET  (MAX_SIZE + 64)
#define SILENCE_MS  30000
#define PAUSE_US    500

struct client {
    int number;
    int fd;
    long left;     /* messages not begun */
    int in_flight; /* begun, not acknowledged */
    uint16_t packet_id;
    size_t out_len; /* bytes of `out` to send, of which `sent` are gone */
    size_t sent;
    size_t in_len;
    char *out;
    unsigned char in[4096];
};

static size_t payload_size;
static int window;

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

static size_t put_text(char *at, const char *text, size_t len) {
    at[0] = (char)(len >> 8);
    at[1] = (char)len;
    memcpy(at + 2, text, len);
    return len + 2;
}

static void client_connect(struct client *c, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fail("connect");
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    char id[32];
    char packet[64] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0};
    size_t id_len = (size_t)snprintf(id, sizeof(id), "load-%d", c->number);
    size_t len = 12 + put_text(packet + 12, id, id_len);
    packet[1] = (char)(len - 2);
    unsigned char answer[4];
    errno = 0;
    if (write(c->fd, packet, len) != (ssize_t)len ||
        recv(c->fd, answer, sizeof(answer), MSG_WAITALL) != 4 || answer[0] != 0x20 ||
        answer[3] != 0) {
        fail("CONNACK");
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* Appends a PUBLISH: topic bench/<client>/value, a payload of JSON with the sequence number. */
static void client_publish(struct client *c) {
    char rest[MAX_PACKET];
    char topic[32];
    size_t len =
        put_text(rest, topic, (size_t)snprintf(topic, sizeof(topic), "bench/%d/value", c->number));
    c->packet_id = c->packet_id == UINT16_MAX ? 1 : (uint16_t)(c->packet_id + 1);
    rest[len++] = (char)(c->packet_id >> 8);
    rest[len++] = (char)c->packet_id;
    int head = snprintf(rest + len, 80, "{\"seq\":%ld,\"temp\":21.50,\"text\":\"", c->left);
    memset(rest + len + head, 'x', payload_size - (size_t)head - 2);
    memcpy(rest + len + payload_size - 2, "\"}", 2);
    len += payload_size;
    char *out = c->out + c->out_len;
    *out++ = 0x32;
    for (size_t more = len; more > 0; more >>= 7) {
        *out++ = (char)((more & 127) | (more > 127 ? 128 : 0));
    }
    memcpy(out, rest, len);
    c->out_len = (size_t)(out - c->out) + len;
    c->left--;
    c->in_flight++;
}

static void client_send(struct client *c) {
    if (c->sent == c->out_len) {
        c->sent = c->out_len = 0;
        while (c->left > 0 && c->in_flight < window) {
            client_publish(c);
        }
    }
    while (c->sent < c->out_len) {
        ssize_t n = write(c->fd, c->out + c->sent, c->out_len - c->sent);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0) {
            fail("write");
        }
        c->sent += (size_t)n;
    }
}

/* Reads PUBACKs; returns how many. */
static int client_receive(struct client *c) {
    ssize_t n = read(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) {
            return 0;
        }
        fail("the broker closed the connection");
    }
    c->in_len += (size_t)n;
    size_t at = 0;
    int acks = 0;
    for (; c->in_len - at >= 4; at += 4, acks++) {
        errno = 0;
        if (c->in[at] != 0x40 || c->in[at + 1] != 2) {
            fail("PUBACK");
        }
    }
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
    c->in_flight -= acks;
    return acks;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Looks for acknowledgements now and then only: the clients of a broker run on other machines and
 * do not take its processor time. */
static void run(struct client *clients, int count, long messages) {
    struct pollfd fds[MAX_CLIENTS];
    for (int i = 0; i < count; i++) {
        client_send(&clients[i]);
        fds[i].fd = clients[i].fd;
    }
    for (long acks = 0; acks < messages;) {
        for (int i = 0; i < count; i++) {
            fds[i].events = (short)(POLLIN | (clients[i].sent < clients[i].out_len ? POLLOUT : 0));
        }
        errno = 0;
        if (poll(fds, (nfds_t)count, SILENCE_MS) <= 0) {
            fail("waiting for acknowledgements");
        }
        usleep(PAUSE_US);
        for (int i = 0; i < count; i++) {
            if (fds[i].revents) {
                acks += client_receive(&clients[i]);
                client_send(&clients[i]);
            }
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: load PORT CLIENTS MESSAGES SIZE WINDOW\n");
        return 2;
    }
    int count = atoi(argv[2]);
    long messages = atol(argv[3]);
    payload_size = (size_t)atol(argv[4]);
    window = atoi(argv[5]);
    if (count < 1 || count > MAX_CLIENTS || messages < 1 || payload_size < 80 ||
        payload_size > MAX_SIZE || window < 1 || window > MAX_WINDOW) {
        fprintf(stderr, "load: out of range\n");
        return 2;
    }
    struct client *clients = calloc((size_t)count, sizeof(*clients));
    for (int i = 0; clients && i < count; i++) {
        struct client *c = &clients[i];
        c->number = i;
        c->left = messages / count + (i < messages % count);
        c->out = malloc((size_t)window * MAX_PACKET);
        if (!c->out) {
            fail("memory");
        }
        client_connect(c, atoi(argv[1]));
    }
    if (!clients) {
        fail("memory");
    }
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF) {
        return 1;
    }
    double start = now();
    clock_t processor_start = clock();
    run(clients, count, messages);
    printf("%.6f %.6f\n", now() - start, (double)(clock() - processor_start) / CLOCKS_PER_SEC);
    for (int i = 0; i < count; i++) {
        if (write(clients[i].fd, "\xe0", 2) != 2) {
            fail("DISCONNECT");
        }
        close(clients[i].fd);
        free(clients[i].out);
    }
    free(clients);
    return 0;
}
