/* SPDX-License-Identifier: Apache-2.0 */
/* Consumer rules: what the host is asked for, and what becomes of its answers. */
#include "kit_two_nodes.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONSUMER(more) CONSUMER_IN(STEADY_GROUP, more)
#define CONSUMER_IN(group, more)                                                                   \
    "kafka:\n"                                                                                     \
    "  client: {servers: ['%s']}\n"                                                                \
    "  consumer:\n"                                                                                \
    "    - name: down\n"                                                                           \
    "      group_id: g\n"                                                                          \
    "      offset_reset: earliest\n"                                                               \
    "      topics: [t]\n"                                                                          \
    "      librdkafka: " group "\n"                                                                \
    "      " more "\n"

static void publishes(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    feed(&kafka, "t", 0, "a/b", "{\"q\":2,\"keep\":true,\"ct\":\"text/x\"}", "x=1;y=2;x=3");
    feed(&kafka, "t", 0, "c", NULL, NULL);
    mqk_bridge *bridge =
        inbox_bridge(&inbox,
                     CONSUMER("action: publish\n"
                              "      mqtt_topic: 'out/${key}/${partition}/${offset}'\n"
                              "      qos: '${value.q | default(0)}'\n"
                              "      retain: '${value.keep | default(false)}'\n"
                              "      properties: [{name: Content-Type, value: '${value.ct}'},\n"
                              "        {name: Message-Expiry-Interval, value: '60'}]\n"
                              "      user_properties_from: headers\n"
                              "      user_properties: [{name: ts, value: '${ts}'}, {name: no, "
                              "value: '${value.no}'}]"),
                     kafka.servers);
    inbox_poll(&inbox, bridge, 2);
    assert_string_equal(
        inbox.text,
        "publish out/a/b/0/0 q2 r1 {\"q\":2,\"keep\":true,\"ct\":\"text/x\"} Content-Type=text/x "
        "Message-Expiry-Interval=60 +x=1 +y=2 +x=3 +ts=1700000000123\n"
        "publish out/c/0/1 q0 r0 (null) Message-Expiry-Interval=60 +ts=1700000000123\n");
    mqk_consumer_stats s = inbox_stats(bridge, 0);
    assert_int_equal(s.name.len, 4);
    assert_memory_equal(s.name.data, "down", 4);
    assert_int_equal(s.state, MQK_CONSUMER_RUNNING);
    assert_int_equal(s.partitions, 1);
    assert_int_equal(s.consumed, 2);
    assert_int_equal(s.delivered, 2);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.lag, 0);
    assert_int_equal(kit_stats(bridge).consumers, 1);
    assert_int_equal(mqk_bridge_close(bridge, 1000, NULL), MQK_OK);
}

static void names_clients(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    feed(&kafka, "t", 0, NULL, "{\"username\":\"u1\"}", NULL);
    feed(&kafka, "t", 0, NULL, "{\"username\":\"\",\"deviceName\":\"d\",\"productKey\":\"p\"}",
         NULL);
    feed(&kafka, "t", 0, NULL, "{\"username\":null,\"deviceName\":\"d\"}", NULL);
    feed(&kafka, "t", 0, NULL, "{\"clientid\":\"c1\",\"username\":\"u\",\"why\":\"bye\"}", NULL);
    mqk_bridge *bridge = inbox_bridge(
        &inbox,
        CONSUMER(
            "action: kick\n"
            "      clientid: ['${value.clientid}']\n"
            "      username: ['${value.username}', '${value.deviceName}&${value.productKey}']\n"
            "      reason: '${value.why}'"),
        kafka.servers);
    inbox_poll(&inbox, bridge, 3);
    assert_string_equal(inbox.text, "kick c=(null) u=u1 (null)\n"
                                    "kick c=(null) u=d&p (null)\n"
                                    "kick c=c1 u=(null) bye\n");
    mqk_consumer_stats s = inbox_stats(bridge, 0);
    assert_int_equal(s.unusable, 1);
    assert_int_equal(s.lost, 1);
    INBOX_POLL_UNTIL(&inbox, bridge,
                     strstr(inbox.log, "record 2 of t[0]: clientid, username: a value is missing"));
    mqk_bridge_close(bridge, 1000, NULL);
}

static void needs_callbacks(void **state) {
    (void)state;
    static const struct {
        const char *action, *sentence;
    } cases[] = {
        {"action: publish, mqtt_topic: x", "mqk_host.publish"},
        {"action: kick, username: ['${key}']", "mqk_host.kick"},
        {"action: acl_clean, username: ['${key}']", "mqk_host.acl_clean"},
        {"action: callback", "mqk_host.record"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mqk_error err;
        mqk_bridge *bridge = NULL;
        mqk_config *config = kit_config("kafka: {client: {servers: ['%s']}, consumer: [{name: r,\n"
                                        "topics: [t], group_id: g, %s}]}",
                                        kafka.servers, cases[i].action);
        /* A host of the past, which ends before the callbacks. */
        mqk_host old = inbox.host;
        old.size = offsetof(mqk_host, publish);
        assert_int_equal(mqk_bridge_open(config, &old, &bridge, &err), MQK_ERR_CONFIG);
        assert_null(bridge);
        assert_non_null(strstr(err.message, "consumer rule \"r\""));
        assert_non_null(strstr(err.message, cases[i].sentence));
        assert_int_equal(mqk_bridge_open(config, NULL, &bridge, &err), MQK_ERR_CONFIG);
        mqk_config_free(config);
    }
}

/* Says later to partition 0's record 1 until `*user` is 0. */
static mqk_answer later_once(struct inbox *in, const mqk_kafka_record *r) {
    int *left = in->user;
    if (r->partition == 0 && r->offset == 1 && *left > 0) {
        (*left)--;
        return MQK_LATER;
    }
    return MQK_ACCEPT;
}

static void later_keeps_order(void **state) {
    (void)state;
    int left = 8;
    bool waited = false;
    kit_kafka_topic(&kafka, "t", 2);
    feed_many(&kafka, "t", 2, 400);
    inbox.answer = later_once;
    inbox.user = &left;
    mqk_bridge *bridge = inbox_bridge(
        &inbox, CONSUMER("action: callback\n      max_in_flight: 10\n      commit_interval: 50ms"),
        kafka.servers);
    /* The other partition goes on meanwhile, although its neighbour fills the room. */
    while (inbox.last[1] < 199) {
        mqk_bridge_poll(bridge, 20);
        if (inbox.last[0] == -1) {
            continue;
        }
        waited |= inbox_stats(bridge, 0).state == MQK_CONSUMER_WAITING;
    }
    while (left > 0) {
        mqk_bridge_poll(bridge, 5);
        waited |= inbox_stats(bridge, 0).state == MQK_CONSUMER_WAITING;
    }
    assert_true(waited);
    inbox_poll(&inbox, bridge, 400);
    assert_int_equal(inbox.backwards, 0);
    assert_int_equal(left, 0);
    assert_int_equal(inbox.calls, 408);
    assert_int_equal(inbox_stats(bridge, 0).retried, 8);
    mqk_bridge_close(bridge, 1000, NULL);
}

/* What the host is asked for and when, of one who takes nothing for a while. */
struct pause {
    pthread_t thread; /* that polls */
    bool polling, accepts;
    int elsewhere; /* calls at other times, or on another thread */
};

static mqk_answer take_note(struct inbox *in, const mqk_kafka_record *r) {
    struct pause *pause = in->user;
    (void)r;
    pause->elsewhere += !pause->polling || !pthread_equal(pause->thread, pthread_self());
    return pause->accepts ? MQK_ACCEPT : MQK_LATER;
}

/* Records under way stay bounded, and the host hears of them only while it polls. */
static void waits_for_the_host(void **state) {
    (void)state;
    struct pause pause = {.thread = pthread_self()};
    kit_kafka_topic(&kafka, "t", 4);
    feed_many(&kafka, "t", 4, 800);
    inbox.answer = take_note;
    inbox.user = &pause;
    mqk_bridge *bridge = inbox_bridge(
        &inbox, CONSUMER("action: callback\n      max_in_flight: 10\n      commit_interval: 50ms"),
        kafka.servers);
    /* First without a poll, until no more is read, then with a host that says later. */
    inbox_wait_in_flight(bridge, 10);
    uint64_t most = inbox_stats(bridge, 0).in_flight;
    assert_int_equal(most, 10);
    assert_int_equal(inbox.calls, 0);
    const struct timespec nap = {0, 5000000};
    for (int i = 0; i < 12000 && inbox.calls < 20; i++) {
        pause.polling = true;
        mqk_bridge_poll(bridge, 5);
        pause.polling = false;
        nanosleep(&nap, NULL);
        uint64_t now = inbox_stats(bridge, 0).in_flight;
        most = now > most ? now : most;
    }
    /* So many, and the first one of each partition that waits. */
    assert_true(inbox.calls >= 20);
    assert_true(most <= 14);
    pause.polling = pause.accepts = true;
    inbox_poll(&inbox, bridge, 800);
    assert_int_equal(pause.elsewhere, 0);
    assert_int_equal(inbox.backwards, 0);
    mqk_bridge_close(bridge, 1000, NULL);
}

static mqk_answer refuse_odd(struct inbox *in, const mqk_kafka_record *r) {
    (void)in;
    return r->offset % 2 == 1 ? MQK_REFUSE : MQK_ACCEPT;
}

static void buries_the_rest(void **state) {
    (void)state;
    struct kit_record dead[4];
    kit_kafka_topic(&kafka, "t", 1);
    kit_kafka_topic(&kafka, "dead", 1);
    feed(&kafka, "t", 0, "a", "{\"t\":1}", NULL);
    feed(&kafka, "t", 0, "b", "{\"t\":2}", "h=1");     /* refused */
    feed(&kafka, "t", 0, "c", "not JSON", NULL);       /* unusable */
    feed(&kafka, "t", 0, NULL, "{\"t\":\"+\"}", NULL); /* refused: no; unusable: a wildcard */
    feed(&kafka, "t", 0, "e", "{\"t\":4}", NULL);
    inbox.answer = refuse_odd;
    mqk_bridge *bridge = inbox_bridge(&inbox,
                                      CONSUMER("action: publish\n      mqtt_topic: 'x/${value.t}'\n"
                                               "      dead_letter: dead"),
                                      kafka.servers);
    inbox_poll(&inbox, bridge, 2);
    INBOX_POLL_UNTIL(&inbox, bridge, inbox_stats(bridge, 0).dead_lettered >= 3);
    mqk_consumer_stats s = inbox_stats(bridge, 0);
    assert_int_equal(s.delivered, 2);
    assert_int_equal(s.refused, 1);
    assert_int_equal(s.unusable, 2);
    assert_int_equal(s.dead_lettered, 3);
    assert_int_equal(s.lost, 0);
    assert_int_equal(s.in_flight, 0);
    mqk_bridge_close(bridge, 1000, NULL);
    assert_int_equal(kit_consume(kafka.servers, "dead", 3, dead, 4), 3);
    bool refused = false;
    for (int i = 0; i < 3; i++) {
        if (dead[i].key && strcmp(dead[i].key, "b") == 0) {
            refused = true;
            assert_string_equal(dead[i].value, "{\"t\":2}");
            assert_string_equal(dead[i].headers,
                                "h=1;mqk-reason=the host refuses it;mqk-rule=down;mqk-topic=t;"
                                "mqk-partition=0;mqk-offset=1;mqk-timestamp=1700000000123;");
            assert_int_equal(dead[i].timestamp_ms, 1700000000123);
        }
    }
    assert_true(refused);
    kit_records_free(dead, 3);
}

/* A producer that has room for a few at a time takes one letter and not the next: they wait for
 * each other, so that those of a partition arrive in its order. */
static void buries_in_order(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    static struct kit_record dead[COUNT];
    kit_kafka_topic(&kafka, "t", 1);
    kit_kafka_topic(&kafka, "dead", 1);
    feed_many(&kafka, "t", 1, COUNT);
    mqk_bridge *bridge = inbox_bridge(
        &inbox,
        CONSUMER("action: publish\n      mqtt_topic: '${value.none}'\n      dead_letter: dead\n"
                 "  producer: {linger: 0ms, buffer: {memory: 64KB, when_full: refuse}}"),
        kafka.servers);
    INBOX_POLL_UNTIL(&inbox, bridge, inbox_stats(bridge, 0).dead_lettered >= COUNT);
    assert_int_equal(inbox_stats(bridge, 0).dead_lettered, COUNT);
    mqk_bridge_close(bridge, 1000, NULL);
    assert_int_equal(kit_consume(kafka.servers, "dead", COUNT, dead, COUNT), COUNT);
    for (int i = 0; i < COUNT; i++) {
        char value[32];
        snprintf(value, sizeof(value), "{\"n\":%d}", i);
        assert_string_equal(dead[i].value, value);
    }
    kit_records_free(dead, COUNT);
}

static mqk_answer accept_some(struct inbox *in, const mqk_kafka_record *r) {
    (void)r;
    return in->accepted < 5 ? MQK_ACCEPT : MQK_LATER;
}

/* What was accepted is committed, and nothing else. */
static void goes_on_where_it_was(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    feed_many(&kafka, "t", 1, 10);
    inbox.answer = accept_some;
    mqk_bridge *bridge =
        inbox_bridge(&inbox, CONSUMER_IN(QUICK_GROUP, "action: callback"), kafka.servers);
    inbox_poll(&inbox, bridge, 5);
    inbox_poll_for(bridge, 100);
    assert_int_equal(mqk_bridge_close(bridge, 1000, NULL), MQK_OK);
    bridge = inbox_bridge(&other, CONSUMER_IN(QUICK_GROUP, "action: callback"), kafka.servers);
    inbox_poll(&other, bridge, 5);
    inbox_poll_for(bridge, 100);
    assert_int_equal(other.accepted, 5);
    assert_int_equal(other.last[0], 9);
    assert_int_equal(other.seen[0][5], 1);
    assert_int_equal(other.seen[0][4], 0);
    mqk_bridge_close(bridge, 0, NULL);
}

static void works_with_a_loop(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    mqk_bridge *bridge = inbox_bridge(&inbox, CONSUMER("action: callback"), kafka.servers);
    feed_many(&kafka, "t", 1, 3000);
    /* More than one poll hands over: the descriptor stays readable. */
    int polls = 0;
    while (inbox.accepted < 3000) {
        struct pollfd fd = {.fd = mqk_bridge_fd(bridge), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 60000), 1);
        int n = mqk_bridge_poll(bridge, 0);
        kit_assert_in_range(n, 0, 1100);
        polls++;
    }
    kit_assert_in_range(polls, 3, 100000);
    assert_int_equal(inbox.backwards, 0);
    mqk_bridge_close(bridge, 0, NULL);
}

#define SAME_GROUP CONSUMER_IN(QUICK_GROUP, "action: callback\n      commit_interval: 20ms")

static bool is_committed(void *offset) {
    return committed(&kafka, "g", "t", 0) == *(int *)offset;
}

/* What was accepted in the last poll is committed after the next one, and comes again if there is
 * none; and no poll offers more than the host asks for. */
static void counts_from_the_next_poll_on(void **state) {
    (void)state;
    enum { COUNT = 10, MOST = 4 };
    int before = 0;
    kit_kafka_topic(&kafka, "t", 1);
    feed_many(&kafka, "t", 1, COUNT);
    inbox.host.flags = MQK_HOST_CONFIRM_BY_POLL;
    inbox.host.offer_most = MOST;
    mqk_bridge *bridge = inbox_bridge(&inbox, SAME_GROUP, kafka.servers);
    for (time_t end = time(NULL) + 60; inbox.accepted < COUNT && time(NULL) < end;) {
        struct pollfd fd = {.fd = mqk_bridge_fd(bridge), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 60000), 1);
        before = inbox.accepted;
        mqk_bridge_poll(bridge, 0);
        kit_assert_in_range(inbox.accepted - before, 0, MOST);
    }
    assert_int_equal(inbox.accepted, COUNT);
    kit_assert_in_range(before, COUNT - MOST, COUNT - 1);
    kit_wait(is_committed, &before, "all but the last poll is committed");
    const struct timespec intervals = {.tv_nsec = 200000000};
    nanosleep(&intervals, NULL);
    mqk_bridge_close(bridge, 0, NULL);
    assert_int_equal(committed(&kafka, "g", "t", 0), before);
    other.host.flags = MQK_HOST_CONFIRM_BY_POLL;
    bridge = inbox_bridge(&other, SAME_GROUP, kafka.servers);
    inbox_poll(&other, bridge, COUNT - before);
    assert_int_equal(other.seen[0][before], 1);
    assert_int_equal(other.seen[0][before - 1], 0);
    /* The host comes back by itself for that. */
    struct pollfd fd = {.fd = mqk_bridge_fd(bridge), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 60000), 1);
    mqk_bridge_poll(bridge, 0);
    mqk_bridge_close(bridge, 0, NULL);
    assert_int_equal(other.accepted, COUNT - before);
    bridge = inbox_bridge(&other, SAME_GROUP, kafka.servers);
    INBOX_POLL_UNTIL(&other, bridge, has_read_all(bridge, 1));
    assert_int_equal(other.accepted, COUNT - before);
    mqk_bridge_close(bridge, 0, NULL);
}

#define OFFSET_COMMIT 8 /* Kafka protocol, API key */

/* A commit that failed is sent again by librdkafka after 0.1 s: a later one must not be undone. */
static void commits_go_forward(void **state) {
    (void)state;
    const struct timespec meanwhile = {.tv_nsec = 50000000};
    int all = 2;
    kit_kafka_topic(&kafka, "t", 1);
    feed_many(&kafka, "t", 1, all);
    rd_kafka_mock_push_request_errors(kafka.cluster, OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    inbox.host.offer_most = 1;
    mqk_bridge *bridge = inbox_bridge(
        &inbox, CONSUMER("action: callback\n      commit_interval: 20ms"), kafka.servers);
    inbox_poll(&inbox, bridge, 1);
    nanosleep(&meanwhile, NULL);
    inbox_poll(&inbox, bridge, all);
    inbox_poll_for(bridge, 300);
    kit_wait(is_committed, &all, "the last offset is committed");
    mqk_bridge_close(bridge, 1000, NULL);
    assert_int_equal(committed(&kafka, "g", "t", 0), all);
}

static bool library_thread_done(void *user) {
    (void)user;
    return inbox.accepted == 2000;
}

static void works_on_its_own_thread(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 2);
    inbox.host.flags = MQK_HOST_LIBRARY_THREAD;
    mqk_bridge *bridge = inbox_bridge(&inbox, CONSUMER("action: callback"), kafka.servers);
    feed_many(&kafka, "t", 2, 2000);
    kit_wait(library_thread_done, NULL, "records on the library's thread");
    mqk_bridge_close(bridge, 0, NULL);
    assert_int_equal(inbox.backwards, 0);
}

static void skips(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    feed(&kafka, "t", 0, "a", "{\"v\":1}", "mqk-origin=node-9");
    feed(&kafka, "t", 0, "b", "{\"v\":5}", NULL);
    feed(&kafka, "t", 0, "c", "{\"v\":7}", NULL);
    mqk_bridge *bridge =
        inbox_bridge(&inbox,
                     CONSUMER("action: callback\n      skip_own: true\n      where: 'value.v > 6'\n"
                              "      commit_interval: 20ms"),
                     kafka.servers);
    inbox_poll(&inbox, bridge, 1);
    assert_string_equal(inbox.text, "record down t c={\"v\":7}\n");
    assert_int_equal(inbox_stats(bridge, 0).skipped, 2);
    mqk_bridge_close(bridge, 0, NULL);
}

static void decodes(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    feed(&kafka, "t", 0, "YS9i", "eyJ2IjoxfQ==", NULL);
    feed(&kafka, "t", 0, "YS9i", "no base64", NULL);
    mqk_bridge *bridge = inbox_bridge(
        &inbox,
        CONSUMER("action: publish\n      key_encoding: base64\n      value_encoding: base64\n"
                 "      mqtt_topic: '${key}/${value.v}'"),
        kafka.servers);
    inbox_poll(&inbox, bridge, 1);
    assert_string_equal(inbox.text, "publish a/b/1 q0 r0 {\"v\":1}\n");
    INBOX_POLL_UNTIL(&inbox, bridge, inbox_stats(bridge, 0).lost >= 1);
    assert_int_equal(inbox_stats(bridge, 0).unusable, 1);
    mqk_bridge_close(bridge, 0, NULL);
}

/* A message goes to Kafka and comes back: once, not for ever. */
static void no_loops_in_the_embedded_cluster(void **state) {
    (void)state;
    mqk_bridge *bridge =
        inbox_bridge(&inbox, "kafka:\n"
                             "  client: {servers: [embedded]}\n"
                             "  hook: [{hook: message.publish, topic: both,\n"
                             "    value: '${payload}', origin_header: true}]\n"
                             "  consumer:\n"
                             "    - {topics: [both], group_id: g, skip_own: node,\n"
                             "       offset_reset: earliest, action: callback}\n"
                             "    - {topics: ['^bo.*$'], group_id: h, name: all,\n"
                             "       offset_reset: earliest, action: callback}\n");
    mqk_event event = kit_publish("c", "x", "hello");
    assert_int_equal(mqk_on_event(bridge, &event), 1);
    inbox_poll(&inbox, bridge, 1);
    assert_string_equal(inbox.text, "record all both (null)=hello\n");
    INBOX_POLL_UNTIL(&inbox, bridge, inbox_stats(bridge, 0).skipped >= 1);
    assert_int_equal(inbox_stats(bridge, 0).skipped, 1);
    assert_memory_equal(inbox_stats(bridge, 0).name.data, "consumer[0]", 11);
    mqk_bridge_close(bridge, 1000, NULL);
}

static void tells_names(void **state) {
    (void)state;
    assert_string_equal(mqk_consumer_state_name(MQK_CONSUMER_STARTING), "starting");
    assert_string_equal(mqk_consumer_state_name(MQK_CONSUMER_DOWN), "down");
    assert_string_equal(mqk_consumer_state_name((mqk_consumer_state)99), "?");
    mqk_consumer_stats stats = {.size = sizeof(stats)};
    assert_int_equal(mqk_bridge_consumer_stats(NULL, 0, &stats), MQK_ERR_ARGUMENT);
    mqk_bridge *bridge = inbox_bridge(&inbox, CONSUMER("action: callback"), "127.0.0.1:1");
    assert_int_equal(mqk_bridge_consumer_stats(bridge, 1, &stats), MQK_ERR_ARGUMENT);
    assert_int_equal(mqk_bridge_consumer_stats(bridge, 0, NULL), MQK_ERR_ARGUMENT);
    stats.size = 1;
    assert_int_equal(mqk_bridge_consumer_stats(bridge, 0, &stats), MQK_ERR_ARGUMENT);
    INBOX_POLL_UNTIL(&inbox, bridge, inbox_stats(bridge, 0).state == MQK_CONSUMER_DOWN);
    mqk_health health = {.size = sizeof(health)};
    assert_int_equal(mqk_bridge_health(bridge, &health), MQK_OK);
    assert_int_equal(health.state, MQK_HEALTH_DOWN);
    assert_non_null(strstr(health.message, "consumer rule \"down\""));
    mqk_bridge_close(bridge, 0, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, two_nodes_set_up, two_nodes_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(publishes),
        TEST(names_clients),
        TEST(needs_callbacks),
        TEST(later_keeps_order),
        TEST(waits_for_the_host),
        TEST(buries_the_rest),
        TEST(buries_in_order),
        TEST(goes_on_where_it_was),
        TEST(works_with_a_loop),
        TEST(counts_from_the_next_poll_on),
        TEST(commits_go_forward),
        TEST(works_on_its_own_thread),
        TEST(skips),
        TEST(decodes),
        TEST(no_loops_in_the_embedded_cluster),
        TEST(tells_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
