/* SPDX-License-Identifier: Apache-2.0 */
#include "downlink.h"

#include "plugin.h"
#include "props_write.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* No turn of the broker's loop is made longer than this; a long queue takes several. */
#define TURN_MS 20

/* The largest payload that an MQTT packet can have room for, and a little less. */
#define LARGEST_PAYLOAD (268435455 - 2 * 65535)

#define REASON_MAX 200

/* Both versions publish at the begin of the next turn and save after they have read from clients.
 * Our turn is after that in 2.0, and in between in 2.1. */
#ifdef MQK_MOSQUITTO_21
#define TURNS_TO_SETTLE 1
#else
#define TURNS_TO_SETTLE 0
#endif

/* What belongs to the broker alone. */
static const char *const own_topics[] = {"$SYS", "$CONTROL"};

static int64_t steady_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool downlink_is_settled(struct plugin *plugin) {
    if (plugin->downlink.unsettled == 0) {
        return true;
    }
    plugin->downlink.unsettled--;
    return false;
}

void downlink_begin(struct plugin *plugin) {
    struct downlink *downlink = &plugin->downlink;
    downlink->open = true;
    downlink->published = 0;
    downlink->ends_ms = steady_ms() + TURN_MS;
}

bool downlink_done(struct plugin *plugin) {
    plugin->downlink.open = false;
    plugin->downlink.unsettled = plugin->downlink.published > 0 ? TURNS_TO_SETTLE : 0;
    return plugin->downlink.published > 0;
}

static bool turn_is_over(const struct downlink *downlink) {
    return !downlink->open || steady_ms() >= downlink->ends_ms;
}

static mqk_answer answer_of(int rc) {
    switch (rc) {
    case MOSQ_ERR_SUCCESS:
        return MQK_ACCEPT;
    case MOSQ_ERR_NOMEM:
        return MQK_LATER;
    default:
        return MQK_REFUSE;
    }
}

static bool topic_is_own(const char *topic) {
    for (size_t i = 0; i < sizeof(own_topics) / sizeof(own_topics[0]); i++) {
        size_t len = strlen(own_topics[i]);
        if (strncmp(topic, own_topics[i], len) == 0 && (topic[len] == '/' || topic[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The payload in memory that the broker can free, with a byte to spare as it likes to have. */
static void *payload_copy(mqk_str payload) {
    char *copy = mosquitto_malloc(payload.len + 1);
    if (copy && payload.len > 0) {
        memcpy(copy, payload.data, payload.len);
    }
    return copy;
}

static int topic_copy(mqk_str text, char **topic) {
    int rc = mqtt_text(text, topic);
    if (rc == MOSQ_ERR_SUCCESS &&
        (mosquitto_pub_topic_check(*topic) != MOSQ_ERR_SUCCESS || topic_is_own(*topic))) {
        rc = MOSQ_ERR_INVAL;
    }
    return rc;
}

static int broker_publish(const mqk_publish *publish, const char *topic) {
    mosquitto_property *props = NULL;
    int rc = props_write(publish, &props);
    if (rc != MOSQ_ERR_SUCCESS) {
        return rc;
    }
    void *payload = payload_copy(publish->payload);
    rc = payload ? mosquitto_broker_publish(NULL, topic, (int)publish->payload.len, payload,
                                            publish->qos, publish->retain, props)
                 : MOSQ_ERR_NOMEM;
    if (rc != MOSQ_ERR_SUCCESS) {
        mosquitto_free(payload);
        mosquitto_property_free_all(&props);
    }
    return rc;
}

mqk_answer downlink_publish(void *user, const mqk_publish *publish) {
    struct plugin *plugin = user;
    struct downlink *downlink = &plugin->downlink;
    if (turn_is_over(downlink)) {
        return MQK_LATER;
    }
    if (publish->payload.len > LARGEST_PAYLOAD) {
        return MQK_REFUSE;
    }
    char *topic = NULL;
    int rc = topic_copy(publish->topic, &topic);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = broker_publish(publish, topic);
    }
    free(topic);
    if (rc == MOSQ_ERR_SUCCESS) {
        downlink->published++;
    }
    return answer_of(rc);
}

/* The reason comes from Kafka; a log has lines. */
static void log_kick(const char *what, const char *who, mqk_str reason) {
    char text[REASON_MAX + 1];
    size_t len = reason.len < REASON_MAX ? reason.len : REASON_MAX;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)reason.data[i];
        text[i] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    text[len] = '\0';
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "mqkafka: disconnecting %s %s%s%s", what, who,
                         len > 0 ? ": " : "", text);
}

/* Disconnects, with the will: it was not the client that said goodbye. A name that MQTT does not
 * allow belongs to nobody. */
static mqk_answer clients_kick(mqk_str clientid, mqk_str username, mqk_str reason) {
    bool one = clientid.data != NULL;
    char *who = NULL;
    int rc = mqtt_text(one ? clientid : username, &who);
    if (rc != MOSQ_ERR_SUCCESS) {
        return rc == MOSQ_ERR_NOMEM ? MQK_LATER : MQK_ACCEPT;
    }
    log_kick(one ? "client" : "all clients of user", who, reason);
    rc = one ? mosquitto_kick_client_by_clientid(who, true)
             : mosquitto_kick_client_by_username(who, true);
    free(who);
    return rc == MOSQ_ERR_NOMEM ? MQK_LATER : MQK_ACCEPT;
}

mqk_answer downlink_kick(void *user, const mqk_kick *kick) {
    struct plugin *plugin = user;
    if (turn_is_over(&plugin->downlink)) {
        return MQK_LATER;
    }
    return clients_kick(kick->clientid, kick->username, kick->reason);
}

mqk_answer downlink_acl_clean(void *user, const mqk_acl_clean *clean) {
    struct plugin *plugin = user;
    if (plugin->options.acl_clean == ACL_CLEAN_IGNORE) {
        return MQK_ACCEPT;
    }
    if (turn_is_over(&plugin->downlink)) {
        return MQK_LATER;
    }
    return clients_kick(clean->clientid, clean->username, mqk_cstr("its permissions changed"));
}
