/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for tests of the way back: opens a bridge with the consumer rules of a YAML file, writes
 * what Kafka asks for into a file and only then accepts it, so that nothing which it accepted is
 * lost when it is killed.
 *
 *   receive RULES.yaml --accepted FILE [--node NAME] [--pause MICROSECONDS] [--later N]
 *           [--thread] [--confirm] [--halt N] [--die N] [--events RATE]
 *
 *   --accepted FILE   each accepted command is a line: rule, topic, partition, offset, value
 *   --pause           each one takes so long
 *   --later N         every Nth offer is answered with "later"
 *   --thread          callbacks run on the library's thread
 *   --confirm         what was accepted counts from the next poll on
 *   --halt N          does not poll again when N were accepted
 *   --die N           kills itself when the Nth was written down, before it is accepted
 *   --events RATE     meanwhile, so many events a second: client.connected, client id e0, e1, …
 *
 * Log lines go to standard error. The end of the input, or SIGTERM, closes the bridge; the last
 * line on standard output is then a JSON object of the counters.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <mqkafka/mqkafka.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct receiver {
    mqk_bridge *bridge;
    int file;
    long pause_us;
    unsigned long later_every;
    unsigned long offers;
    unsigned long accepted;
    unsigned long halt;
    unsigned long die;
    long event_rate;
    volatile sig_atomic_t *end;
};

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number) {
    (void)number;
    asked_to_end = 1;
}

static void sleep_us(long us) {
    const struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static void host_log(void *user, mqk_log_level level, mqk_str message) {
    (void)user;
    fprintf(stderr, "%d: %s\n", (int)level, message.data);
}

static void line_add(char *line, size_t size, size_t *len, mqk_str text) {
    for (size_t i = 0; i < text.len && *len + 2 < size; i++) {
        char c = text.data[i];
        line[(*len)++] = c == '\t' || c == '\n' ? ' ' : c;
    }
}

/* One write, so that a kill leaves whole lines, but for the last one. */
static mqk_answer record_keep(struct receiver *receiver, const mqk_kafka_record *record) {
    char line[4096];
    size_t len = 0;
    receiver->offers++;
    if (receiver->later_every > 0 && receiver->offers % receiver->later_every == 0) {
        return MQK_LATER;
    }
    line_add(line, sizeof(line), &len, record->rule_name);
    line[len++] = '\t';
    line_add(line, sizeof(line) - 64, &len, record->topic);
    len += (size_t)snprintf(line + len, 64, "\t%d\t%" PRId64 "\t", (int)record->partition,
                            record->offset);
    line_add(line, sizeof(line), &len, record->value);
    line[len++] = '\n';
    if (write(receiver->file, line, len) != (ssize_t)len) {
        return MQK_LATER;
    }
    receiver->accepted++;
    if (receiver->accepted == receiver->die) {
        raise(SIGKILL);
    }
    if (receiver->pause_us > 0) {
        sleep_us(receiver->pause_us);
    }
    return MQK_ACCEPT;
}

static mqk_answer host_publish(void *user, const mqk_publish *publish) {
    return record_keep(user, publish->record);
}

static mqk_answer host_kick(void *user, const mqk_kick *kick) {
    return record_keep(user, kick->record);
}

static mqk_answer host_acl_clean(void *user, const mqk_acl_clean *clean) {
    return record_keep(user, clean->record);
}

static mqk_answer host_record(void *user, const mqk_kafka_record *record) {
    return record_keep(user, record);
}

static void *events_run(void *user) {
    struct receiver *receiver = user;
    char clientid[32];
    for (unsigned long n = 0; !*receiver->end; n++) {
        snprintf(clientid, sizeof(clientid), "e%lu", n);
        mqk_event event;
        mqk_event_init(&event, sizeof(event), MQK_HOOK_CLIENT_CONNECTED);
        event.clientid = mqk_cstr(clientid);
        mqk_on_event(receiver->bridge, &event);
        sleep_us(1000000 / receiver->event_rate);
    }
    return NULL;
}

static void run(struct receiver *receiver) {
    struct pollfd fds[] = {{.fd = mqk_bridge_fd(receiver->bridge), .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    while (!asked_to_end && !fds[1].revents) {
        bool halted = receiver->halt > 0 && receiver->accepted >= receiver->halt;
        if (poll(fds + halted, 2 - halted, 100) >= 0 && !halted) {
            mqk_bridge_poll(receiver->bridge, 0);
        }
    }
}

static void counters_print(mqk_bridge *bridge) {
    mqk_stats stats = {.size = sizeof(stats)};
    mqk_bridge_stats(bridge, &stats);
    printf("{\"accepted\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"consumers\":{", stats.accepted,
           stats.delivered);
    for (size_t i = 0; i < stats.consumers; i++) {
        mqk_consumer_stats of = {.size = sizeof(of)};
        mqk_bridge_consumer_stats(bridge, i, &of);
        printf("%s\"%.*s\":{\"partitions\":%u", i ? "," : "", (int)of.name.len, of.name.data,
               of.partitions);
#define COUNTER(name, meaning) printf(",\"" #name "\":%" PRIu64, of.name);
        MQK_CONSUMER_COUNTERS(COUNTER)
#undef COUNTER
        printf("}");
    }
    printf("}}\n");
}

static int usage(void) {
    fprintf(stderr, "receive RULES.yaml --accepted FILE [--node NAME] [--pause MICROSECONDS] "
                    "[--later N] [--thread] [--confirm] [--halt N] [--die N] [--events RATE]\n");
    return 2;
}

static bool arguments_read(struct receiver *receiver, mqk_host *host, int argc, char **argv) {
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--thread") == 0) {
            host->flags |= MQK_HOST_LIBRARY_THREAD;
            continue;
        }
        if (strcmp(argv[i], "--confirm") == 0) {
            host->flags |= MQK_HOST_CONFIRM_BY_POLL;
            continue;
        }
        if (!value) {
            return false;
        }
        if (strcmp(argv[i], "--accepted") == 0) {
            receiver->file = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        } else if (strcmp(argv[i], "--node") == 0) {
            host->node = mqk_cstr(value);
        } else if (strcmp(argv[i], "--pause") == 0) {
            receiver->pause_us = atol(value);
        } else if (strcmp(argv[i], "--later") == 0) {
            receiver->later_every = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "--halt") == 0) {
            receiver->halt = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "--die") == 0) {
            receiver->die = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "--events") == 0) {
            receiver->event_rate = atol(value);
        } else {
            return false;
        }
        i++;
    }
    return argc > 1 && receiver->file >= 0;
}

static bool bridge_start(struct receiver *receiver, const mqk_host *host, const char *rules) {
    mqk_error error = {.code = MQK_OK};
    mqk_config *config = NULL;
    if (mqk_config_load_file(rules, &config, &error) == MQK_OK) {
        mqk_bridge_open(config, host, &receiver->bridge, &error);
    }
    mqk_config_free(config);
    if (!receiver->bridge) {
        fprintf(stderr, "error: %s\n", error.message);
    }
    return receiver->bridge != NULL;
}

int main(int argc, char **argv) {
    struct receiver receiver = {.file = -1, .end = &asked_to_end};
    mqk_host host = {.size = sizeof(host),
                     .user = &receiver,
                     .log_level = MQK_LOG_INFO,
                     .log = host_log,
                     .publish = host_publish,
                     .kick = host_kick,
                     .acl_clean = host_acl_clean,
                     .record = host_record};
    if (!arguments_read(&receiver, &host, argc, argv)) {
        return usage();
    }
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    if (!bridge_start(&receiver, &host, argv[1])) {
        return 1;
    }
    pthread_t events;
    bool with_events =
        receiver.event_rate > 0 && pthread_create(&events, NULL, events_run, &receiver) == 0;
    run(&receiver);
    asked_to_end = 1;
    if (with_events) {
        pthread_join(events, NULL);
    }
    mqk_bridge_flush(receiver.bridge, 10000, NULL);
    counters_print(receiver.bridge);
    mqk_bridge_close(receiver.bridge, 10000, NULL);
    close(receiver.file);
    return 0;
}
