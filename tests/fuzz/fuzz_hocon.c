/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target for `mqk convert`: the readers of the earlier plugins' files (HOCON, .conf,
 * Erlang terms; the first byte chooses) and the conversion. Whatever the file says, the result is
 * well-formed YAML, and no text of it became anything but a text.
 */
#include <stdlib.h>

#include "conf.h"
#include "convert.h"
#include "erlang.h"
#include "hocon.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
    if (!truth) {
        abort();
    }
}

/* Every node can be reached, knows its parent and has a path. */
static void check_tree(const struct settings *s) {
    struct buffer path;
    uint32_t count = 0;
    buffer_init(&path, NULL, 0);
    for (const struct setting *node = s->root; node; node = setting_next(s->root, node)) {
        path.len = 0;
        setting_path(node, &path);
        require(node == s->root || (node->parent && path.len > 0));
        require(!node->first || node->kind == SETTING_LIST || node->kind == SETTING_MAP);
        require(node->kind != SETTING_TEXT || node->text.data);
        require(utf8_valid_prefix(node->text) == node->text.len);
        require(++count <= SETTINGS_MAX_NODES + 1);
    }
    buffer_fini(&path);
}

static void check_yaml(const struct conversion *c) {
    mqk_config *config = NULL;
    mqk_error err;
    mqk_status status =
        mqk_config_load_memory(buffer_since(&c->yaml, 0), "converted", &config, &err);
    require(status != MQK_ERR_SYNTAX);
    mqk_config_free(config);
}

static void convert(const struct settings *s, enum convert_plugin plugin) {
    struct conversion c = {.rules = 0};
    struct setting *kafka = convert_rules_root(s->root);
    buffer_init(&c.yaml, NULL, 0);
    buffer_init(&c.notes, NULL, 0);
    if (kafka && plugin == PLUGIN_UNKNOWN) {
        convert_hook_rules(&c, kafka);
    } else {
        enum convert_plugin guess = convert_guess(s->root, "");
        convert_fixed_rules(&c, s->root, guess != PLUGIN_UNKNOWN ? guess : PLUGIN_EMQ2);
    }
    convert_note_unused(&c, s->root);
    require(c.yaml.failure == MQK_OK && c.notes.failure == MQK_OK);
    if (c.rules > 0) {
        check_yaml(&c);
    }
    buffer_fini(&c.yaml);
    buffer_fini(&c.notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mqk_status (*const readers[])(struct settings *, mqk_str) = {hocon_read, conf_read,
                                                                        erlang_read};
    if (size == 0) {
        return 0;
    }
    mqk_str text = {(const char *)data + 1, size - 1};
    mqk_error err = {.code = MQK_OK};
    struct settings s;
    require(settings_init(&s, &err));
    erlang_looks_like(text);
    conf_looks_like(text);
    mqk_status status = readers[data[0] % 3](&s, text);
    require(status == MQK_OK || err.code == status);
    require(status == MQK_OK || err.message[0] != '\0');
    if (status == MQK_OK) {
        check_tree(&s);
        convert(&s, data[0] >= 0x80 ? PLUGIN_EMQ2 : PLUGIN_UNKNOWN);
    }
    settings_fini(&s);
    return 0;
}
