/* SPDX-License-Identifier: Apache-2.0 */
/* Headers in groups, the partition that a rule chooses, and hooks that an envelope does not know.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "ruleset_fixture.h"

#define TEXT_SIZE 200000u

/* What a record was: "status partition name=value,name=value". */
static bool note_record(void *user, const struct rendered_record *record) {
    char *to = user;
    size_t len =
        (size_t)snprintf(to, TEXT_SIZE, "%d %d", (int)record->status, (int)record->partition);
    for (size_t i = 0; i < record->header_count; i++) {
        const mqk_header *header = &record->headers[i];
        assert_non_null(header->name.data);
        assert_null(memchr(header->name.data, '\0', header->name.len));
        len += (size_t)snprintf(to + len, TEXT_SIZE - len, "%s%.*s=%.*s", i == 0 ? " " : ",",
                                STR_ARG(header->name),
                                STR_ARG(header->value.data ? header->value : STR("NULL")));
        assert_true(len < TEXT_SIZE);
    }
    return true;
}

static void assert_record(const struct rule_source *rule, const mqk_event *event,
                          const char *expected) {
    const struct ruleset_host host = {.node = STR("n1")};
    struct ruleset *r = compiled(rule, 1);
    char *text = malloc(TEXT_SIZE);
    assert_non_null(text);
    assert_int_equal(ruleset_evaluate(r, event, &host, note_record, text), 1);
    if (strcmp(text, expected) != 0) {
        fail_msg("%s\ninstead of\n%s", text, expected);
    }
    free(text);
    ruleset_unref(r);
}

static const mqk_str user_properties = {"user_properties", 15};
static const mqk_str event_facts = {"event", 5};

static const mqk_pair properties[] = {
    {{"a", 1}, {"1", 1}}, {{"b", 1}, {NULL, 0}}, {{"a", 1}, {"", 0}}, {{"", 0}, {"x", 1}}};

static struct rule_source rule_with(const mqk_str *groups, size_t count) {
    return (struct rule_source){.hook = STR("*"),
                                .topic = STR("t"),
                                .value = STR("v"),
                                .headers_from = groups,
                                .headers_from_count = count};
}

static mqk_event message_with_properties(void) {
    mqk_event event = message("a/b");
    event.qos = 1;
    event.retain = 0;
    event.username = STR("u1");
    event.user_props = properties;
    event.user_props_count = 4;
    return event;
}

#define FACTS                                                                                      \
    "clientid=c1,username=u1,topic=a/b,qos=1,retain=false,node=n1,timestamp=1000,"                 \
    "event=message.publish"

/* In order, with repeats, absent values as Kafka's null. */
static void user_properties_become_headers(void **state) {
    (void)state;
    struct rule_source rule = rule_with(&user_properties, 1);
    mqk_event event = message_with_properties();
    assert_record(&rule, &event, "0 -1 a=1,b=NULL,a=,=x");
    event.user_props_count = 0;
    assert_record(&rule, &event, "0 -1");
}

/* What the event does not have is left out. */
static void facts_become_headers(void **state) {
    (void)state;
    struct rule_source rule = rule_with(&event_facts, 1);
    mqk_event event = message_with_properties();
    assert_record(&rule, &event, "0 -1 " FACTS);
    event_init(&event, sizeof(event), MQK_HOOK_CLIENT_CONNECTED);
    event.clientid = STR("c1");
    event.qos = 1; /* which this hook does not have */
    event.timestamp = 5;
    assert_record(&rule, &event, "0 -1 clientid=c1,node=n1,timestamp=5,event=client.connected");
}

/* Groups in the order in which they are asked for, then the rule's own. */
static void groups_stand_in_order(void **state) {
    (void)state;
    const mqk_str one[] = {user_properties, event_facts}, other[] = {event_facts, user_properties};
    const struct rule_header_source own[] = {{STR("clientid"), STR("mine")},
                                             {STR("none"), {NULL, 0}}};
    struct rule_source rule = rule_with(one, 2);
    mqk_event event = message_with_properties();
    rule.headers = own;
    rule.header_count = 2;
    assert_record(&rule, &event, "0 -1 a=1,b=NULL,a=,=x," FACTS ",clientid=mine,none=NULL");
    rule.headers_from = other;
    assert_record(&rule, &event, "0 -1 " FACTS ",a=1,b=NULL,a=,=x,clientid=mine,none=NULL");
}

/* Kafka's header names are UTF-8 without NUL. */
static void names_are_made_legal(void **state) {
    (void)state;
    static const mqk_pair odd[] = {{{"a\0b", 3}, {"1", 1}},
                                   {{"\xFF", 1}, {"2", 1}},
                                   {{"fine", 4}, {"\0\xFF", 2}},
                                   {{"\xC3\xA9\xE2\x82", 4}, {"3", 1}}};
    struct rule_source rule = rule_with(&user_properties, 1);
    mqk_event event = message("a/b");
    event.user_props = odd;
    event.user_props_count = 2;
    assert_record(&rule, &event,
                  "0 -1 a\xEF\xBF\xBD"
                  "b=1,\xEF\xBF\xBD=2");
    event.user_props = odd + 3;
    event.user_props_count = 1;
    assert_record(&rule, &event, "0 -1 \xC3\xA9\xEF\xBF\xBD=3");
}

/* Whatever the number, up to the limit. */
static void many_properties(void **state) {
    (void)state;
    static const size_t counts[] = {31, 32, 33, 300, RULE_MAX_USER_HEADERS};
    mqk_pair *many = malloc((RULE_MAX_USER_HEADERS + 1) * sizeof(*many));
    char *expected = malloc(TEXT_SIZE);
    assert_non_null(many);
    assert_non_null(expected);
    for (size_t i = 0; i <= RULE_MAX_USER_HEADERS; i++) {
        many[i] = i % 7 == 0 ? (mqk_pair){STR("n\0"), STR("v")} : (mqk_pair){STR("name"), STR("v")};
    }
    const struct rule_header_source own = {STR("own"), STR("${clientid}")};
    struct rule_source rule = rule_with(&user_properties, 1);
    rule.headers = &own;
    rule.header_count = 1;
    mqk_event event = message("a/b");
    event.user_props = many;
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        size_t len = (size_t)snprintf(expected, TEXT_SIZE, "0 -1 ");
        for (size_t i = 0; i < counts[c]; i++) {
            len += (size_t)snprintf(expected + len, TEXT_SIZE - len, "%s=v,",
                                    i % 7 == 0 ? "n\xEF\xBF\xBD" : "name");
        }
        snprintf(expected + len, TEXT_SIZE - len, "own=c1");
        event.user_props_count = counts[c];
        assert_record(&rule, &event, expected);
    }
    event.user_props_count = RULE_MAX_USER_HEADERS + 1;
    assert_record(&rule, &event, "-14 -1");
    free(expected);
    free(many);
}

static void rules_choose_partitions(void **state) {
    (void)state;
    static const struct {
        const char *partition, *payload, *expected;
    } cases[] = {
        {"0", "", "0 0"},
        {"2147483647", "", "0 2147483647"},
        {"${payload.p}", "{\"p\":12}", "0 12"},
        {"${payload.p}", "{\"p\":\"007\"}", "0 7"},
        {"${payload.p}", "{}", "0 -1"}, /* no value: the partitioner chooses */
        {"${payload.p}", "none", "0 -1"},
        {"${payload.p}", "{\"p\":null}", "-19 -1"},
        {"${payload.p}", "{\"p\":-1}", "-19 -1"},
        {"${payload.p}", "{\"p\":1.0}", "-19 -1"},
        {"${payload.p}", "{\"p\":1e2}", "-19 -1"},
        {"${payload.p}", "{\"p\":\"\"}", "-19 -1"},
        {"${payload.p}", "{\"p\":\" 1\"}", "-19 -1"},
        {"${payload.p}", "{\"p\":2147483648}", "-19 -1"},
        {"${payload.p}", "{\"p\":99999999999999999999}", "-19 -1"},
        {"1${payload.p}", "{}", "-19 -1"}, /* "1undefined" */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rule_source rule = rule_with(NULL, 0);
        mqk_event event = message("a/b");
        rule.partition = mqk_cstr(cases[i].partition);
        event.payload = mqk_cstr(cases[i].payload);
        assert_record(&rule, &event, cases[i].expected);
    }
}

static void note_problem(void *user, size_t rule, const char *path, size_t at,
                         mqk_severity severity, mqk_status code, const char *sentence) {
    char *to = user;
    size_t len = strlen(to);
    assert_int_equal(rule, 0);
    assert_int_equal(severity, MQK_SEVERITY_ERROR);
    snprintf(to + len, 2000 - len, "%s:%zu %d %s\n", path, at, (int)code, sentence);
}

static void assert_refused(const struct rule_source *rule, const char *expected) {
    char text[2000] = "";
    assert_null(ruleset_compile(rule, 1, note_problem, text));
    assert_string_equal(text, expected);
}

static void refuses_wrong_settings(void **state) {
    (void)state;
    const mqk_str wrong[] = {user_properties, STR("events"), STR("user_properties"), STR("")};
    struct rule_source rule = rule_with(wrong, 4);
    assert_refused(&rule, "headers_from[1]:0 -5 unknown group of headers \"events\" (accepted: "
                          "user_properties, event), did you mean \"event\"?\n"
                          "headers_from[2]:0 -5 \"user_properties\" is given twice\n"
                          "headers_from[3]:0 -5 unknown group of headers \"\" (accepted: "
                          "user_properties, event)\n");
    static const char *const partitions[] = {"",           "-1",  "x",
                                             "2147483648", "1.5", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        rule = rule_with(NULL, 0);
        rule.partition = mqk_cstr(partitions[i]);
        assert_refused(&rule, "partition:0 -5 must be the number of a partition, 0 to 2147483647, "
                              "or a template that makes one\n");
    }
    rule = rule_with(NULL, 0);
    rule.partition = STR("${partition}");
    char text[2000] = "";
    assert_null(ruleset_compile(&rule, 1, note_problem, text));
    assert_non_null(strstr(text, "partition:3 -7 unknown field \"partition\""));
}

static void envelopes_know_their_hooks(void **state) {
    (void)state;
    struct rule_source rule = {.hook = STR("client.connected, session.created"),
                               .topic = STR("t"),
                               .envelope = STR("emq2")};
    assert_refused(&rule, "envelope:0 -5 envelope \"emq2\" has nothing for session.created; the "
                          "hooks that it knows: client.connected, client.disconnected, "
                          "session.subscribed, session.unsubscribed, message.publish\n");
    rule.hook = STR("custom.a");
    assert_refused(&rule, "envelope:0 -5 envelope \"emq2\" has nothing for custom hooks; the hooks "
                          "that it knows: client.connected, client.disconnected, "
                          "session.subscribed, session.unsubscribed, message.publish\n");
    rule.hook = STR("session.*");
    rule.envelope = STR("cloudevents_binary");
    assert_refused(&rule, "envelope:0 -5 envelope \"cloudevents_binary\" has nothing for "
                          "session.created; the hooks that it knows: message.publish, "
                          "message.delivered, message.acked, message.dropped\n");
    rule.hook = STR("message.publish");
    rule.encoding = PAYLOAD_HEX;
    assert_refused(&rule, "envelope:0 -5 envelope \"cloudevents_binary\" sends the payload as it "
                          "is; give the rule producer: {encode_payload_type: plain}, or take "
                          "\"cloudevents\"\n");
    rule.hook = STR("client.nothing"); /* told of once */
    rule.envelope = STR("emqx4");
    char text[2000] = "";
    assert_null(ruleset_compile(&rule, 1, note_problem, text));
    assert_null(strstr(text, "envelope"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_properties_become_headers),
        cmocka_unit_test(facts_become_headers),
        cmocka_unit_test(groups_stand_in_order),
        cmocka_unit_test(names_are_made_legal),
        cmocka_unit_test(many_properties),
        cmocka_unit_test(rules_choose_partitions),
        cmocka_unit_test(refuses_wrong_settings),
        cmocka_unit_test(envelopes_know_their_hooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
