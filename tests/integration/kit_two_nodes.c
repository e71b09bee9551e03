/* SPDX-License-Identifier: Apache-2.0 */
#include "kit_two_nodes.h"

struct kit_kafka kafka;
struct inbox inbox, other; /* large: not on the stack */

int two_nodes_set_up(void **state) {
    (void)state;
    kit_kafka_start(&kafka, 1);
    inbox_init(&inbox, "node-1");
    inbox_init(&other, "node-2");
    return 0;
}

int two_nodes_tear_down(void **state) {
    (void)state;
    kit_kafka_stop(&kafka);
    return 0;
}
