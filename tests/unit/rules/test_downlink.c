/* SPDX-License-Identifier: Apache-2.0 */
/* Consumer rules: what records become, what is told of bad rules, and hostile records. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "downlink.h"

#define TEXT_SIZE 2000u

struct told {
    char text[TEXT_SIZE];
};

static void tell(void *user, size_t rule, const char *path, size_t at, mqk_severity severity,
                 mqk_status code, const char *sentence) {
    struct told *told = user;
    size_t len = strlen(told->text);
    (void)code;
    snprintf(told->text + len, sizeof(told->text) - len, "%s%zu.%s:%zu: %s\n",
             severity == MQK_SEVERITY_WARNING ? "warning " : "", rule, path, at, sentence);
}

static const mqk_str full[] = {{"${value.a}", 10}};

static const struct downlink_source publish = {.mqtt_topic = {"out/${key}", 10}};
static const struct downlink_source kick = {.action = DOWNLINK_KICK, .username = {full, 1}};

static const mqk_header headers[] = {{{"h", 1}, {"1", 1}},
                                     {{"traceparent", 11}, {"00-1", 4}},
                                     {{"h", 1}, {"2", 1}},
                                     {{"null", 4}, {NULL, 0}},
                                     {{"bytes", 5}, {"\xff\xfe", 2}}};

static mqk_kafka_record a_record(const char *key, const char *value) {
    return (mqk_kafka_record){.size = sizeof(mqk_kafka_record),
                              .topic = mqk_cstr("kt"),
                              .partition = 3,
                              .ts_type = MQK_TS_APPEND,
                              .offset = 9000000000,
                              .timestamp_ms = 1700000000123,
                              .key = mqk_cstr(key),
                              .value = mqk_cstr(value),
                              .headers = headers,
                              .header_count = sizeof(headers) / sizeof(headers[0])};
}

static void put(char text[TEXT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put(char text[TEXT_SIZE], const char *format, ...) {
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, TEXT_SIZE - len, format, args);
    va_end(args);
}

/* What a rule makes of a record, as a text: a command, "skipped", or the reason. */
static void run(const struct downlink_source *source, const mqk_kafka_record *record,
                char text[TEXT_SIZE]) {
    struct told told = {""};
    struct downlink *d = downlink_compile(source, 1, tell, &told);
    assert_string_equal(told.text, "");
    struct downlink_host host;
    struct downlink_command c;
    downlink_host_init(&host, STR("n1"));
    downlink_command_init(&c);
    c.record = *record;
    text[0] = '\0';
    switch (downlink_evaluate(d, 0, &host, &c)) {
    case DOWNLINK_SKIPPED:
        put(text, "skipped");
        break;
    case DOWNLINK_UNUSABLE:
        put(text, "! %s", c.reason);
        break;
    case DOWNLINK_COMMAND:
        if (source->action == DOWNLINK_PUBLISH) {
            const mqk_publish *p = &c.as.publish;
            put(text, "%.*s|%s%.*s|%d%d", STR_ARG(p->topic), p->payload.data ? "" : "(null)",
                STR_ARG(p->payload), p->qos, p->retain);
            for (size_t i = 0; i < p->props_count; i++) {
                put(text, "|%.*s=%.*s/%d", STR_ARG(p->props[i].name), STR_ARG(p->props[i].text),
                    (int)p->props[i].number);
            }
            for (size_t i = 0; i < p->user_props_count; i++) {
                assert_non_null(p->user_props[i].value.data);
                put(text, "|+%.*s=%.*s", STR_ARG(p->user_props[i].name),
                    STR_ARG(p->user_props[i].value));
            }
            assert_ptr_equal(p->record, &c.record);
        } else if (source->action == DOWNLINK_KICK) {
            const mqk_kick *k = &c.as.kick;
            assert_true(!k->clientid.data != !k->username.data);
            put(text, "c=%.*s u=%.*s r=%.*s", STR_ARG(k->clientid), STR_ARG(k->username),
                STR_ARG(k->reason));
        } else {
            put(text, "%.*s=%.*s", STR_ARG(c.record.key), STR_ARG(c.record.value));
        }
    }
    downlink_command_fini(&c);
    downlink_free(d);
}

static void templates_over_records(void **state) {
    (void)state;
    static const struct {
        const char *payload, *expected;
    } cases[] = {
        {"${key} ${value} ${topic} ${partition} ${offset} ${ts} ${timestamp} ${ts_type} ${node}",
         "k {\"a\":{\"b\":[1,2.50]}} kt 3 9000000000 1700000000123 1700000000123 append n1"},
        {"${value.a.b[1]} ${value.a} ${value.x}", "2.50 {\"b\":[1,2.50]} undefined"},
        {"${headers.h} ${headers.traceparent} ${headers[\"h\"]} ${headers.none | default(\"-\")}",
         "2 00-1 2 -"},
        {"{\"v\":${value},\"k\":${key},\"o\":${offset},\"n\":${headers.null}}",
         "{\"v\":{\"a\":{\"b\":[1,2.50]}},\"k\":\"k\",\"o\":9000000000,\"n\":null}"},
        {"${ts | iso8601} ${key | upper} ${value | md5 | trunc(4)}",
         "2023-11-14T22:13:20.123Z K 2b55"},
        {"{\"all\":${.}}",
         "{\"all\":{\"key\":\"k\",\"value\":\"{\\\"a\\\":{\\\"b\\\":[1,2.50]}}\",\"headers\":{"
         "\"h\":"
         "\"2\",\"traceparent\":\"00-1\",\"null\":null,\"bytes\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"},"
         "\"topic\":\"kt\",\"partition\":3,\"offset\":9000000000,\"ts\":1700000000123,"
         "\"ts_type\":\"append\",\"node\":\"n1\"}}"},
        {"${headers.traceparent}", "00-1"},
    };
    mqk_kafka_record record = a_record("k", "{\"a\":{\"b\":[1,2.50]}}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_SIZE], expected[TEXT_SIZE];
        struct downlink_source source = publish;
        source.payload = mqk_cstr(cases[i].payload);
        run(&source, &record, text);
        snprintf(expected, sizeof(expected), "out/k|%s|00", cases[i].expected);
        if (i == 4) { /* the digest is not the point */
            memcpy(strchr(text, 'K') + 2, "2b55", 4);
        }
        assert_string_equal(text, expected);
    }
}

static void conditions_over_records(void **state) {
    (void)state;
    static const struct {
        const char *where;
        bool wanted;
    } cases[] = {
        {"value.a = 1", true},
        {"value.a = '1'", false},
        {"key = 'k' and topic = 'kt' and partition = 3 and offset > 8999999999", true},
        {"headers.h = '2'", true},
        {"headers.trace-parent is null", true},
        {"exists(headers.null)", false},
        {"ts_type = 'append' and ts >= 1700000000123", true},
        {"node = 'n1' and not (value.b = 2)", true},
        {"key =~ '^(?<x>k)$' and value.a in (1, 2)", true},
    };
    mqk_kafka_record record = a_record("k", "{\"a\":1}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_SIZE];
        struct downlink_source source = publish;
        source.where = mqk_cstr(cases[i].where);
        run(&source, &record, text);
        assert_string_equal(text, cases[i].wanted ? "out/k|{\"a\":1}|00" : "skipped");
    }
    /* What a group stands for outlives the evaluation. */
    char text[TEXT_SIZE];
    struct downlink_source source = {.mqtt_topic = STR("${regex.d}"),
                                     .payload = STR("${regex.e}"),
                                     .regex_field = STR("key"),
                                     .regex_pattern = STR("^(?<d>[a-z]+)-(?<e>[0-9]+)$")};
    record = a_record("dev-77", "x");
    run(&source, &record, text);
    assert_string_equal(text, "dev|77|00");
    record = a_record("dev", "x");
    run(&source, &record, text);
    assert_string_equal(text, "skipped");
}

static void messages(void **state) {
    (void)state;
    static const struct rule_header_source properties[] = {
        {{"Message-Expiry-Interval", 23}, {"${value.ttl}", 12}},
        {{"Response-Topic", 14}, {"${value.reply}", 14}},
        {{"Correlation-Data", 16}, {"${headers.bytes}", 16}}};
    static const struct rule_header_source user[] = {{{"o", 1}, {"${offset}", 9}},
                                                     {{"z", 1}, {"${value.z}", 10}}};
    static const struct {
        const char *key, *value, *expected;
    } cases[] = {
        {"a/b", "{\"q\":1,\"r\":true,\"ttl\":5,\"reply\":\"r/1\",\"z\":\"zz\"}",
         "out/a/b|1|11|Message-Expiry-Interval=/5|Response-Topic=r/1/0|Correlation-Data=\xff\xfe/0"
         "|+h=1|+traceparent=00-1|+h=2|+null=|+o=9000000000|+z=zz"},
        {"a", "{\"q\":\"2\",\"r\":0,\"ttl\":null}",
         "out/a|2|20|Correlation-Data=\xff\xfe/0|+h=1|+traceparent=00-1|+h=2|+null="
         "|+o=9000000000"},
        {"a", "{\"q\":3,\"r\":true}", "! qos: what it makes is not 0, 1 or 2"},
        {"a", "{\"q\":-1,\"r\":true}", "! qos: what it makes is not 0, 1 or 2"},
        {"a", "{\"r\":true}", "! qos: what it makes is not 0, 1 or 2"},
        {"a", "{\"q\":0,\"r\":2}", "! retain: what it makes is not true or false"},
        {"a", "{\"q\":0,\"r\":false,\"ttl\":4294967296}",
         "! properties: a value is not the number that it must be"},
        {"a", "{\"q\":0,\"r\":false,\"reply\":\"a/+\"}",
         "! properties: Response-Topic is not a legal MQTT topic name"},
        {"a", "{\"q\":0,\"r\":false,\"z\":\"a\\u0000b\"}",
         "! user_properties: a value is not UTF-8 of at most 65535 bytes"},
        {NULL, "{\"q\":0}", "! mqtt_topic: a value is missing, or all is empty"},
        {"a/+/b", "{\"q\":0,\"r\":0}",
         "! mqtt_topic: what it makes is not a legal MQTT topic name"},
        {"a\xff", "{\"q\":0,\"r\":0}",
         "! mqtt_topic: what it makes is not a legal MQTT topic name"},
    };
    struct downlink_source source = publish;
    source.payload = STR("${value.q}");
    source.qos = STR("${value.q}");
    source.retain = STR("${value.r}");
    source.properties = properties;
    source.property_count = 3;
    source.user_properties = user;
    source.user_property_count = 2;
    source.user_properties_from_headers = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_SIZE];
        mqk_kafka_record record = a_record(cases[i].key, cases[i].value);
        run(&source, &record, text);
        assert_string_equal(text, cases[i].expected);
    }
}

static void clients(void **state) {
    (void)state;
    static const mqk_str ids[] = {{"${value.id}", 11}};
    static const mqk_str names[] = {{"${value.u}", 10}, {"${value.d}&${value.p}", 21}, {"last", 4}};
    static const struct {
        const char *value;
        size_t names;
        const char *expected;
    } cases[] = {
        {"{\"id\":\"i\",\"u\":\"u\"}", 2, "c=i u= r=k"},
        {"{\"u\":\"u\"}", 2, "c= u=u r=k"},
        {"{\"u\":7}", 2, "c= u=7 r=k"},
        {"{\"u\":\"\",\"d\":\"d\",\"p\":\"p\"}", 2, "c= u=d&p r=k"},
        {"{\"d\":\"d\"}", 2, "! clientid, username: a value is missing, or all is empty"},
        {"{\"d\":\"d\"}", 3, "c= u=last r=k"},
        {"no JSON", 1, "! clientid, username: a value is missing, or all is empty"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_SIZE];
        mqk_kafka_record record = a_record("k", cases[i].value);
        struct downlink_source source = kick;
        source.clientid = (struct text_list){ids, 1};
        source.username = (struct text_list){names, cases[i].names};
        source.reason = STR("${key}");
        run(&source, &record, text);
        assert_string_equal(text, cases[i].expected);
    }
}

static void origins_and_encodings(void **state) {
    (void)state;
    static const mqk_header marked[] = {{{"mqk-origin", 10}, {"n1", 2}}};
    static const mqk_header foreign[] = {{{"mqk-origin", 10}, {"n2", 2}}};
    char text[TEXT_SIZE];
    struct downlink_source source = {.action = DOWNLINK_CALLBACK};
    mqk_kafka_record record = a_record("k", "v");
    record.headers = marked;
    record.header_count = 1;
    run(&source, &record, text);
    assert_string_equal(text, "k=v");
    source.skip_own = SKIP_OWN_ANY;
    run(&source, &record, text);
    assert_string_equal(text, "skipped");
    source.skip_own = SKIP_OWN_NODE;
    run(&source, &record, text);
    assert_string_equal(text, "skipped");
    record.headers = foreign;
    run(&source, &record, text);
    assert_string_equal(text, "k=v");

    static const struct {
        const char *key, *value, *expected;
    } cases[] = {
        {"aw==", "AAECAw==", NULL},
        {"", "dg==", "=v"},
        {NULL, NULL, "="},
        {"aw=", "dg==", "! the key is not base64"},
        {"aw==", "dg", "! the value is not base64"},
        {"aw==", "d g=", "! the value is not base64"},
        {"aw==", "dh==", "! the value is not base64"}, /* bits that stand for nothing */
        {"aw==", "=g==", "! the value is not base64"},
    };
    source.key_encoding = source.value_encoding = PAYLOAD_BASE64;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        record.key = mqk_cstr(cases[i].key);
        record.value = mqk_cstr(cases[i].value);
        run(&source, &record, text);
        if (cases[i].expected) {
            assert_string_equal(text, cases[i].expected);
        }
    }
}

static void bad_rules(void **state) {
    (void)state;
    static const mqk_str wrong[] = {{"${value.a}", 10}, {"${vlaue}", 8}};
    static const struct rule_header_source odd[] = {{{"Content-type", 12}, {"x", 1}},
                                                    {{"Message-Expiry-Interval", 23}, {"soon", 4}},
                                                    {{"Message-Expiry-Interval", 23}, {"1", 1}},
                                                    {{"Content-Type", 12}, {NULL, 0}}};
    const struct {
        struct downlink_source source;
        const char *told;
    } cases[] = {
        {{.mqtt_topic = {NULL, 0}},
         "0.mqtt_topic:0: is missing; name the MQTT topic of the messages, e.g. \"${key}\"\n"},
        {{.mqtt_topic = STR("a/${kye}")},
         "0.mqtt_topic:5: unknown field \"kye\", did you mean \"key\"?\n"},
        {{.mqtt_topic = STR("${clientid}")}, "0.mqtt_topic:3: unknown field \"clientid\"\n"},
        {{.mqtt_topic = STR("${topic.x}")}, "0.mqtt_topic:9: \"topic\" has no members\n"},
        {{.mqtt_topic = STR("${filter.1}")}, "0.mqtt_topic:3: unknown field \"filter\"\n"},
        {{.mqtt_topic = STR("a/${key}/#")},
         "0.mqtt_topic:10: messages are published to a topic; it has no wildcards\n"},
        {{.mqtt_topic = STR("")}, "0.mqtt_topic:0: "},
        {{.mqtt_topic = STR("t"), .qos = STR("3")},
         "0.qos:0: must be 0, 1 or 2, or a template that makes one\n"},
        {{.mqtt_topic = STR("t"), .retain = STR("yes")},
         "0.retain:0: must be true or false, or a template that makes one\n"},
        {{.mqtt_topic = STR("t"), .payload = STR("{x"), .payload_format = MQK_FORMAT_JSON},
         "0.payload:2: the template is not valid JSON once its placeholders are filled in\n"},
        {{.mqtt_topic = STR("t"), .where = STR("value.a = 1 and keey = 2")},
         "0.where:17: unknown field \"keey\", did you mean \"key\"?\n"},
        {{.mqtt_topic = STR("${regex.x}"), .regex_pattern = STR("(?<y>a)")},
         "0.mqtt_topic:1: no regular expression of this rule has a group named \"x\""},
        {{.mqtt_topic = STR("t"), .properties = odd, .property_count = 4},
         "0.properties[0].name:0: unknown property \"Content-type\" (accepted: "
         "Payload-Format-Indicator, Message-Expiry-Interval, Content-Type, Response-Topic, "
         "Correlation-Data), did you mean \"Content-Type\"?\n"
         "0.properties[1].value:0: must be a number from 0 to 4294967295\n"
         "0.properties[2].name:0: \"Message-Expiry-Interval\" is given twice\n"
         "0.properties[3].value:0: \"value\" is missing\n"},
        {{.action = DOWNLINK_KICK},
         "0.action:0: the rule needs a \"username\" or a \"clientid\", e.g. "
         "[\"${value.username}\"]\n"},
        {{.action = DOWNLINK_ACL_CLEAN, .username = {wrong, 2}},
         "0.username[1]:3: unknown field \"vlaue\", did you mean \"value\"?\n"},
        {{.action = DOWNLINK_KICK, .username = {wrong, 1}, .payload = STR("x")},
         "0.payload:0: means nothing with action: kick; leave it out\n"},
        {{.mqtt_topic = STR("t"), .reason = STR("x")},
         "0.reason:0: means nothing with action: publish; leave it out\n"},
        {{.action = DOWNLINK_CALLBACK, .qos = STR("1")},
         "0.qos:0: means nothing with action: callback; leave it out\n"},
        {{.name = STR(""), .action = DOWNLINK_CALLBACK},
         "0.name:0: must not be empty; leave it out for a rule without a name\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told told = {""};
        assert_null(downlink_compile(&cases[i].source, 1, tell, &told));
        told.text[strlen(cases[i].told)] = '\0';
        assert_string_equal(told.text, cases[i].told);
    }
    struct downlink_source two[] = {publish, publish};
    two[0].name = two[1].name = STR("twin");
    struct told told = {""};
    assert_null(downlink_compile(two, 2, tell, &told));
    assert_string_equal(told.text, "1.name:0: \"twin\" is already the name of consumer[0]\n");
}

static void explains(void **state) {
    (void)state;
    struct downlink_source source = publish;
    source.where = STR("value.a > 1");
    source.qos = STR("${value.q}");
    struct told told = {""};
    struct downlink *d = downlink_compile(&source, 1, tell, &told);
    static const struct {
        const char *value, *reason;
        enum downlink_verdict verdict;
    } cases[] = {
        {"{\"a\":1}", "where: value.a > 1 is false (value.a is 1)", DOWNLINK_SKIPPED},
        {"{\"a\":2,\"q\":1}", "where: value.a > 1 is true (value.a is 2)", DOWNLINK_COMMAND},
        {"{\"a\":2}",
         "where: value.a > 1 is true (value.a is 2); qos: what it makes is not 0, 1 or 2",
         DOWNLINK_UNUSABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct downlink_host host;
        struct downlink_command c;
        struct buffer out;
        buffer_init(&out, NULL, 0);
        downlink_host_init(&host, STR("n1"));
        downlink_command_init(&c);
        c.record = a_record("k", cases[i].value);
        assert_int_equal(downlink_explain(d, 0, &host, &c, &out), cases[i].verdict);
        buffer_append_char(&out, '\0');
        assert_string_equal(out.data, cases[i].reason);
        downlink_command_fini(&c);
        buffer_fini(&out);
    }
    downlink_free(d);
    downlink_free(NULL);
    assert_int_equal(downlink_size(NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_over_records),
        cmocka_unit_test(conditions_over_records),
        cmocka_unit_test(messages),
        cmocka_unit_test(clients),
        cmocka_unit_test(origins_and_encodings),
        cmocka_unit_test(bad_rules),
        cmocka_unit_test(explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
