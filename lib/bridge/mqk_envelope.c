/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of the built-in envelopes. Any thread. */
#include <mqkafka/mqkafka.h>

#include "envelope.h"

static const char *const meanings[] = {
#define ENVELOPE_MEANING(id, name, meaning) [ENVELOPE_##id] = meaning,
    ENVELOPES(ENVELOPE_MEANING)};

#define PUBLIC_COUNT (sizeof(meanings) / sizeof(meanings[0]))

mqk_status mqk_envelope_at(size_t index, mqk_envelope *envelope) {
    if (!envelope || envelope->size < sizeof(*envelope) || index >= PUBLIC_COUNT) {
        return MQK_ERR_ARGUMENT;
    }
    envelope->name = envelope_names[index];
    envelope->meaning = meanings[index];
    return MQK_OK;
}

const char *mqk_envelope_template(size_t index, mqk_hook hook) {
    if (index >= PUBLIC_COUNT || (unsigned)hook >= MQK_HOOK_COUNT) {
        return NULL;
    }
    return envelope_template((enum envelope)index, hook);
}

mqk_status mqk_envelope_header(size_t index, size_t header, mqk_header *out) {
    const struct envelope_header *headers =
        index < PUBLIC_COUNT ? envelope_headers((enum envelope)index) : NULL;
    if (!headers || !out) {
        return MQK_ERR_ARGUMENT;
    }
    for (size_t i = 0; headers[i].name; i++) {
        if (i == header) {
            *out = (mqk_header){mqk_cstr(headers[i].name), mqk_cstr(headers[i].value)};
            return MQK_OK;
        }
    }
    return MQK_ERR_ARGUMENT;
}
