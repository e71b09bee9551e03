/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "clock.h"
#include "consumer_private.h"

/* How long a partition that is taken away waits for its dead letters and for Kafka's answer to the
 * last commit. What is not committed then comes again elsewhere. */
#define LETTERS_MS 1500
#define COMMIT_MS  3000
/* librdkafka gives up a request after a minute, and what is not answered then never will be. */
#define ANSWER_MS 65000
#define SEEK_MS   2000
/* Before this version librdkafka took the time limit of a seek for microseconds. */
#define SEEK_IN_MS_SINCE 0x02010000

struct consumer_partition *consumer_find(struct consumer *c, const char *topic, int32_t id) {
    struct consumer_partition *p = c->partitions;
    while (p && (p->id != id || strcmp(p->topic, topic) != 0)) {
        p = p->next;
    }
    return p;
}

static void add_partition(struct consumer *c, const char *topic, int32_t id) {
    struct consumer_partition *p = calloc(1, sizeof(*p));
    char *name = strdup(topic);
    if (!p || !name) {
        free(p);
        free(name);
        log_write(c->owner.log, MQK_LOG_ERROR, "consumer-memory",
                  "consumer rule \"%.*s\": out of memory; %s[%d] is not read",
                  STR_ARG(consumer_name(c)), topic, (int)id);
        return;
    }
    p->topic = name;
    p->id = id;
    p->read_offset = -1;
    p->sent = -1;
    p->committed = -1;
    p->unconfirmed = -1;
    p->tail = &p->head;
    pthread_mutex_lock(&c->lock);
    p->next = c->partitions;
    c->partitions = p;
    pthread_mutex_unlock(&c->lock);
}

/* Frees the items from one on; with the lock. */
static void drop_items(struct consumer *c, struct consumer_partition *p,
                       struct consumer_item **from) {
    struct consumer_item *item = *from;
    *from = NULL;
    p->tail = from;
    while (item) {
        struct consumer_item *next = item->next;
        consumer_settle(c, item->cost);
        consumer_item_free(item);
        item = next;
    }
}

/* The host gets nothing more of the partition, and what it is busy with is waited for. With the
 * lock. */
static void withdraw(struct consumer *c, struct consumer_partition *p) {
    consumer_unready(c, p);
    /* An offset behind what is dropped must never look answered. */
    if (p->head) {
        p->read_offset = p->head->command.record.offset;
        drop_items(c, p, &p->head);
    }
    while (p->busy) {
        pthread_cond_wait(&c->changed, &c->lock);
    }
    if (p->head) { /* the host said later */
        p->read_offset = p->head->command.record.offset;
        drop_items(c, p, &p->head);
    }
}

static void free_partition(struct consumer_partition *p) {
    free(p->topic);
    free(p);
}

static void remove_partition(struct consumer *c, struct consumer_partition *p) {
    struct consumer_partition **at = &c->partitions;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
}

int64_t consumer_position(const struct consumer *c, const struct consumer_partition *p) {
    int64_t position = p->read_offset;
    if (p->busy) {
        position = p->busy->command.record.offset;
    } else if (p->head) {
        position = p->head->command.record.offset;
    }
    if (p->unconfirmed >= 0) {
        position = p->unconfirmed;
    }
    for (const struct letter *letter = c->letters; letter; letter = letter->next) {
        if (letter->offset < position && consumer_letter_is_of(letter, p)) {
            position = letter->offset;
        }
    }
    return position;
}

/* Adds what is answered, if it is further than `known`. With the lock. */
static void collect(struct consumer *c, struct consumer_partition *p, int64_t known,
                    rd_kafka_topic_partition_list_t *list) {
    int64_t position = consumer_position(c, p);
    if (position >= 0 && position > known) {
        rd_kafka_topic_partition_list_add(list, p->topic, p->id)->offset = position;
        p->sent = position;
    }
}

static void log_refused_commit(struct consumer *c, const rd_kafka_topic_partition_t *one,
                               rd_kafka_resp_err_t why) {
    /* The group is about to be shared out anew, and then the last offsets are committed. */
    bool usual = why == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    log_write(c->owner.log, usual ? MQK_LOG_INFO : MQK_LOG_WARNING, "consumer-commit",
              "consumer rule \"%.*s\": the offset of %s[%d] was not committed, and is tried again: "
              "%s",
              STR_ARG(consumer_name(c)), one->topic, (int)one->partition, rd_kafka_err2str(why));
}

static void note_answer(struct consumer *c, rd_kafka_resp_err_t err,
                        const rd_kafka_topic_partition_list_t *list) {
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &list->elems[i];
        rd_kafka_resp_err_t why = one->err != RD_KAFKA_RESP_ERR_NO_ERROR ? one->err : err;
        pthread_mutex_lock(&c->lock);
        struct consumer_partition *p = consumer_find(c, one->topic, one->partition);
        if (p && why == RD_KAFKA_RESP_ERR_NO_ERROR) {
            p->committed = one->offset;
        } else if (p) {
            p->sent = p->committed;
        }
        pthread_mutex_unlock(&c->lock);
        if (why != RD_KAFKA_RESP_ERR_NO_ERROR) {
            log_refused_commit(c, one, why);
        }
    }
}

/* Kafka's answer to the commit under way, waited for so long; false: not yet. */
static bool take_answer(struct consumer *c, int timeout_ms) {
    if (!c->committing) {
        return true;
    }
    rd_kafka_event_t *event = rd_kafka_queue_poll(c->answers, timeout_ms);
    if (!event) {
        return false;
    }
    c->committing = false;
    note_answer(c, rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
    rd_kafka_event_destroy(event);
    return true;
}

/* One at a time: librdkafka sends one again that failed, and would then undo a later one. */
void consumer_commit(struct consumer *c) {
    if (!take_answer(c, 0) && clock_monotonic_ms() < c->answer_until_ms) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    pthread_mutex_lock(&c->lock);
    for (struct consumer_partition *p = c->partitions; p; p = p->next) {
        collect(c, p, c->committing ? p->committed : p->sent, list);
    }
    pthread_mutex_unlock(&c->lock);
    c->committing = false;
    if (list->cnt > 0) {
        rd_kafka_resp_err_t err = rd_kafka_commit_queue(c->client, list, c->answers, NULL, NULL);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            note_answer(c, err, list);
        } else {
            c->committing = true;
            c->answer_until_ms = clock_deadline_ms(ANSWER_MS);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* Commits, unless one before may still come after it, and waits for Kafka's answer, a while: the
 * next owner begins where we say. */
static void commit_and_wait(struct consumer *c, const rd_kafka_topic_partition_list_t *list,
                            bool alone) {
    rd_kafka_queue_t *answers = rd_kafka_queue_new(c->client);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (alone) {
        err = rd_kafka_commit_queue(c->client, list, answers, NULL, NULL);
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(answers, COMMIT_MS);
        err = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        rd_kafka_event_destroy(event);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__NO_OFFSET) {
        log_write(c->owner.log, MQK_LOG_WARNING, "consumer-commit",
                  "consumer rule \"%.*s\": the last offsets were not committed (%s); some records "
                  "will come again",
                  STR_ARG(consumer_name(c)), rd_kafka_err2str(err));
    }
    rd_kafka_queue_destroy(answers);
}

/* Everything about the partitions of a list ends here; `lost`: another node may have them already,
 * so that nothing is committed. */
static void revoke(struct consumer *c, const rd_kafka_topic_partition_list_t *list, bool lost) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(list->cnt + 1);
    bool answered = take_answer(c, lost ? 0 : COMMIT_MS);
    for (int i = 0; i < list->cnt; i++) {
        struct consumer_partition *p =
            consumer_find(c, list->elems[i].topic, list->elems[i].partition);
        if (!p) {
            continue;
        }
        pthread_mutex_lock(&c->lock);
        withdraw(c, p);
        pthread_mutex_unlock(&c->lock);
        consumer_await_letters(c, p, lost ? 0 : LETTERS_MS);
        pthread_mutex_lock(&c->lock);
        collect(c, p, p->committed, offsets);
        consumer_forget_letters(c, p);
        remove_partition(c, p);
        pthread_mutex_unlock(&c->lock);
        free_partition(p);
    }
    if (offsets->cnt > 0 && !lost && !atomic_load(&c->down)) {
        commit_and_wait(c, offsets, answered);
    }
    rd_kafka_topic_partition_list_destroy(offsets);
}

static void finish(struct consumer *c, rd_kafka_error_t *error) {
    if (error) {
        log_write(c->owner.log, MQK_LOG_ERROR, "consumer-group", "consumer rule \"%.*s\": %s",
                  STR_ARG(consumer_name(c)), rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
}

static bool is_incremental(rd_kafka_t *client) {
    const char *protocol = rd_kafka_rebalance_protocol(client);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static size_t count_partitions(const struct consumer *c) {
    size_t count = 0;
    for (const struct consumer_partition *p = c->partitions; p; p = p->next) {
        count++;
    }
    return count;
}

static void tell(struct consumer *c, const char *what, int count) {
    log_write(c->owner.log, MQK_LOG_INFO, "consumer-rebalance",
              "consumer rule \"%.*s\": %s %d partitions, has %zu now (group \"%s\")",
              STR_ARG(consumer_name(c)), what, count, count_partitions(c), c->group_id);
}

/* A partition that was paused when it was taken away is still paused for librdkafka when it comes
 * back, and we have forgotten that it was. */
static void resume_all(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *list) {
    rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);
    rd_kafka_resume_partitions(client, copy);
    rd_kafka_topic_partition_list_destroy(copy);
}

void consumer_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t err,
                           rd_kafka_topic_partition_list_t *list, void *opaque) {
    struct consumer *c = opaque;
    const bool incremental = is_incremental(client);
    consumer_flush_gathered(c);
    atomic_store(&c->down, false);
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        for (int i = 0; i < list->cnt; i++) {
            add_partition(c, list->elems[i].topic, list->elems[i].partition);
        }
        resume_all(client, list);
        if (incremental) {
            finish(c, rd_kafka_incremental_assign(client, list));
        } else {
            rd_kafka_assign(client, list);
        }
        c->all_paused = false;
        atomic_store(&c->joined, true);
        tell(c, "was given", list->cnt);
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        revoke(c, list, rd_kafka_assignment_lost(client) != 0);
        tell(c, "gave up", list->cnt);
    }
    if (incremental && err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        finish(c, rd_kafka_incremental_unassign(client, list));
    } else {
        rd_kafka_assign(client, NULL);
    }
}

void consumer_forget_all(struct consumer *c) {
    pthread_mutex_lock(&c->lock);
    while (c->partitions) {
        struct consumer_partition *p = c->partitions;
        withdraw(c, p);
        c->partitions = p->next;
        free_partition(p);
    }
    consumer_forget_letters(c, NULL);
    struct consumer_item *done = c->done;
    c->done = NULL;
    pthread_mutex_unlock(&c->lock);
    consumer_recycle(c, done);
}

/* ---- pausing --------------------------------------------------------------------------------- */

/* With the lock. */
static bool is_full(const struct consumer *c) {
    return c->in_flight >= c->plan.settings->max_in_flight ||
           c->in_flight_bytes >= CONSUMER_MAX_BYTES;
}

/* What waits behind a record that the host does not want yet must not take the room of other
 * partitions: it is forgotten, and read again later. With the lock. */
static void trim(struct consumer *c, struct consumer_partition *p) {
    if (p->waits && !p->busy && p->head && p->head->next) {
        p->read_offset = p->head->next->command.record.offset;
        p->must_seek = true;
        drop_items(c, p, &p->head->next);
    }
}

/* librdkafka goes on behind the last record that it handed out; records that were forgotten after
 * that are asked for again. It is not polled in between. */
static void seek(struct consumer *c, rd_kafka_topic_partition_list_t *list) {
    int timeout = rd_kafka_version() < SEEK_IN_MS_SINCE ? SEEK_MS * 1000 : SEEK_MS;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(c->client, list, timeout);
    finish(c, error);
    for (int i = 0; i < list->cnt && !error; i++) {
        const rd_kafka_topic_partition_t *one = &list->elems[i];
        struct consumer_partition *p = consumer_find(c, one->topic, one->partition);
        if (p && one->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            p->must_seek = false;
        }
    }
}

void consumer_steer(struct consumer *c) {
    int64_t now = clock_monotonic_ms();
    bool ready = false;
    rd_kafka_topic_partition_list_t *pause = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_t *resume = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_t *back = rd_kafka_topic_partition_list_new(1);
    pthread_mutex_lock(&c->lock);
    bool full = is_full(c);
    for (struct consumer_partition *p = c->partitions; p; p = p->next) {
        if (full) {
            trim(c, p);
        }
        if (p->waits && !p->busy && now >= p->retry_at_ms) {
            p->waits = false;
            consumer_make_ready(c, p);
            ready = true;
        }
        /* The delay stays until the host accepts: so long nothing more is read. */
        bool wanted = p->delay_ms > 0 || c->all_paused;
        if (wanted != p->paused) {
            p->paused = wanted;
            rd_kafka_topic_partition_list_add(wanted ? pause : resume, p->topic, p->id);
        }
        if (p->must_seek && !p->paused) {
            rd_kafka_topic_partition_list_add(back, p->topic, p->id)->offset = p->read_offset;
        }
    }
    pthread_mutex_unlock(&c->lock);
    if (pause->cnt > 0) {
        rd_kafka_pause_partitions(c->client, pause);
    }
    if (resume->cnt > 0) {
        rd_kafka_resume_partitions(c->client, resume);
    }
    if (back->cnt > 0) {
        seek(c, back);
    }
    if (ready) {
        c->owner.ready(c->owner.user);
    }
    rd_kafka_topic_partition_list_destroy(pause);
    rd_kafka_topic_partition_list_destroy(resume);
    rd_kafka_topic_partition_list_destroy(back);
}
