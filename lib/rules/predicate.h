/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Predicates: what `where` says of an event. Compiled once into a flat program, run by any thread.
 *
 *   condition:   a or b, a and b, not a, (a); a comparison; true, false; a boolean: `retain`
 *   comparison:  = (also ==) != (also <>) < <= > >=
 *                x in (1, 'two', y), x not in (…)
 *                x like 'a*b', x not like 'a*b'      * is any text, \* a star
 *                x =~ 'regex', x !~ 'regex'          the regular expression as it is, \' for a
 * quote x is null, x is not null            missing, or null in JSON exists(x) not missing; null in
 * JSON exists value:       a placeholder without ${}: clientid, payload.a.b[0], payload["odd
 * name"], user.x, attr.x, props.Content-Type, filter.1, regex.name, flags.retain, with template
 *                filters behind it: topic | level(2); 'text' or "text" (escapes \\ \' \" \n \r \t
 *                \uXXXX …), 1.5e3, true, false, null; + - * / % of numbers; (…)
 *
 * Precedence, from the loosest: or, and, not, comparisons (not chained), + -, * / %, minus. Words
 * in any case. A minus is part of a name only behind user., attr. and the properties.
 *
 * Values have types: text (bytes), number, boolean, null, object. Nothing is converted: 1 is not
 * '1'. Values of different types are not equal, and none is less than the other. A missing value
 * makes every comparison false, also != and `not in`; `not (…)` of that is true. Numbers compare
 * exactly, with all their digits; arithmetic is that of 64-bit integers where it is exact and of
 * doubles where it is not, and without a result (division by zero, text) it is missing. Texts
 * compare byte by byte. `payload` is the payload's bytes, payload.x what stands in it as JSON.
 *
 * Running allocates nothing and recurses nowhere, but that JSON strings with escapes and results of
 * template filters which together are larger than PREDICATE_MEMORY are allocated until the end.
 */
#ifndef MQK_RULES_PREDICATE_H
#define MQK_RULES_PREDICATE_H

#include "regex.h"
#include "template.h"

#define PREDICATE_MAX_LEN ((size_t)64 << 10)
#define PREDICATE_NESTING 64u
#define PREDICATE_MEMORY  1024u

struct predicate;

/* Compiles. Named groups of regular expressions are added to `names`, which outlives the predicate
 * and is not complete before all of a rule has been compiled. MQK_OK; MQK_ERR_CONFIG (or
 * MQK_ERR_TEMPLATE: a wrong placeholder) with sentence and column (the byte in `text`, from 1) in
 * `err`; MQK_ERR_NO_MEMORY. `warning` (like `err`, NULL allowed) has code MQK_OK or tells of a
 * comparison that can never be true. */
mqk_status predicate_compile(mqk_str text, struct regex_names *names, struct predicate **out,
                             mqk_error *err, mqk_error *warning);
/* The same over something else than events (vocabulary.h). */
mqk_status predicate_compile_for(const struct vocabulary *words, mqk_str text,
                                 struct regex_names *names, struct predicate **out, mqk_error *err,
                                 mqk_error *warning);
void predicate_free(struct predicate *p); /* NULL allowed */

/* Memory for texts that are not in the event as they are. Captures may point into it. */
struct predicate_memory {
    char first[PREDICATE_MEMORY];
    size_t used;
    struct predicate_chunk *chunks;
};
static inline void predicate_memory_init(struct predicate_memory *m) {
    m->used = 0;
    m->chunks = NULL;
}
void predicate_memory_fini(struct predicate_memory *m);
/* Room that stays where it is until the end; NULL: out of memory. */
char *predicate_memory_take(struct predicate_memory *m, size_t len);

enum predicate_result {
    PREDICATE_FALSE,
    PREDICATE_TRUE,
    PREDICATE_LIMIT /* a regular expression took too long; counts as false */
};

/* Runs. `captures` (NULL allowed) receives what named groups matched. */
enum predicate_result predicate_run(const struct predicate *p, struct render_context *ctx,
                                    struct predicate_memory *memory,
                                    struct regex_captures *captures);

/* As predicate_run(), and appends which parts decided, with the values that were seen:
 * `qos >= 1 is false (qos is 0)`. */
enum predicate_result predicate_explain(const struct predicate *p, struct render_context *ctx,
                                        struct predicate_memory *memory,
                                        struct regex_captures *captures, struct buffer *out);

/* Its placeholders, as the pieces of a template; `at` is the byte in the text. */
const struct template *predicate_paths(const struct predicate *p);

#endif
