/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins before EMQX 5: their rules are fixed, their files name a server and a topic. */
#include "convert.h"

#include <stdio.h>

#include "convert_rows.h"

/* What a setting of these files says; found by the last part of its name. */
enum role {
    ROLE_HOST,
    ROLE_PORT,
    ROLE_SERVERS,
    ROLE_TOPIC,
    ROLE_STRATEGY,
    ROLE_BASE64,
    ROLE_COUNT
};

struct role_name {
    const char *name;
    enum role role;
};

static const struct role_name role_names[] = {
    {"host", ROLE_HOST},
    {"port", ROLE_PORT},
    {"server", ROLE_SERVERS},
    {"servers", ROLE_SERVERS},
    {"broker", ROLE_SERVERS},
    {"brokers", ROLE_SERVERS},
    {"bootstrap_broker", ROLE_SERVERS},
    {"kafka_address_list", ROLE_SERVERS},
    {"topic", ROLE_TOPIC},
    {"payloadtopic", ROLE_TOPIC},
    {"payload_topic", ROLE_TOPIC},
    {"partition_strategy", ROLE_STRATEGY},
    {"partitionstrategy", ROLE_STRATEGY},
    {"publish_base64", ROLE_BASE64},
};

/* A plugin: its defaults and its rules. */
struct plugin {
    const char *name;
    const char *envelope;
    const char *topic;
    const char *producer;    /* lines, or "" */
    const char *strategy;    /* default, NULL: the library's */
    const char *presence;    /* hooks without a topic */
    const char *subscribing; /* hooks with a subscription's filter */
    const char *messages;
    const char *key; /* NULL: none */
};

static const struct plugin plugins[] = {
    [PLUGIN_EMQTTD] = {"emqttd_plugin_kafka_bridge", "emqttd", "broker_message",
                       "    produce: async\n", "random", "client.connected, client.disconnected",
                       "session.subscribed, session.unsubscribed",
                       "message.publish, message.delivered, message.acked", NULL},
    [PLUGIN_EMQ2] = {"emq_plugin_kafka", "emq2", "test", "    produce: sync\n", NULL,
                     "client.connected, client.disconnected",
                     "session.subscribed, session.unsubscribed", "message.publish", NULL},
    [PLUGIN_EMQX4] = {"emqx_plugin_kafka 4", "emqx4", "emqx-topic", "", "phash2",
                      "client.connected, client.disconnected",
                      "client.subscribe, client.unsubscribe",
                      "message.publish, message.delivered, message.acked", "${clientid}"},
};

struct found {
    struct setting *settings[ROLE_COUNT];
};

static bool contains(mqk_str text, const char *word) {
    return text.len > 0 && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

/* Whether the setting has to do with Kafka: these files configure other things as well. */
static bool is_kafka(const struct setting *node) {
    for (; node->parent; node = node->parent) {
        if (contains(node->key, "kafka")) {
            return true;
        }
    }
    return false;
}

static bool is_in_list(const struct setting *node) {
    return node->parent && node->parent->kind == SETTING_LIST;
}

static void find_settings(struct setting *root, struct found *found) {
    for (struct setting *node = root; node; node = setting_next(root, node)) {
        if (node->kind == SETTING_MAP || is_in_list(node) || !is_kafka(node)) {
            continue;
        }
        for (size_t i = 0; i < sizeof(role_names) / sizeof(role_names[0]); i++) {
            enum role role = role_names[i].role;
            if (str_equal(node->key, mqk_cstr(role_names[i].name)) && !found->settings[role]) {
                found->settings[role] = node;
            }
        }
    }
}

static mqk_str take_text(struct setting *node) {
    if (!node || node->kind != SETTING_TEXT) {
        return (mqk_str){NULL, 0};
    }
    node->used = true;
    return node->text;
}

static void write_servers(struct conversion *c, struct found *found) {
    mqk_str host = take_text(found->settings[ROLE_HOST]);
    mqk_str port = take_text(found->settings[ROLE_PORT]);
    if (!host.data) {
        convert_servers(c, found->settings[ROLE_SERVERS], 4, "localhost:9092");
        return;
    }
    char server[600];
    bool has_port = memchr(host.data, ':', host.len) != NULL;
    snprintf(server, sizeof(server), "%.*s%s%.*s", STR_ARG(host), has_port || !port.len ? "" : ":",
             has_port ? 0 : (int)port.len, port.data ? port.data : "");
    buffer_append_str(&c->yaml, STR("    servers:\n      - "));
    convert_quote(&c->yaml, mqk_cstr(server));
    buffer_append_char(&c->yaml, '\n');
}

static void write_producer(struct conversion *c, const struct plugin *plugin, struct found *found) {
    static const char strategies[] =
        " random randomness=random strict_round_robin=roundrobin roundrobin "
        "sticky_round_robin=sticky hash=phash2 ";
    struct setting *strategy = found->settings[ROLE_STRATEGY];
    struct setting *base64 = found->settings[ROLE_BASE64];
    mqk_str text = take_text(strategy), word = mqk_cstr(plugin->strategy);
    if (text.data && !convert_find_word(strategies, text, &word)) {
        convert_note(c, strategy, "this strategy has no counterpart%s",
                     plugin->strategy ? "; the plugin's default is taken" : "");
    }
    size_t from = c->yaml.len;
    buffer_append_str(&c->yaml, STR("  producer:\n"));
    size_t head = c->yaml.len;
    buffer_append_str(&c->yaml, mqk_cstr(plugin->producer));
    if (word.data) {
        buffer_printf(&c->yaml, "    partitioner: %.*s\n", STR_ARG(word));
    }
    text = take_text(base64);
    if (text.data && str_equal(text, STR("true"))) {
        buffer_append_str(&c->yaml, STR("    encode_payload_type: base64\n"));
    }
    c->yaml.len = c->yaml.len == head ? from : c->yaml.len;
}

static void write_rule(struct conversion *c, const struct plugin *plugin, const char *name,
                       const char *hooks, const char *filters, mqk_str topic) {
    buffer_printf(&c->yaml, "    - name: %s\n      hook: \"%s\"\n%s", name, hooks, filters);
    convert_line(&c->yaml, 6, "topic", topic);
    if (plugin->key) {
        convert_line(&c->yaml, 6, "key", mqk_cstr(plugin->key));
    }
    buffer_printf(&c->yaml, "      envelope: %s\n", plugin->envelope);
    c->rules++;
}

enum convert_plugin convert_guess(const struct setting *root, const char *file_name) {
    static const struct {
        const char *word;
        enum convert_plugin plugin;
    } words[] = {
        {"emqttd", PLUGIN_EMQTTD},
        {"emqx", PLUGIN_EMQX4},
        {"emq_plugin", PLUGIN_EMQ2},
        {"wunaozai", PLUGIN_EMQ2},
        {"kafka_address_list", PLUGIN_EMQX4},
        {"publish_base64", PLUGIN_EMQX4},
        {"bootstrap_broker", PLUGIN_EMQTTD},
        {"payloadtopic", PLUGIN_EMQTTD},
        {"host", PLUGIN_EMQTTD},
        {"server", PLUGIN_EMQ2},
    };
    for (size_t i = 0; root->first && i < sizeof(words) / sizeof(words[0]); i++) {
        bool found = contains(mqk_cstr(file_name), words[i].word);
        for (const struct setting *node = root; node && !found; node = setting_next(root, node)) {
            found = contains(node->key, words[i].word) && is_kafka(node);
        }
        if (found) {
            return words[i].plugin;
        }
    }
    return PLUGIN_UNKNOWN;
}

void convert_fixed_rules(struct conversion *c, struct setting *root, enum convert_plugin which) {
    const struct plugin *plugin = &plugins[which];
    struct found found = {{NULL}};
    find_settings(root, &found);
    mqk_str topic = take_text(found.settings[ROLE_TOPIC]);
    topic = topic.len > 0 ? topic : mqk_cstr(plugin->topic);
    convert_note(c, NULL, "read as a file of %s: records as in envelope %s", plugin->name,
                 plugin->envelope);
    buffer_append_str(&c->yaml, STR("kafka:\n  client:\n"));
    write_servers(c, &found);
    write_producer(c, plugin, &found);
    buffer_append_str(&c->yaml, STR("  hook:\n"));
    write_rule(c, plugin, "presence", plugin->presence, "", topic);
    write_rule(c, plugin, "subscriptions", plugin->subscribing,
               "      filters: " CONVERT_ANY_SUBSCRIPTION "\n", topic);
    write_rule(c, plugin, "messages", plugin->messages, "", topic);
}
