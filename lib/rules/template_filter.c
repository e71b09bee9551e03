/* SPDX-License-Identifier: Apache-2.0 */
#include "template_filter.h"

#include <stdio.h>

#include "literal.h"
#include "md5.h"
#include "text_filter.h"
#include "topic_filter.h"
#include "units.h"
#include "utf8.h"

/* 0000-01-01 to 9999-12-31: what has four digits. */
#define FIRST_MS INT64_C(-62167219200000)
#define LAST_MS  INT64_C(253402300799999)
#define DAY_MS   INT64_C(86400000)

/* One value on its way through the filters. */
struct filtering {
    const struct template *t;
    const struct piece *inner;
    struct render_context *ctx;
    struct filter_scratch *scratch;
    struct value *value;
};

/* A buffer in which the value is not. */
static struct buffer *fresh(struct filtering *f) {
    f->scratch->last ^= 1;
    struct buffer *buffer = &f->scratch->buffers[f->scratch->last];
    buffer->len = 0;
    return buffer;
}

static void set_text(struct filtering *f, mqk_str text) {
    *f->value = (struct value){.kind = VALUE_TEXT, .text = text};
}

static void set_missing(struct filtering *f) {
    f->value->kind = VALUE_MISSING;
}

static mqk_str text_of(struct filtering *f) {
    const struct value *value = f->value;
    if (value->kind == VALUE_TEXT || value->kind == VALUE_PAYLOAD || value->kind == VALUE_ENCODED) {
        return value->text;
    }
    struct buffer *out = fresh(f);
    value_write_text(f->inner, value, f->ctx, out);
    return buffer_since(out, 0);
}

static bool integer_of(struct filtering *f, int64_t *out) {
    if (f->value->kind == VALUE_NUMBER) {
        *out = f->value->number;
        return true;
    }
    return !units_integer(text_of(f), out);
}

static void to_base64(struct filtering *f) {
    mqk_str text = text_of(f);
    struct buffer *out = fresh(f);
    base64_append(out, text);
    set_text(f, buffer_since(out, 0));
}

static void to_hex(struct filtering *f, mqk_str bytes) {
    struct buffer *out = fresh(f);
    hex_append(out, bytes);
    set_text(f, buffer_since(out, 0));
}

static void to_md5(struct filtering *f) {
    uint8_t digest[MD5_SIZE];
    md5(text_of(f), digest);
    to_hex(f, (mqk_str){(const char *)digest, sizeof(digest)});
}

static void change_case(struct filtering *f, char first, char last) {
    mqk_str text = text_of(f);
    struct buffer *out = fresh(f);
    if (buffer_reserve(out, text.len)) {
        for (size_t i = 0; i < text.len; i++) {
            char c = text.data[i];
            out->data[i] = (char)(c >= first && c <= last ? c ^ 0x20 : c);
        }
        out->len = text.len;
    }
    set_text(f, buffer_since(out, 0));
}

static void take_characters(struct filtering *f, int32_t characters) {
    mqk_str text = text_of(f);
    size_t len = 0;
    for (int32_t i = 0; i < characters && len < text.len; i++) {
        size_t step = utf8_char_len(text.data + len, text.len - len);
        len += step > 0 ? step : 1;
    }
    set_text(f, (mqk_str){text.data, len});
}

static void take_level(struct filtering *f, int32_t number) {
    mqk_str topic = text_of(f), level;
    size_t pos = 0;
    int32_t count = 0;
    if (number < 0) {
        while (topic_next_level(topic, &pos, &level)) {
            count++;
        }
        number += count + 1;
    }
    pos = 0;
    for (int32_t i = 1; topic_next_level(topic, &pos, &level); i++) {
        if (i == number) {
            set_text(f, level);
            return;
        }
    }
    set_missing(f);
}

/* Days since 1970-01-01 as a date of the Gregorian calendar, counted from a March, so that the leap
 * day is a year's last one. */
static void date_of(int64_t days, int *year, int *month, int *day) {
    days += 719468;
    int era = (int)((days >= 0 ? days : days - 146096) / 146097);
    int in_era = (int)(days - (int64_t)era * 146097);
    int in_cycle = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int in_year = in_era - (365 * in_cycle + in_cycle / 4 - in_cycle / 100);
    int from_march = (5 * in_year + 2) / 153;
    *day = in_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = in_cycle + era * 400 + (*month <= 2);
}

static void to_iso8601(struct filtering *f) {
    int64_t ms;
    int year, month, day;
    if (!integer_of(f, &ms) || ms < FIRST_MS || ms > LAST_MS) {
        set_missing(f);
        return;
    }
    int64_t days = (ms >= 0 ? ms : ms - DAY_MS + 1) / DAY_MS;
    unsigned rest = (unsigned)(ms - days * DAY_MS);
    date_of(days, &year, &month, &day);
    char text[64];
    int len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02u:%02u:%02u.%03uZ", year, month, day,
                       rest / 3600000, rest / 60000 % 60, rest / 1000 % 60, rest % 1000);
    struct buffer *out = fresh(f);
    buffer_append(out, text, (size_t)len);
    set_text(f, buffer_since(out, 0));
}

static void to_seconds(struct filtering *f) {
    int64_t ms;
    if (!integer_of(f, &ms)) {
        set_missing(f);
        return;
    }
    *f->value = (struct value){.kind = VALUE_NUMBER, .number = ms / 1000 - (ms % 1000 < 0)};
}

static void to_number(struct filtering *f) {
    struct value *value = f->value;
    bool is_json = value->kind == VALUE_JSON;
    int64_t number = is_json ? value->json.kind == JSON_TRUE : value->number;
    if (value->kind == VALUE_BOOL ||
        (is_json && (value->json.kind == JSON_TRUE || value->json.kind == JSON_FALSE))) {
        *value = (struct value){.kind = VALUE_NUMBER, .number = number};
    }
    if (value->kind == VALUE_NUMBER || (is_json && value->json.kind == JSON_NUMBER)) {
        return;
    }
    mqk_str text = text_of(f);
    if (text.len == 0 || literal_number(text, 0, true) < text.len) {
        set_missing(f);
        return;
    }
    *value = (struct value){.kind = VALUE_JSON, .json = {.kind = JSON_NUMBER, .text = text}};
}

static void rewrite(struct filtering *f, void (*write)(mqk_str text, struct buffer *out)) {
    mqk_str text = text_of(f);
    struct buffer *out = fresh(f);
    write(text, out);
    set_text(f, buffer_since(out, 0));
}

static void check_mediatype(struct filtering *f) {
    mqk_str text = text_of(f);
    if (text_is_mediatype(text)) {
        set_text(f, text);
    } else {
        set_missing(f);
    }
}

static void to_json(struct filtering *f) {
    if (f->value->kind == VALUE_ENCODED) {
        return;
    }
    struct buffer *out = fresh(f);
    value_write_json(f->inner, f->value, f->ctx, out);
    *f->value = (struct value){.kind = VALUE_ENCODED, .text = buffer_since(out, 0)};
}

static void use_default(struct filtering *f, const struct filter_call *call) {
    mqk_str text = {f->t->pool + call->text_at, call->text_len};
    bool field = call->argument_kind == JSON_NONE;
    bool null = f->value->kind == VALUE_JSON && f->value->json.kind == JSON_NULL;
    if (f->value->kind != VALUE_MISSING && !null) {
        return;
    }
    if (call->argument_kind == JSON_STRING) {
        set_text(f, text);
    } else if (field) {
        f->inner = &f->t->filtered[call->number].inner;
        value_find(f->t, f->inner, f->ctx, f->value);
    } else {
        *f->value =
            (struct value){.kind = VALUE_JSON,
                           .json = {.kind = (enum json_kind)call->argument_kind, .text = text}};
    }
}

static void apply(struct filtering *f, const struct filter_call *call) {
    enum template_filter filter = (enum template_filter)call->filter;
    if (f->value->kind == VALUE_MISSING && filter != FILTER_JSON && filter != FILTER_DEFAULT) {
        return;
    }
    switch (filter) {
    case FILTER_BASE64:
        to_base64(f);
        break;
    case FILTER_HEX:
        to_hex(f, text_of(f));
        break;
    case FILTER_MD5:
        to_md5(f);
        break;
    case FILTER_LOWER:
        change_case(f, 'A', 'Z');
        break;
    case FILTER_UPPER:
        change_case(f, 'a', 'z');
        break;
    case FILTER_TRUNC:
        take_characters(f, call->number);
        break;
    case FILTER_LEVEL:
        take_level(f, call->number);
        break;
    case FILTER_ISO8601:
        to_iso8601(f);
        break;
    case FILTER_SECONDS:
        to_seconds(f);
        break;
    case FILTER_NUMBER:
        to_number(f);
        break;
    case FILTER_HOST:
        set_text(f, text_host(text_of(f)));
        break;
    case FILTER_URI:
        rewrite(f, text_to_uri);
        break;
    case FILTER_PRINTABLE:
        rewrite(f, text_to_printable);
        break;
    case FILTER_MEDIATYPE:
        check_mediatype(f);
        break;
    case FILTER_JSON:
        to_json(f);
        break;
    case FILTER_DEFAULT:
        use_default(f, call);
        break;
    }
}

void filter_scratch_init(struct filter_scratch *s) {
    s->last = 0;
    for (unsigned i = 0; i < 2; i++) {
        buffer_init(&s->buffers[i], s->memory[i], sizeof(s->memory[i]));
    }
}

void filter_scratch_fini(struct filter_scratch *s) {
    buffer_fini(&s->buffers[0]);
    buffer_fini(&s->buffers[1]);
}

mqk_status filter_scratch_failure(const struct filter_scratch *s) {
    return s->buffers[0].failure != MQK_OK ? s->buffers[0].failure : s->buffers[1].failure;
}

void template_filter_find(const struct template *t, const struct piece *piece,
                          struct render_context *ctx, struct filter_scratch *s, struct value *out) {
    const struct filtered_piece *filtered = &t->filtered[piece->steps_at];
    struct filtering f = {t, &filtered->inner, ctx, s, out};
    value_find(t, &filtered->inner, ctx, out);
    for (uint16_t i = 0; i < filtered->call_count; i++) {
        apply(&f, &t->calls[filtered->first_call + i]);
    }
    if (filter_scratch_failure(s) != MQK_OK) {
        set_missing(&f);
    }
}
