/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"

/* The words that EMQX uses, where it has one. */
static const struct {
    int reason;
    const char *word;
} reasons[] = {
    {MOSQ_ERR_SUCCESS, "normal"},
    {MOSQ_ERR_KEEPALIVE, "keepalive_timeout"},
    {MOSQ_ERR_CONN_LOST, "tcp_closed"},
    {MOSQ_ERR_ERRNO, "tcp_closed"},
    {MOSQ_ERR_NO_CONN, "tcp_closed"},
    {MOSQ_ERR_TLS, "tls_error"},
    {MOSQ_ERR_AUTH, "not_authorized"},
    {MOSQ_ERR_ACL_DENIED, "not_authorized"},
    {MOSQ_ERR_PROTOCOL, "protocol_error"},
    {MOSQ_ERR_MALFORMED_PACKET, "malformed_packet"},
    {MOSQ_ERR_MALFORMED_UTF8, "malformed_packet"},
    {MOSQ_ERR_OVERSIZE_PACKET, "packet_too_large"},
    {MOSQ_ERR_PAYLOAD_SIZE, "packet_too_large"},
    {MOSQ_ERR_QOS_NOT_SUPPORTED, "qos_not_supported"},
    {MOSQ_ERR_RETAIN_NOT_SUPPORTED, "retain_not_supported"},
    {MOSQ_ERR_TOPIC_ALIAS_INVALID, "topic_alias_invalid"},
    {MOSQ_ERR_ADMINISTRATIVE_ACTION, "kicked"},
    {MOSQ_ERR_NOMEM, "out_of_memory"},
#ifdef MQK_MOSQUITTO_21
    {MOSQ_ERR_SESSION_TAKEN_OVER, "takenover"},
    {MOSQ_ERR_SERVER_SHUTTING_DOWN, "server_shutting_down"},
    {MOSQ_ERR_RECEIVE_MAXIMUM_EXCEEDED, "receive_maximum_exceeded"},
    {MOSQ_ERR_QUOTA_EXCEEDED, "quota_exceeded"},
#endif
};

void emit_message(struct plugin *plugin, mqk_hook hook, const struct mosquitto *client,
                  const struct packet *packet) {
    mqk_event event;
    plugin_event(&event, hook, client);
    event.topic = mqk_cstr(packet->topic);
    event.payload = (mqk_str){packet->payload ? packet->payload : "", packet->payload_len};
    event.qos = packet->qos;
    event.retain = packet->retain;
    if (!packet->props) {
        plugin_emit(plugin, &event);
        return;
    }
    props_read(&plugin->props, packet->props, &event);
    plugin_emit(plugin, &event);
    props_clear(&plugin->props);
}

void emit_subscription(struct plugin *plugin, mqk_hook request, mqk_hook done,
                       const struct mosquitto *client, const char *filter, int64_t qos,
                       const mosquitto_property *props) {
    const mqk_hook hooks[] = {request, done};
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
        if (!plugin_wants(plugin, hooks[i])) {
            continue;
        }
        mqk_event event;
        plugin_event(&event, hooks[i], client);
        event.topic = mqk_cstr(filter);
        event.qos = qos;
        props_read(&plugin->props, props, &event);
        plugin_emit(plugin, &event);
        props_clear(&plugin->props);
    }
}

void emit_authorize(struct plugin *plugin, const struct mosquitto *client, const char *topic,
                    const char *action) {
    mqk_event event;
    plugin_event(&event, MQK_HOOK_CLIENT_AUTHORIZE, client);
    event.topic = mqk_cstr(topic);
    event.action = mqk_cstr(action);
    if (plugin->security.acl.open) {
        event.result = mqk_cstr("allow");
    }
    plugin_emit(plugin, &event);
}

void emit_disconnected(struct plugin *plugin, const struct mosquitto *client, const char *reason) {
    if (!plugin_wants(plugin, MQK_HOOK_CLIENT_DISCONNECTED)) {
        return;
    }
    mqk_event event;
    plugin_event(&event, MQK_HOOK_CLIENT_DISCONNECTED, client);
    int proto_ver = mosquitto_client_protocol_version(client);
    event.proto_name = mqk_cstr(proto_ver == 3 ? "MQIsdp" : "MQTT");
    event.proto_ver = proto_ver;
    event.reason = mqk_cstr(reason);
    event.disconnected_at = plugin_now_ms();
    plugin_emit(plugin, &event);
}

void emit_terminated(struct plugin *plugin, const struct mosquitto *client, const char *clientid,
                     const char *reason) {
    if (!plugin_wants(plugin, MQK_HOOK_SESSION_TERMINATED)) {
        return;
    }
    mqk_event event;
    plugin_event(&event, MQK_HOOK_SESSION_TERMINATED, client);
    event.clientid = mqk_cstr(clientid);
    event.reason = mqk_cstr(reason);
    plugin_emit(plugin, &event);
}

const char *disconnect_reason(int reason) {
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].reason == reason) {
            return reasons[i].word;
        }
    }
    return "unknown";
}
