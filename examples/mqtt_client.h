/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of an MQTT 5 broker that acknowledges a message only when its host says that it is safe,
 * which libmosquitto and Paho's C library do by themselves before the program has the message.
 *
 * It keeps a session at the broker, connects again when the connection is lost, and never waits:
 * the host asks what to poll for, and hands over what poll(2) said. One thread. What a broker sends
 * is bounded; a malformed packet ends the connection, and the log says why.
 */
#ifndef MQK_MQTT_CLIENT_H
#define MQK_MQTT_CLIENT_H

#include "mqtt_inbox.h"
#include "mqtt_outbox.h"
#include "mqtt_stream.h"

#include <poll.h>

/* What the host says to a message. */
enum mqtt_taken {
    MQTT_TAKEN,   /* mqtt_client_safe() will be called */
    MQTT_SAFE,    /* to be acknowledged at once */
    MQTT_NOT_NOW, /* nothing is read any more until mqtt_client_resume(), which offers it again */
};

/* Who is told what happens. Nothing of it may call mqtt_client_serve() or _fini(). */
struct mqtt_client_host {
    void *user;
    /* The broker took us; `earlier_session`: it knew us. */
    void (*connected)(void *user, bool earlier_session);
    void (*disconnected)(void *user);
    /* A message, and its number, which is not 0 for QoS 1 and 2. The packet is valid meanwhile. */
    enum mqtt_taken (*message)(void *user, const struct mqtt_packet *packet, uint64_t number);
    /* The broker acknowledged a message of QoS 1 or 2, or refused it: `reason`. */
    void (*published)(void *user, uint8_t reason);
    void (*log)(void *user, const char *what, const char *why);
};

/* All texts stay the caller's. */
struct mqtt_client_settings {
    const char *host;
    int port;
    const char *cafile; /* NULL: no TLS */
    const char *clientid;
    const char *username; /* NULL: none */
    const char *password; /* NULL: none */
    char **filters;
    int filter_count;
    uint8_t qos; /* of the subscriptions */
    uint16_t keepalive_s;
    uint32_t session_expiry_s;
    uint16_t receive_maximum; /* messages without acknowledgement, at most */
    uint32_t maximum_packet;  /* bytes of a packet, at most */
};

enum mqtt_client_state { MQTT_AWAY, MQTT_CONNECTING, MQTT_GREETING, MQTT_OPEN };

struct mqtt_client {
    struct mqtt_client_settings settings;
    struct mqtt_client_host host;
    enum mqtt_client_state state;
    struct mqtt_stream stream;
    struct mqtt_bytes in;
    struct mqtt_bytes out;
    struct mqtt_packet packet;
    struct mqtt_inbox inbox;
    struct mqtt_outbox outbox;
    bool paused;       /* the host said MQTT_NOT_NOW */
    char failure[256]; /* why the connection has to end; empty: it does not */
    int64_t retry_at_ms;
    int retry_ms;             /* the pause after the next failure; short again once connected */
    int restart_ms;           /* after the next mqtt_client_restart(); once something is safe */
    bool restarting;          /* why the connection ends */
    int64_t deadline_ms;      /* when connecting: the latest moment for the next step */
    int64_t sent_ms;          /* when something was sent last */
    int64_t pinged_ms;        /* a PINGREQ is without answer since then; 0: none */
    uint16_t keepalive_s;     /* what broker and client agreed on; 0: none */
    uint16_t receive_maximum; /* the broker's */
    uint32_t maximum_packet;  /* the broker's */
    uint8_t maximum_qos;      /* the broker's */
    bool retain_available;    /* at the broker */
};

/* Begins; connects with the first mqtt_client_serve(). False, after saying why in the log. */
bool mqtt_client_init(struct mqtt_client *client, const struct mqtt_client_settings *settings,
                      const struct mqtt_client_host *host);

/* Says goodbye, with everything sent that is due, for at most `longest_ms`. The session stays. */
void mqtt_client_disconnect(struct mqtt_client *client, int longest_ms);
void mqtt_client_fini(struct mqtt_client *client);

/* What to poll for. Returns how long poll(2) may wait at most, in ms. */
int mqtt_client_poll(struct mqtt_client *client, struct pollfd *fd);

/* Does what is due after poll(2). */
void mqtt_client_serve(struct mqtt_client *client, const struct pollfd *fd);

/* After MQTT_NOT_NOW: goes on. */
void mqtt_client_resume(struct mqtt_client *client);

/* The message with this number is safe. Of a connection that is gone: nothing happens. */
void mqtt_client_safe(struct mqtt_client *client, uint64_t number);

/* Whether the broker still waits for the acknowledgement of the message with this number. */
bool mqtt_client_awaits(const struct mqtt_client *client, uint64_t number);

/* Ends the connection and makes a new one a little later, because of `why`: the broker sends again
 * what is not acknowledged. */
void mqtt_client_restart(struct mqtt_client *client, const char *why);

/* What became of a message to publish. */
enum mqtt_published {
    MQTT_ACCEPTED, /* QoS 0: on its way; else it is repeated until `published` is called */
    MQTT_LATER,    /* not connected, or too much waits */
    MQTT_NEVER,    /* MQTT or the broker does not allow it */
};
enum mqtt_published mqtt_client_publish(struct mqtt_client *client,
                                        const struct mqtt_message *message);

#endif
