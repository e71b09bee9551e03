/* SPDX-License-Identifier: Apache-2.0 */
#include "kit_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void note(struct inbox *inbox, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct inbox *inbox, const char *format, ...) {
    size_t used = strlen(inbox->text);
    va_list args;
    va_start(args, format);
    vsnprintf(inbox->text + used, sizeof(inbox->text) - used, format, args);
    va_end(args);
}

#define S(s) (s).data ? (int)(s).len : 6, (s).data ? (s).data : "(null)"

static mqk_answer answer(struct inbox *inbox, const mqk_kafka_record *r) {
    inbox->calls++;
    assert_int_equal(r->size, sizeof(*r));
    mqk_answer said = inbox->answer ? inbox->answer(inbox, r) : MQK_ACCEPT;
    if (said == MQK_ACCEPT) {
        kit_assert_in_range(r->partition, 0, INBOX_PARTITIONS - 1);
        kit_assert_in_range(r->offset, 0, INBOX_OFFSETS - 1);
        inbox->accepted++;
        inbox->seen[r->partition][r->offset]++;
        inbox->backwards += r->offset <= inbox->last[r->partition];
        inbox->last[r->partition] = r->offset;
    }
    return said;
}

static mqk_answer on_publish(void *user, const mqk_publish *p) {
    struct inbox *inbox = user;
    assert_int_equal(p->size, sizeof(*p));
    if (strlen(inbox->text) + 1000 < sizeof(inbox->text)) {
        note(inbox, "publish %.*s q%d r%d %.*s", S(p->topic), p->qos, p->retain, S(p->payload));
        for (size_t i = 0; i < p->props_count; i++) {
            const mqk_property *one = &p->props[i];
            if (one->text.data) {
                note(inbox, " %.*s=%.*s", S(one->name), S(one->text));
            } else {
                note(inbox, " %.*s=%lld", S(one->name), (long long)one->number);
            }
        }
        for (size_t i = 0; i < p->user_props_count; i++) {
            note(inbox, " +%.*s=%.*s", S(p->user_props[i].name), S(p->user_props[i].value));
        }
        note(inbox, "\n");
    }
    return answer(inbox, p->record);
}

static mqk_answer on_kick(void *user, const mqk_kick *k) {
    struct inbox *inbox = user;
    assert_int_equal(k->size, sizeof(*k));
    note(inbox, "kick c=%.*s u=%.*s %.*s\n", S(k->clientid), S(k->username), S(k->reason));
    return answer(inbox, k->record);
}

static mqk_answer on_clean(void *user, const mqk_acl_clean *a) {
    struct inbox *inbox = user;
    assert_int_equal(a->size, sizeof(*a));
    note(inbox, "acl_clean c=%.*s u=%.*s\n", S(a->clientid), S(a->username));
    return answer(inbox, a->record);
}

static mqk_answer on_record(void *user, const mqk_kafka_record *r) {
    struct inbox *inbox = user;
    if (strlen(inbox->text) + 1000 < sizeof(inbox->text)) {
        note(inbox, "record %.*s %.*s %.*s=%.*s\n", S(r->rule_name), S(r->topic), S(r->key),
             S(r->value));
    }
    return answer(inbox, r);
}

static void on_log(void *user, mqk_log_level level, mqk_str message) {
    struct inbox *inbox = user;
    int n = snprintf(inbox->log + inbox->log_len, sizeof(inbox->log) - inbox->log_len, "%d %s\n",
                     (int)level, message.data);
    if (inbox->log_len + (size_t)n < sizeof(inbox->log)) {
        inbox->log_len += (size_t)n;
    }
}

void inbox_init(struct inbox *inbox, const char *node) {
    memset(inbox, 0, sizeof(*inbox));
    for (int i = 0; i < INBOX_PARTITIONS; i++) {
        inbox->last[i] = -1;
    }
    inbox->host.size = sizeof(inbox->host);
    inbox->host.user = inbox;
    inbox->host.node = mqk_cstr(node);
    inbox->host.log = on_log;
    inbox->host.log_level = MQK_LOG_INFO;
    inbox->host.publish = on_publish;
    inbox->host.kick = on_kick;
    inbox->host.acl_clean = on_clean;
    inbox->host.record = on_record;
}

mqk_bridge *inbox_bridge(struct inbox *inbox, const char *format, ...) {
    char text[8192];
    mqk_error err;
    mqk_config *config = NULL;
    mqk_bridge *bridge = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (mqk_config_load_memory(mqk_cstr(text), "test.yaml", &config, &err) != MQK_OK ||
        mqk_bridge_open(config, &inbox->host, &bridge, &err) != MQK_OK) {
        fail_msg("%s\n%s", err.message, text);
    }
    mqk_config_free(config);
    return bridge;
}

void inbox_poll_once(struct inbox *inbox, mqk_bridge *bridge, time_t give_up, const char *what) {
    mqk_bridge_poll(bridge, 10);
    if (time(NULL) > give_up) {
        mqk_consumer_stats s = inbox_stats(bridge, 0);
        fail_msg("waited %d s in vain for %s: accepted %d\n%s\n%s\nstate %s partitions %u "
                 "in flight %d consumed %d retried %d",
                 KIT_PATIENCE_S, what, inbox->accepted, inbox->text, inbox->log,
                 mqk_consumer_state_name(s.state), s.partitions, (int)s.in_flight, (int)s.consumed,
                 (int)s.retried);
    }
}

void inbox_poll(struct inbox *inbox, mqk_bridge *bridge, int accepted) {
    INBOX_POLL_UNTIL(inbox, bridge, inbox->accepted >= accepted);
}

struct flight_goal {
    mqk_bridge *bridge;
    uint64_t count;
};

static bool so_many_in_flight(void *user) {
    const struct flight_goal *goal = user;
    return inbox_stats(goal->bridge, 0).in_flight >= goal->count;
}

void inbox_wait_in_flight(mqk_bridge *bridge, uint64_t count) {
    struct flight_goal goal = {bridge, count};
    kit_wait(so_many_in_flight, &goal, "records in flight");
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void inbox_poll_for(mqk_bridge *bridge, int ms) {
    for (int64_t end = now_ms() + ms; now_ms() < end;) {
        mqk_bridge_poll(bridge, 20);
    }
}

mqk_consumer_stats inbox_stats(mqk_bridge *bridge, size_t rule) {
    mqk_consumer_stats stats = {.size = sizeof(stats)};
    assert_int_equal(mqk_bridge_consumer_stats(bridge, rule, &stats), MQK_OK);
    return stats;
}

bool has_read_all(mqk_bridge *bridge, unsigned partitions) {
    mqk_consumer_stats s = inbox_stats(bridge, 0);
    return s.partitions == partitions && s.lag == 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void discard_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    (void)opaque;
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static rd_kafka_t *client(struct kit_kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char reason[256];
    rd_kafka_conf_set_log_cb(conf, discard_log);
    rd_kafka_conf_set(conf, "bootstrap.servers", k->servers, reason, sizeof(reason));
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof(reason));
    assert_non_null(rk);
    return rk;
}

static rd_kafka_t *writer(struct kit_kafka *k) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set(conf, "linger.ms", "0", reason, sizeof(reason));
    return client(k, RD_KAFKA_PRODUCER, conf);
}

static void finish(rd_kafka_t *rk) {
    assert_int_equal(rd_kafka_flush(rk, KIT_PATIENCE_S * 1000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

static rd_kafka_headers_t *make_headers(const char *text) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    while (text && *text) {
        size_t len = strcspn(text, ";");
        size_t name = strcspn(text, "=");
        rd_kafka_header_add(headers, text, (ssize_t)name, text + name + 1,
                            (ssize_t)(len - name - 1));
        text += len + (text[len] == ';');
    }
    return headers;
}

void feed(struct kit_kafka *k, const char *topic, int partition, const char *key, const char *value,
          const char *headers) {
    rd_kafka_t *rk = writer(k);
    assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_VTYPE_TOPIC, topic, RD_KAFKA_VTYPE_PARTITION,
                                       (int32_t)(partition), RD_KAFKA_VTYPE_MSGFLAGS,
                                       RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_KEY, key,
                                       key ? strlen(key) : (size_t)0, RD_KAFKA_VTYPE_VALUE, value,
                                       value ? strlen(value) : (size_t)0, RD_KAFKA_VTYPE_TIMESTAMP,
                                       INT64_C(1700000000123), RD_KAFKA_VTYPE_HEADERS,
                                       make_headers(headers), RD_KAFKA_VTYPE_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    finish(rk);
}

void feed_many(struct kit_kafka *k, const char *topic, int partitions, int count) {
    rd_kafka_t *rk = writer(k);
    for (int i = 0; i < count; i++) {
        char key[32], value[64];
        int key_len = snprintf(key, sizeof(key), "k%d", i);
        int value_len = snprintf(value, sizeof(value), "{\"n\":%d}", i);
        assert_int_equal(
            rd_kafka_producev(rk, RD_KAFKA_VTYPE_TOPIC, topic, RD_KAFKA_VTYPE_PARTITION,
                              (int32_t)(i % partitions), RD_KAFKA_VTYPE_MSGFLAGS,
                              RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_KEY, key, (size_t)key_len,
                              RD_KAFKA_VTYPE_VALUE, value, (size_t)value_len, RD_KAFKA_VTYPE_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    finish(rk);
}

/* ---- offsets --------------------------------------------------------------------------------- */

int64_t committed(struct kit_kafka *k, const char *group, const char *topic, int partition) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "group.id", group, reason, sizeof(reason));
    rd_kafka_t *rk = client(k, RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, KIT_PATIENCE_S * 1000);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    assert_int_equal(err, RD_KAFKA_RESP_ERR_NO_ERROR);
    return offset < 0 ? -1 : offset;
}
