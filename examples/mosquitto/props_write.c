/* SPDX-License-Identifier: Apache-2.0 */
#include "props_write.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_TEXT 65535

enum shape { SHAPE_FLAG, SHAPE_SECONDS, SHAPE_TEXT, SHAPE_TOPIC, SHAPE_BINARY };

static const struct {
    const char *name;
    int identifier;
    enum shape shape;
} known[] = {
    {"Payload-Format-Indicator", MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, SHAPE_FLAG},
    {"Message-Expiry-Interval", MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, SHAPE_SECONDS},
    {"Content-Type", MQTT_PROP_CONTENT_TYPE, SHAPE_TEXT},
    {"Response-Topic", MQTT_PROP_RESPONSE_TOPIC, SHAPE_TOPIC},
    {"Correlation-Data", MQTT_PROP_CORRELATION_DATA, SHAPE_BINARY},
};

int mqtt_text(mqk_str text, char **copy) {
    *copy = NULL;
    if (text.len > LONGEST_TEXT) {
        return MOSQ_ERR_INVAL;
    }
    /* An absent text has no address that the check would take. */
    int rc = text.len > 0 ? mosquitto_validate_utf8(text.data, (int)text.len) : MOSQ_ERR_SUCCESS;
    if (rc != MOSQ_ERR_SUCCESS) {
        return rc;
    }
    *copy = malloc(text.len + 1);
    if (!*copy) {
        return MOSQ_ERR_NOMEM;
    }
    if (text.len > 0) {
        memcpy(*copy, text.data, text.len);
    }
    (*copy)[text.len] = '\0';
    return MOSQ_ERR_SUCCESS;
}

static int text_add(mosquitto_property **list, int identifier, enum shape shape, mqk_str text) {
    char *copy = NULL;
    int rc = mqtt_text(text, &copy);
    if (rc == MOSQ_ERR_SUCCESS && shape == SHAPE_TOPIC) {
        rc = text.len > 0 ? mosquitto_pub_topic_check(copy) : MOSQ_ERR_INVAL;
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_property_add_string(list, identifier, copy);
    }
    free(copy);
    return rc;
}

static int pair_add(mosquitto_property **list, const mqk_pair *pair) {
    char *name = NULL;
    char *value = NULL;
    int rc = mqtt_text(pair->name, &name);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mqtt_text(pair->value, &value);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_property_add_string_pair(list, MQTT_PROP_USER_PROPERTY, name, value);
    }
    free(name);
    free(value);
    return rc;
}

static int number_add(mosquitto_property **list, int identifier, enum shape shape, int64_t number) {
    if (number < 0 || number > (shape == SHAPE_FLAG ? 1 : (int64_t)UINT32_MAX)) {
        return MOSQ_ERR_INVAL;
    }
    return shape == SHAPE_FLAG ? mosquitto_property_add_byte(list, identifier, (uint8_t)number)
                               : mosquitto_property_add_int32(list, identifier, (uint32_t)number);
}

static int item_add(mosquitto_property **list, const mqk_property *item) {
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (item->name.len != strlen(known[i].name) ||
            memcmp(item->name.data, known[i].name, item->name.len) != 0) {
            continue;
        }
        switch (known[i].shape) {
        case SHAPE_FLAG:
        case SHAPE_SECONDS:
            return number_add(list, known[i].identifier, known[i].shape, item->number);
        case SHAPE_BINARY:
            return item->text.len <= LONGEST_TEXT
                       ? mosquitto_property_add_binary(list, known[i].identifier, item->text.data,
                                                       (uint16_t)item->text.len)
                       : MOSQ_ERR_INVAL;
        default:
            return text_add(list, known[i].identifier, known[i].shape, item->text);
        }
    }
    return MOSQ_ERR_SUCCESS;
}

int props_write(const mqk_publish *publish, mosquitto_property **list) {
    int rc = MOSQ_ERR_SUCCESS;
    *list = NULL;
    for (size_t i = 0; i < publish->props_count && rc == MOSQ_ERR_SUCCESS; i++) {
        rc = item_add(list, &publish->props[i]);
    }
    for (size_t i = 0; i < publish->user_props_count && rc == MOSQ_ERR_SUCCESS; i++) {
        rc = pair_add(list, &publish->user_props[i]);
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        mosquitto_property_free_all(list);
    }
    return rc;
}
