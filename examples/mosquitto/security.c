/* SPDX-License-Identifier: Apache-2.0 */
#include "security.h"

#ifdef MQK_MOSQUITTO_21

/* PLUGIN_IGNORE means "as if the plugin did not exist". For access checks that holds except after
 * another plugin that defers: there the last answer of the list wins, and an IGNORE would turn its
 * refusal into permission. So it is used only where no other plugin is loaded. */
void security_decide(struct security *security, enum auth_events option,
                     const struct broker_conf *conf) {
    bool alone = conf->known && broker_conf_alone(conf);
    *security = (struct security){
        .auth = {.watch = option != AUTH_EVENTS_FALSE, .answer = MOSQ_ERR_PLUGIN_IGNORE},
        .acl = {.watch = alone, .open = !conf->acl_file, .answer = MOSQ_ERR_PLUGIN_IGNORE},
        .persist = !(conf->known && conf->persistence == SETTING_TRUE)};
    if (option == AUTH_EVENTS_FALSE) {
        security->acl.watch = false;
    } else if (option == AUTH_EVENTS_TRUE) {
        security->acl = (struct check){.watch = true, .answer = MOSQ_ERR_PLUGIN_DEFER};
    }
}

#else

static bool auth_is_neutral(const struct broker_conf *conf, bool *open) {
    *open = false;
    if (!conf->known || conf->per_listener == SETTING_TRUE) {
        return false;
    }
    if (conf->password_file) {
        return true; /* the file's own check has the last word */
    }
    if (!broker_conf_alone(conf) || conf->allow_anonymous == SETTING_UNSET) {
        return false;
    }
    *open = conf->allow_anonymous == SETTING_TRUE;
    return true;
}

static bool acl_is_neutral(const struct broker_conf *conf, bool *open) {
    *open = false;
    if (!conf->known || conf->per_listener == SETTING_TRUE) {
        return false;
    }
    if (conf->acl_file) {
        return true;
    }
    *open = broker_conf_alone(conf);
    return *open;
}

/* In 2.0 a check in which every plugin defers is refused. With a password_file or acl_file behind
 * us that is neutral, as the file's check decides. With nothing behind us the broker would have
 * allowed: there, and only where its configuration says so beyond doubt, the answer is "allowed".
 */
void security_decide(struct security *security, enum auth_events option,
                     const struct broker_conf *conf) {
    *security = (struct security){.auth = {.answer = MOSQ_ERR_PLUGIN_DEFER},
                                  .acl = {.answer = MOSQ_ERR_PLUGIN_DEFER}};
    if (option == AUTH_EVENTS_FALSE) {
        return;
    }
    if (option == AUTH_EVENTS_TRUE) {
        security->auth.watch = true;
        security->acl.watch = true;
        return;
    }
    security->auth.watch = auth_is_neutral(conf, &security->auth.open);
    security->acl.watch = acl_is_neutral(conf, &security->acl.open);
    if (security->acl.open) {
        security->acl.answer = MOSQ_ERR_SUCCESS;
    }
}

#endif
