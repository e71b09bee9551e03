/* SPDX-License-Identifier: Apache-2.0 */
/* Two ways to show what the rules make of an event. */
#ifndef MQK_EXPLAIN_H
#define MQK_EXPLAIN_H

#include "cli.h"

/* Prints rules and records; what a library function returned when it failed, else MQK_OK. */
mqk_status explain_text(const mqk_ruleset *rules, const mqk_event *event);
mqk_status explain_json(const mqk_ruleset *rules, const mqk_event *event);

#endif
