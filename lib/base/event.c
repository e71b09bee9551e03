/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

_Static_assert(FIELD_COUNT_ALL <= 64, "event_hook_info.fields has a bit for each field");

#define CUSTOM_PREFIX STR("custom.")

const struct event_field_info event_fields[FIELD_COUNT_ALL] = {
#define FIELD_ROW(field, kind, member, meaning)                                                    \
    [FIELD_##field] = {#field, kind, (uint32_t)offsetof(mqk_event, member), meaning},
#define TEXT_ROW(name, meaning) FIELD_ROW(name, FIELD_TEXT, name, meaning)
#define INT_ROW(name, meaning)  FIELD_ROW(name, FIELD_INT, name, meaning)
#define BOOL_ROW(name, meaning) FIELD_ROW(name, FIELD_BOOL, name, meaning)
#define TIME_ROW(name, meaning) FIELD_ROW(name, FIELD_TIME, name, meaning)
    MQK_EVENT_FIELDS(TEXT_ROW, INT_ROW, BOOL_ROW, TIME_ROW)
    /* clang-format off */
    FIELD_ROW(event, FIELD_TEXT, hook_name, "name of the hook point")
    FIELD_ROW(flags, FIELD_OBJECT, retain, "RETAIN and DUP flags")
    FIELD_ROW(props, FIELD_OBJECT, props, "MQTT 5 properties, user properties included")
    FIELD_ROW(ack_props, FIELD_OBJECT, ack_props, "message.acked: MQTT 5 properties of the PUBACK")
    FIELD_ROW(headers, FIELD_OBJECT, user_props, "the record's headers")
#define RECORD_ROW(field, kind, meaning) \
    [FIELD_##field] = {#field, kind, (uint32_t)offsetof(struct record_event, field), meaning},
    RECORD_ROW(key, FIELD_TEXT, "the record's key")
    RECORD_ROW(ts_type, FIELD_TEXT, "what the record's time is: create or append")
    RECORD_ROW(partition, FIELD_INT, "the record's partition")
    RECORD_ROW(offset, FIELD_INT, "the record's place in its partition")
    /* clang-format on */
};

/* Other names for fields: X(name, field). `from` is the sender of a message: on delivered and acked
 * the field that says so, on other events the client itself, a choice that the template makes. */
#define FIELD_ALIASES(X)                                                                           \
    X(from, from_clientid)                                                                         \
    X(ts, timestamp)                                                                               \
    X(conn_props, props)                                                                           \
    X(disconn_props, props)                                                                        \
    X(sub_props, props)                                                                            \
    X(unsub_props, props)                                                                          \
    X(pub_props, props)                                                                            \
    X(puback_props, ack_props)

static const struct event_member aliases[] = {
#define ALIAS_ROW(name, field) {#name, FIELD_##field},
    FIELD_ALIASES(ALIAS_ROW)};

const char *const event_field_names[] = {
#define FIELD_WORD(name, meaning) #name,
#define ALIAS_WORD(name, field)   #name,
    MQK_EVENT_FIELDS(FIELD_WORD, FIELD_WORD, FIELD_WORD, FIELD_WORD) "event", "flags", "props",
    "ack_props", FIELD_ALIASES(ALIAS_WORD) NULL};

/* clang-format off */
/* The members of `${.}` per hook: F(field), or N(name, field) where it is called otherwise. */
#define MEMBERS_CLIENT_CONNECT(F, N) \
    F(peername) F(sockname) F(proto_name) F(proto_ver) F(keepalive) F(clean_start) \
    F(receive_maximum) F(expiry_interval) N(conn_props, props)
#define MEMBERS_CLIENT_CONNACK(F, N) \
    F(reason_code) F(clientid) F(clean_start) F(username) F(peername) F(sockname) F(proto_name) \
    F(proto_ver) F(keepalive) F(expiry_interval) N(conn_props, props)
#define MEMBERS_CLIENT_CONNECTED(F, N) \
    F(clientid) F(username) F(mountpoint) F(peername) F(sockname) F(proto_name) F(proto_ver) \
    F(keepalive) F(clean_start) F(receive_maximum) F(expiry_interval) F(is_bridge) \
    N(conn_props, props) F(connected_at)
#define MEMBERS_CLIENT_DISCONNECTED(F, N) \
    F(reason) F(clientid) F(username) F(peername) F(sockname) F(proto_name) F(proto_ver) \
    N(disconn_props, props) F(disconnected_at)
#define MEMBERS_CLIENT_AUTHENTICATE(F, N) F(clientid) F(username) F(peerhost) F(result)
#define MEMBERS_CLIENT_AUTHORIZE(F, N) \
    F(clientid) F(username) F(peerhost) F(topic) F(action) F(result)
#define MEMBERS_CLIENT_CHECK_AUTHZ_COMPLETE(F, N) \
    F(clientid) F(username) F(peerhost) F(topic) F(action) F(authz_source) F(result)
#define MEMBERS_CLIENT_SUBSCRIBE(F, N) \
    F(clientid) F(username) F(peerhost) F(topic) F(qos) N(sub_props, props)
#define MEMBERS_CLIENT_UNSUBSCRIBE(F, N) \
    F(clientid) F(username) F(peerhost) F(topic) F(qos) N(unsub_props, props)
#define MEMBERS_SESSION_CREATED(F, N) \
    F(clientid) F(username) F(peerhost) F(session_id) F(created_at)
#define MEMBERS_SESSION_SUBSCRIBED(F, N) \
    F(clientid) F(username) F(peerhost) N(sub_props, props) F(topic) F(qos)
#define MEMBERS_SESSION_UNSUBSCRIBED(F, N) \
    F(clientid) F(username) F(peerhost) N(unsub_props, props) F(topic) F(qos)
#define MEMBERS_SESSION_RESUMED(F, N) F(clientid) F(username) F(peerhost)
#define MEMBERS_SESSION_DISCARDED(F, N) F(clientid) F(username) F(peerhost)
#define MEMBERS_SESSION_TAKENOVER(F, N) F(clientid) F(username) F(peerhost)
#define MEMBERS_SESSION_TERMINATED(F, N) F(clientid) F(username) F(peerhost) F(reason)
#define MEMBERS_MESSAGE_PUBLISH(F, N) \
    F(id) F(clientid) F(username) F(payload) F(peerhost) F(topic) F(qos) F(flags) \
    N(pub_props, props) F(publish_received_at)
#define MEMBERS_MESSAGE_DELIVERED(F, N) \
    F(id) F(from_clientid) F(from_username) F(clientid) F(username) F(payload) F(peerhost) \
    F(topic) F(qos) F(flags) N(pub_props, props) F(publish_received_at)
#define MEMBERS_MESSAGE_ACKED(F, N) MEMBERS_MESSAGE_DELIVERED(F, N) N(puback_props, ack_props)
#define MEMBERS_MESSAGE_DROPPED(F, N) MEMBERS_MESSAGE_PUBLISH(F, N) F(by_node) F(reason)
/* A custom hook may set anything; retain and dup stand in flags. */
#define MEMBERS_CUSTOM(F, N) \
    F(clientid) F(username) F(topic) F(payload) F(id) F(from_clientid) F(from_username) \
    F(peerhost) F(peername) F(sockname) F(mountpoint) F(proto_name) F(reason) F(reason_code) \
    F(action) F(authz_source) F(result) F(session_id) F(by_node) F(connected_at) \
    F(disconnected_at) F(created_at) F(publish_received_at) F(qos) F(proto_ver) F(keepalive) \
    F(receive_maximum) F(expiry_interval) F(flags) F(clean_start) F(is_bridge) F(props) \
    F(ack_props)
/* What records have. */
#define MEMBERS_RECORD(F, N) \
    F(key) N(value, payload) F(headers) F(topic) F(partition) F(offset) N(ts, timestamp) \
    F(ts_type) F(node)
/* clang-format on */

#define MEMBER_ROW(field)             {#field, FIELD_##field},
#define MEMBER_NAMED_ROW(name, field) {#name, FIELD_##field},
#define MEMBER_LIST(hook, number, text, alias)                                                     \
    static const struct event_member members_##hook[] = {                                          \
        MEMBERS_##hook(MEMBER_ROW, MEMBER_NAMED_ROW)};
MQK_HOOKS(MEMBER_LIST)
static const struct event_member members_RECORD[] = {MEMBERS_RECORD(MEMBER_ROW, MEMBER_NAMED_ROW)};

#define BIT(field)             (UINT64_C(1) << FIELD_##field)
#define OR_BIT(field)          | BIT(field)
#define OR_NAMED_BIT(n, field) | BIT(field)
#define MEMBER_BITS(hook)                                                                          \
    (BIT(event) | BIT(timestamp) | BIT(node) MEMBERS_##hook(OR_BIT, OR_NAMED_BIT))
#define HAS(hook, field) ((MEMBER_BITS(hook) & BIT(field)) != 0)

const struct event_hook_info event_hooks[MQK_HOOK_COUNT + 1] = {
#define HOOK_ROW(hook, number, text, alias_text)                                                   \
    [number] = {                                                                                   \
        .name = text,                                                                              \
        .alias = alias_text,                                                                       \
        .members = members_##hook,                                                                 \
        .member_count = sizeof(members_##hook) / sizeof(members_##hook[0]),                        \
        .fields = MEMBER_BITS(hook) | (HAS(hook, flags) ? BIT(retain) | BIT(dup) : 0),             \
        .has_topic = HAS(hook, topic),                                                             \
        .is_message = HAS(hook, flags),                                                            \
    },
    MQK_HOOKS(HOOK_ROW)[EVENT_RECORD] = {
        .name = "record",
        .alias = "",
        .members = members_RECORD,
        .member_count = sizeof(members_RECORD) / sizeof(members_RECORD[0]),
        .fields = 0 MEMBERS_RECORD(OR_BIT, OR_NAMED_BIT),
    }};

const char *const event_hook_names[] = {
#define HOOK_WORD(hook, number, text, alias) text,
    MQK_HOOKS(HOOK_WORD) "client.check_acl", "session.takeovered", NULL};

/* Where each member of mqk_event ends, in order: an event of another size ends at one of them. */
static const size_t member_ends[] = {
#define END(member)                 offsetof(mqk_event, member) + sizeof(((mqk_event *)NULL)->member)
#define END_OF_FIELD(name, meaning) END(name),
    END(size),
    END(hook),
    END(reserved),
    END(hook_name),
    END(token),
    END(props),
    END(props_count),
    END(user_props),
    END(user_props_count),
    END(ack_props),
    END(ack_props_count),
    END(ack_user_props),
    END(ack_user_props_count),
    END(attrs),
    END(attrs_count),
    MQK_EVENT_FIELDS(END_OF_FIELD, END_OF_FIELD, END_OF_FIELD, END_OF_FIELD)};

bool event_field_by_name(mqk_str name, enum event_field *out) {
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (str_equal(name, mqk_cstr(event_fields[i].name))) {
            *out = (enum event_field)i;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (str_equal(name, mqk_cstr(aliases[i].name))) {
            *out = aliases[i].field;
            return true;
        }
    }
    return false;
}

bool event_is_custom_name(mqk_str name) {
    return name.len > CUSTOM_PREFIX.len && str_starts_with(name, CUSTOM_PREFIX);
}

bool event_hook_by_name(mqk_str name, mqk_hook *out) {
    if (event_is_custom_name(name)) {
        *out = MQK_HOOK_CUSTOM;
        return true;
    }
    for (unsigned i = 0; i < MQK_HOOK_COUNT; i++) {
        const struct event_hook_info *info = &event_hooks[i];
        bool known = str_equal(name, mqk_cstr(info->name)) ||
                     (info->alias[0] && str_equal(name, mqk_cstr(info->alias)));
        if (known && i != MQK_HOOK_CUSTOM) {
            *out = (mqk_hook)i;
            return true;
        }
    }
    return false;
}

void event_init(mqk_event *event, size_t size, mqk_hook hook) {
    mqk_event full = {.size = size, .hook = hook};
#define SET_NOTHING(name, meaning)
#define SET_UNKNOWN(name, meaning) full.name = MQK_UNKNOWN;
    MQK_EVENT_FIELDS(SET_NOTHING, SET_UNKNOWN, SET_UNKNOWN, SET_UNKNOWN)
    size_t known = size < sizeof(full) ? size : sizeof(full);
    memcpy(event, &full, known);
    memset((char *)event + known, 0, size - known);
}

/* The bytes of an event of this size that hold whole members. */
static size_t whole_members(size_t size) {
    size_t whole = 0;
    for (size_t i = 0; i < sizeof(member_ends) / sizeof(member_ends[0]); i++) {
        if (member_ends[i] <= size) {
            whole = member_ends[i];
        }
    }
    return whole;
}

static bool usable(const mqk_event *event) {
    if ((event->props_count > 0 && !event->props) ||
        (event->user_props_count > 0 && !event->user_props) ||
        (event->ack_props_count > 0 && !event->ack_props) ||
        (event->ack_user_props_count > 0 && !event->ack_user_props) ||
        (event->attrs_count > 0 && !event->attrs)) {
        return false;
    }
    return event->hook != MQK_HOOK_CUSTOM ||
           (event->hook_name.data && event_is_custom_name(event->hook_name));
}

const mqk_event *event_adopt_slow(const mqk_event *event, mqk_event *copy) {
    if (!event || event->size < offsetof(mqk_event, hook) + sizeof(event->hook) ||
        (unsigned)event->hook >= MQK_HOOK_COUNT) {
        return NULL;
    }
    if (event->size < sizeof(*event)) {
        event_init(copy, sizeof(*copy), event->hook);
        memcpy(copy, event, whole_members(event->size));
        copy->size = sizeof(*copy);
        event = copy;
    }
    return usable(event) ? event : NULL;
}
