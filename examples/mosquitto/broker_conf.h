/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker's own configuration file says about authentication and access. The broker has no
 * way to ask it, so the file named on its command line is read, with its include_dir.
 */
#ifndef MQK_MOSQUITTO_BROKER_CONF_H
#define MQK_MOSQUITTO_BROKER_CONF_H

#include <stdbool.h>
#include <stddef.h>

enum setting { SETTING_UNSET, SETTING_FALSE, SETTING_TRUE };

struct broker_conf {
    bool known; /* the file was read whole and is unambiguous; else nothing below counts */
    bool password_file;
    bool acl_file;
    enum setting allow_anonymous;
    enum setting per_listener;
    enum setting persistence;
    unsigned plugins;       /* plugin lines other than this plugin's */
    unsigned mqkafka_lines; /* plugin lines of this plugin */
    char why[256];          /* when not known: a reason for the log */
};

/* Reads the configuration of the process's broker. */
void broker_conf_read(struct broker_conf *conf);

/* The same of a given file. */
void broker_conf_read_file(struct broker_conf *conf, const char *path);

/* Only this plugin is loaded, once: no other plugin decides anything. */
bool broker_conf_alone(const struct broker_conf *conf);

#endif
