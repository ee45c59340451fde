/* SPDX-License-Identifier: MIT */
#include "registry/browse_paths.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/query.auto.h"

enum { ANSWER_QUIET, ANSWER_PATHS };

void browse_ask_paths(struct browse_batch *batch)
{
    browse_ask_quiet(batch);
    browse_ask(batch, query_browse_paths, PG_NO_ARGS);
}

bool browse_take_paths(struct pg_rows *const *rows, struct arena *arena,
                       struct browse_paths *ret_paths, struct pare_error *err)
{
    const struct pg_rows *answer = rows[ANSWER_PATHS];
    int count = pg_row_count(answer);
    struct browse_paths paths = { .looked_at = count > 0 ? pg_int(answer, 0, 2) : 0 };
    paths.paths = arena_array(arena, (size_t)count + 1, sizeof(*paths.paths));
    if (!paths.paths)
        return error_no_memory(err, (size_t)count * sizeof(*paths.paths));
    for (int i = 0; i < count; i++) {
        const char *word = text_clean_dup(arena, pg_text(answer, i, 0));
        if (!word)
            return error_no_memory(err, sizeof(*paths.paths));
        /* A word that had to be cleaned names no value any more. */
        if (text_is_clean(pg_text(answer, i, 0), strlen(pg_text(answer, i, 0))))
            paths.paths[paths.count++] = (struct browse_path){ word, pg_int(answer, i, 1) };
    }
    *ret_paths = paths;
    return true;
}
