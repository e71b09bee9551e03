/* SPDX-License-Identifier: Apache-2.0 */
/* The events of Mosquitto 2.0. */
#include "events.h"

#define UNKNOWN_REASON "unknown" /* 2.0 gives the reason -1 always */

/* When anything else happens, the client whose login was being checked is through, unless it has
 * lost its id: then it is refused, and only its connection (a web socket) still closes. */
static void login_settle(struct plugin *plugin) {
    if (!plugin->connecting.client) {
        return;
    }
    if (mosquitto_client_id(plugin->connecting.client)) {
        connecting_accept(plugin);
    } else {
        connecting_refuse(plugin);
    }
}

int on_message(int event, void *data, void *user) {
    const struct mosquitto_evt_message *message = data;
    struct plugin *plugin = user;
    (void)event;
    login_settle(plugin);
    plugin_poll(plugin);
    emit_message(plugin, MQK_HOOK_MESSAGE_PUBLISH, message->client,
                 &(struct packet){message->topic, message->payload, message->payloadlen,
                                  message->qos, message->retain, message->properties});
    return MOSQ_ERR_SUCCESS;
}

static int on_basic_auth(int event, void *data, void *user) {
    const struct mosquitto_evt_basic_auth *auth = data;
    struct plugin *plugin = user;
    (void)event;
    if (!plugin->rechecking) {
        login_settle(plugin);
        clients_take(&plugin->offline, auth->client);
        connecting_begin(plugin, auth->client);
    }
    /* Without a user name the broker decides rightly by itself when everybody defers. */
    bool allowed = plugin->security.auth.open && auth->username;
    return allowed ? MOSQ_ERR_SUCCESS : plugin->security.auth.answer;
}

static void read_checked(struct plugin *plugin, const struct mosquitto_evt_acl_check *acl) {
    /* Messages for a client that is offline are checked when they are queued, and once more when
     * it has come back and gets them. */
    if (plugin->security.acl.open && plugin_wants(plugin, MQK_HOOK_MESSAGE_DELIVERED) &&
        !clients_has(&plugin->offline, acl->client)) {
        emit_message(plugin, MQK_HOOK_MESSAGE_DELIVERED, acl->client,
                     &(struct packet){acl->topic, acl->payload, acl->payloadlen, acl->qos,
                                      acl->retain, acl->properties});
    }
}

static void subscribe_checked(struct plugin *plugin, const struct mosquitto_evt_acl_check *acl) {
    if (plugin_wants(plugin, MQK_HOOK_CLIENT_AUTHORIZE)) {
        emit_authorize(plugin, acl->client, acl->topic, "subscribe");
    }
    emit_subscription(plugin, MQK_HOOK_CLIENT_SUBSCRIBE, MQK_HOOK_SESSION_SUBSCRIBED, acl->client,
                      acl->topic, acl->qos, NULL);
}

static int on_acl_check(int event, void *data, void *user) {
    const struct mosquitto_evt_acl_check *acl = data;
    struct plugin *plugin = user;
    (void)event;
    plugin->rechecking = false;
    login_settle(plugin);
    /* Without an address it is no client, but the origin of a retained message that the broker
     * checks once more, or a session restored from disk. */
    if (!mosquitto_client_address(acl->client)) {
        return plugin->security.acl.answer;
    }
    switch (acl->access) {
    case MOSQ_ACL_READ:
        read_checked(plugin, acl);
        break;
    case MOSQ_ACL_WRITE:
        if (plugin_wants(plugin, MQK_HOOK_CLIENT_AUTHORIZE)) {
            emit_authorize(plugin, acl->client, acl->topic, "publish");
        }
        break;
    case MOSQ_ACL_SUBSCRIBE:
        subscribe_checked(plugin, acl);
        break;
    case MOSQ_ACL_UNSUBSCRIBE:
        emit_subscription(plugin, MQK_HOOK_CLIENT_UNSUBSCRIBE, MQK_HOOK_SESSION_UNSUBSCRIBED,
                          acl->client, acl->topic, MQK_UNKNOWN, NULL);
        break;
    default:
        break;
    }
    return plugin->security.acl.answer;
}

/* Whether the client's session outlives the connection, as far as 2.0 lets one know: for MQTT 5 it
 * keeps the expiry interval to itself. With logins watched a wrong guess is put right by the next
 * login that gets this pointer. */
static bool session_may_go_on(const struct plugin *plugin, const struct mosquitto *client) {
    bool logins_watched = plugin->registered >> MOSQ_EVT_BASIC_AUTH & 1;
    return !mosquitto_client_clean_session(client) ||
           (logins_watched && mosquitto_client_protocol_version(client) == 5);
}

/* The client makes way for a new connection with its id. */
static void client_replaced(struct plugin *plugin, const struct mosquitto *client, bool online) {
    plugin->connecting.earlier = online ? EARLIER_ONLINE : EARLIER_OFFLINE;
    if (online) {
        emit_disconnected(plugin, client,
                          plugin->connecting.clean_start ? "discarded" : "takenover");
    }
}

static int on_disconnect(int event, void *data, void *user) {
    const struct mosquitto_evt_disconnect *disconnect = data;
    struct plugin *plugin = user;
    const struct mosquitto *client = disconnect->client;
    const char *clientid = mosquitto_client_id(client);
    (void)event;
    if (plugin->connecting.client == client) {
        /* Nothing came between its CONNECT and this, not even a tick: it was refused. Older 2.0
         * took its id away by now, newer ones leave it. */
        connecting_refuse(plugin);
        return MOSQ_ERR_SUCCESS;
    }
    if (!clientid) {
        return MOSQ_ERR_SUCCESS; /* never got as far as being a client */
    }
    bool online =
        !clients_take(&plugin->offline, client) && mosquitto_client_address(client) != NULL;
    if (connecting_has_id(&plugin->connecting, clientid)) {
        client_replaced(plugin, client, online);
        return MOSQ_ERR_SUCCESS;
    }
    login_settle(plugin);
    if (!online) {
        return MOSQ_ERR_SUCCESS;
    }
    emit_disconnected(plugin, client, UNKNOWN_REASON);
    if (session_may_go_on(plugin, client)) {
        clients_add(&plugin->offline, client);
    } else if (mosquitto_client_protocol_version(client) < 5) {
        emit_terminated(plugin, client, clientid, UNKNOWN_REASON);
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *data, void *user) {
    struct plugin *plugin = user;
    (void)event;
    (void)data;
    plugin->rechecking = false;
    login_settle(plugin);
    plugin_tick(plugin);
    return MOSQ_ERR_SUCCESS;
}

/* Anything but DEFER would keep the plugins behind us from reloading. */
static int on_reload(int event, void *data, void *user) {
    struct plugin *plugin = user;
    (void)event;
    (void)data;
    login_settle(plugin);
    plugin_reload(plugin);
    plugin->rechecking = true;
    return MOSQ_ERR_PLUGIN_DEFER;
}

const struct broker_event broker_events[] = {
    {MOSQ_EVT_RELOAD, NEED_NOTHING, 0, on_reload},
    {MOSQ_EVT_TICK, NEED_NOTHING, 0, on_tick},
    {MOSQ_EVT_MESSAGE, NEED_NOTHING, HOOK_BIT(MESSAGE_PUBLISH), on_message},
    {MOSQ_EVT_BASIC_AUTH, NEED_AUTH, LOGIN_HOOKS, on_basic_auth},
    {MOSQ_EVT_ACL_CHECK, NEED_ACL,
     HOOK_BIT(CLIENT_AUTHORIZE) | HOOK_BIT(CLIENT_SUBSCRIBE) | HOOK_BIT(CLIENT_UNSUBSCRIBE) |
         HOOK_BIT(SESSION_SUBSCRIBED) | HOOK_BIT(SESSION_UNSUBSCRIBED),
     on_acl_check},
    {MOSQ_EVT_ACL_CHECK, NEED_OPEN_ACL, HOOK_BIT(MESSAGE_DELIVERED), on_acl_check},
    {MOSQ_EVT_DISCONNECT, NEED_NOTHING,
     HOOK_BIT(CLIENT_DISCONNECTED) | HOOK_BIT(SESSION_TERMINATED), on_disconnect},
    /* Needed for these, but not enough for them. */
    {MOSQ_EVT_DISCONNECT, NEED_AUTH, LOGIN_HOOKS, on_disconnect},
    {MOSQ_EVT_DISCONNECT, NEED_OPEN_ACL, HOOK_BIT(MESSAGE_DELIVERED), on_disconnect},
};

const size_t broker_event_count = sizeof(broker_events) / sizeof(broker_events[0]);
