/* SPDX-License-Identifier: Apache-2.0 */
#include "producer_private.h"

#include <stdio.h>

#include "clock.h"
#include "thread.h"

#define PROBE_WAIT_MS  200
#define PROBE_EVERY_MS 1000

/* Under message_lock; true when Kafka is there again. */
static bool set(struct producer *p, mqk_health_state state, const char *message) {
    snprintf(p->message, sizeof(p->message), "%.*s", (int)sizeof(p->message) - 1, message);
    p->downs += state == MQK_HEALTH_DOWN;
    int before = atomic_exchange(&p->health, (int)state);
    return state == MQK_HEALTH_OK && before != MQK_HEALTH_OK;
}

static void tell_connected(struct producer *p) {
    log_write(p->owner.log, MQK_LOG_INFO, "health", "cluster \"%s\": connected to Kafka",
              p->cluster->name);
}

void producer_set_health(struct producer *p, mqk_health_state state, const char *message) {
    pthread_mutex_lock(&p->message_lock);
    bool connected = set(p, state, message);
    pthread_mutex_unlock(&p->message_lock);
    if (connected) {
        tell_connected(p);
    }
}

mqk_health_state producer_health(struct producer *p, char *message, size_t size) {
    pthread_mutex_lock(&p->message_lock);
    if (message && size > 0) {
        snprintf(message, size, "%s", p->message);
    }
    mqk_health_state state = (mqk_health_state)atomic_load(&p->health);
    pthread_mutex_unlock(&p->message_lock);
    if (p->spool && state < MQK_HEALTH_DEGRADED) {
        struct spool_info info;
        spool_info(p->spool, &info);
        if (info.state != SPOOL_OK) {
            state = MQK_HEALTH_DEGRADED;
            if (message && size > 0) {
                snprintf(message, size, "cluster \"%s\": %s", p->cluster->name, info.message);
            }
        }
    }
    return state;
}

static void explain_authentication(struct producer *p, const char *reason) {
    char message[512];
    snprintf(message, sizeof(message), "cluster \"%s\": authentication failed: %s%s",
             p->cluster->name, reason,
             p->scram_quirk
                 ? " [If the password is right and Kafka is 4.0 or newer, the cause is this "
                   "librdkafka: before 2.6.1 its SCRAM repeats the client nonce, which "
                   "Kafka 4 refuses. Use librdkafka 2.6.1 or newer, or mechanism plain "
                   "over TLS.]"
                 : "");
    producer_set_health(p, MQK_HEALTH_DOWN, message);
    log_write(p->owner.log, MQK_LOG_ERROR, "auth", "%s", message);
}

/* No broker can be reached; false when that was known. A more exact reason, such as a failed
 * authentication, stays. */
static bool note_down(struct producer *p, const char *message) {
    pthread_mutex_lock(&p->message_lock);
    bool news = atomic_load(&p->health) != MQK_HEALTH_DOWN;
    if (news) {
        set(p, MQK_HEALTH_DOWN, message);
    } else {
        p->downs++;
    }
    pthread_mutex_unlock(&p->message_lock);
    return news;
}

void producer_on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct producer *p = opaque;
    char message[512];
    switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        explain_authentication(p, reason);
        return;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        snprintf(message, sizeof(message), "cluster \"%s\": no broker can be reached: %s",
                 p->cluster->name, reason);
        if (!note_down(p, message)) {
            return;
        }
        log_write(p->owner.log, MQK_LOG_ERROR, "down", "%s", message);
        return;
    case RD_KAFKA_RESP_ERR__SSL:
        snprintf(message, sizeof(message), "cluster \"%s\": TLS failed: %s", p->cluster->name,
                 reason);
        producer_set_health(p, MQK_HEALTH_DOWN, message);
        log_write(p->owner.log, MQK_LOG_ERROR, "tls", "%s", message);
        return;
    case RD_KAFKA_RESP_ERR__FATAL: {
        char text[256] = "";
        rd_kafka_fatal_error(client, text, sizeof(text));
        snprintf(message, sizeof(message), "cluster \"%s\": librdkafka gave up: %s",
                 p->cluster->name, text);
        producer_set_health(p, MQK_HEALTH_DOWN, message);
        log_write(p->owner.log, MQK_LOG_ERROR, "fatal", "%s", message);
        atomic_store(&p->fatal, true);
        return;
    }
    default:
        log_write(p->owner.log, MQK_LOG_WARNING, rd_kafka_err2name((rd_kafka_resp_err_t)code),
                  "cluster \"%s\": %s", p->cluster->name, reason);
    }
}

void producer_on_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    struct producer *p = rd_kafka_opaque(client);
    if (strcmp(facility, "FAIL") == 0) {
        return; /* comes to producer_on_error() as well */
    }
    /* librdkafka's levels are syslog's. */
    mqk_log_level ours = level <= 3   ? MQK_LOG_ERROR
                         : level == 4 ? MQK_LOG_WARNING
                         : level <= 6 ? MQK_LOG_INFO
                                      : MQK_LOG_DEBUG;
    if (text[0] == '[') {
        const char *end = strstr(text, "]: ");
        text = end ? end + 3 : text;
    }
    log_write(p->owner.log, ours, facility, "cluster \"%s\": librdkafka %s: %s", p->cluster->name,
              facility, text);
}

/* While Kafka is not known to be there, asks it: a quiet bridge must not look down for ever. Asking
 * takes its time, in which the producer's thread has other things to do. */
static void *ask(void *user) {
    struct producer *p = user;
    const struct rd_kafka_metadata *metadata = NULL;
    pthread_mutex_lock(&p->message_lock);
    uint64_t downs = p->downs;
    pthread_mutex_unlock(&p->message_lock);
    if (rd_kafka_metadata(p->client, 0, NULL, &metadata, PROBE_WAIT_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
        /* Kafka may have gone meanwhile, of which librdkafka tells only once. */
        pthread_mutex_lock(&p->message_lock);
        bool connected = p->downs == downs && set(p, MQK_HEALTH_OK, "");
        pthread_mutex_unlock(&p->message_lock);
        if (connected) {
            tell_connected(p);
        }
    }
    atomic_store(&p->has_asked, true);
    return NULL;
}

void producer_end_probe(struct producer *p) {
    if (p->asks) {
        pthread_join(p->asker, NULL);
        p->asks = false;
    }
}

void producer_probe(struct producer *p) {
    if (!p->asks && atomic_load(&p->health) == MQK_HEALTH_OK) {
        return;
    }
    int64_t now_ms = clock_monotonic_ms();
    if (p->asks && atomic_load(&p->has_asked)) {
        producer_end_probe(p);
        p->next_probe_ms = now_ms + PROBE_EVERY_MS;
    }
    if (!p->asks && atomic_load(&p->health) != MQK_HEALTH_OK && now_ms >= p->next_probe_ms) {
        atomic_store(&p->has_asked, false);
        p->asks = thread_start(&p->asker, "mqk-probe", ask, p);
    }
}
