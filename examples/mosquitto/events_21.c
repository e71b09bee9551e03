/* SPDX-License-Identifier: Apache-2.0 */
/* The events of Mosquitto 2.1. */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 250

/* The broker's numbers for the state of an outgoing message (they are part of its persistence
 * interface): the acknowledgement that ends the exchange is awaited. */
#define STATE_WAIT_FOR_PUBACK  3
#define STATE_WAIT_FOR_PUBCOMP 9

static struct packet packet_of(const struct mosquitto_evt_message *message) {
    return (struct packet){message->topic, message->payload, message->payloadlen,
                           message->qos,   message->retain,  message->properties};
}

int on_message(int event, void *data, void *user) {
    const struct mosquitto_evt_message *message = data;
    const struct packet packet = packet_of(message);
    (void)event;
    emit_message(user, MQK_HOOK_MESSAGE_PUBLISH, message->client, &packet);
    return MOSQ_ERR_SUCCESS;
}

static int on_message_out(int event, void *data, void *user) {
    const struct mosquitto_evt_message *message = data;
    const struct packet packet = packet_of(message);
    (void)event;
    emit_message(user, MQK_HOOK_MESSAGE_DELIVERED, message->client, &packet);
    return MOSQ_ERR_SUCCESS;
}

static int on_basic_auth(int event, void *data, void *user) {
    const struct mosquitto_evt_basic_auth *auth = data;
    struct plugin *plugin = user;
    (void)event;
    if (clients_take(&plugin->rechecked, auth->client)) {
        return plugin->security.auth.answer;
    }
    connecting_begin(plugin, auth->client);
    return plugin->security.auth.answer;
}

static int on_connect(int event, void *data, void *user) {
    const struct mosquitto_evt_connect *connect = data;
    struct plugin *plugin = user;
    const char *clientid = mosquitto_client_id(connect->client);
    (void)event;
    clients_add(&plugin->online, connect->client);
    if (plugin->connecting.client != connect->client) {
        connecting_begin(plugin, connect->client); /* no password was checked */
    }
    if (plugin->replaced && clientid && strcmp(plugin->replaced, clientid) == 0) {
        plugin->connecting.earlier = plugin->replaced_online ? EARLIER_ONLINE : EARLIER_OFFLINE;
    }
    free(plugin->replaced);
    plugin->replaced = NULL;
    connecting_accept(plugin);
    return MOSQ_ERR_SUCCESS;
}

static int on_acl_check(int event, void *data, void *user) {
    const struct mosquitto_evt_acl_check *acl = data;
    struct plugin *plugin = user;
    (void)event;
    /* Without an address it is the origin of a retained message, checked once more. */
    bool client = mosquitto_client_address(acl->client) != NULL;
    if (client && acl->access == MOSQ_ACL_WRITE) {
        emit_authorize(plugin, acl->client, acl->topic, "publish");
    } else if (client && acl->access == MOSQ_ACL_SUBSCRIBE) {
        emit_authorize(plugin, acl->client, acl->topic, "subscribe");
    }
    return plugin->security.acl.answer;
}

static int on_subscribe(int event, void *data, void *user) {
    const struct mosquitto_evt_subscribe *subscribe = data;
    (void)event;
    emit_subscription(user, MQK_HOOK_CLIENT_SUBSCRIBE, MQK_HOOK_SESSION_SUBSCRIBED,
                      subscribe->client, subscribe->data.topic_filter, subscribe->data.options & 3,
                      subscribe->data.properties);
    return MOSQ_ERR_SUCCESS;
}

static int on_unsubscribe(int event, void *data, void *user) {
    const struct mosquitto_evt_unsubscribe *unsubscribe = data;
    (void)event;
    emit_subscription(user, MQK_HOOK_CLIENT_UNSUBSCRIBE, MQK_HOOK_SESSION_UNSUBSCRIBED,
                      unsubscribe->client, unsubscribe->data.topic_filter, MQK_UNKNOWN,
                      unsubscribe->data.properties);
    return MOSQ_ERR_SUCCESS;
}

/* The end of a session is told twice when the broker also deletes it from its store. */
static void session_ended(struct plugin *plugin, const struct mosquitto *client,
                          const char *clientid, const char *reason) {
    free(plugin->ended);
    plugin->ended = strdup(clientid);
    emit_terminated(plugin, client, clientid, reason);
}

/* The client makes way for a new connection with its id, of which a CONNECT event will tell. */
static void client_replaced(struct plugin *plugin, const struct mosquitto *client, bool online) {
    const char *clientid = mosquitto_client_id(client);
    bool discarded =
        connecting_has_id(&plugin->connecting, clientid) && plugin->connecting.clean_start;
    free(plugin->replaced);
    plugin->replaced = strdup(clientid);
    plugin->replaced_online = online;
    if (online) {
        emit_disconnected(plugin, client, discarded ? "discarded" : "takenover");
    }
}

/* The connection is gone and with it the session, or the session gave way to a new connection, or
 * there never was one because the login was refused. */
static int on_disconnect(int event, void *data, void *user) {
    const struct mosquitto_evt_disconnect *disconnect = data;
    struct plugin *plugin = user;
    const struct mosquitto *client = disconnect->client;
    const char *clientid = mosquitto_client_id(client);
    (void)event;
    bool online = clients_take(&plugin->online, client);
    if (plugin->connecting.client == client) {
        connecting_refuse(plugin);
        return MOSQ_ERR_SUCCESS;
    }
    const char *reason = disconnect_reason(disconnect->reason);
    if (disconnect->reason == MOSQ_ERR_SESSION_TAKEN_OVER) {
        client_replaced(plugin, client, online);
    } else if (online) {
        emit_disconnected(plugin, client, reason);
        session_ended(plugin, client, clientid, reason);
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_client_offline(int event, void *data, void *user) {
    const struct mosquitto_evt_client_offline *offline = data;
    struct plugin *plugin = user;
    (void)event;
    if (clients_take(&plugin->online, offline->client)) {
        emit_disconnected(plugin, offline->client, disconnect_reason(offline->reason));
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_client_delete(int event, void *data, void *user) {
    const struct mosquitto_evt_persist_client *deleted = data;
    struct plugin *plugin = user;
    const char *clientid = deleted->data.clientid;
    (void)event;
    bool told = plugin->ended && clientid && strcmp(plugin->ended, clientid) == 0;
    free(plugin->ended);
    plugin->ended = NULL;
    /* A clean start in the place of an older session is session.discarded. */
    if (!told && clientid && !connecting_has_id(&plugin->connecting, clientid)) {
        emit_terminated(plugin, NULL, clientid, "expired");
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_base_msg_add(int event, void *data, void *user) {
    const struct mosquitto_base_msg *base = &((struct mosquitto_evt_persist_base_msg *)data)->data;
    struct plugin *plugin = user;
    (void)event;
    const struct message message = {
        .store_id = base->store_id,
        .topic = mqk_cstr(base->topic),
        .payload = {base->payload ? base->payload : "", base->payloadlen},
        .from_clientid = mqk_cstr(base->source_id),
        .from_username = mqk_cstr(base->source_username),
        .retain = base->retain,
        .received_ms = plugin_now_ms(),
    };
    if (!messages_add(&plugin->messages, &message) && plugin->messages.missed == 1) {
        mosquitto_log_printf(MOSQ_LOG_WARNING,
                             "mqkafka: more than 64 MiB of messages wait for acknowledgement; "
                             "message.acked will not tell of all of them");
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_base_msg_delete(int event, void *data, void *user) {
    const struct mosquitto_evt_persist_base_msg *deleted = data;
    struct plugin *plugin = user;
    (void)event;
    messages_remove(&plugin->messages, deleted->data.store_id);
    return MOSQ_ERR_SUCCESS;
}

static int on_client_msg_delete(int event, void *data, void *user) {
    const struct mosquitto_client_msg *sent =
        &((struct mosquitto_evt_persist_client_msg *)data)->data;
    struct plugin *plugin = user;
    (void)event;
    if (sent->direction != mosq_bmd_out ||
        (sent->state != STATE_WAIT_FOR_PUBACK && sent->state != STATE_WAIT_FOR_PUBCOMP)) {
        return MOSQ_ERR_SUCCESS;
    }
    const struct message *message = messages_find(&plugin->messages, sent->store_id);
    if (!message) {
        return MOSQ_ERR_SUCCESS;
    }
    mqk_event acked;
    plugin_event(&acked, MQK_HOOK_MESSAGE_ACKED, mosquitto_client(sent->clientid));
    acked.clientid = mqk_cstr(sent->clientid);
    acked.from_clientid = message->from_clientid;
    acked.from_username = message->from_username;
    acked.topic = message->topic;
    acked.payload = message->payload;
    acked.qos = sent->qos;
    acked.retain = sent->retain;
    acked.dup = sent->dup != 0;
    acked.publish_received_at = message->received_ms;
    plugin_emit(plugin, &acked);
    return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *data, void *user) {
    struct mosquitto_evt_tick *tick = data;
    struct plugin *plugin = user;
    (void)event;
    clients_fini(&plugin->rechecked);
    plugin_tick(plugin);
    /* The waker needs the next turn, whenever it comes. */
    tick->next_ms = plugin->waker.running ? 0 : TICK_MS;
    return MOSQ_ERR_SUCCESS;
}

static int client_note(const struct mosquitto *client, void *user) {
    struct plugin *plugin = user;
    clients_add(&plugin->rechecked, client);
    return MOSQ_ERR_SUCCESS;
}

/* The broker stops when a plugin's reload fails, so it never does. */
static int on_reload(int event, void *data, void *user) {
    struct plugin *plugin = user;
    (void)event;
    (void)data;
    plugin_reload(plugin);
    if (plugin->registered >> MOSQ_EVT_BASIC_AUTH & 1) {
        mosquitto_apply_on_all_clients(client_note, plugin);
    }
    return MOSQ_ERR_SUCCESS;
}

#define END_HOOKS (HOOK_BIT(CLIENT_DISCONNECTED) | HOOK_BIT(SESSION_TERMINATED))

const struct broker_event broker_events[] = {
    {MOSQ_EVT_RELOAD, NEED_NOTHING, 0, on_reload},
    {MOSQ_EVT_TICK, NEED_NOTHING, 0, on_tick},
    /* Always registered, to know who is online; and what they serve. */
    {MOSQ_EVT_CONNECT, NEED_NOTHING, 0, on_connect},
    {MOSQ_EVT_CONNECT, NEED_NOTHING, LOGIN_HOOKS & ~HOOK_BIT(CLIENT_AUTHENTICATE), on_connect},
    {MOSQ_EVT_DISCONNECT, NEED_NOTHING, 0, on_disconnect},
    {MOSQ_EVT_DISCONNECT, NEED_NOTHING, END_HOOKS, on_disconnect},
    {MOSQ_EVT_CLIENT_OFFLINE, NEED_NOTHING, 0, on_client_offline},
    {MOSQ_EVT_MESSAGE_IN, NEED_NOTHING, HOOK_BIT(MESSAGE_PUBLISH), on_message},
    {MOSQ_EVT_MESSAGE_OUT, NEED_NOTHING, HOOK_BIT(MESSAGE_DELIVERED), on_message_out},
    {MOSQ_EVT_BASIC_AUTH, NEED_AUTH, LOGIN_HOOKS | END_HOOKS, on_basic_auth},
    {MOSQ_EVT_ACL_CHECK, NEED_ACL, HOOK_BIT(CLIENT_AUTHORIZE), on_acl_check},
    {MOSQ_EVT_SUBSCRIBE, NEED_NOTHING, HOOK_BIT(CLIENT_SUBSCRIBE) | HOOK_BIT(SESSION_SUBSCRIBED),
     on_subscribe},
    {MOSQ_EVT_UNSUBSCRIBE, NEED_NOTHING,
     HOOK_BIT(CLIENT_UNSUBSCRIBE) | HOOK_BIT(SESSION_UNSUBSCRIBED), on_unsubscribe},
    {MOSQ_EVT_PERSIST_CLIENT_DELETE, NEED_PERSIST, HOOK_BIT(SESSION_TERMINATED), on_client_delete},
    {MOSQ_EVT_PERSIST_BASE_MSG_ADD, NEED_PERSIST, HOOK_BIT(MESSAGE_ACKED), on_base_msg_add},
    {MOSQ_EVT_PERSIST_BASE_MSG_DELETE, NEED_PERSIST, HOOK_BIT(MESSAGE_ACKED), on_base_msg_delete},
    {MOSQ_EVT_PERSIST_CLIENT_MSG_DELETE, NEED_PERSIST, HOOK_BIT(MESSAGE_ACKED),
     on_client_msg_delete},
};

const size_t broker_event_count = sizeof(broker_events) / sizeof(broker_events[0]);
