/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_conf.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CMDLINE_MAX ((size_t)64 * 1024)

static void conf_unknown(struct broker_conf *conf, const char *what, const char *name) {
    if (conf->known) {
        conf->known = false;
        snprintf(conf->why, sizeof(conf->why), "%s %s", what, name);
    }
}

/* A setting given twice with different values: which one counts depends on the broker's version and
 * on the order of files, so that it is better to know nothing. */
static void conf_set(struct broker_conf *conf, enum setting *setting, const char *key,
                     const char *value) {
    enum setting read = SETTING_UNSET;
    if (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0) {
        read = SETTING_TRUE;
    } else if (strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0) {
        read = SETTING_FALSE;
    }
    if (read == SETTING_UNSET || (*setting != SETTING_UNSET && *setting != read)) {
        conf_unknown(conf, "its configuration is ambiguous about", key);
        return;
    }
    *setting = read;
}

static void conf_plugin(struct broker_conf *conf, const char *value) {
    const char *slash = strrchr(value, '/');
    const char *name = slash ? slash + 1 : value;
    if (strncmp(name, "mqkafka_mosquitto", strlen("mqkafka_mosquitto")) == 0) {
        conf->mqkafka_lines++;
    } else {
        conf->plugins++;
    }
}

static void conf_read_dir(struct broker_conf *conf, const char *path);

static void conf_line(struct broker_conf *conf, char *line, bool main_file) {
    if (line[0] == '#') {
        return;
    }
    char *rest = NULL;
    const char *key = strtok_r(line, " \t\r\n", &rest);
    if (!key) {
        return;
    }
    char *value = rest + strspn(rest, " \t");
    value[strcspn(value, "\r\n")] = '\0';
    if (strcmp(key, "password_file") == 0) {
        conf->password_file = true;
    } else if (strcmp(key, "acl_file") == 0) {
        conf->acl_file = true;
    } else if (strcmp(key, "allow_anonymous") == 0) {
        conf_set(conf, &conf->allow_anonymous, key, value);
    } else if (strcmp(key, "per_listener_settings") == 0) {
        conf_set(conf, &conf->per_listener, key, value);
    } else if (strcmp(key, "persistence") == 0) {
        conf_set(conf, &conf->persistence, key, value);
    } else if (strcmp(key, "plugin") == 0 || strcmp(key, "auth_plugin") == 0 ||
               strcmp(key, "global_plugin") == 0) {
        conf_plugin(conf, value);
    } else if (strcmp(key, "plugin_load") == 0) {
        const char *space = strchr(value, ' ');
        conf_plugin(conf, space ? space + 1 : value);
    } else if (strcmp(key, "include_dir") == 0 && main_file) {
        conf_read_dir(conf, value);
    }
}

static void conf_read(struct broker_conf *conf, const char *path, bool main_file) {
    FILE *file = fopen(path, "re");
    if (!file) {
        conf_unknown(conf, "its configuration cannot be read:", path);
        return;
    }
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) >= 0) {
        conf_line(conf, line, main_file);
    }
    if (ferror(file)) {
        conf_unknown(conf, "its configuration cannot be read:", path);
    }
    free(line);
    fclose(file);
}

static void conf_read_dir(struct broker_conf *conf, const char *path) {
    DIR *dir = opendir(path);
    if (!dir) {
        conf_unknown(conf, "its configuration cannot be read:", path);
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length <= 5 || strcmp(entry->d_name + length - 5, ".conf") != 0) {
            continue;
        }
        char name[PATH_MAX];
        int written = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (written < 0 || (size_t)written >= sizeof(name)) {
            conf_unknown(conf, "its configuration cannot be read:", path);
            continue;
        }
        conf_read(conf, name, false);
    }
    closedir(dir);
}

/* The file after -c on the broker's command line; NULL when there is none. */
static const char *cmdline_config(char *cmdline, size_t length) {
    const char *end = cmdline + length;
    for (const char *arg = cmdline; arg < end; arg += strlen(arg) + 1) {
        if (strcmp(arg, "-c") == 0 || strcmp(arg, "--config-file") == 0) {
            const char *path = arg + strlen(arg) + 1;
            return path < end ? path : NULL;
        }
    }
    return NULL;
}

void broker_conf_read_file(struct broker_conf *conf, const char *path) {
    *conf = (struct broker_conf){.known = true};
    conf_read(conf, path, true);
}

void broker_conf_read(struct broker_conf *conf) {
    *conf = (struct broker_conf){.known = true};
    char *cmdline = malloc(CMDLINE_MAX);
    FILE *file = fopen("/proc/self/cmdline", "re");
    size_t length = cmdline && file ? fread(cmdline, 1, CMDLINE_MAX - 1, file) : 0;
    const char *path = NULL;
    if (length > 0) {
        cmdline[length] = '\0';
        path = cmdline_config(cmdline, length);
    }
    if (path) {
        broker_conf_read_file(conf, path);
    } else {
        conf_unknown(conf, "its command line names no", "configuration file");
    }
    if (file) {
        fclose(file);
    }
    free(cmdline);
}

bool broker_conf_alone(const struct broker_conf *conf) {
    return conf->plugins == 0 && conf->mqkafka_lines == 1;
}
