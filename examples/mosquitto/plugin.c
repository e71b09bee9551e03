/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin.h"

#include "registration.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define POLL_EVERY_MS 100

/* The broker looks these up by name; 2.0's header declares them without making them visible. */
#define ENTRY __attribute__((visibility("default")))
ENTRY int mosquitto_plugin_version(int supported_version_count, const int *supported_versions);
ENTRY int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **user_data,
                                struct mosquitto_opt *opts, int opt_count);
ENTRY int mosquitto_plugin_cleanup(void *user_data, struct mosquitto_opt *opts, int opt_count);

static const int broker_levels[] = {[MQK_LOG_ERROR] = MOSQ_LOG_ERR,
                                    [MQK_LOG_WARNING] = MOSQ_LOG_WARNING,
                                    [MQK_LOG_INFO] = MOSQ_LOG_NOTICE,
                                    [MQK_LOG_DEBUG] = MOSQ_LOG_DEBUG};

static void host_log(void *user, mqk_log_level level, mqk_str message) {
    (void)user;
    mosquitto_log_printf(broker_levels[level], "mqkafka: %s", message.data);
}

static void config_problem(void *user, mqk_severity severity, const mqk_error *error) {
    (void)user;
    mosquitto_log_printf(severity == MQK_SEVERITY_ERROR ? MOSQ_LOG_ERR : MOSQ_LOG_WARNING,
                         "mqkafka: %s", error->message);
}

/* Loads the rules; every problem goes to the broker's log. NULL on failure. */
static mqk_config *rules_load(const struct plugin *plugin) {
    const mqk_config_source source = {.size = sizeof(source), .path = plugin->options.config};
    mqk_config *config = NULL;
    mqk_error error = {.code = MQK_OK};
    mqk_config_load(&source, 1, config_problem, NULL, &config, &error);
    return config;
}

static int64_t clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t plugin_now_ms(void) {
    return clock_ms(CLOCK_REALTIME);
}

void plugin_event(mqk_event *event, mqk_hook hook, const struct mosquitto *client) {
    mqk_event_init(event, sizeof(*event), hook);
    if (client) {
        event->clientid = mqk_cstr(mosquitto_client_id(client));
        event->username = mqk_cstr(mosquitto_client_username(client));
        event->peerhost = mqk_cstr(mosquitto_client_address(client));
    }
}

void plugin_emit(struct plugin *plugin, const mqk_event *event) {
    mqk_on_event(plugin->bridge, event);
}

static bool poll_is_due(struct plugin *plugin, int every_ms) {
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    if (now_ms - plugin->polled_ms < every_ms) {
        return false;
    }
    plugin->polled_ms = now_ms;
    return true;
}

void plugin_tick(struct plugin *plugin) {
    plugin->ticks = true;
    bool asked = waker_turn(&plugin->waker);
    if (!downlink_is_settled(plugin)) {
        return;
    }
    if (!poll_is_due(plugin, asked ? options_pace_ms(&plugin->options) : POLL_EVERY_MS)) {
        waker_done(&plugin->waker, false); /* who still wants something asks again */
        return;
    }
    downlink_begin(plugin);
    mqk_bridge_poll(plugin->bridge, 0);
    waker_done(&plugin->waker, downlink_done(plugin));
    metrics_file_write(&plugin->metrics, plugin->bridge, plugin->polled_ms);
}

void plugin_poll(struct plugin *plugin) {
    if (plugin->ticks || !poll_is_due(plugin, POLL_EVERY_MS)) {
        return;
    }
    mqk_bridge_poll(plugin->bridge, 0);
    metrics_file_write(&plugin->metrics, plugin->bridge, plugin->polled_ms);
    if (plugin->consumes && !plugin->ticks_amiss) {
        plugin->ticks_amiss = true;
        mosquitto_log_printf(MOSQ_LOG_WARNING,
                             "mqkafka: what Kafka asks for waits: with per_listener_settings true "
                             "this broker gives plugins no turns (it does from 2.0.15 on)");
    }
}

/* Finds out what the rules need and what the broker allows, and registers accordingly. */
static bool plugin_attach(struct plugin *plugin) {
    plugin->wanted = 0;
    for (int hook = MQK_HOOK_CUSTOM + 1; hook < MQK_HOOK_COUNT; hook++) {
        if (mqk_bridge_wants(plugin->bridge, (mqk_hook)hook)) {
            plugin->wanted |= UINT32_C(1) << hook;
        }
    }
    if (!plugin_wants(plugin, MQK_HOOK_MESSAGE_ACKED)) {
        messages_fini(&plugin->messages);
    }
    mqk_stats stats = {.size = sizeof(stats)};
    mqk_bridge_stats(plugin->bridge, &stats);
    plugin->consumes = stats.consumers > 0;
    if (!plugin->consumes) {
        waker_stop(&plugin->waker);
    } else if (!waker_start(&plugin->waker, mqk_bridge_fd(plugin->bridge))) {
        mosquitto_log_printf(MOSQ_LOG_WARNING, "mqkafka: no thread to wake the broker; messages "
                                               "from Kafka may take a tenth of a second longer");
    }
    broker_conf_read(&plugin->conf);
    security_decide(&plugin->security, plugin->options.auth_events, &plugin->conf);
    return registration_refresh(plugin);
}

static void log_rules(const struct plugin *plugin, const char *what) {
    mqk_stats stats = {.size = sizeof(stats)};
    char servers[512];
    mqk_bridge_stats(plugin->bridge, &stats);
    if (mqk_bridge_servers(plugin->bridge, (mqk_str){NULL, 0}, servers, sizeof(servers)) !=
        MQK_OK) {
        servers[0] = '\0';
    }
    char consumers[64] = "";
    if (stats.consumers > 0) {
        snprintf(consumers, sizeof(consumers), " and %zu consumer%s", stats.consumers,
                 stats.consumers == 1 ? "" : "s");
    }
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "mqkafka: %s %zu rule%s%s from %s", what, stats.rules,
                         stats.rules == 1 ? "" : "s", consumers, plugin->options.config);
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "mqkafka: Kafka servers: %s", servers);
}

void plugin_reload(struct plugin *plugin) {
    mqk_error error = {.code = MQK_OK};
    mqk_config *config = rules_load(plugin);
    bool taken = config && mqk_bridge_reload(plugin->bridge, config, &error) == MQK_OK;
    if (config && !taken) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "mqkafka: %s", error.message);
    }
    mqk_config_free(config);
    if (taken) {
        log_rules(plugin, "reloaded");
    } else {
        mosquitto_log_printf(MOSQ_LOG_ERR, "mqkafka: %s was not reloaded; the old rules stay",
                             plugin->options.config);
    }
    /* Also after a failure: the broker's own settings may be new. */
    plugin_attach(plugin);
}

static void plugin_free(struct plugin *plugin) {
    connecting_fini(&plugin->connecting);
    clients_fini(&plugin->offline);
    clients_fini(&plugin->online);
    clients_fini(&plugin->rechecked);
    messages_fini(&plugin->messages);
    props_fini(&plugin->props);
    free(plugin->ended);
    free(plugin->replaced);
    free(plugin);
}

static bool bridge_start(struct plugin *plugin) {
    mqk_config *config = rules_load(plugin);
    if (!config) {
        return false;
    }
    const mqk_host host = {.size = sizeof(host),
                           .user = plugin,
                           .node = mqk_cstr(plugin->options.node),
                           .flags = MQK_HOST_CONFIRM_BY_POLL,
                           .log_level = plugin->options.log_level,
                           .log = host_log,
                           .publish = downlink_publish,
                           .kick = downlink_kick,
                           .acl_clean = downlink_acl_clean,
                           .offer_most = options_offer_most(&plugin->options)};
    mqk_error error = {.code = MQK_OK};
    mqk_status status = mqk_bridge_open(config, &host, &plugin->bridge, &error);
    mqk_config_free(config);
    if (status != MQK_OK) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "mqkafka: %s", error.message);
        return false;
    }
    return true;
}

/* The two versions read a plugin's answers differently; a plugin built for the other one would
 * change what the broker does. */
static bool broker_fits(void) {
    bool is_21 = dlsym(RTLD_DEFAULT, "mosquitto_plugin_set_info") != NULL;
#ifdef MQK_MOSQUITTO_21
    const bool built_for_21 = true;
#else
    const bool built_for_21 = false;
#endif
    if (is_21 == built_for_21) {
        return true;
    }
    mosquitto_log_printf(MOSQ_LOG_ERR,
                         "mqkafka: this plugin was built for Mosquitto %s and this broker is %s: "
                         "build it with this broker's headers",
                         built_for_21 ? "2.1" : "2.0", is_21 ? "2.1 or newer" : "2.0");
    return false;
}

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions) {
    for (int i = 0; i < supported_version_count; i++) {
        if (supported_versions[i] == MOSQ_PLUGIN_VERSION) {
            return MOSQ_PLUGIN_VERSION;
        }
    }
    return -1;
}

static bool plugin_start(struct plugin *plugin, const struct mosquitto_opt *opts, int opt_count) {
    char problem[256] = "";
    if (!options_read(&plugin->options, opts, opt_count, problem, sizeof(problem))) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "mqkafka: %s", problem);
        return false;
    }
    plugin->metrics = (struct metrics_file){.path = plugin->options.metrics_file,
                                            .interval_ms = plugin->options.metrics_interval_ms};
    if (!bridge_start(plugin)) {
        mosquitto_log_printf(MOSQ_LOG_ERR,
                             "mqkafka: cannot start with %s; the broker will not start without "
                             "its rules",
                             plugin->options.config);
        return false;
    }
    if (!plugin_attach(plugin)) {
        registration_clear(plugin);
        waker_stop(&plugin->waker);
        mqk_bridge_close(plugin->bridge, 0, NULL);
        return false;
    }
    return true;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **user_data,
                          struct mosquitto_opt *opts, int opt_count) {
    if (!broker_fits()) {
        return MOSQ_ERR_NOT_SUPPORTED;
    }
    struct plugin *plugin = calloc(1, sizeof(*plugin));
    if (!plugin) {
        return MOSQ_ERR_NOMEM;
    }
    plugin->id = identifier;
#ifdef MQK_MOSQUITTO_21
    mosquitto_plugin_set_info(identifier, "mqkafka", mqk_version());
#endif
    if (!plugin_start(plugin, opts, opt_count)) {
        plugin_free(plugin);
        return MOSQ_ERR_INVAL;
    }
    *user_data = plugin;
    log_rules(plugin, "running");
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *user_data, struct mosquitto_opt *opts, int opt_count) {
    struct plugin *plugin = user_data;
    (void)opts;
    (void)opt_count;
    if (!plugin) {
        return MOSQ_ERR_SUCCESS;
    }
    /* 2.0 neither frees the registrations nor stops using them. */
    registration_clear(plugin);
    waker_stop(&plugin->waker);
    uint64_t undelivered = 0;
    metrics_file_remove(&plugin->metrics);
    mqk_bridge_close(plugin->bridge, plugin->options.close_timeout_ms, &undelivered);
    if (undelivered > 0) {
        mosquitto_log_printf(MOSQ_LOG_WARNING,
                             "mqkafka: %llu records could not be delivered within %d ms and are "
                             "lost",
                             (unsigned long long)undelivered, plugin->options.close_timeout_ms);
    }
    plugin_free(plugin);
    return MOSQ_ERR_SUCCESS;
}
