/* SPDX-License-Identifier: Apache-2.0 */
#include "connecting.h"

#include "plugin.h"

#include <stdlib.h>
#include <string.h>

static void event_begin(const struct connecting *connecting, mqk_event *event, mqk_hook hook) {
    mqk_event_init(event, sizeof(*event), hook);
    event->clientid = mqk_cstr(connecting->clientid);
    event->username = mqk_cstr(connecting->username);
    event->peerhost = mqk_cstr(connecting->peerhost);
}

static void event_add_protocol(const struct connecting *connecting, mqk_event *event) {
    const char *name = connecting->proto_ver == 3 ? "MQIsdp" : "MQTT";
    event->proto_name = mqk_cstr(connecting->protocol == mp_mqttsn ? "MQTT-SN" : name);
    event->proto_ver = connecting->proto_ver;
    event->keepalive = connecting->keepalive;
    event->clean_start = connecting->clean_start;
}

static void emit_connect(struct plugin *plugin) {
    if (plugin_wants(plugin, MQK_HOOK_CLIENT_CONNECT)) {
        mqk_event event;
        event_begin(&plugin->connecting, &event, MQK_HOOK_CLIENT_CONNECT);
        event_add_protocol(&plugin->connecting, &event);
        plugin_emit(plugin, &event);
    }
}

static void emit_outcome(struct plugin *plugin, const char *outcome) {
    mqk_event event;
    if (plugin_wants(plugin, MQK_HOOK_CLIENT_AUTHENTICATE)) {
        event_begin(&plugin->connecting, &event, MQK_HOOK_CLIENT_AUTHENTICATE);
        event.result = mqk_cstr(outcome);
        plugin_emit(plugin, &event);
    }
    if (plugin_wants(plugin, MQK_HOOK_CLIENT_CONNACK)) {
        event_begin(&plugin->connecting, &event, MQK_HOOK_CLIENT_CONNACK);
        event_add_protocol(&plugin->connecting, &event);
        event.reason_code = mqk_cstr(outcome);
        plugin_emit(plugin, &event);
    }
}

static void emit_connected(struct plugin *plugin) {
    if (plugin_wants(plugin, MQK_HOOK_CLIENT_CONNECTED)) {
        mqk_event event;
        event_begin(&plugin->connecting, &event, MQK_HOOK_CLIENT_CONNECTED);
        event_add_protocol(&plugin->connecting, &event);
        event.connected_at = plugin_now_ms();
        plugin_emit(plugin, &event);
    }
}

static void emit_session(struct plugin *plugin, mqk_hook hook) {
    if (plugin_wants(plugin, hook)) {
        mqk_event event;
        event_begin(&plugin->connecting, &event, hook);
        if (hook == MQK_HOOK_SESSION_CREATED) {
            event.created_at = plugin_now_ms();
        }
        plugin_emit(plugin, &event);
    }
}

static void emit_sessions(struct plugin *plugin) {
    const struct connecting *connecting = &plugin->connecting;
    if (connecting->earlier != EARLIER_NONE && connecting->clean_start) {
        emit_session(plugin, MQK_HOOK_SESSION_DISCARDED);
    }
    if (connecting->earlier == EARLIER_NONE || connecting->clean_start) {
        emit_session(plugin, MQK_HOOK_SESSION_CREATED);
    } else if (connecting->earlier == EARLIER_OFFLINE) {
        emit_session(plugin, MQK_HOOK_SESSION_RESUMED);
    } else {
        emit_session(plugin, MQK_HOOK_SESSION_TAKENOVER);
    }
}

static char *text_copy(const char *text) {
    return text ? strdup(text) : NULL;
}

void connecting_begin(struct plugin *plugin, const struct mosquitto *client) {
    struct connecting *connecting = &plugin->connecting;
    const char *clientid = mosquitto_client_id(client);
    connecting_fini(connecting);
    *connecting = (struct connecting){
        .client = client,
        .clientid = strdup(clientid ? clientid : ""),
        .username = text_copy(mosquitto_client_username(client)),
        .peerhost = text_copy(mosquitto_client_address(client)),
        .proto_ver = mosquitto_client_protocol_version(client),
        .protocol = mosquitto_client_protocol(client),
        .keepalive = mosquitto_client_keepalive(client),
        .clean_start = mosquitto_client_clean_session(client),
    };
    if (!connecting->clientid) {
        connecting_fini(connecting);
        return;
    }
    emit_connect(plugin);
}

bool connecting_has_id(const struct connecting *connecting, const char *clientid) {
    return connecting->client && clientid && strcmp(connecting->clientid, clientid) == 0;
}

void connecting_accept(struct plugin *plugin) {
    if (!plugin->connecting.client) {
        return;
    }
    emit_outcome(plugin, "success");
    emit_connected(plugin);
    emit_sessions(plugin);
    connecting_fini(&plugin->connecting);
}

void connecting_refuse(struct plugin *plugin) {
    if (!plugin->connecting.client) {
        return;
    }
    emit_outcome(plugin, "not_authorized");
    connecting_fini(&plugin->connecting);
}

void connecting_fini(struct connecting *connecting) {
    free(connecting->clientid);
    free(connecting->username);
    free(connecting->peerhost);
    *connecting = (struct connecting){0};
}
