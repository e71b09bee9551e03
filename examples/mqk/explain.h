/* SPDX-License-Identifier: Apache-2.0 */
/* Two ways to show what the rules make of an event, and consumer rules of a record. */
#ifndef MQK_EXPLAIN_H
#define MQK_EXPLAIN_H

#include "cli.h"

/* Prints rules and records; what a library function returned when it failed, else MQK_OK. */
mqk_status explain_text(const mqk_ruleset *rules, const mqk_event *event);
mqk_status explain_json(const mqk_ruleset *rules, const mqk_event *event);

/* The same of a record from Kafka: rules and what they ask of the broker `node`. */
mqk_status explain_record_text(const mqk_config *config, const mqk_kafka_record *record,
                               mqk_str node);
mqk_status explain_record_json(const mqk_config *config, const mqk_kafka_record *record,
                               mqk_str node);

/* What both explanations in text are made of. `user` of the functions: struct text_output. */
struct text_output {
    int name_width;
    size_t rules, matched, records;
};
void text_measure_verdict(void *user, const mqk_verdict *verdict);
void text_print_verdict(void *user, const mqk_verdict *verdict);
void text_print_head(const struct text_output *o);
/* "  name   value" on lines of its own; bytes that are no text as a hex dump. */
void text_print_part(const char *name, mqk_str bytes);
void text_print_named(const char *name, const mqk_pair *pairs, size_t count);

/* What both in JSON are made of: a list, written to stdout entry by entry. */
struct json_output {
    struct buffer piece;
    size_t count; /* entries of the list so far */
    mqk_status failure;
};
void json_output_init(struct json_output *o);
void json_begin_entry(struct json_output *o);
void json_end_entry(struct json_output *o);
void json_write_verdict(void *user, const mqk_verdict *verdict); /* `user`: struct json_output */

#endif
