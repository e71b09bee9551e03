/* SPDX-License-Identifier: Apache-2.0 */
#include "config_value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "config_check.h"
#include "error.h"
#include "units.h"

#define MAX_SERVERS  1000u
#define MAX_CLUSTERS 1000u
#define MAX_HOST     253u
#define DEFAULT_PORT 9092u

#define ERROR(c, at, ...) check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, at, __VA_ARGS__)
#define UNAVAILABLE(c, at, ...)                                                                    \
    check_report(c, MQK_SEVERITY_ERROR, MQK_ERR_UNAVAILABLE, at, __VA_ARGS__)
#define WARNING(c, at, ...) check_report(c, MQK_SEVERITY_WARNING, MQK_OK, at, __VA_ARGS__)

struct unit {
    int64_t factor;
    const char *name;
};

static const struct unit ms_units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
static const struct unit byte_units[] = {
    {INT64_C(1) << 40, "TB"}, {1 << 30, "GB"}, {1 << 20, "MB"}, {1 << 10, "KB"}, {1, "B"}};
static const struct unit plain_units[] = {{1, ""}};

/* A number in the largest unit that divides it: 900000 ms is "15m". */
static const char *show(int64_t number, const struct unit *units, char out[VALUE_SHOWN_SIZE]) {
    while (units->factor > 1 && (number == 0 || number % units->factor != 0)) {
        units++;
    }
    snprintf(out, VALUE_SHOWN_SIZE, "%" PRId64 "%s", number / units->factor,
             number == 0 ? "" : units->name);
    return out;
}

static void check_range(struct check *c, const struct yaml_node *value, const struct key_rule *rule,
                        const char *expected, int64_t number, const struct unit *units) {
    char quote[ERROR_QUOTE_SIZE];
    error_quote(value->text, quote);
    if (expected) {
        ERROR(c, value, "\"%s\": %s", quote, expected);
    } else if (number < rule->min || number > rule->max) {
        char min[VALUE_SHOWN_SIZE];
        char max[VALUE_SHOWN_SIZE];
        ERROR(c, value, "\"%s\" is out of range: %s to %s", quote, show(rule->min, units, min),
              show(rule->max, units, max));
    }
}

void check_duration(struct check *c, const struct yaml_node *value, const struct key_rule *rule) {
    int64_t ms = 0;
    const char *expected = units_duration(value->text, false, &ms);
    check_range(c, value, rule, expected, ms, ms_units);
}

void check_duration_ms(struct check *c, const struct yaml_node *value,
                       const struct key_rule *rule) {
    int64_t ms = 0;
    const char *expected = units_duration(value->text, true, &ms);
    check_range(c, value, rule, expected, ms, ms_units);
}

void check_size(struct check *c, const struct yaml_node *value, const struct key_rule *rule) {
    int64_t bytes = 0;
    const char *expected = units_size(value->text, &bytes);
    check_range(c, value, rule, expected, bytes, byte_units);
}

void check_number(struct check *c, const struct yaml_node *value, const struct key_rule *rule) {
    int64_t number = 0;
    const char *expected = units_integer(value->text, &number);
    check_range(c, value, rule, expected, number, plain_units);
}

static const struct {
    key_check_fn check;
    const char *kind;
    const struct unit *units;
} number_checks[] = {{check_duration, "duration", ms_units},
                     {check_duration_ms, "duration", ms_units},
                     {check_size, "size", byte_units},
                     {check_number, "number", plain_units}};

const char *value_range(const struct key_rule *rule, char min[VALUE_SHOWN_SIZE],
                        char max[VALUE_SHOWN_SIZE]) {
    for (size_t i = 0; i < sizeof(number_checks) / sizeof(number_checks[0]); i++) {
        if (rule->check == number_checks[i].check) {
            show(rule->min, number_checks[i].units, min);
            show(rule->max, number_checks[i].units, max);
            return number_checks[i].kind;
        }
    }
    return NULL;
}

void check_sync(struct check *c, const struct yaml_node *value, const struct key_rule *rule) {
    int64_t ms = 0;
    if (str_equal(value->text, STR("always"))) {
        return;
    }
    const char *wrong = units_duration(value->text, false, &ms);
    check_range(c, value, rule, wrong ? "expected always, or a duration such as 10ms or 1s" : NULL,
                ms, ms_units);
}

void check_not_empty(struct check *c, const struct yaml_node *value, const struct key_rule *rule) {
    (void)rule;
    if (value->text.len == 0) {
        ERROR(c, value, "must not be empty");
    }
}

void check_server_name(struct check *c, const struct yaml_node *value,
                       const struct key_rule *rule) {
    (void)rule;
    if (!str_equal(value->text, STR("auto")) && !str_equal(value->text, STR("disable"))) {
        UNAVAILABLE(c, value,
                    "a name other than the server's own is not available in this version "
                    "(available: auto, disable)");
    }
}

void check_connection_strategy(struct check *c, const struct yaml_node *value,
                               const struct key_rule *rule) {
    (void)rule;
    if (str_equal(value->text, STR("per_partition"))) {
        WARNING(c, value,
                "\"per_partition\" has no effect: librdkafka keeps one connection to each broker");
    }
}

void check_api_versions(struct check *c, const struct yaml_node *value,
                        const struct key_rule *rule) {
    (void)rule;
    if (str_equal(value->text, STR("false"))) {
        WARNING(c, value,
                "\"false\" has no effect: API versions are always asked for, as every "
                "Kafka since 0.10 expects");
    }
}

static bool host_is_legal(mqk_str host, bool brackets) {
    if (brackets) {
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;
        if (host.len >= sizeof(text)) {
            return false;
        }
        memcpy(text, host.data, host.len);
        text[host.len] = '\0';
        return inet_pton(AF_INET6, text, &address) == 1;
    }
    for (size_t i = 0; i < host.len; i++) {
        char ch = host.data[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
              ch == '.' || ch == '-' || ch == '_')) {
            return false;
        }
    }
    return true;
}

const char *server_parse(mqk_str text, mqk_str *host, bool *brackets, uint32_t *port) {
    static const char no_port[] = "the port must be a number from 1 to 65535";
    mqk_str rest = text;
    if (text.len == 0) {
        return "must not be empty";
    }
    if (memchr(text.data, ',', text.len)) {
        return "write each server as an entry of its own";
    }
    if (memmem(text.data, text.len, "://", 3)) {
        return "write host:port without a scheme";
    }
    *brackets = text.data[0] == '[';
    if (*brackets) {
        const char *end = memchr(text.data, ']', text.len);
        if (!end) {
            return "a ] is missing behind the IPv6 address";
        }
        *host = (mqk_str){text.data + 1, (size_t)(end - text.data) - 1};
        rest = str_slice(text, host->len + 2, SIZE_MAX);
    } else {
        const char *colon = memchr(text.data, ':', text.len);
        *host = (mqk_str){text.data, colon ? (size_t)(colon - text.data) : text.len};
        rest = str_slice(text, host->len, SIZE_MAX);
        if (rest.len > 1 && memchr(rest.data + 1, ':', rest.len - 1)) {
            return "write an IPv6 address in brackets: \"[::1]:9092\"";
        }
    }
    if (host->len == 0 || host->len > MAX_HOST) {
        return "the host name must have 1 to 253 characters";
    }
    if (!host_is_legal(*host, *brackets)) {
        return *brackets ? "what stands in the brackets is not an IPv6 address"
                         : "the host name contains a character that cannot stand in it";
    }
    *port = DEFAULT_PORT;
    if (rest.len == 0) {
        return NULL;
    }
    int64_t number = 0;
    mqk_str digits = str_slice(rest, 1, SIZE_MAX);
    if (rest.data[0] != ':' || units_integer(digits, &number) || number < 1 || number > 65535) {
        return no_port;
    }
    *port = (uint32_t)number;
    return NULL;
}

static bool same_server(mqk_str a, mqk_str b) {
    mqk_str hosts[2];
    bool brackets[2];
    uint32_t ports[2];
    return !server_parse(a, &hosts[0], &brackets[0], &ports[0]) &&
           !server_parse(b, &hosts[1], &brackets[1], &ports[1]) && ports[0] == ports[1] &&
           hosts[0].len == hosts[1].len &&
           strncasecmp(hosts[0].data, hosts[1].data, hosts[0].len) == 0;
}

void check_servers(struct check *c, const struct yaml_node *list, const struct key_rule *rule) {
    (void)rule;
    if (list->count == 0) {
        ERROR(c, list, "the list is empty; name at least one server, e.g. \"kafka-1:9092\"");
    }
    if (list->count > MAX_SERVERS) {
        ERROR(c, list, "more than %u servers", MAX_SERVERS);
        return;
    }
    size_t index = 0;
    for (const struct yaml_node *node = list->first; node; node = node->next) {
        size_t before = check_enter_index(c, index++);
        mqk_str host;
        bool brackets;
        uint32_t port;
        char quote[ERROR_QUOTE_SIZE];
        const char *wrong = server_parse(node->text, &host, &brackets, &port);
        const struct yaml_node *other = list->first;
        while (other != node && !same_server(other->text, node->text)) {
            other = other->next;
        }
        error_quote(node->text, quote);
        if (wrong) {
            ERROR(c, node, "\"%s\": %s", quote, wrong);
        } else if (other != node) {
            ERROR(c, node, "\"%s\" is given twice", quote);
        } else if (str_equal(node->text, STR("embedded")) && list->count > 1) {
            ERROR(c, node, "\"embedded\" (an in-process Kafka for trials) must be the only server");
        }
        check_leave(c, before);
    }
}

void check_filters(struct check *c, const struct yaml_node *list, const struct key_rule *rule) {
    (void)rule;
    if (list->count == 0) {
        ERROR(c, list, "the list is empty; leave it out to match every topic");
    }
}

static mqk_str cluster_name(const struct yaml_node *cluster) {
    const struct yaml_node *name = yaml_get(cluster, STR("name"));
    return name && name->kind == YAML_TEXT ? name->text : (mqk_str){NULL, 0};
}

void check_clusters(struct check *c, const struct yaml_node *list, const struct key_rule *rule) {
    (void)rule;
    if (list->count == 0) {
        ERROR(c, list, "the list is empty; name at least one cluster");
    }
    if (list->count > MAX_CLUSTERS) {
        ERROR(c, list, "more than %u clusters", MAX_CLUSTERS);
        return;
    }
    size_t index = 0;
    for (const struct yaml_node *node = list->first; node; node = node->next) {
        size_t before = check_enter_index(c, index++);
        mqk_str name = cluster_name(node);
        const struct yaml_node *other = list->first;
        while (other != node && !str_equal(cluster_name(other), name)) {
            other = other->next;
        }
        if (other != node && name.len > 0) {
            char quote[ERROR_QUOTE_SIZE];
            ERROR(c, node, "the name \"%s\" is already used at line %u", error_quote(name, quote),
                  other->line);
        }
        check_leave(c, before);
    }
}
