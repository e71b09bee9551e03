/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for tests: opens a bridge with the rules of a YAML file and does what the lines on its
 * standard input say, one command a line. Everything it says is one JSON object a line: an answer
 * to each command ({"did":"flush",…}), log lines ({"log":"warning","message":…}) as they come.
 *
 *   send RULES.yaml [--tokens] [--accepted FILE] [--log LEVEL(0–3)] [--threads N] [--first SEQ]
 *
 *   publish CLIENT TOPIC PAYLOAD…       one event, message.publish
 *   generate COUNT RATE KEYS SIZE       COUNT events, RATE a second (0: as fast as it goes), client
 *                                       ids k0…, payload {"seq":N,"key":"k3","n":M,"pad":"xx…"} of
 *                                       at least SIZE bytes; n counts the key's events
 *   wait MS | flush MS | stats | health | servers | reload FILE | close MS
 *
 * The end of the input is `close 30000`. With --tokens every event has a token; the answers to
 * stats and close tell how many were reported safe, reported lost, and reported wrongly (twice, or
 * never given). With --accepted the seq of each accepted event goes to the end of FILE, one a line,
 * as soon as mqk_on_event() has returned: a kill -9 loses none. With --first seq and n begin there,
 * for one sender after another. Exit code: 0 after a close, 1 when the rules or the bridge are
 * refused
 * ({"error":…}), 2 for wrong usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mqkafka/mqkafka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 16, LATENCY_BUCKETS = 48 };

/* What came of a thread's events. Latencies: bucket b holds those below 2^(b+1) nanoseconds. */
struct tally {
    uint64_t accepted, none, full, errors;
    uint64_t max_ns;
    uint64_t latency[LATENCY_BUCKETS];
};

struct sender {
    mqk_bridge *bridge;
    bool tokens;
    int accepted; /* file descriptor, or -1 */
    unsigned threads;
    uint64_t first, next_seq;
    uint64_t *key_count; /* events of each key so far */
    size_t keys;
    uint8_t *reported; /* by token */
    uint64_t safe, lost, wrong;
    uint64_t issued; /* highest token given */
};

struct job {
    struct sender *sender;
    pthread_t thread;
    unsigned index;
    uint64_t first, count, rate, keys;
    size_t size;
    struct tally tally;
    bool *done;
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void print_text(mqk_str text) {
    putchar('"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void on_log(void *user, mqk_log_level level, mqk_str message) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    (void)user;
    printf("{\"log\":\"%s\",\"message\":", names[level]);
    print_text(message);
    printf("}\n");
}

static void on_delivered(void *user, uint64_t token, mqk_status status) {
    struct sender *s = user;
    if (token == 0 || token > s->issued || s->reported[token]) {
        s->wrong++;
        return;
    }
    s->reported[token] = 1;
    *(status == MQK_OK ? &s->safe : &s->lost) += 1;
}

static void expect_tokens(struct sender *s, uint64_t up_to) {
    if (!s->tokens) {
        return;
    }
    uint8_t *grown = realloc(s->reported, up_to + 1);
    if (!grown) {
        abort();
    }
    memset(grown + s->issued + 1, 0, up_to - s->issued);
    s->reported = grown;
    s->issued = up_to;
}

static int give(struct sender *s, struct tally *tally, mqk_str client, mqk_str topic,
                mqk_str payload, uint64_t token) {
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = client;
    event.topic = topic;
    event.payload = payload;
    event.qos = 1;
    event.token = s->tokens ? token : 0;
    uint64_t begin = now_ns();
    int result = mqk_on_event(s->bridge, &event);
    uint64_t took = now_ns() - begin;
    unsigned bucket = 0;
    while (bucket < LATENCY_BUCKETS - 1 && took >> bucket > 1) {
        bucket++;
    }
    tally->latency[bucket]++;
    tally->max_ns = took > tally->max_ns ? took : tally->max_ns;
    if (result > 0) {
        tally->accepted++;
    } else if (result == 0) {
        tally->none++;
    } else if (result == MQK_ERR_FULL) {
        tally->full++;
    } else {
        tally->errors++;
    }
    return result;
}

static void note_accepted(const struct sender *s, uint64_t seq) {
    if (s->accepted >= 0) {
        dprintf(s->accepted, "%" PRIu64 "\n", seq);
    }
}

static void hold_rate(uint64_t begin, uint64_t done, uint64_t rate) {
    if (rate == 0) {
        return;
    }
    uint64_t due = begin + done * 1000000000u / rate, now = now_ns();
    if (due > now) {
        struct timespec t = {.tv_sec = (time_t)((due - now) / 1000000000u),
                             .tv_nsec = (long)((due - now) % 1000000000u)};
        nanosleep(&t, NULL);
    }
}

/* Each thread has the keys that its index leaves, so that one key's events come from one thread. */
static void *generate(void *arg) {
    struct job *job = arg;
    struct sender *s = job->sender;
    char client[32], topic[48];
    size_t capacity = job->size + 128;
    char *payload = malloc(capacity);
    uint64_t begin = now_ns();
    for (uint64_t i = 0; payload && i < job->count; i++) {
        uint64_t key = (job->first + i) % job->keys;
        if (key % s->threads != job->index) {
            continue;
        }
        uint64_t seq = job->first + i;
        snprintf(client, sizeof(client), "k%" PRIu64, key);
        snprintf(topic, sizeof(topic), "gen/%s", client);
        int n = snprintf(payload, capacity,
                         "{\"seq\":%" PRIu64 ",\"key\":\"%s\",\"n\":%" PRIu64 ",\"pad\":\"", seq,
                         client, s->key_count[key]++);
        size_t len = (size_t)n;
        while (len + 2 < job->size) {
            payload[len++] = 'x';
        }
        payload[len++] = '"';
        payload[len++] = '}';
        int result = give(s, &job->tally, mqk_cstr(client), mqk_cstr(topic),
                          (mqk_str){payload, len}, seq + 1);
        if (result > 0) {
            note_accepted(s, seq);
        }
        hold_rate(begin, i + 1, job->rate);
    }
    free(payload);
    __atomic_store_n(job->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void add(struct tally *sum, const struct tally *part) {
    sum->accepted += part->accepted;
    sum->none += part->none;
    sum->full += part->full;
    sum->errors += part->errors;
    sum->max_ns = part->max_ns > sum->max_ns ? part->max_ns : sum->max_ns;
    for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
        sum->latency[b] += part->latency[b];
    }
}

/* Upper bound, in nanoseconds, of the time that `permille` of the calls stayed below. */
static uint64_t quantile(const struct tally *t, uint64_t permille) {
    uint64_t all = 0, below = 0;
    for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
        all += t->latency[b];
    }
    for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
        below += t->latency[b];
        if (below * 1000 >= all * permille) {
            return UINT64_C(2) << b;
        }
    }
    return t->max_ns;
}

static void do_generate(struct sender *s, const char *args) {
    struct job jobs[MAX_THREADS] = {0};
    bool done[MAX_THREADS] = {false};
    struct tally sum = {0};
    uint64_t count = 0, rate = 0, keys = 1;
    size_t size = 0;
    sscanf(args, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %zu", &count, &rate, &keys, &size);
    keys = keys ? keys : 1;
    if (keys > s->keys) {
        s->key_count = realloc(s->key_count, keys * sizeof(*s->key_count));
        if (!s->key_count) {
            abort();
        }
        while (s->keys < keys) {
            s->key_count[s->keys++] = s->first;
        }
    }
    expect_tokens(s, s->next_seq + count);
    uint64_t begin = now_ns();
    for (unsigned i = 0; i < s->threads; i++) {
        jobs[i] = (struct job){.sender = s,
                               .index = i,
                               .first = s->next_seq,
                               .count = count,
                               .rate = rate,
                               .keys = keys,
                               .size = size,
                               .done = &done[i]};
        pthread_create(&jobs[i].thread, NULL, generate, &jobs[i]);
    }
    for (unsigned i = 0; i < s->threads; i++) {
        while (!__atomic_load_n(&done[i], __ATOMIC_ACQUIRE)) {
            mqk_bridge_poll(s->bridge, 10);
        }
        pthread_join(jobs[i].thread, NULL);
        add(&sum, &jobs[i].tally);
    }
    s->next_seq += count;
    printf("{\"did\":\"generate\",\"count\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"none\":%" PRIu64
           ",\"full\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"ms\":%" PRIu64 ",\"p50_ns\":%" PRIu64
           ",\"p999_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 "}\n",
           count, sum.accepted, sum.none, sum.full, sum.errors, (now_ns() - begin) / 1000000,
           quantile(&sum, 500), quantile(&sum, 999), sum.max_ns);
}

static void do_publish(struct sender *s, char *args) {
    struct tally tally = {0};
    char *save = NULL, *client = strtok_r(args, " ", &save), *topic = strtok_r(NULL, " ", &save);
    expect_tokens(s, s->next_seq + 1);
    int result = give(s, &tally, mqk_cstr(client ? client : ""), mqk_cstr(topic ? topic : ""),
                      mqk_cstr(save ? save : ""), s->next_seq + 1);
    if (result > 0) {
        note_accepted(s, s->next_seq);
    }
    s->next_seq++;
    printf("{\"did\":\"publish\",\"result\":%d,\"ns\":%" PRIu64 "}\n", result, tally.max_ns);
}

/* Resident memory in KiB, as the kernel tells it. */
static unsigned long resident_kib(void) {
    char line[256];
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f) && sscanf(line, "VmRSS: %lu", &kib) != 1) {
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

static void print_stats(struct sender *s, const char *did) {
    mqk_stats stats = {.size = sizeof(stats)};
    mqk_status status = mqk_bridge_stats(s->bridge, &stats);
    printf("{\"did\":\"%s\",\"status\":%d,\"events\":%" PRIu64 ",\"unmatched\":%" PRIu64
           ",\"queued\":%" PRIu64 ",\"queued_bytes\":%" PRIu64 ",\"log_dropped\":%" PRIu64
           ",\"resident_kib\":%lu",
           did, status, stats.events, stats.unmatched, stats.queued, stats.queued_bytes,
           stats.log_dropped, resident_kib());
#define PRINT_COUNTER(name, meaning) printf(",\"" #name "\":%" PRIu64, stats.name);
    MQK_RULE_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
    printf(",\"tokens\":{\"safe\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"wrong\":%" PRIu64 "}}\n",
           s->safe, s->lost, s->wrong);
}

static void do_wait(struct sender *s, int ms) {
    uint64_t until = now_ns() + (uint64_t)ms * 1000000u;
    for (uint64_t now = now_ns(); now < until; now = now_ns()) {
        mqk_bridge_poll(s->bridge, (int)((until - now) / 1000000u) + 1);
    }
    printf("{\"did\":\"wait\"}\n");
}

static void do_flush(struct sender *s, int ms) {
    uint64_t left = 0;
    mqk_status status = mqk_bridge_flush(s->bridge, ms, &left);
    printf("{\"did\":\"flush\",\"status\":%d,\"undelivered\":%" PRIu64 "}\n", status, left);
}

static void do_reload(struct sender *s, const char *file) {
    mqk_error err = {0};
    mqk_config *config = NULL;
    mqk_status status = mqk_config_load_file(file, &config, &err);
    if (status == MQK_OK) {
        status = mqk_bridge_reload(s->bridge, config, &err);
    }
    mqk_config_free(config);
    printf("{\"did\":\"reload\",\"status\":%d,\"message\":", status);
    print_text(mqk_cstr(err.message));
    printf("}\n");
}

static void do_health(struct sender *s) {
    mqk_health health = {.size = sizeof(health)};
    mqk_bridge_health(s->bridge, &health);
    printf("{\"did\":\"health\",\"state\":\"%s\",\"message\":", mqk_health_name(health.state));
    print_text(mqk_cstr(health.message));
    printf("}\n");
}

static void do_servers(struct sender *s) {
    char servers[1000] = "";
    mqk_status status = mqk_bridge_servers(s->bridge, (mqk_str){NULL, 0}, servers, sizeof(servers));
    printf("{\"did\":\"servers\",\"status\":%d,\"servers\":", status);
    print_text(mqk_cstr(servers));
    printf("}\n");
}

static void do_close(struct sender *s, int ms) {
    uint64_t left = 0, begin = now_ns();
    mqk_status status = mqk_bridge_close(s->bridge, ms, &left);
    printf("{\"did\":\"close\",\"status\":%d,\"undelivered\":%" PRIu64 ",\"ms\":%" PRIu64
           ",\"tokens\":{\"safe\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"wrong\":%" PRIu64 "}}\n",
           status, left, (now_ns() - begin) / 1000000, s->safe, s->lost, s->wrong);
}

/* Does one command; false after close. */
static bool obey(struct sender *s, char *line) {
    char *args = strchr(line, ' ');
    if (args) {
        *args++ = 0;
    } else {
        args = line + strlen(line);
    }
    if (strcmp(line, "publish") == 0) {
        do_publish(s, args);
    } else if (strcmp(line, "generate") == 0) {
        do_generate(s, args);
    } else if (strcmp(line, "wait") == 0) {
        do_wait(s, atoi(args));
    } else if (strcmp(line, "flush") == 0) {
        do_flush(s, atoi(args));
    } else if (strcmp(line, "stats") == 0) {
        print_stats(s, "stats");
    } else if (strcmp(line, "health") == 0) {
        do_health(s);
    } else if (strcmp(line, "servers") == 0) {
        do_servers(s);
    } else if (strcmp(line, "reload") == 0) {
        do_reload(s, args);
    } else if (strcmp(line, "close") == 0) {
        do_close(s, atoi(args));
        return false;
    } else {
        printf("{\"did\":\"nothing\",\"message\":\"unknown command\"}\n");
    }
    return true;
}

/* Reads commands, serving the bridge's callbacks while there are none. */
static void serve(struct sender *s) {
    size_t capacity = 1 << 20, used = 0;
    char *buffer = malloc(capacity);
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = mqk_bridge_fd(s->bridge), .events = POLLIN}};
    bool open = buffer != NULL;
    while (open) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if (fds[1].revents) {
            mqk_bridge_poll(s->bridge, 0);
        }
        if (!fds[0].revents) {
            continue;
        }
        ssize_t got = read(STDIN_FILENO, buffer + used, capacity - 1 - used);
        if (got <= 0) {
            break;
        }
        used += (size_t)got;
        char *begin = buffer, *end;
        while (open && (end = memchr(begin, '\n', used - (size_t)(begin - buffer)))) {
            *end = 0;
            open = obey(s, begin);
            begin = end + 1;
        }
        used -= (size_t)(begin - buffer);
        memmove(buffer, begin, used);
    }
    if (open) {
        do_close(s, 30000);
    }
    free(buffer);
}

int main(int argc, char **argv) {
    struct sender s = {.threads = 1, .accepted = -1};
    mqk_host host = {.size = sizeof(host),
                     .user = &s,
                     .node = mqk_cstr("sender"),
                     .log_level = MQK_LOG_INFO,
                     .log = on_log,
                     .delivered = on_delivered};
    mqk_error err = {0};
    mqk_config *config = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--tokens") == 0) {
            s.tokens = true;
        } else if (strcmp(argv[i], "--accepted") == 0) {
            s.accepted = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            i++;
        } else if (strcmp(argv[i], "--log") == 0) {
            host.log_level = (mqk_log_level)atoi(value);
            i++;
        } else if (strcmp(argv[i], "--threads") == 0) {
            s.threads = (unsigned)atoi(value);
            i++;
        } else if (strcmp(argv[i], "--first") == 0) {
            s.first = s.next_seq = strtoull(value, NULL, 10);
            i++;
        } else {
            argc = 0;
        }
    }
    if (argc < 2 || s.threads < 1 || s.threads > MAX_THREADS) {
        fprintf(stderr, "send RULES.yaml [--tokens] [--accepted FILE] [--log LEVEL] [--threads N] "
                        "[--first SEQ]\n");
        return 2;
    }
    mqk_status status = mqk_config_load_file(argv[1], &config, &err);
    if (status == MQK_OK) {
        status = mqk_bridge_open(config, &host, &s.bridge, &err);
    }
    mqk_config_free(config);
    if (status != MQK_OK) {
        printf("{\"error\":%d,\"message\":", status);
        print_text(mqk_cstr(err.message));
        printf("}\n");
        return 1;
    }
    printf("{\"did\":\"open\"}\n");
    serve(&s);
    if (s.accepted >= 0) {
        close(s.accepted);
    }
    free(s.key_count);
    free(s.reported);
    return 0;
}
