/* SPDX-License-Identifier: Apache-2.0 */
#include "config_testing.h"

#include "config_reference.h"
#include "config_value.h"

/* Tells all that is missing of a key, as config_schema.c has it; returns how many complaints. */
static unsigned complain(const struct reference_section *section, size_t i) {
    const struct key_rule *rule = &section->table->rules[i];
    const char *key = section->table->fields[i].key;
    const struct setting_meaning *row = setting_meaning(section->key, key);
    char min[VALUE_SHOWN_SIZE], max[VALUE_SHOWN_SIZE];
    if (!row) {
        bool elsewhere = setting_meaning(section->key, "*") != NULL;
        if (!elsewhere) {
            print_error("config_meaning.c: no row {\"%s\", \"%s\", …} for %s.%s\n", section->key,
                        key, section->path, key);
        }
        return !elsewhere;
    }
    if (row->meaning[0] == '\0') {
        print_error("config_meaning.c: %s.%s has no meaning\n", section->path, key);
        return 1;
    }
    if (rule->max != 0 && !value_range(rule, min, max) && !row->kind) {
        print_error("%s.%s has a range in no known unit: name its check in config_value.c, or give "
                    "a kind in config_meaning.c\n",
                    section->path, key);
        return 1;
    }
    if (rule->required && strcmp(row->standard, "(required)") != 0) {
        print_error("config_meaning.c: %s.%s is required\n", section->path, key);
        return 1;
    }
    return 0;
}

static void every_key_has_a_row(void **state) {
    (void)state;
    struct reference_section sections[REFERENCE_MAX_SECTIONS];
    size_t count = reference_sections(sections), keys = 0;
    unsigned complaints = 0;
    assert_true(count > 10 && count < REFERENCE_MAX_SECTIONS);
    for (size_t s = 0; s < count; s++) {
        for (size_t i = 0; sections[s].table->fields[i].key; i++) {
            if (!sections[s].table->rules[i].alias_of) {
                complaints += complain(&sections[s], i);
                keys++;
            }
        }
    }
    assert_int_equal(complaints, 0);
    assert_true(keys > 60);
}

static bool section_has(const struct reference_section *section,
                        const struct setting_meaning *row) {
    return strcmp(section->key, row->section) == 0 &&
           (strcmp(row->key, "*") == 0 ||
            config_key_find(section->table, mqk_cstr(row->key)) != SIZE_MAX);
}

static void every_row_has_a_key(void **state) {
    (void)state;
    struct reference_section sections[REFERENCE_MAX_SECTIONS];
    size_t count = reference_sections(sections);
    for (const struct setting_meaning *row = setting_meanings; row->section; row++) {
        size_t s = 0;
        while (s < count && !section_has(&sections[s], row)) {
            s++;
        }
        if (s == count) {
            fail_msg("config_meaning.c: there is no key {\"%s\", \"%s\"}", row->section, row->key);
        }
        assert_ptr_equal(setting_meaning(row->section, row->key), row);
    }
}

static void sections_have_their_places(void **state) {
    (void)state;
    struct reference_section sections[REFERENCE_MAX_SECTIONS];
    struct reference_setting setting;
    size_t count = reference_sections(sections), aliases = 0, ranges = 0;
    assert_string_equal(sections[0].path, "");
    assert_string_equal(sections[1].path, "kafka");
    assert_string_equal(sections[2].path, "kafka.client");
    assert_string_equal(sections[3].path, "kafka.client.sasl");
    for (size_t s = 0; s < count; s++) {
        for (size_t i = 0; reference_setting(&sections[s], i, &setting); i++) {
            assert_true(strlen(setting.values) + 1 < sizeof(setting.values));
            assert_true(strlen(setting.aliases) + 1 < sizeof(setting.aliases));
            assert_non_null(setting.kind);
            aliases += setting.aliases[0] != '\0';
            ranges += strstr(setting.values, " to ") != NULL;
        }
        assert_false(reference_setting(&sections[s], SIZE_MAX, &setting));
    }
    assert_true(aliases >= 6);
    assert_true(ranges >= 8);
}

/* ---- Defaults ---- */

/* Where a setting of a section is put; the first fitting one. */
static const struct {
    const char *section, *key, *before, *behind;
} places[] = {
    {"client", NULL, "kafka: {client: {servers: [k], ",
     "}, hook: [{hook: message.publish, topic: t}]}"},
    {"ssl", NULL, "kafka: {client: {servers: [k], ssl: {enable: true, ",
     "}}, hook: [{hook: message.publish, topic: t}]}"},
    {"producer", NULL, "kafka: {client: {servers: [k]}, producer: {",
     "}, hook: [{hook: message.publish, topic: t}]}"},
    {"buffer", NULL, "kafka: {client: {servers: [k]}, producer: {buffer: {",
     "}}, hook: [{hook: message.publish, topic: t}]}"},
    {"hook", "value_format",
     "kafka: {client: {servers: [k]}, hook: [{hook: message.publish, topic: t, value: "
     "'{\"a\":${payload}}', ",
     "}]}"},
    {"hook", NULL, "kafka: {client: {servers: [k]}, hook: [{hook: message.publish, topic: t, ",
     "}, {hook: message.publish, topic: u}]}"},
    {"consumer", NULL,
     "kafka: {client: {servers: [k]}, hook: [{hook: message.publish, topic: t}], consumer: "
     "[{topics: "
     "[t], group_id: g, action: publish, mqtt_topic: a, ",
     "}]}"},
    {"regex", NULL,
     "kafka: {client: {servers: [k]}, hook: [{hook: message.publish, topic: t, regex: {pattern: "
     "'a/b', ",
     "}}]}"},
};

static struct mqk_config *with(const char *section, const char *key, const char *value) {
    char text[1000], line[200] = "";
    size_t i = 0;
    while (i < sizeof(places) / sizeof(places[0]) &&
           (strcmp(places[i].section, section) != 0 ||
            (places[i].key && strcmp(places[i].key, key) != 0))) {
        i++;
    }
    if (i == sizeof(places) / sizeof(places[0])) {
        fail_msg("no place where the default of %s.%s could be tried: add one to places", section,
                 key);
    }
    if (value) {
        snprintf(line, sizeof(line), "%s: \"%s\"", key, value);
    }
    snprintf(text, sizeof(text), "%s%s%s", places[i].before, line, places[i].behind);
    return load_good(text);
}

struct written {
    char text[2000];
};

static bool write_record(void *user, const struct rendered_record *record) {
    struct written *out = user;
    size_t len = strlen(out->text);
    snprintf(out->text + len, sizeof(out->text) - len, "%.*s %.*s %.*s\n", (int)record->topic.len,
             record->topic.data, (int)record->key.len, record->key.data, (int)record->value.len,
             record->value.data);
    return true;
}

/* What the rules make of a message. */
static void evaluate(const struct ruleset *rules, struct written *out) {
    const struct ruleset_host host = {.node = {"n", 1}};
    mqk_event event;
    event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr("c");
    event.topic = mqk_cstr("a/b");
    event.payload = mqk_cstr("say \"hi\"");
    event.timestamp = 1000;
    out->text[0] = '\0';
    ruleset_evaluate(rules, &event, &host, write_record, out);
    for (size_t i = 0; i < ruleset_size(rules); i++) {
        size_t len = strlen(out->text);
        snprintf(out->text + len, sizeof(out->text) - len, "%u\n",
                 (unsigned)ruleset_rule(rules, i)->max_topics);
    }
}

/* What the consumer rule, if there is one, makes of a record. */
static void consume(const struct settings *settings, struct written *out) {
    out->text[0] = '\0';
    if (settings->consumer_count == 0) {
        return;
    }
    struct downlink_host host;
    struct downlink_command c;
    const mqk_header origin = {mqk_cstr(ORIGIN_HEADER), mqk_cstr("n")};
    downlink_host_init(&host, mqk_cstr("n"));
    downlink_command_init(&c);
    c.record = (mqk_kafka_record){.size = sizeof(c.record),
                                  .topic = mqk_cstr("t"),
                                  .key = mqk_cstr("aGk="),
                                  .value = mqk_cstr("aGk="),
                                  .headers = &origin,
                                  .header_count = 1};
    enum downlink_verdict verdict = downlink_evaluate(settings->downlink, 0, &host, &c);
    const mqk_publish *p = &c.as.publish;
    snprintf(out->text, sizeof(out->text), "%d %.*s %.*s %d %d", (int)verdict,
             (int)c.record.key.len, c.record.key.data, (int)p->payload.len, p->payload.data,
             (int)p->qos, (int)p->retain);
    downlink_command_fini(&c);
}

static bool same_consumers(const struct settings *a, const struct settings *b) {
    struct written of_a, of_b;
    consume(a, &of_a);
    consume(b, &of_b);
    if (a->consumer_count != b->consumer_count || strcmp(of_a.text, of_b.text) != 0) {
        return false;
    }
    const struct consumer_settings *x = a->consumers, *y = b->consumers;
    return a->consumer_count == 0 ||
           (x->scope == y->scope && x->offset_reset == y->offset_reset &&
            x->commit_interval_ms == y->commit_interval_ms && x->max_in_flight == y->max_in_flight);
}

static bool same_settings(const struct mqk_config *left, const struct mqk_config *right) {
    const struct settings *a = config_settings(left), *b = config_settings(right);
    struct written of_a, of_b;
    evaluate(a->rules, &of_a);
    evaluate(b->rules, &of_b);
    return a->cluster_count == b->cluster_count && a->lane_count == b->lane_count &&
           cluster_settings_equal(&a->clusters[0], &b->clusters[0]) &&
           producer_settings_equal(&a->lanes[0].producer, &b->lanes[0].producer) &&
           strcmp(of_a.text, of_b.text) == 0 && same_consumers(a, b);
}

static bool is_default(const char *section, const char *key, const char *value) {
    struct mqk_config *without = with(section, key, NULL), *given = with(section, key, value);
    bool same = same_settings(without, given);
    config_unref(without);
    config_unref(given);
    return same;
}

static void defaults_are_what_is_said(void **state) {
    (void)state;
    size_t tried = 0;
    for (const struct setting_meaning *row = setting_meanings; row->section; row++) {
        if (row->standard[0] == '\0' || row->standard[0] == '(') {
            continue;
        }
        if (!is_default(row->section, row->key, row->standard)) {
            fail_msg("config_meaning.c: %s is not the default of %s.%s", row->standard,
                     row->section, row->key);
        }
        tried++;
    }
    assert_true(tried > 15);
}

static void other_values_are_not_the_default(void **state) {
    (void)state;
    static const struct {
        const char *section, *key, *value;
    } cases[] = {{"client", "client_id", "other"},
                 {"ssl", "verify", "false"},
                 {"producer", "linger", "21ms"},
                 {"producer", "acks", "leader"},
                 {"buffer", "memory", "63MB"},
                 {"buffer", "when_full", "refuse"},
                 {"hook", "filter", "b/#"},
                 {"hook", "value_format", "text"},
                 {"hook", "envelope", "raw"},
                 {"hook", "stop", "true"},
                 {"hook", "max_topics", "999"},
                 {"regex", "field", "clientid"},
                 {"producer", "produce", "sync"},
                 {"producer", "compression", "lz4"},
                 {"buffer", "disk", "1GB"},
                 {"buffer", "sync", "always"},
                 {"consumer", "scope", "every_node"},
                 {"consumer", "offset_reset", "earliest"},
                 {"consumer", "commit_interval", "6s"},
                 {"consumer", "max_in_flight", "999"},
                 {"consumer", "payload", "x"},
                 {"consumer", "qos", "1"},
                 {"consumer", "retain", "true"},
                 {"consumer", "skip_own", "node"},
                 {"consumer", "key_encoding", "base64"},
                 {"consumer", "value_encoding", "base64"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (is_default(cases[i].section, cases[i].key, cases[i].value)) {
            fail_msg("%s.%s: %s makes no difference", cases[i].section, cases[i].key,
                     cases[i].value);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_a_row),
        cmocka_unit_test(every_row_has_a_key),
        cmocka_unit_test(sections_have_their_places),
        cmocka_unit_test(defaults_are_what_is_said),
        cmocka_unit_test(other_values_are_not_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
