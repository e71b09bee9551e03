/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define RETRY_FIRST_MS   500
#define RETRY_LAST_MS    30000
#define STEP_MS          10000 /* for each step of connecting, and for the answer to a ping */
#define IDLE_MS          1000
#define READ_AT_ONCE     (64 * 1024)
#define READ_IN_A_ROW    16
#define MOST_QOS0_BYTES  (1 << 20)
#define MOST_OUTBOX      (64 << 20)
#define PROTOCOL_ERROR   0x82
#define MALFORMED        0x81
#define TOO_MANY         0x93
#define TOO_LARGE        0x95
#define NO_PACKET_NUMBER 0

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const struct mqtt_client *client, const char *what, const char *reason) {
    client->host.log(client->host.user, what, reason);
}

bool mqtt_client_init(struct mqtt_client *client, const struct mqtt_client_settings *settings,
                      const struct mqtt_client_host *host) {
    *client = (struct mqtt_client){.settings = *settings,
                                   .host = *host,
                                   .retry_ms = RETRY_FIRST_MS,
                                   .restart_ms = RETRY_FIRST_MS};
    mqtt_outbox_init(&client->outbox);
    if (!mqtt_stream_init(&client->stream, settings->cafile)) {
        say(client, "cannot set up the MQTT client", client->stream.why);
        return false;
    }
    const char *texts[] = {settings->clientid, settings->username, settings->password};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i] && strlen(texts[i]) > MQTT_LONGEST_TEXT) {
            say(client, "cannot set up the MQTT client",
                "client id, user name or password too long");
            return false;
        }
    }
    for (int i = 0; i < settings->filter_count; i++) {
        if (strlen(settings->filters[i]) > MQTT_LONGEST_TEXT) {
            say(client, "cannot set up the MQTT client", "a topic filter is too long");
            return false;
        }
    }
    /* Mosquitto 2.0 sends now and then a message more than the receive maximum allows. */
    if (!mqtt_inbox_init(&client->inbox, UINT16_MAX)) {
        say(client, "cannot set up the MQTT client", "out of memory");
        return false;
    }
    return true;
}

void mqtt_client_fini(struct mqtt_client *client) {
    mqtt_stream_fini(&client->stream);
    mqtt_bytes_fini(&client->in);
    mqtt_bytes_fini(&client->out);
    mqtt_packet_fini(&client->packet);
    mqtt_inbox_fini(&client->inbox);
    if (client->outbox.tail) {
        mqtt_outbox_fini(&client->outbox);
    }
}

static void fail(struct mqtt_client *client, const char *reason) {
    if (client->failure[0] == '\0') {
        snprintf(client->failure, sizeof(client->failure), "%s", reason);
    }
}

/* The broker broke the rules: it is told so before the connection ends. */
static void accuse(struct mqtt_client *client, uint8_t code, const char *reason) {
    char text[200];
    snprintf(text, sizeof(text), "the broker's fault: %s", reason);
    mqtt_write_disconnect(&client->out, code);
    fail(client, text);
}

/* Between a half and one and a half of `pause_ms`: two clients that take turns in throwing each
 * other out, or many that lost their broker, are not to go on in step. */
static int64_t scattered(int pause_ms) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return pause_ms / 2 + now.tv_nsec / 1000 * INT64_C(7919) % pause_ms;
}

/* Ends the connection that has failed; the next one is made after a pause. */
static void hang_up(struct mqtt_client *client) {
    bool was_open = client->state == MQTT_OPEN;
    if (client->stream.ready && mqtt_bytes_len(&client->out) > 0) {
        mqtt_stream_write(&client->stream, mqtt_bytes_first(&client->out),
                          mqtt_bytes_len(&client->out));
    }
    say(client, was_open ? "connection lost" : "no connection", client->failure);
    client->failure[0] = '\0';
    client->state = MQTT_AWAY;
    client->paused = false;
    client->pinged_ms = 0;
    int *pause_ms = client->restarting ? &client->restart_ms : &client->retry_ms;
    client->retry_at_ms = now_ms() + scattered(*pause_ms);
    *pause_ms = *pause_ms * 2 < RETRY_LAST_MS ? *pause_ms * 2 : RETRY_LAST_MS;
    client->restarting = false;
    mqtt_stream_close(&client->stream);
    mqtt_bytes_clear(&client->in);
    mqtt_bytes_clear(&client->out);
    if (was_open) {
        client->host.disconnected(client->host.user);
    }
}

static void greet(struct mqtt_client *client) {
    const struct mqtt_client_settings *s = &client->settings;
    const struct mqtt_connect connect = {.clientid = mqk_cstr(s->clientid),
                                         .username = mqk_cstr(s->username),
                                         .password = mqk_cstr(s->password),
                                         .keepalive_s = s->keepalive_s,
                                         .session_expiry_s = s->session_expiry_s,
                                         .receive_maximum = s->receive_maximum,
                                         .maximum_packet = s->maximum_packet};
    client->state = MQTT_GREETING;
    client->deadline_ms = now_ms() + STEP_MS;
    if (!mqtt_write_connect(&client->out, &connect)) {
        fail(client, "out of memory");
    }
}

static void connect_begin(struct mqtt_client *client) {
    client->state = MQTT_CONNECTING;
    if (!mqtt_stream_open(&client->stream, client->settings.host, client->settings.port)) {
        fail(client, client->stream.why);
    }
    client->deadline_ms = now_ms() + STEP_MS;
}

static void connect_advance(struct mqtt_client *client) {
    bool going_on = mqtt_stream_advance(&client->stream);
    if (going_on && !client->stream.ready && now_ms() > client->deadline_ms) {
        going_on = mqtt_stream_too_late(&client->stream);
        client->deadline_ms = now_ms() + STEP_MS;
    }
    if (!going_on) {
        fail(client, client->stream.why);
    } else if (client->stream.ready) {
        greet(client);
    }
}

/* What the gateway publishes itself is not to come back and go to Kafka again. MQTT 5 does not
 * allow to ask for that with a shared subscription. */
static void subscribe(struct mqtt_client *client) {
    /* Harmless to repeat: retained messages come for new subscriptions only. */
    for (int i = 0; i < client->settings.filter_count; i++) {
        const char *filter = client->settings.filters[i];
        bool shared = strncmp(filter, "$share/", strlen("$share/")) == 0;
        unsigned options = client->settings.qos | MQTT_RETAIN_IF_NEW | (shared ? 0 : MQTT_NO_LOCAL);
        uint16_t id = (uint16_t)(MQTT_FIRST_OTHER_ID + i % MQTT_OTHER_IDS);
        if (!mqtt_write_subscribe(&client->out, id, mqk_cstr(filter), (uint8_t)options)) {
            fail(client, "out of memory");
        }
    }
}

static void on_connack(struct mqtt_client *client, const struct mqtt_packet *p) {
    if (p->reason != 0) {
        char text[200];
        snprintf(text, sizeof(text), "the broker refuses the connection: %s",
                 mqtt_reason_text(p->reason));
        fail(client, text);
        return;
    }
    client->state = MQTT_OPEN;
    client->retry_ms = RETRY_FIRST_MS;
    client->keepalive_s =
        (uint16_t)mqtt_packet_number(p, MQTT_SERVER_KEEP_ALIVE, client->settings.keepalive_s);
    client->receive_maximum = (uint16_t)mqtt_packet_number(p, MQTT_RECEIVE_MAXIMUM, UINT16_MAX);
    client->maximum_packet =
        (uint32_t)mqtt_packet_number(p, MQTT_MAXIMUM_PACKET_SIZE, MQTT_LARGEST_PACKET);
    client->maximum_qos = (uint8_t)mqtt_packet_number(p, MQTT_MAXIMUM_QOS, 2);
    client->retain_available = mqtt_packet_number(p, MQTT_RETAIN_AVAILABLE, 1) != 0;
    mqtt_inbox_restart(&client->inbox, p->session_present);
    mqtt_outbox_restart(&client->outbox, p->session_present);
    client->host.connected(client->host.user, p->session_present);
    subscribe(client);
}

static void acknowledge(struct mqtt_client *client) {
    int count = mqtt_inbox_acknowledge(&client->inbox, &client->out);
    if (count < 0) {
        fail(client, "out of memory");
    } else if (count > 0) {
        client->restart_ms = RETRY_FIRST_MS; /* this connection is worth something */
    }
}

/* False: the host does not want it now. */
static bool on_publish(struct mqtt_client *client, const struct mqtt_packet *p) {
    struct mqtt_inbox *inbox = &client->inbox;
    if (p->qos == 0) {
        return client->host.message(client->host.user, p, NO_PACKET_NUMBER) != MQTT_NOT_NOW;
    }
    if (mqtt_inbox_is_full(inbox)) {
        accuse(client, TOO_MANY,
               "more messages without acknowledgement than there are identifiers");
        return true;
    }
    uint64_t number = inbox->next;
    enum mqtt_taken taken = MQTT_SAFE;
    if (p->qos == 1 || !mqtt_inbox_has(inbox, p->id)) {
        taken = client->host.message(client->host.user, p, number);
    }
    if (taken == MQTT_NOT_NOW) {
        return false;
    }
    mqtt_inbox_add(inbox, p->id, p->qos);
    if (taken == MQTT_SAFE) {
        mqtt_inbox_safe(inbox, number);
        acknowledge(client);
    }
    return true;
}

static void on_suback(struct mqtt_client *client, const struct mqtt_packet *p) {
    for (size_t i = 0; i < p->reasons.len; i++) {
        uint8_t reason = (uint8_t)p->reasons.data[i];
        if (reason >= MQTT_FIRST_FAILURE) {
            say(client, "the broker refuses a subscription", mqtt_reason_text(reason));
        }
    }
}

static void on_answer(struct mqtt_client *client, const struct mqtt_packet *p) {
    switch (mqtt_outbox_answer(&client->outbox, p, &client->out)) {
    case MQTT_ARRIVED:
        client->host.published(client->host.user, 0);
        break;
    case MQTT_TURNED_DOWN:
        client->host.published(client->host.user, p->reason);
        break;
    case MQTT_OUTBOX_NO_MEMORY:
        fail(client, "out of memory");
        break;
    case MQTT_NOTHING_YET:
        break;
    }
}

/* False: the packet is to stay where it is, as the host does not want it now. */
static bool on_packet(struct mqtt_client *client, const struct mqtt_packet *p) {
    if ((client->state == MQTT_GREETING) != (p->type == MQTT_CONNACK)) {
        accuse(client, PROTOCOL_ERROR, "a packet that does not belong there");
        return true;
    }
    switch (p->type) {
    case MQTT_CONNACK:
        on_connack(client, p);
        break;
    case MQTT_PUBLISH:
        return on_publish(client, p);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBCOMP:
        on_answer(client, p);
        break;
    case MQTT_PUBREL:
        if (!mqtt_inbox_release(&client->inbox, p->id, &client->out)) {
            fail(client, "out of memory");
        }
        break;
    case MQTT_SUBACK:
        on_suback(client, p);
        break;
    case MQTT_PINGRESP:
        client->pinged_ms = 0;
        break;
    default:
        fail(client, mqtt_reason_text(p->reason));
        break;
    }
    return true;
}

static void packets_handle(struct mqtt_client *client) {
    size_t head = 0;
    size_t body = 0;
    while (!client->paused && client->failure[0] == '\0') {
        size_t len = mqtt_bytes_len(&client->in);
        if (len == 0) {
            return;
        }
        const uint8_t *bytes = mqtt_bytes_first(&client->in);
        int complete = mqtt_head_read(bytes, len, &head, &body);
        if (complete < 0) {
            accuse(client, MALFORMED, "the length of a packet");
            return;
        }
        if (complete > 0 && head + body > client->settings.maximum_packet) {
            accuse(client, TOO_LARGE, "a packet larger than allowed");
            return;
        }
        if (complete == 0 || len < head + body) {
            return;
        }
        const char *wrong = mqtt_packet_read(&client->packet, bytes[0], bytes + head, body);
        if (wrong) {
            accuse(client, MALFORMED, wrong);
            return;
        }
        client->paused = !on_packet(client, &client->packet);
        if (!client->paused) {
            mqtt_bytes_take(&client->in, head + body);
        }
    }
}

static void receive(struct mqtt_client *client) {
    for (int i = 0; i < READ_IN_A_ROW && !client->paused && client->failure[0] == '\0'; i++) {
        uint8_t *room = mqtt_bytes_room(&client->in, READ_AT_ONCE);
        if (!room) {
            fail(client, "out of memory");
            return;
        }
        ssize_t len = mqtt_stream_read(&client->stream, room, READ_AT_ONCE);
        if (len < 0) {
            fail(client, client->stream.why);
        }
        if (len <= 0) {
            return;
        }
        mqtt_bytes_added(&client->in, (size_t)len);
        client->pinged_ms = client->pinged_ms ? now_ms() : 0; /* it lives; the answer comes later */
        packets_handle(client);
    }
}

static void send_what_waits(struct mqtt_client *client) {
    if (client->state == MQTT_OPEN &&
        !mqtt_outbox_send(&client->outbox, &client->out, client->receive_maximum)) {
        fail(client, "out of memory");
    }
    while (mqtt_bytes_len(&client->out) > 0 && client->failure[0] == '\0') {
        ssize_t len = mqtt_stream_write(&client->stream, mqtt_bytes_first(&client->out),
                                        mqtt_bytes_len(&client->out));
        if (len < 0) {
            fail(client, client->stream.why);
        }
        if (len <= 0) {
            return;
        }
        client->sent_ms = now_ms();
        mqtt_bytes_take(&client->out, (size_t)len);
    }
}

static void keep_alive(struct mqtt_client *client) {
    int64_t now = now_ms();
    if (client->state == MQTT_GREETING && now > client->deadline_ms) {
        fail(client, "the broker does not answer");
    }
    if (client->state != MQTT_OPEN || client->keepalive_s == 0) {
        return;
    }
    if (client->paused) {
        /* The answer may be among what is not read. */
        client->pinged_ms = client->pinged_ms ? now : 0;
    } else if (client->pinged_ms && now - client->pinged_ms > STEP_MS) {
        fail(client, "the broker does not answer any more");
    }
    int64_t pause_ms = client->keepalive_s * INT64_C(1000) / 2;
    if (now - client->sent_ms >= pause_ms) {
        if (!mqtt_write_pingreq(&client->out)) {
            fail(client, "out of memory");
        }
        client->sent_ms = now;
        client->pinged_ms = client->pinged_ms ? client->pinged_ms : now;
    }
}

int mqtt_client_poll(struct mqtt_client *client, struct pollfd *fd) {
    *fd = (struct pollfd){.fd = client->stream.fd};
    if (client->state == MQTT_AWAY) {
        int64_t rest_ms = client->retry_at_ms - now_ms();
        return rest_ms < 0 ? 0 : rest_ms < IDLE_MS ? (int)rest_ms : IDLE_MS;
    }
    fd->events =
        mqtt_stream_events(&client->stream, !client->paused, mqtt_bytes_len(&client->out) > 0);
    bool at_once = client->failure[0] || (!client->paused && mqtt_stream_pending(&client->stream));
    return at_once ? 0 : IDLE_MS;
}

void mqtt_client_serve(struct mqtt_client *client, const struct pollfd *fd) {
    short seen = fd->fd >= 0 && fd->fd == client->stream.fd ? fd->revents : 0;
    if (client->state == MQTT_AWAY && now_ms() >= client->retry_at_ms) {
        connect_begin(client);
    }
    if (client->state == MQTT_CONNECTING && client->failure[0] == '\0') {
        connect_advance(client);
    }
    if (client->state >= MQTT_GREETING) {
        if (client->paused && (seen & (POLLERR | POLLHUP))) {
            fail(client, "closed by the broker");
        }
        if (seen & ~POLLOUT || mqtt_stream_pending(&client->stream) ||
            client->stream.tls_wants_write) {
            receive(client);
        }
        keep_alive(client);
        send_what_waits(client);
    }
    if (client->failure[0]) {
        hang_up(client);
    }
}

void mqtt_client_resume(struct mqtt_client *client) {
    if (client->paused) {
        client->paused = false;
        packets_handle(client);
    }
}

void mqtt_client_safe(struct mqtt_client *client, uint64_t number) {
    mqtt_inbox_safe(&client->inbox, number);
    if (client->state == MQTT_OPEN) {
        acknowledge(client);
    }
}

bool mqtt_client_awaits(const struct mqtt_client *client, uint64_t number) {
    return client->state == MQTT_OPEN && number >= client->inbox.first &&
           number < client->inbox.next;
}

void mqtt_client_restart(struct mqtt_client *client, const char *why) {
    if (client->state == MQTT_OPEN) {
        mqtt_write_disconnect(&client->out, 0);
        client->restarting = client->failure[0] == '\0';
        fail(client, why);
    }
}

enum mqtt_published mqtt_client_publish(struct mqtt_client *client,
                                        const struct mqtt_message *message) {
    size_t len = 0;
    if (client->state != MQTT_OPEN || client->failure[0]) {
        return MQTT_LATER;
    }
    if (message->payload.len < MQTT_LARGEST_PACKET && mqtt_message_is_legal(message)) {
        len = mqtt_publish_len(message);
    }
    if (len == 0 || len > client->maximum_packet || len > MQTT_LARGEST_PACKET ||
        message->qos > client->maximum_qos || (message->retain && !client->retain_available)) {
        return MQTT_NEVER;
    }
    if (message->qos == 0) {
        return mqtt_bytes_len(&client->out) <= MOST_QOS0_BYTES &&
                       mqtt_write_publish(&client->out, 0, message)
                   ? MQTT_ACCEPTED
                   : MQTT_LATER;
    }
    return client->outbox.bytes <= MOST_OUTBOX && mqtt_outbox_add(&client->outbox, message)
               ? MQTT_ACCEPTED
               : MQTT_LATER;
}

void mqtt_client_disconnect(struct mqtt_client *client, int longest_ms) {
    int64_t until_ms = now_ms() + longest_ms;
    if (client->state != MQTT_OPEN || client->failure[0]) {
        return;
    }
    mqtt_write_disconnect(&client->out, 0);
    client->state = MQTT_GREETING; /* nothing but what stands in `out` is sent any more */
    bool finished = false;
    ssize_t len = 0;
    while (now_ms() < until_ms && client->failure[0] == '\0' && len >= 0) {
        uint8_t ignored[4096];
        send_what_waits(client);
        if (mqtt_bytes_len(&client->out) == 0 && !finished) {
            mqtt_stream_finish(&client->stream);
            finished = true;
        }
        struct pollfd fd = {.fd = client->stream.fd,
                            .events = mqtt_stream_events(&client->stream, true, !finished)};
        poll(&fd, 1, 100);
        /* Closing with something unread could take away what the broker has not read yet: so all
         * is read until the broker closes. */
        do {
            len = mqtt_stream_read(&client->stream, ignored, sizeof(ignored));
        } while (len > 0);
    }
    client->failure[0] = '\0';
    client->state = MQTT_AWAY;
    mqtt_stream_close(&client->stream);
}
