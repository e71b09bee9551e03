/* SPDX-License-Identifier: Apache-2.0 */
#include "language.h"

const struct language_word language_roots[] = {
    {"payload.x.y[0]", "any", "a value in a JSON payload; numbers keep their digits",
     "${payload.x.y[0]}"},
    {"user.NAME", "text", "a user property; the last one when the name repeats", "${user.site}"},
    {"props.NAME", "text or number", "an MQTT 5 property by its name in the specification",
     "${props.Content-Type}"},
    {"flags.retain", "boolean", "one of the flags, also flags.dup", "${flags.retain}"},
    {"attr.NAME", "text", "what the host adds to the event; also attrs.NAME", "${attr.site}"},
    {"filter.N", "text", "what the N-th wildcard of the rule's filter stands for, from 1",
     "${filter.1}"},
    {"regex.NAME", "text", "a named group of the rule's regex, or of =~ in its where",
     "${regex.plant}"},
    {"uuid", "text", "a random UUID, the same in all records of an event", "${uuid}"},
    {".", "object", "the whole event as JSON; ${} means the same", "${.}"},
    {"$", "text", "in templates: a dollar sign", "${$}{clientid}"},
    {NULL, NULL, NULL, NULL}};

const struct language_word language_operators[] = {
    {"or", "condition", "one of both holds", "qos = 1 or retain"},
    {"and", "condition", "both hold", "qos = 1 and retain"},
    {"not", "condition", "it does not hold", "not retain"},
    {"=", "comparison", "equal, with the same type: 1 is not '1'; also ==", "qos = 1"},
    {"!=", "comparison", "not equal; also <>. Not true of what is missing", "qos != 1"},
    {"<", "comparison", "less: numbers by value, texts byte by byte", "payload.t < -40"},
    {"<=", "comparison", "less or equal", "payload.t <= 1.5e3"},
    {">", "comparison", "greater", "payload.t > 30"},
    {">=", "comparison", "greater or equal", "qos >= 1"},
    {"in", "comparison", "one of a list; not in: none of it", "clientid not in ('a', 'b')"},
    {"like", "comparison", "the whole text, where * is any text and \\* a star; not like",
     "clientid like 'test-*'"},
    {"=~", "comparison", "a part of the text matches the regular expression (PCRE2)",
     "topic =~ '^a/(?<unit>[0-9]+)'"},
    {"!~", "comparison", "no part of the text matches it", "topic !~ '/debug$'"},
    {"is", "comparison", "is null: missing, or null in JSON; is not null", "username is not null"},
    {"exists", "comparison", "exists(x): not missing; null in JSON is there", "exists(payload.t)"},
    {"+", "number", "sum, exact while it fits 64 bits; without a result it is missing",
     "payload.a + payload.b > 10"},
    {"-", "number", "difference, or the negative number", "payload.a - payload.b > -10"},
    {"*", "number", "product", "payload.a * 2 > 10"},
    {"/", "number", "quotient", "payload.a / 2 > 10"},
    {"%", "number", "remainder", "payload.a % 2 = 0"},
    {"true", "boolean", "the value; false is the other one", "retain = true"},
    {"false", "boolean", "the value", "retain = false"},
    {"null", "null", "JSON's null: behind is and in lists", "payload.a is null"},
    {"(", "", "parentheses", "(qos = 1 or retain) and dup"},
    {")", "", "their end", "(qos = 1)"},
    {",", "", "between the entries of a list", "qos in (1, 2)"},
    {NULL, NULL, NULL, NULL}};

static const char *const hook_meanings[MQK_HOOK_COUNT] = {
    [MQK_HOOK_CUSTOM] = "an event of the host's own, called custom.NAME",
    [MQK_HOOK_CLIENT_CONNECT] = "CONNECT came in; nothing is decided yet",
    [MQK_HOOK_CLIENT_CONNACK] = "CONNACK goes out, with the reason code",
    [MQK_HOOK_CLIENT_CONNECTED] = "a client is connected",
    [MQK_HOOK_CLIENT_DISCONNECTED] = "a client is gone, with the reason",
    [MQK_HOOK_CLIENT_AUTHENTICATE] = "a login was checked",
    [MQK_HOOK_CLIENT_AUTHORIZE] = "a publication or subscription was checked",
    [MQK_HOOK_CLIENT_CHECK_AUTHZ_COMPLETE] = "the check is over, with what decided it",
    [MQK_HOOK_CLIENT_SUBSCRIBE] = "SUBSCRIBE came in, one event for each filter",
    [MQK_HOOK_CLIENT_UNSUBSCRIBE] = "UNSUBSCRIBE came in, one event for each filter",
    [MQK_HOOK_SESSION_CREATED] = "a session begins",
    [MQK_HOOK_SESSION_SUBSCRIBED] = "the session has the subscription",
    [MQK_HOOK_SESSION_UNSUBSCRIBED] = "the session no longer has the subscription",
    [MQK_HOOK_SESSION_RESUMED] = "a client came back to its session",
    [MQK_HOOK_SESSION_DISCARDED] = "a session was thrown away for a clean start",
    [MQK_HOOK_SESSION_TAKENOVER] = "another connection took the session over",
    [MQK_HOOK_SESSION_TERMINATED] = "a session ended",
    [MQK_HOOK_MESSAGE_PUBLISH] = "a client published a message",
    [MQK_HOOK_MESSAGE_DELIVERED] = "a message was sent to a subscriber",
    [MQK_HOOK_MESSAGE_ACKED] = "a subscriber acknowledged a message",
    [MQK_HOOK_MESSAGE_DROPPED] = "the broker dropped a message",
};

const char *language_hook_meaning(mqk_hook hook) {
    return hook_meanings[hook];
}
