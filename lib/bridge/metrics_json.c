/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "json_write.h"
#include "metrics.h"

/* Each writes a member; all but an object's first one begin with a comma. */
static void write_text(struct buffer *out, const char *name, mqk_str value) {
    buffer_printf(out, "\"%s\":", name);
    json_write_string(out, value);
}

static void write_number(struct buffer *out, const char *name, uint64_t value) {
    buffer_printf(out, ",\"%s\":%" PRIu64, name, value);
}

static void write_rule(struct buffer *out, const struct metrics_rule *rule) {
    write_text(out, "name", rule->counters->name);
    buffer_append_char(out, ',');
    write_text(out, "cluster", rule->cluster);
#define NUMBER(name, meaning)                                                                      \
    write_number(out, #name, counter_value(rule->counters, COUNTER_##name));
    MQK_RULE_COUNTERS(NUMBER)
#undef NUMBER
}

static void write_cluster(struct buffer *out, const mqk_cluster_stats *stats) {
    write_text(out, "name", stats->name);
    buffer_append_char(out, ',');
    write_text(out, "state", mqk_cstr(mqk_health_name(stats->state)));
    buffer_append_char(out, ',');
    write_text(out, "message", mqk_cstr(stats->message));
    buffer_append_char(out, ',');
    write_text(out, "spool_state", mqk_cstr(mqk_spool_state_name(stats->spool_state)));
#define NUMBER(name, meaning) write_number(out, #name, stats->name);
    MQK_CLUSTER_NUMBERS(NUMBER)
#undef NUMBER
}

static void write_bridge(struct buffer *out, const struct metrics *m) {
    write_text(out, "version", mqk_cstr(mqk_version()));
    buffer_append_char(out, ',');
    write_text(out, "librdkafka", mqk_cstr(m->librdkafka));
    buffer_append_char(out, ',');
    write_text(out, "node", m->node);
    buffer_append_char(out, ',');
    write_text(out, "state", mqk_cstr(mqk_health_name(m->health.state)));
    buffer_append_char(out, ',');
    write_text(out, "message", mqk_cstr(m->health.message));
    write_number(out, "events", m->stats.events);
    write_number(out, "unmatched", m->stats.unmatched);
    write_number(out, "queued", m->stats.queued);
    write_number(out, "queued_bytes", m->stats.queued_bytes);
    write_number(out, "log_dropped", m->stats.log_dropped);
#define NUMBER(name, meaning) write_number(out, #name, m->stats.name);
    MQK_RULE_COUNTERS(NUMBER)
#undef NUMBER
}

void metrics_write_json(const struct metrics *m, struct text_out *out) {
    struct buffer *text = &out->text;
    buffer_append_char(text, '{');
    write_bridge(text, m);
    buffer_append_str(text, STR(",\"rules\":["));
    for (size_t i = 0; i < m->rule_count && text_out_step(out); i++) {
        buffer_append_str(text, i > 0 ? STR(",{") : STR("{"));
        write_rule(text, &m->rules[i]);
        buffer_append_char(text, '}');
    }
    buffer_append_str(text, STR("],\"clusters\":["));
    for (size_t i = 0; i < m->cluster_count && text_out_step(out); i++) {
        buffer_append_str(text, i > 0 ? STR(",{") : STR("{"));
        write_cluster(text, &m->clusters[i].stats);
        buffer_append_char(text, '}');
    }
    buffer_append_str(text, STR("]}\n"));
}
