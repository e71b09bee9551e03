/* SPDX-License-Identifier: Apache-2.0 */
/* Records from Kafka for rules that use all of the language: a byte for the rule, one for what is
 * absent, the lengths of key and headers, then key, headers and value. What a host is asked for
 * must be what its interface promises. */
#include <stdlib.h>

#include "downlink.h"
#include "json_scan.h"
#include "topic_filter.h"
#include "utf8.h"

#define MAX_HEADERS 6u
#define KEY_ABSENT  1u
#define NULL_HEADER 2u
#define NO_VALUE    4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT(s)                                                                                    \
    { s, sizeof(s) - 1 }

static const struct rule_header_source properties[] = {
    {.name = TEXT("Content-Type"), .value = TEXT("${headers.type}")},
    {.name = TEXT("Response-Topic"), .value = TEXT("${value.reply | lower}")},
    {.name = TEXT("Correlation-Data"), .value = TEXT("${headers.id}")},
    {.name = TEXT("Message-Expiry-Interval"), .value = TEXT("${value.ttl}")},
    {.name = TEXT("Payload-Format-Indicator"), .value = TEXT("${value.text}")},
};
static const struct rule_header_source user[] = {
    {.name = TEXT("key"), .value = TEXT("${key}")},
    {.name = TEXT("first"), .value = TEXT("${value.list[0]}")},
};
static const mqk_str clients[] = {TEXT("${value.clientid}"), TEXT("${regex.id}")};
static const mqk_str users[] = {TEXT("${value.username}"),
                                TEXT("${value.deviceName}&${value.productKey}")};

static const struct downlink_source sources[] = {
    {.name = TEXT("json"),
     .mqtt_topic = TEXT("out/${value.device}/${headers.kind | default(\"x\")}"),
     .payload = TEXT("{\"v\":${value.a.b[1]},\"k\":\"${key}\",\"t\":\"${value.a}\",\"all\":${.}}"),
     .payload_format = MQK_FORMAT_JSON,
     .qos = TEXT("${value.qos | default(1)}"),
     .retain = TEXT("${value.keep | default(false)}"),
     .properties = properties,
     .property_count = sizeof(properties) / sizeof(properties[0]),
     .user_properties = user,
     .user_property_count = sizeof(user) / sizeof(user[0]),
     .user_properties_from_headers = true},
    {.name = TEXT("plain"), .mqtt_topic = TEXT("${key}")},
    {.name = TEXT("base64"),
     .mqtt_topic = TEXT("${key}"),
     .payload = TEXT("${value.a | base64}${value | hex | trunc(9)}"),
     .key_encoding = PAYLOAD_BASE64,
     .value_encoding = PAYLOAD_BASE64},
    {.name = TEXT("kick"),
     .action = DOWNLINK_KICK,
     .regex_field = TEXT("key"),
     .regex_pattern = TEXT("^(?<id>[a-z]+)/"),
     .clientid = {clients, 2},
     .username = {users, 2},
     .reason = TEXT("${value.why}")},
    {.name = TEXT("clean"),
     .action = DOWNLINK_ACL_CLEAN,
     .where = TEXT("value.n > 3 or headers.h = 'x' or exists(value.list[2].a)"),
     .username = {users, 2}},
    {.name = TEXT("callback"), .action = DOWNLINK_CALLBACK, .skip_own = SKIP_OWN_NODE},
};
#define RULES (sizeof(sources) / sizeof(sources[0]))

static void check(bool good) {
    if (!good) {
        abort();
    }
}

static void refuse(void *told, size_t rule, const char *path, size_t at, mqk_severity severity,
                   mqk_status code, const char *sentence) {
    (void)told;
    (void)rule;
    (void)path;
    (void)at;
    (void)code;
    (void)sentence;
    check(severity == MQK_SEVERITY_WARNING);
}

struct input {
    const uint8_t *at;
    size_t left;
};

static unsigned next_byte(struct input *in) {
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->at++;
}

/* In memory of its own, so that reading behind its end is seen. */
static mqk_str next_text(struct input *in, size_t len) {
    len = len < in->left ? len : in->left;
    char *copy = malloc(len > 0 ? len : 1);
    check(copy != NULL);
    if (len > 0) {
        memcpy(copy, in->at, len);
    }
    in->at += len;
    in->left -= len;
    return (mqk_str){copy, len};
}

static bool is_text(mqk_str text) {
    return text.len <= 65535 && utf8_valid_prefix(text) == text.len &&
           (text.len == 0 || !memchr(text.data, '\0', text.len));
}

static void check_publish(const mqk_publish *p, size_t rule) {
    check(!topic_name_check(p->topic));
    check(p->qos <= 2);
    check(rule != 0 || json_valid(p->payload, NULL));
    for (size_t i = 0; i < p->props_count; i++) {
        check(p->props[i].text.data ? p->props[i].text.len <= 65535 : p->props[i].number >= 0);
    }
    for (size_t i = 0; i < p->user_props_count; i++) {
        check(p->user_props[i].value.data && is_text(p->user_props[i].value));
        check(is_text(p->user_props[i].name));
    }
}

static void check_command(const struct downlink_command *c, size_t rule) {
    switch (sources[rule].action) {
    case DOWNLINK_PUBLISH:
        check_publish(&c->as.publish, rule);
        break;
    case DOWNLINK_KICK:
        check(!c->as.kick.clientid.data != !c->as.kick.username.data);
        check(c->as.kick.clientid.len + c->as.kick.username.len > 0);
        break;
    case DOWNLINK_ACL_CLEAN:
        check(!c->as.clean.clientid.data && c->as.clean.username.len > 0);
        break;
    case DOWNLINK_CALLBACK:
        break;
    }
}

/* Twice: explaining must come to the same. */
static void evaluate(const struct downlink *d, size_t rule, const mqk_kafka_record *record) {
    struct downlink_host host;
    struct downlink_command c, again;
    char memory[256];
    struct buffer why;
    downlink_host_init(&host, STR("n1"));
    downlink_command_init(&c);
    downlink_command_init(&again);
    buffer_init(&why, memory, sizeof(memory));
    c.record = again.record = *record;
    enum downlink_verdict verdict = downlink_evaluate(d, rule, &host, &c);
    check(downlink_explain(d, rule, &host, &again, &why) == verdict);
    check(why.len > 0);
    if (verdict == DOWNLINK_COMMAND) {
        check_command(&c, rule);
    }
    check(verdict != DOWNLINK_UNUSABLE || c.reason);
    buffer_fini(&why);
    downlink_command_fini(&again);
    downlink_command_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct downlink *d;
    struct input in = {data, size};
    mqk_header headers[MAX_HEADERS];
    mqk_kafka_record record = {.size = sizeof(record),
                               .topic = STR("kt"),
                               .ts_type = MQK_TS_CREATE,
                               .offset = 7,
                               .timestamp_ms = 1700000000123,
                               .headers = headers};
    if (!d) {
        d = downlink_compile(sources, RULES, refuse, NULL);
        check(d != NULL);
    }
    size_t rule = next_byte(&in) % RULES;
    unsigned absent = next_byte(&in);
    size_t key_len = next_byte(&in);
    record.header_count = next_byte(&in) % (MAX_HEADERS + 1);
    mqk_str key = next_text(&in, key_len);
    for (size_t i = 0; i < record.header_count; i++) {
        size_t name_len = next_byte(&in), value_len = next_byte(&in);
        headers[i].name = next_text(&in, name_len);
        headers[i].value = next_text(&in, value_len);
        const char *nul = memchr(headers[i].name.data, '\0', headers[i].name.len);
        headers[i].name.len = nul ? (size_t)(nul - headers[i].name.data) : headers[i].name.len;
    }
    mqk_str value = next_text(&in, in.left);
    mqk_str null_value = record.header_count > 0 ? headers[0].value : value;
    if (record.header_count > 0 && absent & NULL_HEADER) {
        headers[0].value = (mqk_str){NULL, 0};
    }
    record.key = absent & KEY_ABSENT ? (mqk_str){NULL, 0} : key;
    record.value = absent & NO_VALUE ? (mqk_str){NULL, 0} : value;
    evaluate(d, rule, &record);
    if (record.header_count > 0) {
        headers[0].value = null_value;
    }
    for (size_t i = 0; i < record.header_count; i++) {
        free((void *)(uintptr_t)headers[i].name.data);
        free((void *)(uintptr_t)headers[i].value.data);
    }
    free((void *)(uintptr_t)key.data);
    free((void *)(uintptr_t)value.data);
    return 0;
}
