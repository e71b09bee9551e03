/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include <assert.h>

/* An envelope's template for a hook: its own, else the common one. */
struct envelope_info {
    const char *common;
    const char *by_hook[MQK_HOOK_COUNT];
};

static const struct envelope_info envelopes[ENVELOPE_COUNT] = {
    [ENVELOPE_EVENT] = {.common = "${.}"},
    [ENVELOPE_RAW] = {.common = "${payload}"},
};

const char *const envelope_names[] = {
    [ENVELOPE_EVENT] = "event", [ENVELOPE_RAW] = "raw", [ENVELOPE_COUNT] = NULL};

static const char *const later_names[] = {"emqttd", "emq2", "emqx4", "cloudevents", NULL};

mqk_status envelope_by_name(mqk_str name, enum envelope *out) {
    for (unsigned i = 0; i < ENVELOPE_COUNT; i++) {
        if (str_equal(name, mqk_cstr(envelope_names[i]))) {
            *out = (enum envelope)i;
            return MQK_OK;
        }
    }
    for (const char *const *later = later_names; *later; later++) {
        if (str_equal(name, mqk_cstr(*later))) {
            return MQK_ERR_UNAVAILABLE;
        }
    }
    return MQK_ERR_CONFIG;
}

bool envelope_set_add(struct envelope_set *set, enum envelope envelope) {
    const struct envelope_info *info = &envelopes[envelope];
    for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
        struct template **slot = &set->templates[envelope][hook];
        const char *text = info->by_hook[hook] ? info->by_hook[hook] : info->common;
        if (*slot) {
            continue;
        }
        mqk_status status = template_compile(mqk_cstr(text), MQK_FORMAT_AUTO, slot, NULL);
        assert(status == MQK_OK || status == MQK_ERR_NO_MEMORY);
        if (status != MQK_OK) {
            return false;
        }
    }
    return true;
}

void envelope_set_fini(struct envelope_set *set) {
    for (unsigned envelope = 0; envelope < ENVELOPE_COUNT; envelope++) {
        for (unsigned hook = 0; hook < MQK_HOOK_COUNT; hook++) {
            template_free(set->templates[envelope][hook]);
        }
    }
}
