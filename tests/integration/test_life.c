/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge as a guest: opening, closing, forking, unloading, callers of other ages, its
 * callbacks. */
#include "kit.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const SIMPLE =
    "kafka:\n"
    "  client: { servers: ['%s'] }\n"
    "  producer: { linger: 0ms }\n"
    "  hook: [ { hook: message.publish, topic: all, key: '${clientid}', value: '${payload}' } ]\n";

static int open_files(void) {
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

/* Opening and closing again and again leaves no descriptor and no thread behind (and no memory: the
 * sanitizer and valgrind look). */
static void test_open_close(void **state) {
    (void)state;
    mqk_event event = kit_publish("c", "t", "p");
    int fds = 0;
    int threads = 0;
    for (int i = 0; i < 200; i++) {
        mqk_bridge *bridge = kit_bridge(NULL, SIMPLE, i % 10 == 0 ? "embedded" : "127.0.0.1:1");
        assert_int_equal(mqk_on_event(bridge, &event), 1);
        mqk_bridge_close(bridge, 0, NULL);
        if (i == 9) {
            fds = open_files();
            threads = kit_threads("");
        }
    }
    assert_int_equal(open_files(), fds);
    kit_wait_for_threads("", threads);
}

/* The library's threads are named and deaf to signals; after close they are gone. */
static void test_threads(void **state) {
    (void)state;
    int before = kit_threads("");
    struct kit_host *host = malloc(sizeof(*host));
    kit_host_init(host);
    host->host.flags = MQK_HOST_LIBRARY_THREAD;
    mqk_bridge *bridge = kit_bridge(host, SIMPLE, "127.0.0.1:1");
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    int threads = 0;
    bool producer = false;
    bool host_thread = false;
    while ((entry = readdir(dir))) {
        char path[300];
        char line[256] = "";
        bool ours = false;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof(line), file)) {
            unsigned long long blocked;
            ours = ours || strncmp(line, "Name:\tmqk-", 10) == 0;
            producer = producer || strcmp(line, "Name:\tmqk-default\n") == 0;
            host_thread = host_thread || strcmp(line, "Name:\tmqk-host\n") == 0;
            if (ours && sscanf(line, "SigBlk: %llx", &blocked) == 1) {
                assert_true(blocked >> (SIGTERM - 1) & 1);
                assert_true(blocked >> (SIGHUP - 1) & 1);
                threads++;
            }
        }
        if (file) {
            fclose(file);
        }
    }
    closedir(dir);
    assert_true(producer && host_thread);
    /* mqk-probe comes and goes while Kafka is away; it is born with the name of its parent. */
    assert_true(threads == 2 || threads == 3);
    mqk_bridge_close(bridge, 0, NULL);
    kit_wait_for_threads("", before);
    free(host);
}

/* A child process gets a clear error, never a deadlock, and does not disturb its parent. */
static void test_fork(void **state) {
    (void)state;
    char servers[256];
    mqk_error err;
    mqk_bridge *bridge = kit_bridge(NULL, SIMPLE, "embedded");
    mqk_config *config = kit_config(SIMPLE, "127.0.0.1:1");
    mqk_bridge_servers(bridge, mqk_cstr(""), servers, sizeof(servers));
    mqk_event event = kit_publish("c", "t", "p");
    pid_t child = fork();
    if (child == 0) {
        mqk_stats stats = {.size = sizeof(stats)};
        mqk_health health = {.size = sizeof(health)};
        bool right = mqk_on_event(bridge, &event) == MQK_ERR_FORKED &&
                     mqk_bridge_poll(bridge, -1) == MQK_ERR_FORKED &&
                     mqk_bridge_flush(bridge, -1, NULL) == MQK_ERR_FORKED &&
                     mqk_bridge_stats(bridge, &stats) == MQK_ERR_FORKED &&
                     mqk_bridge_health(bridge, &health) == MQK_ERR_FORKED &&
                     mqk_bridge_reload(bridge, config, &err) == MQK_ERR_FORKED &&
                     mqk_bridge_close(bridge, -1, NULL) == MQK_ERR_FORKED;
        _exit(right ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    mqk_config_free(config);
    mqk_bridge_close(bridge, 0, NULL);
}

/* Memory of exactly this size, of which the compiler does not know that it is too small for a
 * struct. */
static __attribute__((noinline)) void *allocate(volatile size_t size) {
    void *memory = malloc(size);
    assert_non_null(memory);
    return memory;
}

/* A caller from the past has a shorter struct, one from the future a longer one; both are served,
 * and nothing beyond their size is read or written. */
static void test_struct_sizes(void **state) {
    (void)state;
    char servers[256];
    struct kit_record records[2];
    mqk_bridge *bridge = kit_bridge(
        NULL,
        "kafka:\n"
        "  client: { servers: ['%s'] }\n"
        "  hook: [ { hook: message.publish, topic: all, value: '${clientid}|${topic}|${qos}' } ]\n",
        "embedded");
    mqk_bridge_servers(bridge, mqk_cstr(""), servers, sizeof(servers));

    /* The past: everything up to `payload`. The memory ends there, as the sanitizer knows. */
    size_t past_size = offsetof(mqk_event, node);
    mqk_event *past = allocate(past_size);
    mqk_event_init(past, past_size, MQK_HOOK_MESSAGE_PUBLISH);
    past->clientid = mqk_cstr("past");
    past->topic = mqk_cstr("t");
    assert_int_equal(mqk_on_event(bridge, past), 1);
    free(past);

    /* The future: more members than we know, full of something. */
    struct {
        mqk_event event;
        char more[256];
    } future;
    memset(&future, 0xa5, sizeof(future));
    mqk_event_init(&future.event, sizeof(future.event), MQK_HOOK_MESSAGE_PUBLISH);
    future.event.size = sizeof(future);
    future.event.clientid = mqk_cstr("future");
    future.event.topic = mqk_cstr("t");
    future.event.qos = 2;
    assert_int_equal(mqk_on_event(bridge, &future.event), 1);

    assert_int_equal(mqk_bridge_flush(bridge, 30000, NULL), MQK_OK);
    assert_int_equal(kit_consume(servers, "all", 2, records, 2), 2);
    int first = strncmp(records[0].value, "past", 4) == 0 ? 0 : 1;
    assert_string_equal(records[first].value, "past|t|undefined");
    assert_string_equal(records[1 - first].value, "future|t|2");
    kit_records_free(records, 2);

    /* The same for what the library fills in. */
    size_t short_size = offsetof(mqk_stats, unmatched);
    mqk_stats *short_stats = allocate(short_size);
    short_stats->size = short_size;
    assert_int_equal(mqk_bridge_stats(bridge, short_stats), MQK_OK);
    assert_int_equal(short_stats->size, short_size);
    assert_int_equal(short_stats->events, 2);
    free(short_stats);
    struct {
        mqk_health health;
        char more[64];
    } long_health = {.health.size = sizeof(long_health), .more = "untouched"};
    assert_int_equal(mqk_bridge_health(bridge, &long_health.health), MQK_OK);
    assert_string_equal(long_health.more, "untouched");
    mqk_bridge_close(bridge, 0, NULL);

    /* A host from the past: only what it knew. */
    size_t host_size = offsetof(mqk_host, flags);
    mqk_host *host = allocate(host_size);
    memset(host, 0, host_size);
    host->size = host_size;
    host->node = mqk_cstr("old");
    mqk_config *config = kit_config(SIMPLE, "127.0.0.1:1");
    mqk_error err;
    assert_int_equal(mqk_bridge_open(config, host, &bridge, &err), MQK_OK);
    free(host);
    mqk_config_free(config);
    mqk_bridge_close(bridge, 0, NULL);
}

static _Atomic uintptr_t callback_thread;

static void note_thread(void *user, uint64_t token, mqk_status status) {
    (void)user;
    (void)token;
    (void)status;
    atomic_store(&callback_thread, (uintptr_t)pthread_self());
}

static bool was_called(void *user) {
    (void)user;
    return atomic_load(&callback_thread) != 0;
}

/* The descriptor wakes an event loop; poll runs the callbacks on the host's thread; with the flag
 * they come on the library's without any poll. */
static void test_callbacks(void **state) {
    (void)state;
    mqk_host host = {.size = sizeof(host), .delivered = note_thread};
    for (int own_thread = 0; own_thread < 2; own_thread++) {
        mqk_error err;
        mqk_bridge *bridge = NULL;
        host.flags = own_thread ? MQK_HOST_LIBRARY_THREAD : 0;
        mqk_config *config = kit_config(SIMPLE, "embedded");
        assert_int_equal(mqk_bridge_open(config, &host, &bridge, &err), MQK_OK);
        mqk_config_free(config);
        atomic_store(&callback_thread, 0);
        mqk_event event = kit_publish("c", "t", "p");
        event.token = 7;
        assert_int_equal(mqk_on_event(bridge, &event), 1);
        if (own_thread) {
            kit_wait(was_called, NULL, "the callback");
            assert_int_not_equal(atomic_load(&callback_thread), (uintptr_t)pthread_self());
            assert_int_equal(mqk_bridge_poll(bridge, 0), 0);
        } else {
            struct pollfd fd = {.fd = mqk_bridge_fd(bridge), .events = POLLIN};
            assert_int_equal(poll(&fd, 1, 60000), 1);
            assert_int_equal(atomic_load(&callback_thread), 0);
            assert_int_equal(mqk_bridge_poll(bridge, 0), 1);
            assert_int_equal(atomic_load(&callback_thread), (uintptr_t)pthread_self());
            assert_int_equal(poll(&fd, 1, 0), 0);
        }
        assert_int_equal(mqk_bridge_close(bridge, 5000, NULL), MQK_OK);
    }
}

/* The lines of a host that never polls are bounded, and counted. */
static void test_silent_host(void **state) {
    (void)state;
    struct kit_host *host = malloc(sizeof(*host));
    kit_host_init(host);
    mqk_bridge *bridge = kit_bridge(host, SIMPLE, "127.0.0.1:1");
    mqk_event event = kit_publish("c", "t", "p");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(mqk_on_event(bridge, &event), 1);
    }
    assert_int_equal(host->log_lines, 0);
    mqk_bridge_close(bridge, 0, NULL);
    free(host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_close), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_fork),       cmocka_unit_test(test_struct_sizes),
        cmocka_unit_test(test_callbacks),  cmocka_unit_test(test_silent_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
