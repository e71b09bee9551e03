/* SPDX-License-Identifier: Apache-2.0 */
/* Where the members of the public structs lie. Any thread. */
#include <mqkafka/mqkafka.h>

#define STRUCT(type) {#type, NULL, 0, sizeof(type)},
#define MEMBER(type, member)                                                                       \
    {#type, #member, offsetof(type, member), sizeof(((type *)NULL)->member)},

#define EVENT_MEMBER(name, meaning)   MEMBER(mqk_event, name)
#define RULE_COUNTER(name, meaning)   MEMBER(mqk_rule_stats, name)
#define BRIDGE_COUNTER(name, meaning) MEMBER(mqk_stats, name)

/* clang-format off */
static const mqk_layout layouts[] = {
    STRUCT(mqk_layout)
    MEMBER(mqk_layout, structure) MEMBER(mqk_layout, member) MEMBER(mqk_layout, offset)
    MEMBER(mqk_layout, size)
    STRUCT(mqk_str)
    MEMBER(mqk_str, data) MEMBER(mqk_str, len)
    STRUCT(mqk_error)
    MEMBER(mqk_error, code) MEMBER(mqk_error, line) MEMBER(mqk_error, column)
    MEMBER(mqk_error, message)
    STRUCT(mqk_pair)
    MEMBER(mqk_pair, name) MEMBER(mqk_pair, value)
    STRUCT(mqk_property)
    MEMBER(mqk_property, name) MEMBER(mqk_property, text) MEMBER(mqk_property, number)
    STRUCT(mqk_event)
    MEMBER(mqk_event, size) MEMBER(mqk_event, hook) MEMBER(mqk_event, reserved)
    MEMBER(mqk_event, hook_name) MEMBER(mqk_event, token)
    MEMBER(mqk_event, props) MEMBER(mqk_event, props_count)
    MEMBER(mqk_event, user_props) MEMBER(mqk_event, user_props_count)
    MEMBER(mqk_event, ack_props) MEMBER(mqk_event, ack_props_count)
    MEMBER(mqk_event, ack_user_props) MEMBER(mqk_event, ack_user_props_count)
    MEMBER(mqk_event, attrs) MEMBER(mqk_event, attrs_count)
    MQK_EVENT_FIELDS(EVENT_MEMBER, EVENT_MEMBER, EVENT_MEMBER, EVENT_MEMBER)
    STRUCT(mqk_config_source)
    MEMBER(mqk_config_source, size) MEMBER(mqk_config_source, path)
    MEMBER(mqk_config_source, text)
    STRUCT(mqk_record)
    MEMBER(mqk_record, size) MEMBER(mqk_record, rule) MEMBER(mqk_record, rule_name)
    MEMBER(mqk_record, cluster) MEMBER(mqk_record, topic) MEMBER(mqk_record, key)
    MEMBER(mqk_record, value) MEMBER(mqk_record, headers) MEMBER(mqk_record, header_count)
    MEMBER(mqk_record, timestamp_ms) MEMBER(mqk_record, partition) MEMBER(mqk_record, status)
    MEMBER(mqk_record, partitioner)
    STRUCT(mqk_verdict)
    MEMBER(mqk_verdict, size) MEMBER(mqk_verdict, rule) MEMBER(mqk_verdict, rule_name)
    MEMBER(mqk_verdict, matched) MEMBER(mqk_verdict, reason)
    STRUCT(mqk_envelope)
    MEMBER(mqk_envelope, size) MEMBER(mqk_envelope, name) MEMBER(mqk_envelope, meaning)
    STRUCT(mqk_reference)
    MEMBER(mqk_reference, size) MEMBER(mqk_reference, name) MEMBER(mqk_reference, type)
    MEMBER(mqk_reference, meaning) MEMBER(mqk_reference, where) MEMBER(mqk_reference, standard)
    MEMBER(mqk_reference, aliases) MEMBER(mqk_reference, values)
    STRUCT(mqk_host)
    MEMBER(mqk_host, size) MEMBER(mqk_host, user) MEMBER(mqk_host, node) MEMBER(mqk_host, flags)
    MEMBER(mqk_host, log_level) MEMBER(mqk_host, log) MEMBER(mqk_host, delivered)
    STRUCT(mqk_rule_stats)
    MEMBER(mqk_rule_stats, size) MEMBER(mqk_rule_stats, name)
    MQK_RULE_COUNTERS(RULE_COUNTER)
    STRUCT(mqk_cluster_stats)
    MEMBER(mqk_cluster_stats, size) MEMBER(mqk_cluster_stats, name)
    MEMBER(mqk_cluster_stats, state) MEMBER(mqk_cluster_stats, reserved)
    MEMBER(mqk_cluster_stats, queued) MEMBER(mqk_cluster_stats, queued_bytes)
    MEMBER(mqk_cluster_stats, accepted) MEMBER(mqk_cluster_stats, delivered)
    MEMBER(mqk_cluster_stats, failed)
    STRUCT(mqk_stats)
    MEMBER(mqk_stats, size) MEMBER(mqk_stats, events) MEMBER(mqk_stats, unmatched)
    MEMBER(mqk_stats, queued) MEMBER(mqk_stats, queued_bytes) MEMBER(mqk_stats, log_dropped)
    MEMBER(mqk_stats, rules) MEMBER(mqk_stats, clusters)
    MQK_RULE_COUNTERS(BRIDGE_COUNTER)
    STRUCT(mqk_health)
    MEMBER(mqk_health, size) MEMBER(mqk_health, state) MEMBER(mqk_health, reserved)
    MEMBER(mqk_health, message)
};
/* clang-format on */

const mqk_layout *mqk_layouts(size_t *count) {
    if (count) {
        *count = sizeof(layouts) / sizeof(layouts[0]);
    }
    return layouts;
}
