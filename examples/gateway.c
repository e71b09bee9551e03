/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway: subscribes to any MQTT broker and hands what arrives to the library, and publishes
 * what the library reads from Kafka. For brokers that cannot load plugins. One thread, one poll(2)
 * over the MQTT socket, the bridge and the signals.
 *
 * A QoS 1 message is acknowledged to its broker when its records are safe in Kafka (or in a spool
 * on the disk): see gateway_incoming.h. Until then the broker keeps it, whatever happens to the
 * gateway, and sends it again; it may then be in Kafka twice. libmosquitto and Paho acknowledge
 * before they hand a message over, so the gateway has an MQTT client of its own, mqtt_client.h.
 *
 * In the other direction nothing is lost at QoS 1 and 2: the bridge is not polled again, and so
 * commits nothing, before the MQTT broker has acknowledged what was published in the last poll.
 */
#include "gateway_incoming.h"
#include "gateway_outgoing.h"
#include "metrics_http.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEEPALIVE_S      30
#define LOOP_MS          1000
#define HELD_MS          20 /* until a message is offered again that was not taken */
#define CLOSE_TIMEOUT_MS 10000
#define GOODBYE_MS       10000 /* for the broker to read the last acknowledgements */
#define SESSION_HOLDS_S  (24 * 3600)
#define RECEIVE_MAXIMUM  1000
#define MAXIMUM_PACKET   (64 * 1024 * 1024)

struct gateway {
    const char *host;
    int port;
    const char *clientid;
    const char *cafile;
    const char *node;
    const char *rules;
    char **filters;
    const char *metrics_at; /* NULL: nowhere */
    int filter_count;
    struct mqtt_client mqtt;
    mqk_bridge *bridge;
    struct metrics_http metrics;
    struct incoming incoming;
    struct outgoing outgoing;
};

static const char help[] =
    "Usage: mqkafka-gateway [--metrics [ADDRESS:]PORT] RULES.yaml FILTER...\n"
    "Subscribes to the topic FILTERs on an MQTT broker (MQTT 5, QoS 1, a session that the broker\n"
    "keeps for a day) and turns what arrives into message.publish events for the rules in\n"
    "RULES.yaml, which make Kafka records of them. Consumer rules with action: publish work, too;\n"
    "kick and acl_clean do not, as a client cannot disconnect others.\n"
    "\n"
    "--metrics answers Prometheus at /metrics, with JSON at /stats and the health at /health; on\n"
    "127.0.0.1 unless an address is given.\n"
    "\n"
    "Environment:\n"
    "  MQTT_HOST, MQTT_PORT          the broker (localhost; 1883, with a CA 8883)\n"
    "  MQTT_USERNAME, MQTT_PASSWORD  (anonymous)\n"
    "  MQTT_CAFILE                   use TLS and trust this CA (no TLS)\n"
    "  MQTT_CLIENTID                 own client id (mqkafka-gateway)\n"
    "  MQK_NODE                      what ${node} is (the machine's host name)\n"
    "\n"
    "SIGHUP reads the rules again; SIGTERM and SIGINT deliver what is there, report and end.\n";

static int signal_pipe[2] = {-1, -1};

static void on_signal(int number) {
    int saved = errno;
    char byte = (char)number;
    ssize_t written = write(signal_pipe[1], &byte, 1);
    (void)written; /* a full pipe has enough signals waiting */
    errno = saved;
}

static void complain(const char *what, const char *why) {
    fprintf(stderr, "mqkafka-gateway: %s: %s\n", what, why);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void host_log(void *user, mqk_log_level level, mqk_str message) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    (void)user;
    complain(names[level], message.data);
}

static void config_problem(void *user, mqk_severity severity, const mqk_error *error) {
    (void)user;
    complain(severity == MQK_SEVERITY_ERROR ? "error" : "warning", error->message);
}

static mqk_config *rules_load(const struct gateway *gateway) {
    const mqk_config_source source = {.size = sizeof(source), .path = gateway->rules};
    mqk_config *config = NULL;
    mqk_config_load(&source, 1, config_problem, NULL, &config, NULL);
    return config;
}

static void rules_reload(struct gateway *gateway) {
    mqk_error error = {.message = "see above"};
    mqk_config *config = rules_load(gateway);
    if (config && mqk_bridge_reload(gateway->bridge, config, &error) == MQK_OK) {
        complain(gateway->rules, "reloaded");
    } else {
        complain("not reloaded; the old rules stay", error.message);
    }
    mqk_config_free(config);
}

static void on_connected(void *user, bool earlier_session) {
    struct gateway *gateway = user;
    gateway->outgoing.open = !gateway->incoming.closing;
    complain("connected", earlier_session ? "the earlier session goes on" : "a new session");
}

static void on_disconnected(void *user) {
    struct gateway *gateway = user;
    gateway->outgoing.open = false;
    gateway->incoming.held = false;
}

static enum mqtt_taken on_message(void *user, const struct mqtt_packet *packet, uint64_t number) {
    struct gateway *gateway = user;
    return incoming_message(&gateway->incoming, packet, number);
}

static void on_published(void *user, uint8_t reason) {
    struct gateway *gateway = user;
    if (reason >= MQTT_FIRST_FAILURE) {
        gateway->outgoing.refused++;
        complain("the broker refuses a message from Kafka", mqtt_reason_text(reason));
    }
}

static void on_log(void *user, const char *what, const char *why) {
    (void)user;
    complain(what, why);
}

static void host_delivered(void *user, uint64_t token, mqk_status status) {
    struct gateway *gateway = user;
    incoming_delivered(&gateway->incoming, token, status);
}

static mqk_answer host_publish(void *user, const mqk_publish *publish) {
    struct gateway *gateway = user;
    return outgoing_publish(&gateway->outgoing, publish);
}

static bool mqtt_set_up(struct gateway *gateway) {
    const char *username = getenv("MQTT_USERNAME");
    const struct mqtt_client_settings settings = {.host = gateway->host,
                                                  .port = gateway->port,
                                                  .cafile = gateway->cafile,
                                                  .clientid = gateway->clientid,
                                                  .username = username,
                                                  .password =
                                                      username ? getenv("MQTT_PASSWORD") : NULL,
                                                  .filters = gateway->filters,
                                                  .filter_count = gateway->filter_count,
                                                  .qos = 1,
                                                  .keepalive_s = KEEPALIVE_S,
                                                  .session_expiry_s = SESSION_HOLDS_S,
                                                  .receive_maximum = RECEIVE_MAXIMUM,
                                                  .maximum_packet = MAXIMUM_PACKET};
    const struct mqtt_client_host host = {.user = gateway,
                                          .connected = on_connected,
                                          .disconnected = on_disconnected,
                                          .message = on_message,
                                          .published = on_published,
                                          .log = on_log};
    gateway->incoming.mqtt = &gateway->mqtt;
    gateway->incoming.bridge = gateway->bridge;
    gateway->incoming.log = complain;
    return mqtt_client_init(&gateway->mqtt, &settings, &host);
}

/* Handles the signals that came; false when it is time to end. */
static bool signals_handle(struct gateway *gateway) {
    char numbers[64];
    ssize_t count = read(signal_pipe[0], numbers, sizeof(numbers));
    for (ssize_t i = 0; i < count; i++) {
        if (numbers[i] != SIGHUP) {
            return false;
        }
        rules_reload(gateway);
    }
    return true;
}

/* One turn; false when it is time to end. While acknowledgements are awaited the bridge waits, too:
 * its next poll would take what was accepted in the last one for safe. */
static bool turn(struct gateway *gateway, int longest_ms) {
    bool running = true;
    int bridge = outgoing_waiting(&gateway->outgoing) > 0 ? -1 : mqk_bridge_fd(gateway->bridge);
    struct pollfd fds[3 + METRICS_HTTP_FDS] = {{.fd = signal_pipe[0], .events = POLLIN},
                                               {.fd = bridge, .events = POLLIN}};
    int mqtt_ms = mqtt_client_poll(&gateway->mqtt, &fds[2]);
    longest_ms = mqtt_ms < longest_ms ? mqtt_ms : longest_ms;
    if (gateway->incoming.held && longest_ms > HELD_MS) {
        longest_ms = HELD_MS;
    }
    metrics_http_poll(&gateway->metrics, fds + 3);
    if (poll(fds, 3 + METRICS_HTTP_FDS, longest_ms) < 0 && errno != EINTR) {
        complain("poll", strerror(errno));
        return false;
    }
    if (fds[0].revents) {
        running = signals_handle(gateway);
    }
    if (fds[1].revents) {
        mqk_bridge_poll(gateway->bridge, 0);
    }
    if (gateway->incoming.held) {
        mqtt_client_resume(&gateway->mqtt);
    }
    mqtt_client_serve(&gateway->mqtt, &fds[2]);
    metrics_http_serve(&gateway->metrics, fds + 3, gateway->bridge);
    return running;
}

static void run(struct gateway *gateway) {
    while (turn(gateway, LOOP_MS)) {
    }
    /* What was published is to be acknowledged, so that it need not come again. */
    int64_t until_ms = now_ms() + CLOSE_TIMEOUT_MS;
    while (outgoing_waiting(&gateway->outgoing) > 0 && now_ms() < until_ms) {
        turn(gateway, 100);
    }
    gateway->outgoing.open = false;
    gateway->incoming.closing = true;
}

static const char *env_or(const char *name, const char *fallback) {
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

static bool arguments_read(struct gateway *gateway, int argc, char **argv) {
    if (argc > 3 && strcmp(argv[1], "--metrics") == 0) {
        gateway->metrics_at = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc < 3 || argv[1][0] == '-') {
        bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;
        fputs(help, asked ? stdout : stderr);
        exit(asked ? 0 : 2);
    }
    char *end = NULL;
    long port = strtol(env_or("MQTT_PORT", gateway->cafile ? "8883" : "1883"), &end, 10);
    if (*end != '\0' || port < 1 || port > 65535) {
        complain("MQTT_PORT", "not a port");
        return false;
    }
    gateway->port = (int)port;
    gateway->rules = argv[1];
    gateway->filters = argv + 2;
    gateway->filter_count = argc - 2;
    return true;
}

static bool bridge_start(struct gateway *gateway) {
    const mqk_host host = {.size = sizeof(host),
                           .user = gateway,
                           .node = mqk_cstr(gateway->node),
                           .flags = MQK_HOST_CONFIRM_BY_POLL,
                           .log_level = MQK_LOG_INFO,
                           .log = host_log,
                           .delivered = host_delivered,
                           .publish = host_publish};
    mqk_error error = {.code = MQK_OK};
    char servers[512];
    mqk_config *config = rules_load(gateway);
    if (!config) {
        return false;
    }
    mqk_status status = mqk_bridge_open(config, &host, &gateway->bridge, &error);
    mqk_config_free(config);
    if (status != MQK_OK) {
        complain("error", error.message);
        return false;
    }
    if (mqk_bridge_servers(gateway->bridge, mqk_cstr(NULL), servers, sizeof(servers)) == MQK_OK) {
        complain("Kafka servers", servers);
    }
    return true;
}

static bool metrics_start(struct gateway *gateway) {
    if (!gateway->metrics_at) {
        return true;
    }
    if (!metrics_http_open(&gateway->metrics, gateway->metrics_at)) {
        complain(gateway->metrics_at, strerror(errno));
        return false;
    }
    char port[16];
    snprintf(port, sizeof(port), "%d", metrics_http_port(&gateway->metrics));
    complain("metrics at port", port);
    return true;
}

static bool signals_catch(void) {
    const struct sigaction catch = {.sa_handler = on_signal}; /* no SA_RESTART: poll is to end */
    const struct sigaction ignore = {.sa_handler = SIG_IGN};  /* OpenSSL writes without asking */
    return pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) == 0 &&
           sigaction(SIGTERM, &catch, NULL) == 0 && sigaction(SIGINT, &catch, NULL) == 0 &&
           sigaction(SIGHUP, &catch, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0;
}

static int finish(struct gateway *gateway) {
    mqk_stats stats = {.size = sizeof(stats)};
    uint64_t undelivered = 0;
    if (!gateway->bridge) {
        return 1;
    }
    const struct outgoing *outgoing = &gateway->outgoing;
    size_t waiting = outgoing_waiting(outgoing);
    if (waiting == 0) {
        mqk_bridge_flush(gateway->bridge, CLOSE_TIMEOUT_MS, NULL);
    }
    mqk_bridge_stats(gateway->bridge, &stats);
    mqk_bridge_close(gateway->bridge, waiting == 0 ? 0 : CLOSE_TIMEOUT_MS, &undelivered);
    /* Only now is known what else is safe and to be acknowledged. */
    mqtt_client_disconnect(&gateway->mqtt, GOODBYE_MS);
    fprintf(stderr,
            "mqkafka-gateway: %llu messages received, %llu records delivered, %llu failed, "
            "%llu lost; %llu published, %zu without acknowledgement, %llu refused\n",
            (unsigned long long)gateway->incoming.received, (unsigned long long)stats.delivered,
            (unsigned long long)stats.failed, (unsigned long long)undelivered,
            (unsigned long long)outgoing->published, waiting,
            (unsigned long long)outgoing->refused);
    return undelivered == 0 && stats.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct gateway gateway = {.host = env_or("MQTT_HOST", "localhost"),
                              .clientid = env_or("MQTT_CLIENTID", "mqkafka-gateway"),
                              .cafile = env_or("MQTT_CAFILE", NULL),
                              .node = env_or("MQK_NODE", NULL)};
    metrics_http_init(&gateway.metrics);
    if (!arguments_read(&gateway, argc, argv)) {
        return 2;
    }
    gateway.outgoing.mqtt = &gateway.mqtt;
    gateway.mqtt.stream.fd = -1;
    bool started = signals_catch() && bridge_start(&gateway) && metrics_start(&gateway) &&
                   mqtt_set_up(&gateway);
    if (started) {
        run(&gateway);
    }
    metrics_http_close(&gateway.metrics);
    int status = finish(&gateway);
    mqtt_client_fini(&gateway.mqtt);
    return started ? status : 1;
}
