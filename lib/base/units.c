/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include <strings.h>

/* More digits behind the point never make a whole number of ms: a day is 2^10 · 3^3 · 5^5 ms. */
#define MAX_FRACTION_DIGITS 10u

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000},
};

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KB", INT64_C(1) << 10},
    {"KiB", INT64_C(1) << 10},
    {"MB", INT64_C(1) << 20},
    {"MiB", INT64_C(1) << 20},
    {"GB", INT64_C(1) << 30},
    {"GiB", INT64_C(1) << 30},
    {"TB", INT64_C(1) << 40},
    {"TiB", INT64_C(1) << 40},
};

static const char duration_expected[] = "expected a duration such as 500ms, 10s, 5m, 1h or 2d";
static const char size_expected[] = "expected a size such as 512B, 896KB, 64MB or 2GB";
static const char integer_expected[] = "expected a whole number";

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Number of decimal digits at the start of `text`. */
static size_t count_digits(mqk_str text) {
    size_t n = 0;
    while (n < text.len && is_digit(text.data[n])) {
        n++;
    }
    return n;
}

/* The number that `digits` writes; false when it is above `max`. */
static bool read_digits(mqk_str digits, uint64_t max, uint64_t *out) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = (uint64_t)(digits.data[i] - '0');
        if (value > max / 10 || value * 10 > max - digit) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static const struct unit *find_duration(mqk_str name) {
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        if (str_equal(name, mqk_cstr(durations[i].name))) {
            return &durations[i];
        }
    }
    return NULL;
}

static const struct unit *find_size(mqk_str name) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (name.len == strlen(sizes[i].name) &&
            (name.len == 0 || strncasecmp(name.data, sizes[i].name, name.len) == 0)) {
            return &sizes[i];
        }
    }
    return NULL;
}

/* `digits` behind the point, in units of `factor`; false when that is not a whole number. */
static bool read_fraction(mqk_str digits, int64_t factor, int64_t *out) {
    while (digits.len > 0 && digits.data[digits.len - 1] == '0') {
        digits.len--;
    }
    if (digits.len > MAX_FRACTION_DIGITS) {
        return false;
    }
    int64_t value = 0;
    int64_t scale = 1;
    for (size_t i = 0; i < digits.len; i++) {
        value = value * 10 + (digits.data[i] - '0');
        scale *= 10;
    }
    if (value * factor % scale != 0) {
        return false;
    }
    *out = value * factor / scale;
    return true;
}

const char *units_duration(mqk_str text, bool bare_ms, int64_t *out_ms) {
    if (text.len == 0) {
        return duration_expected;
    }
    mqk_str whole_digits = str_slice(text, 0, count_digits(text));
    mqk_str rest = str_slice(text, whole_digits.len, text.len);
    mqk_str fraction_digits = {"", 0};
    if (whole_digits.len == 0) {
        return duration_expected;
    }
    if (rest.len > 0 && rest.data[0] == '.') {
        rest = str_slice(rest, 1, rest.len);
        fraction_digits = str_slice(rest, 0, count_digits(rest));
        rest = str_slice(rest, fraction_digits.len, rest.len);
        if (fraction_digits.len == 0) {
            return duration_expected;
        }
    }
    uint64_t max = INT64_MAX / 2;
    uint64_t whole = 0;
    if (!read_digits(whole_digits, max, &whole)) {
        return "this duration is too long";
    }
    bool bare_zero = whole == 0 && fraction_digits.len == 0;
    bool bare = rest.len == 0 && (bare_ms || bare_zero);
    const struct unit *unit = bare ? &durations[0] : find_duration(rest);
    if (!unit) {
        return duration_expected;
    }
    int64_t fraction = 0;
    if (!read_fraction(fraction_digits, unit->factor, &fraction)) {
        return "a duration must be a whole number of milliseconds";
    }
    if (whole > (max - (uint64_t)fraction) / (uint64_t)unit->factor) {
        return "this duration is too long";
    }
    *out_ms = (int64_t)whole * unit->factor + fraction;
    return NULL;
}

const char *units_size(mqk_str text, int64_t *out_bytes) {
    if (text.len == 0) {
        return size_expected;
    }
    mqk_str digits = str_slice(text, 0, count_digits(text));
    const struct unit *unit = find_size(str_slice(text, digits.len, text.len));
    if (digits.len == 0 || !unit) {
        return size_expected;
    }
    uint64_t number = 0;
    if (!read_digits(digits, INT64_MAX / (uint64_t)unit->factor, &number)) {
        return "this size is too large";
    }
    *out_bytes = (int64_t)number * unit->factor;
    return NULL;
}

const char *units_integer(mqk_str text, int64_t *out) {
    bool negative = text.len > 0 && text.data[0] == '-';
    mqk_str digits = negative ? str_slice(text, 1, text.len) : text;
    if (digits.len == 0 || count_digits(digits) < digits.len) {
        return integer_expected;
    }
    uint64_t number = 0;
    if (!read_digits(digits, (uint64_t)INT64_MAX + negative, &number)) {
        return "this number is out of range";
    }
    *out = negative ? (int64_t)(0 - number) : (int64_t)number;
    return NULL;
}
