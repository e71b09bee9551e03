/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "label_write.h"
#include "metrics.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };

/* What is being written. */
struct page {
    const struct metrics *metrics;
    struct text_out *out;
    enum metrics_dialect dialect;
};

/* How a number of mqk_cluster_stats is shown. */
struct cluster_number {
    size_t offset;
    const char *name;
    enum kind kind;
    bool is_ms; /* becomes seconds */
    const char *help;
};

#define AT(member) offsetof(mqk_cluster_stats, member)
static const struct cluster_number cluster_numbers[] = {
    {AT(queued), "cluster_queued_records", GAUGE, false, "Records waiting or in flight."},
    {AT(queued_bytes), "cluster_queued_bytes", GAUGE, false,
     "What waiting and unacknowledged records weigh in memory."},
    {AT(in_flight), "cluster_in_flight_records", GAUGE, false,
     "Records handed to librdkafka and not yet acknowledged."},
    {AT(backlog), "cluster_backlog_records", GAUGE, false,
     "Records that wait in memory before librdkafka."},
    {AT(oldest_age_ms), "cluster_oldest_record_age_seconds", GAUGE, true,
     "Age of the oldest record that is not acknowledged."},
    {AT(delivered), "cluster_delivered", COUNTER, false, "Records acknowledged by Kafka."},
    {AT(failed), "cluster_failed", COUNTER, false,
     "Records that did not arrive, whatever the reason."},
    {AT(dead_lettered), "cluster_dead_lettered", COUNTER, false,
     "Records that went to the dead letter topic instead."},
    {AT(spool_records), "spool_records", GAUGE, false, "Records on disk."},
    {AT(spool_bytes), "spool_bytes", GAUGE, false, "What the records on disk take of its bound."},
    {AT(spool_waiting), "spool_waiting_records", GAUGE, false,
     "Records on disk that were not handed to librdkafka yet."},
    {AT(spool_damaged), "spool_damaged_records", COUNTER, false,
     "Records on disk that were found damaged and left out."},
};
#undef AT

/* Bounds of the histogram: bounds of our own buckets, so that the counts are exact. */
static const struct {
    uint64_t us;
    const char *le;
} latency_bounds[] = {{1000, "0.001"},      {2500, "0.0025"},      {5000, "0.005"},
                      {10000, "0.01"},      {25000, "0.025"},      {50000, "0.05"},
                      {100000, "0.1"},      {250000, "0.25"},      {500000, "0.5"},
                      {1000000, "1.0"},     {2500000, "2.5"},      {5000000, "5.0"},
                      {10000000, "10.0"},   {30000000, "30.0"},    {60000000, "60.0"},
                      {300000000, "300.0"}, {3600000000, "3600.0"}};

/* The lines before a family's samples. OpenMetrics names a family of counters without the suffix of
 * its samples. */
static void begin_family(const struct page *p, const char *name, enum kind kind, const char *help) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const char *suffix = kind == COUNTER && p->dialect == METRICS_PROMETHEUS ? "_total" : "";
    buffer_printf(&p->out->text, "# HELP mqkafka_%s%s %s\n# TYPE mqkafka_%s%s %s\n", name, suffix,
                  help, name, suffix, kinds[kind]);
}

/* Begins a sample, up to the labels that all have. */
static void begin_sample(const struct page *p, const char *name, const char *suffix) {
    struct buffer *text = &p->out->text;
    buffer_printf(text, "mqkafka_%s%s{", name, suffix);
    label_write(text, "node", p->metrics->node);
}

static void add_label(const struct page *p, const char *name, mqk_str value) {
    buffer_append_char(&p->out->text, ',');
    label_write(&p->out->text, name, value);
}

static void end_sample(const struct page *p, uint64_t value) {
    buffer_printf(&p->out->text, "} %" PRIu64 "\n", value);
}

static void end_sample_seconds(const struct page *p, uint64_t us) {
    buffer_printf(&p->out->text, "} %" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}

static const char *suffix_of(enum kind kind) {
    return kind == COUNTER ? "_total" : "";
}

static void write_bridge_number(const struct page *p, const char *name, enum kind kind,
                                const char *help, uint64_t value) {
    begin_family(p, name, kind, help);
    begin_sample(p, name, suffix_of(kind));
    end_sample(p, value);
}

static void write_bridge(const struct page *p) {
    const mqk_stats *stats = &p->metrics->stats;
    begin_family(p, "build_info", GAUGE, "Versions; always 1.");
    begin_sample(p, "build_info", "");
    add_label(p, "version", mqk_cstr(mqk_version()));
    add_label(p, "librdkafka", mqk_cstr(p->metrics->librdkafka));
    end_sample(p, 1);
    write_bridge_number(p, "events", COUNTER, "Events that the host gave.", stats->events);
    write_bridge_number(p, "unmatched_events", COUNTER, "Events that no rule matched.",
                        stats->unmatched);
    write_bridge_number(p, "log_lines_dropped", COUNTER,
                        "Log lines that the host did not fetch in time.", stats->log_dropped);
    write_bridge_number(p, "rules", GAUGE, "Rules in use.", stats->rules);
    write_bridge_number(p, "clusters", GAUGE, "Clusters in use.", stats->clusters);
}

static void write_rule_counter(const struct page *p, enum counter counter, const char *name,
                               const char *help) {
    begin_family(p, name, COUNTER, help);
    for (size_t i = 0; i < p->metrics->rule_count && text_out_step(p->out); i++) {
        const struct metrics_rule *rule = &p->metrics->rules[i];
        begin_sample(p, name, "_total");
        add_label(p, "rule", rule->counters->name);
        add_label(p, "cluster", rule->cluster);
        end_sample(p, counter_value(rule->counters, counter));
    }
}

static void write_cluster_number(const struct page *p, const struct cluster_number *n) {
    begin_family(p, n->name, n->kind, n->help);
    for (size_t i = 0; i < p->metrics->cluster_count && text_out_step(p->out); i++) {
        const mqk_cluster_stats *stats = &p->metrics->clusters[i].stats;
        uint64_t value = *(const uint64_t *)(const void *)((const char *)stats + n->offset);
        begin_sample(p, n->name, suffix_of(n->kind));
        add_label(p, "cluster", stats->name);
        if (n->is_ms) {
            end_sample_seconds(p, value * 1000);
        } else {
            end_sample(p, value);
        }
    }
}

static void write_state(const struct page *p, const char *name, mqk_str cluster, const char *state,
                        bool is) {
    begin_sample(p, name, "");
    add_label(p, "cluster", cluster);
    add_label(p, "state", mqk_cstr(state));
    end_sample(p, is);
}

static void write_states(const struct page *p) {
    begin_family(p, "cluster_state", GAUGE, "1 for the state that the connection is in.");
    for (size_t i = 0; i < p->metrics->cluster_count && text_out_step(p->out); i++) {
        const mqk_cluster_stats *stats = &p->metrics->clusters[i].stats;
        for (int state = MQK_HEALTH_OK; state <= MQK_HEALTH_DOWN; state++) {
            write_state(p, "cluster_state", stats->name, mqk_health_name((mqk_health_state)state),
                        (int)stats->state == state);
        }
    }
    begin_family(p, "spool_state", GAUGE, "1 for the state that the buffer on disk is in.");
    for (size_t i = 0; i < p->metrics->cluster_count && text_out_step(p->out); i++) {
        const mqk_cluster_stats *stats = &p->metrics->clusters[i].stats;
        for (int state = MQK_SPOOL_NONE; state <= MQK_SPOOL_BROKEN; state++) {
            write_state(p, "spool_state", stats->name, mqk_spool_state_name((mqk_spool_state)state),
                        (int)stats->spool_state == state);
        }
    }
}

static void write_bucket(const struct page *p, mqk_str cluster, const char *le, uint64_t count) {
    begin_sample(p, "delivery_latency_seconds", "_bucket");
    add_label(p, "cluster", cluster);
    add_label(p, "le", mqk_cstr(le));
    end_sample(p, count);
}

static void write_latency(const struct page *p) {
    begin_family(p, "delivery_latency_seconds", HISTOGRAM,
                 "Time from accepting a record to its acknowledgement by Kafka.");
    for (size_t i = 0; i < p->metrics->cluster_count && text_out_step(p->out); i++) {
        const struct metrics_cluster *c = &p->metrics->clusters[i];
        for (size_t n = 0; n < sizeof(latency_bounds) / sizeof(latency_bounds[0]); n++) {
            write_bucket(p, c->stats.name, latency_bounds[n].le,
                         histogram_at_most(&c->latency, latency_bounds[n].us));
        }
        write_bucket(p, c->stats.name, "+Inf", c->latency.total);
        begin_sample(p, "delivery_latency_seconds", "_sum");
        add_label(p, "cluster", c->stats.name);
        end_sample_seconds(p, c->latency.sum_us);
        begin_sample(p, "delivery_latency_seconds", "_count");
        add_label(p, "cluster", c->stats.name);
        end_sample(p, c->latency.total);
    }
}

void metrics_write_prometheus(const struct metrics *m, enum metrics_dialect dialect,
                              struct text_out *out) {
    const struct page p = {m, out, dialect};
    write_bridge(&p);
#define WRITE(name, meaning)                                                                       \
    write_rule_counter(&p, COUNTER_##name, "rule_" #name, "Of a rule: " meaning ".");
    MQK_RULE_COUNTERS(WRITE)
#undef WRITE
    for (size_t i = 0; i < sizeof(cluster_numbers) / sizeof(cluster_numbers[0]); i++) {
        write_cluster_number(&p, &cluster_numbers[i]);
    }
    write_states(&p);
    write_latency(&p);
    if (dialect == METRICS_OPENMETRICS) {
        buffer_append_str(&out->text, STR("# EOF\n"));
    }
}
