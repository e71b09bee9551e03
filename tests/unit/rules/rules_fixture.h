/* SPDX-License-Identifier: Apache-2.0 */
/* An event that has a bit of everything, and rendering it by a template. */
#ifndef RULES_FIXTURE_H
#define RULES_FIXTURE_H

#include "template.h"

#define FIXTURE_NOW INT64_C(1700000000999)

static const mqk_property fixture_props[] = {
    {{"Message-Expiry-Interval", 23}, {NULL, 0}, 60},
    {{"Content-Type", 12}, {"text/\"x\"", 8}, 0},
};
static const mqk_pair fixture_user_props[] = {
    {{"trace.id", 8}, {"first", 5}},
    {{"b", 1}, {"two", 3}},
    {{"trace.id", 8}, {"last", 4}},
};
static const mqk_property fixture_ack_props[] = {{{"Reason-String", 13}, {"fine", 4}, 0}};
static const mqk_pair fixture_attrs[] = {{{"site", 4}, {"north", 5}}, {{"odd.name", 8}, {"", 0}}};

static inline mqk_event fixture_event(mqk_hook hook) {
    mqk_event event;
    event_init(&event, sizeof(event), hook);
    event.clientid = STR("c1");
    event.topic = STR("factory/a/line/3/temp");
    event.payload = STR(
        "{\"temp\":31.50,\"s\":\"q\\\"\\u00e9\",\"plain\":\"p\",\"o\":{ \"x\" : [1, {\"y\":null}]},"
        "\"yes\":true,\"odd.name\":7,\"n\":null,\"list\":[10,20]}");
    event.qos = 1;
    event.retain = 1;
    event.dup = 0;
    event.timestamp = INT64_C(1700000000123);
    event.props = fixture_props;
    event.props_count = 2;
    event.user_props = fixture_user_props;
    event.user_props_count = 3;
    event.ack_props = fixture_ack_props;
    event.ack_props_count = 1;
    event.attrs = fixture_attrs;
    event.attrs_count = 2;
    return event;
}

static inline struct render_context fixture_context(const mqk_event *event) {
    return (struct render_context){.event = event,
                                   .node = STR("node-1"),
                                   .now_ms = FIXTURE_NOW,
                                   .filter = STR("factory/+/line/+/#")};
}

#endif
