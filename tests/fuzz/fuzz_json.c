/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target for json_scan and json_write. The input is a text that may be JSON, and bytes to
 * be written as a JSON string. What one function says must agree with what the others say.
 */
#include <stdlib.h>

#include "json_scan.h"
#include "json_write.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
    if (!truth) {
        abort();
    }
}

static bool same_value(const struct json_value *a, const struct json_value *b) {
    return a->kind == b->kind && a->text.data == b->text.data && a->text.len == b->text.len &&
           a->has_escapes == b->has_escapes;
}

/* Whatever the bytes are, what is written is JSON and reads as what was written. */
static void check_written(mqk_str bytes) {
    struct buffer written;
    struct buffer read;
    buffer_init(&written, NULL, 0);
    buffer_init(&read, NULL, 0);
    bool replaced = json_write_string(&written, bytes);
    require(replaced == (utf8_valid_prefix(bytes) < bytes.len));
    struct json_value value;
    require(json_valid(buffer_since(&written, 0), &value) && value.kind == JSON_STRING);
    json_append_decoded(&read, &value);
    require(replaced || str_equal(buffer_since(&read, 0), bytes));
    require(utf8_valid_prefix(buffer_since(&read, 0)) == read.len);
    buffer_fini(&written);
    buffer_fini(&read);
}

static void check_compact(mqk_str text, const struct json_value *whole) {
    struct buffer once;
    struct buffer twice;
    buffer_init(&once, NULL, 0);
    buffer_init(&twice, NULL, 0);
    json_append_compact(&once, text);
    struct json_value value;
    require(json_valid(buffer_since(&once, 0), &value) && value.kind == whole->kind);
    json_append_compact(&twice, buffer_since(&once, 0));
    require(str_equal(buffer_since(&once, 0), buffer_since(&twice, 0)));
    require(once.len <= text.len);
    buffer_fini(&once);
    buffer_fini(&twice);
}

/* Takes the member or element number `wanted` of a container, or of equal names the last one;
 * `step` receives the way to it, in `names` its name. False when there is none. */
static bool take_child(struct json_value container, size_t wanted, struct json_step *step,
                       struct buffer *names, struct json_value *child) {
    struct json_iter it;
    struct json_value name;
    struct json_value value;
    bool taken = false;
    json_iter_init(&it, container.text);
    for (size_t n = 0; json_iter_next(&it, &name, &value); n++) {
        require(json_valid(value.text, NULL));
        size_t start = names->len;
        json_append_decoded(names, &name);
        mqk_str decoded = buffer_since(names, start);
        bool same_name = taken && it.object && str_equal(decoded, step->name);
        if (n == wanted) {
            taken = true;
            step->name = it.object ? decoded : (mqk_str){NULL, 0};
            step->index = (uint32_t)n;
            *child = value;
            continue;
        }
        names->len = start;
        if (same_name) {
            *child = value;
        }
    }
    return taken;
}

/* Goes down from the whole value, at each level to the child that the input's own bytes choose, and
 * finds the same value by its path in one pass. */
static void check_paths(mqk_str text, struct json_value value) {
    struct json_step steps[JSON_MAX_STEPS];
    struct buffer names;
    buffer_init(&names, NULL, 0);
    /* The steps point into `names`: it must not move. Decoding never makes a text longer. */
    require(buffer_reserve(&names, text.len * 2 + 1));
    for (size_t count = 0; count <= JSON_MAX_STEPS; count++) {
        struct json_value found = json_find(text, steps, count);
        require(same_value(&found, &value));
        size_t wanted = (uint8_t)text.data[(count * 7 + 3) % text.len] % 5;
        struct json_value child;
        if (count == JSON_MAX_STEPS || !take_child(value, wanted, &steps[count], &names, &child)) {
            break;
        }
        value = child;
    }
    buffer_fini(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mqk_str text = {(const char *)data, size};
    check_written(text);
    struct json_value whole;
    size_t at = SIZE_MAX;
    bool valid = json_valid_at(text, &whole, &at);
    require(at <= size && valid == (whole.kind != JSON_NONE));
    struct json_step step = {{"a", 1}, 0};
    require(valid || json_find(text, &step, 1).kind == JSON_NONE);
    if (valid) {
        require(at == size && utf8_valid_prefix(text) == size);
        check_compact(text, &whole);
        check_paths(text, whole);
    }
    return 0;
}
