/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include <assert.h>

/* An envelope's template for a hook: its own, else the one for all messages, else the common one.
 */
struct envelope_info {
    const char *common;
    const char *message;
    const char *by_hook[MQK_HOOK_COUNT];
    const struct envelope_header *headers;
};

/* Texts are in value position, where what is missing becomes null. Payloads are in strings, also
 * those that are JSON, as the envelopes' first authors have it; an absent one is empty. */
#define PAYLOAD_TEXT "\"payload\":\"${payload | default(\"\")}\""
#define IP_ADDRESS   "\"ipaddress\":${peerhost | default(peername) | host}"

#define EMQTTD_END "\"cluster_node\":${node},\"ts\":${timestamp | seconds}}"
#define EMQTTD_SUBSCRIPTION(type)                                                                  \
    "{\"type\":\"" type "\",\"client_id\":${clientid},\"topic\":${topic}," EMQTTD_END
#define EMQTTD_DELIVERY(type)                                                                      \
    "{\"type\":\"" type "\",\"client_id\":${clientid},\"from\":${from_clientid},"                  \
    "\"topic\":${topic}," PAYLOAD_TEXT ",\"qos\":${qos}," EMQTTD_END

#define EMQ2_END "\"cluster_node\":${node},\"ts\":${timestamp}}"
#define EMQ2_CLIENT(type)                                                                          \
    "{\"type\":\"" type "\",\"client_id\":${clientid},\"message\":{}," EMQ2_END
#define EMQ2_SUBSCRIPTION(type)                                                                    \
    "{\"type\":\"" type "\",\"client_id\":${clientid},\"cluster_node\":${node},"                   \
    "\"message\":{\"topic\":${topic},\"opts\":{\"qos\":${qos | default(0)}}},\"ts\":${timestamp}}"

#define EMQX4_DELIVERY(action)                                                                     \
    "{\"action\":\"" action "\",\"from\":${from_clientid},\"to\":${clientid},"                     \
    "\"topic\":${topic}," PAYLOAD_TEXT ",\"qos\":${qos},\"cluster_node\":${node},"                 \
    "\"ts\":${timestamp}}"

/* Attribute values of CloudEvents have rules of their own: a source is a URI, texts have no control
 * characters, a content type must not make a structured event of a binary one. */
#define CE_ID      "${uuid}"
#define CE_SOURCE  "/mqkafka/${node | uri}"
#define CE_TYPE    "mqkafka.${event | printable}"
#define CE_TIME    "${timestamp | iso8601}"
#define CE_TOPIC   "${topic | printable}"
#define CE_CLIENT  "${clientid | printable}"
#define CE_CONTENT "${props.Content-Type | mediatype}"

#define CE_OBJECT(subject)                                                                         \
    "{\"specversion\":\"1.0\",\"id\":\"" CE_ID "\",\"source\":\"" CE_SOURCE                        \
    "\",\"type\":\"" CE_TYPE "\",\"time\":\"" CE_TIME "\",\"subject\":" subject                    \
    ",\"clientid\":" CE_CLIENT ","

static const struct envelope_header structured_headers[] = {
    {"content-type", "application/cloudevents+json; charset=UTF-8", false},
    {NULL, NULL, false},
};

static const struct envelope_header binary_headers[] = {
    {"ce_specversion", "1.0", false},
    {"ce_id", CE_ID, false},
    {"ce_source", CE_SOURCE, false},
    {"ce_type", CE_TYPE, false},
    {"ce_time", CE_TIME, false},
    {"ce_subject", CE_TOPIC, true},
    {"ce_clientid", CE_CLIENT, true},
    {"content-type", CE_CONTENT, true},
    {NULL, NULL, false},
};

static const struct envelope_info envelopes[ENVELOPE_COUNT] = {
    [ENVELOPE_EVENT] = {.common = "${.}"},
    [ENVELOPE_RAW] = {.common = "${payload}"},
    [ENVELOPE_EMQTTD] =
        {.by_hook =
             {
                 [MQK_HOOK_CLIENT_CONNECTED] =
                     "{\"type\":\"connected\",\"client_id\":${clientid}," EMQTTD_END,
                 [MQK_HOOK_CLIENT_DISCONNECTED] =
                     "{\"type\":\"disconnected\",\"client_id\":${clientid},"
                     "\"reason\":${reason}," EMQTTD_END,
                 [MQK_HOOK_SESSION_SUBSCRIBED] = EMQTTD_SUBSCRIPTION("subscribed"),
                 [MQK_HOOK_SESSION_UNSUBSCRIBED] = EMQTTD_SUBSCRIPTION("unsubscribed"),
                 [MQK_HOOK_MESSAGE_PUBLISH] =
                     "{\"type\":\"published\",\"client_id\":${clientid},\"topic\":${topic}"
                     "," PAYLOAD_TEXT ",\"qos\":${qos}," EMQTTD_END,
                 [MQK_HOOK_MESSAGE_DELIVERED] = EMQTTD_DELIVERY("delivered"),
                 [MQK_HOOK_MESSAGE_ACKED] = EMQTTD_DELIVERY("acked"),
             }},
    [ENVELOPE_EMQ2] =
        {.by_hook =
             {
                 [MQK_HOOK_CLIENT_CONNECTED] = EMQ2_CLIENT("connected"),
                 [MQK_HOOK_CLIENT_DISCONNECTED] = EMQ2_CLIENT("disconnected"),
                 [MQK_HOOK_SESSION_SUBSCRIBED] = EMQ2_SUBSCRIPTION("subscribed"),
                 [MQK_HOOK_SESSION_UNSUBSCRIBED] = EMQ2_SUBSCRIPTION("unsubscribed"),
                 [MQK_HOOK_MESSAGE_PUBLISH] =
                     "{\"type\":\"public\",\"client_id\":${clientid},\"message\":{"
                     "\"username\":${username | default(clientid)},\"topic\":${topic}," PAYLOAD_TEXT
                     ",\"qos\":${qos},\"dup\":${dup | default(0) | number},"
                     "\"retain\":${retain | default(0) | number}}," EMQ2_END,
             }},
    [ENVELOPE_EMQX4] =
        {.by_hook =
             {
                 [MQK_HOOK_CLIENT_CONNECTED] =
                     "{\"action\":\"connected\",\"device_id\":${clientid},"
                     "\"username\":${username},\"keepalive\":${keepalive}," IP_ADDRESS ","
                     "\"proto_name\":\"MQTT\",\"proto_ver\":${proto_ver},\"ts\":${timestamp},"
                     "\"online\":1}",
                 [MQK_HOOK_CLIENT_DISCONNECTED] =
                     "{\"action\":\"disconnected\",\"device_id\":${clientid},"
                     "\"username\":${username},\"reason\":${reason},\"ts\":${timestamp},"
                     "\"online\":0}",
                 [MQK_HOOK_CLIENT_SUBSCRIBE] =
                     "{\"device_id\":${clientid},\"action\":\"subscribe\",\"topic\":${topic},"
                     "\"qos\":${qos},\"ts\":${timestamp}}",
                 [MQK_HOOK_CLIENT_UNSUBSCRIBE] =
                     "{\"device_id\":${clientid},\"action\":\"unsubscribe\",\"topic\":${topic},"
                     "\"ts\":${timestamp}}",
                 [MQK_HOOK_MESSAGE_PUBLISH] =
                     "{\"action\":\"message_publish\",\"device_id\":${clientid},"
                     "\"username\":${username},\"topic\":${topic}," PAYLOAD_TEXT
                     ",\"ts\":${timestamp}}",
                 [MQK_HOOK_MESSAGE_DELIVERED] = EMQX4_DELIVERY("message_delivered"),
                 [MQK_HOOK_MESSAGE_ACKED] = EMQX4_DELIVERY("message_acked"),
             }},
    [ENVELOPE_CLOUDEVENTS] =
        {.common = CE_OBJECT(CE_CLIENT) "\"datacontenttype\":\"application/json\",\"data\":${.}}",
         .message =
             CE_OBJECT(CE_TOPIC) "\"datacontenttype\":\"application/json\",\"data\":${payload}}",
         .headers = structured_headers},
    [ENVELOPE_CLOUDEVENTS_BASE64] =
        {.common = CE_OBJECT(CE_CLIENT) "\"datacontenttype\":\"application/json\",\"data\":${.}}",
         .message = CE_OBJECT(CE_TOPIC) "\"datacontenttype\":\"${props.Content-Type | mediatype | "
                                        "default(\"application/octet-stream\")}\","
                                        "\"data_base64\":\"${payload | default(\"\")}\"}",
         .headers = structured_headers},
    [ENVELOPE_CLOUDEVENTS_BINARY] = {.message = "${payload}", .headers = binary_headers},
};

const char *const envelope_names[] = {
#define ENVELOPE_NAME(id, name, meaning) [ENVELOPE_##id] = name,
    ENVELOPES(ENVELOPE_NAME) NULL};

bool envelope_by_name(mqk_str name, enum envelope *out) {
    for (unsigned i = 0; envelope_names[i]; i++) {
        if (str_equal(name, mqk_cstr(envelope_names[i]))) {
            *out = (enum envelope)i;
            return true;
        }
    }
    return false;
}

enum envelope envelope_encoded(enum envelope envelope, enum payload_encoding encoding) {
    bool other = envelope == ENVELOPE_CLOUDEVENTS && encoding == PAYLOAD_BASE64;
    return other ? ENVELOPE_CLOUDEVENTS_BASE64 : envelope;
}

const char *envelope_template(enum envelope envelope, mqk_hook hook) {
    const struct envelope_info *info = &envelopes[envelope];
    if (info->by_hook[hook]) {
        return info->by_hook[hook];
    }
    bool message = event_hooks[hook].is_message && hook != MQK_HOOK_CUSTOM;
    return message && info->message ? info->message : info->common;
}

uint32_t envelope_hooks(enum envelope envelope) {
    uint32_t hooks = 0;
    for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
        hooks |= (uint32_t)(envelope_template(envelope, (mqk_hook)hook) != NULL) << hook;
    }
    return hooks;
}

const struct envelope_header *envelope_headers(enum envelope envelope) {
    return envelopes[envelope].headers;
}

bool envelope_set_add(struct envelope_set *set, enum envelope envelope) {
    for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
        struct template **slot = &set->templates[envelope][hook];
        const char *text = envelope_template(envelope, (mqk_hook)hook);
        if (*slot || !text) {
            continue;
        }
        mqk_status status = template_compile(mqk_cstr(text), MQK_FORMAT_AUTO, slot, NULL);
        assert(status == MQK_OK || status == MQK_ERR_NO_MEMORY);
        if (status != MQK_OK) {
            return false;
        }
    }
    return true;
}

void envelope_set_fini(struct envelope_set *set) {
    for (unsigned envelope = 0; envelope < ENVELOPE_COUNT; envelope++) {
        for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
            template_free(set->templates[envelope][hook]);
        }
    }
}
