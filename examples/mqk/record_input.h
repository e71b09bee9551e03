/* SPDX-License-Identifier: Apache-2.0 */
/* A record from Kafka as a user writes it: JSON with the names of the templates. One thread. */
#ifndef MQK_RECORD_INPUT_H
#define MQK_RECORD_INPUT_H

#include "event_input.h"

/* Takes {"topic":…,"key":…,"value":…,"headers":…,…}; the record's texts belong to `in`. False:
 * in->error says why. */
bool record_input_json(struct event_input *in, mqk_str json, mqk_kafka_record *record);

#endif
