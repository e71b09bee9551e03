/* SPDX-License-Identifier: Apache-2.0 */
/* What consumer rules are made of: private to downlink*.c. */
#ifndef MQK_RULES_DOWNLINK_RULE_H
#define MQK_RULES_DOWNLINK_RULE_H

#include "condition.h"
#include "downlink.h"

/* MQTT 5 properties of a message that a rule may set. */
enum publish_property {
    PROPERTY_PAYLOAD_FORMAT,
    PROPERTY_MESSAGE_EXPIRY,
    PROPERTY_CONTENT_TYPE,
    PROPERTY_RESPONSE_TOPIC,
    PROPERTY_CORRELATION_DATA,
    PROPERTY_COUNT
};

enum property_kind { KIND_NUMBER, KIND_TEXT, KIND_TOPIC, KIND_BYTES };

struct publish_property_info {
    const char *name;
    enum property_kind kind;
    int64_t max; /* of a number */
};
extern const struct publish_property_info publish_properties[PROPERTY_COUNT];

struct downlink_pair {
    mqk_str name;
    uint8_t property; /* enum publish_property; of a property */
    struct template *value;
};

struct pair_list {
    struct downlink_pair *pairs;
    size_t count;
};

struct template_list {
    struct template **templates;
    size_t count;
};

struct downlink_rule {
    mqk_str name;
    enum downlink_action action;
    struct condition *condition; /* NULL: none */
    struct template *topic;
    struct template *payload; /* NULL: the value */
    struct template *qos;     /* NULL: 0 */
    struct template *retain;  /* NULL: false */
    struct pair_list properties;
    struct pair_list user_properties;
    bool user_properties_from_headers;
    struct template_list clientid;
    struct template_list username;
    struct template *reason; /* NULL: none */
    bool decode_key;
    bool decode_value;
    enum skip_own skip_own;
};

struct downlink {
    struct downlink_rule *rules;
    size_t count;
    char *pool;
};

/* The number that a text is, 0 to `max`; -1 when it is none. */
int64_t downlink_number(mqk_str text, int64_t max);
/* 0 or 1 for false, true, 0, 1; -1 for what is none. */
int downlink_bool(mqk_str text);
/* Whether a text may stand in an MQTT packet as one: at most 65,535 bytes, UTF-8, no NUL. */
bool downlink_is_mqtt_text(mqk_str text);

#endif
