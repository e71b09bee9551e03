/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer.h"
#include "config_schema.h"
#include "error.h"

#define FIRST_READ ((size_t)4096)

struct place source_place(const struct source *source, const struct yaml_node *node) {
    return (struct place){source->index, source->name, node ? node->line : 0,
                          node ? node->column : 0};
}

static mqk_status io_error(int number, char reason[FILE_REASON_SIZE]) {
    char text[FILE_REASON_SIZE];
    snprintf(reason, FILE_REASON_SIZE, "%s", strerror_r(number, text, sizeof(text)));
    return number == ENOMEM ? MQK_ERR_NO_MEMORY : MQK_ERR_IO;
}

static mqk_status read_open(int fd, size_t limit, bool regular, struct arena *arena, mqk_str *out,
                            char reason[FILE_REASON_SIZE]) {
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return io_error(errno, reason);
    }
    if (S_ISDIR(info.st_mode) || (regular && !S_ISREG(info.st_mode))) {
        return regular && !S_ISDIR(info.st_mode)
                   ? (snprintf(reason, FILE_REASON_SIZE, "not a regular file"), MQK_ERR_IO)
                   : io_error(EISDIR, reason);
    }
    char *memory = NULL;
    size_t used = 0;
    size_t capacity = FIRST_READ;
    for (;;) {
        char *grown = arena_resize(arena, memory, capacity + 1);
        if (!grown) {
            return io_error(ENOMEM, reason);
        }
        memory = grown;
        ssize_t n = read(fd, memory + used, capacity - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return io_error(errno, reason);
        }
        used += (size_t)n;
        if (n == 0) {
            break;
        }
        if (used > limit) {
            snprintf(reason, FILE_REASON_SIZE, "larger than %zu bytes", limit);
            return MQK_ERR_TOO_LARGE;
        }
        if (used == capacity) {
            capacity *= 2;
        }
    }
    *out = (mqk_str){memory, used};
    return MQK_OK;
}

mqk_status file_read(const char *path, size_t limit, bool regular, struct arena *arena,
                     mqk_str *out, char reason[FILE_REASON_SIZE]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular ? O_NONBLOCK : 0));
    if (fd < 0) {
        return io_error(errno, reason);
    }
    mqk_status status = read_open(fd, limit, regular, arena, out, reason);
    close(fd);
    return status;
}

static bool take_text(struct source *source, const mqk_config_source *from,
                      struct problems *problems) {
    struct place place = source_place(source, NULL);
    if (from->text.data) {
        source->text = from->text;
    } else {
        char reason[FILE_REASON_SIZE];
        mqk_status status =
            file_read(from->path, YAML_MAX_BYTES, false, problems->arena, &source->text, reason);
        if (status != MQK_OK) {
            problems_add(problems, &place, MQK_SEVERITY_ERROR, status, "",
                         "cannot read this file: %s", reason);
            return false;
        }
    }
    if (source->text.len > YAML_MAX_BYTES) {
        problems_add(problems, &place, MQK_SEVERITY_ERROR, MQK_ERR_TOO_LARGE, "",
                     "the configuration is larger than 16 MiB");
        return false;
    }
    if (str_starts_with(source->text, STR("\xEF\xBB\xBF"))) {
        source->text = str_slice(source->text, 3, SIZE_MAX);
    }
    return true;
}

bool source_open(struct source *source, const mqk_config_source *from, struct problems *problems) {
    source->name = from->path ? from->path : "(memory)";
    if (!take_text(source, from, problems)) {
        return false;
    }
    mqk_error err;
    mqk_status status = yaml_parse(source->text, problems->arena, &source->root, &err);
    if (status != MQK_OK) {
        struct place place = {source->index, source->name, err.line, err.column};
        problems_add(problems, &place, MQK_SEVERITY_ERROR, status, "", "%s", err.message);
        return false;
    }
    return true;
}

static void *load_memory(void *arena, void *memory, size_t size) {
    return size > 0 ? arena_resize(arena, memory, size) : NULL;
}

static void load_log(cyaml_log_t level, void *user, const char *format, va_list args) {
    (void)level;
    struct buffer *log = user;
    char line[400];
    vsnprintf(line, sizeof(line), format, args);
    mqk_str text = str_trim(mqk_cstr(line));
    if (log->len > 0) {
        buffer_append_str(log, STR("; "));
    }
    buffer_append_str(log, text);
}

bool source_load(struct source *source, struct problems *problems) {
    char memory[1000];
    struct buffer log;
    buffer_init(&log, memory, sizeof(memory));
    const cyaml_config_t config = {
        .log_fn = load_log,
        .log_ctx = &log,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = load_memory,
        .mem_ctx = problems->arena,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    cyaml_data_t *data = NULL;
    cyaml_err_t result = cyaml_load_data((const uint8_t *)source->text.data, source->text.len,
                                         &config, &root_schema, &data, NULL);
    if (result == CYAML_ERR_OOM) {
        problems->no_memory = true;
    } else if (result != CYAML_OK) {
        struct place place = source_place(source, NULL);
        problems_add(problems, &place, MQK_SEVERITY_ERROR, MQK_ERR_CONFIG, "",
                     "libcyaml refuses this configuration: %s: %.*s", cyaml_strerror(result),
                     STR_ARG(buffer_since(&log, 0)));
    }
    buffer_fini(&log);
    source->yaml = result == CYAML_OK ? data : NULL;
    return result == CYAML_OK;
}
