/* SPDX-License-Identifier: Apache-2.0 */
#include "registration.h"

#include <string.h>

static bool need_is_met(const struct security *security, enum need need) {
    switch (need) {
    case NEED_AUTH:
        return security->auth.watch;
    case NEED_ACL:
        return security->acl.watch;
    case NEED_OPEN_ACL:
        return security->acl.watch && security->acl.open;
    case NEED_PERSIST:
        return security->persist;
    default:
        return true;
    }
}

static bool row_is_used(const struct plugin *plugin, const struct broker_event *row) {
    return (row->hooks == 0 || (row->hooks & plugin->wanted) != 0) &&
           need_is_met(&plugin->security, row->need);
}

static bool event_register(struct plugin *plugin, const struct broker_event *row) {
    int rc = mosquitto_callback_register(plugin->id, row->event, row->callback, NULL, plugin);
    if (rc == MOSQ_ERR_SUCCESS) {
        plugin->registered |= UINT32_C(1) << row->event;
        return true;
    }
    if (rc == MOSQ_ERR_ALREADY_EXISTS) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "mqkafka: the plugin is loaded twice; put all rules "
                                           "into one file and load it once");
    } else {
        mosquitto_log_printf(MOSQ_LOG_ERR, "mqkafka: the broker refuses to tell of event %d: %s",
                             row->event, mosquitto_strerror(rc));
    }
    return false;
}

static void event_unregister(struct plugin *plugin, const struct broker_event *row) {
    mosquitto_callback_unregister(plugin->id, row->event, row->callback, NULL);
    plugin->registered &= ~(UINT32_C(1) << row->event);
}

static void log_unserved(const struct plugin *plugin, uint32_t served) {
    for (int hook = MQK_HOOK_CUSTOM + 1; hook < MQK_HOOK_COUNT; hook++) {
        if ((plugin->wanted & ~served) >> hook & 1) {
            mosquitto_log_printf(MOSQ_LOG_WARNING,
                                 "mqkafka: rules for %s stay idle: this broker, set up as it is, "
                                 "does not tell of it (the plugin's README says which does)",
                                 mqk_hook_name((mqk_hook)hook));
        }
    }
    if ((plugin->wanted & ~served) != 0 && plugin->conf.why[0] != '\0' &&
        plugin->options.auth_events == AUTH_EVENTS_AUTO) {
        mosquitto_log_printf(MOSQ_LOG_NOTICE,
                             "mqkafka: logins and access checks are not watched, as it is not "
                             "certain that this changes nothing: %s",
                             plugin->conf.why);
    }
}

bool registration_refresh(struct plugin *plugin) {
    uint32_t used = 0;
    uint32_t served = 0;
    for (size_t i = 0; i < broker_event_count; i++) {
        if (row_is_used(plugin, &broker_events[i])) {
            used |= UINT32_C(1) << broker_events[i].event;
            served |= broker_events[i].hooks;
        }
    }
    bool all = true;
    for (size_t i = 0; i < broker_event_count; i++) {
        const struct broker_event *row = &broker_events[i];
        bool wanted = used >> row->event & 1;
        bool registered = plugin->registered >> row->event & 1;
        if (wanted && !registered) {
            all = event_register(plugin, row) && all;
        } else if (!wanted && registered) {
            event_unregister(plugin, row);
        }
    }
    log_unserved(plugin, served);
    return all;
}

void registration_clear(struct plugin *plugin) {
    for (size_t i = 0; i < broker_event_count; i++) {
        if (plugin->registered >> broker_events[i].event & 1) {
            event_unregister(plugin, &broker_events[i]);
        }
    }
}
