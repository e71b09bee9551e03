/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of `mqk reference` share. */
#ifndef MQK_REFERENCE_H
#define MQK_REFERENCE_H

#include "cli.h"

/* A part of the reference as a chapter. */
struct chapter {
    mqk_reference_part part;
    const char *member; /* name in JSON */
    const char *title;
    const char *introduction; /* sentences, with `code` */
};

#define CHAPTER_COUNT 5u
extern const struct chapter chapters[CHAPTER_COUNT];

/* What units, files and merging mean: sentences for the chapter of settings. */
extern const char *const settings_notes[]; /* NULL-terminated */

/* Everything, as Markdown and as the source of a man page. */
void reference_print_markdown(void);
void reference_print_man(void);

#endif
