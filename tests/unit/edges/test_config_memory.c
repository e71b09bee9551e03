/* SPDX-License-Identifier: Apache-2.0 */
/* Loading when memory runs out, at each allocation in turn: always the same clear answer. The
 * linker sends our allocations here (-Wl,--wrap). */
#include "config_testing.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static long left = -1; /* allocations until one fails; negative: none fails */

static bool fails(void) {
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return fails() ? NULL : __real_realloc(memory, size);
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    const char text[] =
        "kafka:\n"
        "  clusters:\n"
        "    - {name: eu, servers: [a], properties: [client.rack=a], producer: {linger: 1ms}}\n"
        "    - {name: us, servers: [b], sasl: {mechanism: plain, username: u, password: p}}\n"
        "  hook:\n"
        "    - {hook: message.publish, topic: t, cluster: eu, filters: [a, b/#]}\n"
        "    - {hook: message.publish, topic: t, cluster: us, producer: {buffer: {memory: "
        "1MB}}}\n";
    const mqk_config_source sources[] = {{sizeof(sources[0]), "r.yaml", mqk_cstr(text)},
                                         {sizeof(sources[0]), "s.yaml", mqk_cstr(text)}};
    for (long n = 0;; n++) {
        struct mqk_config *config = NULL;
        mqk_error err = {.code = MQK_OK};
        left = n;
        mqk_status status = config_load(sources, 2, NULL, NULL, &config, &err);
        bool reached = left < 0;
        left = -1;
        if (status == MQK_OK) {
            /* Either nothing failed, or only something that can be done without. */
            assert_int_equal(ruleset_size(config_settings(config)->rules), 4);
            assert_int_equal(config_settings(config)->lane_count, 2);
        } else {
            assert_int_equal(status, MQK_ERR_NO_MEMORY);
            assert_int_equal(err.code, MQK_ERR_NO_MEMORY);
            assert_null(config);
        }
        config_unref(config);
        if (!reached) {
            assert_int_equal(status, MQK_OK);
            assert_true(n > 10);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
