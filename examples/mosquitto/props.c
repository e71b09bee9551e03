/* SPDX-License-Identifier: Apache-2.0 */
#include "props.h"

#include <stdlib.h>
#include <string.h>

enum shape { SHAPE_BYTE, SHAPE_INT16, SHAPE_INT32, SHAPE_VARINT, SHAPE_BINARY, SHAPE_STRING };

/* MQTT 5, table 2-4: names as in the specification, with hyphens. */
static const struct {
    int identifier;
    enum shape shape;
    const char *name;
} known[] = {
    {MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, SHAPE_BYTE, "Payload-Format-Indicator"},
    {MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, SHAPE_INT32, "Message-Expiry-Interval"},
    {MQTT_PROP_CONTENT_TYPE, SHAPE_STRING, "Content-Type"},
    {MQTT_PROP_RESPONSE_TOPIC, SHAPE_STRING, "Response-Topic"},
    {MQTT_PROP_CORRELATION_DATA, SHAPE_BINARY, "Correlation-Data"},
    {MQTT_PROP_SUBSCRIPTION_IDENTIFIER, SHAPE_VARINT, "Subscription-Identifier"},
    {MQTT_PROP_SESSION_EXPIRY_INTERVAL, SHAPE_INT32, "Session-Expiry-Interval"},
    {MQTT_PROP_SERVER_KEEP_ALIVE, SHAPE_INT16, "Server-Keep-Alive"},
    {MQTT_PROP_REQUEST_PROBLEM_INFORMATION, SHAPE_BYTE, "Request-Problem-Information"},
    {MQTT_PROP_WILL_DELAY_INTERVAL, SHAPE_INT32, "Will-Delay-Interval"},
    {MQTT_PROP_REQUEST_RESPONSE_INFORMATION, SHAPE_BYTE, "Request-Response-Information"},
    {MQTT_PROP_REASON_STRING, SHAPE_STRING, "Reason-String"},
    {MQTT_PROP_RECEIVE_MAXIMUM, SHAPE_INT16, "Receive-Maximum"},
    {MQTT_PROP_TOPIC_ALIAS_MAXIMUM, SHAPE_INT16, "Topic-Alias-Maximum"},
    {MQTT_PROP_TOPIC_ALIAS, SHAPE_INT16, "Topic-Alias"},
    {MQTT_PROP_MAXIMUM_PACKET_SIZE, SHAPE_INT32, "Maximum-Packet-Size"},
};

/* Makes room for one more element: the array, perhaps elsewhere, or NULL with the old one kept. */
static void *room_for_one(void *array, size_t count, size_t *capacity, size_t element) {
    if (count < *capacity) {
        return array;
    }
    size_t bigger = *capacity ? *capacity * 2 : 8;
    void *grown = realloc(array, bigger * element);
    if (grown) {
        *capacity = bigger;
    }
    return grown;
}

static bool item_add(struct props *props, const char *name, mqk_str text, int64_t number) {
    mqk_property *items =
        room_for_one(props->items, props->count, &props->capacity, sizeof(*props->items));
    if (!items) {
        return false;
    }
    props->items = items;
    props->items[props->count++] =
        (mqk_property){.name = mqk_cstr(name), .text = text, .number = number};
    return true;
}

static bool pair_add(struct props *props, mqk_str name, mqk_str value) {
    mqk_pair *pairs =
        room_for_one(props->pairs, props->pair_count, &props->pair_capacity, sizeof(*props->pairs));
    if (!pairs) {
        return false;
    }
    props->pairs = pairs;
    props->pairs[props->pair_count++] = (mqk_pair){.name = name, .value = value};
    return true;
}

#ifdef MQK_MOSQUITTO_21

static mqk_str text_of(const mosquitto_property *item, enum shape shape) {
    if (shape == SHAPE_BINARY) {
        const char *data = mosquitto_property_binary_value(item);
        return (mqk_str){data ? data : "", mosquitto_property_binary_value_length(item)};
    }
    const char *data = mosquitto_property_string_value(item);
    return (mqk_str){data ? data : "", mosquitto_property_string_value_length(item)};
}

static bool text_read(struct props *props, const mosquitto_property *item, enum shape shape,
                      const char *name) {
    return item_add(props, name, text_of(item, shape), 0);
}

static bool pair_read(struct props *props, const mosquitto_property *item) {
    const char *name = mosquitto_property_string_name(item);
    mqk_str named = {name ? name : "", mosquitto_property_string_name_length(item)};
    return pair_add(props, named, text_of(item, SHAPE_STRING));
}

#else

/* Takes over memory that libmosquitto allocated. */
static bool copy_keep(struct props *props, void *copy) {
    if (!copy) {
        return true;
    }
    void **copies = room_for_one(props->copies, props->copy_count, &props->copy_capacity,
                                 sizeof(*props->copies));
    if (!copies) {
        free(copy);
        return false;
    }
    props->copies = copies;
    props->copies[props->copy_count++] = copy;
    return true;
}

static bool text_read(struct props *props, const mosquitto_property *item, enum shape shape,
                      const char *name) {
    if (shape == SHAPE_BINARY) {
        void *data = NULL;
        uint16_t len = 0;
        mosquitto_property_read_binary(item, mosquitto_property_identifier(item), &data, &len,
                                       false);
        return copy_keep(props, data) && item_add(props, name, (mqk_str){data ? data : "", len}, 0);
    }
    char *text = NULL;
    mosquitto_property_read_string(item, mosquitto_property_identifier(item), &text, false);
    return copy_keep(props, text) && item_add(props, name, mqk_cstr(text ? text : ""), 0);
}

static bool pair_read(struct props *props, const mosquitto_property *item) {
    char *name = NULL;
    char *value = NULL;
    mosquitto_property_read_string_pair(item, MQTT_PROP_USER_PROPERTY, &name, &value, false);
    bool kept = copy_keep(props, name);
    kept = copy_keep(props, value) && kept;
    return kept && pair_add(props, mqk_cstr(name ? name : ""), mqk_cstr(value ? value : ""));
}

#endif

static int64_t number_of(const mosquitto_property *item, enum shape shape) {
    int identifier = mosquitto_property_identifier(item);
    uint8_t byte = 0;
    uint16_t int16 = 0;
    uint32_t int32 = 0;
    switch (shape) {
    case SHAPE_BYTE:
        mosquitto_property_read_byte(item, identifier, &byte, false);
        return byte;
    case SHAPE_INT16:
        mosquitto_property_read_int16(item, identifier, &int16, false);
        return int16;
    case SHAPE_VARINT:
        mosquitto_property_read_varint(item, identifier, &int32, false);
        return int32;
    default:
        mosquitto_property_read_int32(item, identifier, &int32, false);
        return int32;
    }
}

static bool item_read(struct props *props, const mosquitto_property *item) {
    int identifier = mosquitto_property_identifier(item);
    if (identifier == MQTT_PROP_USER_PROPERTY) {
        return pair_read(props, item);
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].identifier != identifier) {
            continue;
        }
        if (known[i].shape == SHAPE_BINARY || known[i].shape == SHAPE_STRING) {
            return text_read(props, item, known[i].shape, known[i].name);
        }
        return item_add(props, known[i].name, (mqk_str){NULL, 0}, number_of(item, known[i].shape));
    }
    return true;
}

void props_read(struct props *props, const mosquitto_property *list, mqk_event *event) {
    for (const mosquitto_property *item = list; item; item = mosquitto_property_next(item)) {
        if (!item_read(props, item)) {
            break;
        }
    }
    event->props = props->items;
    event->props_count = props->count;
    event->user_props = props->pairs;
    event->user_props_count = props->pair_count;
}

void props_clear(struct props *props) {
    for (size_t i = 0; i < props->copy_count; i++) {
        free(props->copies[i]);
    }
    props->copy_count = 0;
    props->count = 0;
    props->pair_count = 0;
}

void props_fini(struct props *props) {
    props_clear(props);
    free(props->items);
    free(props->pairs);
    free(props->copies);
    *props = (struct props){0};
}
