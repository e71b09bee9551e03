/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "delivery.h"
#include "error.h"

#define ALIVE_SIZE 4096u

/* Flush looks this often whether everything is done, should no wake-up come. */
#define FLUSH_LOOK_MS 20

/* ---- who owns it ----------------------------------------------------------------------------- */

static const uint32_t *alive_new(void) {
    uint32_t *page =
        mmap(NULL, ALIVE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return NULL;
    }
    /* Where the kernel cannot wipe (before Linux 4.14) a fork goes unnoticed. */
    madvise(page, ALIVE_SIZE, MADV_WIPEONFORK);
    *page = BRIDGE_ALIVE;
    return page;
}

bool bridge_copy_out(void *to, const void *full, size_t full_size) {
    size_t size = *(size_t *)to;
    if (size < sizeof(size)) {
        return false;
    }
    memcpy(to, full, size < full_size ? size : full_size);
    *(size_t *)to = size;
    return true;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void on_done(void *user, void *tag, mqk_status status) {
    (void)user;
    delivery_done(tag, status);
}

static void on_dead_lettered(void *user, void *tag) {
    (void)user;
    delivery_dead_lettered(tag);
}

static void *on_adopt(void *user, mqk_str cluster, mqk_str rule) {
    struct mqk_bridge *b = user;
    struct counters *c = counter_book_get(&b->rules, rule);
    struct counters *of_cluster = counter_book_get(&b->clusters, cluster);
    struct counters *none = NULL;
    if (!c || !of_cluster) {
        return NULL;
    }
    atomic_compare_exchange_strong(&c->cluster, &none, of_cluster);
    return delivery_tag(c);
}

static void *on_detach(void *user, void **tag) {
    (void)user;
    return delivery_detach(tag);
}

static void on_safe(void *user, void *waiter, mqk_status status) {
    (void)user;
    delivery_safe(waiter, status);
}

static void on_left(void *user, void *tag) {
    (void)user;
    delivery_left(tag);
}

static mqk_str rule_of(void *user, void *tag) {
    (void)user;
    return delivery_rule(tag)->name;
}

static void on_idle(void *user) {
    struct mqk_bridge *b = user;
    outbox_wake(&b->outbox);
}

/* The node's name: the host's, or the machine's. */
static bool set_node(struct mqk_bridge *b, mqk_str given) {
    char machine[256] = "localhost";
    if (!given.data) {
        gethostname(machine, sizeof(machine) - 1);
        given = mqk_cstr(machine);
    }
    b->node = malloc(given.len + 1);
    if (!b->node) {
        return false;
    }
    memcpy(b->node, given.data, given.len);
    b->node[given.len] = '\0';
    b->ruleset_host.node = (mqk_str){b->node, given.len};
    b->ruleset_host.regex_limit = bridge_on_regex_limit;
    return true;
}

/* Everything but the generation. */
static struct mqk_bridge *bridge_new(const mqk_host *host) {
    struct mqk_bridge *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
    if (!b) {
        return NULL;
    }
    memset(b, 0, sizeof(*b));
    if (!outbox_init(&b->outbox, host)) {
        free(b);
        return NULL;
    }
    const mqk_host *known = &b->outbox.host;
    pthread_mutex_init(&b->control, NULL);
    b->alive = alive_new();
    b->log = log_new(known->log_level, known->log ? outbox_push_line : NULL, &b->outbox);
    bool has_node = set_node(b, known->node);
    const struct record_owner owner = {
        .user = b,
        .done = on_done,
        .dead_lettered = on_dead_lettered,
        .adopt = on_adopt,
        .detach = on_detach,
        .safe = on_safe,
        .left = on_left,
        .rule = rule_of,
        .idle = on_idle,
        .log = b->log,
    };
    fleet_init(&b->fleet, b->node, &owner);
    counter_book_init(&b->rules);
    counter_book_init(&b->clusters);
    intake_init(&b->intake, &b->outbox, &b->fleet, b->log, b->ruleset_host.node);
    if (!b->alive || !b->log || !has_node) {
        mqk_bridge_close(b, 0, NULL);
        return NULL;
    }
    outbox_set_more(&b->outbox, intake_offer, &b->intake);
    return b;
}

static void bridge_free(struct mqk_bridge *b) {
    outbox_fini(&b->outbox);
    generation_free(atomic_load(&b->generation));
    counter_book_fini(&b->rules);
    counter_book_fini(&b->clusters);
    counter_book_fini(&b->intake.letters);
    pthread_mutex_destroy(&b->control);
    log_free(b->log);
    free(b->node);
    if (b->alive) {
        munmap((void *)(uintptr_t)b->alive, ALIVE_SIZE);
    }
    free(b);
}

static void use_generation(struct mqk_bridge *b, struct generation *g) {
    for (size_t i = 0; i < g->settings->warning_count; i++) {
        log_write(b->log, MQK_LOG_WARNING, NULL, "%s", g->settings->warnings[i]);
    }
    atomic_store(&b->generation, g);
    atomic_store(&b->hooks, g->hooks);
}

mqk_status mqk_bridge_open(const mqk_config *config, const mqk_host *host, mqk_bridge **out,
                           mqk_error *err) {
    if (!config || !out || (host && host->size < sizeof(host->size))) {
        return error_set(err, MQK_ERR_ARGUMENT, 0, 0,
                         "mqk_bridge_open: config or out is NULL, or "
                         "host->size is not set");
    }
    *out = NULL;
    struct mqk_bridge *b = bridge_new(host);
    if (!b) {
        return error_set(err, MQK_ERR_NO_MEMORY, 0, 0, "out of memory or file descriptors");
    }
    mqk_error why;
    struct generation *g =
        generation_new((mqk_config *)(uintptr_t)config, &b->fleet, &b->rules, &b->clusters, &why);
    if (g && !intake_prepare(&b->intake, g, &why)) {
        generation_free(g);
        g = NULL;
    }
    if (!g) {
        mqk_bridge_close(b, 0, NULL);
        return error_set(err, why.code, why.line, why.column, "%s", why.message);
    }
    use_generation(b, g);
    intake_take(&b->intake, g);
    *out = b;
    return MQK_OK;
}

mqk_status mqk_bridge_reload(mqk_bridge *b, const mqk_config *config, mqk_error *err) {
    if (!b || !config) {
        return error_set(err, MQK_ERR_ARGUMENT, 0, 0,
                         "mqk_bridge_reload: bridge or config is NULL");
    }
    if (!bridge_is_ours(b)) {
        return error_set(err, MQK_ERR_FORKED, 0, 0, "%s", mqk_status_text(MQK_ERR_FORKED));
    }
    mqk_error why;
    pthread_mutex_lock(&b->control);
    struct generation *old = atomic_load(&b->generation);
    struct generation *g =
        generation_new((mqk_config *)(uintptr_t)config, &b->fleet, &b->rules, &b->clusters, &why);
    if (g && !intake_prepare(&b->intake, g, &why)) {
        generation_free(g);
        g = NULL;
    }
    if (g) {
        use_generation(b, g);
        intake_take(&b->intake, g);
        epoch_synchronize(&b->epoch);
        fleet_keep(&b->fleet, g->lanes, g->settings->lane_count);
        generation_free(old);
    } else {
        fleet_keep(&b->fleet, old->lanes, old->settings->lane_count);
    }
    fleet_reap(&b->fleet);
    intake_reap(&b->intake);
    pthread_mutex_unlock(&b->control);
    return g ? MQK_OK : error_set(err, why.code, why.line, why.column, "%s", why.message);
}

static mqk_status flush(mqk_bridge *b, int timeout_ms, uint64_t *undelivered) {
    int64_t deadline = clock_deadline_ms(timeout_ms);
    pthread_mutex_lock(&b->control);
    fleet_hurry(&b->fleet, true);
    pthread_mutex_unlock(&b->control);
    uint64_t left;
    for (;;) {
        pthread_mutex_lock(&b->control);
        left = fleet_queued(&b->fleet, NULL);
        pthread_mutex_unlock(&b->control);
        int64_t remaining = deadline - clock_monotonic_ms();
        if (left == 0 || remaining <= 0) {
            break;
        }
        outbox_run(&b->outbox, remaining < FLUSH_LOOK_MS ? (int)remaining : FLUSH_LOOK_MS);
    }
    outbox_run(&b->outbox, 0);
    pthread_mutex_lock(&b->control);
    fleet_hurry(&b->fleet, false);
    pthread_mutex_unlock(&b->control);
    if (undelivered) {
        *undelivered = left;
    }
    return left == 0 ? MQK_OK : MQK_ERR_TIMEOUT;
}

mqk_status mqk_bridge_flush(mqk_bridge *b, int timeout_ms, uint64_t *undelivered) {
    if (!b) {
        return MQK_ERR_ARGUMENT;
    }
    if (!bridge_is_ours(b)) {
        return MQK_ERR_FORKED;
    }
    if (!b->outbox.has_thread) {
        intake_confirm(&b->intake);
    }
    return flush(b, timeout_ms, undelivered);
}

mqk_status mqk_bridge_close(mqk_bridge *b, int timeout_ms, uint64_t *undelivered) {
    if (undelivered) {
        *undelivered = 0;
    }
    if (!b) {
        return MQK_OK;
    }
    if (b->alive && !bridge_is_ours(b)) {
        return MQK_ERR_FORKED;
    }
    intake_stop(&b->intake);
    if (timeout_ms != 0 && b->alive) {
        flush(b, timeout_ms, NULL);
    }
    outbox_set_more(&b->outbox, NULL, NULL);
    intake_fini(&b->intake);
    uint64_t left = fleet_close(&b->fleet);
    bridge_free(b);
    if (undelivered) {
        *undelivered = left;
    }
    return left == 0 ? MQK_OK : MQK_ERR_TIMEOUT;
}

/* ---- callbacks ------------------------------------------------------------------------------- */

int mqk_bridge_poll(mqk_bridge *b, int timeout_ms) {
    if (!b) {
        return MQK_ERR_ARGUMENT;
    }
    if (!bridge_is_ours(b)) {
        return MQK_ERR_FORKED;
    }
    if (!b->outbox.has_thread) {
        intake_confirm(&b->intake);
    }
    if (atomic_load(&b->fleet.retired) > 0 || atomic_load(&b->intake.retired) > 0) {
        pthread_mutex_lock(&b->control);
        fleet_reap(&b->fleet);
        intake_reap(&b->intake);
        pthread_mutex_unlock(&b->control);
    }
    return outbox_run(&b->outbox, timeout_ms);
}

int mqk_bridge_fd(const mqk_bridge *b) {
    return b ? b->outbox.fd : MQK_ERR_ARGUMENT;
}
