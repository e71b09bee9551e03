/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_conf.h"

#include <inttypes.h>
#include <stdio.h>

#include "error.h"

void conf_set(struct conf_writer *w, const char *name, const char *value) {
    char reason[256];
    if (w->failed || !value) {
        return;
    }
    if (rd_kafka_conf_set(w->conf, name, value, reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
        w->failed = true;
        /* librdkafka's reason may quote the value, which may be a secret: only the name is told. */
        error_set(w->err, MQK_ERR_KAFKA, 0, 0,
                  "librdkafka %s refuses the value of its property \"%s\"", rd_kafka_version_str(),
                  name);
    }
}

void conf_set_int(struct conf_writer *w, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    conf_set(w, name, text);
}

/* Sets it unless 0, which stands for librdkafka's own default. */
void conf_set_ms(struct conf_writer *w, const char *name, int64_t ms) {
    if (ms > 0) {
        conf_set_int(w, name, ms);
    }
}

static void set_security(struct conf_writer *w, const struct cluster_settings *c) {
    static const char *const protocols[2][2] = {{"plaintext", "ssl"},
                                                {"sasl_plaintext", "sasl_ssl"}};
    static const char *const mechanisms[] = {[SASL_PLAIN] = "PLAIN",
                                             [SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
                                             [SASL_SCRAM_SHA_512] = "SCRAM-SHA-512"};
    conf_set(w, "security.protocol", protocols[c->mechanism != SASL_NONE][c->tls]);
    if (c->mechanism != SASL_NONE) {
        conf_set(w, "sasl.mechanisms", mechanisms[c->mechanism]);
        conf_set(w, "sasl.username", c->username);
        conf_set(w, "sasl.password", c->password);
    }
    if (c->tls) {
        conf_set(w, "ssl.ca.location", c->cacertfile);
        conf_set(w, "ssl.certificate.location", c->certfile);
        conf_set(w, "ssl.key.location", c->keyfile);
        conf_set(w, "ssl.key.password", c->key_password);
        conf_set(w, "enable.ssl.certificate.verification", c->verify ? "true" : "false");
        conf_set(w, "ssl.endpoint.identification.algorithm",
                 c->verify && c->verify_hostname ? "https" : "none");
    }
}

void conf_set_cluster(struct conf_writer *w, const struct cluster_settings *c,
                      const char *servers) {
    conf_set(w, "bootstrap.servers", servers ? servers : c->servers);
    conf_set(w, "client.id", c->client_id);
    conf_set(w, "socket.nagle.disable", "true");
    /* After an outage the first try comes within two seconds instead of ten. */
    conf_set(w, "reconnect.backoff.max.ms", "2000");
    conf_set_ms(w, "socket.connection.setup.timeout.ms", c->connect_timeout_ms);
    conf_set_ms(w, "socket.timeout.ms", c->request_timeout_ms);
    conf_set_ms(w, "topic.metadata.refresh.fast.interval.ms", c->metadata_fast_ms);
    conf_set_ms(w, "topic.metadata.refresh.interval.ms", c->metadata_refresh_ms);
    if (!servers) {
        set_security(w, c);
    }
}

void conf_set_properties(struct conf_writer *w, const struct property *properties, size_t count) {
    for (size_t i = 0; i < count; i++) {
        conf_set(w, properties[i].name, properties[i].value);
    }
}
