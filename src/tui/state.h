/* SPDX-License-Identifier: MIT */
/*
 * What the browser remembers from one time to the next: ${XDG_STATE_HOME:-~/.local/state}/pare/browser.json.
 *
 *     { "models": { "registry@host": { "sort": "size:desc", ... }, ... }, ... }
 *
 * Named sections, in each an entry a registry (or whatever its owner keys it by), each a small JSON
 * object that only its owner understands. The newest entries of a section are kept.
 *
 * It is state and no configuration: written only when something has changed, whole or not at all,
 * for this user alone; where the name is a link, what it leads to is written. A file that cannot be
 * understood is left as it is until there is something new to write.
 */
#ifndef PARE_TUI_STATE_H
#define PARE_TUI_STATE_H

#include "base/json.h"

enum { STATE_BYTES_MAX = 1 << 20, STATE_ENTRIES_MAX = 50, STATE_ENTRY_MAX = 64 * 1024 };

struct state {
    char *path;   /* NULL: nowhere to keep anything */
    cJSON *known; /* as it was read, with what was put since */
    cJSON *fresh; /* what was put and is not written yet; NULL: nothing */
};

/* Read what there is. A failure is to be said once: all works on with nothing remembered. */
MUST_CHECK bool state_open(struct state *state, struct pare_error *err);
void state_done(struct state *state);

/* An entry, or NULL. The state's, until the next state_put(). */
const cJSON *state_get(const struct state *state, const char *section, const char *key);

/* Remember `entry`, which is the state's from here on; nothing happens where it is what is known. */
MUST_CHECK bool state_put(struct state *state, const char *section, const char *key, cJSON *entry,
                          struct pare_error *err);

/* Write what is new into the file, beside what others have written there meanwhile. */
MUST_CHECK bool state_save(struct state *state, struct pare_error *err);

#endif
