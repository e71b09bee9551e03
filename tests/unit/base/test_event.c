/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "event.h"

static bool hook_has(mqk_hook hook, enum event_field field) {
    return event_hooks[hook].fields >> field & 1;
}

static void writes_each_hooks_members_in_order(void **state) {
    (void)state;
    /* The table of the plugins whose consumers we keep working. */
    static const struct {
        mqk_hook hook;
        const char *members;
    } cases[] = {
        {MQK_HOOK_CLIENT_CONNECT, "peername sockname proto_name proto_ver keepalive clean_start "
                                  "receive_maximum expiry_interval conn_props"},
        {MQK_HOOK_CLIENT_CONNACK, "reason_code clientid clean_start username peername sockname "
                                  "proto_name proto_ver keepalive expiry_interval conn_props"},
        {MQK_HOOK_CLIENT_CONNECTED,
         "clientid username mountpoint peername sockname proto_name proto_ver keepalive "
         "clean_start receive_maximum expiry_interval is_bridge conn_props connected_at"},
        {MQK_HOOK_CLIENT_DISCONNECTED, "reason clientid username peername sockname proto_name "
                                       "proto_ver disconn_props disconnected_at"},
        {MQK_HOOK_CLIENT_AUTHENTICATE, "clientid username peerhost result"},
        {MQK_HOOK_CLIENT_AUTHORIZE, "clientid username peerhost topic action result"},
        {MQK_HOOK_CLIENT_CHECK_AUTHZ_COMPLETE,
         "clientid username peerhost topic action authz_source result"},
        {MQK_HOOK_CLIENT_SUBSCRIBE, "clientid username peerhost topic qos sub_props"},
        {MQK_HOOK_CLIENT_UNSUBSCRIBE, "clientid username peerhost topic qos unsub_props"},
        {MQK_HOOK_SESSION_CREATED, "clientid username peerhost session_id created_at"},
        {MQK_HOOK_SESSION_SUBSCRIBED, "clientid username peerhost sub_props topic qos"},
        {MQK_HOOK_SESSION_UNSUBSCRIBED, "clientid username peerhost unsub_props topic qos"},
        {MQK_HOOK_SESSION_RESUMED, "clientid username peerhost"},
        {MQK_HOOK_SESSION_DISCARDED, "clientid username peerhost"},
        {MQK_HOOK_SESSION_TAKENOVER, "clientid username peerhost"},
        {MQK_HOOK_SESSION_TERMINATED, "clientid username peerhost reason"},
        {MQK_HOOK_MESSAGE_PUBLISH, "id clientid username payload peerhost topic qos flags "
                                   "pub_props publish_received_at"},
        {MQK_HOOK_MESSAGE_DELIVERED, "id from_clientid from_username clientid username payload "
                                     "peerhost topic qos flags pub_props publish_received_at"},
        {MQK_HOOK_MESSAGE_ACKED,
         "id from_clientid from_username clientid username payload peerhost topic qos flags "
         "pub_props publish_received_at puback_props"},
        {MQK_HOOK_MESSAGE_DROPPED, "id clientid username payload peerhost topic qos flags "
                                   "pub_props publish_received_at by_node reason"},
    };
    assert_int_equal(sizeof(cases) / sizeof(cases[0]), MQK_HOOK_COUNT - 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct event_hook_info *info = &event_hooks[cases[i].hook];
        char members[400] = "";
        for (size_t m = 0; m < info->member_count; m++) {
            strcat(members, m > 0 ? " " : "");
            strcat(members, info->members[m].name);
        }
        assert_string_equal(members, cases[i].members);
    }
}

static void a_member_is_the_field_of_its_name(void **state) {
    (void)state;
    for (unsigned h = 0; h < MQK_HOOK_COUNT; h++) {
        const struct event_hook_info *info = &event_hooks[h];
        for (size_t m = 0; m < info->member_count; m++) {
            enum event_field field = FIELD_COUNT;
            assert_true(event_field_by_name(mqk_cstr(info->members[m].name), &field));
            assert_int_equal(field, info->members[m].field);
        }
    }
}

static void a_hook_has_the_fields_of_its_members(void **state) {
    (void)state;
    for (unsigned h = 0; h < MQK_HOOK_COUNT; h++) {
        const struct event_hook_info *info = &event_hooks[h];
        uint64_t expected =
            UINT64_C(1) << FIELD_event | UINT64_C(1) << FIELD_timestamp | UINT64_C(1) << FIELD_node;
        for (size_t m = 0; m < info->member_count; m++) {
            expected |= UINT64_C(1) << info->members[m].field;
        }
        if (expected >> FIELD_flags & 1) {
            expected |= UINT64_C(1) << FIELD_retain | UINT64_C(1) << FIELD_dup;
        }
        assert_true(info->fields == expected);
    }
    assert_true(event_hooks[MQK_HOOK_CUSTOM].fields == (UINT64_C(1) << FIELD_COUNT) - 1);
    assert_true(hook_has(MQK_HOOK_MESSAGE_PUBLISH, FIELD_retain));
    assert_false(hook_has(MQK_HOOK_CLIENT_CONNECTED, FIELD_qos));
}

static void knows_which_hooks_have_topics_and_messages(void **state) {
    (void)state;
    static const char *const with_topic[] = {"custom",
                                             "client.authorize",
                                             "client.check_authz_complete",
                                             "client.subscribe",
                                             "client.unsubscribe",
                                             "session.subscribed",
                                             "session.unsubscribed"};
    for (unsigned h = 0; h < MQK_HOOK_COUNT; h++) {
        const struct event_hook_info *info = &event_hooks[h];
        bool message = strncmp(info->name, "message.", 8) == 0;
        bool topic = message;
        for (size_t i = 0; i < sizeof(with_topic) / sizeof(with_topic[0]); i++) {
            topic = topic || strcmp(info->name, with_topic[i]) == 0;
        }
        assert_int_equal(info->has_topic, topic);
        assert_int_equal(info->is_message, message || h == MQK_HOOK_CUSTOM);
    }
}

static void describes_every_field(void **state) {
    (void)state;
    for (unsigned f = 0; f < FIELD_COUNT; f++) {
        const struct event_field_info *info = &event_fields[f];
        assert_non_null(info->name);
        assert_true(strlen(info->meaning) > 0);
        assert_true(info->offset < sizeof(mqk_event));
        enum event_field found = FIELD_COUNT;
        assert_true(event_field_by_name(mqk_cstr(info->name), &found));
        assert_int_equal(found, f);
    }
    assert_int_equal(event_fields[FIELD_payload].kind, FIELD_TEXT);
    assert_int_equal(event_fields[FIELD_qos].kind, FIELD_INT);
    assert_int_equal(event_fields[FIELD_retain].kind, FIELD_BOOL);
    assert_int_equal(event_fields[FIELD_connected_at].kind, FIELD_TIME);
    assert_int_equal(event_fields[FIELD_event].kind, FIELD_TEXT);
    assert_int_equal(event_fields[FIELD_flags].kind, FIELD_OBJECT);
    assert_int_equal(event_fields[FIELD_props].kind, FIELD_OBJECT);
    assert_int_equal(event_fields[FIELD_ack_props].kind, FIELD_OBJECT);
    assert_int_equal(event_fields[FIELD_topic].offset, offsetof(mqk_event, topic));
}

static void finds_fields_by_alias(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum event_field field; /* FIELD_COUNT: none */
    } cases[] = {
        {"clientid", FIELD_clientid},
        {"event", FIELD_event},
        {"flags", FIELD_flags},
        {"from", FIELD_from_clientid},
        {"ts", FIELD_timestamp},
        {"conn_props", FIELD_props},
        {"disconn_props", FIELD_props},
        {"sub_props", FIELD_props},
        {"unsub_props", FIELD_props},
        {"pub_props", FIELD_props},
        {"puback_props", FIELD_ack_props},
        {"client_id", FIELD_COUNT},
        {"clintid", FIELD_COUNT},
        {"Clientid", FIELD_COUNT},
        {"clientid ", FIELD_COUNT},
        {"", FIELD_COUNT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum event_field field = FIELD_COUNT;
        bool found = event_field_by_name(mqk_cstr(cases[i].name), &field);
        assert_int_equal(found, cases[i].field != FIELD_COUNT);
        assert_int_equal(field, cases[i].field);
    }
}

static void every_name_for_suggestions_is_a_field(void **state) {
    (void)state;
    size_t count = 0;
    for (const char *const *name = event_field_names; *name; name++, count++) {
        enum event_field field;
        assert_true(event_field_by_name(mqk_cstr(*name), &field));
    }
    assert_int_equal(count, FIELD_COUNT + 8);
}

static bool listed(const char *name) {
    for (const char *const *known = event_hook_names; *known; known++) {
        if (strcmp(*known, name) == 0) {
            return true;
        }
    }
    return false;
}

static void finds_hooks_by_name_and_alias(void **state) {
    (void)state;
    for (unsigned h = 1; h < MQK_HOOK_COUNT; h++) {
        const struct event_hook_info *info = &event_hooks[h];
        mqk_hook hook = MQK_HOOK_COUNT;
        assert_true(event_hook_by_name(mqk_cstr(info->name), &hook));
        assert_int_equal(hook, h);
        assert_true(listed(info->name));
        if (info->alias[0]) {
            assert_true(event_hook_by_name(mqk_cstr(info->alias), &hook));
            assert_int_equal(hook, h);
            assert_true(listed(info->alias));
        }
    }
    mqk_hook hook;
    assert_true(event_hook_by_name(STR("client.check_acl"), &hook));
    assert_int_equal(hook, MQK_HOOK_CLIENT_AUTHORIZE);
    assert_true(event_hook_by_name(STR("session.takeovered"), &hook));
    assert_int_equal(hook, MQK_HOOK_SESSION_TAKENOVER);
    assert_true(event_hook_by_name(STR("custom.alarm"), &hook));
    assert_int_equal(hook, MQK_HOOK_CUSTOM);
    static const char *const none[] = {"",        "custom",           "custom.",        "message",
                                       "client.", "message.publishe", "Message.publish"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(event_hook_by_name(mqk_cstr(none[i]), &hook));
    }
}

static void begins_with_nothing_in_it(void **state) {
    (void)state;
    mqk_event event;
    memset(&event, 0xAA, sizeof(event));
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    assert_int_equal(event.size, sizeof(event));
    assert_int_equal(event.hook, MQK_HOOK_MESSAGE_PUBLISH);
    assert_int_equal(event.reserved, 0);
    assert_int_equal(event.token, 0);
    assert_null(event.props);
    assert_int_equal(event.attrs_count, 0);
    for (unsigned f = 0; f < FIELD_event; f++) {
        if (event_fields[f].kind == FIELD_TEXT) {
            assert_null(event_text(&event, (enum event_field)f).data);
            assert_int_equal(event_text(&event, (enum event_field)f).len, 0);
        } else {
            assert_true(event_number(&event, (enum event_field)f) == MQK_UNKNOWN);
        }
    }
}

static void initialises_the_callers_size_and_no_byte_more(void **state) {
    (void)state;
    uint8_t memory[sizeof(mqk_event) + 64];
    for (size_t size = 0; size <= sizeof(memory); size++) {
        memset(memory, 0xAA, sizeof(memory));
        event_init((mqk_event *)(void *)memory, size, MQK_HOOK_CLIENT_CONNECT);
        for (size_t i = size; i < sizeof(memory); i++) {
            assert_int_equal(memory[i], 0xAA);
        }
        if (size >= sizeof(size_t)) {
            size_t written;
            memcpy(&written, memory, sizeof(written));
            assert_int_equal(written, size);
        }
        for (size_t i = sizeof(mqk_event); i < size; i++) {
            assert_int_equal(memory[i], 0);
        }
    }
}

static void shows_only_the_numbers_of_the_hook(void **state) {
    (void)state;
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.qos = 1;
    event.keepalive = 60;
    event.retain = 1;
    assert_int_equal(event_number(&event, FIELD_qos), 1);
    assert_int_equal(event_number(&event, FIELD_retain), 1);
    assert_true(event_number(&event, FIELD_keepalive) == MQK_UNKNOWN);
    event.hook = MQK_HOOK_CLIENT_CONNECTED;
    assert_true(event_number(&event, FIELD_qos) == MQK_UNKNOWN);
    assert_int_equal(event_number(&event, FIELD_keepalive), 60);
    event.hook = MQK_HOOK_CUSTOM;
    assert_int_equal(event_number(&event, FIELD_qos), 1);
    assert_int_equal(event_number(&event, FIELD_keepalive), 60);
}

/* An event in which every member is set to something recognisable. */
static void fill(mqk_event *event, size_t size) {
    static const mqk_property property = {{"p", 1}, {"v", 1}, 0};
    static const mqk_pair pair = {{"n", 1}, {"v", 1}};
    event_init(event, sizeof(*event), MQK_HOOK_CUSTOM);
    event->size = size;
    event->hook_name = STR("custom.test");
    event->token = 99;
    event->props = event->ack_props = &property;
    event->props_count = event->ack_props_count = 1;
    event->user_props = event->ack_user_props = event->attrs = &pair;
    event->user_props_count = event->ack_user_props_count = event->attrs_count = 1;
    for (unsigned f = 0; f < FIELD_event; f++) {
        char *member = (char *)event + event_fields[f].offset;
        if (event_fields[f].kind == FIELD_TEXT) {
            mqk_str text = mqk_cstr(event_fields[f].name);
            memcpy(member, &text, sizeof(text));
        } else {
            int64_t number = 1000 + (int64_t)f;
            memcpy(member, &number, sizeof(number));
        }
    }
}

static void assert_adopted(const mqk_event *got, size_t size) {
    for (unsigned f = 0; f < FIELD_event; f++) {
        enum event_field field = (enum event_field)f;
        bool text = event_fields[f].kind == FIELD_TEXT;
        size_t end = event_fields[f].offset + (text ? sizeof(mqk_str) : sizeof(int64_t));
        if (text) {
            mqk_str expected = end <= size ? mqk_cstr(event_fields[f].name) : (mqk_str){NULL, 0};
            assert_true(str_equal(event_text(got, field), expected));
            assert_int_equal(event_text(got, field).data != NULL, end <= size);
        } else {
            assert_true(event_number(got, field) ==
                        (end <= size ? 1000 + (int64_t)f : MQK_UNKNOWN));
        }
    }
    bool has_token = size >= offsetof(mqk_event, token) + sizeof(got->token);
    assert_int_equal(got->token, has_token ? 99 : 0);
    bool has_props = size >= offsetof(mqk_event, props_count) + sizeof(got->props_count);
    assert_int_equal(got->props_count, has_props ? 1 : 0);
    bool has_attrs = size >= offsetof(mqk_event, attrs_count) + sizeof(got->attrs_count);
    assert_int_equal(got->attrs_count, has_attrs ? 1 : 0);
}

static void adopts_events_of_every_size(void **state) {
    (void)state;
    mqk_event full;
    size_t named = offsetof(mqk_event, hook_name) + sizeof(full.hook_name);
    for (size_t size = 0; size <= sizeof(full) + 40; size++) {
        /* Exactly as many bytes as the caller has, so that a sanitizer sees each one too many. */
        size_t room = size < sizeof(size_t) ? sizeof(size_t) : size;
        mqk_event *event = calloc(1, room);
        assert_non_null(event);
        fill(&full, size);
        memcpy(event, &full, room < sizeof(full) ? room : sizeof(full));
        mqk_event copy;
        memset(&copy, 0xAA, sizeof(copy));
        const mqk_event *got = event_adopt(event, &copy);
        if (size < named) {
            assert_null(got); /* a custom event without its name */
        } else {
            assert_ptr_equal(got, size >= sizeof(full) ? event : &copy);
            assert_true(got->size >= sizeof(full));
            assert_adopted(got, size);
        }
        free(event);
    }
}

static void adopts_the_smallest_event(void **state) {
    (void)state;
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_SESSION_RESUMED);
    mqk_event copy;
    event.size = offsetof(mqk_event, hook) + sizeof(event.hook);
    const mqk_event *got = event_adopt(&event, &copy);
    assert_ptr_equal(got, &copy);
    assert_int_equal(got->hook, MQK_HOOK_SESSION_RESUMED);
    assert_null(got->clientid.data);
    event.size--;
    assert_null(event_adopt(&event, &copy));
    event.size = 0;
    assert_null(event_adopt(&event, &copy));
    assert_null(event_adopt(NULL, &copy));
}

static void refuses_unusable_events(void **state) {
    (void)state;
    mqk_event copy;
    mqk_event event;
    static const int bad_hooks[] = {-1, MQK_HOOK_COUNT, 1000, INT32_MIN};
    for (size_t i = 0; i < sizeof(bad_hooks) / sizeof(bad_hooks[0]); i++) {
        event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
        memcpy(&event.hook, &bad_hooks[i], sizeof(event.hook));
        assert_null(event_adopt(&event, &copy));
    }
    static const mqk_str bad_names[] = {{NULL, 0},     {NULL, 8},      {"", 0},
                                        {"custom", 6}, {"custom.", 7}, {"alarm", 5}};
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        event_init(&event, sizeof(event), MQK_HOOK_CUSTOM);
        event.hook_name = bad_names[i];
        assert_null(event_adopt(&event, &copy));
    }
    event.hook_name = STR("custom.x");
    assert_non_null(event_adopt(&event, &copy));
    size_t *const counts[] = {&event.props_count, &event.user_props_count, &event.ack_props_count,
                              &event.ack_user_props_count, &event.attrs_count};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        *counts[i] = 1;
        assert_null(event_adopt(&event, &copy));
        *counts[i] = 0;
        assert_non_null(event_adopt(&event, &copy));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_each_hooks_members_in_order),
        cmocka_unit_test(a_member_is_the_field_of_its_name),
        cmocka_unit_test(a_hook_has_the_fields_of_its_members),
        cmocka_unit_test(knows_which_hooks_have_topics_and_messages),
        cmocka_unit_test(describes_every_field),
        cmocka_unit_test(finds_fields_by_alias),
        cmocka_unit_test(every_name_for_suggestions_is_a_field),
        cmocka_unit_test(finds_hooks_by_name_and_alias),
        cmocka_unit_test(begins_with_nothing_in_it),
        cmocka_unit_test(initialises_the_callers_size_and_no_byte_more),
        cmocka_unit_test(shows_only_the_numbers_of_the_hook),
        cmocka_unit_test(adopts_events_of_every_size),
        cmocka_unit_test(adopts_the_smallest_event),
        cmocka_unit_test(refuses_unusable_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
