/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway: subscribes to any MQTT broker and hands what arrives to the library, and publishes
 * what the library reads from Kafka. For brokers that cannot load plugins. One thread, one poll(2)
 * over the MQTT socket, the bridge and the signals.
 *
 * libmosquitto acknowledges a QoS 1 message before it hands it over, so what the gateway holds when
 * it is killed is lost; on SIGTERM and SIGINT everything is delivered first. In the other direction
 * nothing is lost at QoS 1 and 2: the bridge is not polled again, and so commits nothing, before
 * the MQTT broker has acknowledged what was published in the last poll.
 */
#include "gateway_outgoing.h"
#include "metrics_http.h"
#include "mosquitto/props.h"
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
#define RETRY_FIRST_MS   500
#define CLOSE_TIMEOUT_MS 10000
#define RETRY_LAST_MS    30000
#define SESSION_HOLDS_S  (24 * 3600)

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
    struct mosquitto *mqtt;
    mqk_bridge *bridge;
    struct metrics_http metrics;
    struct props props;
    int64_t retry_at_ms; /* when not connected: next attempt */
    int retry_ms;
    uint64_t received;
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

/* What the gateway publishes itself is not to come back and go to Kafka again. MQTT 5 does not
 * allow to ask for that with a shared subscription. */
static int subscription_options(const char *filter) {
    bool shared = strncmp(filter, "$share/", strlen("$share/")) == 0;
    return shared ? MQTT_SUB_OPT_SEND_RETAIN_NEW
                  : MQTT_SUB_OPT_SEND_RETAIN_NEW | MQTT_SUB_OPT_NO_LOCAL;
}

static void on_connect(struct mosquitto *mqtt, void *user, int code, int flags,
                       const mosquitto_property *props) {
    struct gateway *gateway = user;
    (void)props;
    if (code != 0) {
        complain("the broker refuses the connection", mosquitto_reason_string(code));
        return;
    }
    gateway->retry_ms = RETRY_FIRST_MS;
    gateway->outgoing.open = true;
    complain("connected", (flags & 1) ? "the earlier session goes on" : "a new session");
    /* Harmless to repeat: retained messages come for new subscriptions only. */
    for (int i = 0; i < gateway->filter_count; i++) {
        int rc = mosquitto_subscribe_v5(mqtt, NULL, gateway->filters[i], 1,
                                        subscription_options(gateway->filters[i]), NULL);
        if (rc != MOSQ_ERR_SUCCESS) {
            complain(gateway->filters[i], mosquitto_strerror(rc));
        }
    }
}

static void on_subscribe(struct mosquitto *mqtt, void *user, int mid, int count,
                         const int *granted) {
    (void)mqtt;
    (void)user;
    (void)mid;
    for (int i = 0; i < count; i++) {
        if (granted[i] >= 128) {
            complain("the broker refuses a subscription", mosquitto_reason_string(granted[i]));
        }
    }
}

static void on_disconnect(struct mosquitto *mqtt, void *user, int code) {
    struct gateway *gateway = user;
    (void)mqtt;
    gateway->outgoing.open = false;
    if (code != 0) {
        complain("connection lost", mosquitto_strerror(code));
    }
}

static void on_message(struct mosquitto *mqtt, void *user, const struct mosquitto_message *message,
                       const mosquitto_property *props) {
    struct gateway *gateway = user;
    (void)mqtt;
    gateway->received++;
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.topic = mqk_cstr(message->topic);
    event.payload =
        (mqk_str){message->payload ? message->payload : "", (size_t)message->payloadlen};
    event.qos = message->qos;
    event.retain = message->retain;
    props_read(&gateway->props, props, &event);
    mqk_on_event(gateway->bridge, &event);
    props_clear(&gateway->props);
}

static void on_publish(struct mosquitto *mqtt, void *user, int packet_id, int code,
                       const mosquitto_property *props) {
    struct gateway *gateway = user;
    (void)mqtt;
    (void)props;
    if (!outgoing_done(&gateway->outgoing, packet_id, code)) {
        complain("the broker refuses a message from Kafka", mosquitto_reason_string(code));
    }
}

static mqk_answer host_publish(void *user, const mqk_publish *publish) {
    struct gateway *gateway = user;
    return outgoing_publish(&gateway->outgoing, publish);
}

static bool mqtt_set_up(struct gateway *gateway) {
    gateway->mqtt = mosquitto_new(gateway->clientid, false, gateway);
    if (!gateway->mqtt) {
        complain("cannot make an MQTT client", strerror(errno));
        return false;
    }
    struct mosquitto *mqtt = gateway->mqtt;
    int rc = mosquitto_int_option(mqtt, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    const char *username = getenv("MQTT_USERNAME");
    if (rc == MOSQ_ERR_SUCCESS && username) {
        rc = mosquitto_username_pw_set(mqtt, username, getenv("MQTT_PASSWORD"));
    }
    if (rc == MOSQ_ERR_SUCCESS && gateway->cafile) {
        rc = mosquitto_tls_set(mqtt, gateway->cafile, NULL, NULL, NULL, NULL);
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        complain("cannot set up the MQTT client", mosquitto_strerror(rc));
        return false;
    }
    mosquitto_connect_v5_callback_set(mqtt, on_connect);
    mosquitto_subscribe_callback_set(mqtt, on_subscribe);
    mosquitto_disconnect_callback_set(mqtt, on_disconnect);
    mosquitto_message_v5_callback_set(mqtt, on_message);
    mosquitto_publish_v5_callback_set(mqtt, on_publish);
    gateway->outgoing.mqtt = mqtt;
    return true;
}

/* Connects for the first time, or again when it is time for the next attempt. */
static void mqtt_connect(struct gateway *gateway, bool first) {
    if (now_ms() < gateway->retry_at_ms) {
        return;
    }
    int rc = MOSQ_ERR_SUCCESS;
    if (first) {
        mosquitto_property *props = NULL;
        mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_HOLDS_S);
        rc = mosquitto_connect_bind_v5(gateway->mqtt, gateway->host, gateway->port, KEEPALIVE_S,
                                       NULL, props);
        mosquitto_property_free_all(&props);
    } else {
        rc = mosquitto_reconnect(gateway->mqtt);
    }
    gateway->retry_at_ms = now_ms() + gateway->retry_ms;
    gateway->retry_ms =
        gateway->retry_ms * 2 < RETRY_LAST_MS ? gateway->retry_ms * 2 : RETRY_LAST_MS;
    if (rc != MOSQ_ERR_SUCCESS) {
        complain(gateway->host, rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
    }
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
    int socket = mosquitto_socket(gateway->mqtt);
    if (socket < 0) {
        mqtt_connect(gateway, false);
        socket = mosquitto_socket(gateway->mqtt);
    }
    int bridge = gateway->outgoing.waiting > 0 ? -1 : mqk_bridge_fd(gateway->bridge);
    short events = mosquitto_want_write(gateway->mqtt) ? POLLIN | POLLOUT : POLLIN;
    struct pollfd fds[3 + METRICS_HTTP_FDS] = {{.fd = signal_pipe[0], .events = POLLIN},
                                               {.fd = bridge, .events = POLLIN},
                                               {.fd = socket, .events = events}};
    metrics_http_poll(&gateway->metrics, fds + 3);
    if (socket < 0 && longest_ms > RETRY_FIRST_MS) {
        longest_ms = RETRY_FIRST_MS;
    }
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
    if (fds[2].revents & ~POLLOUT) {
        mosquitto_loop_read(gateway->mqtt, 1);
    }
    if (fds[2].revents & POLLOUT) {
        mosquitto_loop_write(gateway->mqtt, 1);
    }
    mosquitto_loop_misc(gateway->mqtt);
    metrics_http_serve(&gateway->metrics, fds + 3, gateway->bridge);
    return running;
}

static void run(struct gateway *gateway) {
    mqtt_connect(gateway, true);
    while (turn(gateway, LOOP_MS)) {
    }
    /* What was published is to be acknowledged, so that it need not come again. */
    int64_t until_ms = now_ms() + CLOSE_TIMEOUT_MS;
    while (gateway->outgoing.waiting > 0 && now_ms() < until_ms) {
        turn(gateway, 100);
    }
    gateway->outgoing.open = false;
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
    return pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) == 0 &&
           sigaction(SIGTERM, &catch, NULL) == 0 && sigaction(SIGINT, &catch, NULL) == 0 &&
           sigaction(SIGHUP, &catch, NULL) == 0;
}

static int finish(struct gateway *gateway) {
    mqk_stats stats = {.size = sizeof(stats)};
    uint64_t undelivered = 0;
    if (!gateway->bridge) {
        return 1;
    }
    const struct outgoing *outgoing = &gateway->outgoing;
    if (outgoing->waiting == 0) {
        mqk_bridge_flush(gateway->bridge, CLOSE_TIMEOUT_MS, NULL);
    }
    mqk_bridge_stats(gateway->bridge, &stats);
    mqk_bridge_close(gateway->bridge, outgoing->waiting == 0 ? 0 : CLOSE_TIMEOUT_MS, &undelivered);
    fprintf(stderr,
            "mqkafka-gateway: %llu messages received, %llu records delivered, %llu failed, "
            "%llu lost; %llu published, %u without acknowledgement, %llu refused\n",
            (unsigned long long)gateway->received, (unsigned long long)stats.delivered,
            (unsigned long long)stats.failed, (unsigned long long)undelivered,
            (unsigned long long)outgoing->published, outgoing->waiting,
            (unsigned long long)outgoing->refused);
    return undelivered == 0 && stats.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct gateway gateway = {.host = env_or("MQTT_HOST", "localhost"),
                              .clientid = env_or("MQTT_CLIENTID", "mqkafka-gateway"),
                              .cafile = env_or("MQTT_CAFILE", NULL),
                              .node = env_or("MQK_NODE", NULL),
                              .retry_ms = RETRY_FIRST_MS};
    metrics_http_init(&gateway.metrics);
    if (!arguments_read(&gateway, argc, argv)) {
        return 2;
    }
    mosquitto_lib_init();
    bool started = signals_catch() && bridge_start(&gateway) && metrics_start(&gateway) &&
                   mqtt_set_up(&gateway);
    if (started) {
        run(&gateway);
        mosquitto_disconnect(gateway.mqtt);
    }
    metrics_http_close(&gateway.metrics);
    int status = finish(&gateway);
    mosquitto_destroy(gateway.mqtt);
    props_fini(&gateway.props);
    mosquitto_lib_cleanup();
    return started ? status : 1;
}
