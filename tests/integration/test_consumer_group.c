/* SPDX-License-Identifier: Apache-2.0 */
/* Consumer rules in a group: sharing, rebalances, reloads, faults of Kafka. */
#include "kit_two_nodes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RULE(name, topic, more)           RULE_OF("g", name, topic, more)
#define RULE_OF(group, name, topic, more) RULE_IN(QUICK_GROUP, group, name, topic, more)
#define RULE_IN(settings, group, name, topic, more)                                                \
    "{name: " name ", group_id: " group ", offset_reset: earliest, topics: ['" topic "'],\n"       \
    "  commit_interval: 50ms, librdkafka: " settings ", " more "}"
#define STEADY_OF(group, name, topic, more) RULE_IN(STEADY_GROUP, group, name, topic, more)
#define RULES(rules)                        "kafka: {client: {servers: ['%s']}, consumer: [" rules "]}"

/* How many records of a partition at least one of the two has accepted. */
static int seen(int partition, int count) {
    int n = 0;
    for (int i = 0; i < count; i++) {
        n += inbox.seen[partition][i] + other.seen[partition][i] > 0;
    }
    return n;
}

static int seen_twice(int partitions, int count) {
    int n = 0;
    for (int p = 0; p < partitions; p++) {
        for (int i = 0; i < count; i++) {
            n += inbox.seen[p][i] + other.seen[p][i] > 1;
        }
    }
    return n;
}

/* Nothing comes twice without a reason: this in-process Kafka, unlike the real one, takes no
 * offsets while the group is being shared out anew. Both have been closed: all lines are told. */
static void check_doubles(int partitions, int count) {
    if (seen_twice(partitions, count) > 0 && !strstr(inbox.log, "committed") &&
        !strstr(other.log, "committed")) {
        fail_msg("%d records came twice\n%s\n%s", seen_twice(partitions, count), inbox.log,
                 other.log);
    }
}

static bool all_seen(int partitions, int count) {
    for (int p = 0; p < partitions; p++) {
        if (seen(p, count) < count) {
            return false;
        }
    }
    return true;
}

static void poll_until_all(mqk_bridge *a, mqk_bridge *b, int partitions, int count) {
    time_t give_up = time(NULL) + 90;
    while (!all_seen(partitions, count)) {
        if (a) {
            mqk_bridge_poll(a, 10);
        }
        if (b) {
            mqk_bridge_poll(b, 10);
        }
        if (time(NULL) > give_up) {
            fail_msg("not all records came: %d and %d accepted\n%s\n%s", inbox.accepted,
                     other.accepted, inbox.log, other.log);
        }
    }
}

static void poll_until_assigned(mqk_bridge *a, mqk_bridge *b, unsigned to_a, unsigned to_b) {
    for (time_t end = time(NULL) + KIT_PATIENCE_S; time(NULL) < end;) {
        mqk_bridge_poll(a, 5);
        mqk_bridge_poll(b, 5);
        if (inbox_stats(a, 0).partitions == to_a && inbox_stats(b, 0).partitions == to_b) {
            return;
        }
    }
    fail_msg("%u and %u partitions\n%s\n%s", inbox_stats(a, 0).partitions,
             inbox_stats(b, 0).partitions, inbox.log, other.log);
}

/* Two nodes share the work; one leaves, the other takes over; none is lost. */
static void shares_the_work(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 4);
    mqk_bridge *a = inbox_bridge(&inbox, RULES(RULE("r", "t", "action: callback")), kafka.servers);
    feed_many(&kafka, "t", 4, 400);
    inbox_poll(&inbox, a, 400);
    mqk_bridge *b = inbox_bridge(&other, RULES(RULE("r", "t", "action: callback")), kafka.servers);
    poll_until_assigned(a, b, 2, 2);
    feed_many(&kafka, "t", 4, 400);
    poll_until_all(a, b, 4, 200);
    assert_true(inbox.accepted > 400 && other.accepted > 0);
    mqk_bridge_close(a, 1000, NULL);
    feed_many(&kafka, "t", 4, 400);
    poll_until_all(NULL, b, 4, 300);
    mqk_bridge_close(b, 0, NULL);
    check_doubles(4, 300);
}

/* While a partition is taken away the host may be busy with a record: it is waited for, and what it
 * then says counts. */
static void shares_while_the_host_waits(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 4);
    feed_many(&kafka, "t", 4, 2000);
    mqk_bridge *a = inbox_bridge(
        &inbox, RULES(RULE("r", "t", "action: callback, max_in_flight: 50")), kafka.servers);
    inbox_poll(&inbox, a, 100);
    mqk_bridge *b = inbox_bridge(
        &other, RULES(RULE("r", "t", "action: callback, max_in_flight: 50")), kafka.servers);
    poll_until_all(a, b, 4, 500);
    mqk_bridge_close(b, 0, NULL);
    mqk_bridge_close(a, 0, NULL);
    check_doubles(4, 500);
}

/* Says later to everything until it is told otherwise. */
static mqk_answer not_yet(struct inbox *in, const mqk_kafka_record *r) {
    (void)r;
    return *(bool *)in->user ? MQK_ACCEPT : MQK_LATER;
}

/* A partition that was paused because the host wants nothing is taken away, and given back to the
 * same node: it is read again. */
static void goes_on_with_what_was_paused(const char *more) {
    bool wanted = false;
    char rules[512];
    snprintf(rules, sizeof(rules), RULES(RULE("r", "t", "%s")), kafka.servers, more);
    kit_kafka_topic(&kafka, "t", 4);
    feed_many(&kafka, "t", 4, 400);
    inbox.answer = other.answer = not_yet;
    inbox.user = other.user = &wanted;
    mqk_bridge *a = inbox_bridge(&inbox, "%s", rules);
    /* Every partition has a record that is not wanted. */
    INBOX_POLL_UNTIL(&inbox, a, inbox_stats(a, 0).retried >= 20);
    assert_int_equal(inbox_stats(a, 0).state, MQK_CONSUMER_WAITING);
    mqk_bridge *b = inbox_bridge(&other, "%s", rules);
    poll_until_assigned(a, b, 2, 2);
    inbox_poll_for(b, 200);
    wanted = true;
    poll_until_all(a, b, 4, 100);
    mqk_bridge_close(b, 0, NULL);
    mqk_bridge_close(a, 0, NULL);
    check_doubles(4, 100);
}

static void reads_on_after_a_pause(void **state) {
    (void)state;
    goes_on_with_what_was_paused("action: callback");
}

/* There is no room either: what waits behind the first record is forgotten and asked for again. */
static void reads_on_after_a_pause_without_room(void **state) {
    (void)state;
    goes_on_with_what_was_paused("action: callback, max_in_flight: 6");
}

struct share {
    mqk_bridge *bridge;
    unsigned partitions;
};

static bool has_so_many(void *user) {
    const struct share *share = user;
    return inbox_stats(share->bridge, 0).partitions == share->partitions;
}

/* A host that does not poll for longer than the library waits for room (0.5 s): all its partitions
 * are paused, then some go to another node and come back when that one ends. */
static void reads_on_after_a_silence(void **state) {
    (void)state;
    const char *rules = "action: callback, max_in_flight: 6";
    kit_kafka_topic(&kafka, "t", 4);
    feed_many(&kafka, "t", 4, 400);
    mqk_bridge *a = inbox_bridge(&inbox, RULES(RULE("r", "t", "%s")), kafka.servers, rules);
    inbox_wait_in_flight(a, 6);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    mqk_bridge *b = inbox_bridge(&other, RULES(RULE("r", "t", "%s")), kafka.servers, rules);
    inbox_poll(&other, b, 50);
    /* The one that is not polled hears of it on its own thread, before or after the other. */
    struct share share = {a, 2};
    kit_wait(has_so_many, &share, "the silent one keeps its half");
    assert_int_equal(inbox.accepted, 0);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    mqk_bridge_close(b, 1000, NULL);
    poll_until_all(a, NULL, 4, 100);
    INBOX_POLL_UNTIL(&inbox, a, inbox_stats(a, 0).partitions == 4);
    mqk_bridge_close(a, 0, NULL);
    check_doubles(4, 100);
}

static void every_node_sees_all(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    feed_many(&kafka, "t", 1, 5);
    mqk_bridge *a = inbox_bridge(
        &inbox, RULES(RULE("r", "t", "action: callback, scope: every_node")), kafka.servers);
    mqk_bridge *b = inbox_bridge(
        &other, RULES(RULE("r", "t", "action: callback, scope: every_node")), kafka.servers);
    inbox_poll(&inbox, a, 5);
    inbox_poll(&other, b, 5);
    mqk_bridge_close(a, 0, NULL);
    mqk_bridge_close(b, 0, NULL);
    assert_non_null(strstr(inbox.log, "(group \"g-node-1\")"));
    /* Each keeps offsets of its own. */
    feed_many(&kafka, "t", 1, 5);
    inbox.accepted = 0;
    a = inbox_bridge(&inbox, RULES(RULE("r", "t", "action: callback, scope: every_node")),
                     kafka.servers);
    inbox_poll(&inbox, a, 5);
    assert_int_equal(inbox.seen[0][4], 1);
    assert_int_equal(inbox.seen[0][5], 1);
    mqk_bridge_close(a, 0, NULL);
}

static void reload(mqk_bridge *bridge, const char *rules, mqk_status expected) {
    mqk_error err;
    mqk_config *config =
        kit_config("kafka: {client: {servers: ['%s']}, consumer: [%s]}", kafka.servers, rules);
    assert_int_equal(mqk_bridge_reload(bridge, config, &err), expected);
    mqk_config_free(config);
}

static void reloads(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 1);
    kit_kafka_topic(&kafka, "u", 1);
    mqk_bridge *bridge =
        inbox_bridge(&inbox,
                     RULES(STEADY_OF("g", "keep", "t", "action: callback") ", " STEADY_OF(
                         "h", "old", "u", "action: callback")),
                     kafka.servers);
    feed_many(&kafka, "t", 1, 3);
    inbox_poll(&inbox, bridge, 3);
    uint64_t consumed = inbox_stats(bridge, 0).consumed;
    mqk_bridge_poll(bridge, 0); /* tells what was said before the records came */
    inbox.log[inbox.log_len = 0] = '\0';
    /* One stays as it is although it moves, one goes, one comes. */
    reload(bridge,
           STEADY_OF("i", "new", "u", "action: publish, mqtt_topic: 'new/${key}'") ", " STEADY_OF(
               "g", "keep", "t", "action: callback"),
           MQK_OK);
    assert_int_equal(inbox_stats(bridge, 1).consumed, consumed);
    assert_int_equal(inbox_stats(bridge, 1).partitions, 1);
    assert_int_equal(kit_stats(bridge).consumers, 2);
    feed_many(&kafka, "u", 1, 2);
    feed_many(&kafka, "t", 1, 2);
    inbox.text[0] = '\0';
    inbox_poll(&inbox, bridge, 7);
    assert_non_null(strstr(inbox.text, "publish new/k1"));
    assert_null(strstr(inbox.text, "record old"));
    assert_null(strstr(inbox.log, "\"keep\": was given"));
    /* A configuration that the host cannot serve changes nothing. */
    mqk_bridge *poor;
    mqk_error err;
    mqk_host host = inbox.host;
    host.kick = NULL;
    mqk_config *config = kit_config("kafka: {client: {servers: ['%s']}, consumer: [%s]}",
                                    kafka.servers, STEADY_OF("j", "keep", "t", "action: callback"));
    assert_int_equal(mqk_bridge_open(config, &host, &poor, &err), MQK_OK);
    mqk_config_free(config);
    reload(poor, STEADY_OF("g", "x", "t", "action: kick, username: ['${key}']"), MQK_ERR_CONFIG);
    assert_int_equal(kit_stats(poor).consumers, 1);
    mqk_bridge_close(poor, 0, NULL);
    /* None is left. */
    config =
        kit_config("kafka: {client: {servers: ['%s']}, hook: [{hook: message.publish, topic: v}]}",
                   kafka.servers);
    assert_int_equal(mqk_bridge_reload(bridge, config, &err), MQK_OK);
    mqk_config_free(config);
    assert_int_equal(kit_stats(bridge).consumers, 0);
    int calls = inbox.calls;
    feed_many(&kafka, "t", 1, 2);
    inbox_poll_for(bridge, 300);
    assert_int_equal(inbox.calls, calls);
    mqk_bridge_close(bridge, 1000, NULL);
}

#define FETCH         1
#define OFFSET_COMMIT 8
#define HEARTBEAT     12

static void survives_faults(void **state) {
    (void)state;
    kit_kafka_topic(&kafka, "t", 2);
    mqk_bridge *bridge =
        inbox_bridge(&inbox, RULES(RULE("r", "t", "action: callback")), kafka.servers);
    feed_many(&kafka, "t", 2, 100);
    inbox_poll(&inbox, bridge, 100);
    rd_kafka_mock_push_request_errors(kafka.cluster, FETCH, 2,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT);
    rd_kafka_mock_push_request_errors(kafka.cluster, OFFSET_COMMIT, 2,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    rd_kafka_mock_push_request_errors(kafka.cluster, HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    feed_many(&kafka, "t", 2, 100);
    inbox_poll(&inbox, bridge, 200);
    /* Away for a while. */
    rd_kafka_mock_broker_set_down(kafka.cluster, 1);
    inbox_poll_for(bridge, 500);
    rd_kafka_mock_broker_set_up(kafka.cluster, 1);
    feed_many(&kafka, "t", 2, 100);
    poll_until_all(bridge, NULL, 2, 150);
    /* Everything is committed in the end, also if it was put out of its group and came back. */
    INBOX_POLL_UNTIL(&inbox, bridge,
                     committed(&kafka, "g", "t", 0) == 150 &&
                         committed(&kafka, "g", "t", 1) == 150);
    mqk_bridge_close(bridge, 1000, NULL);
    bridge = inbox_bridge(&other, RULES(RULE("r", "t", "action: callback")), kafka.servers);
    INBOX_POLL_UNTIL(&other, bridge, has_read_all(bridge, 2));
    assert_int_equal(other.accepted, 0);
    mqk_bridge_close(bridge, 0, NULL);
}

/* Nothing that the host has not accepted is ever committed, whatever it says in between. */
static mqk_answer moody(struct inbox *in, const mqk_kafka_record *r) {
    (void)in;
    return rand_r(in->user) % 4 == 0 ? MQK_LATER : r->offset % 50 == 7 ? MQK_REFUSE : MQK_ACCEPT;
}

static bool letters_are_sent(void *user) {
    mqk_consumer_stats s = inbox_stats(user, 0);
    return s.dead_lettered == s.refused;
}

static void loses_nothing_over_many_starts(void **state) {
    (void)state;
    unsigned seed = 7;
    kit_kafka_topic(&kafka, "t", 2);
    kit_kafka_topic(&kafka, "dead", 1);
    feed_many(&kafka, "t", 2, 400);
    inbox.answer = moody;
    inbox.user = &seed;
    int most = 0;
    for (int round = 0; round < 4; round++) {
        mqk_bridge *bridge = inbox_bridge(
            &inbox, RULES(RULE("r", "t", "action: callback, max_in_flight: 20, dead_letter: dead")),
            kafka.servers);
        for (int i = 0; i < 10; i++) {
            inbox.last[i % 2] = -1;
        }
        most = round < 3 ? inbox.accepted + 60 : 392;
        inbox_poll(&inbox, bridge, most);
        /* Closing waits for them only a while, and what is not sent then comes again. */
        kit_wait(letters_are_sent, bridge, "dead letters are sent");
        assert_int_equal(mqk_bridge_close(bridge, KIT_PATIENCE_S * 1000, NULL), MQK_OK);
    }
    for (int p = 0; p < 2; p++) {
        for (int i = 0; i < 200; i++) {
            assert_int_equal(inbox.seen[p][i], i % 50 == 7 ? 0 : 1);
        }
    }
    struct kit_record dead[16];
    assert_int_equal(kit_consume(kafka.servers, "dead", 8, dead, 16), 8);
    kit_records_free(dead, 8);
}

/* Both directions at once, with reloads and readers beside them. */
struct traffic {
    mqk_bridge *bridge;
    bool stop;
};

static void *send_events(void *user) {
    struct traffic *t = user;
    for (int i = 0; i < 1000; i++) {
        mqk_event event = kit_publish("c", "x", "{\"n\":1}");
        assert_true(mqk_on_event(t->bridge, &event) >= 0);
    }
    return NULL;
}

static void *look_around(void *user) {
    struct traffic *t = user;
    while (!__atomic_load_n(&t->stop, __ATOMIC_SEQ_CST)) {
        mqk_consumer_stats stats = {.size = sizeof(stats)};
        mqk_health health = {.size = sizeof(health)};
        mqk_bridge_consumer_stats(t->bridge, 0, &stats);
        mqk_bridge_health(t->bridge, &health);
        const struct timespec nap = {.tv_nsec = 5000000};
        nanosleep(&nap, NULL);
    }
    return NULL;
}

static void both_directions(void **state) {
    (void)state;
    static const char rules[] =
        "kafka: {client: {servers: ['%s']}, hook: [{hook: message.publish, topic: t, "
        "partition: '0', value: '${payload}'}], consumer: [" STEADY_OF(
            "g", "r", "t",
            "action: publish, mqtt_topic: 'in/${offset}', max_in_flight: 100") "%s]}";
    kit_kafka_topic(&kafka, "t", 1);
    struct traffic t = {inbox_bridge(&inbox, rules, kafka.servers, ""), false};
    pthread_t senders[2], reader;
    pthread_create(&reader, NULL, look_around, &t);
    for (int i = 0; i < 2; i++) {
        pthread_create(&senders[i], NULL, send_events, &t);
    }
    for (int i = 0; i < 6; i++) {
        mqk_error err;
        mqk_config *config = kit_config(
            rules, kafka.servers, i % 2 ? "" : ", {topics: [z], group_id: z, action: callback}");
        inbox_poll_for(t.bridge, 50);
        assert_int_equal(mqk_bridge_reload(t.bridge, config, &err), MQK_OK);
        mqk_config_free(config);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(senders[i], NULL);
    }
    inbox_poll(&inbox, t.bridge, 2000);
    assert_int_equal(inbox.backwards, 0);
    __atomic_store_n(&t.stop, true, __ATOMIC_SEQ_CST);
    pthread_join(reader, NULL);
    mqk_bridge_close(t.bridge, 1000, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, two_nodes_set_up, two_nodes_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(shares_the_work),
        TEST(shares_while_the_host_waits),
        TEST(reads_on_after_a_pause),
        TEST(reads_on_after_a_pause_without_room),
        TEST(reads_on_after_a_silence),
        TEST(every_node_sees_all),
        TEST(reloads),
        TEST(survives_faults),
        TEST(loses_nothing_over_many_starts),
        TEST(both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
