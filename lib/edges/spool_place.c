/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_place.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "spool_folder.h"

#define NODE_WORD "${node}"

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool spool_place_name(char out[NAME_MAX + 1], const char *name) {
    size_t n = 0;
    for (size_t i = 0; name[i]; i++) {
        if (n + 3 > NAME_MAX) {
            return false;
        }
        /* A leading dot would hide it, or lead elsewhere. */
        if (is_plain(name[i]) && !(name[i] == '.' && i == 0)) {
            out[n++] = name[i];
        } else {
            snprintf(out + n, 4, "%%%02X", (unsigned)(unsigned char)name[i]);
            n += 3;
        }
    }
    out[n] = '\0';
    return n > 0;
}

/* Appends; false when there is no room. */
static bool append(char out[PATH_MAX], size_t *len, const char *text, size_t size) {
    if (*len + size >= PATH_MAX) {
        return false;
    }
    memcpy(out + *len, text, size);
    *len += size;
    out[*len] = '\0';
    return true;
}

static bool append_name(char out[PATH_MAX], size_t *len, const char *name) {
    char file_name[NAME_MAX + 1];
    return spool_place_name(file_name, name) && append(out, len, file_name, strlen(file_name));
}

bool spool_place(char out[PATH_MAX], const char *dir, const char *node, const char *cluster,
                 const char *lane) {
    size_t len = 0;
    const char *word;
    while ((word = strstr(dir, NODE_WORD))) {
        if (!append(out, &len, dir, (size_t)(word - dir)) || !append_name(out, &len, node)) {
            return false;
        }
        dir = word + strlen(NODE_WORD);
    }
    return append(out, &len, dir, strlen(dir)) &&
           (!cluster || (append(out, &len, "/", 1) && append_name(out, &len, cluster))) &&
           (!lane || (append(out, &len, "/", 1) && append_name(out, &len, lane)));
}

void spool_place_list(const char *path, void (*found)(void *user, const char *name), void *user) {
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        char inner[PATH_MAX];
        struct stat what;
        if (entry->d_name[0] != '.' &&
            snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) < (int)sizeof(inner) &&
            stat(inner, &what) == 0 && S_ISDIR(what.st_mode)) {
            found(user, entry->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

bool spool_place_has_spool(const char *path) {
    char file[PATH_MAX];
    struct stat what;
    return snprintf(file, sizeof(file), "%s/" SPOOL_JOURNAL_FILE, path) < (int)sizeof(file) &&
           stat(file, &what) == 0;
}
