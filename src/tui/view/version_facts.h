/* SPDX-License-Identifier: MIT */
/* All that the registry knows of one version, as an outline. */
#ifndef PARE_TUI_VIEW_VERSION_FACTS_H
#define PARE_TUI_VIEW_VERSION_FACTS_H

#include "registry/browse_family.h"
#include "tui/outline.h"

#define VERSION_LINEAGE "lineage" /* the heading that `u` goes to */

/* Make the outline anew. Documents of `family` stay the caller's, and outlive it. */
void version_facts_put(struct outline *outline, const struct browse_facts *facts,
                       const struct family *family, struct arena *arena);

/* What a recipe does, in few words: "int8 per channel". */
void version_recipe_words(const char *recipe, struct buf *buf);

#endif
