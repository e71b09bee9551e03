/* SPDX-License-Identifier: Apache-2.0 */
#include "config_resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "buffer.h"
#include "config_value.h"
#include "error.h"
#include "secret.h"

#define DEFAULT_CLIENT_ID "mqkafka"
#define DEFAULT_NAME      "default"

/* First librdkafka whose SCRAM a Kafka 4 accepts. */
#define SCRAM_FIXED 0x020601ff

const char *resolve_keep(struct resolve *r, const char *text) {
    char *copy = text ? arena_text(r->arena, mqk_cstr(text)) : NULL;
    if (text && !copy) {
        r->problems->no_memory = true;
    }
    return copy;
}

static void report_cluster(struct resolve *r, const struct cluster_draft *c, const char *path,
                           mqk_severity severity, mqk_status code, const char *sentence) {
    struct origin at;
    config_locate_last(c->origins, c->origin_count, c->table, path, &at);
    config_report(r->problems, &at, severity, code, "%s", sentence);
}

static void report_error(struct resolve *r, const struct cluster_draft *c, const char *path,
                         const char *sentence) {
    report_cluster(r, c, path, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, sentence);
}

static void report_warning(struct resolve *r, const struct cluster_draft *c, const char *path,
                           const char *sentence) {
    report_cluster(r, c, path, MQK_SEVERITY_WARNING, MQK_OK, sentence);
}

/* "host:port,host:port" */
static const char *join_servers(struct resolve *r, const struct cluster_draft *c) {
    char memory[500];
    struct buffer list;
    buffer_init(&list, memory, sizeof(memory));
    for (uint32_t i = 0; i < c->yaml.servers_count; i++) {
        mqk_str host;
        bool brackets;
        uint32_t port;
        if (server_parse(mqk_cstr(c->yaml.servers[i]), &host, &brackets, &port)) {
            continue;
        }
        buffer_printf(&list, brackets ? "%s[%.*s]:%u" : "%s%.*s:%u", i > 0 ? "," : "",
                      STR_ARG(host), port);
    }
    char *joined = list.failure ? NULL : arena_text(r->arena, buffer_since(&list, 0));
    if (!joined) {
        r->problems->no_memory = true;
    }
    buffer_fini(&list);
    return joined;
}

static void resolve_servers(struct resolve *r, const struct cluster_draft *c,
                            struct cluster_settings *out) {
    if (c->yaml.servers_count == 0) {
        report_error(r, c, "", "\"servers\" is missing, e.g. servers: [\"kafka-1:9092\"]");
        return;
    }
    out->embedded = strcmp(c->yaml.servers[0], "embedded") == 0;
    out->servers = out->embedded ? resolve_keep(r, "embedded") : join_servers(r, c);
}

static const char *resolve_secret(struct resolve *r, const struct cluster_draft *c,
                                  const char *path, const char *text) {
    const char *secret = NULL;
    char reason[SECRET_REASON_SIZE];
    mqk_status status = text ? secret_read(text, r->arena, &secret, reason) : MQK_OK;
    if (status != MQK_OK) {
        report_cluster(r, c, path, MQK_SEVERITY_ERROR, status, reason);
    }
    return secret;
}

static void resolve_sasl(struct resolve *r, const struct cluster_draft *c,
                         struct cluster_settings *out) {
    const struct sasl_yaml *sasl = c->yaml.sasl;
    if (!sasl) {
        return;
    }
    if (!sasl->mechanism) {
        report_error(r, c, "sasl",
                     "\"mechanism\" is missing (accepted: plain, scram_sha_256, scram_sha_512)");
    }
    if (!sasl->username) {
        report_error(r, c, "sasl", "\"username\" is missing");
    }
    if (!sasl->password) {
        report_error(r, c, "sasl",
                     "\"password\" is missing (the password, file:///its/file or env:VARIABLE)");
    }
    if (out->embedded) {
        report_error(r, c, "sasl", "the embedded Kafka knows no SASL; leave it out");
    }
    out->mechanism = sasl->mechanism ? (enum sasl_mechanism) * sasl->mechanism : SASL_NONE;
    out->username = resolve_keep(r, sasl->username);
    out->password = resolve_secret(r, c, "sasl.password", sasl->password);
    if (out->mechanism == SASL_PLAIN && !out->tls && !out->embedded) {
        report_warning(r, c, "sasl.mechanism",
                       "without ssl the password travels in the clear; enable ssl or use "
                       "scram_sha_512");
    }
    if (out->mechanism > SASL_PLAIN && rd_kafka_version() < SCRAM_FIXED) {
        char sentence[300];
        snprintf(sentence, sizeof(sentence),
                 "SCRAM with librdkafka %s works with Kafka up to 3.x only: Kafka 4 refuses it "
                 "(librdkafka before 2.6.1 repeats the client nonce); use librdkafka 2.6.1 or "
                 "newer, or PLAIN over TLS",
                 rd_kafka_version_str());
        report_warning(r, c, "sasl.mechanism", sentence);
    }
}

/* A file for librdkafka, which would tell later and less well. */
static const char *resolve_file(struct resolve *r, const struct cluster_draft *c, const char *path,
                                const char *file) {
    if (!file) {
        return NULL;
    }
    struct stat info;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int failure = fd < 0 ? errno : 0;
    if (fd >= 0) {
        failure = fstat(fd, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
        close(fd);
    }
    if (failure != 0) {
        char shown[SHOWN_PATH_SIZE];
        char text[128];
        char sentence[SHOWN_PATH_SIZE + 160];
        snprintf(sentence, sizeof(sentence), "cannot read \"%s\": %s", show_path(file, shown),
                 strerror_r(failure, text, sizeof(text)));
        report_cluster(r, c, path, MQK_SEVERITY_ERROR, MQK_ERR_IO, sentence);
    }
    return resolve_keep(r, file);
}

static void resolve_ssl(struct resolve *r, const struct cluster_draft *c,
                        struct cluster_settings *out) {
    const struct ssl_yaml *ssl = c->yaml.ssl;
    out->verify = true;
    out->verify_hostname = true;
    if (!ssl) {
        return;
    }
    if (!ssl->enable) {
        report_error(r, c, "ssl", "\"enable\" is missing (accepted: true, false)");
    }
    if (!ssl->enable || !*ssl->enable) {
        return;
    }
    if (out->embedded) {
        report_error(r, c, "ssl", "the embedded Kafka knows no TLS; leave it out");
    }
    out->tls = true;
    out->cacertfile = resolve_file(r, c, "ssl.cacertfile", ssl->cacertfile);
    out->certfile = resolve_file(r, c, "ssl.certfile", ssl->certfile);
    out->keyfile = resolve_file(r, c, "ssl.keyfile", ssl->keyfile);
    out->key_password = resolve_secret(r, c, "ssl.key_password", ssl->key_password);
    out->verify = !ssl->verify || *ssl->verify != 0;
    out->verify_hostname = out->verify && !(ssl->server_name_indication &&
                                            strcmp(ssl->server_name_indication, "disable") == 0);
    if (ssl->certfile && !ssl->keyfile) {
        report_error(r, c, "ssl", "\"keyfile\" is missing: \"certfile\" needs its private key");
    }
    if (ssl->keyfile && !ssl->certfile) {
        report_error(r, c, "ssl", "\"certfile\" is missing: \"keyfile\" is the key of it");
    }
    if (ssl->key_password && !ssl->keyfile) {
        report_error(r, c, "ssl.key_password", "there is no \"keyfile\" that it would be for");
    }
    if (!out->verify) {
        report_warning(r, c, "ssl.verify",
                       "the server's certificate is not checked: anyone can pretend to be it");
    }
}

static void resolve_properties(struct resolve *r, const struct cluster_draft *c,
                               struct cluster_settings *out) {
    struct property *list = arena_array(r->arena, c->yaml.properties_count, sizeof(*list));
    if (!list) {
        r->problems->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < c->yaml.properties_count; i++) {
        mqk_str name;
        const char *value;
        if (property_split(c->yaml.properties[i], &name, &value)) {
            list[out->property_count].name = arena_text(r->arena, name);
            list[out->property_count].value = resolve_keep(r, value);
            if (!list[out->property_count].name) {
                r->problems->no_memory = true;
            }
            out->property_count++;
        }
    }
    out->properties = list;
}

static void resolve_cluster(struct resolve *r, const struct cluster_draft *c,
                            struct cluster_settings *out) {
    const struct client_yaml *y = &c->yaml;
    out->name = resolve_keep(r, c->name);
    out->client_id = resolve_keep(r, y->client_id ? y->client_id : DEFAULT_CLIENT_ID);
    out->connect_timeout_ms = duration_or(y->connect_timeout, 0);
    out->request_timeout_ms = duration_or(y->request_timeout, 0);
    out->metadata_fast_ms = duration_or(y->min_metadata_refresh_interval, 0);
    out->metadata_refresh_ms = duration_or(y->health_check_interval, 0);
    resolve_servers(r, c, out);
    resolve_ssl(r, c, out);
    resolve_sasl(r, c, out);
    resolve_properties(r, c, out);
}

static struct cluster_draft *find_draft(struct resolve *r, const char *name,
                                        const struct key_table *table) {
    for (size_t i = 0; i < r->cluster_count; i++) {
        if (r->clusters[i].table == table && strcmp(r->clusters[i].name, name) == 0) {
            return &r->clusters[i];
        }
    }
    struct cluster_draft *list =
        arena_resize(r->problems->arena, r->clusters, (r->cluster_count + 1) * sizeof(*list));
    if (!list) {
        return NULL;
    }
    r->clusters = list;
    list[r->cluster_count] =
        (struct cluster_draft){.name = name, .table = table, .lane = UINT32_MAX};
    return &list[r->cluster_count++];
}

/* Adds what one source says of a cluster. */
static void add_draft(struct resolve *r, const char *name, const struct client_yaml *yaml,
                      const struct origin *origin, const struct key_table *table) {
    struct arena *scratch = r->problems->arena;
    struct cluster_draft *c = find_draft(r, name, table);
    struct origin *origins =
        c ? arena_resize(scratch, c->origins, (c->origin_count + 1) * sizeof(*origins)) : NULL;
    if (!origins || !config_overlay(table, &c->yaml, yaml, scratch)) {
        r->problems->no_memory = true;
        return;
    }
    c->origins = origins;
    c->origins[c->origin_count++] = *origin;
}

static void add_clusters(struct resolve *r, const struct source *source,
                         const struct origin *list) {
    const struct kafka_yaml *kafka = source->yaml->kafka;
    const struct yaml_node *node = list->node->first;
    for (uint32_t i = 0; i < kafka->clusters_count && node; i++, node = node->next) {
        struct origin at = {source, node, ""};
        snprintf(at.path, sizeof(at.path), "%.200s[%u]", list->path, i);
        add_draft(r, kafka->clusters[i].name, &kafka->clusters[i], &at, &cluster_table);
    }
}

static void gather(struct resolve *r) {
    const struct origin *client = NULL;
    const struct origin *clusters = NULL;
    for (size_t i = 0; i < r->source_count; i++) {
        const struct source *source = &r->sources[i];
        struct origin found[2] = {config_child(&r->kafka[i], &kafka_table, "client"),
                                  config_child(&r->kafka[i], &kafka_table, "clusters")};
        struct origin *kept = arena_alloc(r->problems->arena, sizeof(found));
        if (!kept) {
            r->problems->no_memory = true;
            return;
        }
        memcpy(kept, found, sizeof(found));
        client = client ? client : kept[0].node ? &kept[0] : NULL;
        clusters = clusters ? clusters : kept[1].node ? &kept[1] : NULL;
        if (kept[0].node) {
            add_draft(r, DEFAULT_NAME, source->yaml->kafka->client, &kept[0], &client_table);
        }
        if (kept[1].node) {
            add_clusters(r, source, &kept[1]);
        }
    }
    if (client && clusters) {
        bool client_first = client->source->index != clusters->source->index
                                ? client->source->index < clusters->source->index
                                : client->node->offset < clusters->node->offset;
        config_report(r->problems, client_first ? clusters : client, MQK_SEVERITY_ERROR,
                      MQK_ERR_CONFIG,
                      "\"client\" (one cluster) and \"clusters\" (several) cannot stand together");
    } else if (!client && !clusters) {
        config_report(r->problems, &r->kafka[0], MQK_SEVERITY_ERROR, MQK_ERR_CONFIG,
                      "\"client\" is missing; name the Kafka servers, e.g. client: { servers: "
                      "[\"kafka-1:9092\"] }");
    }
}

void resolve_clusters(struct resolve *r) {
    struct arena *scratch = r->problems->arena;
    for (size_t i = 0; i < r->source_count; i++) {
        if (!config_overlay(&producer_table, &r->producer, r->sources[i].yaml->kafka->producer,
                            scratch)) {
            r->problems->no_memory = true;
        }
    }
    gather(r);
    if (r->problems->no_memory) {
        return; /* a draft may lack what was written of it */
    }
    struct cluster_settings *list = arena_array(r->arena, r->cluster_count, sizeof(*list));
    if (!list) {
        r->problems->no_memory = true;
        return;
    }
    for (size_t i = 0; i < r->cluster_count; i++) {
        struct cluster_draft *c = &r->clusters[i];
        resolve_cluster(r, c, &list[i]);
        c->producer = arena_alloc(scratch, sizeof(*c->producer));
        if (!c->producer || !config_overlay(&producer_table, c->producer, &r->producer, scratch) ||
            !config_overlay(&producer_table, c->producer, c->yaml.producer, scratch)) {
            r->problems->no_memory = true;
            return;
        }
    }
    r->settings->clusters = list;
    r->settings->cluster_count = r->cluster_count;
}

static bool same(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool cluster_settings_equal(const struct cluster_settings *a, const struct cluster_settings *b) {
    bool equal = same(a->name, b->name) && same(a->client_id, b->client_id) &&
                 same(a->servers, b->servers) && a->embedded == b->embedded &&
                 a->connect_timeout_ms == b->connect_timeout_ms &&
                 a->request_timeout_ms == b->request_timeout_ms &&
                 a->metadata_fast_ms == b->metadata_fast_ms &&
                 a->metadata_refresh_ms == b->metadata_refresh_ms && a->mechanism == b->mechanism &&
                 same(a->username, b->username) && same(a->password, b->password) &&
                 a->tls == b->tls && same(a->cacertfile, b->cacertfile) &&
                 same(a->certfile, b->certfile) && same(a->keyfile, b->keyfile) &&
                 same(a->key_password, b->key_password) && a->verify == b->verify &&
                 a->verify_hostname == b->verify_hostname && a->property_count == b->property_count;
    for (size_t i = 0; i < a->property_count && equal; i++) {
        equal = same(a->properties[i].name, b->properties[i].name) &&
                same(a->properties[i].value, b->properties[i].value);
    }
    return equal;
}
