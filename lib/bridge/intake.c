/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include <stdio.h>
#include <stdlib.h>

#include "delivery.h"
#include "error.h"

/* Records offered in one go, so that the host's loop has its turn; and to one rule in a row. */
#define OFFER_MOST 1000u
#define OFFER_TURN 128u

struct intake_counters {
    struct consumer_counters counters;
    struct intake_counters *next;
    size_t len;
    char name[];
};

struct intake_rule {
    struct intake_rule *next;
    struct intake_rule *draft; /* in intake.drafts: the next one */
    struct intake *in;
    struct consumer *consumer;
    struct mqk_config *config; /* in which its settings stand */
    struct consumer_counters *counters;
    struct counters *letters;
    bool retired;
    unsigned users; /* threads that are offering its records */
};

void intake_init(struct intake *in, struct outbox *outbox, struct fleet *fleet, struct log *log,
                 mqk_str node) {
    in->outbox = outbox;
    in->fleet = fleet;
    in->log = log;
    in->node = node;
    pthread_mutex_init(&in->lock, NULL);
    counter_book_init(&in->letters);
}

/* ---- the host -------------------------------------------------------------------------------- */

static mqk_answer ask_host(void *user, enum downlink_action action,
                           const struct downlink_command *command) {
    const mqk_host *host = user;
    switch (action) {
    case DOWNLINK_PUBLISH:
        return host->publish(host->user, &command->as.publish);
    case DOWNLINK_KICK:
        return host->kick(host->user, &command->as.kick);
    case DOWNLINK_ACL_CLEAN:
        return host->acl_clean(host->user, &command->as.clean);
    case DOWNLINK_CALLBACK:
        break;
    }
    return host->record(host->user, &command->record);
}

static bool host_confirms(const struct intake *in) {
    return in->outbox->host.flags & MQK_HOST_CONFIRM_BY_POLL;
}

/* Name of the callback that an action needs and that the host does not have, or NULL. */
static const char *missing_callback(const mqk_host *host, enum downlink_action action) {
    switch (action) {
    case DOWNLINK_PUBLISH:
        return host->publish ? NULL : "publish";
    case DOWNLINK_KICK:
        return host->kick ? NULL : "kick";
    case DOWNLINK_ACL_CLEAN:
        return host->acl_clean ? NULL : "acl_clean";
    case DOWNLINK_CALLBACK:
        break;
    }
    return host->record ? NULL : "record";
}

static bool check_host(const struct intake *in, const struct settings *settings, mqk_error *err) {
    for (size_t i = 0; i < settings->consumer_count; i++) {
        const char *missing =
            missing_callback(&in->outbox->host, downlink_action(settings->downlink, i));
        if (missing) {
            mqk_str name = downlink_name(settings->downlink, i);
            error_set(err, MQK_ERR_CONFIG, 0, 0,
                      "consumer rule \"%.*s\" needs the host's callback mqk_host.%s, which this "
                      "host does not have",
                      STR_ARG(name), missing);
            return false;
        }
    }
    return true;
}

/* The next rule in turn, in use until let_go(); NULL: there is none. */
static struct intake_rule *take_turn(struct intake *in) {
    pthread_mutex_lock(&in->lock);
    struct intake_rule *rule = in->next ? in->next : in->rules;
    if (rule) {
        in->next = rule->next;
        rule->users++;
    }
    pthread_mutex_unlock(&in->lock);
    return rule;
}

static void let_go(struct intake *in, struct intake_rule *rule) {
    pthread_mutex_lock(&in->lock);
    rule->users--;
    pthread_mutex_unlock(&in->lock);
}

static size_t count_rules(struct intake *in) {
    size_t count = 0;
    pthread_mutex_lock(&in->lock);
    for (const struct intake_rule *rule = in->rules; rule; rule = rule->next) {
        count++;
    }
    pthread_mutex_unlock(&in->lock);
    return count;
}

void intake_confirm(struct intake *in) {
    if (!host_confirms(in)) {
        return;
    }
    pthread_mutex_lock(&in->lock);
    for (struct intake_rule *rule = in->rules; rule; rule = rule->next) {
        consumer_confirm(rule->consumer);
    }
    pthread_mutex_unlock(&in->lock);
}

int intake_offer(void *user) {
    struct intake *in = user;
    if (in->outbox->has_thread) {
        intake_confirm(in);
    }
    size_t offered = 0;
    size_t idle = 0; /* rules in a row that had nothing */
    size_t rules = count_rules(in);
    const size_t most = in->outbox->host.offer_most > 0 ? in->outbox->host.offer_most : OFFER_MOST;
    while (idle < rules && offered < most) {
        struct intake_rule *rule = take_turn(in);
        if (!rule) {
            break;
        }
        size_t left = most - offered;
        size_t n = consumer_offer(rule->consumer, ask_host, &in->outbox->host,
                                  left < OFFER_TURN ? left : OFFER_TURN);
        let_go(in, rule);
        offered += n;
        idle = n > 0 ? 0 : idle + 1;
    }
    /* When there is no more, the host is still to come back, which confirms what it accepted. */
    if (idle < rules || (offered > 0 && host_confirms(in))) {
        outbox_wake(in->outbox);
    }
    return (int)offered;
}

/* ---- what consumers ask for ------------------------------------------------------------------ */

static void on_ready(void *user) {
    const struct intake_rule *rule = user;
    outbox_wake(rule->in->outbox);
}

static void on_letter(void *user, mqk_status status) {
    letter_done(user, status);
}

static mqk_status send_letter(void *user, struct producer *producer, struct record *record,
                              struct letter *letter) {
    const struct intake_rule *rule = user;
    const struct topic_entry *topic = producer_topic(producer, record->topic);
    struct completion *c = topic ? completion_begin_then(on_letter, letter) : NULL;
    struct delivery *d = c ? delivery_new(rule->letters, c, false) : NULL;
    mqk_status status = MQK_ERR_FULL; /* no memory now: later, then */
    if (d) {
        record->handle = (void *)(uintptr_t)topic;
        record->topic = topic->name;
        record->tag = delivery_tag_of(d);
        record->rule = rule->letters->name;
        record->watched = true;
        status = producer_send(producer, record);
        if (status == MQK_OK) {
            count_accepted(rule->letters);
        } else {
            delivery_cancel(d);
        }
    }
    if (c) {
        completion_end(c, status == MQK_OK);
    }
    return status == MQK_ERR_DROPPED || status == MQK_ERR_NO_MEMORY ? MQK_ERR_FULL : status;
}

/* ---- generations ----------------------------------------------------------------------------- */

static struct consumer_counters *get_counters(struct intake *in, mqk_str name) {
    for (struct intake_counters *c = in->counters; c; c = c->next) {
        if (str_equal((mqk_str){c->name, c->len}, name)) {
            return &c->counters;
        }
    }
    struct intake_counters *c = calloc(1, sizeof(*c) + name.len + 1);
    if (!c) {
        return NULL;
    }
    memcpy(c->name, name.data, name.len);
    c->len = name.len;
    c->next = in->counters;
    in->counters = c;
    return &c->counters;
}

static void rule_free(struct intake_rule *rule) {
    consumer_free(rule->consumer);
    config_unref(rule->config);
    free(rule);
}

/* A running consumer that does what the rule wants. */
static struct intake_rule *find_running(struct intake *in, const struct settings *settings,
                                        size_t number) {
    const struct consumer_settings *wanted = &settings->consumers[number];
    for (struct intake_rule *rule = in->rules; rule; rule = rule->next) {
        const struct consumer_plan *plan = consumer_plan(rule->consumer);
        if (!rule->retired && str_equal(plan->settings->fingerprint, wanted->fingerprint) &&
            str_equal(downlink_name(plan->downlink, plan->rule),
                      downlink_name(settings->downlink, number)) &&
            cluster_settings_equal(plan->cluster, &settings->clusters[wanted->cluster])) {
            return rule;
        }
    }
    return NULL;
}

static struct intake_rule *make_draft(struct intake *in, const struct generation *g, size_t number,
                                      mqk_error *err) {
    const struct settings *settings = g->settings;
    struct intake_rule *rule = calloc(1, sizeof(*rule));
    mqk_str name = downlink_name(settings->downlink, number);
    struct consumer_plan plan = {
        .cluster = &settings->clusters[settings->consumers[number].cluster],
        .settings = &settings->consumers[number],
        .downlink = settings->downlink,
        .rule = number,
        .node = in->node,
        .counters = get_counters(in, name),
    };
    const struct consumer_owner owner = {
        .user = rule,
        .ready = on_ready,
        .send = send_letter,
        .log = in->log,
        .confirms = host_confirms(in),
    };
    if (rule) {
        rule->in = in;
        rule->counters = plan.counters;
        rule->letters = counter_book_get(&in->letters, name);
    }
    if (!rule || !rule->counters || !rule->letters) {
        free(rule);
        error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
        return NULL;
    }
    if (plan.cluster->embedded &&
        !(plan.embedded = fleet_embedded_get(in->fleet, plan.cluster->name, err))) {
        free(rule);
        return NULL;
    }
    rule->consumer = consumer_new(&plan, &owner, err);
    if (!rule->consumer) {
        free(rule);
        return NULL;
    }
    rule->config = config_ref(g->config);
    return rule;
}

static void drop_drafts(struct intake *in) {
    while (in->drafts) {
        struct intake_rule *rule = in->drafts;
        in->drafts = rule->draft;
        rule_free(rule);
    }
}

bool intake_prepare(struct intake *in, const struct generation *g, mqk_error *err) {
    if (!check_host(in, g->settings, err)) {
        return false;
    }
    for (size_t i = 0; i < g->settings->consumer_count; i++) {
        if (find_running(in, g->settings, i)) {
            continue;
        }
        struct intake_rule *draft = make_draft(in, g, i, err);
        if (!draft) {
            drop_drafts(in);
            return false;
        }
        draft->draft = in->drafts;
        in->drafts = draft;
    }
    if (g->settings->consumer_count > 0) {
        struct intake_rule **larger =
            realloc(in->current, g->settings->consumer_count * sizeof(struct intake_rule *));
        if (!larger) {
            drop_drafts(in);
            error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory");
            return false;
        }
        in->current = larger;
    }
    return true;
}

/* The prepared rules join the others. */
static struct intake_rule *admit_drafts(struct intake *in) {
    struct intake_rule *first = in->drafts;
    pthread_mutex_lock(&in->lock);
    for (struct intake_rule *rule = first; rule; rule = rule->draft) {
        rule->next = in->rules;
        in->rules = rule;
    }
    pthread_mutex_unlock(&in->lock);
    in->drafts = NULL;
    return first;
}

static bool is_current(const struct intake *in, const struct intake_rule *rule) {
    for (size_t i = 0; i < in->count; i++) {
        if (in->current[i] == rule) {
            return true;
        }
    }
    return false;
}

void intake_take(struct intake *in, const struct generation *g) {
    struct intake_rule *drafts = admit_drafts(in);
    in->count = g->settings->consumer_count;
    for (size_t i = 0; i < in->count; i++) {
        const struct consumer_settings *settings = &g->settings->consumers[i];
        in->current[i] = find_running(in, g->settings, i);
        consumer_set_producer(in->current[i]->consumer,
                              settings->dead_letter ? g->lanes[settings->lane] : NULL);
    }
    for (struct intake_rule *rule = in->rules; rule; rule = rule->next) {
        if (!rule->retired && !is_current(in, rule)) {
            rule->retired = true;
            atomic_fetch_add(&in->retired, 1);
            /* Its letters that are not sent are read again by who comes after it. */
            consumer_set_producer(rule->consumer, NULL);
            consumer_retire(rule->consumer);
        }
    }
    for (struct intake_rule *rule = drafts; rule; rule = rule->draft) {
        if (!consumer_start(rule->consumer)) {
            log_write(in->log, MQK_LOG_ERROR, NULL, "a consumer rule could not be started");
        }
    }
}

void intake_reap(struct intake *in) {
    struct intake_rule *gone = NULL;
    pthread_mutex_lock(&in->lock);
    for (struct intake_rule **at = &in->rules; *at;) {
        struct intake_rule *rule = *at;
        if (rule->retired && rule->users == 0 && consumer_ended(rule->consumer)) {
            *at = rule->next;
            rule->next = gone;
            gone = rule;
            in->next = NULL;
            atomic_fetch_sub(&in->retired, 1);
        } else {
            at = &rule->next;
        }
    }
    pthread_mutex_unlock(&in->lock);
    while (gone) {
        struct intake_rule *rule = gone;
        gone = rule->next;
        rule_free(rule);
    }
}

void intake_stop(struct intake *in) {
    for (struct intake_rule *rule = in->rules; rule; rule = rule->next) {
        consumer_stop_offering(rule->consumer);
    }
}

void intake_fini(struct intake *in) {
    /* All at once, so that they say goodbye to their groups side by side. */
    for (struct intake_rule *rule = in->rules; rule; rule = rule->next) {
        consumer_retire(rule->consumer);
    }
    while (in->rules) {
        struct intake_rule *rule = in->rules;
        in->rules = rule->next;
        rule_free(rule);
    }
    while (in->counters) {
        struct intake_counters *c = in->counters;
        in->counters = c->next;
        free(c);
    }
    free(in->current);
    in->current = NULL;
    in->count = 0;
    pthread_mutex_destroy(&in->lock);
}

void intake_read(struct intake *in, size_t number, mqk_consumer_stats *stats) {
    struct intake_rule *rule = in->current[number];
    /* Valid until the bridge is closed, unlike the configuration. */
    for (const struct intake_counters *c = in->counters; c; c = c->next) {
        if (&c->counters == rule->counters) {
            stats->name = (mqk_str){c->name, c->len};
        }
    }
    consumer_read_stats(rule->consumer, stats);
#define READ(name, meaning) stats->name = atomic_load(&rule->counters->name);
    MQK_CONSUMER_COUNTERS(READ)
#undef READ
}

mqk_health_state intake_health(struct intake *in, char *message, size_t size) {
    mqk_health_state worst = MQK_HEALTH_OK;
    for (size_t i = 0; i < in->count; i++) {
        mqk_consumer_stats stats = {.size = sizeof(stats)};
        intake_read(in, i, &stats);
        mqk_health_state state = stats.state == MQK_CONSUMER_DOWN       ? MQK_HEALTH_DOWN
                                 : stats.state == MQK_CONSUMER_STARTING ? MQK_HEALTH_STARTING
                                                                        : MQK_HEALTH_OK;
        if (state > worst) {
            worst = state;
            snprintf(message, size, "consumer rule \"%.*s\" %s", STR_ARG(stats.name),
                     state == MQK_HEALTH_DOWN ? "reaches no broker, or Kafka refuses it"
                                              : "is not in its group yet");
        }
    }
    return worst;
}
