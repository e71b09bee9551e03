/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what consumer rules count, and how they are. */
#include "bridge.h"

mqk_status mqk_bridge_consumer_stats(mqk_bridge *b, size_t index, mqk_consumer_stats *stats) {
    if (!b || !stats) {
        return MQK_ERR_ARGUMENT;
    }
    if (!bridge_is_ours(b)) {
        return MQK_ERR_FORKED;
    }
    mqk_consumer_stats full = {.size = sizeof(full)};
    pthread_mutex_lock(&b->control);
    bool there = index < b->intake.count;
    if (there) {
        intake_read(&b->intake, index, &full);
    }
    pthread_mutex_unlock(&b->control);
    return there && bridge_copy_out(stats, &full, sizeof(full)) ? MQK_OK : MQK_ERR_ARGUMENT;
}

const char *mqk_consumer_state_name(mqk_consumer_state state) {
    static const char *const names[] = {
        [MQK_CONSUMER_STARTING] = "starting", [MQK_CONSUMER_RUNNING] = "running",
        [MQK_CONSUMER_IDLE] = "idle",         [MQK_CONSUMER_WAITING] = "waiting",
        [MQK_CONSUMER_DOWN] = "down",
    };
    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}
