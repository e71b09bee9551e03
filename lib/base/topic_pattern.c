/* SPDX-License-Identifier: Apache-2.0 */
#include "topic_pattern.h"

#include <regex.h>
#include <string.h>

bool topic_pattern_check(const char *pattern, char *sentence, size_t size) {
    regex_t compiled;
    int wrong = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (wrong) {
        regerror(wrong, &compiled, sentence, size);
        return false;
    }
    regfree(&compiled);
    return true;
}

bool topic_pattern_matches(const char *pattern, const char *topic) {
    regex_t compiled;
    if (pattern[0] != '^') {
        return strcmp(pattern, topic) == 0;
    }
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB)) {
        return false;
    }
    bool matches = regexec(&compiled, topic, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}
