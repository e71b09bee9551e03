/* SPDX-License-Identifier: Apache-2.0 */
/* What most tests of consumer rules begin with: an in-process Kafka and the hosts of two nodes, all
 * of them empty. */
#ifndef MQK_TESTS_KIT_TWO_NODES_H
#define MQK_TESTS_KIT_TWO_NODES_H

#include "kit_consumer.h"

extern struct kit_kafka kafka;
extern struct inbox inbox, other;

int two_nodes_set_up(void **state);
int two_nodes_tear_down(void **state);

#endif
