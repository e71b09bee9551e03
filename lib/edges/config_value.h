/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What single values may look like, whatever stands elsewhere: units, ranges, server addresses,
 * librdkafka properties. The functions are named in the schema's rows (key_check_fn).
 */
#ifndef MQK_EDGES_CONFIG_VALUE_H
#define MQK_EDGES_CONFIG_VALUE_H

#include "config_schema.h"

void check_not_empty(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_duration(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_duration_ms(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_size(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
/* A duration, or "always". */
void check_sync(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_number(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_server_name(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_connection_strategy(struct check *c, const struct yaml_node *value,
                               const struct key_rule *rule);
void check_api_versions(struct check *c, const struct yaml_node *value,
                        const struct key_rule *rule);
void check_servers(struct check *c, const struct yaml_node *list, const struct key_rule *rule);
void check_filters(struct check *c, const struct yaml_node *list, const struct key_rule *rule);
void check_clusters(struct check *c, const struct yaml_node *list, const struct key_rule *rule);
void check_properties(struct check *c, const struct yaml_node *list, const struct key_rule *rule);
void check_consumer_properties(struct check *c, const struct yaml_node *list,
                               const struct key_rule *rule);

/* Of consumer rules. (config_consumer.c) */
void check_topics(struct check *c, const struct yaml_node *list, const struct key_rule *rule);
void check_topic(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_group_id(struct check *c, const struct yaml_node *value, const struct key_rule *rule);
void check_fallbacks(struct check *c, const struct yaml_node *list, const struct key_rule *rule);

/* The range of a number's rule in the unit that its check reads, as in messages: "10ms", "5m". The
 * kind of the value, "duration", "size" or "number"; NULL when the check reads no number. */
#define VALUE_SHOWN_SIZE 32u
const char *value_range(const struct key_rule *rule, char min[VALUE_SHOWN_SIZE],
                        char max[VALUE_SHOWN_SIZE]);

/* A server's address in its parts; NULL when it is well-formed, else a sentence (static memory).
 * `port` is 9092 when it was left out; `host` has no brackets. */
const char *server_parse(mqk_str text, mqk_str *host, bool *brackets, uint32_t *port);

/* Takes a property "name=value" apart; false when it is none. The value is what stands in `text`
 * behind the equals sign. */
bool property_split(const char *text, mqk_str *name, const char **value);

#endif
